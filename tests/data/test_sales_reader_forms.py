"""One panel, however its files are written: separators, quotes, encodings, formats, folders."""

from __future__ import annotations

import gzip
import re
from datetime import date

import polars as pl
import pytest
from fixtures.sales_files import LONG, NAN, same


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
def test_the_same_panel_however_it_is_written(load, tmp_path, name, content, how):
    loaded = load(tmp_path, {name: content}, price="price", promotion="promo", **how)
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])
    same(loaded.panel.known["price"].values[0], [NAN, 1.5, 1.5, 1, 1, 1])
    assert loaded.quarantine.is_empty()


@pytest.mark.parametrize("spoilt", ["", "A;x;oops;1\n"])
def test_thousands_have_the_mark_that_decimals_have_not(load, tmp_path, spoilt):
    german = "store;item;date;units\nA;x;01.02.2024;1.234\nA;x;02.02.2024;1.234,5\nA;x;03.02.2024;2,5\n" + spoilt
    english = "store;item;date;units\nA;x;2024-02-01;1,234\nA;x;2024-02-02;1,234.5\nA;x;2024-02-03;2.5\n" + spoilt
    for sales, decimal in ((german, ","), (english, ".")):
        loaded = load(tmp_path, {"sales.csv": sales}, separator=";", decimal=decimal)
        same(loaded.panel.units, [[1234, 1234.5, 2.5]])


def test_side_tables_may_write_dates_their_own_way(load, tmp_path):
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


def test_keys_may_be_numbers_in_one_file_and_text_in_another(load, tmp_path):
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


def test_a_folder_of_csv_and_parquet(load, tmp_path):
    first, rest = LONG.splitlines(keepends=True)[:3], LONG.splitlines(keepends=True)
    parquet = pl.read_csv(("".join([rest[0], *rest[3:]])).encode(), try_parse_dates=True)
    panel = load(tmp_path, {"in/a.csv": "".join(first), "in/deep/b.parquet": parquet}, sales="in").panel
    same(panel.units, [[NAN, 3, 0, 1], [5, 0, 2, 0]])


def test_whole_number_keys_of_parquet_stay_numbers_and_sort_as_such(load, tmp_path):
    frame = pl.DataFrame({"store": [10, 2], "item": ["x", "x"], "date": ["2024-01-01"] * 2, "units": [1, 2]})
    panel = load(tmp_path, {"s.parquet": frame}, sales="s.parquet").panel
    assert panel.series.rows() == [(2, "x"), (10, "x")]


def test_a_key_named_na_is_a_name(load, tmp_path):
    sales = "store,item,date,units\nNA,x,2024-01-01,1\nEU,x,2024-01-01,NA\nEU,x,2024-01-02,3\n"
    loaded = load(tmp_path, {"sales.csv": sales})
    assert loaded.panel.series["store"].to_list() == ["EU", "NA"]
    same(loaded.panel.units, [[NAN, 3], [1, 0]])


@pytest.mark.parametrize("whole", ["985", "12"])
def test_thousands_that_were_read_as_decimals_are_reported(load, tmp_path, whole):
    sales = f"store,item,date,units\nA,x,2024-02-01,1.070\nA,x,2024-02-02,{whole}\nA,x,2024-02-03,1.231\n"
    codes = [finding.code for finding in load(tmp_path, {"sales.csv": sales}).findings]
    assert "thousands-as-decimals" in codes
    kilograms = sales.replace("1.231", "0.231")
    codes = [finding.code for finding in load(tmp_path, {"sales.csv": kilograms}).findings]
    assert "thousands-as-decimals" not in codes


def test_covariates_in_per_cent_are_numbers(load, tmp_path):
    sales = "store;item;date;units;off\nA;x;2024-02-01;1;5 %\nA;x;2024-02-02;2;12,5 %\n"
    loaded = load(tmp_path, {"sales.csv": sales}, separator=";", decimal=",", known_ahead=["off"])
    same(loaded.panel.known["off"].values[:, :2], [[0.05, 0.125]])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_the_date_of_a_timestamp_with_a_zone_is_the_local_one(load, tmp_path, zone):
    days = pl.Series("date", [date(2024, 1, 1), date(2024, 1, 2)]).cast(pl.Datetime("us")).dt.replace_time_zone(zone)
    frame = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": [1, 2]})
    panel = load(tmp_path, {"sales.parquet": frame}, sales="sales.parquet").panel
    assert (str(panel.dates[0]), panel.cutoff) == ("2024-01-01", date(2024, 1, 2))
    text = frame.with_columns(pl.col("date").dt.strftime("%Y-%m-%d %H:%M:%S%z")).write_csv()
    assert str(load(tmp_path, {"sales.csv": text}).panel.dates[0]) == "2024-01-01"


def test_weeks_that_are_left_out_are_named_with_their_units(load, tmp_path):
    days = pl.date_range(pl.date(2024, 1, 3), pl.date(2024, 2, 6), eager=True)
    rows = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": 2})
    wide = rows.with_columns(pl.col("date").cast(pl.String)).pivot("date", index=["store", "item"], values="units")
    layouts = {"long": rows.write_csv(), "wide": wide.write_csv()}
    for layout, text in layouts.items():
        data = {"layout": layout, "frequency": "W", **({"day_prefix": ""} if layout == "wide" else {})}
        findings = load(tmp_path, {"sales.csv": text}, horizon=1, **data).findings
        (entry,) = [entry for entry in findings if entry.code == "partial-periods"]
        assert entry.message == "2 weeks are not whole, at the edge of the history; 14 units are left out"
        assert entry.examples == ("5 dates from 2024-01-03 to 2024-01-07", "2 dates from 2024-02-05 to 2024-02-06")
