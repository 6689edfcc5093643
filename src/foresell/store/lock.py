"""A lock of the operating system on a file: it ends with the process that holds it, so a dead one holds nothing."""

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
"""How long a database that another process has locked is waited for."""

_LOGGER = logging.getLogger(__name__)


def holders(path: Path) -> list[int]:
    """The processes that have a lock on the file of a database, where the system lists them (Linux); else none.

    SQLite keeps the locks of a database with a write-ahead log on the file beside it.
    """
    files = {f.stat().st_ino for f in (path, path.with_name(path.name + "-shm")) if f.exists()}
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    except OSError:
        return []
    # A line: 1: POSIX ADVISORY WRITE 4711 08:01:131 0 EOF; one that only waits has an arrow before the kind.
    return sorted({int(row[4]) for row in rows if row[1] != "->" and int(row[5].rsplit(":", 1)[1]) in files})


def held_by(path: Path) -> str:
    """Who holds the database, in words."""
    processes = holders(path)
    return f"process {first_five(processes)}" if processes else "another process"


def waiting(shown: str, holder: str, seconds: float) -> None:
    """Says that a locked database is waited for: a warning of the log, which stands on stderr."""
    _LOGGER.warning("Waiting at most %g s for %s, which %s has locked.", seconds, shown, holder)


def locked(shown: str, holder: str, seconds: float) -> StoreError:
    """The error of a database that stayed locked."""
    return StoreError(
        f"{shown} was locked by {holder} for {seconds:g} s, and nothing was written to it. Let that process finish, or "
        "end it; then run the same command again."
    )


@contextmanager
def held(path: Path, seconds: float) -> Iterator[bool]:
    """Holds the lock on `path` while the block works; False where another held it for all of `seconds`.

    The file is made where there is none, and stays. Raises OSError where that cannot be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    with path.open("a+", encoding="utf-8") as file:
        while not (mine := try_lock(file)) and time.monotonic() < end:
            time.sleep(PAUSE)
        yield mine


def try_lock(file: IO[Any]) -> bool:
    """Takes the lock on an open file; False when another open file holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # a byte past the content, which others may then still read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
