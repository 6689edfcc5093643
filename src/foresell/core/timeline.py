"""The lines of a chart over time as plain data: sales and forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.arguments import column_names
from foresell.core.errors import UsageError, first_five, suggestion
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.words import number


@dataclass(frozen=True)
class Range:
    """A range that a `share` of the actuals is expected in, from `low` to `high`: float [step]."""

    share: float
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class ForecastLine:
    """A forecast by the name it has in the legend: `mean` float [step] on `dates` datetime64[D] [step]."""

    name: str
    dates: np.ndarray
    mean: np.ndarray
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """One series or group: `units` float [day] sold on `dates`, NaN where not known, and its forecasts."""

    title: str
    dates: np.ndarray
    units: np.ndarray
    forecasts: tuple[ForecastLine, ...] = ()
    cutoffs: tuple[np.datetime64, ...] = ()


@dataclass(frozen=True)
class ChosenGroups:
    """The groups of a level that a chart shows: `rows` of `groups.frame`, the largest first, of `count` that fit."""

    groups: Groups
    rows: np.ndarray
    count: int

    @classmethod
    def of(
        cls,
        series: pl.DataFrame,
        units: np.ndarray,
        level: Level,
        keys: Level,
        where: Mapping[str, object],
        most: int,
    ) -> ChosenGroups:
        """At most `most` groups of `level` whose columns have the values `where`; `units` [series, day] rank them.

        Raises UsageError for a column or a value that is not there.
        """
        groups = Hierarchy.of(keys).groups(series, level)
        chosen = np.ones(len(groups), bool)
        for column, value in where.items():
            values = groups.frame[column]
            chosen &= _equal(values, value)
            if not chosen.any():
                known = [_text(of) for of in values.unique().sort().to_list()]
                raise UsageError(
                    f"No series has {column}={value!r}{_also(where, column)}; there are {first_five(known)}."
                    f"{suggestion(str(value), known)}"
                )
        volume = np.bincount(groups.rows, np.nansum(units, axis=1, dtype=np.float64), len(groups))
        rows = np.flatnonzero(chosen)
        return cls(groups, rows[np.argsort(-volume[rows], kind="stable")][:most], len(rows))

    def title(self, row: int) -> str:
        return " · ".join(map(_text, self.groups.frame.row(row)))

    def units(self, units: np.ndarray, row: int) -> np.ndarray:
        """The sales of the group: float64 [day], known where those of any of its series [series, day] are."""
        members = units[self.groups.rows == row]
        total = np.nansum(members, axis=0, dtype=np.float64)
        return np.where(np.isnan(members).all(axis=0), np.nan, total)

    def note(self, noun: str = "") -> str:
        """How many groups are left out, in words; empty where there are none."""
        left_out = self.count > len(self.rows)
        return f"the {len(self.rows)} largest of {number(self.count)}{noun}" if left_out else ""


def _equal(values: pl.Series, value: object) -> np.ndarray:
    """Which of `values` are `value`, or are written like it: bool [row]. None and NaN are equal to what is not known.

    >>> _equal(pl.Series([1.0, 2.5, None]), 1).tolist(), _equal(pl.Series([True, None]), None).tolist()
    ([True, False, False], [False, True])
    """
    missing = values.is_null() | (values.is_nan().fill_null(False) if values.dtype.is_float() else False)
    if _missing(value):
        return missing.to_numpy()
    same = pl.Series([_text(of) == _text(value) for of in values.to_list()], dtype=pl.Boolean)
    try:
        given = pl.Series([value])
        of_type = given.cast(values.dtype)
        if of_type.cast(given.dtype).equals(given):  # 1.5 is no whole number
            same |= (values == of_type[0]).fill_null(False)
    except (TypeError, pl.exceptions.PolarsError):
        pass  # a value of another kind equals none
    return (same & ~missing).to_numpy()


def _text(value: object) -> str:
    """A value of a column in words; a time at midnight is a date, and what is not known says so."""
    return "unknown" if _missing(value) else str(value).removesuffix(" 00:00:00")


def _missing(value: object) -> bool:
    """Whether the value is one of those that Python, NumPy and pandas have for what is not known."""
    return not isinstance(value, str) and str(value) in ("None", "nan", "NaT", "<NA>")


def level_for(where: Mapping[str, object], level: Sequence[str] | None, levels: Sequence[Level]) -> Level:
    """The level to show: `level` where it is given, or else the first of `levels` that has the columns of `where`.

    Raises UsageError where there is none.
    """
    fitting = [of for of in levels if set(where) <= set(of)] if level is None else []
    if level is not None:
        wanted = column_names(level, "level")
        fitting = [of for of in levels if set(of) == set(wanted)]
    if not fitting or not set(where) <= set(fitting[0]):
        names = first_five(level_name(of) for of in levels)
        wanted_name = level_name(tuple(where)) if level is None else level_name(column_names(level, "level"))
        raise UsageError(
            f"There is no level with the columns of {wanted_name}; the levels are {names}. Choose by columns of these, "
            f"or forecast another level: `levels=[{tuple(where) if level is None else tuple(level)}]`."
        )
    return fitting[0]


def _also(where: Mapping[str, object], column: str) -> str:
    others = [f"{name}={value!r}" for name, value in where.items() if name != column]
    return f" beside {first_five(others)}" if others else ""
