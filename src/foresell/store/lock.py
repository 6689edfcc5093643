"""Locks of files, and messages about databases that another process has locked.

The operating system releases a lock when the process that holds it ends, so a process that died blocks nobody.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from foresell.core.errors import StoreError, first_five

PAUSE = 0.05  # seconds between attempts
DATABASE_SECONDS = 10.0
"""How long foresell waits for a database that another process has locked."""

_LOGGER = logging.getLogger(__name__)


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


@contextmanager
def file_lock(path: Path, seconds: float) -> Iterator[bool]:
    """Holds the lock on the file `path` while the block runs. Gives False where another kept it for `seconds`.

    The file is created where there is none, and is not removed. Raises OSError where it cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    with path.open("a+", encoding="utf-8") as file:
        while not (acquired := try_lock(file)) and time.monotonic() < end:
            time.sleep(PAUSE)
        yield acquired


def try_lock(file: IO[Any]) -> bool:
    """Takes the lock on an open file. Returns False when another open file holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # a byte past the content: others may still read the content
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
