"""Overlapping exports of receipt lines."""

from __future__ import annotations

import pytest
from fixtures.sales_files import same

HEAD = "no,store,item,date,units,price\n"
JANUARY = HEAD + "1,A,x,2024-01-01,2,1.5\n1,A,x,2024-01-01,2,1.5\n2,A,x,2024-01-02,1,1.5\n,A,x,2024-01-02,5,1.5\n"
LATER = HEAD + "2,A,x,2024-01-02,1,1.5\n,A,x,2024-01-02,5,1.5\n3,A,x,2024-01-02,1,1.5\n2,A,x,2024-01-03,1,1.5\n"
FILES = {"s/1.csv": JANUARY, "s/2.csv": LATER}
LINES = {"sales": "s", "layout": "transactions", "receipt": "no", "price": "price"}


def test_a_line_of_an_earlier_file_is_repeated_and_an_equal_one_of_the_same_file_is_not(load, tmp_path):
    loaded = load(tmp_path, FILES, **LINES)
    same(loaded.panel.units, [[4, 13, 1]])
    (repeated,) = (finding for finding in loaded.findings if finding.code == "repeated-receipts")
    assert (repeated.count, repeated.severity) == (1, "warning")
    assert "1 line of receipts (1 unit)" in repeated.message


def test_it_is_left_out_where_the_settings_say_so(load, tmp_path):
    loaded = load(tmp_path, FILES, repeated_receipts="drop", **LINES)
    same(loaded.panel.units, [[4, 12, 1]])
    (repeated,) = (finding for finding in loaded.findings if finding.code == "repeated-receipts")
    assert (repeated.count, repeated.severity) == (1, "info")


@pytest.mark.parametrize("how", [{"receipt": None}, {"sales": "s/1.csv"}])
def test_without_a_receipt_or_a_second_file_nothing_is_compared(load, tmp_path, how):
    loaded = load(tmp_path, FILES, **{**LINES, **how})
    assert "repeated-receipts" not in {finding.code for finding in loaded.findings}
