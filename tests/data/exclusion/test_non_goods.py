"""Series that are no goods, and those that the settings leave out."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.data.exclusion.non_goods import non_goods_findings


@pytest.mark.parametrize("name", ["POSTAGE", "DHL Versand", "Bank charges", "Rabatt 10", "post", "Frais de port"])
def test_charges_and_discounts_are_named(name):
    series = pl.DataFrame({"item": ["tea", name]})
    (entry,) = non_goods_findings(series, ["item"], "sales.csv")
    assert (entry.code, entry.count, entry.examples) == ("non-goods", 1, (name,))
    assert f'exclude: {{item: ["{name}"]}}' in entry.advice


@pytest.mark.parametrize(
    "name", ["Gatepost", "Portobello mushrooms", "Discounter's choice", "Post-it notes", "Manual juicer"]
)
def test_goods_are_not(name):
    assert not non_goods_findings(pl.DataFrame({"item": ["tea", name]}), ["item"], "sales.csv")


def test_where_all_are_named_so_nothing_is_said():
    assert not non_goods_findings(pl.DataFrame({"item": ["Versand", "Porto"]}), ["item"], "sales.csv")


def test_a_column_that_the_series_do_not_have_is_refused(load, tmp_path):
    with pytest.raises(SettingsError, match="'exclude' names the column colour"):
        load(tmp_path, {"sales.csv": "store,item,date,units\nA,x,2024-01-01,1\n"}, exclude={"colour": ["red"]})


def test_what_the_settings_call_goods_is_no_charge():
    series = pl.DataFrame({"item": ["tea", "Gift card"]})
    assert not non_goods_findings(series, ["item"], "sales.csv", {"item": ["Gift card"]})
    with pytest.raises(SettingsError, match="'goods' names the column colour"):
        non_goods_findings(series, ["item"], "sales.csv", {"colour": ["red"]})
