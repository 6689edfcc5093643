"""Days on which the shelf ran empty: not known in the panel, and kept beside it with what was sold."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

HEAD = "store,item,date,units,empty\n"
DAYS = (
    HEAD
    + """A,x,2024-01-01,5,no
A,x,2024-01-02,3,yes
A,x,2024-01-03,0,yes
A,x,2024-01-04,7,no
A,x,2024-01-05,,yes
B,x,2024-01-01,2,no
B,x,2024-01-04,1,yes
"""
)


def same(actual, expected):
    np.testing.assert_array_equal(actual, np.array(expected, np.float32))


def rows(loaded):
    return [(*row[:2], row[2].isoformat(), row[3]) for row in loaded.stockouts.iter_rows()]


def test_they_are_not_known_and_what_was_sold_is_kept(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": DAYS}, stocked_out="empty")
    same(loaded.panel.units, [[5, np.nan, np.nan, 7], [2, 0, 0, np.nan]])
    # A day without a quantity is not known either, but nothing is told of what was sold on it.
    assert rows(loaded) == [
        ("A", "x", "2024-01-02", 3.0),
        ("A", "x", "2024-01-03", 0.0),
        ("B", "x", "2024-01-04", 1.0),
    ]
    assert loaded.stockouts.schema == {"store": pl.String, "item": pl.String, "date": pl.Date, "sold": pl.Float32}


def test_a_table_without_the_column_has_none(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": DAYS})
    assert loaded.stockouts.is_empty()
    assert loaded.stockouts.schema == {"store": pl.String, "item": pl.String, "date": pl.Date, "sold": pl.Float32}


def test_those_after_the_end_of_the_history_are_left_out(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": DAYS}, stocked_out="empty", until="2024-01-02")
    assert rows(loaded) == [("A", "x", "2024-01-02", 3.0)]


def test_a_week_with_an_empty_shelf_is_not_known(load, tmp_path):
    weeks = [f"A,x,2024-01-{day:02},{day},{'yes' if day == 10 else 'no'}" for day in range(1, 22)]
    loaded = load(tmp_path, {"sales.csv": HEAD + "\n".join(weeks) + "\n"}, stocked_out="empty", frequency="W")
    same(loaded.panel.units, [[sum(range(1, 8)), np.nan, sum(range(15, 22))]])
    assert rows(loaded) == [("A", "x", "2024-01-08", float(sum(range(8, 15))))]


def test_a_day_of_receipts_with_an_empty_shelf_is_not_known(load, tmp_path):
    lines = HEAD + "A,x,2024-01-01,2,no\nA,x,2024-01-01,3,yes\nA,x,2024-01-01,-1,no\nA,x,2024-01-02,4,no\n"
    loaded = load(tmp_path, {"sales.csv": lines}, stocked_out="empty", layout="transactions")
    same(loaded.panel.units, [[np.nan, 4]])
    assert rows(loaded) == [("A", "x", "2024-01-01", 4.0)]


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        ("A,x,2024-01-02,3,yes\nA,x,2024-01-02,3,yes\n", [("A", "x", "2024-01-02", 3.0)]),
        ("A,x,2024-01-02,3,yes\nA,x,2024-01-02,4,yes\n", []),
    ],
)
def test_copies_of_a_row(load, tmp_path, copies, expected):
    loaded = load(tmp_path, {"sales.csv": HEAD + "A,x,2024-01-01,5,no\n" + copies}, stocked_out="empty")
    same(loaded.panel.units, [[5, np.nan]])
    assert rows(loaded) == expected


def test_rows_known_ahead_have_none(load, tmp_path):
    ahead = "store,item,date\nA,x,2024-01-05\n"
    loaded = load(tmp_path, {"sales.csv": DAYS, "ahead.csv": ahead}, stocked_out="empty", future="ahead.csv")
    assert loaded.stockouts["date"].max() == date(2024, 1, 4)


COMING = "store,item,date,price\nA,x,2024-01-03,2\nA,y,2024-01-04,9\nA,y,2024-01-05,9\nB,z,2024-01-04,1\n"
SALES = "store,item,date,units,price\nA,x,2024-01-01,5,2\nA,x,2024-01-02,6,2\nB,q,2024-01-02,1,2\n"
ITEMS = "item,size\nx,1\ny,2\nq,3\n"


def test_a_launch_to_come_is_a_series_without_a_history(load, tmp_path):
    tables = {"sales.csv": SALES, "ahead.csv": COMING, "items.csv": ITEMS}
    items = {"path": "items.csv", "keys": ["item"]}
    loaded = load(tmp_path, tables, price="price", future="ahead.csv", items=items, horizon=3)
    panel = loaded.panel
    # Item z is in no table of items: a slip.
    assert panel.series.rows() == [("A", "x", 1.0), ("A", "y", 2.0), ("B", "q", 3.0)]
    same(panel.units, [[5, 6], [np.nan, np.nan], [np.nan, 1]])
    same(panel.known["price"].on(slice(0, 5))[1], [np.nan, np.nan, np.nan, 9, 9])
    assert {"launches-ahead", "unknown-series"} <= {finding.code for finding in loaded.findings}


def test_without_a_side_table_only_keys_that_have_sales_are_launches(load, tmp_path):
    coming = COMING + "B,x,2024-01-04,2\n"
    loaded = load(tmp_path, {"sales.csv": SALES, "ahead.csv": coming}, price="price", future="ahead.csv", horizon=3)
    assert loaded.panel.series.rows() == [("A", "x"), ("B", "q"), ("B", "x")]
    assert np.isnan(loaded.panel.units[2]).all()
