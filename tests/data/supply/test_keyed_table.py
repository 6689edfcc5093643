"""Tables of labour, capacity and centres are read as those of orders are, whatever the sales are written like."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from foresell.core.errors import SettingsError
from foresell.core.settings import Data
from foresell.data.supply.keyed_table import Columns, KeyedTable, read_keyed
from foresell.data.supply.table_form import TableForm

DATA = Data(sales="sales.csv", keys=("store", "item"))
COLUMNS = Columns(numbers=("units_an_hour",), dates=("date",), not_negative=("units_an_hour",))


def table(folder: Path, text: str, form: TableForm | None = None, encoding: str = "utf-8") -> KeyedTable:
    """The table of the text."""
    (folder / "table.csv").write_text(text, encoding=encoding)
    return read_keyed("table.csv", folder, DATA, ["store"], COLUMNS, form)


def test_a_decimal_comma_and_another_encoding_are_seen(tmp_path: Path) -> None:
    read = table(tmp_path, "store;units_an_hour\nKöln;12,5\nBonn;7,25\n", encoding="cp1252")
    assert read.texts("store") == ["Köln", "Bonn"]
    assert read.numbers("units_an_hour").tolist() == [12.5, 7.25]
    assert read.doubts == ()


def test_a_number_that_may_be_two_is_a_doubt_that_the_setting_ends(tmp_path: Path) -> None:
    text = "store;units_an_hour\na;1,250\n"
    assert [doubt.code for doubt in table(tmp_path, text).doubts] == ["supply-numbers-doubtful"]
    read = table(tmp_path, text, TableForm(decimal=","))
    assert read.numbers("units_an_hour").tolist() == [1.25]
    assert read.doubts == ()


def test_dates_are_as_the_setting_says(tmp_path: Path) -> None:
    read = table(tmp_path, "store,date,units_an_hour\na,03/05/2026,1\n", TableForm(date_format="%m/%d/%Y"))
    assert read.frame["date"].to_list() == [date(2026, 3, 5)]


def test_a_row_that_cannot_be_read_or_be_is_left_out_with_a_finding(tmp_path: Path) -> None:
    read = table(tmp_path, "store,units_an_hour\na,many\nb,2\nc,-1\n")
    assert read.texts("store") == ["b"]
    codes = [doubt.code for doubt in read.doubts]
    assert codes == ["unparsable-numbers", "supply-row-invalid", "supply-row-invalid"]


def test_where_no_row_is_left_or_all_are_needed_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        table(tmp_path, "store,units_an_hour\na,many\n")
    with pytest.raises(SettingsError, match="below 0"):
        table(tmp_path, "store,units_an_hour\na,-1\n")
    (tmp_path / "table.csv").write_text("store,units_an_hour\na,many\nb,2\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_keyed("table.csv", tmp_path, DATA, ["store"], replace(COLUMNS, whole=True))
