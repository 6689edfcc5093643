"""What was forecast and what came of it, kept over time as Parquet tables that a dashboard can read.

| path under ``results/history/`` | holds |
|---|---|
| forecasts/cutoff=2024-03-01/MODEL.parquet | a forecast of all levels as it was made; the oldest make room |
| backtests/MODEL.parquet | by day, how the backtest that a model was trained with erred |
| accuracy.parquet, findings.parquet, ... | see `pipeline.graph.BESIDE` |

MODEL is the fingerprint of the training. What is kept twice is kept once: a forecast by its cutoff and model, a row by
the keys of its table. A forecast says when it was made in its column ``made``: the time of a file is lost when it is
copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from foresell.store.tables import read_table, scan_table, write_table

HISTORY = "history"
"""The folder of a project's results in which its history lies."""

MADE = "made"


class Kept(NamedTuple):
    """A forecast that was kept."""

    cutoff: date
    model: str
    path: Path

    def read(self) -> pl.DataFrame:
        return read_table(self.path)

    @property
    def last(self) -> date:
        """The last day that it is for; nothing else of it is read."""
        found = scan_table(self.path).select(pl.col("date").max()).collect().item()
        assert isinstance(found, date)  # a forecast has a day
        return found

    @property
    def made(self) -> datetime | None:
        """When it was made, in UTC; None where a foresell kept it that did not say so."""
        kept = scan_table(self.path)
        return kept.select(MADE).head(1).collect().item() if MADE in kept.collect_schema() else None


class History:
    """The tables under `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def keep_forecast(self, frame: pl.DataFrame, cutoff: date, model: str) -> Path:
        """Keeps a forecast as one made now, in place of the one of the same cutoff and model."""
        path = self._forecast(cutoff, model)
        write_table(frame.with_columns(pl.lit(datetime.now(UTC)).alias(MADE)), path)
        return path

    def has_forecast(self, cutoff: date, model: str) -> bool:
        return self._forecast(cutoff, model).exists()

    def forecasts(self) -> list[Kept]:
        """The forecasts that were kept, by cutoff, then in the order they were made."""
        paths = (self.root / "forecasts").glob("cutoff=*/*.parquet")
        found = [Kept(date.fromisoformat(p.parent.name.removeprefix("cutoff=")), p.stem, p) for p in paths]
        whole = sorted(each for each in found if not each.model.startswith("."))
        return [each for _, of_day in groupby(whole, lambda kept: kept.cutoff) for each in _as_made(list(of_day))]

    def drop_forecast(self, kept: Kept) -> None:
        """Removes a forecast that was kept, and its folder where it was the last in it."""
        kept.path.unlink(missing_ok=True)
        with suppress(OSError):  # another lies in it
            kept.path.parent.rmdir()

    def _forecast(self, cutoff: date, model: str) -> Path:
        return self.root / "forecasts" / f"cutoff={cutoff}" / f"{model}.parquet"

    def keep_backtest(self, frame: pl.DataFrame, model: str) -> None:
        """Keeps how the backtest of a model erred, by day."""
        write_table(frame, self.root / "backtests" / f"{model}.parquet")

    def backtest(self, model: str) -> pl.DataFrame | None:
        """How the backtest of a model erred; None where that was not kept."""
        path = self.root / "backtests" / f"{model}.parquet"
        return read_table(path) if path.exists() else None

    def table(self, name: str) -> pl.DataFrame | None:
        """The table `name`; None where nothing was written to it yet."""
        path = self.root / f"{name}.parquet"
        return read_table(path) if path.exists() else None

    def put(self, name: str, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        """Adds `rows` to the table `name`: all rows that have the same `keys` as one of them make way.

        The table is sorted by its keys, then as given. Returns the whole table.
        """
        before = self.table(name)
        if before is not None and not before.is_empty():
            stay = before.join(rows.select(keys).unique(), on=list(keys), how="anti", nulls_equal=True)
            rows = pl.concat([stay, rows], how="diagonal_relaxed")
        return self._write(name, rows.sort(keys, maintain_order=True), before)

    def replace(self, name: str, rows: pl.DataFrame, key: str, value: object) -> pl.DataFrame:
        """Puts `rows`, which may be none, in the place of all rows of the table `name` whose `key` is `value`."""
        before = self.table(name)
        stay = [] if before is None else [before.filter(pl.col(key) != value)]
        return self._write(
            name, pl.concat([*stay, rows], how="diagonal_relaxed").sort(key, maintain_order=True), before
        )

    def _write(self, name: str, rows: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
        if before is None or not rows.equals(before):
            write_table(rows, self.root / f"{name}.parquet")
        return rows


def _as_made(of_day: list[Kept]) -> list[Kept]:
    """The forecasts of one cutoff in the order they were made; nothing is read where there is one only.

    Those that do not say when are older than those that do, and come in the order of their files' times.
    """
    if len(of_day) < 2:
        return of_day
    when = {each: each.made for each in of_day}
    unsaid = [each for each, made in when.items() if made is None]
    said = sorted((made, each) for each, made in when.items() if made is not None)
    return [*sorted(unsaid, key=lambda each: each.path.stat().st_mtime_ns), *(each for _, each in said)]
