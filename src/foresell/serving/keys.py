"""API keys and their roles. Only the SHA-256 of a key is stored, which is enough as keys are long and random.

Each key has a line ``ROLE:SHA256`` or ``ROLE:SHA256:NAME``, such as ``predict:9f86d0…:till-7``. The lines are read from
the environment variable `FORESELL_API_KEYS`, separated by white space, and from a file, where ``#`` starts a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from foresell.core.errors import SettingsError, UsageError, first_five

VARIABLE = "FORESELL_API_KEYS"
_BYTES = 32  # of randomness in a new key
_PREFIX = "fs_"  # by which people and scanners for leaked secrets recognise a key


class Role(IntEnum):
    """The rights of a key; each role includes those before it.

    - read: GET, and /forecast, /forecast_sarima; on the dashboard the pages, as a reader
    - predict: also /predict, /predict_batch_csv and /plan, which shows costs; on the dashboard what a planner decides
    - admin: also /reload; on the dashboard runs, new data and the choice of the model
    """

    READ = 1
    PREDICT = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Key:
    """A stored key: its role, the SHA-256 of its text in hex, and its name in logs."""

    role: Role
    digest: str
    name: str

    def line(self) -> str:
        """The line that stores the key."""
        return f"{self.role}:{self.digest}:{self.name}"


class Keys:
    """The known keys; without any, every request from this machine has all rights."""

    def __init__(self, keys: tuple[Key, ...] = ()):
        self.keys = keys

    def __bool__(self) -> bool:
        return bool(self.keys)

    def find(self, text: str) -> Key | None:
        """The key with this text, or None, in a time that does not depend on the text."""
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        match = None
        for key in self.keys:  # no early end, so that the time reveals nothing
            if hmac.compare_digest(key.digest, digest):
                match = key
        return match


def new_key(role: str, name: str = "") -> tuple[str, Key]:
    """A new key: its text, and what is stored of it. Raises SettingsError for an unknown role.

    >>> text, key = new_key("predict", "till-7")
    >>> Keys((key,)).find(text).name, Keys((key,)).find(text[:-1]), key.line().startswith("predict:")
    ('till-7', None, True)
    """
    text = _PREFIX + secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text, Key(_role(role, "the new key"), digest, name or f"key-{digest[:8]}")


def read_keys(file: str | Path | None = None) -> Keys:
    """The keys of the environment and of the file. Raises SettingsError for a line that is not a stored key."""
    lines = [(line, VARIABLE) for line in os.environ.get(VARIABLE, "").split()]
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"The file of keys {file} cannot be read: {error}. Make a key with: foresell serve --new-key predict"
            ) from error
        lines += [
            (word, f"{file}, line {number}")
            for number, line in enumerate(text.splitlines(), 1)
            for word in line.partition("#")[0].split()
        ]
        if not lines:  # a file without keys must not open the server to everyone
            raise SettingsError(f"There is no key in {file}. Make one with: foresell serve --new-key predict")
    return Keys(tuple(_key(line, where) for line, where in lines))


def check_host(host: str, keys: Keys) -> None:
    """Raises UsageError where other machines could reach a server without keys."""
    if not keys and not is_loopback(host):
        raise UsageError(
            f"No API keys are set, so the server listens on this machine only, not on {host}. Make a key with: "
            f"foresell serve --new-key predict; put its line into {VARIABLE} or a file for --keys."
        )


def is_loopback(host: str) -> bool:
    """Whether a name or address is a loopback one.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "shop.example")]
    [True, True, True, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key(line: str, where: str) -> Key:
    match = re.fullmatch(r"(\w+):([0-9a-fA-F]{64})(?::([\w.-]+))?", line)
    if not match:
        raise SettingsError(
            f"'{line[:12]}…' in {where} is not a stored key; expected ROLE:SHA256 or ROLE:SHA256:NAME, such as "
            "`foresell serve --new-key predict` prints. A key itself does not belong there."
        )
    role, digest, name = match.groups()
    return Key(_role(role, where), digest.lower(), name or f"key-{digest[:8].lower()}")


def _role(text: str, where: str) -> Role:
    if text.upper() not in Role.__members__:
        raise SettingsError(f"There is no role '{text}' ({where}); the roles are {first_five(Role)}.")
    return Role[text.upper()]
