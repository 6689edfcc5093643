"""Numbers as people write them."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.data.number_formats import NumberMarks, decimal_mark, to_number


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1.234.567", ",", 1234567),
        ("1 070,5", ",", 1070.5),
        ("1\u202f070,5", ",", 1070.5),
        ("1\u00a0070", ".", 1070),
        ("1\u2009070.25", ".", 1070.25),
        ("1'070.5", ".", 1070.5),
        ("1\u2019070", ",", 1070),
        ("12,34,567", ".", 1234567),
        ("-7", ".", -7),
        ("\u22127", ".", -7),
        ("\u20137", ".", -7),
        ("7-", ".", -7),
        ("7,000-", ",", -7),
        ("1.070,5 -", ",", -1070.5),
        ("- 7", ".", -7),
        ("+7", ".", 7),
        ("(2)", ".", -2),
        ("( 1,234.50 )", ".", -1234.5),
        ("($1,234.50)", ".", -1234.5),
        ("2,69 €", ",", 2.69),
        ("2,69\u00a0€", ",", 2.69),
        ("€2.69", ".", 2.69),
        ("-$5.00", ".", -5),
        ("$-5.00", ".", -5),
        ("R$ 1.234,50", ",", 1234.5),
        ("CHF 1'234.50", ".", 1234.5),
        ("12 kr", ".", 12),
        ("5 %", ".", 0.05),
        ("12,5%", ",", 0.125),
        ("1,23", ".", None),
        ("1.07", ",", None),
        ("x", ".", None),
        ("2-3", ".", None),
        ("12 34", ".", None),
        ("3 pcs", ".", 3),
        ("1.200,5 Stück", ",", 1200.5),
        ("3 kg", ".", None),
        ('="20"', ".", 20),
        ("'20", ".", 20),
        ("€", ".", None),
        ("()", ".", None),
        ("-", ".", None),
        (None, ".", None),
    ],
)
def test_a_number_as_people_write_it(text, decimal, value):
    numbers = to_number(pl.Series(["1", text, "2"], dtype=pl.String), decimal).to_list()
    assert numbers == [1, pytest.approx(value) if value is not None else None, 2]


@pytest.mark.parametrize(
    ("texts", "decimal", "doubtful"),
    [
        (["1.070", "985", "1.200"], ",", False),
        (["1,070", "985", "1,200"], ".", False),
        (["1.070.500", "2.000.000"], ",", False),
        (["1.070", "985", "0.5"], ".", False),
        (["1.070", "0.985"], ".", False),
        (["1,5", "2"], ",", False),
        (["1,070", "0,985"], ",", False),
        (["1.070", "1070.5"], ".", False),
        (["1.070,5", "985,5"], ",", False),
        (["1.234", "2.345"], ".", True),
        (["1,234", "2,345"], ".", True),
        (["7,000", "12,000"], ",", True),
        (["1.234", "1234"], ".", True),
        (["1 070", "985"], ".", False),
        (["3", "4"], ".", False),
        (["3", "7", "1.125"], ".", True),
        (["3", "25", "24.375"], ".", True),
        (["3", "25", "24,375"], ",", True),
        (["3", "25", "1.070"], ",", True),
        (["3", "100", "1.125"], ",", True),
        (["3", "100", "1,125"], ".", True),
    ],
)
def test_the_decimal_mark_that_the_numbers_show(texts, decimal, doubtful):
    mark, _, in_doubt = decimal_mark([pl.Series("units", texts)])
    assert (mark, bool(in_doubt)) == (decimal, doubtful)


def test_columns_that_contradict_each_other_leave_a_doubt():
    price, units = pl.Series("price", ["2.69", "3.10"]), pl.Series("units", ["1.070", "985"])
    assert decimal_mark([price, units])[2] == ("units",)


def test_decimals_elsewhere_settle_three_places_beside_small_numbers():
    price, kilos = pl.Series("price", ["2.69", "3.10"]), pl.Series("kg", ["3", "7", "1.125"])
    assert decimal_mark([price, kilos])[::2] == (".", ())
    parts = NumberMarks.of(pl.Series(["3", "25"]), ".") + NumberMarks.of(pl.Series(["24.375", "9"]), ".")
    assert parts == NumberMarks.of(pl.Series(["3", "25", "24.375", "9"]), ".")
