"""Statistics of all series, with which a block of some series can be worked on by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Hierarchy, Level, check_columns
from foresell.core.panel import Panel


@dataclass(frozen=True)
class LevelStatistics:
    """The groups of one level.

    `groups` has one row for each group: the level's columns as text. `n_series` int64 [group] counts its series.
    `units` [group, day] and, by covariate, `known` [group, day + ahead] are sums and counts, where they were asked for.
    """

    groups: pl.DataFrame
    n_series: np.ndarray
    units: GroupSums | None = None
    known: Mapping[str, GroupSums] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.n_series)

    def rows(self, series: pl.DataFrame) -> np.ndarray:
        """The group that each of `series` belongs to: int32 [series]; `len(self)` where it belongs to none of them."""
        return _rows_among(self.groups, _labels(series, tuple(self.groups.columns)))


@dataclass(frozen=True)
class Statistics:
    """The statistics of all series that features, random draws and models need beside a block's own series.

    - `n_series`: how many series there are.
    - `days`: the first and the last day of the history; None where there is none.
    - `codes`: the values of each text column of the series, in order.
    - `known_days`: for each covariate, whether any series has a known value on a day: bool [day + ahead].
    - `levels`: the groups of each level that was asked for.

    The statistics of disjoint blocks merge into those of all their series. Merging is associative and commutative up
    to the order of groups and to float64 rounding.
    """

    n_series: int
    days: tuple[date, date] | None
    codes: Mapping[str, tuple[str, ...]]
    known_days: Mapping[str, np.ndarray]
    levels: Mapping[Level, LevelStatistics]

    @classmethod
    def of(
        cls,
        block: Panel,
        levels: Collection[Level] = (),
        *,
        units_of: Collection[Level] = (),
        prices_of: Collection[Level] = (),
        covariates_of: Collection[Level] = (),
    ) -> Statistics:
        """The statistics of the series of `block`: the groups of `levels`, and of some levels the units, the prices,
        or all covariates but the price.

        Raises UsageError where a level names a column that the series do not have.
        """
        needed = dict.fromkeys([*levels, *units_of, *prices_of, *covariates_of])
        text = [name for name, kind in block.series.schema.items() if not kind.is_numeric()]
        by_level = {}
        for level in needed:
            groups, rows, n_series = _groups(block.series, level)
            units = GroupSums.of(block.units, rows, len(n_series)) if level in units_of else None
            known = {
                name: GroupSums.of_shared(known.values, known.rows, rows, len(n_series))
                for name, known in block.known.items()
                if level in (prices_of if name == "price" else covariates_of)
            }
            by_level[level] = LevelStatistics(groups, n_series, units, known)
        return cls(
            block.n_series,
            _days(block),
            {name: tuple(block.series[name].drop_nulls().cast(pl.String).unique().sort()) for name in text},
            {name: ~np.isnan(known.values).all(axis=0) for name, known in block.known.items()},
            by_level,
        )

    def merge(self, other: Statistics) -> Statistics:
        """The statistics of the series of both, which have no series in common and the same days and columns.

        Raises UsageError where the days differ.
        """
        if self.days != other.days:
            raise UsageError(
                f"Statistics of blocks with other days cannot be merged: {_period(self.days)} and "
                f"{_period(other.days)}. Cut all blocks from one panel."
            )
        return Statistics(
            self.n_series + other.n_series,
            self.days,
            {name: tuple(sorted({*codes, *other.codes[name]})) for name, codes in self.codes.items()},
            {name: days | other.known_days[name] for name, days in self.known_days.items()},
            {level: _merged(own, other.levels[level]) for level, own in self.levels.items()},
        )

    def part(self, units_of: Collection[Level], prices_of: Collection[Level]) -> Statistics:
        """The same statistics with the units and the prices of these levels only."""
        levels = {
            level: replace(
                self.levels[level],
                units=self.levels[level].units if level in units_of else None,
                known={name: sums for name, sums in self.levels[level].known.items() if level in prices_of},
            )
            for level in dict.fromkeys([*units_of, *prices_of])
        }
        return replace(self, levels=levels)

    def covers(self, panel: Panel) -> bool:
        """Whether the statistics are of the same days as `panel` and of as many series."""
        return self.n_series == panel.n_series and self.days == _days(panel)

    def check_days(self, panel: Panel) -> None:
        """Raises UsageError where the history of `panel` has days that these statistics do not cover.

        So the statistics of a training cannot serve at a later cutoff: they lack what the groups have sold since.
        """
        days = _days(panel)
        if days and self.days and not (self.days[0] == days[0] and days[1] <= self.days[1]):
            raise UsageError(
                f"The statistics of all series are of {_period(self.days)}, but the history of the block is of "
                f"{_period(days)}. Make the statistics anew from the newest sales of all series."
            )


def _days(panel: Panel) -> tuple[date, date] | None:
    """The first and the last day of the history."""
    return (panel.dates[0].astype(object), panel.cutoff) if panel.n_days else None


def _period(days: tuple[date, date] | None) -> str:
    return f"{days[0]} to {days[1]}" if days else "no day"


def aggregate(panel: Panel, level: Level, statistics: Statistics) -> Panel:
    """`Panel.aggregate` from the `statistics` of all series, which have the units and covariates of the level.

    Only the table of all series and the calendar of `panel` are read.
    """
    sums = statistics.levels[level]
    rows = sums.rows(Hierarchy.of(panel.keys).groups(panel.series, level).frame)
    assert sums.units is not None, f"the statistics have no units of {level}"
    return panel.aggregate(level, sums.units.part(rows), {name: more.part(rows) for name, more in sums.known.items()})


def _merged(first: LevelStatistics, second: LevelStatistics) -> LevelStatistics:
    """The groups of both; those of `first` come first."""
    rows = _rows_among(first.groups, second.groups)
    fresh = rows == len(first)
    rows[fresh] = len(first) + np.arange(fresh.sum())
    n_groups = len(first) + int(fresh.sum())
    n_series = np.zeros(n_groups, np.int64)
    n_series[: len(first)] = first.n_series
    n_series[rows] += second.n_series
    groups = pl.concat([first.groups, second.groups.filter(pl.Series(fresh))])
    units = None if first.units is None or second.units is None else first.units.add(second.units, rows, n_groups)
    known = {name: sums.add(second.known[name], rows, n_groups) for name, sums in first.known.items()}
    return LevelStatistics(groups, n_series, units, known)


def _labels(series: pl.DataFrame, level: Level) -> pl.DataFrame:
    """The level's columns as text; one column of one value for the total.

    Raises UsageError for a column that is not there.
    """
    if not level or level == ("",):
        return pl.select(pl.repeat("", series.height, dtype=pl.String).alias(""))
    check_columns(series, level)
    return series.select(pl.col(level).cast(pl.String))


def _groups(series: pl.DataFrame, level: Level) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """The groups in order of first appearance, the group of each series [series], the series of each [group]."""
    labels = _labels(series, level)
    groups = labels.unique(maintain_order=True)
    rows = _rows_among(groups, labels)
    return groups, rows, np.bincount(rows, minlength=groups.height).astype(np.int64)


def _rows_among(groups: pl.DataFrame, labels: pl.DataFrame) -> np.ndarray:
    """The row of each of `labels` in `groups`, or the number of groups where there is none: int32 [label]."""
    numbered = groups.with_row_index("__group")
    joined = labels.join(numbered, on=groups.columns, how="left", maintain_order="left", nulls_equal=True)
    return joined["__group"].fill_null(groups.height).to_numpy().astype(np.int32)
