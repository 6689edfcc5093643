"""The layout with a column for each series."""

from __future__ import annotations

import pytest
from fixtures.sales_files import NAN, same

from foresell.core.errors import SettingsError

PIVOT = """day,b,a,Total
2024-01-01,5,,5
2024-01-02,0,3,3
2024-01-04,2,1,3
"""
SETTINGS = {"layout": "columns", "date": "day", "keys": ["item"], "ignored_columns": ["Total"]}


def test_an_empty_cell_is_a_day_without_a_row(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": PIVOT}, **SETTINGS)
    assert loaded.panel.series["item"].to_list() == ["a", "b"]
    same(loaded.panel.units, [[NAN, 3, 0, 1], [5, 0, 0, 2]])
    same(
        load(tmp_path, {"sales.csv": PIVOT}, absent="unknown", **SETTINGS).panel.units,
        [[NAN, 3, NAN, 1], [5, 0, NAN, 2]],
    )


def test_files_with_other_columns_are_one_table(load, tmp_path):
    later = "c;day;b\n7;05.01.2024;1,5\n"
    loaded = load(
        tmp_path,
        {"s/1.csv": PIVOT, "s/2.csv": later.replace(",", ".").replace("05.01.2024", "2024-01-05")},
        sales="s",
        **SETTINGS,
    )
    assert loaded.panel.series["item"].to_list() == ["a", "b", "c"]
    same(loaded.panel.units, [[NAN, 3, 0, 1, 0], [5, 0, 0, 2, 1.5], [NAN, NAN, NAN, NAN, 7]])


def test_bad_cells_and_rows_go_to_the_quarantine(load, tmp_path):
    spoilt = PIVOT.replace("0,3,3", "-2,3,3").replace("2,1,3", "2,many,3") + "some day,1,1,2\n2024-01-01,5,,5\n"
    loaded = load(tmp_path, {"sales.csv": spoilt}, **SETTINGS)
    reasons = dict(loaded.quarantine.select("line", "reason").iter_rows())
    assert reasons == {3: "negative-sales", 4: "unparsable-numbers", 5: "unparsable-dates", 6: "duplicate-keys"}


@pytest.mark.parametrize("more", [{"price": "a"}, {"keys": ["store", "item"]}, {"attributes": ["a"]}])
def test_what_the_layout_cannot_have_is_refused(load, tmp_path, more):
    with pytest.raises(SettingsError, match="'columns'"):
        load(tmp_path, {"sales.csv": PIVOT}, **{**SETTINGS, **more})
