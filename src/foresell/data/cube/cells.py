"""The cube of sales: its series, its cells, and how rows find their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.data.sales_rows import COVARIATE, UNITS, distinct_keys_like

SERIES, CELL = "__series", "__cell"
ABSENT = -np.inf  # in `Cube.units`: the table has no row for this series and period


@dataclass
class Cube:
    """The sales as the files have them, before `panel_assembly` decides what an absent row means.

    - `series`: keys, sorted by them, then attributes.
    - `first`: the first date; `n_days` periods of history from there.
    - `units`: float32 [series, day]: NaN = unknown, ABSENT = no row.
    - `known`: covariates, float32 [series, day + ahead], NaN where no row has a value.
    - `bad`: rows that were found bad by comparing rows, as in `SalesRows.bad`.
    - `stockouts`: the cells whose units are unknown because of a stock-out: keys, ``date``, ``sold``.
    """

    series: pl.DataFrame
    first: np.datetime64
    units: np.ndarray
    known: dict[str, np.ndarray] = field(default_factory=dict)
    bad: list[pl.DataFrame] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stockouts: pl.DataFrame | None = None

    @property
    def n_days(self) -> int:
        return self.units.shape[1]

    def only(self, kept: np.ndarray) -> Cube:
        """The cube with the series of which `kept` [series] is true."""
        series = self.series.filter(pl.Series(kept))
        known = {name: values[kept] for name, values in self.known.items()}
        stockouts = self.stockouts
        if stockouts is not None:
            keys = [name for name in stockouts.columns if name in series.columns]
            stockouts = stockouts.join(series.select(keys), on=keys, how="semi", maintain_order="left")
        return replace(self, series=series, units=self.units[kept], known=known, stockouts=stockouts)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its Categorical columns as String."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def key_texts(keys: pl.DataFrame) -> list[str]:
    """The first five rows of keys as text, for the examples of a finding.

    >>> key_texts(pl.DataFrame({"store": ["S1"], "item": [7]}))
    ['S1 7']
    """
    return [" ".join(map(str, row)) for row in keys.head(5).iter_rows()]


def repeated_cells(cell: np.ndarray, n_cells: int) -> np.ndarray:
    """Whether a later row has the same cell: bool [row]. `cell` int64 [row] lies between 0 and `n_cells` - 1.

    >>> repeated_cells(np.array([0, 2, 0]), 3).tolist()
    [True, False, False]
    """
    rows = np.arange(len(cell), dtype=np.int32)
    last = np.full(n_cells, -1, np.int32)
    last[cell] = rows
    return last[cell] != rows


def row_numbers(frame: pl.DataFrame, table: pl.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """The number of the row of `table` that has the `keys` of each row of `frame`, -1 where none has: int32 [row]."""
    numbered = distinct_keys_like(table.select(keys), frame).with_row_index(SERIES)
    numbers = frame.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left")[SERIES]
    return numbers.cast(pl.Int32).fill_null(-1).to_numpy()


def fold_periods(values: np.ndarray, period: np.ndarray, count: int, *, mean: bool = False) -> np.ndarray:
    """The sums (or means) of the known `values` [row, day] in each `period` [day]: float32 [row, period].

    NaN where no value of the period is known. Days whose period is not between 0 and `count` - 1 are ignored.
    """
    folded = np.full((len(values), count), np.nan, np.float32)
    for number in np.unique(period[(period >= 0) & (period < count)]):
        days = values[:, period == number]
        known = ~np.isnan(days)
        n_known = known.sum(axis=1)
        sums = np.where(known, days, 0).sum(axis=1, dtype=np.float64)
        folded[:, number] = np.where(n_known > 0, sums / np.maximum(n_known, 1) if mean else sums, np.nan)
    return folded


def fill_cells(frame: pl.DataFrame, n_series: int, n_days: int, total: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The values in their cells: units [series, day] and covariates [series, day + ahead]."""
    frame = frame.filter(pl.col(CELL) < total)
    cell = frame[SERIES].to_numpy().astype(np.int64) * total + frame[CELL].to_numpy()
    known = {}
    for name in (column for column in frame.columns if column.startswith(COVARIATE)):
        values = np.full((n_series, total), np.nan, np.float32)
        values.reshape(-1)[cell] = frame[name].cast(pl.Float32).to_numpy()
        known[name.removeprefix(COVARIATE)] = values
    past = (frame[CELL] < n_days).to_numpy()
    units = np.full((n_series, n_days), ABSENT, np.float32)
    units[frame[SERIES].to_numpy()[past], frame[CELL].to_numpy()[past]] = frame[UNITS].cast(pl.Float32).to_numpy()[past]
    return units, known
