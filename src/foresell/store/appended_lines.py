"""A file to which lines of JSON are only ever appended, by several processes, whatever becomes of them.

A line is written whole, under a lock, and reaches the disk before `append` returns. What a writer that was killed left
of a line was never reported as written; the next writer removes it, and a reader passes over it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import msgspec

from foresell.core.errors import StoreError, UnreadableFile
from foresell.store import disk
from foresell.store.lock import file_lock

WAIT_SECONDS = 10.0  # for another writer


def append(path: Path, rows: list[object]) -> None:
    """Appends each of `rows`, which msgspec can encode, as a line; all of them or none.

    Raises StoreError where the file cannot be written, or another writer holds it for `WAIT_SECONDS`.
    """
    text = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    with disk.writing(path.parent), file_lock(path.with_name(f".{path.name}.lock"), WAIT_SECONDS) as is_mine:
        if not is_mine:
            raise StoreError(f"Another process has been writing to {path} for {WAIT_SECONDS:.0f} s. Try again later.")
        with path.open("a+b") as file:
            _end_last_line(file)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def read(path: Path) -> list[bytes]:
    """The lines, oldest first; none where there is no file. Raises UnreadableFile for a line that is no JSON."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
    lines = content.split(b"\n")
    if lines[-1] and not _is_json(lines[-1]):
        lines.pop()  # of a writer that was killed
    lines = [line for line in lines if line.strip()]
    wrong = [number for number, line in enumerate(lines, 1) if not _is_json(line)]
    if wrong:
        raise UnreadableFile(
            f"{len(wrong)} lines of {path} are no JSON, the first is line {wrong[0]}. Correct it, or restore the file."
        )
    return lines


def _end_last_line(file: IO[bytes]) -> None:
    """Makes the file end with a whole line: completes it, or removes what a killed writer left of it."""
    file.seek(0)
    last = file.read().rpartition(b"\n")[2]
    if not last:
        return
    if _is_json(last):
        file.write(b"\n")
    else:
        file.truncate(file.tell() - len(last))


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True
