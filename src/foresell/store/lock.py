"""Locks of files, by which two processes keep out of each other's way.

The operating system releases a lock when the process that holds it ends, so a process that died blocks nobody.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

PAUSE = 0.05  # seconds between attempts


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
