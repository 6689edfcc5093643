"""Results of the steps of a project. Each step has a folder, which is complete or absent.

The folder ``results/<step>/`` of a project has the files of the step, and a ``step.json`` with the fingerprint of what
the step was made from, the time and the duration. A step that runs writes to a hidden folder beside it. That folder
takes the place of the old one when the step is done. So a run that is killed leaves the old results, or none.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from uuid import uuid4

import msgspec

from foresell.core.errors import UsageError
from foresell.store import disk
from foresell.store.lock import try_lock

HEAD_BYTES = 16 << 20  # the hashed beginning of an input file; a change of the rest shows in its size or time
RECORD = "step.json"


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the ``step.json`` of a step that is done.

    - `fingerprint`: of what the step was made from.
    - `code`: the fingerprint of the code that made it; None in a project of an earlier foresell.
    - `finished`, `seconds`: when the step ended, and how long it took.
    - `files`: the size in bytes of each file that the step wrote, by its path in the folder.
    """

    step: str
    fingerprint: str
    code: str | None = None
    finished: datetime
    seconds: float
    files: dict[str, int]


def fingerprint(*parts: object) -> str:
    """A hash of all that a step depends on. Equal parts give the same fingerprint in any process.

    Parts are plain data, settings, dataclasses, dates and paths.

    >>> fingerprint({"horizon": 28, "seed": 1}) == fingerprint({"seed": 1, "horizon": 28})
    True
    >>> len(fingerprint("anything"))
    16
    """
    encoded = msgspec.json.encode(parts, enc_hook=str, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def input_fingerprint(path: str | Path, relative_to: str | Path = ".") -> str:
    """A fingerprint of an input: of a file, of all files of a folder, or of the files that a glob matches.

    It depends on the path, size and first `HEAD_BYTES` of each file, and for a larger one on its time of change. So
    a smaller file that was only copied or touched is the same input. An object in a bucket gets a new
    fingerprint each time, because its state is not looked up. So a step that reads a bucket is never up to date.
    """
    address = str(path)
    if "://" in address:
        return fingerprint(address, uuid4().hex)
    base = Path(relative_to)
    return fingerprint(address, [_file_state(file, base) for file in _files_at(base / address)])


def _files_at(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
    # What stands in a workbook or an archive has an address below it.
    return matches or next((holders for parent in path.parents if (holders := _plain_files(parent))), [])


def _plain_files(pattern: Path) -> list[Path]:
    return sorted(Path(match) for match in glob.glob(str(pattern)) if Path(match).is_file())


def _file_state(file: Path, base: Path) -> tuple[str, int, int, str]:
    state = file.stat()
    with file.open("rb") as content:
        head = hashlib.sha256(content.read(HEAD_BYTES)).hexdigest()
    changed = state.st_mtime_ns if state.st_size > HEAD_BYTES else 0
    # The path is relative, so that a project that is moved as a whole stays up to date.
    return os.path.relpath(file, base), state.st_size, changed, head


class Steps:
    """The results of the steps of one project, whose folder is `project`."""

    def __init__(self, project: str | Path):
        self.root = Path(project) / "results"
        self._holder: int | None = None  # the thread that holds the lock through this object

    def folder(self, step: str) -> Path:
        """The folder for the results of `step`; it need not exist. Raises UsageError for a name that is no step's."""
        if not step.replace("-", "_").isidentifier():
            raise UsageError(f"Found the step name {step!r}; expected letters, digits, '-' and '_' only.")
        return self.root / step

    def checkpoints(self, step: str) -> Path:
        """The folder in which `step` keeps what it goes on from after a stop; it goes when the step is done."""
        return self.root / f".{step}.checkpoints"

    def record(self, step: str) -> StepRecord | None:
        """The record of `step`; None where the step is not done."""
        try:
            return msgspec.json.decode((self.folder(step) / RECORD).read_bytes(), type=StepRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def up_to_date(self, step: str, fingerprint: str) -> bool:
        """Whether `step` was made from what has this fingerprint, and all its files still have their size."""
        record = self.record(step)
        if record is None or record.fingerprint != fingerprint:
            return False
        folder = self.folder(step)
        files = ((folder / name, size) for name, size in record.files.items())
        return all(file.is_file() and file.stat().st_size == size for file, size in files)

    def status(self) -> list[StepRecord]:
        """The records of the steps that are done, sorted by the time when they ended."""
        names = sorted(folder.parent.name for folder in self.root.glob(f"[!.]*/{RECORD}"))
        records = [record for record in map(self.record, names) if record is not None]
        return sorted(records, key=lambda record: record.finished)

    @contextmanager
    def run_step(self, step: str, fingerprint: str, code: str | None = None) -> Iterator[Path]:
        """An empty folder to write the results of `step` to. They replace the old results when the block ends.

        When the block raises, its files are removed and the old results stay. Raises StoreError where the disk has less
        free space than the step took the last time, and where writing fails.
        """
        started, part = time.monotonic(), self._hidden(step, "part")
        disk.require(self.root, self._expected_bytes(step), f"The step {step}")
        with disk.writing(self.root), _temporary_folder(part):
            yield part
            files = {str(file.relative_to(part)): file.stat().st_size for file in _files_at(part)}
            record = StepRecord(
                step=step,
                fingerprint=fingerprint,
                code=code,
                finished=datetime.now(UTC),
                seconds=round(time.monotonic() - started, 3),
                files=files,
            )
            (part / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
            self._replace(step, part)
            shutil.rmtree(self.checkpoints(step), ignore_errors=True)

    def _expected_bytes(self, step: str) -> int:
        """An estimate of what the step will write: as much as the last time, or the first time as much as the panel."""
        record = self.record(step) or self.record("check")
        return sum(record.files.values()) if record else 0

    def _replace(self, step: str, part: Path) -> None:
        """Puts the folder `part` in the place of the results of `step`."""
        # A folder cannot be renamed over another. A kill between the two renames leaves the step absent.
        folder, old = self.folder(step), self._hidden(step, "old")
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def _hidden(self, step: str, suffix: str) -> Path:
        return self.root / f".{step}.{uuid4().hex[:8]}.{suffix}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the project against other runs while the block runs, and removes the temporary files of runs that died.

        The operating system holds the lock, on ``results/.lock``, and releases it when the process ends, however it
        ends. The thread that holds the lock may enter again through the same object.

        Raises UsageError, which names the holder, when another run has the lock.
        """
        if self._holder == get_ident():
            yield
            return
        with disk.writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock_file = (self.root / ".lock").open("a+", encoding="utf-8")
        with lock_file as lock:
            if not try_lock(lock):
                lock.seek(0)
                holder = lock.read().strip() or "it has just started"
                raise UsageError(
                    f"Another run is at work in {self.root.parent.resolve()} ({holder}). "
                    "Wait until it is done, or end that process."
                )
            lock.seek(0)
            lock.truncate()
            lock.write(f"process {os.getpid()} since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}\n")
            lock.flush()
            self._clear_leftovers()
            self._holder = get_ident()
            try:
                yield
            finally:
                self._holder = None

    def _clear_leftovers(self) -> None:
        for leftover in [*self.root.glob(".*.part"), *self.root.glob(".*.old")]:
            shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[None]:
    """Makes `folder`, and removes what is left of it when the block ends."""
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
