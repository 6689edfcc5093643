"""Past forecasts and how they erred, kept as Parquet tables that a dashboard can read.

| path under ``results/history/`` | holds |
|---|---|
| forecasts/cutoff=2024-03-01/MODEL.parquet | a forecast of all levels as it was made; old ones are removed |
| backtests/MODEL.parquet | by day, the errors of the backtest that a model was trained with |
| plans/KIND/2024-03-01.parquet | the plan of a kind as it was issued on the last day of its sales |
| accuracy.parquet, findings.parquet, ... | see `pipeline.graph.BESIDE` |

MODEL is the fingerprint of the training. A forecast replaces an earlier one of the same cutoff and model; a row
replaces an earlier one with the same keys of its table. The column ``made`` of a forecast has the time when it was
made, because a file that is copied may lose its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from foresell.core.frequency import calendar_day, date_of_text
from foresell.store.tables import read_table, scan_table, write_table

HISTORY = "history"
"""The folder of the history in the results of a project."""

MADE = "made"

MOST_PLANS = 400
"""So many plans of a kind are kept."""


class KeptForecast(NamedTuple):
    """A forecast in the history: its cutoff, the fingerprint of its training, and its file."""

    cutoff: date
    model: str
    path: Path

    def read(self) -> pl.DataFrame:
        return read_table(self.path)

    @property
    def last(self) -> date:
        """The last day of the forecast. Only the column of dates is read."""
        last_day = scan_table(self.path).select(pl.col("date").max()).collect().item()
        assert isinstance(last_day, date)  # every forecast has at least one day
        return last_day

    @property
    def made(self) -> datetime | None:
        """When the forecast was made, in UTC; None for one that an earlier foresell kept without this time."""
        table = scan_table(self.path)
        return table.select(MADE).head(1).collect().item() if MADE in table.collect_schema() else None


class KeptPlan(NamedTuple):
    """A plan in the history: the last day of the sales that it was made from, and its file."""

    cutoff: date
    path: Path

    def read(self) -> pl.DataFrame:
        return read_table(self.path)


class History:
    """The history whose tables lie under the folder `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def keep_forecast(self, frame: pl.DataFrame, cutoff: date, model: str) -> Path:
        """Keeps a forecast with the current time as `made`; replaces an earlier one of the same cutoff and model."""
        path = self._forecast_path(cutoff, model)
        write_table(frame.with_columns(pl.lit(datetime.now(UTC)).alias(MADE)), path)
        return path

    def has_forecast(self, cutoff: date, model: str) -> bool:
        return self._forecast_path(cutoff, model).exists()

    def forecasts(self) -> list[KeptForecast]:
        """The kept forecasts, sorted by cutoff and then by the time they were made."""
        paths = (self.root / "forecasts").glob("cutoff=*/[!.]*.parquet")  # a file that is being written has a dot
        forecasts = sorted(KeptForecast(date_of_text(p.parent.name.removeprefix("cutoff=")), p.stem, p) for p in paths)
        by_cutoff = groupby(forecasts, lambda forecast: forecast.cutoff)
        return [forecast for _, of_cutoff in by_cutoff for forecast in _sorted_by_time(list(of_cutoff))]

    def drop_forecast(self, forecast: KeptForecast) -> None:
        """Removes a kept forecast, and the folder of its cutoff where that is then empty."""
        forecast.path.unlink(missing_ok=True)
        with suppress(OSError):  # the folder is not empty
            forecast.path.parent.rmdir()

    def _forecast_path(self, cutoff: date, model: str) -> Path:
        return self.root / "forecasts" / f"cutoff={_dated(cutoff)}" / f"{model}.parquet"

    def keep_plan(self, frame: pl.DataFrame, kind: str, cutoff: date) -> None:
        """Keeps a plan with the current time as `made`, in place of one of the same kind and cutoff, and removes the
        oldest ones beyond `MOST_PLANS`."""
        path = self.root / "plans" / kind / f"{_dated(cutoff)}.parquet"
        write_table(frame.with_columns(pl.lit(datetime.now(UTC)).alias(MADE)), path)
        for old in self.plans(kind)[:-MOST_PLANS]:
            old.path.unlink(missing_ok=True)

    def plans(self, kind: str) -> list[KeptPlan]:
        """The kept plans of a kind, sorted by cutoff."""
        paths = (self.root / "plans" / kind).glob("[!.]*.parquet")
        return sorted(KeptPlan(date_of_text(path.stem), path) for path in paths)

    def keep_backtest(self, frame: pl.DataFrame, model: str) -> None:
        """Keeps the errors of the backtest of a model, by day."""
        write_table(frame, self.root / "backtests" / f"{model}.parquet")

    def backtest(self, model: str) -> pl.DataFrame | None:
        """The errors of the backtest of a model, by day; None where they were not kept."""
        path = self.root / "backtests" / f"{model}.parquet"
        return read_table(path) if path.exists() else None

    def table(self, name: str) -> pl.DataFrame | None:
        """The table `name`; None where there is none yet."""
        path = self.root / f"{name}.parquet"
        return read_table(path) if path.exists() else None

    def put(self, name: str, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        """Adds `rows` to the table `name`, in place of all its rows that have the same `keys` as one of them.

        The table is sorted by its keys; rows of equal keys stay in their order. Returns the whole table.
        """
        before = self.table(name)
        if before is not None and not before.is_empty():
            others = before.join(rows.select(keys).unique(), on=list(keys), how="anti", nulls_equal=True)
            rows = pl.concat([others, rows], how="diagonal_relaxed")
        return self._write(name, rows.sort(keys, maintain_order=True), before)

    def replace(self, name: str, rows: pl.DataFrame, key: str, value: object) -> pl.DataFrame:
        """Replaces all rows of the table `name` whose `key` is `value` by `rows`, which may be empty."""
        before = self.table(name)
        others = [] if before is None else [before.filter(pl.col(key) != value)]
        table = pl.concat([*others, rows], how="diagonal_relaxed").sort(key, maintain_order=True)
        return self._write(name, table, before)

    def _write(self, name: str, table: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
        if before is None or not table.equals(before):
            write_table(table, self.root / f"{name}.parquet")
        return table


def _dated(cutoff: date) -> str:
    """The cutoff in the name of a file, of hours with its hour."""
    return f"{calendar_day(cutoff)}{cutoff:T%H}" if isinstance(cutoff, datetime) else f"{calendar_day(cutoff)}"


def _sorted_by_time(forecasts: list[KeptForecast]) -> list[KeptForecast]:
    """The forecasts of one cutoff in the order they were made. A single one is not read.

    Forecasts without the column ``made`` are older than those with it, and are sorted by the times of their files.
    """
    if len(forecasts) < 2:
        return forecasts
    times = {forecast: forecast.made for forecast in forecasts}
    untimed = [forecast for forecast, time in times.items() if time is None]
    timed = sorted((time, forecast) for forecast, time in times.items() if time is not None)
    by_file_time = sorted(untimed, key=lambda forecast: forecast.path.stat().st_mtime_ns)
    return [*by_file_time, *(forecast for _, forecast in timed)]
