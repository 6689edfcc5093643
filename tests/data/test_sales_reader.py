"""Every layout read, against panels laid out by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from fixtures.sales_files import LONG, NAN, same


def test_long_table_by_hand(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": LONG}, price="price", promotion="promo")
    panel = loaded.panel
    assert panel.series.rows() == [("A", "x"), ("B", "x")]
    assert panel.dates.astype(str).tolist() == [f"2024-01-0{day}" for day in range(1, 7)]
    same(panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    # A has no price before its first day, when it was not on sale; the last one holds on.
    same(panel.known["price"].on(slice(None)), [[NAN, 1.5, 1.5, 1, 1, 1], [2, 2, 2, 2, 2, 2]])
    # No row, no promotion; past the last row it is not known.
    same(panel.known["promotion"].on(slice(None)), [[NAN, 1, 0, 0, NAN, NAN], [0, 0, 1, 0, NAN, NAN]])
    assert (loaded.rows, loaded.quarantine.height, str(panel.cutoff)) == (6, 0, "2024-01-04")


def test_absent_days_may_be_unknown(load, tmp_path):
    panel = load(tmp_path, {"sales.csv": LONG}, promotion="promo", absent="unknown").panel
    same(panel.units, [[NAN, 3, NAN, 1], [5, 0, 2, 0]])
    same(panel.known["promotion"].values, [[NAN, 1, NAN, 0, NAN, NAN], [0, 0, 1, 0, NAN, NAN]])


def test_an_unreadable_number_makes_its_day_unknown_and_not_zero(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": LONG.replace("2024-01-03,2,", "2024-01-03,two,")})
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, NAN, 0]])
    assert loaded.quarantine.rows() == [("sales.csv", 5, "unparsable-numbers", "B,x,2024-01-03,two,,1")]


def test_closed_and_stocked_out_days_are_unknown(load, tmp_path):
    sales = (
        "store,item,date,units,open,oos\n"
        "A,x,2024-01-01,4,1,no\nA,x,2024-01-02,0,0,no\nA,x,2024-01-03,1,1,yes\nA,x,2024-01-04,2,,\nA,x,2024-01-05,0,0,no\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, open="open", stocked_out="oos")
    # The history reaches to the last row, though that day was closed.
    same(loaded.panel.units, [[4, NAN, NAN, 2, NAN]])
    counts = {finding.code: finding.count for finding in loaded.findings}
    assert (counts["closed-days"], counts["stocked-out-days"]) == (2, 1)


def test_transactions_are_netted(load, tmp_path):
    sales = (
        "store,item,date,units,price\n"
        "A,x,2024-01-01 09:00:00,3,2.0\nA,x,2024-01-01 17:30:00,1,1.0\nA,x,2024-01-01 18:00:00,-1,2.0\n"
        "A,x,2024-01-02 10:00:00,-2,2.0\n"
        "A,x,2024-01-03 08:00:00,1,3.0\nB,x,2024-01-03 08:00:00,2,1.0\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, layout="transactions", price="price")
    # The two that came back on the second day had been sold on the first.
    same(loaded.panel.units, [[1, 0, 1], [NAN, NAN, 2]])
    # Of the first day 3 at 2.0 and 1 at 1.0 were sold: (3 x 2 + 1) / 4. Only a return on the second: the mean price.
    same(loaded.panel.known["price"].values[0], [1.75, 2, 3, 3, 3])
    assert {finding.code: finding.count for finding in loaded.findings}["netted-returns"] == 1
    assert loaded.quarantine.is_empty()


WIDE = """id,item,dept,store,state,d_1,d_2,d_3,d_4
1,y,D,S2,TX,0,0,2,0
2,x,D,S1,CA,0,1,0,3
"""


CALENDAR = """date,week,d,event,snap_CA,snap_TX
2024-01-01,11,d_1,NewYear,0,1
2024-01-02,11,d_2,,1,0
2024-01-03,12,d_3,,0,0
2024-01-04,12,d_4,Fair,1,0
2024-01-05,13,d_5,,0,1
2024-01-06,13,d_6,Fair,1,1
"""


PRICES = """store,item,week,price
S1,x,12,2.5
S1,x,11,2
S2,y,12,4
S2,y,13,5
S9,q,11,1
"""


M5 = {
    "keys": ["item", "store"],
    "layout": "wide",
    "attributes": ["dept", "state"],
    "prices": {"path": "prices.csv", "keys": ["store", "item"], "week": "week"},
    "calendar": {
        "path": "calendar.csv",
        "day": "d",
        "week": "week",
        "events": ["event"],
        "flags": {"snap": {"by": "state", "columns": {"CA": "snap_CA", "TX": "snap_TX"}}},
    },
}

M5_TABLES: dict = {"sales.csv": WIDE, "calendar.csv": CALENDAR, "prices.csv": PRICES}


def test_wide_layout_by_hand(load, tmp_path):
    panel = load(tmp_path, M5_TABLES, **M5).panel
    assert panel.series.rows() == [("x", "S1", "D", "CA"), ("y", "S2", "D", "TX")]
    # x is on sale from its first price on, with a zero on the first day; y only from week 12 on.
    same(panel.units, [[0, 1, 0, 3], [NAN, NAN, 2, 0]])
    same(panel.known["price"].on(slice(None)), [[2, 2, 2.5, 2.5, 2.5, 2.5], [NAN, NAN, 4, 4, 5, 5]])
    assert len(panel.known["snap"].values) == 2
    same(panel.known["snap"].on(slice(None)), [[0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 1, 1]])
    assert [(str(day), name) for day, name in panel.events.rows()] == [
        ("2024-01-01", "NewYear"),
        ("2024-01-04", "Fair"),
        ("2024-01-06", "Fair"),
    ]


def test_until_cuts_units_and_not_what_is_known_ahead(load, tmp_path):
    panel = load(tmp_path, M5_TABLES, **M5, until="2024-01-03").panel
    same(panel.units, [[0, 1, 0], [NAN, NAN, 2]])
    assert str(panel.dates[-1]) == "2024-01-06"
    same(panel.known["price"].values[0], [2, 2, 2.5, 2.5, 2.5, 2.5])


def test_wide_days_may_be_dates_themselves_and_begin_with_the_first_sale(load, tmp_path):
    sales = "item,store,2024-01-02,2024-01-01,2024-01-04\ny,A,1,0,\nx,A,5,4,1\n"
    panel = load(tmp_path, {"sales.csv": sales}, keys=["item", "store"], layout="wide", day_prefix="").panel
    # The third of January has no column, so it is not known; nor is the empty cell.
    same(panel.units, [[4, 5, NAN, 1], [NAN, 1, NAN, NAN]])


def test_weeks_sum_days_and_leave_out_those_not_whole(load, tmp_path):
    days = pl.date_range(date(2024, 1, 3), date(2024, 1, 30), eager=True)  # a Wednesday to a Tuesday
    frame = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": range(1, 29), "price": 2.0})
    loaded = load(tmp_path, {"sales.parquet": frame}, sales="sales.parquet", frequency="W", price="price")
    # 8 to 14 January are the days 6..12 of the table: 6 + … + 12 = 63, then 112 and 161.
    same(loaded.panel.units, [[63, 112, 161]])
    assert loaded.panel.dates.astype(str).tolist() == [
        f"2024-{day}" for day in ("01-08", "01-15", "01-22", "01-29", "02-05")
    ]
    same(loaded.panel.known["price"].values[0, :4], [2, 2, 2, 2])
    assert {finding.code: finding.count for finding in loaded.findings}["partial-periods"] == 2


def test_months_given_once_each_are_taken_as_they_are(load, tmp_path):
    sales = "store,item,date,units\nA,x,2024-01,10\nA,x,2024-02,20\nA,x,2024-04,5\n"
    panel = load(tmp_path, {"sales.csv": sales}, frequency="M").panel
    same(panel.units, [[10, 20, 0, 5]])
    assert panel.dates.astype(str).tolist()[-1] == "2024-06-01"


def test_side_tables_and_attributes(load, tmp_path):
    tables = {
        "sales.csv": "store,item,date,units,kind\n1,x,2024-01-01,1,a\n1,x,2024-01-02,1,b\n2,x,2024-01-01,3,\n",
        "items.csv": "item,family,size,kind\nx,food,12,K\n",
        "stores.parquet": pl.DataFrame({"store": [2, 1], "city": ["Ulm", "Bonn"], "space": [40, None]}),
    }
    loaded = load(
        tmp_path,
        tables,
        attributes=["kind"],
        items={"path": "items.csv", "keys": ["item"]},
        stores={"path": "stores.parquet", "keys": ["store"]},
    )
    assert loaded.panel.series.to_dicts() == [
        {
            "store": "1",
            "item": "x",
            "kind": "b",
            "family": "food",
            "size": 12.0,
            "items_kind": "K",
            "city": "Bonn",
            "space": None,
        },
        {
            "store": "2",
            "item": "x",
            "kind": None,
            "family": "food",
            "size": 12.0,
            "items_kind": "K",
            "city": "Ulm",
            "space": 40,
        },
    ]


def test_future_rows_give_what_is_known_ahead(load, tmp_path):
    future = (
        "store,item,date,price,promo\n"
        "A,x,2024-01-05,1.25,1\nB,x,2024-01-06,,1\nA,x,2024-01-04,9,1\nC,x,2024-01-05,1,1\n"
    )
    loaded = load(
        tmp_path, {"sales.csv": LONG, "ahead.csv": future}, price="price", promotion="promo", future="ahead.csv"
    )
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    same(loaded.panel.known["price"].values, [[NAN, 1.5, 1.5, 1, 1.25, 1.25], [2, 2, 2, 2, 2, 2]])
    same(loaded.panel.known["promotion"].values, [[NAN, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])
    assert next(finding for finding in loaded.findings if finding.code == "unknown-series").examples == ("C x",)
    early = [(finding.where, finding.count) for finding in loaded.findings if finding.code == "known-ahead-ends-early"]
    assert early == [("covariate price", 1)]


def test_texts_known_ahead_become_numbers(load, tmp_path):
    sales = (
        "store,item,date,units,holiday,school\nA,x,2024-01-01,1,b,yes\nA,x,2024-01-02,1,0,no\nA,x,2024-01-03,1,a,no\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, known_ahead=["holiday", "school"])
    same(loaded.panel.known["holiday"].values[0, :3], [2, 0, 1])
    same(loaded.panel.known["school"].values[0, :3], [1, 0, 0])
    assert {finding.code: finding for finding in loaded.findings}["coded-text"].examples == (
        "0 = '0'",
        "1 = 'a'",
        "2 = 'b'",
    )


def test_prices_by_date_and_only_some_of_the_keys_are_kept_once(load, tmp_path):
    sales = "store,item,date,units\nA,x,2024-01-01,1\nA,x,2024-01-03,1\nB,x,2024-01-01,1\nB,y,2024-01-01,1\n"
    prices = "item,date,price\nx,2024-01-02,3\nx,2024-01-02,5\ny,2024-01-01,0\n"
    loaded = load(
        tmp_path, {"sales.csv": sales, "p.csv": prices}, prices={"path": "p.csv", "keys": ["item"], "date": "date"}
    )
    price = loaded.panel.known["price"]
    assert price.rows.tolist() == [0, 0, 1]
    same(price.values, [[4, 4, 4, 4, 4], [NAN] * 5])  # two prices on one day: their mean; a price of zero: not known
    # A was sold before the first price.
    same(loaded.panel.units[0], [1, 0, 1])
    counts = {finding.code: finding.count for finding in loaded.findings}
    assert (counts["zero-prices"], counts["repeated-entries"]) == (1, 1)


def test_prices_by_week_in_a_weekly_panel(load, tmp_path):
    days = pl.date_range(date(2024, 1, 1), date(2024, 1, 28), eager=True)
    calendar = pl.DataFrame(
        {"date": days, "label": [f"w{day // 7 % 2}{day // 14}" for day in range(28)], "fair": [0, 1] * 14}
    )
    sales = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": 1})
    prices = pl.DataFrame({"item": "x", "label": ["w00", "w01", "w11"], "price": [1.0, 2.0, 4.0]})
    flags = {"fair": {"by": "store", "columns": {"A": "fair"}}}
    panel = load(
        tmp_path,
        {"s.parquet": sales, "c.parquet": calendar, "p.parquet": prices},
        sales="s.parquet",
        frequency="W",
        prices={"path": "p.parquet", "keys": ["item"], "week": "label"},
        calendar={"path": "c.parquet", "week": "label", "flags": flags},
    ).panel
    same(panel.units, [[7, 7, 7, 7]])
    # The weeks in order of time are w00, w10 (no price: that before it holds on), w01, w11.
    same(panel.known["price"].values, [[1, 1, 2, 4, 4, 4]])
    np.testing.assert_allclose(panel.known["fair"].values, [[3 / 7, 4 / 7, 3 / 7, 4 / 7, NAN, NAN]], rtol=1e-6)
