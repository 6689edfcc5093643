"""Costs and terms of supply by any columns of the series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.supply.terms_table import read_terms

DATA = Data(sales="sales.csv", keys=("store", "item"))


def terms(text: str, folder: Path) -> tuple[dict[str, list[float]], list[str]]:
    """The terms of three series, -1 where they are not given, and the codes of the findings."""
    (folder / "terms.csv").write_text(text)
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "y", "x"], "vendor": ["v", "w", None]})
    dates = np.datetime64("2024-01-01") + np.arange(12)
    panel = Panel(series, ("store", "item"), dates, np.ones((3, 10), np.float32))
    values, findings = read_terms("terms.csv", folder, DATA, panel)
    return {name: np.nan_to_num(column, nan=-1).tolist() for name, column in values.items()}, [
        finding.code for finding in findings
    ]


def test_terms_of_vendors(tmp_path: Path) -> None:
    values, codes = terms("vendor,lead_days,pack\nw,3,\nv,5,12\n", tmp_path)
    assert values == {"lead_days": [5, 3, -1], "pack": [12, -1, -1]}
    assert codes == ["terms-incomplete"]


def test_rows_about_other_series_are_named(tmp_path: Path) -> None:
    values, codes = terms("vendor,lead_days\nV,3\nw,5\n", tmp_path)
    assert values == {"lead_days": [-1, 5, -1]}
    assert codes == ["supply-unmatched", "terms-incomplete"]


def test_terms_of_single_series(tmp_path: Path) -> None:
    values, codes = terms("item,store,unit_cost\nx,b,1.5\nx,a,2\ny,a,0.25\n", tmp_path)
    assert values == {"unit_cost": [2, 0.25, 1.5]}
    assert codes == []


def test_one_row_is_for_all_series(tmp_path: Path) -> None:
    assert terms("lead_days,review_days\n2,7\n", tmp_path)[0] == {"lead_days": [2] * 3, "review_days": [7] * 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vendor,lead_weeks\nv,3\n", "lead_weeks"),
        ("vendor\nv\n", "no column of terms"),
        ("vendor,pack\nv,3\nv,4\n", "several rows for v"),
        ("pack\n3\n4\n", "several rows for all series"),
        ("vendor,pack\nv,a dozen\n", "defaults would take their place"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=expected):
        terms(text, tmp_path)
