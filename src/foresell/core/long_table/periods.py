"""The frequency of a long table, whose periods may stand in a table of their own."""

from __future__ import annotations

import numpy as np

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.long_table.dates import as_dates
from foresell.core.tables import GivenTable, Table

_COLUMNS = ("begin", "name", "place")


def frequency_of(frequency: str, periods: Table | None) -> Frequency:
    """The frequency, with the `periods` where they are given: a table with a row for each and its first day, ``begin``.

    Raises UsageError for what is no frequency, a table without first days, and periods of another length.
    """
    every = Frequency.of(frequency)
    if periods is None:
        return every
    table = GivenTable.of(periods, "periods")
    table.check_columns(("begin",), "periods")
    rows = table.read([name for name in _COLUMNS if name in table.columns])
    begins = as_dates(table, rows["begin"], hourly=False)
    missing = begins.null_count() + (rows["place"].null_count() if "place" in rows else 0)
    if missing:
        raise UsageError(f"The table 'periods' lacks {missing} values of 'begin' or 'place'. Give each period its own.")
    of_rows = PeriodTable.of(
        begins.to_numpy().astype("datetime64[D]"),
        rows["name"].to_list() if "name" in rows else (),
        rows["place"].to_numpy().astype(np.int64) if "place" in rows else None,
        "The table 'periods'",
    )
    if of_rows.letter != every:
        raise UsageError(
            f"The table 'periods' has periods of {of_rows.mean_days:.0f} days on average, and the frequency is "
            f"{str(every)!r}; write `frequency={of_rows.letter!r}`."
        )
    return every.with_table(of_rows)
