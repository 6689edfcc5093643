"""A table of weeks or months that is taken for one of days is warned of."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import ForesellWarning
from foresell.core.panel import Panel

MONTHS = pl.date_range(date(2022, 1, 1), date(2023, 12, 1), "1mo", eager=True)


def sales(*days: pl.Series) -> pl.DataFrame:
    """One series for each list of days."""
    parts = [pl.DataFrame({"item": str(number), "date": list(of)}) for number, of in enumerate(days)]
    return pl.concat(parts).with_columns(units=1.0)


def weekly(first: date, count: int = 20) -> pl.Series:
    return pl.date_range(first, first + np.timedelta64(7 * (count - 1), "D").astype(object), "7d", eager=True)


MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
HOLES = weekly(MONDAY, 30).filter(pl.Series([week % 4 != 1 for week in range(30)]))
LONGER = {
    "weeks": (sales(weekly(MONDAY)), "D", "frequency='W'"),
    "weeks of other days for each series": (sales(weekly(MONDAY), weekly(TUESDAY)), "D", "frequency='W'"),
    "three weeks": (sales(weekly(MONDAY, 3)), "D", "frequency='W'"),
    "weeks with holes": (sales(HOLES), "D", "frequency='W'"),
    "months": (sales(MONTHS), "D", "frequency='M'"),
    "ends of months": (sales(MONTHS.dt.month_end()), "D", "frequency='M'"),
    "months for weeks": (sales(MONTHS), "W", "frequency='M'"),
    "other days of months": (sales(MONTHS.dt.offset_by("9d")[:5], MONTHS.dt.offset_by("20d")), "D", "frequency='M'"),
    "quarters": (sales(MONTHS[::3]), "D", "frequency='Q'"),
    "quarters by month": (sales(MONTHS[::3]), "M", "frequency='Q'"),
    "years": (sales(pl.Series([date(year, 6, 30) for year in range(2015, 2024)])), "W", "frequency='Y'"),
    "four weeks": (sales(weekly(MONDAY, 40)[::4]), "D", "frequency='W'"),
    "four weeks by week": (sales(weekly(MONDAY, 60)[::4]), "W", "lie 4 weeks apart.*absent='unknown'"),
    "two weeks": (sales(weekly(MONDAY, 40)[::2]), "W", "lie 2 weeks apart.*absent='unknown'"),
    "every other day": (sales(pl.Series(pl.date_range(MONDAY, date(2024, 2, 1), "2d", eager=True))), "D", "2 days ap"),
}


@pytest.mark.parametrize("case", LONGER)
def test_rows_that_lie_further_apart_than_the_frequency(case):
    table, frequency, message = LONGER[case]
    with pytest.warns(ForesellWarning, match=message):
        Panel.from_frame(table, ("item",), frequency=frequency)


DAYS = pl.date_range(MONDAY, date(2024, 6, 1), eager=True)
RANDOM = DAYS.filter(pl.Series(np.random.default_rng(1).random(len(DAYS)) < 0.1))
AS_SAID = {
    "days": (sales(DAYS), {}),
    "days without Sundays": (sales(DAYS.filter(DAYS.dt.weekday() < 7)), {}),
    "few sales": (sales(RANDOM), {}),
    "weeks": (sales(weekly(MONDAY)), {"frequency": "W"}),
    "weeks of other days": (sales(weekly(MONDAY), weekly(TUESDAY)), {"frequency": "W"}),
    "months": (sales(MONTHS), {"frequency": "M"}),
    "quarters": (sales(MONTHS[::3]), {"frequency": "Q"}),
    "years": (sales(pl.Series([date(year, 6, 30) for year in range(2015, 2024)])), {"frequency": "Y"}),
    "two weeks": (sales(weekly(MONDAY, 2)), {}),
    "other days that are not known": (sales(DAYS[::2]), {"absent": "unknown"}),
}


@pytest.mark.parametrize("case", AS_SAID)
def test_rows_that_lie_as_the_frequency_says(case, recwarn):
    table, arguments = AS_SAID[case]
    Panel.from_frame(table, ("item",), **arguments)
    assert not recwarn.list
