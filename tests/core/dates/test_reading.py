"""Columns of dates in Python, read as those of files are."""

from __future__ import annotations

from datetime import date

import pandas as pd
import polars as pl
import pytest

import foresell as fs
from foresell.core.errors import UsageError
from foresell.core.panel import Panel

QUARTERS = ["Q1 2022", "Q2 2022", "Q3 2022", "Q4 2022", None]
FIRST_DAYS = [date(2022, month, 1) for month in (1, 4, 7, 10)]


def test_a_column_keeps_its_library():
    of_polars = fs.read_dates(pl.Series("quarter", QUARTERS))
    assert (of_polars.name, of_polars.to_list()) == ("quarter", [*FIRST_DAYS, None])
    of_pandas = fs.read_dates(pd.Series(QUARTERS[:4], index=[7, 8, 9, 10], name="quarter"), "quarter")
    assert of_pandas.index.tolist() == [7, 8, 9, 10]
    assert of_pandas.dt.date.tolist() == FIRST_DAYS
    assert fs.read_dates(["0124", "0224"], "%m%y") == [date(2024, 1, 1), date(2024, 2, 1)]


@pytest.mark.parametrize("date_format", [None, "week"])
def test_what_no_format_reads_is_refused(date_format):
    with pytest.raises(UsageError, match=r"1 of 3 values: soon\. Say how"):
        fs.read_dates(["2024-W01", "2024-W02", "soon"], date_format or "week")
    with pytest.raises(UsageError, match="No format of dates was found"):
        fs.read_dates(["one", "two"])


@pytest.mark.parametrize("written", ["2024-W{:02d}", "KW {:02d}/2024", "week {}, 2024"])
def test_the_advice_of_the_door_reads_weeks(written):
    sales = pl.DataFrame({"item": ["A"] * 20, "week": [written.format(week) for week in range(1, 21)], "units": 1.0})
    with pytest.raises(UsageError) as error:
        Panel.from_frame(sales, ["item"], date="week", frequency="W")
    advice = str(error.value).split("`")[1]
    names = {"sales": sales, "pl": pl, "fs": fs}
    exec(advice, names)
    assert Panel.from_frame(names["sales"], ["item"], date="week", frequency="W").n_days == 20
