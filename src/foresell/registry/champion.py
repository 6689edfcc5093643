"""The champion of a registry, told as quickly as can be.

A project's own database is read directly: MLflow, whose import alone takes seconds, need not be there. A server is
asked through MLflow.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from foresell.core.errors import StoreError
from foresell.registry.portable_model import data_of
from foresell.registry.tracking import Where
from foresell.registry.versions import CHAMPION, Registry, Version
from foresell.store.lock import DATABASE_SECONDS

_CHAMPION = """
    SELECT made.version, made.creation_time, made.run_id
    FROM registered_model_aliases AS called
    JOIN model_versions AS made ON made.name = called.name AND made.version = called.version
    WHERE called.name = ? AND called.alias = ?
"""
_TAGS = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
_PLACE = "SELECT storage_location, source FROM model_versions WHERE name = ? AND version = ?"


def champion_of(registry: Registry) -> Version | None:
    """The version that is champion now; None where there is none.

    Raises StoreError where that cannot be told, and UsageError where a server is to be asked and MLflow is not
    installed.
    """
    where = registry.tracking.where
    if where.database is None:
        return registry.champion()
    found = _rows(where, _CHAMPION, where.name, CHAMPION)
    if not found:
        return None
    number, made, run = found[0]
    tags = dict(_rows(where, _TAGS, where.name, number))
    return Version(str(number), datetime.fromtimestamp(made / 1000, UTC), run or "", tags, champion=True)


def files_at_hand(registry: Registry, number: str) -> Path | None:
    """The folder with the files of a version where it is on this machine; None where it is to be fetched first."""
    where, place = registry.tracking.where, registry.cache / number
    if where.database is not None:
        registry.tracking.settle()
        sources = (found for row in _rows(where, _PLACE, where.name, number) for found in row if found)
        address = urlsplit(next(sources, ""))
        if address.path and address.scheme in ("", "file"):
            place = Path(unquote(address.path))
    try:
        return data_of(place, str(place))
    except StoreError:
        return None


def _rows(where: Where, question: str, *values: object) -> list[tuple]:
    """What the project's own database answers; nothing where there is no database, or no registry in it yet."""
    if where.database is None or not where.database.exists():
        return []
    try:
        with closing(sqlite3.connect(where.database, timeout=DATABASE_SECONDS)) as open_:
            return open_.execute(question, values).fetchall()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return []
        raise StoreError(f"The registry {where.shown} cannot be read: {error}.") from error
