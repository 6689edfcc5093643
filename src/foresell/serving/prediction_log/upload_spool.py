"""A spool of lines for a bucket: each batch is first a file on the local disk, and then an object in the bucket.

So a batch is as safe as in a folder, however slow or far the bucket is. An outage takes disk and not memory. Files that
a killed process leaves are delivered by the next process with the same spool. A file keeps its name and is always
uploaded as a whole, so an object that is uploaded twice is not doubled.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Condition, Thread
from typing import NamedTuple
from urllib.parse import quote, unquote

from foresell.core.errors import StoreError
from foresell.serving.prediction_log.hourly_files import hour_folder, make_folder, part_name, sync_folder
from foresell.store.objects import Bucket
from foresell.store.outage import Outage
from foresell.store.tables import atomic_path

ABANDONED_SECONDS = 3600.0  # an incomplete file that is older was left by a process that died


class WaitingFile(NamedTuple):
    """A file that is to become the object `key`."""

    path: Path
    key: str
    rows: int
    size: int


class UploadSpool:
    """Writes lines for ``s3://bucket/prefix`` to `folder`, and uploads them in a thread of its own, oldest first.

    At most `most_bytes` wait on the disk. Raises UsageError for an invalid address, and where obstore is not installed.
    """

    def __init__(self, address: str, folder: Path, most_bytes: int):
        self.bucket = Bucket(address)
        self.folder = folder / quote(address.rstrip("/"), safe="")  # each bucket has a folder of its own
        self.most_bytes = most_bytes
        self.outage = Outage(f"deliver predictions to {address}")
        self.written = 0
        self._files: deque[WaitingFile] = deque(self._left_over())
        self._changed = Condition()
        self._closing = False
        self._thread = Thread(target=self._work, name="prediction-delivery", daemon=True)
        self._thread.start()

    def keep(self, hour: datetime, lines: bytes) -> None:
        """Writes complete `lines` of one hour to the disk for upload. Raises OSError, and StoreError when full."""
        _, size = self.waiting()
        if size and size + len(lines) > self.most_bytes:
            raise StoreError(
                f"{self.folder} holds {size:,} bytes of predictions that wait for {self.bucket.address}, and may hold "
                f"{self.most_bytes:,}. Bring the bucket back, or allow more."
            )
        key, rows = f"{hour_folder(hour)}/{part_name()}", lines.count(b"\n")
        path = self.folder / f"{quote(key, safe='=')}.{rows}"
        make_folder(self.folder)
        with atomic_path(path) as part:
            part.write_bytes(lines)
        sync_folder(self.folder)
        with self._changed:
            self._files.append(WaitingFile(path, key, rows, len(lines)))
            self._changed.notify()

    def waiting(self) -> tuple[int, int]:
        """The number of records and bytes that wait on the disk."""
        with self._changed:
            return sum(file.rows for file in self._files), sum(file.size for file in self._files)

    def close(self, timeout: float) -> None:
        """Uploads what it can within `timeout` seconds. After a failure, the rest waits for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(max(0.0, timeout))

    def _left_over(self) -> list[WaitingFile]:
        """The files that earlier processes left. A file that another process is uploading may be uploaded twice, which
        does no harm."""
        files = []
        with suppress(OSError):
            for path in sorted(self.folder.iterdir()):
                with suppress(OSError, ValueError):  # it was uploaded meanwhile, or is not a file of a spool
                    if path.suffix == ".part":
                        _clear_abandoned(path)
                        continue
                    name, _, rows = path.name.rpartition(".")
                    files.append(WaitingFile(path, unquote(name), int(rows), path.stat().st_size))
        return files

    def _work(self) -> None:
        while (file := self._next()) is not None:
            last_attempt = self._closing
            try:
                with suppress(FileNotFoundError):  # another process has uploaded it
                    self.bucket.put(file.key, file.path)
                    file.path.unlink(missing_ok=True)
                    self.written += file.rows
            except Exception as error:  # most likely an error of the bucket; the thread has to go on after any error
                seconds = self.outage.failed(error)
                if last_attempt:
                    return
                self._pause(seconds)
                continue
            self.outage.ended()
            with self._changed:
                self._files.popleft()

    def _next(self) -> WaitingFile | None:
        """The oldest file, once there is one; None when all are uploaded and the spool is closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._files or self._closing)
            return self._files[0] if self._files else None

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)


def _clear_abandoned(part: Path) -> None:
    if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
        os.unlink(part)
