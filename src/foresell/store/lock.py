"""A lock of the operating system on a file: it ends with the process that holds it, so a dead one holds nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

PAUSE = 0.05  # seconds between attempts


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
