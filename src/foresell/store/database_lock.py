"""Databases that another process has locked: how long foresell waits for them, and what it then says."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from foresell.core.errors import StoreError, first_five

DATABASE_SECONDS = 10.0
"""How long foresell waits for a database that another process has locked."""

_LOGGER = logging.getLogger(__name__)


@contextmanager
def sqlite_transaction(path: Path, name: str, seconds: float, *, write: bool) -> Iterator[sqlite3.Connection]:
    """A transaction on the SQLite file `path`, which an exception in the block undoes.

    Where another process has locked the file, it waits at most `seconds`; a warning in the log names the database as
    `name` and the process that has locked it. A transaction that does not `write` waits for exclusive locks only.

    Raises StoreError where the file stays locked, and sqlite3.Error for what else SQLite refuses.
    """
    begin = "BEGIN IMMEDIATE" if write else "BEGIN"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        if not _has_begun(connection, begin):
            warn_of_wait(name, holder_of(path), seconds)
            _set_timeout(connection, seconds)
            if not _has_begun(connection, begin):
                raise locked_error(name, holder_of(path), seconds)
        _set_timeout(connection, seconds)
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:  # SQLite ends it by itself where the disk is full
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _set_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")


def _has_begun(connection: sqlite3.Connection, begin: str) -> bool:
    """Begins a transaction and takes its lock; False where another process has locked the file."""
    try:
        connection.execute(begin)
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # a plain BEGIN takes its lock at the first read
    except sqlite3.OperationalError as error:
        if not is_locked(error):
            raise
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return False
    return True


def is_locked(error: Exception) -> bool:
    """Whether an error of SQLite, or of a library above it, says that another process has locked the database."""
    return "database is locked" in str(error)


def holders(path: Path) -> list[int]:
    """The ids of the processes that have a lock on the file of a database. Only Linux lists them; elsewhere none.

    SQLite puts the locks of a database that has a write-ahead log on the file ``-shm`` beside it.
    """
    inodes = {file.stat().st_ino for file in (path, path.with_name(path.name + "-shm")) if file.exists()}
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    except OSError:
        return []
    # A line is, for example: 1: POSIX ADVISORY WRITE 4711 08:01:131 0 EOF. A process that waits has an arrow after 1.
    return sorted({int(row[4]) for row in rows if row[1] != "->" and int(row[5].rsplit(":", 1)[1]) in inodes})


def holder_of(path: Path) -> str:
    """The processes that hold the database, in words."""
    processes = holders(path)
    return f"process {first_five(processes)}" if processes else "another process"


def warn_of_wait(database: str, holder: str, seconds: float) -> None:
    """Writes a warning to the log: foresell waits for a locked database."""
    _LOGGER.warning("Waiting at most %g s for %s, which %s has locked.", seconds, database, holder)


def locked_error(database: str, holder: str, seconds: float) -> StoreError:
    """The error of a database that stayed locked for all of `seconds`."""
    return StoreError(
        f"{database} was locked by {holder} for {seconds:g} s, and nothing was written to it. "
        "Let that process finish, or end it; then run the same command again."
    )
