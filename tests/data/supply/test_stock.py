"""Tables of stock and open orders, laid out for the series of a panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import FindingsStop, SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.supply.stock import read_open_orders, read_stock

DATA = Data(sales="sales.csv", keys=("store", "item"))


@pytest.fixture
def panel() -> Panel:
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "007", "x"]})
    dates = np.datetime64("2024-01-01") + np.arange(12)
    return Panel(series, ("store", "item"), dates, np.ones((3, 10), np.float32))


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "table.csv").write_text(text)
        return "table.csv"

    return write


def test_stock_by_series_whatever_the_order_of_the_rows(panel, table, tmp_path) -> None:
    path = table("item,store,on_hand,place\nx,b,7,shelf\n007,a,3.5,shelf\n")
    on_hand, findings = read_stock(path, tmp_path, DATA, panel)
    assert np.nan_to_num(on_hand, nan=-1).tolist() == [-1, 3.5, 7]  # the first series has no row
    assert findings == []


def test_rows_of_one_series_add_up_and_are_named(panel, table, tmp_path) -> None:
    on_hand, findings = read_stock(table("store,item,on_hand\na,x,2\na,x,3\nb,x,1\n"), tmp_path, DATA, panel)
    assert on_hand[[0, 2]].tolist() == [5, 1]
    assert [finding.code for finding in findings] == ["supply-repeated"]


def test_a_blank_stock_is_not_known_rather_than_zero(panel, table, tmp_path) -> None:
    on_hand, _ = read_stock(table("store,item,on_hand\na,x,\nb,x,0\n"), tmp_path, DATA, panel)
    assert np.isnan(on_hand[0])
    assert on_hand[2] == 0


def test_a_text_in_place_of_a_number_is_not_known_and_is_named(panel, table, tmp_path) -> None:
    on_hand, findings = read_stock(table("store,item,on_hand\na,x,many\nb,x,4\n"), tmp_path, DATA, panel)
    assert np.isnan(on_hand[0])
    assert [finding.code for finding in findings] == ["unparsable-numbers"]


def test_rows_of_other_series_are_left_out_and_named(panel, table, tmp_path) -> None:
    on_hand, findings = read_stock(table("store,item,on_hand\na,x,2\nz,x,3\n"), tmp_path, DATA, panel)
    assert on_hand[0] == 2
    assert [(finding.code, finding.count, finding.examples) for finding in findings] == [
        ("supply-unmatched", 1, ("z x",))
    ]


def test_a_table_of_other_keys_is_refused_with_both_spellings(panel, table, tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"it has A x, and the series are a x, a 007, b x"):
        read_stock(table("store,item,on_hand\nA,x,2\n"), tmp_path, DATA, panel)


def test_a_table_without_the_column_is_refused(panel, table, tmp_path) -> None:
    with pytest.raises(FindingsStop, match="no column 'on_hand'"):
        read_stock(table("store,item,shelf\na,x,2\n"), tmp_path, DATA, panel)


def test_open_orders_have_a_day_each(panel, table, tmp_path) -> None:
    path = table("store,item,due,units\nb,x,14/01/2024,5\na,x,12/01/2024,6\nq,x,12/01/2024,6\n")
    rows, findings = read_open_orders(path, tmp_path, DATA, panel)
    assert rows.series.tolist() == [2, 0]
    assert rows.due.astype(str).tolist() == ["2024-01-14", "2024-01-12"]
    assert rows.units.tolist() == [5, 6]
    assert [finding.code for finding in findings] == ["supply-unmatched"]


@pytest.mark.parametrize("due", ["", "next week"])
def test_an_open_order_without_a_day_makes_its_series_unknown(due, panel, table, tmp_path) -> None:
    text = f"store,item,due,units\nb,x,{due},5\na,x,2024-01-12,6\n"
    orders, _ = read_open_orders(table(text), tmp_path, DATA, panel)
    assert panel.series["store"][orders.series.tolist()].to_list() == ["a", "b"]
    np.testing.assert_equal(orders.units, [6, np.nan])


def test_an_open_order_of_nobody_is_refused(panel, table, tmp_path) -> None:
    with pytest.raises(SettingsError, match="would be bought again"):
        read_open_orders(table("store,item,due,units\n,x,2024-01-12,5\n"), tmp_path, DATA, panel)
