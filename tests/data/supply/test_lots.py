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


@pytest.mark.parametrize(
    ("row", "message"), [("a,x,2024-01-12,-3", "lots of less than 0 units"), ("a,x,soon,3", "cannot be read")]
)
def test_lots_that_are_none_are_refused(panel: Panel, tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "lots.csv").write_text(f"store,item,expires,units\n{row}\nb,x,2024-01-12,1\n")
    with pytest.raises(SettingsError, match=message):
        read_lots("lots.csv", tmp_path, DATA, panel)
