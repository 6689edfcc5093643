"""The coarser group that each group of a panel of sums lies in."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.panel import Panel

LEVEL = "level"
"""The column of the panel of sums that names the level of a series."""


def levels_of(sums: Panel) -> list[np.ndarray]:
    """The rows of each level of a panel of sums, in the order of the panel."""
    if LEVEL not in sums.series.columns:
        return [np.arange(sums.n_series)]
    names = sums.series[LEVEL].to_numpy()
    return [np.flatnonzero(names == name) for name in dict.fromkeys(names)]


def parents(sums: Panel) -> np.ndarray:
    """The row of each group's parent: int64 [series], -1 for a group that lies in none.

    The parent is the group that holds it, of the level that has fewer groups and of these the most. All groups of a
    level have parents of one level, or none.
    """
    levels = sorted(levels_of(sums), key=len)
    parent = np.full(sums.n_series, -1)
    for number, rows in enumerate(levels):
        for other in levels[:number]:
            holders = _holders(sums.series, rows, other)
            if len(other) < len(rows) and (holders >= 0).all():
                parent[rows] = holders  # a finer level overwrites a coarser one
    return parent


def _holders(series: pl.DataFrame, rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The row among `other`, groups of one level, that holds each of `rows`: int64, -1 where there is none."""
    groups = series[other]
    columns = [name for name in groups.columns if name != LEVEL and groups[name].null_count() == 0]
    if not columns:  # the total holds all
        return np.full(len(rows), other[0] if len(other) == 1 else -1)
    numbered = groups.select(columns).with_columns(__row=pl.Series(other, dtype=pl.Int64))
    if numbered.select(columns).is_duplicated().any():
        return np.full(len(rows), -1)
    joined = series[rows].select(columns).join(numbered, on=columns, how="left", maintain_order="left")
    return joined["__row"].fill_null(-1).to_numpy()
