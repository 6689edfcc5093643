"""Reading against a slow reading of the same rows, and against real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales

NAN = np.nan


def same(actual: np.ndarray, expected: list) -> None:
    np.testing.assert_array_equal(actual, np.array(expected, np.float32))


@settings(max_examples=25)
@given(st.data())
def test_the_order_of_rows_changes_nothing(load, tmp_path, data):
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


@settings(max_examples=40)
@given(st.data())
def test_long_tables_against_a_slow_reading(load, tmp_path, data):
    row = st.tuples(st.sampled_from("ABC"), st.integers(1, 9), st.sampled_from(["0", "1", "2.5", "-1", "bad", ""]))
    rows = [("A", 0, "1"), *data.draw(st.lists(row, max_size=20)), ("B", 10, "1")]
    absent = data.draw(st.sampled_from(["zero", "unknown"]))
    lines = [f"{store},x,2024-03-{day + 1:02d},{text}" for store, day, text in data.draw(st.permutations(rows))]
    panel = load(tmp_path, {"sales.csv": "\n".join(["store,item,date,units", *lines])}, absent=absent).panel
    expected = slowly(rows, absent, 0, 10)
    assert panel.series["store"].to_list() == list(expected)
    same(panel.units, list(expected.values()))


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
    loaded = read_sales(parse_settings({"data": tree}), shared_data / "rossmann")
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
    panel = read_sales(parse_settings({"data": tree}), shared_data / "m5").panel
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
