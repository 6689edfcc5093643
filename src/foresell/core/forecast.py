"""A forecast: mean and quantiles for each series and step after a cutoff."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.hierarchy import Groups, Level, level_name
from foresell.core.tables import TableKind, to_kind
from foresell.core.timeline import Range
from foresell.core.words import many

LEAST_PROBABILITY, GREATEST_PROBABILITY = 0.0001, 0.9999
"""The quantiles that can be asked for. Beyond them a backtest's errors say nothing."""
_DECIMALS = 6  # of a probability in the name of its column


def quantile_column(probability: float) -> str:
    """The column of a quantile: the decimals of its probability, at least three, as in ``q025`` for 2.5 %.

    The names of rising probabilities rise too. Probabilities are named to a millionth.

    >>> quantile_column(0.5), quantile_column(0.025), quantile_column(0.0125), quantile_column(0.9999)
    ('q500', 'q025', 'q0125', 'q9999')
    """
    decimals = f"{probability:.{_DECIMALS}f}".partition(".")[2].rstrip("0")
    return f"q{decimals:0<3}"


def quantile_probability(column: str) -> float | None:
    """The probability in the name of a quantile's column; None for any other column.

    >>> quantile_probability("q025"), quantile_probability("q0125"), quantile_probability("quantity")
    (0.025, 0.0125, None)
    """
    is_quantile = re.fullmatch(r"q[0-9]{3,6}", column)
    return float(f"0.{column[1:]}") if is_quantile else None


def check_probabilities(probabilities: Sequence[float]) -> None:
    """Raises UsageError for quantiles that do not rise, that lie too far out, or that would share a column."""
    names = [quantile_column(probability) for probability in probabilities]
    inside = all(LEAST_PROBABILITY <= probability <= GREATEST_PROBABILITY for probability in probabilities)
    if not inside or names != sorted(set(names)):
        raise UsageError(
            f"The quantiles are {first_five(probabilities)}; expected rising numbers between 0 and 1: from "
            f"{LEAST_PROBABILITY} to {GREATEST_PROBABILITY}, at least a millionth apart."
        )


@dataclass(frozen=True)
class Forecast:
    """The forecast for the series of one level after `cutoff`.

    - `series`: one row per series; `keys` its naming columns.
    - `dates`: datetime64[D] [step], the days forecast; of hours datetime64[us].
    - `mean`: float32 [series, step].
    - `quantiles`: float32 [q, series, step] for the rising `probabilities`; None and empty where there are none.
    - `table_kind`: the library of the table that `to_frame` gives.
    """

    series: pl.DataFrame
    keys: Level
    cutoff: date
    dates: np.ndarray
    mean: np.ndarray
    probabilities: tuple[float, ...] = ()
    quantiles: np.ndarray | None = None
    table_kind: TableKind = TableKind.POLARS

    def __post_init__(self) -> None:
        expected = (self.series.height, len(self.dates))
        if self.mean.shape != expected:
            raise UsageError(f"A forecast's mean has shape {self.mean.shape}; expected [series, step] = {expected}.")
        if self.quantiles is not None and self.quantiles.shape != (len(self.probabilities), *expected):
            raise UsageError(
                f"A forecast's quantiles have shape {self.quantiles.shape}; expected [q, series, step] = "
                f"{(len(self.probabilities), *expected)}."
            )

    @property
    def horizon(self) -> int:
        return len(self.dates)

    def sum(self, groups: Groups) -> Forecast:
        """The mean of the groups that the series add up to. Quantiles do not add up, so they are left out."""
        keys = groups.level or ("total",)
        mean = groups.sum(self.mean).astype(np.float32)
        return Forecast(groups.frame, keys, self.cutoff, self.dates, mean)

    def with_quantiles(self, probabilities: tuple[float, ...], quantiles: np.ndarray) -> Forecast:
        """The same forecast with `quantiles` [q, series, step] around its mean."""
        return replace(self, probabilities=tuple(probabilities), quantiles=quantiles)

    def ranges(self, row: int) -> tuple[Range, ...]:
        """The central ranges of one series: between each pair of quantiles whose probabilities sum to 1."""
        if self.quantiles is None:
            return ()
        rows = {round(probability, 6): self.quantiles[q, row] for q, probability in enumerate(self.probabilities)}
        pairs = [(low, round(1 - low, 6)) for low in rows if low < 0.5 and round(1 - low, 6) in rows]
        return tuple(Range(high - low, rows[low], rows[high]) for low, high in pairs)

    def __repr__(self) -> str:
        ranges = f", {len(self.probabilities)} quantiles" if self.probabilities else ""
        return (
            f"Forecast of {self.series.height:,} series ({level_name(self.keys)}), {many(self.horizon, 'step')}{ranges}"
        )

    def to_frame(self) -> Any:
        """The table of `to_polars`, in the library of `table_kind`."""
        return to_kind(self.to_polars(), self.table_kind)

    def to_polars(self) -> pl.DataFrame:
        """One row per series and day: keys, ``cutoff``, ``date``, ``step`` (from 1), ``mean``, then ``q500`` etc."""
        n_series, horizon = self.mean.shape
        frame = self.series.select(self.keys)[np.repeat(np.arange(n_series), horizon)]
        columns = {
            "cutoff": pl.Series([self.cutoff], dtype=pl.Series(self.dates).dtype).new_from_index(0, frame.height),
            "date": pl.Series(np.tile(self.dates, n_series)),
            "step": pl.Series(np.tile(np.arange(1, horizon + 1, dtype=np.int16), n_series)),
            "mean": pl.Series(self.mean.reshape(-1)),
        }
        if self.quantiles is not None:
            for probability, values in zip(self.probabilities, self.quantiles, strict=True):
                columns[quantile_column(probability)] = pl.Series(values.reshape(-1))
        return frame.with_columns(**columns)
