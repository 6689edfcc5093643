"""Finds series that are totals of others, such as rows called "Total" in an export.

Such a series is counted twice in every sum. foresell adds up all levels itself, so it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.data.cube import Cube, key_texts
from foresell.data.finding_codes import finding

FEWEST_PARTS = 2  # a series that equals one other is a copy, not a total
FEWEST_PERIODS = 6  # equal sums in fewer periods may be chance


def without_totals(cube: Cube, keys: Sequence[str], where: str) -> Cube:
    """The cube without the series that equal, in every period, the sum of the others of their group.

    Groups are the series that share all keys but one, then all series. Totals of totals are found, too.
    """
    left_out: list[pl.DataFrame] = []
    while (total := _totals(cube, keys)).any():
        left_out.append(cube.series.filter(pl.Series(total)).select(keys))
        cube = cube.only(~total)
    if left_out:
        names = pl.concat(left_out)
        message = f"{names.height:,} series equal the sum of others in every period and are left out"
        cube.findings.append(finding("total-series", where, names.height, message, key_texts(names)))
    return cube


def _totals(cube: Cube, keys: Sequence[str]) -> np.ndarray:
    """Which series are totals of the first kind of group that has any: bool [series]."""
    volumes = np.array([np.where(row > 0, row, 0).sum(dtype=np.float64) for row in cube.units])  # NaN and ABSENT are 0
    groupings = [[other for other in keys if other != key] for key in keys if len(keys) > 1] + [[]]
    for by in groupings:
        group = cube.series.select(pl.struct(by).rank("dense") - 1).to_series().to_numpy() if by else None
        group = np.zeros(len(volumes), np.int64) if group is None else group.astype(np.int64)
        sums, sizes = np.bincount(group, volumes), np.bincount(group)
        may_be = (
            (np.abs(2 * volumes - sums[group]) <= 1e-6 * sums[group]) & (sizes[group] > FEWEST_PARTS) & (volumes > 0)
        )
        total = np.zeros(len(volumes), bool)
        for row in np.flatnonzero(may_be):
            total[row] = _is_sum(cube.units, int(row), np.flatnonzero(group == group[row]))
        if total.any():
            return total
    return np.zeros(len(volumes), bool)


def _is_sum(units: np.ndarray, row: int, group: np.ndarray) -> bool:
    """Whether series `row` is the sum of the other series of its `group` in every period."""
    own = np.nan_to_num(units[row].astype(np.float64), nan=0.0, neginf=0.0)
    others = np.zeros(len(own))
    parts = 0
    for member in group[group != row]:
        values = np.nan_to_num(units[member].astype(np.float64), nan=0.0, neginf=0.0)
        others += values
        parts += bool(values.any())
    enough = bool(np.count_nonzero(own) >= FEWEST_PERIODS and parts >= FEWEST_PARTS)
    return enough and bool(np.allclose(own, others, rtol=1e-5, atol=1e-3))
