"""Texts read as dates and numbers."""

from __future__ import annotations

import polars as pl

from foresell.data.values import most_regular_format, to_date, to_number


def test_short_years_are_no_long_ones():
    assert to_date(pl.Series(["05.01.24"]), "%d.%m.%Y").to_list() == [None]


def test_first_of_takes_the_steadier_dates():
    month_first = pl.Series([f"01/{day:02d}/2024" for day in range(1, 13)])
    day_first = pl.Series([f"{day:02d}/01/2024" for day in range(1, 13)])
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), month_first) == "%m/%d/%Y"
    assert most_regular_format(("%d/%m/%Y", "%m/%d/%Y"), day_first) == "%d/%m/%Y"


def test_numbers():
    assert to_number(pl.Series(["1,234.5", "-7", "1,23", "x", None]), ".").to_list() == [1234.5, -7.0, None, None, None]
    assert to_number(pl.Series(["1.234,5", "-7", "0,5"]), ",").to_list() == [1234.5, -7.0, 0.5]
