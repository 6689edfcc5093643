"""Addresses of databases: ``sqlite:///file.db``, ``duckdb:///file.duckdb``, ``postgresql://user:pw@host:5432/db``.

Three slashes are a path relative to the project, four an absolute one. Any part may name an environment variable,
``postgresql://planner:${PGPASSWORD}@host/db``, and so may the whole: ``${DATABASE_URL}``. Passwords are never shown.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from foresell.core.errors import UsageError, first_five

SCHEMES = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgresql", "postgres": "postgresql"}
DEFAULT_DATABASE = "sqlite:///results/forecasts.sqlite"
"""Where forecasts are delivered when the settings name no database, relative to the project."""

EXPECTED = "expected sqlite:///file.db, duckdb:///file.duckdb or postgresql://user@host/database"


@dataclass(frozen=True)
class Address:
    """A database's address, taken apart. `password` is left out of its repr; `shown` is safe to print."""

    scheme: str
    shown: str
    path: Path | None = None
    server: dict[str, str] = field(default_factory=dict, repr=False)  # what libpq is told; the rest it takes from PG*
    password: str | None = field(default=None, repr=False)

    def scrub(self, text: str) -> str:
        """`text` with the password blotted out, should a library have put it there."""
        return text.replace(self.password, "***") if self.password else text


def mask(url: str) -> str:
    """The address with its password blotted out; good for any string, however badly formed.

    >>> mask("postgresql://planner:s3c/r@t@db.example/sales?password=x&sslmode=require")
    'postgresql://planner:***@db.example/sales?password=***&sslmode=require'
    """
    hidden = re.sub(r"(://[^:@/?]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def mask_path(url: str) -> str:
    """The address of a webhook as it may be kept and shown: its host alone, or the name of the variable that it is.

    >>> mask_path("https://hooks.example/services/T0/s3cret?to=x"), mask_path("${SLACK_WEBHOOK}"), mask_path("s3cret")
    ('https://hooks.example/***', '${SLACK_WEBHOOK}', '***')
    """
    if re.fullmatch(r"\$\{\w+\}", url.strip()):
        return url
    scheme, _, rest = url.partition("://")
    before, host = re.split("[/?#]", rest)[0].rpartition("@")[::2]
    # An @ after the first slash may be the end of a password that has a slash in it.
    known = re.fullmatch(r"[\w.-]+(:\d+)?", host, flags=re.ASCII) and (before or "@" not in rest)
    return f"{scheme}://{host}/***" if known else "***"


def parse_address(url: str, relative_to: str | Path = ".") -> Address:
    """The parts of `url`, with environment variables filled in. Raises UsageError, without the password in it."""
    whole = re.fullmatch(r"\$\{(\w+)\}", url.strip())
    url = from_environment(url.strip()) if whole else url.strip()
    kind = SCHEMES.get(url.partition("://")[0])
    if kind is None:
        raise UsageError(f"Found the database address {mask(url)!r}; {EXPECTED}.")
    return _server_address(url) if kind == "postgresql" else _file_address(url, kind, Path(relative_to))


def _file_address(url: str, scheme: str, base: Path) -> Address:
    rest = url.partition("://")[2]
    if not rest.startswith("/") or not rest.strip("/"):
        raise UsageError(f"Found the database address {mask(url)!r}, which names no file after '///'; {EXPECTED}.")
    return Address(scheme, mask(url), path=base / from_environment(unquote(rest[1:])))


def _server_address(url: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The cause is left out: it quotes the piece it could not read, which may be the password.
        raise UsageError(
            f"The database address {mask(url)!r} cannot be read. Write special characters of the password as %xx "
            "(/ is %2F, # is %23), or keep it in the environment: postgresql://user:${PGPASSWORD}@host/database."
        ) from None
    named = {
        "host": _part(parts.hostname),
        "port": str(port) if port else None,
        "user": _part(parts.username),
        "password": _part(parts.password),
        "dbname": _part(parts.path.strip("/")),
    }
    server = {key: value for key, value in named.items() if value}
    server |= {key: from_environment(value) for key, value in parse_qsl(parts.query)}
    return Address("postgresql", mask(url), server=server, password=server.get("password"))


def _part(text: str | None) -> str | None:
    """One part of an address in clear. Variables are filled in last: their values need no %xx."""
    return from_environment(unquote(text)) if text else None


def from_environment(text: str, what: str = "database address") -> str:
    """`text` with each ``${NAME}`` replaced from the environment. Raises UsageError when one is not set."""
    missing = [name for name in re.findall(r"\$\{(\w+)\}", text) if name not in os.environ]
    if missing:
        raise UsageError(
            f"The {what} names the environment variable {first_five(missing)}, which is not set. Set it and run again."
        )
    return re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match.group(1)], text)
