"""Results of the steps of a project: one folder each, complete or absent, redone only when something changed.

A project's folder holds ``results/<step>/`` with the files of the step and a ``step.json`` that says from what
(its fingerprint), when, and how long it took. While a step works it writes to a hidden folder beside it, which
takes the step's place when the work is done: a run that is killed leaves the step as it was before, or absent.
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

HEAD_BYTES = 1 << 20  # how much of an input file is hashed; its size and time speak for the rest
RECORD = "step.json"


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What ``step.json`` says of a step that is done. `files` maps the files it wrote to their bytes; `code` is the
    fingerprint of the code that did it, None where foresell did not keep it yet."""

    step: str
    fingerprint: str
    code: str | None = None
    finished: datetime
    seconds: float
    files: dict[str, int]


def fingerprint(*parts: object) -> str:
    """A short name for all that a step depends on; the same parts give the same name, in any process.

    Parts are plain data, settings, dataclasses, dates and paths.

    >>> fingerprint({"horizon": 28, "seed": 1}) == fingerprint({"seed": 1, "horizon": 28})
    True
    >>> len(fingerprint("anything"))
    16
    """
    plain = msgspec.json.encode(parts, enc_hook=str, order="deterministic")
    return hashlib.sha256(plain).hexdigest()[:16]


def input_fingerprint(path: str | Path, relative_to: str | Path = ".") -> str:
    """A fingerprint of an input: a file, all files of a folder, or those that a glob matches.

    It is made from each file's path, size, time of change and first megabyte. An object in a bucket is not
    asked about, so its fingerprint is new each time: what reads it is never taken for up to date.
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
    return sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())


def _file_state(file: Path, base: Path) -> tuple[str, int, int, str]:
    state = file.stat()
    with file.open("rb") as content:
        head = hashlib.sha256(content.read(HEAD_BYTES)).hexdigest()
    # Relative, so that a project that is moved as a whole stays up to date.
    return os.path.relpath(file, base), state.st_size, state.st_mtime_ns, head


class Steps:
    """The step results under the folder of one project."""

    def __init__(self, project: str | Path):
        self.root = Path(project) / "results"
        self._holder: int | None = None  # the thread that holds the lock, if this object does

    def folder(self, step: str) -> Path:
        """Where the results of `step` are, or will be."""
        if not step.replace("-", "_").isidentifier():
            raise UsageError(f"Found the step name {step!r}; expected letters, digits, '-' and '_' only.")
        return self.root / step

    def record(self, step: str) -> StepRecord | None:
        """What is known of `step`; None when it has not been done."""
        try:
            return msgspec.json.decode((self.folder(step) / RECORD).read_bytes(), type=StepRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def up_to_date(self, step: str, fingerprint: str) -> bool:
        """Whether `step` was done from exactly this, and its files are all still there in full."""
        record = self.record(step)
        if record is None or record.fingerprint != fingerprint:
            return False
        folder = self.folder(step)
        return all(
            (folder / name).is_file() and (folder / name).stat().st_size == n for name, n in record.files.items()
        )

    def status(self) -> list[StepRecord]:
        """The steps that are done, in the order they were."""
        names = sorted(folder.parent.name for folder in self.root.glob(f"[!.]*/{RECORD}"))
        records = [record for record in map(self.record, names) if record is not None]
        return sorted(records, key=lambda record: record.finished)

    @contextmanager
    def run_step(self, step: str, fingerprint: str, code: str | None = None) -> Iterator[Path]:
        """An empty folder to write the results of `step` to; they take its place when the block is done.

        When the block raises, what it wrote is removed and the results from before stay. Raises StoreError where the
        disk has no room for as much as the step wrote before, or fails.
        """
        place, started = self.folder(step), time.monotonic()
        work = self._hidden(step, "part")
        disk.require(self.root, self._expected_bytes(step), f"The step {step}")
        with disk.writing(self.root), self._made(work):
            yield work
            files = {str(file.relative_to(work)): file.stat().st_size for file in _files_at(work)}
            record = StepRecord(
                step=step,
                fingerprint=fingerprint,
                code=code,
                finished=datetime.now(UTC),
                seconds=round(time.monotonic() - started, 3),
                files=files,
            )
            (work / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
            self._put_in_place(work, place)

    @contextmanager
    def _made(self, work: Path) -> Iterator[None]:
        """A folder that is there while the block works."""
        work.mkdir(parents=True)
        try:
            yield
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _expected_bytes(self, step: str) -> int:
        """How much the step will write: as much as the last time; else, for want of better, as the panel takes."""
        record = self.record(step) or self.record("check")
        return sum(record.files.values()) if record else 0

    def _put_in_place(self, work: Path, place: Path) -> None:
        # A folder cannot be renamed over another. A kill between the two renames leaves the step absent.
        old = self._hidden(place.name, "old")
        if place.exists():
            place.rename(old)
        work.rename(place)
        shutil.rmtree(old, ignore_errors=True)

    def _hidden(self, step: str, what: str) -> Path:
        return self.root / f".{step}.{uuid4().hex[:8]}.{what}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other run out of this project while the block works, and clears what a dead run left.

        The lock is the operating system's, on ``results/.lock``; it ends with the process that holds it, so that of
        a process that died is free at once. A block within a block of the same object and thread is
        let in.

        Raises UsageError, naming the holder, when another run is at work.
        """
        if self._holder == get_ident():
            yield
            return
        with disk.writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            opened = (self.root / ".lock").open("a+", encoding="utf-8")
        with opened as lock:
            if not try_lock(lock):
                lock.seek(0)
                holder = lock.read().strip() or "it has just begun"
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
        for left in [*self.root.glob(".*.part"), *self.root.glob(".*.old")]:
            shutil.rmtree(left, ignore_errors=True)
