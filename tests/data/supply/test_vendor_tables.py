"""Tables of vendors and price breaks under the names that people give their columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.vendor_tables import VendorTables, read_vendor_tables

DATA = Data(sales="sales.csv", keys=("store", "item"))


def tables(folder: Path, vendors: str, breaks: str = "", *, attribute: str = "Lieferant", **named: str) -> VendorTables:
    """The tables of three series, whose vendors are v, w and none."""
    (folder / "vendors.csv").write_text(vendors)
    (folder / "breaks.csv").write_text(breaks)
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "y", "x"], attribute: ["v", "w", None]})
    series = series.with_columns(kind=pl.lit("large"))
    panel = Panel(series, ("store", "item"), np.datetime64("2024-01-01") + np.arange(12), np.ones((3, 10), np.float32))
    path = "breaks.csv" if breaks else None
    return read_vendor_tables("vendors.csv", path, folder, DATA, panel, None, {"vendors": TableForm(named)})


@pytest.mark.parametrize("attribute", ["Lieferant", "vendor", "supplier"])
def test_names_of_columns_and_of_the_attribute(tmp_path: Path, attribute: str) -> None:
    given = tables(tmp_path, "Supplier,Mindestbestellwert EUR,truck_weight\nv,250.5,\nw,,900\n", attribute=attribute)
    assert given.names == ("v", "w")
    np.testing.assert_array_equal(given.of_series, [0, 1, -1])
    np.testing.assert_array_equal(given.terms["minimum_money"], [250.5, np.nan])
    np.testing.assert_array_equal(given.terms["truck_weight"], [np.nan, 900])


def test_discounts_in_per_cent_and_a_kind_that_stores_have_too(tmp_path: Path) -> None:
    breaks = "vendor,from_units,Rabatt %,kind\nv,100,3,incremental\n"
    given = tables(tmp_path, "vendor,minimum_units\nv,10\n", breaks)
    assert given.breaks.drop("from_money").rows() == [(0, 100.0, 0.03, "incremental")]


def test_columns_that_are_named_are_the_only_ones_read(tmp_path: Path) -> None:
    text = "Who,Least,Phone\nv,10,0170\n"
    with pytest.raises(SettingsError, match=r"orders: \{columns: \{vendors:"):
        tables(tmp_path, text)
    given = tables(tmp_path, text, vendor="Who", minimum_units="Least")
    assert given.terms["minimum_units"].tolist() == [10.0]
