"""Lots of what perishes, laid out for the series of a panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.supply.lots import read_lots

DATA = Data(sales="sales.csv", keys=("store", "item"))


@pytest.fixture
def panel() -> Panel:
    series = pl.DataFrame({"store": ["a", "b"], "item": ["x", "x"]})
    dates = np.datetime64("2024-01-01") + np.arange(12)
    return Panel(series, ("store", "item"), dates, np.ones((2, 10), np.float32))


def test_lots_by_series_with_the_last_day_of_sale(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_text(
        "item,store,expires,units\nx,b,2024-01-12,3\nx,a,2024-01-11,2\nx,c,2024-01-11,9\n"
    )
    lots, findings = read_lots("lots.csv", tmp_path, DATA, panel)
    assert lots.series.tolist() == [1, 0]
    assert lots.expires.astype(str).tolist() == ["2024-01-12", "2024-01-11"]
    assert lots.units.tolist() == [3, 2]
    assert [finding.code for finding in findings] == ["supply-unmatched"]


@pytest.mark.parametrize(("row", "units"), [("a,x,2024-01-12,-3", -3), ("a,x,soon,3", np.nan), ("a,x,,3", np.nan)])
def test_a_lot_that_cannot_be_is_one_of_its_series(panel: Panel, tmp_path: Path, row: str, units: float) -> None:
    (tmp_path / "lots.csv").write_text(f"store,item,expires,units\nb,x,2024-01-12,1\n{row}\n")
    lots, _ = read_lots("lots.csv", tmp_path, DATA, panel)
    assert lots.series.tolist() == [1, 0]
    np.testing.assert_equal(lots.units, [1, units])


def test_a_lot_of_nobody_is_refused(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_text("store,item,expires,units\n,x,2024-01-12,3\nb,x,2024-01-12,1\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_lots("lots.csv", tmp_path, DATA, panel)
