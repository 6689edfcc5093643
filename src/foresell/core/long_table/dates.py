"""The dates of a long table, and whether they lie as far apart as its frequency says."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from foresell.core.dates.reading import written_format
from foresell.core.errors import UsageError, first_five, warn
from foresell.core.frequency import Frequency, month_ends
from foresell.core.key_texts import TEXTS
from foresell.core.long_table.columns import Columns, code, first_rows, rows_of
from foresell.core.tables import GivenTable, TableKind

_APART, _FEW = 3 * 365, 0.01  # stray dates lie so many days from all others, and are at most this share of the rows
_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%d %b %Y", "%d.%m.%y", "%m/%d/%y")
_TIMES = (" %H:%M", " %H:%M:%S")
_REGULAR = 0.95  # this share of the steps from one row of a series to its next are of one length
_FEWEST_STEPS, _MORE_STEPS = 2, 8
_LOOKED_AT = 1000  # series


def checked_dates(table: GivenTable, rows: pl.DataFrame, columns: Columns, frequency: Frequency) -> np.ndarray:
    """The dates, datetime64[D] [row], or of hours datetime64[us].

    Raises UsageError for missing ones, what is no date, and dates far apart.
    """
    name, given = columns.date, rows[columns.date]
    dates = as_dates(table, given, frequency == Frequency.HOUR)
    missing = dates.is_null().to_numpy()
    if missing.any():
        advice = code(table, name, f".drop_nulls({name!r})", lambda of: "", f"{table.name}.dropna(subset=[{name!r}])")
        raise UsageError(
            f"{rows_of(missing)} no date in '{name}': {first_rows(rows, missing, columns)}. Give each row its date, or "
            f"leave these out: {advice}."
        )
    named = dates.to_numpy()
    _refuse_strays(table, named.astype("datetime64[D]"), given)
    return named


def dates_in_polars(given: pl.Series, frequency: Frequency = Frequency.DAY) -> str:
    """The expression of Polars that gives the dates of the column, or their hours."""
    column = f"pl.col('{given.name}')"
    if frequency == Frequency.HOUR:
        if given.dtype in TEXTS:
            return f"{column}.cast(pl.String).str.head(16).str.replace('T', ' ').str.to_datetime('%Y-%m-%d %H:%M')"
        return f"{column}.cast(pl.Datetime)" if given.dtype == pl.Date else f"{column}.dt.replace_time_zone(None)"
    if given.dtype in TEXTS:
        return f"{column}.cast(pl.String).str.head(10).str.to_date('%Y-%m-%d')"
    return column if given.dtype == pl.Date else f"{column}.dt.date()"


def dates_in_pandas(table: GivenTable, name: str, frequency: Frequency = Frequency.DAY) -> str:
    """The expression of pandas that gives the dates and times of the column, without a zone."""
    column = f"{table.name}[{name!r}]"
    if table.kind != TableKind.PANDAS:
        return column
    native = table.native
    dtype = native[name].dtype if name in native.columns else native.index.get_level_values(name).dtype
    if dtype.name.startswith("period"):
        return f"{column}.dt.to_timestamp()"
    if dtype.name in ("object", "string", "category", "str"):
        length = 16 if frequency == Frequency.HOUR else 10
        return f"pd.to_datetime({column}.astype(str).str[:{length}])"  # a zone, or some more digits, are left out
    return f"pd.to_datetime({column}).dt.tz_localize(None)"


def as_dates(table: GivenTable, given: pl.Series, hourly: bool) -> pl.Series:
    """The column as dates or as the hours they lie in, null where it has none.

    Raises UsageError where its values are no dates.
    """
    name, dtype = given.name, given.dtype
    if dtype == pl.Date or dtype == pl.Datetime:
        return _hours(given) if hourly else given.dt.date()
    if dtype == pl.Null:
        return given.cast(pl.Datetime("us") if hourly else pl.Date)
    if dtype in TEXTS:
        text = given.cast(pl.String)
        dates = _dates_of_texts(text, hourly)
        whole = text.str.contains(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")
        odd = text.filter(given.is_not_null() & (dates.is_null() | ~whole.fill_null(False)))
        if odd.is_empty():
            return dates
        what = f"{len(odd):,} texts that are not dates as 2024-01-31{' 05:00' if hourly else ''}"
        values = text
    elif dtype.is_integer():
        what, odd, values = "whole numbers", given, given.cast(pl.String)
    else:
        raise UsageError(
            f"The column '{name}' of the table '{table.name}' holds values of the type {dtype}; expected dates. Name "
            f"another column with 'date', of {first_five(table.columns)}."
        )
    formats = [text + time for text in _FORMATS for time in _TIMES] if hourly else _FORMATS
    parse = "to_datetime" if hourly else "to_date"
    fitting = [text for text in formats if getattr(values.str, parse)(text, strict=False).count() == values.count() > 0]
    readings = [
        code(
            table,
            name,
            f".with_columns(pl.col({name!r}).cast(pl.String).str.{parse}('{text}'))",
            lambda of, text=text: f"pd.to_datetime({of}.astype(str), format='{text}')",  # type: ignore[misc]
        )
        for text in fitting
    ]
    if not readings and not hourly and (written := written_format(values)):
        readings = [
            code(
                table,
                name,
                f".map_columns({name!r}, lambda texts: fs.read_dates(texts, {written!r}))",
                lambda of: f"fs.read_dates({of}, {written!r})",
            )
        ]
    advice = (
        f"Read them as dates: {' or, where the month comes first, '.join(readings[:2])}."
        if readings
        else f"Write each date as 2024-01-31{' 05:00' if hourly else ''}, or leave these rows out."
    )
    imported = " (after `import foresell as fs`)" if readings and "fs." in readings[0] else ""
    raise UsageError(
        f"The column '{name}' of the table '{table.name}' holds {what}: {first_five(odd)}. {advice}{imported}"
    )


def _dates_of_texts(text: pl.Series, hourly: bool) -> pl.Series:
    """Texts such as 2024-01-31, or 2024-01-31 05:00 with or without seconds and a zone; null for all others."""
    days = text.str.head(10).str.to_date("%Y-%m-%d", strict=False)
    if not hourly:
        return days
    times = text.str.head(16).str.replace("T", " ", literal=True).str.to_datetime("%Y-%m-%d %H:%M", strict=False)
    return _hours(
        times.zip_with(times.is_not_null(), days.set(text.str.len_chars() > 10, None).cast(pl.Datetime("us")))
    )


def _hours(given: pl.Series) -> pl.Series:
    """The hour that each date or time lies in, on the clock of its zone."""
    clock = given.dt.replace_time_zone(None) if given.dtype == pl.Datetime else given
    return clock.cast(pl.Datetime("us")).dt.truncate("1h")


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
    """Whether nearly all steps from one date to the next, `before` -> `after`, are whole days, weeks or more."""
    if frequency == Frequency.DAY:
        hours = (after - before).astype("timedelta64[h]").astype(np.int64)
        return bool(np.mean(hours % 24 == 0) >= _REGULAR)
    before, after = before.astype("datetime64[D]"), after.astype("datetime64[D]")
    days = (after - before).astype(np.int64)
    if frequency == Frequency.WEEK:
        return bool(max(np.mean((days % 7 == 0) & (days > 0)), np.mean((days >= 6) & (days <= 8))) >= _REGULAR)
    months = after.astype("datetime64[M]").astype(np.int64) - before.astype("datetime64[M]").astype(np.int64)
    same_day = (_day_of_month(before) == _day_of_month(after)) | (month_ends(before) & month_ends(after))
    about = np.abs(days - frequency.days) <= 7  # as the first days of weeks in which months begin
    regular = max(np.mean(same_day & (months % frequency.months == 0)), np.mean(about) * (np.ptp(days) > 0))
    return bool(regular >= _REGULAR and np.mean(days >= 28 * frequency.months) >= _REGULAR)


def _day_of_month(dates: np.ndarray) -> np.ndarray:
    return (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
