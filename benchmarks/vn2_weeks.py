"""The files of the VN2 competition, as arrays: what was sold in weeks with stock, and the stock of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

KEYS = ("Store", "Product")
STATE = ("End Inventory", "In Transit W+1", "In Transit W+2")


@dataclass(frozen=True)
class Weeks:
    """Weekly sales of all series.

    `units` is float64 [series, week], NaN where a series was not in stock for the whole week, so that its sales do not
    show the demand. `mondays` [week] are the first days. `series` has the keys, and the attributes of master.csv.
    """

    series: pl.DataFrame
    mondays: tuple[date, ...]
    units: np.ndarray

    @classmethod
    def read(cls, sales: Path, in_stock: Path, master: Path) -> Weeks:
        """Reads three files. Raises ValueError where they are not of the same series and weeks."""
        sold, stocked, described = (pl.read_csv(file) for file in (sales, in_stock, master))
        if sold.columns != stocked.columns:
            odd = sorted(set(sold.columns) ^ set(stocked.columns))
            raise ValueError(
                f"{sales} and {in_stock} have different columns: {odd[:5]}; expected the same weeks in both."
            )
        keys = sold.select(KEYS)
        if not keys.equals(stocked.select(KEYS)) or keys.is_duplicated().any():
            raise ValueError(
                f"{sales} and {in_stock} have different series, or one twice; expected the same rows in both."
            )
        series = keys.join(described, on=list(KEYS), how="left", maintain_order="left")
        mondays = tuple(date.fromisoformat(name) for name in sold.columns[len(KEYS) :])
        if any(later - earlier != timedelta(7) for earlier, later in pairwise(mondays)):
            raise ValueError(f"The weeks of {sales} do not follow each other: expected a column for each Monday.")
        seen = stocked.drop(KEYS).select(pl.all().cast(pl.String).str.to_lowercase().is_in(["true", "1"])).to_numpy()
        units = np.where(seen, sold.drop(KEYS).cast(pl.Float64).to_numpy(), np.nan)
        return cls(series, mondays, units)

    @property
    def n_series(self) -> int:
        return len(self.units)

    def until(self, week: int) -> Weeks:
        """The first `week` weeks."""
        return Weeks(self.series, self.mondays[:week], self.units[:, :week])

    def ahead(self, periods: int) -> tuple[date, ...]:
        """The Mondays of all weeks and of some more."""
        last = self.mondays[-1]
        return (*self.mondays, *(last + timedelta(7 * (step + 1)) for step in range(periods)))


def read_state(path: Path, series: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The stock on hand [series], and what arrives at the beginning of the next three weeks [series, week].

    The rows may stand in any order. Raises ValueError for a series that is missing.
    """
    state = series.select(KEYS).join(pl.read_csv(path), on=list(KEYS), how="left", maintain_order="left")
    numbers = state.select(STATE).cast(pl.Float64).to_numpy()
    if np.isnan(numbers).any():
        raise ValueError(f"{path} lacks {int(np.isnan(numbers).any(axis=1).sum())} of the {len(numbers)} series.")
    return numbers[:, 0], np.column_stack([numbers[:, 1:], np.zeros(len(numbers))])
