"""Addresses of databases: ``sqlite:///file.db``, ``duckdb:///file.duckdb``, ``postgresql://user:pw@host:5432/db``.

A path after three slashes is relative to the project's folder; after four it is absolute. Any part of an address may
name an environment variable, as in ``postgresql://planner:${PGPASSWORD}@host/db``. The whole address may be one, too:
``${DATABASE_URL}``. No message shows a password.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from foresell.core.errors import UsageError, first_five

SCHEMES = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgresql", "postgres": "postgresql"}
DEFAULT_DATABASE = "sqlite:///results/forecasts.sqlite"
"""The database that forecasts are delivered to when the settings name none; its path is relative to the project."""

EXPECTED = "expected sqlite:///file.db, duckdb:///file.duckdb or postgresql://user@host/database"


@dataclass(frozen=True)
class Address:
    """The parts of a database's address.

    - `masked`: the address with its password blotted out, which is safe to print.
    - `path`: the file of a SQLite or DuckDB database.
    - `server`: the connection parameters of a PostgreSQL server. libpq takes the others from the variables ``PG*``.
    - `password`: kept out of the repr, as `server` is.
    """

    scheme: str
    masked: str
    path: Path | None = None
    server: dict[str, str] = field(default_factory=dict, repr=False)
    password: str | None = field(default=None, repr=False)

    def scrub(self, text: str) -> str:
        """`text` with the password blotted out, in case a library quoted it."""
        return text.replace(self.password, "***") if self.password else text


def mask(url: str) -> str:
    """The address with its password blotted out. Works for any string, also for one that is no valid address.

    >>> mask("postgresql://planner:s3c/r@t@db.example/sales?password=x&sslmode=require")
    'postgresql://planner:***@db.example/sales?password=***&sslmode=require'
    """
    hidden = re.sub(r"(://[^:@/?]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def mask_webhook(url: str) -> str:
    """The address of a webhook without its path, which is a secret. The name of an environment variable stays.

    >>> mask_webhook("https://hooks.example/services/T0/s3cret?to=x"), mask_webhook("${SLACK_WEBHOOK}")
    ('https://hooks.example/***', '${SLACK_WEBHOOK}')
    >>> mask_webhook("s3cret")
    '***'
    """
    if re.fullmatch(r"\$\{\w+\}", url.strip()):
        return url
    scheme, _, rest = url.partition("://")
    credentials, host = re.split("[/?#]", rest)[0].rpartition("@")[::2]
    # An @ after the first slash may end a password with a slash in it; then the text before that slash is no host.
    is_host = re.fullmatch(r"[\w.-]+(:\d+)?", host, flags=re.ASCII) and (credentials or "@" not in rest)
    return f"{scheme}://{host}/***" if is_host else "***"


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file as SQLAlchemy 2.1 reads it, whatever characters its path has.

    The driver is named because MLflow would make the folders of an address that begins with ``sqlite:///``, and read
    its ``%3F`` as part of a name.

    >>> sqlite_url(Path("/shops/50 % off?/runs.db"))
    'sqlite+pysqlite:////shops/50%20%25%20off%3F/runs.db'
    """
    return f"sqlite+pysqlite:///{quote(path.absolute().as_posix())}"


def parse_address(url: str, relative_to: str | Path = ".") -> Address:
    """The parts of `url`, with environment variables filled in. A path is taken from the folder `relative_to`.

    Raises UsageError for an address that cannot be read and for a variable that is not set; its message never contains
    the password.
    """
    url = url.strip()
    if re.fullmatch(r"\$\{\w+\}", url):
        url = from_environment(url)
    scheme = SCHEMES.get(url.partition("://")[0])
    if scheme is None:
        raise UsageError(f"Found the database address {mask(url)!r}; {EXPECTED}.")
    return _server_address(url) if scheme == "postgresql" else _file_address(url, scheme, Path(relative_to))


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
        # The cause is left out because it quotes the piece that could not be read, which may be the password.
        raise UsageError(
            f"The database address {mask(url)!r} cannot be read. Write special characters of the password as %xx "
            "(/ is %2F, # is %23), or keep it in the environment: postgresql://user:${PGPASSWORD}@host/database."
        ) from None
    parameters = {
        "host": _part(parts.hostname),
        "port": str(port) if port else None,
        "user": _part(parts.username),
        "password": _part(parts.password),
        "dbname": _part(parts.path.strip("/")),
    }
    server = {key: value for key, value in parameters.items() if value}
    server |= {key: from_environment(value) for key, value in parse_qsl(parts.query)}
    return Address("postgresql", mask(url), server=server, password=server.get("password"))


def _part(text: str | None) -> str | None:
    """One decoded part of an address. Variables are filled in after decoding, so their values need no %xx."""
    return from_environment(unquote(text)) if text else None


def from_environment(text: str, what: str = "database address") -> str:
    """`text` with each ``${NAME}`` replaced by that environment variable; `what` names `text` in errors.

    Raises UsageError when a variable is not set.
    """
    missing = [name for name in re.findall(r"\$\{(\w+)\}", text) if name not in os.environ]
    if missing:
        raise UsageError(
            f"The {what} names the environment variable {first_five(missing)}, which is not set. Set it and run again."
        )
    return re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match.group(1)], text)
