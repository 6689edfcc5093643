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
        ("pack\n3\n4\n", "several rows for all series"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=expected):
        terms(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        ("vendor,pack\nv,a dozen\nw,2\n", {"pack": [-2, 2, -1]}, ["unparsable-numbers"]),
        ("vendor,pack,lead_days\nv,3,5\nw,2,\nv,4,5\n", {"pack": [-2, 2, -1], "lead_days": [5, -1, -1]},
         ["supply-contradictory"]),
        ("vendor,pack,lead_days\nv,3,\nw,2,\nv,,5\n", {"pack": [3, 2, -1], "lead_days": [5, -1, -1]}, []),
        ("vendor,holding_share_year\nv,25\nw,0.2\n", {"holding_share_year": [-2, 0.2, -1]}, ["holding-share-large"]),
        ("vendor,pack\n,3\nw,2\n", {"pack": [-2, 2, -2]}, ["missing-keys"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_impossible_for_its_series_alone(
    text: str, expected: dict[str, list[float]], codes: list[str], tmp_path: Path
) -> None:
    """A number that cannot be read, or that rows contradict, is -1, here written -2; what is not given stays so."""
    (tmp_path / "terms.csv").write_text(text)
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "y", "x"], "vendor": ["v", "w", None]})
    dates = np.datetime64("2024-01-01") + np.arange(12)
    panel = Panel(series, ("store", "item"), dates, np.ones((3, 10), np.float32))
    values, findings = read_terms("terms.csv", tmp_path, DATA, panel)
    shown = {name: np.where(column == -1, -2, np.nan_to_num(column, nan=-1)) for name, column in values.items()}
    for name, numbers in expected.items():
        np.testing.assert_allclose(shown[name], numbers, rtol=1e-6)
    assert [finding.code for finding in findings if finding.code != "terms-incomplete"] == codes
