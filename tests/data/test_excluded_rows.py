"""Rows that a column marks as no sale, and rows that are returns."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.core.errors import SettingsError

ORDERS = """order,store,item,date,units,status
1,A,x,2024-01-01,3,Completed
2,A,x,2024-01-01,9,Cancelled
3,A,x,2024-01-02,4,Completed
4,A,x,2024-01-02,1,Returned
"""
WIDE = """store,item,measure,2024-01-01,2024-01-02
A,x,Units,3,4
A,x,Revenue,30,40
"""


def test_rows_are_left_out_by_the_value_of_a_column_that_is_no_key(load, tmp_path):
    sales = load(tmp_path, {"sales.csv": ORDERS}, layout="transactions", exclude={"status": ["Cancelled", "Returned"]})
    assert sales.panel.units.tolist() == [[3, 4]]
    (entry,) = [entry for entry in sales.findings if entry.code == "excluded-rows"]
    assert (entry.count, entry.message) == (2, "2 rows (10 units) are left out because of status")


def test_units_of_returns_are_subtracted_whatever_their_sign(load, tmp_path):
    data = {"layout": "transactions", "exclude": {"status": ["Cancelled"]}, "return_rows": {"status": ["Returned"]}}
    for number, orders in enumerate((ORDERS, ORDERS.replace(",1,Returned", ",-1,Returned"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert load(folder, {"sales.csv": orders}, **data).panel.units.tolist() == [[3, 3]]


def test_returns_need_rows_that_are_added_up(load, tmp_path):
    with pytest.raises(SettingsError, match="needs the layout transactions"):
        load(tmp_path, {"sales.csv": ORDERS}, return_rows={"status": ["Returned"]})


def test_rows_of_a_wide_table_are_left_out_too(load, tmp_path):
    data = {"layout": "wide", "day_prefix": "", "date_format": "%Y-%m-%d", "exclude": {"measure": ["Revenue"]}}
    sales = load(tmp_path, {"sales.csv": WIDE}, **data)
    assert np.array_equal(sales.panel.units, [[3, 4]])
    assert [entry.count for entry in sales.findings if entry.code == "excluded-rows"] == [1]
