"""The prediction log: every prediction as a JSON line under ``date=YYYY-MM-DD/hour=HH/``, written in the background.

`place` is a folder or ``s3://bucket/prefix`` (extra ``serve``, credentials from the environment). A record is a mapping
with a ``time``, whose hour in UTC decides the folder. The caller chooses the other fields, such as id, model version,
inputs, outputs and latency.

Guarantees:

- `write` and `write_frame` never wait for a disk or a network, and never fail because of one.
- A record is on the local disk within `seconds` after it was accepted, or sooner when `rows` records wait. So SIGKILL
  or a power failure loses at most the records of the last `seconds`. `close` (on SIGTERM, at the end) loses none. For a
  bucket the local disk is the `spool`, a folder from which batches are uploaded. Batches that wait there while the
  bucket or the process is down are uploaded when it is back.
- Memory is limited to `most_waiting` records and `most_bytes`, the disk of a spool to `spool_bytes`. When these are
  full, the newest records are dropped and counted. The older ones are kept, because they may be partly written, and
  because a gap that begins when the store failed is easy to understand.

`foresell.serving.prediction_log.reader.read_predictions` reads the log.
"""

from __future__ import annotations

import atexit
import io
import logging
import math
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.serving.prediction_log.hourly_files import Folder
from foresell.serving.prediction_log.upload_spool import UploadSpool
from foresell.store.outage import FIRST_WAIT, Outage
from foresell.store.tables import is_remote

PUNCTUAL = 0.8  # a batch is written after this share of `seconds`, so that it is on the disk in time
ENTRY_BYTES = 250  # the memory of a line in Python, without its text
TEXT_GROWTH = 4  # a table's JSON is taken to be so many times its size in memory, until the JSON is made

log = logging.getLogger("foresell.store")


class LogState(msgspec.Struct, frozen=True):
    """The state of the log. Counts are of records, since the start of this process."""

    waiting: int  # in memory; they are lost if the process is killed now
    waiting_bytes: int
    spooled: int  # on the local disk, to be uploaded, including those of earlier processes; 0 for a folder
    spooled_bytes: int
    written: int  # at the place, including those of earlier processes
    dropped: int  # lost, because too many were waiting or the log was closed
    error: str | None  # why the last attempt failed; None when it did not fail
    failing_since: datetime | None


class _Rows(NamedTuple):
    """Records as a table. The writer's thread converts it to text; Polars does not block other threads meanwhile."""

    common: dict[str, Any]
    frame: pl.DataFrame

    def lines(self) -> bytes:
        text = io.BytesIO()
        pl.DataFrame([self.common]).join(self.frame, how="cross").write_ndjson(text)
        return text.getvalue()


class _Entry(NamedTuple):
    hour: datetime
    rows: int
    size: int
    content: bytes | _Rows


class PredictionLog:
    """Takes records from any number of threads, and writes them to `place` in a thread of its own.

    A batch is written when `rows` records wait, or when one has waited for `seconds`. `spool` is the folder in which
    batches for a bucket wait, by default ``foresell`` in the user's folder for state (``XDG_STATE_HOME``). Choose a
    folder that outlives the process: a volume, where the process runs in a container.

    Close the log, or use it in a ``with`` block. Raises UsageError for an invalid address, and where obstore is not
    installed. Where the folder or bucket does not exist yet, the log waits for it, and `state` says so.
    """

    def __init__(
        self,
        place: str | Path,
        rows: int = 1000,
        seconds: float = 5.0,
        most_waiting: int = 100_000,
        *,
        most_bytes: int = 64 << 20,
        spool: str | Path | None = None,
        spool_bytes: int = 2 << 30,
    ):
        self.rows, self.seconds, self.most_waiting, self.most_bytes = rows, seconds, most_waiting, most_bytes
        self._spool = UploadSpool(str(place), Path(spool or _state_folder()), spool_bytes) if is_remote(place) else None
        self._sink = self._spool or Folder(Path(place))
        self._outage = Outage(f"write predictions to {place}")
        self._changed = Condition()  # guards all attributes below
        self._arrived: list[_Entry] = []
        self._arrived_rows = 0
        self._oldest = 0.0  # when the first of `_arrived` came, on the monotonic clock
        self._waiting, self._waiting_bytes, self._written, self._dropped = 0, 0, 0, 0
        self._dropping = False
        self._not_before = 0.0  # when to try again after a failure
        self._deadline: float | None = None  # when closing has to be finished
        self._batches: dict[datetime, list[bytes]] = {}  # by hour; only the writer uses it
        self._thread = Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    # --- the caller's side -------------------------------------------------------------------------------------------

    def write(self, record: Mapping[str, object]) -> None:
        """Accepts one record, in a few microseconds. Its ``time`` is an aware datetime or an RFC 3339 string.

        The record is converted to JSON at once. That takes a microsecond, which another thread could not save, because
        both need the interpreter's lock. So the number of waiting bytes is known, and the record may change afterwards.
        Dates, UUIDs, sets and dataclasses are written as JSON has them, NaN as null, anything else as its text.

        Raises UsageError where ``time`` is missing or has no time zone.
        """
        moment = _moment(record.get("time"))
        line = _encoded({**record, "time": moment}) + b"\n"
        self._accept(_Entry(_hour(moment), 1, len(line) + ENTRY_BYTES, line))

    def write_frame(self, common: Mapping[str, object], frame: pl.DataFrame) -> None:
        """Accepts a record for each row of `frame`: the fields of `common`, with ``time``, and the row's columns.

        It is meant for many predictions at once (some thousand rows a call, fewer than `most_waiting`). The call is
        cheap, and the writer's thread converts the rows to JSON without blocking other threads. Struct columns become
        objects::

            log.write_frame(
                {"time": now, "model": version, "latency_ms": latency},
                pl.select(id=ids, inputs=rows.to_struct(), outputs=answers.to_struct()),
            )

        Raises UsageError where ``time`` is missing or has no time zone, or where `common` and `frame` share a name.
        """
        if shared := [name for name in frame.columns if name in common]:
            raise UsageError(f"Found {first_five(shared)} both as a common field and as a column; expected it once.")
        moment = _moment(common.get("time"))
        plain = msgspec.json.decode(text := _encoded({**common, "time": moment}))
        size = TEXT_GROWTH * int(frame.estimated_size()) + frame.height * len(text) + ENTRY_BYTES
        if frame.height:
            self._accept(_Entry(_hour(moment), frame.height, size, _Rows(plain, frame)))

    def state(self) -> LogState:
        """The state of the log now."""
        spooled, spooled_bytes = self._spool.waiting() if self._spool else (0, 0)
        outages = [self._outage, *([self._spool.outage] if self._spool else [])]
        since = [outage.since for outage in outages if outage.since is not None]
        with self._changed:
            return LogState(
                waiting=self._waiting,
                waiting_bytes=self._waiting_bytes,
                spooled=spooled,
                spooled_bytes=spooled_bytes,
                written=self._spool.written if self._spool else self._written,
                dropped=self._dropped,
                error=" ".join(outage.error for outage in outages if outage.error) or None,
                failing_since=min(since, default=None),
            )

    def close(self, timeout: float = 10.0) -> None:
        """Writes all waiting records within `timeout` seconds, and accepts no more.

        If the bucket is down, the records stay in the spool for the next start. Records that cannot be written even to
        the disk by then are counted as dropped. A second call does nothing.

        Do not call it from a signal handler, which may have interrupted a `write`. Let the handler end the ``with``
        block, as ``signal.signal(SIGTERM, lambda *_: sys.exit())`` does, or use the server's own shutdown.
        """
        atexit.unregister(self.close)
        deadline = time.monotonic() + timeout
        with self._changed:
            if self._deadline is None:
                self._deadline, self._not_before = deadline, 0.0
            self._changed.notify()
        self._thread.join(timeout + 1.0)
        if self._spool:
            self._spool.close(deadline - time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self, entry: _Entry) -> None:
        with self._changed:
            full = self._waiting + entry.rows > self.most_waiting or self._waiting_bytes + entry.size > self.most_bytes
            if full or self._deadline is not None:
                self._drop(entry.rows, "too many are waiting" if full else "the log is closed")
                return
            wake = not self._arrived or not self._enough()
            if not self._arrived:
                self._oldest = time.monotonic()
            self._arrived.append(entry)
            self._arrived_rows += entry.rows
            self._waiting += entry.rows
            self._waiting_bytes += entry.size
            if wake and (len(self._arrived) == 1 or self._enough()):
                self._changed.notify()

    def _enough(self) -> bool:
        """Whether enough has arrived to be written at once: `rows` records, or half of what may wait."""
        half_full = self._waiting * 2 >= self.most_waiting or self._waiting_bytes * 2 >= self.most_bytes
        return self._arrived_rows >= self.rows or half_full

    def _drop(self, rows: int, why: str) -> None:
        self._dropped += rows
        if not self._dropping:
            log.error("Predictions are dropped: %s. They are counted; this message appears once.", why)
        self._dropping = True

    # --- the writer's side -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            for entry in self._wait():
                self._add(entry)
            try:
                self._flush()
            except Exception as error:  # most likely an error of the disk; the log has to go on after any error
                self._pause(self._outage.failed(error))
            if self._finished():
                return

    def _finished(self) -> bool:
        """Whether the log is closed, and nothing is left or the time is over."""
        with self._changed:
            if self._deadline is None:
                return False
            if self._batches and time.monotonic() >= self._deadline:
                self._drop(self._waiting, "the log is closed, and they could not be written")
                self._batches, self._waiting, self._waiting_bytes = {}, 0, 0
            return not self._batches and not self._arrived

    def _pause(self, seconds: float) -> None:
        with self._changed:
            closing = self._deadline is not None
            self._not_before = time.monotonic() + (min(seconds, FIRST_WAIT) if closing else seconds)

    def _wait(self) -> list[_Entry]:
        """Waits until it is time to write. Returns the entries that have arrived."""
        with self._changed:
            while (due := self._due()) > (now := time.monotonic()):
                self._changed.wait(None if due == math.inf else due - now)
            taken, self._arrived, self._arrived_rows = self._arrived, [], 0
            return taken

    def _due(self) -> float:
        """When to write next, on the monotonic clock."""
        if self._deadline is not None:
            return min(self._not_before, self._deadline)
        if self._batches:  # the last attempt failed
            return self._not_before
        if not self._arrived:
            return math.inf
        return 0.0 if self._enough() else self._oldest + PUNCTUAL * self.seconds

    def _add(self, entry: _Entry) -> None:
        """Adds an entry's lines to the batch of its hour. An entry that cannot be converted to text is dropped."""
        lines, why = entry.content, ""
        if isinstance(lines, _Rows):
            try:
                lines = lines.lines()
            except BaseException as error:  # Polars panics on types without JSON; a panic is not an Exception
                lines, why = b"", f"a table cannot be written as JSON: {error}"
        with self._changed:
            self._waiting_bytes += len(lines) - entry.size
            if why:
                self._waiting -= entry.rows
                self._drop(entry.rows, why)
        if lines:
            self._batches.setdefault(entry.hour, []).append(lines)

    def _flush(self) -> None:
        """Writes the batches, hour by hour. A batch that fails is kept."""
        for hour in list(self._batches):
            lines = b"".join(self._batches[hour])
            self._sink.keep(hour, lines)
            del self._batches[hour]
            rows = lines.count(b"\n")
            with self._changed:
                self._waiting -= rows
                self._waiting_bytes -= len(lines)
                self._written += rows
                self._dropping = self._dropping and self._waiting > 0
        self._outage.ended()


def _moment(value: object) -> datetime:
    """The time of `value`, in UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise UsageError(
            f"Found the time {value!r} in a prediction; expected a datetime with a time zone, or RFC 3339."
        )
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _plain(value: object) -> object:
    """A value for JSON in place of one that msgspec does not know: a number of NumPy as number, others as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def _encoded(record: Mapping[str, object]) -> bytes:
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        return _encoder.encode(_without_surrogates(msgspec.to_builtins(record, enc_hook=_plain)))


def _without_surrogates(value: Any) -> Any:
    """`value` with a ``?`` for each lone surrogate, which a request may contain but UTF-8 cannot encode."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
    return [_without_surrogates(inner) for inner in value] if isinstance(value, list) else value


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "foresell"
