"""Lines on their way to a bucket: each batch is a file on the local disk first, then an object.

So a batch is safe as soon as a folder's would be, however slow or far the bucket; an outage costs disk, not memory; and
what a killed process leaves is delivered by the next one with the same spool. A file keeps its name for good and is
always put whole, so an object that arrives twice is the same object: nothing is doubled.
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
from foresell.store.outage import Trouble
from foresell.store.tables import beside

ABANDONED_SECONDS = 3600.0  # a half-written file so old is nobody's


class Waiting(NamedTuple):
    """A file that is to become the object `key`."""

    path: Path
    key: str
    rows: int
    size: int


class Spool:
    """Takes lines for ``s3://bucket/prefix`` to `folder` and delivers them in a thread of its own, the oldest first.

    `most_bytes` bounds what waits on the disk. Raises UsageError for a wrong address, and without obstore.
    """

    def __init__(self, address: str, folder: Path, most_bytes: int):
        self.bucket = Bucket(address)
        self.folder = folder / quote(address.rstrip("/"), safe="")  # what waits for one bucket never goes to another
        self.most_bytes = most_bytes
        self.trouble = Trouble(f"deliver predictions to {address}")
        self.written = 0
        self._files: deque[Waiting] = deque(self._left_over())
        self._changed = Condition()
        self._closing = False
        self._thread = Thread(target=self._work, name="prediction-delivery", daemon=True)
        self._thread.start()

    def keep(self, hour: datetime, lines: bytes) -> None:
        """Puts whole `lines` of one hour on the disk, to become an object. Raises OSError, and StoreError when full."""
        _, size = self.waiting()
        if size and size + len(lines) > self.most_bytes:
            raise StoreError(
                f"{self.folder} holds {size:,} bytes of predictions that wait for {self.bucket.address}, and may hold "
                f"{self.most_bytes:,}. Bring the bucket back, or allow more."
            )
        key, rows = f"{hour_folder(hour)}/{part_name()}", lines.count(b"\n")
        path = self.folder / f"{quote(key, safe='=')}.{rows}"
        make_folder(self.folder)
        with beside(path) as part:
            part.write_bytes(lines)
        sync_folder(self.folder)
        with self._changed:
            self._files.append(Waiting(path, key, rows, len(lines)))
            self._changed.notify()

    def waiting(self) -> tuple[int, int]:
        """How many records and bytes wait on the disk."""
        with self._changed:
            return sum(file.rows for file in self._files), sum(file.size for file in self._files)

    def close(self, timeout: float) -> None:
        """Delivers what it can; a failure, or the end of `timeout` seconds, leaves the rest for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(max(0.0, timeout))

    def _left_over(self) -> list[Waiting]:
        """What earlier processes left. What a living one is about to deliver may arrive twice, which does no harm."""
        found = []
        with suppress(OSError):
            for path in sorted(self.folder.iterdir()):
                with suppress(OSError, ValueError):  # it was delivered meanwhile, or is not of our making
                    if path.suffix == ".part":
                        _clear_abandoned(path)
                        continue
                    name, _, rows = path.name.rpartition(".")
                    found.append(Waiting(path, unquote(name), int(rows), path.stat().st_size))
        return found

    def _work(self) -> None:
        while (file := self._next()) is not None:
            last_attempt = self._closing
            try:
                with suppress(FileNotFoundError):  # another process has delivered it
                    self.bucket.put(file.key, file.path)
                    file.path.unlink(missing_ok=True)
                    self.written += file.rows
            except Exception as error:  # most likely of the bucket; whatever it is, the delivery must go on
                seconds = self.trouble.failed(error)
                if last_attempt:
                    return
                self._pause(seconds)
                continue
            self.trouble.over()
            with self._changed:
                self._files.popleft()

    def _next(self) -> Waiting | None:
        """The oldest file, once there is one; None when all are delivered and no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._files or self._closing)
            return self._files[0] if self._files else None

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)


def _clear_abandoned(part: Path) -> None:
    if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
        os.unlink(part)
