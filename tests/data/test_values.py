"""Texts read as dates and numbers."""

from __future__ import annotations

import polars as pl

from foresell.data.values import most_regular_format, to_date


def test_short_years_are_no_long_ones():
    assert to_date(pl.Series(["05.01.24"]), "%d.%m.%Y").to_list() == [None]


def test_first_of_takes_the_steadier_dates():
    month_first = pl.Series([f"02/{day:02d}/2024" for day in range(1, 13)])
    day_first = pl.Series([f"{day:02d}/02/2024" for day in range(1, 13)])
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), month_first) == "%m/%d/%Y"
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), day_first) == "%d/%m/%Y"


def test_months_come_before_the_first_days_of_january():
    months = pl.Series([f"01/{month:02d}/{year}" for year in (2022, 2023) for month in range(1, 13)])
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), months) == "%d/%m/%Y"
    assert most_regular_format(("%m/%d/%Y", "%d/%m/%Y"), months.head(5)) == "%d/%m/%Y"
    american = pl.Series([f"{month}/5/{year}" for year in (2022, 2023) for month in range(1, 13)])
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), american) == "%m/%d/%Y"
