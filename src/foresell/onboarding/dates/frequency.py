"""Hours, days, weeks, months, quarters or years; what a day without a row means; and how far ahead to forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.core.frequency import WEEKDAYS, Frequency, month_ends, weekday
from foresell.onboarding.columns import share
from foresell.onboarding.series_keys import DAY

COMPLETE = 0.95  # a series with this share of the days on which it could sell is recorded daily, not by sales
LUMPY = 0.05  # a typical series that sells on a smaller share of days is not forecast by day
FEWEST = 12  # a history of fewer weeks or months is not cut into them
USUAL_HORIZON = {
    Frequency.HOUR: 168,
    Frequency.DAY: 28,
    Frequency.WEEK: 13,
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 3,
}


@dataclass(frozen=True)
class Conclusion:
    """A value for a setting, why, and what remains in doubt."""

    value: str
    why: str
    doubt: str | None = None


def infer_frequency(dates: np.ndarray) -> Conclusion:
    """Days, weeks, months, quarters or years, from the distinct `dates` (datetime64[D], sorted).

    >>> infer_frequency(np.arange("2024-01-01", "2024-03-01", 7, dtype="datetime64[D]")).value
    'W'
    """
    if len(dates) < 3:
        return Conclusion(
            "D", "taken for granted", f"There are only {len(dates)} dates, too few to tell days from weeks."
        )
    gaps: np.ndarray = np.diff(dates.astype("datetime64[D]").astype(np.int64))
    usual = int(np.median(gaps))
    if gaps.min() >= 28 and (calendar := _infer_calendar_frequency(dates)):
        return calendar
    if usual == 7 and float(np.mean(gaps % 7 == 0)) >= COMPLETE:
        return Conclusion("W", f"dates are 7 days apart, on {WEEKDAYS[weekday(dates)[0]]}s")
    if 6 <= usual <= 8:
        return Conclusion("W", "dates are mostly 7 days apart", "Some weeks begin on another weekday than the others.")
    doubt = f"Dates are mostly {usual} days apart, neither daily, weekly nor monthly." if usual > 3 else None
    return Conclusion("D", f"dates are mostly {usual} day{'s' if usual > 1 else ''} apart", doubt)


def _infer_calendar_frequency(dates: np.ndarray) -> Conclusion | None:
    """Years, quarters or months, of which no two dates share one; None where two dates share a month.

    Quarters and years are concluded where the dates lie whole quarters and years apart, nearly all of them the next
    one to each other.
    """
    months = dates.astype("datetime64[M]").astype(np.int64)
    apart = np.diff(months)
    if not apart.all():
        return None
    for frequency in (Frequency.YEAR, Frequency.QUARTER):
        if int(np.median(apart)) == frequency.months and not (apart % frequency.months).any():
            ends = ", on the last days of months" if month_ends(dates).all() else ""
            return Conclusion(str(frequency), f"dates are mostly one {frequency.noun} apart{ends}")
    usual, doubt = int(np.median(np.diff(dates).astype(np.int64))), None
    if usual > 31:
        doubt = f"Dates are mostly {usual} days apart, more than a month; the months between count as missing."
    return Conclusion("M", f"dates are mostly {usual} days apart, never two in a month", doubt)


def infer_lumpy_frequency(sample: pl.DataFrame, keys: tuple[str, ...], dates: np.ndarray) -> Conclusion | None:
    """Months (weeks, where the history is short), where the typical series sells on few days; None where on many.

    `sample` has the keys and `DAY`, with all rows of its series; `dates` are those of the table, sorted. A series
    counts from its first row to the end of the table, and the typical one is the median. Months come before weeks,
    because a series that sells on less than a twentieth of the days sells in a third of the weeks at most.
    """
    if not sample.height or len(dates) < 2:
        return None
    first, end = dates[[0, -1]].astype("datetime64[D]").astype(object)
    span = (end - first).days + 1
    daily = _share_with_sales(sample, keys, end, "D")
    if daily >= LUMPY or span < 7 * FEWEST:
        return None
    frequency = Frequency.MONTH if span >= 31 * FEWEST else Frequency.WEEK
    noun = frequency.noun
    periods = _share_with_sales(sample, keys, end, frequency)
    why = f"the typical series sells on {daily:.1%} of the days and in {periods:.0%} of the {noun}s"
    doubt = f"Sales are lumpy, so they are taken by {noun}: {why}. Say otherwise with --frequency."
    return Conclusion(str(frequency), why, doubt)


def _share_with_sales(sample: pl.DataFrame, keys: tuple[str, ...], end: date, frequency: str) -> float:
    """The share of periods, from its first row on, in which the typical series has a row."""
    length = Frequency(frequency).truncation
    start = pl.col(DAY).dt.truncate(length)
    last = pl.lit(end).cast(pl.Date).dt.truncate(length)
    periods = ((last - start.min()).dt.total_days() / Frequency(frequency).days).round() + 1
    shares = sample.group_by(keys).agg((start.n_unique() / periods).alias("share"))["share"]
    return float(np.median(shares.to_numpy()))


def infer_absent(sample: pl.DataFrame, keys: tuple[str, ...], quantity: pl.Series, frequency: str) -> Conclusion:
    """What a day without a row means: zero, or unknown.

    `sample` has the keys and `DAY`, with all rows of its series between their first and last day; `quantity` has the
    numbers sold [row].
    """
    zeros = int((quantity == 0).sum() or 0)
    series = _series(sample, keys, frequency)
    noun = "hour" if frequency == "H" else "day"
    missing = 1.0 - float(series["present"].to_numpy().sum() / max(series["span"].to_numpy().sum(), 1))
    closed = _closed_weekdays(sample) if frequency == "D" else []
    long_enough = series.filter(pl.col("span") >= 28)
    week = 168 if frequency == "H" else 7
    shut = share(long_enough["weekdays"] < week) if frequency in ("D", "H") else 0.0
    when_open = series["present"].to_numpy() / (series["span"] * series["weekdays"] / week).to_numpy()
    if zeros:
        holes = f"{missing:.1%} of its {noun}s are missing" if missing > 0 else f"no {noun} is missing"
        return Conclusion("unknown", f"the file has rows with zero sales ({zeros:,} of those looked at), and {holes}")
    if missing == 0:
        return Conclusion("zero", f"no {noun} is missing in the rows looked at, so it hardly matters")
    if frequency == "D" and shut > 0.5 and np.median(when_open) >= COMPLETE:
        days = ", ".join(closed) or "a weekday of their own"
        return Conclusion(
            "unknown", f"series have a row nearly every day but on {days}: closed then, not without sales"
        )
    if frequency == "H" and shut > 0.5 and np.median(when_open) >= COMPLETE:
        return Conclusion("unknown", "series have a row nearly every hour but in some of the week: closed then")
    doubt = None
    if closed:
        doubt = (
            f"No row falls on {', '.join(closed)}. If you are closed then, a column that says so (data.open) keeps "
            "those days from counting as days without sales."
        )
    return Conclusion(
        "zero", f"no row has zero sales and {missing:.0%} of the {noun}s have no row: only sales are kept", doubt
    )


def _series(sample: pl.DataFrame, keys: tuple[str, ...], frequency: str) -> pl.DataFrame:
    """For each series its periods from first to last row, those with a row, and its weekdays (hours of the week) with
    one."""
    whole_days = (pl.col(DAY).max() - pl.col(DAY).min()).dt.total_days()
    of_week = pl.col(DAY).dt.weekday()
    if frequency == "H":
        whole_days = (pl.col(DAY).max() - pl.col(DAY).min()).dt.total_hours() / 24
        of_week = of_week.cast(pl.Int32) * 24 + pl.col(DAY).dt.hour()
    return sample.group_by(keys).agg(
        ((whole_days / Frequency(frequency).days).round() + 1).alias("span"),
        pl.col(DAY).n_unique().alias("present"),
        of_week.n_unique().alias("weekdays"),
    )


def _closed_weekdays(sample: pl.DataFrame) -> list[str]:
    """Weekdays on which no row falls, where there are weeks enough to tell."""
    days = sample[DAY].drop_nulls().unique()
    if len(days) < 15:
        return []
    with_rows = set(days.dt.weekday())
    return [name for number, name in enumerate(WEEKDAYS, 1) if number not in with_rows]


def infer_horizon(frequency: str, periods: int) -> tuple[int, str]:
    """How many periods to forecast, and why: what is usual, or less, so that three backtests fit in the history.

    Of hours they are whole days, if one fits in: 168 are a week, for which staff is planned.

    >>> infer_horizon("M", 36)
    (7, 'the history has 36 months only, and three backtests have to fit in')
    """
    unit = Frequency(frequency).noun
    usual = USUAL_HORIZON[Frequency(frequency)]
    if periods >= 5 * usual:
        return usual, f"what is usual for {unit}s; the history has {periods:,}"
    fewer = max(1, periods // 5)
    if frequency == Frequency.HOUR and fewer >= 24:
        fewer -= fewer % 24
    return fewer, f"the history has {periods} {unit}s only, and three backtests have to fit in"
