"""Finds series that are totals of others, such as rows called "Total" in an export.

Such a series is counted twice in every sum. foresell adds up all levels itself, so it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.data.cube.cells import Cube, key_texts
from foresell.data.exclusion.non_goods import are_goods, exclude_setting, setting_of
from foresell.data.finding_codes import finding
from foresell.data.total_names import total_names

FEWEST_PARTS = 2  # a series that equals one other is a copy, not a total
FEWEST_PERIODS = 6  # equal sums in fewer periods may be chance

MOST_DATES = 0.9  # a series named like a total is one where its value is that of the others on so many of its dates


def without_totals(cube: Cube, keys: Sequence[str], where: str, goods: Mapping[str, Sequence[str]] = {}) -> Cube:
    """The cube without the series that equal, in every period, the sum of the others of their group.

    Groups are the series that share all keys but one, then all series. Totals of totals are found, too. A series named
    like a total may differ on a few dates, and may have a row only at the end of a week, a month or the history. What
    `goods` lists, by key, is no total.
    """
    left_out: list[pl.DataFrame] = []
    while (total := _totals(cube, keys) & ~are_goods(cube.series, goods)).any():
        left_out.append(cube.series.filter(pl.Series(total)).select(keys))
        cube = cube.only(~total)
    named = _named(cube, keys) & ~are_goods(cube.series, goods)
    sums = np.array([bool(flag) and _is_named_sum(cube, keys, named, row) for row, flag in enumerate(named)], bool)
    if sums.any():
        left_out.append(cube.series.filter(pl.Series(sums)).select(keys))
        cube = cube.only(~sums)
    if left_out:
        names = pl.concat(left_out)
        every = "" if sums.any() else " in every period"
        message = f"{names.height:,} series equal the sum of others{every} and are left out"
        entry = finding("total-series", where, names.height, message, key_texts(names))
        values = {key: names[key].cast(pl.String).unique().sort().to_list()[:3] for key in _telling_keys(names, cube)}
        advice = f"{entry.advice} If they are goods, set '{setting_of('goods', values)}' under 'data'."
        cube.findings.append(replace(entry, advice=advice))
    if (named & ~sums).any():
        cube.findings.append(_named_totals_finding(cube.series, named[~sums], keys, where))
    return cube


def _telling_keys(totals: pl.DataFrame, cube: Cube) -> list[str]:
    """The keys whose values only the totals have; all keys where there are none."""
    known = {key: set(cube.series[key].cast(pl.String)) for key in totals.columns}
    telling = [key for key in totals.columns if not known[key] & set(totals[key].cast(pl.String))]
    return telling or totals.columns


def _named(cube: Cube, keys: Sequence[str]) -> np.ndarray:
    """Which series have a key that is named like a total: bool [series]; none where all have."""
    names = names_by_key(cube.series, keys)
    listed = [pl.col(key).cast(pl.String).is_in(values) for key, values in names.items()]
    if not listed:
        return np.zeros(cube.series.height, bool)
    named = cube.series.select(pl.any_horizontal(listed).fill_null(False)).to_series().to_numpy()
    return named & ~named.all()


def names_by_key(series: pl.DataFrame, keys: Sequence[str]) -> dict[str, list[str]]:
    """The values of each key of `series` that are named like totals; only keys that have any."""
    texts = {key: series[key].cast(pl.String) for key in keys if not series.schema[key].is_numeric()}
    names = {key: total_names(values) for key, values in texts.items()}
    return {key: values for key, values in names.items() if values}


def _is_named_sum(cube: Cube, keys: Sequence[str], named: np.ndarray, row: int) -> bool:
    """Whether a series named like a total is the sum of others: on its dates, or of all since its date before."""
    names = names_by_key(cube.series, keys)
    own_keys = cube.series.row(row, named=True)
    same = [pl.col(key) == own_keys[key] for key in keys if str(own_keys[key]) not in names.get(key, ())]
    group = cube.series.select(pl.all_horizontal(pl.lit(True), *same)).to_series()
    members = np.flatnonzero(np.broadcast_to(group.to_numpy(), named.shape) & ~named)
    own = np.nan_to_num(cube.units[row].astype(np.float64), nan=0.0, neginf=0.0)
    others = sum((np.nan_to_num(cube.units[m].astype(np.float64), nan=0.0, neginf=0.0) for m in members), 0.0 * own)
    at = np.flatnonzero(own)
    since = np.diff(np.concatenate([[0.0], np.cumsum(others)[at]]))
    return bool(len(at)) and any(np.isclose(own[at], sums).mean() >= MOST_DATES for sums in (others[at], since))


def _named_totals_finding(series: pl.DataFrame, named: np.ndarray, keys: Sequence[str], where: str) -> Finding:
    """The finding that series are named like totals and are no sums of others."""
    setting = exclude_setting(names_by_key(series, keys))
    series = series.filter(pl.Series(named))
    message = f"{series.height:,} series are named like totals, and count as goods"
    entry = finding("named-totals", where, series.height, message, key_texts(series.select(keys)))
    return replace(
        entry, advice=f"If they are totals, leave them out with '{setting}' under 'data', else list them under 'goods'."
    )


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
