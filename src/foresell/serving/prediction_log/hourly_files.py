"""JSON lines in one folder for each hour, ``date=2026-11-20/hour=09/part-….jsonl``. They are on the disk when a call
returns."""

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
    """A file name that is unique over processes, machines and calls. Later names sort after earlier ones."""
    return f"part-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-{os.getpid()}-{uuid4().hex[:8]}.jsonl"


class Folder:
    """Lines at a local path. For each hour this process has a file of its own, to which lines are appended.

    So processes never mix their lines, and a line that a killed process leaves incomplete is the last of its file.
    """

    def __init__(self, root: Path):
        self.root = root
        self._name = part_name()

    def keep(self, hour: datetime, lines: bytes) -> None:
        """Appends complete `lines` to the file of `hour`, all or none. They are then on the disk, not in a cache.

        Raises OSError. Where lines that were written in part cannot be removed, the next call begins a new file.
        """
        path = self.root / hour_folder(hour) / self._name
        make_folder(path.parent)
        new = not path.exists()
        with open(path, "ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                write_through(file, lines)
            except OSError:
                self._truncate(file, before)
                raise
        if new:
            sync_folder(path.parent)

    def _truncate(self, file: FileIO, size: int) -> None:
        try:
            os.ftruncate(file.fileno(), size)
        except OSError:
            self._name = part_name()


def write_through(file: FileIO, content: bytes) -> None:
    """Writes all of `content` to an unbuffered file, and waits until it is on the disk."""
    remaining = memoryview(content)
    while remaining:
        remaining = remaining[file.write(remaining) :]
    os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Makes a folder and its missing parents, and waits until their names are on the disk."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk. Otherwise a power failure may lose a new file."""
    if os.name == "nt":
        return  # Windows has no such call, and needs none
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
