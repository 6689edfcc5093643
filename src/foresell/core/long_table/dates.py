"""The dates of a long table, and whether they lie as far apart as its frequency says."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five, warn
from foresell.core.frequency import Frequency, month_ends
from foresell.core.key_texts import TEXTS
from foresell.core.long_table.columns import Columns, code, first_rows, rows_of
from foresell.core.tables import GivenTable, TableKind

_APART, _FEW = 3 * 365, 0.01  # stray dates lie so many days from all others, and are at most this share of the rows
_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%d %b %Y", "%d.%m.%y", "%m/%d/%y")
_REGULAR = 0.95  # this share of the steps from one row of a series to its next are of one length
_FEWEST_STEPS, _MORE_STEPS = 2, 8
_LOOKED_AT = 1000  # series


def checked_dates(table: GivenTable, rows: pl.DataFrame, columns: Columns) -> np.ndarray:
    """The dates, datetime64[D] [row]. Raises UsageError for missing ones, what is no date, and dates far apart."""
    name, given = columns.date, rows[columns.date]
    dates = _as_dates(table, given)
    missing = dates.is_null().to_numpy()
    if missing.any():
        advice = code(table, name, f".drop_nulls({name!r})", lambda of: "", f"{table.name}.dropna(subset=[{name!r}])")
        raise UsageError(
            f"{rows_of(missing)} no date in '{name}': {first_rows(rows, missing, columns)}. Give each row its date, or "
            f"leave these out: {advice}."
        )
    days = dates.to_numpy().astype("datetime64[D]")
    _refuse_strays(table, days, given)
    return days


def dates_in_polars(given: pl.Series) -> str:
    """The expression of Polars that gives the dates of the column."""
    column = f"pl.col('{given.name}')"
    if given.dtype in TEXTS:
        return f"{column}.cast(pl.String).str.head(10).str.to_date('%Y-%m-%d')"
    return column if given.dtype == pl.Date else f"{column}.dt.date()"


def dates_in_pandas(table: GivenTable, name: str) -> str:
    """The expression of pandas that gives the dates and times of the column, without a zone."""
    column = f"{table.name}[{name!r}]"
    if table.kind != TableKind.PANDAS:
        return column
    native = table.native
    dtype = native[name].dtype if name in native.columns else native.index.get_level_values(name).dtype
    if dtype.name.startswith("period"):
        return f"{column}.dt.to_timestamp()"
    if dtype.name in ("object", "string", "category", "str"):
        return f"pd.to_datetime({column}.astype(str).str[:10])"  # a zone, or some more digits, are left out
    return f"pd.to_datetime({column}).dt.tz_localize(None)"


def _as_dates(table: GivenTable, given: pl.Series) -> pl.Series:
    """The column as dates, null where it has none. Raises UsageError where its values are no dates."""
    name, dtype = given.name, given.dtype
    if dtype == pl.Date or dtype == pl.Datetime:
        return given.dt.date()
    if dtype == pl.Null:
        return given.cast(pl.Date)
    if dtype in TEXTS:
        text = given.cast(pl.String)
        dates = text.str.head(10).str.to_date("%Y-%m-%d", strict=False)
        whole = text.str.contains(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")
        odd = text.filter(given.is_not_null() & (dates.is_null() | ~whole.fill_null(False)))
        if odd.is_empty():
            return dates
        what = f"{len(odd):,} texts that are not dates as 2024-01-31"
        values = text
    elif dtype.is_integer():
        what, odd, values = "whole numbers", given, given.cast(pl.String)
    else:
        raise UsageError(
            f"The column '{name}' of the table '{table.name}' holds values of the type {dtype}; expected dates. Name "
            f"another column with 'date', of {first_five(table.columns)}."
        )
    fitting = [
        text for text in _FORMATS if values.str.to_date(text, strict=False).is_not_null().sum() == values.count()
    ]
    readings = [
        code(
            table,
            name,
            f".with_columns(pl.col({name!r}).cast(pl.String).str.to_date('{text}'))",
            lambda of, text=text: f"pd.to_datetime({of}.astype(str), format='{text}')",  # type: ignore[misc]
        )
        for text in fitting
    ]
    advice = (
        f"Read them as dates: {' or, where the month comes first, '.join(readings[:2])}."
        if readings
        else ("Write each date as 2024-01-31, or leave these rows out.")
    )
    raise UsageError(f"The column '{name}' of the table '{table.name}' holds {what}: {first_five(odd)}. {advice}")


def _refuse_strays(table: GivenTable, days: np.ndarray, given: pl.Series) -> None:
    """Raises UsageError where few rows lie years from all others, because the cube would extend to their dates."""
    name = given.name
    dates, counts = np.unique(days, return_counts=True)
    group = np.concatenate([[0], np.cumsum(np.diff(dates).astype(np.int64) > _APART)])
    rows = np.bincount(group, counts)
    main = rows.argmax()
    stray = group != main
    few = rows.sum() - rows[main]
    if not stray.any() or few > max(5, _FEW * rows.sum()):
        return
    kept = dates[~stray]
    first, last = kept[0].astype(object), kept[-1].astype(object)
    within = f"{dates_in_polars(given)}.is_between({_date(first)}, {_date(last)})"
    advice = code(
        table,
        name,
        f".filter({within})",
        lambda of: "",
        f"{table.name}[{dates_in_pandas(table, name)}.between('{first}', '{last} 23:59:59')]",
    )
    raise UsageError(
        f"{rows_of(np.isin(days, dates[stray]))} a date in '{name}' that lies years away from all others: "
        f"{first_five(dates[stray])}; the others go from {first} to {last}. Correct these dates, or "
        f"leave the rows out: {advice}."
    )


def _date(when: date) -> str:
    return f"pl.date({when.year}, {when.month}, {when.day})"


def warn_of_frequency(rows: np.ndarray, dates: np.ndarray, frequency: Frequency, absent: str) -> None:
    """Warns where the rows of a series lie so far apart that most of its periods would count as ones without a sale.

    `rows` bool [series, period] says where there is a row; `dates` datetime64[D] [period].
    """
    series, period = np.nonzero(rows[:: max(len(rows) // _LOOKED_AT, 1)])
    next_to = np.diff(series) == 0
    before, after = dates[period[:-1][next_to]], dates[period[1:][next_to]]
    if len(before) < _FEWEST_STEPS:
        return
    noun = frequency.noun
    periods = list(Frequency)
    longer = [other for other in periods[periods.index(frequency) + 1 :] if _apart(before, after, other)]
    if longer:
        count = "a sale" if absent == "zero" else "known units"
        warn(
            f"The rows of a series lie a {longer[-1].noun} or more apart, so with frequency='{frequency}' most {noun}s "
            f"are {noun}s without {count}; write `frequency='{longer[-1]}'`."
        )
        return
    steps = np.diff(period)[next_to]
    usual = int(np.median(steps))
    if absent == "zero" and usual > 1 and len(steps) >= _MORE_STEPS and np.mean(steps == usual) >= _REGULAR:
        warn(
            f"The rows of a series lie {usual} {noun}s apart, so the {noun}s between count as {noun}s without a sale; "
            "where nothing is known of them, write `absent='unknown'`."
        )


def _apart(before: np.ndarray, after: np.ndarray, frequency: Frequency) -> bool:
    """Whether nearly all steps from one date to the next, `before` -> `after`, are whole weeks, months or more."""
    days = (after - before).astype(np.int64)
    if frequency == Frequency.WEEK:
        return bool(max(np.mean(days % 7 == 0), np.mean((days >= 6) & (days <= 8))) >= _REGULAR)
    months = after.astype("datetime64[M]").astype(np.int64) - before.astype("datetime64[M]").astype(np.int64)
    same_day = (_day_of_month(before) == _day_of_month(after)) | (month_ends(before) & month_ends(after))
    about = np.abs(days - frequency.days) <= 7  # as the first days of weeks in which months begin
    regular = max(np.mean(same_day & (months % frequency.months == 0)), np.mean(about) * (np.ptp(days) > 0))
    return bool(regular >= _REGULAR and np.mean(days >= 28 * frequency.months) >= _REGULAR)


def _day_of_month(dates: np.ndarray) -> np.ndarray:
    return (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
