"""Whether the rows of a table are sales by hour: one row for each series and hour, at whole hours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.dates.formats import has_time
from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.settings.data import ALL, ONE_SERIES
from foresell.onboarding.columns import ColumnProfile
from foresell.onboarding.dates.frequency import Conclusion
from foresell.onboarding.dates.written_dates import WrittenDates
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import DAY, has_one_row_each, infer_keys

QUARTERS = (0, 15, 30, 45)  # the minutes of times that are kept by the quarter of an hour
REGULAR = 0.5  # a typical series with a row in this share of its hours is kept by the hour
_WEEK = 168


def may_be_hours(written: WrittenDates, rows: pl.DataFrame, chosen: str | None, table: str) -> bool:
    """Whether rows are to be looked at by hour: the user says so, or all their times are whole (quarters of) hours.

    Raises UsageError where the user says so of dates without a time of day.
    """
    if chosen == Frequency.HOUR and not (written.timed or has_time(written.date_format or "")):
        raise UsageError(
            f"The dates in {', '.join(written.columns)} of {table} have no time of day, so sales cannot be forecast by "
            "hour. Name the column that has it with --date (the date and its time, such as --date day,time, where they "
            "are two), or leave --frequency out."
        )
    return chosen == Frequency.HOUR or (chosen is None and written.on_whole_hours(rows, QUARTERS))


def hours_with_row(
    rows: pl.DataFrame, keys: Sequence[str] | None, candidates: list[ColumnProfile], written: WrittenDates
) -> float:
    """The share of the hours of the typical series that have a row; 0 where several rows are of one hour.

    `rows` have their hours in `DAY`. Where `keys` are not given, they are concluded from the `candidates`. Hours of the
    week in which no series has a row, such as the night, do not count.
    """
    if not written.on_whole_hours(rows):
        return 0.0
    if keys is None:
        inferred = infer_keys(rows, candidates, timed=False)
        keys = inferred.keys if inferred is not None else ()
    names = tuple(keys) or (ONE_SERIES,)
    rows = rows if keys else rows.with_columns(pl.lit(ALL).alias(ONE_SERIES))
    if not rows.height or not has_one_row_each(rows, names):
        return 0.0
    of_week = rows.select((pl.col(DAY).dt.weekday().cast(pl.Int32) * 24 + pl.col(DAY).dt.hour()).n_unique()).item()
    span = (pl.col(DAY).max() - pl.col(DAY).min()).dt.total_hours() + 1
    part = pl.col(DAY).n_unique() / (span * of_week / _WEEK).clip(lower_bound=1)
    return float(np.median(rows.group_by(names).agg(part.alias("__part"))["__part"].to_numpy()))


def doubt_of_days(draft: Draft, written: WrittenDates) -> None:
    """Asks whether sales whose times are whole hours or quarters of one, and are taken by day, are wanted by hour."""
    draft.add_doubt(
        f"All times of {written.columns[-1]} are whole hours or quarters of one, but not every hour of a series has "
        "one row; sales are taken by day. To forecast hours, say --frequency H.",
        "frequency",
        list(Frequency),
    )


def conclusion(written: WrittenDates) -> Conclusion:
    """The frequency of rows of which a series has one for each hour."""
    name = written.columns[-1]
    why = f"all times of {name} are whole hours, one row for each series and hour"
    doubt = f"{name} has a row for each hour, so sales are forecast by hour. If days are planned, say --frequency D."
    return Conclusion(str(Frequency.HOUR), why, doubt)
