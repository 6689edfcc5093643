"""The rhythm of the sales: days, weeks or months, what a missing day means, and how far ahead to forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.onboarding.columns import share
from foresell.onboarding.identity import DAY

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COMPLETE = 0.95  # a series with this share of the days on which it could sell is recorded daily, not by sales
LUMPY = 0.05  # a typical series that sells on a smaller share of days is not daily
FEWEST = 12  # weeks or months of history without which they are of no use as periods
USUAL_HORIZON = {Frequency.DAY: 28, Frequency.WEEK: 13, Frequency.MONTH: 12}


@dataclass(frozen=True)
class Conclusion:
    """A value for a setting, why, and what remains in doubt."""

    value: object
    why: str
    doubt: str | None = None


def frequency(dates: np.ndarray) -> Conclusion:
    """Days, weeks or months, from the distinct `dates` (datetime64[D], sorted).

    >>> frequency(np.arange("2024-01-01", "2024-03-01", 7, dtype="datetime64[D]")).value
    'W'
    """
    if len(dates) < 3:
        return Conclusion(
            "D", "taken for granted", f"There are only {len(dates)} dates, too few to tell days from weeks."
        )
    gaps: np.ndarray = np.diff(dates.astype("datetime64[D]").astype(np.int64))
    usual = int(np.median(gaps))
    months = dates.astype("datetime64[M]")
    if gaps.min() >= 28 and len(np.unique(months)) == len(dates):
        doubt = None
        if usual > 31:
            doubt = f"Dates are mostly {usual} days apart, more than a month; the months between count as missing."
        return Conclusion("M", f"dates are mostly {usual} days apart, never two in a month", doubt)
    if usual == 7 and float(np.mean(gaps % 7 == 0)) >= COMPLETE:
        return Conclusion("W", f"dates are 7 days apart, on {_weekday(dates[0])}s")
    if 6 <= usual <= 8:
        return Conclusion("W", "dates are mostly 7 days apart", "Some weeks begin on another weekday than the others.")
    doubt = f"Dates are mostly {usual} days apart, neither daily, weekly nor monthly." if usual > 3 else None
    return Conclusion("D", f"dates are mostly {usual} day{'s' if usual > 1 else ''} apart", doubt)


def lumpy(sample: pl.DataFrame, keys: tuple[str, ...], dates: np.ndarray) -> Conclusion | None:
    """Months (weeks, where the history is short), where the typical series of an order book sells on few days.

    None where it does not. `sample` has the keys and `DAY`, all rows of its series; `dates` are those of the table,
    sorted. A series counts from its first row to the end of the table, and the typical one is the median. Weeks would
    not do: what sells on less than a twentieth of the days sells in a third of the weeks at most.
    """
    if not sample.height or len(dates) < 2:
        return None
    first, end = dates[[0, -1]].astype("datetime64[D]").astype(object)
    span = (end - first).days + 1
    daily = _selling(sample, keys, end, "1d")
    if daily >= LUMPY or span < 7 * FEWEST:
        return None
    each, noun, length = ("M", "month", "1mo") if span >= 31 * FEWEST else ("W", "week", "1w")
    periods = _selling(sample, keys, end, length)
    why = f"the typical series sells on {daily:.1%} of the days and in {periods:.0%} of the {noun}s"
    doubt = f"Sales are lumpy, so they are taken by {noun}: {why}. Set frequency to D, W or M if you plan otherwise."
    return Conclusion(each, why, doubt)


def _selling(sample: pl.DataFrame, keys: tuple[str, ...], end: date, length: str) -> float:
    """The share of periods of `length` (1d, 1w, 1mo), from the first row on, in which the typical series has a row."""
    start = pl.col(DAY).dt.truncate(length)
    count = {"1d": 1.0, "1w": 7.0, "1mo": 30.4375}[length]
    last = pl.lit(end).cast(pl.Date).dt.truncate(length)
    periods = ((last - start.min()).dt.total_days() / count).round() + 1
    shares = sample.group_by(keys).agg((start.n_unique() / periods).alias("share"))["share"]
    return float(np.median(shares.to_numpy()))


def _weekday(day: np.datetime64) -> str:
    return WEEKDAYS[(int(day.astype("datetime64[D]").astype(np.int64)) + 3) % 7]


def absent(sample: pl.DataFrame, keys: tuple[str, ...], quantity: pl.Series, each: str) -> Conclusion:
    """What a day without a row means, from series that the sample holds whole, or at least without holes.

    `sample` has the keys and `DAY`; `quantity` the numbers of its rows; `each` is the frequency.
    """
    zeros = int((quantity == 0).sum() or 0)
    series = _series(sample, keys, each)
    missing = 1.0 - float(series["present"].to_numpy().sum() / max(series["span"].to_numpy().sum(), 1))
    closed = _closed_weekdays(sample) if each == "D" else []
    long_enough = series.filter(pl.col("span") >= 28)
    shut = share(long_enough["weekdays"] < 7) if each == "D" else 0.0
    when_open = series["present"].to_numpy() / (series["span"] * series["weekdays"] / 7).to_numpy()
    if zeros:
        holes = f"{missing:.1%} of its days are missing" if missing > 0 else "no day is missing"
        return Conclusion("unknown", f"the file has rows with zero sales ({zeros:,} of those looked at), and {holes}")
    if missing == 0:
        return Conclusion("zero", "no day is missing in the rows looked at, so that it hardly matters")
    if each == "D" and shut > 0.5 and np.median(when_open) >= COMPLETE:
        days = ", ".join(closed) or "a weekday of their own"
        return Conclusion(
            "unknown", f"series have a row nearly every day but on {days}: closed then, not without sales"
        )
    doubt = None
    if closed:
        doubt = (
            f"No row falls on {', '.join(closed)}. If you are closed then, a column that says so (data.open) keeps "
            "those days from counting as days without sales."
        )
    return Conclusion(
        "zero", f"no row has zero sales and {missing:.0%} of the days have no row: only sales are kept", doubt
    )


def _series(sample: pl.DataFrame, keys: tuple[str, ...], each: str) -> pl.DataFrame:
    """For each series its periods from first to last row, those with a row, and its weekdays with a row."""
    days = {"D": 1.0, "W": 7.0, "M": 30.4375}[each]
    whole_days = (pl.col(DAY).max() - pl.col(DAY).min()).dt.total_days()
    return sample.group_by(keys).agg(
        ((whole_days / days).round() + 1).alias("span"),
        pl.col(DAY).n_unique().alias("present"),
        pl.col(DAY).dt.weekday().n_unique().alias("weekdays"),
    )


def _closed_weekdays(sample: pl.DataFrame) -> list[str]:
    """Weekdays on which no row falls, where there are weeks enough to tell."""
    days = sample[DAY].drop_nulls().unique()
    if len(days) < 15:
        return []
    seen = set(days.dt.weekday())
    return [name for number, name in enumerate(WEEKDAYS, 1) if number not in seen]


def horizon(each: str, periods: int) -> Conclusion:
    """How far ahead: the usual for the frequency, less where three backtests of it would eat up the history.

    >>> horizon("D", 1941).value, horizon("M", 36).value
    (28, 7)
    """
    unit = Frequency(each).noun
    usual = USUAL_HORIZON[Frequency(each)]
    if periods >= 5 * usual:
        return Conclusion(usual, f"what is usual for {unit}s; the history has {periods:,}")
    fitting = max(1, periods // 5)
    return Conclusion(fitting, f"the history has {periods} {unit}s only, and three backtests want to fit in", None)
