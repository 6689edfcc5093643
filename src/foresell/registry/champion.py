"""Reads the champion of a registry quickly.

A project's own database is read directly, without MLflow, whose import takes seconds and which may not be installed. A
server is asked through MLflow.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from foresell.core.errors import StoreError
from foresell.registry.portable_model import data_folder
from foresell.registry.tracking_store import Where, read_rows
from foresell.registry.versions import CHAMPION, Registry, Version

_CHAMPION = """
    SELECT made.version, made.creation_time, made.run_id
    FROM registered_model_aliases AS called
    JOIN model_versions AS made ON made.name = called.name AND made.version = called.version
    WHERE called.name = ? AND called.alias = ?
"""
_TAGS = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
_ADDRESS = "SELECT storage_location, source FROM model_versions WHERE name = ? AND version = ?"


def champion_of(registry: Registry) -> Version | None:
    """The version that is champion now; None where there is none.

    Raises StoreError where the registry cannot be read, and UsageError where it is a server and MLflow is not
    installed.
    """
    where = registry.tracking.where
    if where.database is None:
        return registry.champion()
    rows = _rows(where, _CHAMPION, where.name, CHAMPION)
    if not rows:
        return None
    number, created, run = rows[0]
    tags = dict(_rows(where, _TAGS, where.name, number))
    return Version(str(number), datetime.fromtimestamp(created / 1000, UTC), run or "", tags, champion=True)


def files_at_hand(registry: Registry, number: str) -> Path | None:
    """The folder with the files of a version, if it is on this machine; None if it has to be fetched first."""
    where, place = registry.tracking.where, registry.cache / number
    if where.database is not None:
        registry.tracking.update_addresses()
        sources = (source for row in _rows(where, _ADDRESS, where.name, number) for source in row if source)
        address = urlsplit(next(sources, ""))
        if address.path and address.scheme in ("", "file"):
            place = Path(unquote(address.path))
    try:
        return data_folder(place, str(place))
    except StoreError:
        return None


def _rows(where: Where, query: str, *values: object) -> list[tuple]:
    """The rows of a query to the project's own database; none where there is no database, or no registry in it yet."""
    try:
        return read_rows(where, query, *values)
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return []
        raise StoreError(f"The registry {where.shown} cannot be read: {error}.") from error
