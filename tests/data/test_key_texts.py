"""Keys that differ in blanks or in the places of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = "store,item,date,units\n"


@pytest.mark.parametrize("other", ["100 ", " 100", "\u00a0100", "100.0", "100.00", "100\u200b"])
@pytest.mark.parametrize("layout", ["long", "transactions"])
def test_keys_that_look_alike_are_one_series(load, tmp_path, other, layout):
    sales = HEAD + f"A,100,2024-01-01,1\nA,{other},2024-01-02,2\nA,7.5,2024-01-02,4\n"
    loaded = load(tmp_path, {"sales.csv": sales}, layout=layout, attributes=["store"])
    assert loaded.panel.series["item"].to_list() == ["100", "7.5"]
    np.testing.assert_array_equal(loaded.panel.units[0], [1, 2])
    assert "untidy-keys" in [finding.code for finding in loaded.findings]


def test_keys_of_decimals_only_keep_their_text(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": HEAD + "A,1.0,2024-01-01,1\nA,2.0,2024-01-02,2\n"})
    assert loaded.panel.series["item"].to_list() == ["1.0", "2.0"]
    assert "untidy-keys" not in [finding.code for finding in loaded.findings]


def test_a_blank_key_is_no_key(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": HEAD + "A,x,2024-01-01,1\nA,  ,2024-01-02,2\nA,x,2024-01-02,2\n"})
    assert loaded.quarantine["reason"].to_list() == ["missing-keys"]


@pytest.mark.parametrize(
    ("key", "other"), [("M\u00fcsli", "Mu\u0308sli"), ("00123", '"=""00123"""'), ("0123", "'0123")]
)
def test_other_forms_of_the_same_letters_and_digits_are_one_series(load, tmp_path, key, other):
    loaded = load(tmp_path, {"sales.csv": HEAD + f"A,{key},2024-01-01,1\nA,{other},2024-01-02,2\n"})
    assert loaded.panel.series["item"].to_list() == [key]
    assert "untidy-keys" in [finding.code for finding in loaded.findings]
