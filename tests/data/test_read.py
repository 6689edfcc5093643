"""Every layout read, against panels laid out by hand."""

from __future__ import annotations

import gzip
import re
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foresell.core.settings import parse_settings
from foresell.data.read import Loaded, read

NAN = np.nan
TODAY = date(2024, 6, 1)


def load(folder: Path, tables: dict[str, str | bytes | pl.DataFrame], horizon: int = 2, **data) -> Loaded:
    """Writes the tables into `folder` and reads them with settings that allow any share of bad rows."""
    for name, content in tables.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    tree = {"sales": "sales.csv", "keys": ["store", "item"], "max_bad_share": 1.0} | data
    return read(parse_settings({"data": tree, "horizon": horizon}), folder, today=TODAY)


def same(actual: np.ndarray, expected: list) -> None:
    np.testing.assert_array_equal(actual, np.array(expected, np.float32))


LONG = """store,item,date,units,price,promo
B,x,2024-01-01,5,2.0,0
A,x,2024-01-02,3,1.5,1
A,x,2024-01-04,1,1.0,0
B,x,2024-01-03,2,,1
B,x,2024-01-02,0,2.0,0
B,x,2024-01-04,0,2.0,0
"""


def test_long_table_by_hand(tmp_path):
    loaded = load(tmp_path, {"sales.csv": LONG}, price="price", promotion="promo")
    panel = loaded.panel
    assert panel.series.rows() == [("A", "x"), ("B", "x")]
    assert panel.dates.astype(str).tolist() == [f"2024-01-0{day}" for day in range(1, 7)]
    same(panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    # A's first price also stands before its first day; the last one holds on.
    same(panel.known["price"].on(slice(None)), [[1.5, 1.5, 1.5, 1, 1, 1], [2, 2, 2, 2, 2, 2]])
    # No row, no promotion; past the last row it is not known.
    same(panel.known["promotion"].on(slice(None)), [[NAN, 1, 0, 0, NAN, NAN], [0, 0, 1, 0, NAN, NAN]])
    assert (loaded.rows, loaded.quarantine.height, str(panel.cutoff)) == (6, 0, "2024-01-04")


def test_absent_days_may_be_unknown(tmp_path):
    panel = load(tmp_path, {"sales.csv": LONG}, promotion="promo", absent="unknown").panel
    same(panel.units, [[NAN, 3, NAN, 1], [5, 0, 2, 0]])
    same(panel.known["promotion"].values, [[NAN, 1, NAN, 0, NAN, NAN], [0, 0, 1, 0, NAN, NAN]])


def test_an_unreadable_number_makes_its_day_unknown_and_not_zero(tmp_path):
    loaded = load(tmp_path, {"sales.csv": LONG.replace("2024-01-03,2,", "2024-01-03,two,")})
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, NAN, 0]])
    assert loaded.quarantine.rows() == [("sales.csv", 5, "unparsable-numbers", "B,x,2024-01-03,two,,1")]


def test_closed_and_stocked_out_days_are_unknown(tmp_path):
    sales = (
        "store,item,date,units,open,oos\n"
        "A,x,2024-01-01,4,1,no\nA,x,2024-01-02,0,0,no\nA,x,2024-01-03,1,1,yes\nA,x,2024-01-04,2,,\nA,x,2024-01-05,0,0,no\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, open="open", stocked_out="oos")
    # The history reaches to the last row, though that day was closed.
    same(loaded.panel.units, [[4, NAN, NAN, 2, NAN]])
    counts = {found.code: found.count for found in loaded.findings}
    assert (counts["closed-days"], counts["stocked-out-days"]) == (2, 1)


def test_transactions_are_netted(tmp_path):
    sales = (
        "store,item,date,units,price\n"
        "A,x,2024-01-01 09:00:00,3,2.0\nA,x,2024-01-01 17:30:00,1,1.0\nA,x,2024-01-01 18:00:00,-1,2.0\n"
        "A,x,2024-01-02 10:00:00,-2,2.0\n"
        "A,x,2024-01-03 08:00:00,1,3.0\nB,x,2024-01-03 08:00:00,2,1.0\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, layout="transactions", price="price")
    same(loaded.panel.units, [[3, 0, 1], [NAN, NAN, 2]])
    # Of the first day 3 at 2.0 and 1 at 1.0 were sold: (3 x 2 + 1) / 4. Only a return on the second: the mean price.
    same(loaded.panel.known["price"].values[0], [1.75, 2, 3, 3, 3])
    assert {found.code: found.count for found in loaded.findings}["net-returns"] == 1
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


def test_wide_layout_by_hand(tmp_path):
    panel = load(tmp_path, M5_TABLES, **M5).panel
    assert panel.series.rows() == [("x", "S1", "D", "CA"), ("y", "S2", "D", "TX")]
    # x is on sale from its first price on, with a zero on the first day; y only from week 12 on.
    same(panel.units, [[0, 1, 0, 3], [NAN, NAN, 2, 0]])
    same(panel.known["price"].on(slice(None)), [[2, 2, 2.5, 2.5, 2.5, 2.5], [4, 4, 4, 4, 5, 5]])
    assert len(panel.known["snap"].values) == 2
    same(panel.known["snap"].on(slice(None)), [[0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 1, 1]])
    assert [(str(day), name) for day, name in panel.events.rows()] == [
        ("2024-01-01", "NewYear"),
        ("2024-01-04", "Fair"),
        ("2024-01-06", "Fair"),
    ]


def test_until_cuts_units_and_not_what_is_known_ahead(tmp_path):
    panel = load(tmp_path, M5_TABLES, **M5, until="2024-01-03").panel
    same(panel.units, [[0, 1, 0], [NAN, NAN, 2]])
    assert str(panel.dates[-1]) == "2024-01-06"
    same(panel.known["price"].values[0], [2, 2, 2.5, 2.5, 2.5, 2.5])


def test_wide_days_may_be_dates_themselves_and_begin_with_the_first_sale(tmp_path):
    sales = "item,store,2024-01-02,2024-01-01,2024-01-04\ny,A,1,0,\nx,A,5,4,1\n"
    panel = load(tmp_path, {"sales.csv": sales}, keys=["item", "store"], layout="wide", day_prefix="").panel
    # The third of January has no column, so it is not known; nor is the empty cell.
    same(panel.units, [[4, 5, NAN, 1], [NAN, 1, NAN, NAN]])


def test_weeks_sum_days_and_leave_out_those_not_whole(tmp_path):
    days = pl.date_range(date(2024, 1, 3), date(2024, 1, 30), eager=True)  # a Wednesday to a Tuesday
    frame = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": range(1, 29), "price": 2.0})
    loaded = load(tmp_path, {"sales.parquet": frame}, sales="sales.parquet", frequency="W", price="price")
    # 8 to 14 January are the days 6..12 of the table: 6 + … + 12 = 63, then 112 and 161.
    same(loaded.panel.units, [[63, 112, 161]])
    assert loaded.panel.dates.astype(str).tolist() == [
        f"2024-{day}" for day in ("01-08", "01-15", "01-22", "01-29", "02-05")
    ]
    same(loaded.panel.known["price"].values[0, :4], [2, 2, 2, 2])
    assert {found.code: found.count for found in loaded.findings}["partial-periods"] == 2


def test_months_given_once_each_are_taken_as_they_are(tmp_path):
    sales = "store,item,date,units\nA,x,2024-01,10\nA,x,2024-02,20\nA,x,2024-04,5\n"
    panel = load(tmp_path, {"sales.csv": sales}, frequency="M").panel
    same(panel.units, [[10, 20, 0, 5]])
    assert panel.dates.astype(str).tolist()[-1] == "2024-06-01"


def test_side_tables_and_attributes(tmp_path):
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


def test_future_rows_give_what_is_known_ahead(tmp_path):
    future = (
        "store,item,date,price,promo\n"
        "A,x,2024-01-05,1.25,1\nB,x,2024-01-06,,1\nA,x,2024-01-04,9,1\nC,x,2024-01-05,1,1\n"
    )
    loaded = load(
        tmp_path, {"sales.csv": LONG, "ahead.csv": future}, price="price", promotion="promo", future="ahead.csv"
    )
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    same(loaded.panel.known["price"].values, [[1.5, 1.5, 1.5, 1, 1.25, 1.25], [2, 2, 2, 2, 2, 2]])
    same(loaded.panel.known["promotion"].values, [[NAN, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])
    assert next(found for found in loaded.findings if found.code == "unknown-series").examples == ("C x",)
    early = [(found.where, found.count) for found in loaded.findings if found.code == "known-ahead-ends-early"]
    assert early == [("covariate price", 1)]


def test_texts_known_ahead_become_numbers(tmp_path):
    sales = (
        "store,item,date,units,holiday,school\nA,x,2024-01-01,1,b,yes\nA,x,2024-01-02,1,0,no\nA,x,2024-01-03,1,a,no\n"
    )
    loaded = load(tmp_path, {"sales.csv": sales}, known_ahead=["holiday", "school"])
    same(loaded.panel.known["holiday"].values[0, :3], [2, 0, 1])
    same(loaded.panel.known["school"].values[0, :3], [1, 0, 0])
    assert {found.code: found for found in loaded.findings}["coded-text"].examples == ("0 = '0'", "1 = 'a'", "2 = 'b'")


def test_prices_by_date_and_only_some_of_the_keys_are_kept_once(tmp_path):
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
    counts = {found.code: found.count for found in loaded.findings}
    assert (counts["zero-prices"], counts["repeated-entries"]) == (1, 1)


# ------------------------------------------------------------------------------------------------- how it is written


@pytest.mark.parametrize(
    ("name", "content", "how"),
    [
        ("sales.csv", LONG.replace("\n", "\r\n"), {}),
        ("sales.csv", LONG.replace("\n", "\r"), {}),
        ("sales.csv", "\ufeff" + LONG, {}),
        ("sales.csv", LONG.replace("\n", "\n\n") + "\n\n", {}),
        ("sales.csv", LONG.rstrip(), {}),
        ("sales.csv.gz", gzip.compress(LONG.encode()), {"sales": "sales.csv.gz"}),
        ("sales.csv", gzip.compress(LONG.encode()), {}),
        ("sales.csv", LONG.encode("utf-16"), {"encoding": "utf-16"}),
        ("sales.csv", LONG.replace(",", ";").replace(".", ","), {"separator": ";", "decimal": ","}),
        ("sales.csv", LONG.replace(",", "\t"), {}),
        ("sales.csv", re.sub(r"(2024-01-0\d)", r'"\1"', LONG), {}),
        ("sales.csv", LONG.replace(",,", ",NA,"), {}),
        ("sales.csv", LONG.replace(",2.0,", ", 2.0 ,"), {}),
        ("sales.csv", re.sub(r"2024-01-(0\d)", r"\1.01.2024", LONG), {}),
        ("sales.csv", LONG.replace("2024-01-0", "2024010"), {}),
        ("sales.tsv", LONG.replace(",", "\t"), {"sales": "*.tsv"}),
    ],
)
def test_the_same_panel_however_it_is_written(tmp_path, name, content, how):
    loaded = load(tmp_path, {name: content}, price="price", promotion="promo", **how)
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    same(loaded.panel.known["price"].values[0], [1.5, 1.5, 1.5, 1, 1, 1])
    assert loaded.quarantine.is_empty()


@pytest.mark.parametrize("spoilt", ["", "A;x;oops;1\n"])
def test_thousands_have_the_mark_that_decimals_have_not(tmp_path, spoilt):
    german = "store;item;date;units\nA;x;01.02.2024;1.234\nA;x;02.02.2024;1.234,5\nA;x;03.02.2024;2,5\n" + spoilt
    english = "store;item;date;units\nA;x;2024-02-01;1,234\nA;x;2024-02-02;1,234.5\nA;x;2024-02-03;2.5\n" + spoilt
    for sales, decimal in ((german, ","), (english, ".")):
        loaded = load(tmp_path, {"sales.csv": sales}, separator=";", decimal=decimal)
        same(loaded.panel.units, [[1234, 1234.5, 2.5]])


def test_side_tables_may_write_dates_their_own_way(tmp_path):
    sales = "store,item,date,units\nA,x,01/02/2024,1\nA,x,02/02/2024,1\n"
    tables = {
        "sales.csv": sales,
        "p.csv": "item,date,price\nx,2024-02-02,3\n",
        "c.csv": "date,event\n02/02/2024,Fair\n",
    }
    calendar = {"path": "c.csv", "events": ["event"]}
    prices = {"path": "p.csv", "keys": ["item"], "date": "date"}
    for first in ("%d/%m/%Y", "%m/%d/%Y"):
        panel = load(tmp_path, tables, date_format=first, prices=prices, calendar=calendar).panel
        assert panel.events.rows() == [(date(2024, 2, 2), "Fair")]
        assert 3 in panel.known["price"].values


def test_prices_by_week_in_a_weekly_panel(tmp_path):
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


def test_keys_may_be_numbers_in_one_file_and_text_in_another(tmp_path):
    frame = pl.DataFrame(
        {"store": [1, 2], "item": "x", "date": date(2024, 1, 1), "units": [1, 2], "promo": [True, False]}
    )
    tables = {
        "in/a.parquet": frame,
        "in/b.csv": "store,item,date,units,promo\n1,x,2024-01-02,5,yes\n2,x,2024-01-02,0,no\n10,x,2024-01-02,7,no\n",
    }
    panel = load(tmp_path, tables, sales="in", promotion="promo").panel
    assert panel.series["store"].to_list() == ["1", "10", "2"]
    same(panel.units, [[1, 5], [NAN, 7], [2, 0]])
    same(panel.known["promotion"].values[:, :2], [[1, 1], [NAN, 0], [0, 0]])


def test_a_folder_of_csv_and_parquet(tmp_path):
    first, rest = LONG.splitlines(keepends=True)[:3], LONG.splitlines(keepends=True)
    parquet = pl.read_csv(("".join([rest[0], *rest[3:]])).encode(), try_parse_dates=True)
    panel = load(tmp_path, {"in/a.csv": "".join(first), "in/deep/b.parquet": parquet}, sales="in").panel
    same(panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])


def test_whole_number_keys_of_parquet_stay_numbers_and_sort_as_such(tmp_path):
    frame = pl.DataFrame({"store": [10, 2], "item": ["x", "x"], "date": ["2024-01-01"] * 2, "units": [1, 2]})
    panel = load(tmp_path, {"s.parquet": frame}, sales="s.parquet").panel
    assert panel.series.rows() == [(2, "x"), (10, "x")]


def test_a_key_named_na_is_a_name(tmp_path):
    sales = "store,item,date,units\nNA,x,2024-01-01,1\nEU,x,2024-01-01,NA\nEU,x,2024-01-02,3\n"
    loaded = load(tmp_path, {"sales.csv": sales})
    assert loaded.panel.series["store"].to_list() == ["EU", "NA"]
    same(loaded.panel.units, [[NAN, 3], [1, 0]])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_order_of_rows_changes_nothing(tmp_path, data):
    cell = st.tuples(
        st.sampled_from("AB"),
        st.sampled_from("xy"),
        st.integers(1, 9),
        st.sampled_from(["0", "1", "2.5", "-1", "bad", ""]),
        st.sampled_from(["1.5", "2", "0", ""]),
        st.sampled_from(["k", "0", ""]),
    )
    rows = data.draw(st.lists(cell, min_size=1, max_size=25))
    lines = ["A,x,2024-01-05,3,1,0"] + [f"{s},{i},2024-01-0{d},{u},{p},{k}" for s, i, d, u, p, k in rows]
    layout = data.draw(st.sampled_from(["long", "transactions"]))
    panels = []
    for order in (lines, data.draw(st.permutations(lines))):
        text = "\n".join(["store,item,date,units,price,kind", *order])
        panels.append(
            load(
                tmp_path, {"sales.csv": text}, price="price", known_ahead=["kind"], attributes=["kind"], layout=layout
            ).panel
        )
    one, other = panels
    assert one.series.equals(other.series)
    np.testing.assert_array_equal(one.units, other.units)
    for name in one.known:
        np.testing.assert_allclose(one.known[name].values, other.known[name].values, rtol=1e-6)


def slowly(rows: list[tuple[str, int, str]], absent: str, first: int, last: int) -> dict[str, list[float]]:
    """The units of each store from `first` to `last`, cell by cell, from rows of store, day and quantity as text."""
    told: dict[tuple[str, int], set[str]] = {}
    for store, day, text in rows:
        told.setdefault((store, day), set()).add(text)
    out = {}
    for store in sorted({store for store, _, _ in rows}):
        begin = min(day for each, day in told if each == store)
        line = []
        for day in range(first, last + 1):
            texts = told.get((store, day))
            if day < begin or (texts is None and absent == "unknown"):
                line.append(NAN)
            elif texts is None:
                line.append(0.0)
            else:
                numbers = {float(text) if text in ("0", "1", "2.5") else NAN for text in texts}
                line.append(numbers.pop() if len(texts) == 1 else NAN)
        out[store] = line
    return out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_long_tables_against_a_slow_reading(tmp_path, data):
    row = st.tuples(st.sampled_from("ABC"), st.integers(1, 9), st.sampled_from(["0", "1", "2.5", "-1", "bad", ""]))
    rows = [("A", 0, "1"), *data.draw(st.lists(row, max_size=20)), ("B", 10, "1")]
    absent = data.draw(st.sampled_from(["zero", "unknown"]))
    lines = [f"{store},x,2024-03-{day + 1:02d},{text}" for store, day, text in data.draw(st.permutations(rows))]
    panel = load(tmp_path, {"sales.csv": "\n".join(["store,item,date,units", *lines])}, absent=absent).panel
    expected = slowly(rows, absent, 0, 10)
    assert panel.series["store"].to_list() == list(expected)
    same(panel.units, list(expected.values()))


# -------------------------------------------------------------------------------------------------------- real data


@pytest.fixture
def shared_data() -> Path:
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not in {folder}")
    return folder


def test_rossmann(shared_data):
    tree = {
        "sales": "rossmann.parquet",
        "keys": ["Store"],
        "date": "Date",
        "quantity": "Sales",
        "promotion": "Promo",
        "known_ahead": ["SchoolHoliday", "StateHoliday"],
        "attributes": ["StoreType", "CompetitionDistance"],
        "absent": "unknown",
    }
    loaded = read(parse_settings({"data": tree}), shared_data / "rossmann")
    raw = pl.read_parquet(shared_data / "rossmann" / "rossmann.parquet")
    assert loaded.panel.units.shape == (1115, 942)
    assert np.nansum(loaded.panel.units, dtype=np.float64) == raw["Sales"].sum()
    assert np.isfinite(loaded.panel.units).sum() == loaded.rows == raw.height
    assert loaded.quarantine.is_empty()


@pytest.mark.slow
def test_m5(shared_data):
    tree = {
        "sales": "sales_train_evaluation.csv.gz",
        "layout": "wide",
        "keys": ["item_id", "store_id"],
        "attributes": ["dept_id", "cat_id", "state_id"],
        "country": "US",
        "until": "2016-04-24",
        "prices": {
            "path": "sell_prices.csv.gz",
            "keys": ["store_id", "item_id"],
            "price": "sell_price",
            "week": "wm_yr_wk",
        },
        "calendar": {
            "path": "calendar.csv",
            "day": "d",
            "week": "wm_yr_wk",
            "events": ["event_name_1", "event_name_2"],
            "flags": {"snap": {"by": "state_id", "columns": {"CA": "snap_CA", "TX": "snap_TX", "WI": "snap_WI"}}},
        },
    }
    panel = read(parse_settings({"data": tree}), shared_data / "m5").panel
    raw = pl.read_csv(shared_data / "m5" / tree["sales"])
    days = [f"d_{day}" for day in range(1, 1914)]
    assert panel.units.shape == (30490, 1913)
    assert str(panel.dates[-1]) == "2016-06-19"
    assert np.nansum(panel.units, dtype=np.float64) == raw.select(pl.sum_horizontal(pl.col(days).sum())).item()
    row = raw.filter(item_id="FOODS_3_090", store_id="TX_2")
    place = panel.series.with_row_index().filter(item_id="FOODS_3_090", store_id="TX_2")["index"][0]
    same(np.nan_to_num(panel.units[place]), row.select(days).row(0))
    prices = pl.read_csv(shared_data / "m5" / "sell_prices.csv.gz").filter(item_id="FOODS_3_090", store_id="TX_2")
    weeks = pl.read_csv(shared_data / "m5" / "calendar.csv").select("wm_yr_wk")
    daily = weeks.join(prices, on="wm_yr_wk", how="left", maintain_order="left")["sell_price"]
    same(
        panel.known["price"].on(slice(None))[place],
        daily.fill_null(strategy="forward").fill_null(strategy="backward").to_list(),
    )
