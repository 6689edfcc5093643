"""JSON lines in folders by hour, ``date=2026-11-20/hour=09/part-….jsonl``, safe on the disk when a call returns."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from uuid import uuid4


def hour_folder(hour: datetime) -> str:
    """The folder of an hour of UTC.

    >>> hour_folder(datetime(2026, 11, 20, 9))
    'date=2026-11-20/hour=09'
    """
    return f"date={hour:%Y-%m-%d}/hour={hour:%H}"


def part_name() -> str:
    """A file name that no other process, machine or call has; names made later sort later."""
    return f"part-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-{os.getpid()}-{uuid4().hex[:8]}.jsonl"


class Folder:
    """Lines at a local path: one file of this process for each hour, at whose end lines are added.

    The file is its own, so processes never mix their lines, and a line torn by a kill stays the last of its file.
    """

    def __init__(self, root: Path):
        self.root = root
        self._name = part_name()

    def keep(self, hour: datetime, lines: bytes) -> None:
        """Adds whole `lines` to the file of `hour`, all or none. They are on the disk, not in a cache, afterwards.

        Raises OSError. Should the disk not even take back what it took in part, a new file is begun.
        """
        path = self.root / hour_folder(hour) / self._name
        make_folder(path.parent)
        new = not path.exists()
        with open(path, "ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                write_through(file, lines)
            except OSError:
                self._take_back(file, before)
                raise
        if new:
            sync_folder(path.parent)

    def _take_back(self, file: FileIO, size: int) -> None:
        try:
            os.ftruncate(file.fileno(), size)
        except OSError:
            self._name = part_name()


def write_through(file: FileIO, content: bytes) -> None:
    """Writes all of `content` to an unbuffered file and waits until the disk has it."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing, each known to the disk."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Waits until the disk knows the names in a folder. Without it a loss of power may take a new file away."""
    if os.name == "nt":
        return  # Windows has no such call, and needs none
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
