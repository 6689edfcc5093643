"""API keys: who may do what. A key is random and long, so its SHA-256 is enough to keep; the key itself is not kept.

A line for each key: its role, the hash, and if wanted a name for it, as in ``predict:9f86d0…:till-7``. They come from
the environment (`FORESELL_API_KEYS`, the lines parted by spaces or line ends) and from a file, in which a ``#`` begins
a remark.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from foresell.core.errors import SettingsError, first_five

VARIABLE = "FORESELL_API_KEYS"
_BYTES = 32  # of randomness in a new key
_PREFIX = "fs_"  # lets a scanner for leaked secrets, and people, know one when they see it


class Role(IntEnum):
    """What a key allows; each role may do what those before it may.

    - read: GET, and /forecast, /forecast_sarima
    - predict: also /predict and /predict_batch_csv
    - admin: also /reload
    """

    READ = 1
    PREDICT = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Key:
    """A key as it is kept: its role, the SHA-256 of its text in hex, and what it is called in logs."""

    role: Role
    digest: str
    name: str

    def line(self) -> str:
        """The line that keeps it."""
        return f"{self.role}:{self.digest}:{self.name}"


class Keys:
    """The keys that are known; none at all means that everyone on this machine may do everything."""

    def __init__(self, keys: tuple[Key, ...] = ()):
        self.keys = keys

    def __bool__(self) -> bool:
        return bool(self.keys)

    def find(self, text: str) -> Key | None:
        """The key that was given, in a time that does not depend on which it is or how much of it is right."""
        given = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        found = None
        for key in self.keys:  # no early end: how long it takes must tell nothing
            if hmac.compare_digest(key.digest, given):
                found = key
        return found


def new_key(role: str, name: str = "") -> tuple[str, Key]:
    """A new key and what is to be kept of it. Raises SettingsError for a role that there is not.

    >>> text, key = new_key("predict", "till-7")
    >>> Keys((key,)).find(text).name, Keys((key,)).find(text[:-1]), key.line().startswith("predict:")
    ('till-7', None, True)
    """
    text = _PREFIX + secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text, Key(_role(role, "the new key"), digest, name or f"key-{digest[:8]}")


def read_keys(file: str | Path | None = None) -> Keys:
    """The keys of the environment and of the file. Raises SettingsError for a line that is no key's."""
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
        if not lines:  # whoever names a file wants keys to be asked for
            raise SettingsError(f"There is no key in {file}. Make one with: foresell serve --new-key predict")
    return Keys(tuple(_key(line, where) for line, where in lines))


def _key(line: str, where: str) -> Key:
    found = re.fullmatch(r"(\w+):([0-9a-fA-F]{64})(?::([\w.-]+))?", line)
    if not found:
        raise SettingsError(
            f"'{line[:12]}…' in {where} is no key as it is kept; expected ROLE:SHA256 or ROLE:SHA256:NAME, such as "
            "`foresell serve --new-key predict` prints. A key itself does not belong there."
        )
    role, digest, name = found.groups()
    return Key(_role(role, where), digest.lower(), name or f"key-{digest[:8].lower()}")


def _role(text: str, where: str) -> Role:
    if text.upper() not in Role.__members__:
        raise SettingsError(f"There is no role '{text}' ({where}); the roles are {first_five(Role)}.")
    return Role[text.upper()]
