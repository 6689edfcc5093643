"""The store of runs and models: where it is, and what is read from a project's own database without MLflow."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError
from foresell.core.settings import Tracking as TrackingSettings
from foresell.store.address import mask, parse_address, sqlite_url
from foresell.store.database_lock import DATABASE_SECONDS, sqlite_transaction

DATABASE, FILES = "results/mlflow.db", "mlflow"

_ADDRESS_COLUMNS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""The columns of MLflow's database that hold addresses of files, by table."""


@dataclass(frozen=True)
class Where:
    """The store of runs and models.

    - `uri`: the address of MLflow's store; `shown` is the same, safe to print.
    - `artifacts`: the address for files; None leaves it to the server.
    - `name`: the name of the experiment and of the registered model. Where the settings have none, a project's own
      store keeps the name that it has; a new store, and one that projects share, takes the name of the folder.
    - `database`: the SQLite file, if there is one. `beside` says that the files lie beside it and move with it.
    """

    uri: str = field(repr=False)
    artifacts: str | None
    name: str
    shown: str
    database: Path | None = None
    beside: bool = False
    lock_seconds: float = DATABASE_SECONDS

    @classmethod
    def of(cls, folder: str | Path, settings: TrackingSettings, lock_seconds: float = DATABASE_SECONDS) -> Where:
        """The store in the settings of the project in `folder`.

        Raises UsageError for an address of an unknown kind, and StoreError where another process keeps the
        project's own database locked.
        """
        base = Path(folder).resolve()
        name = _valid_name(settings.name or base.name)
        if settings.name is None and settings.uri is None:
            name = _existing_name(base / DATABASE, name, lock_seconds)
        artifacts = settings.artifacts
        if artifacts is not None and "://" not in artifacts:
            artifacts = (base / artifacts).as_uri()
        uri = settings.uri or f"sqlite:///{DATABASE}"
        if uri.startswith(("http://", "https://")):
            return cls(uri, artifacts, name, mask(uri), lock_seconds=lock_seconds)
        if not uri.startswith("sqlite:"):
            raise UsageError(
                f"Found the address {mask(uri)!r} in 'tracking.uri'; expected sqlite:///file.db or http(s)://server."
            )
        database = parse_address(uri, folder).path
        assert database is not None  # sqlite addresses name a file
        place = database.resolve()
        beside = artifacts is None
        artifacts = artifacts or (place.parent / FILES).as_uri()
        return cls(sqlite_url(place), artifacts, name, str(database), database, beside, lock_seconds)


def read_rows(where: Where, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query to a project's own database; none where there is no database. MLflow is not imported.

    Raises StoreError where another process keeps the database locked, and sqlite3.Error for a query that fails.
    """
    if where.database is None or not where.database.exists():
        return []
    with sqlite_transaction(where.database, name_of(where), where.lock_seconds, write=False) as connection:
        return connection.execute(query, values).fetchall()


def holds(where: Where, run: str) -> bool:
    """Whether a run is still in a project's own database; True for a server, which is not asked.

    Raises StoreError where another process keeps the database locked.
    """
    if where.database is None:
        return True
    try:
        return bool(read_rows(where, "SELECT 1 FROM runs WHERE run_uuid = ?", run))
    except sqlite3.Error:
        return False


def await_database(where: Where) -> None:
    """Waits while another process has locked the SQLite file of the store. Raises StoreError where it stays locked."""
    if where.database is not None and where.database.exists():
        write = os.access(where.database, os.W_OK)
        with sqlite_transaction(where.database, name_of(where), where.lock_seconds, write=write):
            pass


def name_of(where: Where) -> str:
    return f"The tracking store {where.shown}"


def _valid_name(name: str) -> str:
    """`name` without the characters that the registry refuses."""
    return re.sub(r"[^\w .-]", "-", name) or "foresell"


def _existing_name(database: Path, name: str, lock_seconds: float) -> str:
    """The name of the only experiment in a project's own database; `name` where there is none or more than one.

    MLflow is not imported. Raises StoreError where another process keeps the database locked.
    """
    if not database.exists():
        return name
    query = "SELECT name FROM experiments WHERE lifecycle_stage = 'active' AND experiment_id != 0"  # 0: MLflow's own
    try:
        with sqlite_transaction(database, f"The tracking store {database}", lock_seconds, write=False) as connection:
            names = [str(row[0]) for row in connection.execute(query)]
    except sqlite3.Error:  # reported when the store is opened
        return name
    return names[0] if len(names) == 1 else name


def move_addresses(where: Where) -> None:
    """Replaces the earlier address of an experiment's files by the present one; MLflow stores absolute addresses."""
    rows = read_rows(where, "SELECT artifact_location FROM experiments WHERE name = ?", where.name)
    if where.database is None or not rows or rows[0][0] == where.artifacts:
        return
    before = str(rows[0][0])
    with sqlite_transaction(where.database, name_of(where), where.lock_seconds, write=True) as connection:
        for table, columns in _ADDRESS_COLUMNS.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (where.artifacts, len(before) + 1, len(before), before),
                )
