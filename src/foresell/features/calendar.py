"""Calendar features: functions of the date alone, with holidays of a country and named events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from foresell.core.country import check_country
from foresell.core.frequency import Frequency, period_name

FAR = 15  # the most days to or since a holiday or event that are counted; it stands for "none near"

Names = tuple[str, ...]

MEANINGS = {
    "year": "year",
    "quarter": "quarter of the year, 1 to 4",
    "month": "month, 1 to 12",
    "day_of_month": "day of the month, 1 to 31",
    "weekday": "day of the week, Monday 1 to Sunday 7",
    "hour": "hour of the day, 0 to 23",
    "hour_of_week": "hour of the week, Monday 0 to Sunday 167",
    "week_of_year": "ISO week of the year, 1 to 53",
    "day_of_year": "day of the year, 1 to 366",
    "weekend": "1 on Saturday and Sunday",
    "week_of_month": "week of the month, 1 to 5",
    "days_in_month": "days in the month",
    "period_of_year": "place of the period in its year, from 1",
    "days_in_period": "days in the period",
    "holiday": "which public holiday falls on the day, 0 for none",
    "days_to_holiday": f"days until the next public holiday, {FAR} when none is near",
    "days_since_holiday": f"days since the last public holiday, {FAR} when none is near",
    "event": "which named event falls on the day, 0 for none",
    "second_event": "which second named event falls on the day, 0 for none",
    "days_to_event": f"days until the next named event, {FAR} when none is near",
    "days_since_event": f"days since the last named event, {FAR} when none is near",
    "next_event": f"which named event comes next within {FAR} days, 0 for none",
    "last_event": f"which named event came last within {FAR} days, 0 for none",
}


def calendar_columns(
    dates: np.ndarray, frequency: Frequency, country: str | None, events: pl.DataFrame, codes: Mapping[str, Names]
) -> dict[str, np.ndarray]:
    """Calendar features by name, each float32 [day], for the periods that begin on `dates` [day].

    Holidays and events are numbered from 1 by their place in `codes["holiday"]` and `codes["event"]`; other names are
    ignored. They are of whole days, so that all hours of a day share them. For longer periods a holiday counts in the
    period in which it falls, and distances are in periods.
    """
    columns = _date_columns(dates, frequency)
    if frequency == Frequency.HOUR:
        days, place = np.unique(dates.astype("datetime64[D]"), return_inverse=True)
        named = _named_columns(days, Frequency.DAY, country, events, codes)
        return columns | {name: values[place] for name, values in named.items()}
    return columns | _named_columns(dates, frequency, country, events, codes)


def _named_columns(
    dates: np.ndarray, frequency: Frequency, country: str | None, events: pl.DataFrame, codes: Mapping[str, Names]
) -> dict[str, np.ndarray]:
    """The features of holidays and of events."""
    columns: dict[str, np.ndarray] = {}
    if country:
        columns |= _near("holiday", dates, holidays_of(country, dates), frequency, codes["holiday"])
    if events.height:
        columns |= _near("event", dates, events, frequency, codes["event"])
    return columns


def holidays_of(country: str, dates: np.ndarray) -> pl.DataFrame:
    """The public holidays of `country` (an ISO code) in the years of `dates`: columns ``date`` and ``event``.

    Raises UsageError for a country that the holidays package does not know.
    """
    import holidays

    check_country(country)
    years = range(int(str(dates[0])[:4]) - 1, int(str(dates[-1])[:4]) + 2)
    holiday_names = holidays.country_holidays(country, years=years, language="en_US")
    rows = [(day, name.replace(" (observed)", "")) for day, name in sorted(holiday_names.items())]
    return pl.DataFrame(rows, schema={"date": pl.Date, "event": pl.String}, orient="row")


def near_holiday(dates: np.ndarray, frequency: Frequency, country: str | None, events: pl.DataFrame) -> np.ndarray:
    """Whether a public holiday of `country` falls on each date, or on the day before or after it: bool [day].

    Without a country, `events` are used instead of holidays. Longer periods count if a holiday falls in them.

    >>> around = np.arange("2015-12-23", "2015-12-28", dtype="datetime64[D]")
    >>> near_holiday(around, Frequency.DAY, "US", pl.DataFrame()).tolist()
    [False, True, True, True, False]
    """
    if frequency == Frequency.HOUR:
        days, place = np.unique(dates.astype("datetime64[D]"), return_inverse=True)
        return near_holiday(days, Frequency.DAY, country, events)[place]
    named = holidays_of(country, dates) if country else events
    starts = period_name(named["date"].to_numpy(), frequency, dates[0])
    reach = np.arange(-1, 2) if frequency == Frequency.DAY else np.zeros(1, np.int64)
    return np.isin(dates, (starts[:, None] + reach).reshape(-1))


def _date_columns(dates: np.ndarray, frequency: Frequency) -> dict[str, np.ndarray]:
    table = frequency.table
    day = pl.Series("date", dates if table is None else table.middle(dates))
    columns = {
        "year": day.dt.year(),
        "quarter": day.dt.quarter(),
        "month": day.dt.month(),
        "day_of_year": day.dt.ordinal_day(),
    }
    if table is not None:
        periods = {"period_of_year": table.place(dates), "days_in_period": table.days_in(dates)}
        columns |= {name: pl.Series(values) for name, values in periods.items()}
    elif not frequency.months:
        columns |= {"week_of_year": day.dt.week(), "day_of_month": day.dt.day()}
        columns |= {"week_of_month": (day.dt.day() + 6) // 7}
    if frequency == Frequency.MONTH and table is None:
        columns |= {"days_in_month": day.dt.month_end().dt.day()}
    if frequency in (Frequency.DAY, Frequency.HOUR):
        columns |= {"weekday": day.dt.weekday(), "weekend": day.dt.weekday() >= 6}
    if frequency == Frequency.HOUR:
        columns |= {"hour": day.dt.hour(), "hour_of_week": (day.dt.weekday().cast(pl.Int16) - 1) * 24 + day.dt.hour()}
    return {name: column.cast(pl.Float32).to_numpy() for name, column in columns.items()}


def _near(
    kind: str, dates: np.ndarray, events: pl.DataFrame, frequency: Frequency, names: Names
) -> dict[str, np.ndarray]:
    """The event in each period, and the distance to the next and from the last one: columns named after `kind`."""
    events = events.filter(pl.col("event").is_in(list(names)))
    starts = period_name(events["date"].to_numpy(), frequency, dates[0])
    number = np.array([names.index(name) + 1 for name in events["event"]], np.float32)
    order = np.lexsort((number, starts))
    starts, number = starts[order], number[order]
    first = np.searchsorted(starts, dates, "left")  # the first event at or after each date
    after = np.searchsorted(starts, dates, "right")  # the first event after it
    padded, far = np.append(number, 0), np.float32(FAR)
    spacing = int(frequency.days)

    def distance(place: np.ndarray, sign: int) -> np.ndarray:
        inside = (place >= 0) & (place < len(starts))
        if not len(starts):
            return np.full(len(dates), far)
        gap = (starts[np.clip(place, 0, len(starts) - 1)] - dates).astype(np.int64) * sign / spacing
        return np.where(inside, np.minimum(np.round(gap), FAR), far).astype(np.float32)

    to, since = distance(first, 1), distance(after - 1, -1)
    columns = {
        kind: np.where(after > first, padded[first], 0),
        f"days_to_{kind}": to,
        f"days_since_{kind}": since,
    }
    if kind == "event":
        columns["second_event"] = np.where(after > first + 1, padded[np.minimum(first + 1, len(number))], 0)
        columns["next_event"] = np.where(to < FAR, padded[first], 0)
        columns["last_event"] = np.where(since < FAR, padded[after - 1], 0)
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}
