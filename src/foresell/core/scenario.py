"""Scenarios: the same panel with another price or promotion ahead, for some of the series and days."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import date_text
from foresell.core.panel import Known, Panel

_SWITCH = {"on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0}


@dataclass(frozen=True)
class Change:
    """Another value for a covariate: `value` itself, or with `relative` a share by which it changes (-0.1: 10 % less).

    >>> Change.of("price", "-10 %"), Change.of("price", 1.99)
    (Change(covariate='price', value=-0.1, relative=True), Change(covariate='price', value=1.99, relative=False))
    """

    covariate: str
    value: float
    relative: bool = False

    @classmethod
    def of(cls, covariate: str, text: str | float) -> Change:
        """The change that `text` describes: a number, ``on`` or ``off``, or a percentage with or without its sign.

        Raises UsageError for what is none of these, for a price below 0 and for a decrease by more than 100 %.
        """
        plain = str(text).strip().lower()
        relative = plain.endswith("%")
        number = plain.removesuffix("%").strip().replace("\N{MINUS SIGN}", "-")
        if re.fullmatch(r"[+-]?\s*\d*\.?\d+", number):
            value = float(re.sub(r"\s", "", number))
        else:
            value = _SWITCH.get(plain, math.nan)
        if math.isnan(value):
            raise UsageError(
                f"'{text}' is no value for '{covariate}'; expected a number such as 1.99, a change such as -10%, or on "
                "and off."
            )
        if value < (-100 if relative else 0 if covariate == "price" else -math.inf):
            raise UsageError(f"The change of '{covariate}' to '{text}' would make it negative; give a smaller one.")
        return cls(covariate, value / 100 if relative else value, relative)

    def __str__(self) -> str:
        return f"{self.covariate} {100 * self.value:+g} %" if self.relative else f"{self.covariate} {self.value:g}"


def series_where(series: pl.DataFrame, where: Mapping[str, object]) -> np.ndarray:
    """The rows of the `series` table whose columns have these values, written as text: int64; all where none is given.

    Raises UsageError for a column that is not there, and for values that no series has, with the nearest ones.
    """
    missing = [column for column in where if column not in series.columns]
    if missing:
        raise UsageError(f"The series have no column {first_five(missing)}; they have {', '.join(series.columns)}.")
    texts = series.select(pl.col(column).cast(pl.String) for column in where)
    for column, value in where.items():
        known = texts[column].drop_nulls().unique().sort()
        if str(value) not in known:
            near = difflib.get_close_matches(str(value), known.to_list(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {first_five(known)}."
            raise UsageError(f"No series has '{column}' {value}; {hint}")
    rows = np.arange(series.height)
    for column, value in where.items():
        rows = rows[(texts[column] == str(value)).fill_null(False).to_numpy()[rows]]
    if not len(rows):
        named = ", ".join(f"{column}={value}" for column, value in where.items())
        raise UsageError(f"Each of {named} is there, but no series has all of them together.")
    return rows


def scenario(
    panel: Panel, changes: Mapping[str, str | float], series: np.ndarray, first: date | str, last: date | str
) -> Panel:
    """The panel with `changes` (what `Change.of` takes, by covariate) for rows `series`, from `first` to `last`.

    Both days lie after the cutoff. `panel` does not change, and shares the memory of everything else with the result.
    A series that shares its row of a covariate with others, such as the pay days of a state, gets a row of its own.

    Raises UsageError for a covariate that the panel does not have, for days before the cutoff or beyond the last known
    day, and for a percentage of a value that is not known.
    """
    days = days_ahead(panel, first, last)
    changed = _changes(panel, changes)
    known = {change.covariate: _changed(panel, change, np.asarray(series), days) for change in changed}
    return replace(panel, known={**panel.known, **known})


def changed_ahead(
    panel: Panel, changes: Mapping[str, str | float], series: np.ndarray, horizon: int
) -> dict[str, np.ndarray]:
    """The values that `changes` give rows `series` on the first `horizon` days ahead: float32 [series, step] by
    covariate, as `panel_of_rows` takes them. Raises UsageError as `scenario` does."""
    days = days_ahead(panel, *panel.ahead(horizon)[[0, -1]].astype(object))
    return {change.covariate: other_values(panel, change, series, days) for change in _changes(panel, changes)}


def _changes(panel: Panel, changes: Mapping[str, str | float]) -> list[Change]:
    """The changes of covariates, all of which the panel has."""
    known = f"it has {', '.join(panel.known)}" if panel.known else "it has none"
    for covariate in changes:
        if covariate not in panel.known:
            raise UsageError(f"The panel has no covariate '{covariate}' that is known ahead; {known}.")
    return [Change.of(covariate, text) for covariate, text in changes.items()]


def panel_of_rows(panel: Panel, members: np.ndarray, ahead: Mapping[str, np.ndarray]) -> Panel:
    """The panel of rows `members` [series] with other values of covariates on the first days ahead.

    `ahead` has the other values by covariate, float [series, step]; NaN keeps the known value. A row may occur several
    times, with other values each time. Covariates that the panel does not have are ignored.
    """
    part = panel.part(members)
    known = dict(part.known)
    for name in known.keys() & ahead.keys():
        steps = ahead[name].shape[1]
        values = np.full((len(members), max(known[name].values.shape[1], panel.n_days + steps)), np.nan, np.float32)
        values[:, : known[name].values.shape[1]] = known[name].on(slice(None))
        days = slice(panel.n_days, panel.n_days + steps)
        values[:, days] = np.where(np.isnan(ahead[name]), values[:, days], ahead[name])
        known[name] = Known.of_each(values)
    return replace(part, known=known)


def days_ahead(panel: Panel, first: date | str, last: date | str) -> slice:
    """The days from `first` to `last` (of the periods they lie in) as indices of the panel's days.

    Raises UsageError where they are not days after the cutoff that the panel reaches.
    """
    begin, end = panel.day_of(first), panel.last_day_of(last)
    noun = panel.frequency.noun
    if begin > end:
        raise UsageError(f"The first {noun}, {first}, lies after the last one, {last}.")
    if begin < panel.n_days:
        raise UsageError(
            f"{first} is not ahead: sales are known until {panel.cutoff}, and the past cannot be changed. Give "
            f"{noun}s from {date_text(panel.ahead(1)[0])} on."
        )
    reach = min([len(panel.dates), *(known.values.shape[1] for known in panel.known.values())])
    if end >= reach:
        until = date_text(panel.dates[reach - 1])
        raise UsageError(
            f"What is known ahead ends with {until}; {last} lies after it. Give {noun}s until then, or bring a longer "
            "'data.future' or calendar."
        )
    return slice(begin, end + 1)


def _changed(panel: Panel, change: Change, series: np.ndarray, days: slice) -> Known:
    known = panel.known[change.covariate]
    sources, first, place = np.unique(known.rows[series], return_index=True, return_inverse=True)
    values = np.concatenate([known.values, known.values[sources]])
    values[len(known.values) :, days] = other_values(panel, change, series, days)[first]
    rows = known.rows.copy()
    rows[series] = len(known.values) + place
    return Known(values, rows)


def other_values(panel: Panel, change: Change, series: np.ndarray, days: slice) -> np.ndarray:
    """The values of the covariate for rows `series` on `days` after the change: float [series, days].

    Raises UsageError for a percentage of a value that is not known.
    """
    known = panel.known[change.covariate]
    before = known.values[known.rows[series], days]
    if not change.relative:
        return np.full(before.shape, change.value, np.float32)
    if np.isnan(before).any():
        rows = series[np.isnan(before).any(axis=1)]
        names = first_five(" · ".join(map(str, row)) for row in panel.series.select(panel.keys)[rows].rows())
        raise UsageError(
            f"The {change.covariate} of {len(rows)} of the series is not known on all of these days, so it cannot "
            f"change by a percentage: {names}. Give the value itself."
        )
    return before * (1 + change.value)


def steps_between(panel: Panel, horizon: int, first: date | str | None, last: date | str | None) -> slice:
    """The steps, from 0, of the days (periods) in which `first` and `last` lie."""
    begin = 0 if first is None else panel.day_of(first) - panel.n_days
    end = horizon - 1 if last is None else panel.last_day_of(last) - panel.n_days
    if not 0 <= begin <= end < horizon:
        noun, (begins, ends) = panel.frequency.noun, map(date_text, panel.ahead(horizon)[[0, -1]])
        span = f"{begins if first is None else first} to {ends if last is None else last}"
        raise UsageError(
            f"The forecast is for the {horizon} {noun}{'' if horizon == 1 else 's'} from {begins} to {ends}, "
            f"not for {span}. Give {noun}s in that order within it."
        )
    return slice(begin, end + 1)
