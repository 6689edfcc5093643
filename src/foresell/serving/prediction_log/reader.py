"""Reads logged predictions. Lines that a killed process left incomplete are skipped and counted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from foresell.core.errors import StoreError, UnreadableFile
from foresell.store.objects import Bucket
from foresell.store.tables import is_remote


class Logged(NamedTuple):
    """Predictions, a row for each, and the number of lines that could not be read (`torn`)."""

    frame: pl.DataFrame
    torn: int


def read_predictions(place: str | Path, first: date | None = None, last: date | None = None) -> Logged:
    """The predictions logged at `place` on the days (UTC) `first` to `last`, ordered by time.

    The columns are the fields of the records: ``time`` is a Datetime in UTC, objects are structs. A field that a record
    lacks is null. A field with several types gets a type that holds all of them.

    Raises StoreError where the place cannot be read, and UsageError for an invalid address.
    """
    hours = list(hours_of_predictions(place, first, last))
    try:
        frame = pl.concat([pl.DataFrame(), *(hour.frame for hour in hours)], how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise _mixed(str(place), error) from error
    return Logged(frame, sum(hour.torn for hour in hours))


def hours_of_predictions(place: str | Path, first: date | None = None, last: date | None = None) -> Iterator[Logged]:
    """The same hour by hour, for more predictions than fit in memory. An hour has the columns of its records."""
    source = _Objects(str(place)) if is_remote(place) else _Files(Path(place))
    names = [name for name in source.names(_common(first, last)) if _between(name, first, last)]
    for hour, files in groupby(names, key=lambda name: name.rpartition("/")[0]):
        try:
            yield _hour([source.get(name) for name in files])
        except pl.exceptions.PolarsError as error:
            raise _mixed(f"{place}/{hour}", error) from error


class _Files:
    def __init__(self, root: Path):
        self.root = root

    def names(self, day: str) -> list[str]:
        if not self.root.is_dir():
            raise StoreError(f"{self.root} could not be read: it is not a folder. Check the path.")
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(f"{day}*/hour=*/*.jsonl"))

    def get(self, key: str) -> bytes:
        try:
            return (self.root / key).read_bytes()
        except OSError as error:
            raise StoreError(f"{self.root / key} could not be read: {error.strerror}.") from error


class _Objects:
    def __init__(self, address: str):
        self.bucket = Bucket(address)

    def names(self, day: str) -> list[str]:
        names = self.bucket.names(day if day != "date=" else "")  # a bucket lists complete folder names only
        return [name for name in names if name.startswith("date=") and name.endswith(".jsonl")]

    def get(self, name: str) -> bytes:
        return self.bucket.get(name)


def _common(first: date | None, last: date | None) -> str:
    """The common prefix of the folders of all wanted days, so that one day of a long log is listed quickly."""
    return f"date={first}" if first is not None and first == last else "date="


def _between(name: str, first: date | None, last: date | None) -> bool:
    """Whether ``date=2026-11-20/…`` is one of the wanted days. ISO dates are compared as text."""
    day = name.removeprefix("date=")[:10]
    return (first is None or day >= first.isoformat()) and (last is None or day <= last.isoformat())


def _mixed(where: str, error: Exception) -> UnreadableFile:
    reason = str(error).splitlines()[0].rstrip(".")
    return UnreadableFile(
        f"The predictions in {where} do not fit one table: a field is a list or an object in some records and a plain "
        f"value in others ({reason}). Read fewer days, so that all records are of one kind."
    )


def _hour(files: list[bytes]) -> Logged:
    """The records of an hour. The lines are checked one by one only where they cannot be read together."""
    text, torn = b"\n".join(files), 0
    try:
        frame = _frame(text)
    except pl.exceptions.PolarsError:
        lines = [line for line in text.split(b"\n") if line]
        good = [line for line in lines if _is_record(line)]
        frame, torn = _frame(b"\n".join(good)), len(lines) - len(good)
    if "time" in frame.columns:
        moment = pl.col("time").cast(pl.String).str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        frame = frame.with_columns(moment).sort("time", maintain_order=True)
    return Logged(frame, torn)


def _frame(text: bytes) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(text), infer_schema_length=None) if text.strip() else pl.DataFrame()


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
