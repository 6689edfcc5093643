"""Receipts and the lead times in them, by vendor or by columns of the series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.supply.receipts import Receipts, read_receipts

DATA = Data(sales="sales.csv", keys=("store", "item"))
VENDORS = np.array(["v", "w", None], dtype=object)


def receipts(folder: Path, text: str, vendor: np.ndarray | None = VENDORS) -> Receipts:
    """The receipts of three series."""
    (folder / "receipts.csv").write_text(text)
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "y", "z"]})
    panel = Panel(series, ("store", "item"), np.datetime64("2024-01-01") + np.arange(12), np.ones((3, 10), np.float32))
    return read_receipts("receipts.csv", folder, DATA, panel, vendor)


def test_receipts_by_vendor_under_german_names(tmp_path: Path) -> None:
    text = "Lieferant;Bestelldatum;Wareneingang\nv;01.03.2026;08.03.2026\nw;30.03.2026;02.04.2026\nv;02.03.2026;\n"
    given = receipts(tmp_path, text)
    assert given.lead_days.tolist() == [7, 3]
    assert given.group.tolist() == [0, 1]
    assert given.of_series.tolist() == [0, 1, -1]
    assert given.findings == ()


def test_receipts_of_goods_are_those_of_their_vendor_where_it_is_known(tmp_path: Path) -> None:
    text = "item,ordered,received\nx,2026-03-01,2026-03-04\nx,2026-03-01,2026-03-06\nz,2026-03-01,2026-03-02\n"
    assert receipts(tmp_path, text).of_series.tolist() == [0, -1, -1]
    by_item = receipts(tmp_path, text, None)
    assert by_item.of_series.tolist() == [0, -1, 1]
    assert by_item.lead_days.tolist() == [3, 5, 1]


def test_receipts_before_their_order_are_left_out(tmp_path: Path) -> None:
    text = "vendor,ordered,received\nv,2026-03-04,2026-03-01\nv,2026-03-04,2026-03-06\nu,2026-03-04,2026-03-06\n"
    given = receipts(tmp_path, text)
    assert [finding.code for finding in given.findings] == ["receipts-invalid", "supply-unmatched"]
    with pytest.raises(SettingsError, match="no receipt"):
        receipts(tmp_path, "vendor,ordered,received\nv,2026-03-04,\n")
