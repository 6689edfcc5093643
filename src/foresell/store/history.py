"""What was forecast and what came of it, kept over time as Parquet tables that a dashboard can read.

| path under ``results/history/`` | holds |
|---|---|
| forecasts/cutoff=2024-03-01/MODEL.parquet | a forecast of all levels as it was made |
| backtests/MODEL.parquet | by day, how the backtest that a model was trained with erred |
| accuracy.parquet, findings.parquet, ... | see `layout.HISTORY_FILES` |

MODEL is the fingerprint of the training. What is kept twice is kept once: a forecast by its cutoff and model, a row by
the keys of its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from foresell.store.tables import read_table, write_table


class Kept(NamedTuple):
    """A forecast that was kept."""

    cutoff: date
    model: str
    path: Path

    def read(self) -> pl.DataFrame:
        return read_table(self.path)


class History:
    """The tables under `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def keep_forecast(self, frame: pl.DataFrame, cutoff: date, model: str) -> Path:
        """Keeps a forecast, in place of the one of the same cutoff and model."""
        path = self._forecast(cutoff, model)
        write_table(frame, path)
        return path

    def has_forecast(self, cutoff: date, model: str) -> bool:
        return self._forecast(cutoff, model).exists()

    def forecasts(self) -> list[Kept]:
        """The forecasts that were kept, by cutoff, then in the order they were made."""
        paths = (self.root / "forecasts").glob("cutoff=*/*.parquet")
        found = [Kept(date.fromisoformat(p.parent.name.removeprefix("cutoff=")), p.stem, p) for p in paths]
        return sorted(
            (each for each in found if not each.model.startswith(".")),
            key=lambda each: (each.cutoff, each.path.stat().st_mtime_ns, each.model),
        )

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
