"""Texts read as dates and numbers."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.core.dates.formats import infer_format, most_regular_format, to_date


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


@pytest.mark.parametrize(
    "texts",
    [
        ("Mo, 15.01.2024", "Di, 16.01.2024"),
        ("Mon 15.01.2024", "Tue 16.01.2024"),
        ("lundi 15 janvier 2024", "mardi 16 janvier 2024"),
        ("15th January 2024", "16th January 2024"),
        ("Monday, January 15, 2024", "Tuesday, January 16, 2024"),
        ("15/01/2024 03:00 a.m.", "16/01/2024 11:00 p.m."),
    ],
)
def test_words_beside_a_date_are_left_out(texts):
    series = pl.Series(texts)
    written = infer_format(series)
    assert to_date(series, written).to_list() == [date(2024, 1, 15), date(2024, 1, 16)]


def test_of_a_range_the_first_date_counts_and_m_marks_a_month():
    assert to_date(pl.Series(["01.01.2024 - 07.01.2024"]), "%d.%m.%Y - %d.%m.%Y").to_list() == [date(2024, 1, 1)]
    assert infer_format(pl.Series(["2022M01", "2022M02"])) == "%YM%m"
