"""Tables of supply as other systems write them: names of columns, decimal marks, encodings and dates of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Data, OrderTables
from foresell.data.supply.column_roles import NAMES, role_columns
from foresell.data.supply.stock import read_open_orders, read_stock
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.terms_table import read_terms

DATA = Data(sales="sales.csv", keys=("store", "item"))


@pytest.fixture
def panel() -> Panel:
    series = pl.DataFrame({"store": ["a", "a", "b"], "item": ["x", "y", "x"]})
    dates = np.datetime64("2026-01-01") + np.arange(40)
    return Panel(series, ("store", "item"), dates, np.ones((3, 31), np.float32))  # up to 31 January


def stock(text: str | bytes, folder: Path, panel: Panel, form: TableForm | None = None, data: Data = DATA):
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    on_hand, findings = read_stock("t.csv", folder, data, panel, form)
    return np.nan_to_num(on_hand, nan=-1).tolist(), [finding.code for finding in findings]


def due(text: str, folder: Path, panel: Panel, form: TableForm | None = None, data: Data = DATA):
    (folder / "t.csv").write_text(text)
    rows, findings = read_open_orders("t.csv", folder, data, panel, form)
    return rows.due.astype(str).tolist(), [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Bestand", "on_hand"), ("Lagerbestand (Stk)", "on_hand"), ("Qty Available", "on_hand"), ("On-Hand", "on_hand"),
        ("ETA", "due"), ("Liefertermin", "due"), ("Expected Delivery Date", "due"), ("offene Menge", "units"),
        ("Lieferzeit in Tagen", "lead_days"), ("Lead Time (days)", "lead_days"), ("WBZ", "lead_days"),
        ("MOQ", "minimum"), ("Mindestbestellmenge", "minimum"), ("VPE", "pack"), ("Pack Size", "pack"),
        ("Gebindegröße", "pack"),
        ("EK netto", "unit_cost"), ("EK-Preis (EUR)", "unit_cost"), ("Unit Cost", "unit_cost"), ("MHD", "expires"),
        ("Haltbarkeit Tage", "shelf_days"), ("Bestellrhythmus", "review_days"), ("Verfügbar", "on_hand"),
    ],
)  # fmt: skip
def test_names_as_people_have_them(name, role) -> None:
    assert role_columns(["Artikel", name], list(NAMES)).of == {role: name}


@pytest.mark.parametrize("name", ["Lead time (weeks)", "Lieferzeit KW", "Bestand EUR", "Bestandswert", "Order date"])
def test_names_of_other_units_have_no_role(name) -> None:
    assert role_columns([name], [role for role in NAMES if role != "ordered"]).of == {}


def test_a_german_stock_beside_english_sales(panel, tmp_path) -> None:
    text = "store;item;Bestand\na;x;1.250,5\na;y;3,25\nb;x;7\n"
    assert stock(text, tmp_path, panel) == ([1250.5, 3.25, 7], [])
    assert stock(text.encode("cp1252").replace(b"Bestand", b"Verf\xfcgbar"), tmp_path, panel)[0] == [1250.5, 3.25, 7]


def test_an_english_stock_beside_german_sales(panel, tmp_path) -> None:
    german = Data(sales="s.csv", keys=("store", "item"), separator=";", decimal=",", encoding="cp1252")
    assert stock("Store,Item,On hand\na,x,1250.5\nb,x,7\n", tmp_path, panel, data=german) == ([1250.5, -1, 7], [])


def test_numbers_that_may_be_thousands_are_named(panel, tmp_path) -> None:
    text = "store;item;on_hand\na;x;1.250\na;y;3.125\nb;x;2.500\n"
    assert stock(text, tmp_path, panel)[1] == ["supply-numbers-doubtful"]
    assert stock(text, tmp_path, panel, TableForm(decimal=",")) == ([1250, 3125, 2500], [])


def test_two_columns_of_one_name_are_refused(panel, tmp_path) -> None:
    with pytest.raises(SettingsError, match="several columns that are called on_hand"):
        stock("store,item,on_hand,on_hand\na,x,1,2\n", tmp_path, panel)


def test_two_columns_of_one_role_are_refused_and_the_advice_works(panel, tmp_path) -> None:
    text = "store,item,Bestand,verfügbar\na,x,5,3\n"
    with pytest.raises(
        SettingsError, match=r"Bestand, verfügbar.*orders: \{columns: \{stock: \{on_hand: 'Bestand'\}\}\}"
    ):
        stock(text, tmp_path, panel)
    form = TableForm.of(OrderTables(columns={"stock": {"on_hand": "Bestand"}}), "stock")
    assert stock(text, tmp_path, panel, form)[0] == [5, -1, -1]


def test_a_key_may_have_another_name(panel, tmp_path) -> None:
    form = TableForm(columns={"store": "Filiale"})
    assert stock("Filiale,ITEM,on_hand\na,x,5\n", tmp_path, panel, form)[0] == [5, -1, -1]


def test_dates_in_the_order_of_their_own_file(panel, tmp_path) -> None:
    head = "store,item,ETA,Qty\n"
    assert due(head + "a,x,13/02/2026,5\na,y,04/02/2026,1\n", tmp_path, panel)[0] == ["2026-02-13", "2026-02-04"]
    assert due(head + "a,x,02/13/2026,5\na,y,02/04/2026,1\n", tmp_path, panel)[0] == ["2026-02-13", "2026-02-04"]


def test_of_two_readings_the_one_after_the_sales_counts(panel, tmp_path) -> None:
    american = Data(sales="s.csv", keys=("store", "item"), date_format="%m/%d/%Y")
    head = "store,item,due,units\n"
    # Read as the sales are, they would be due on 2 January and 2 March, and the sales end on 31 January.
    assert due(head + "a,x,01/02/2026,5\na,y,03/02/2026,1\n", tmp_path, panel, data=american) == (
        ["2026-02-01", "2026-02-03"], [],
    )  # fmt: skip


def test_dates_that_both_readings_allow_are_named(panel, tmp_path) -> None:
    text = "store,item,due,units\na,x,03/05/2026,5\n"
    assert due(text, tmp_path, panel, data=Data(sales="s.csv", keys=("store", "item"), date_format="%d/%m/%Y")) == (
        ["2026-05-03"], ["ambiguous-dates"],
    )  # fmt: skip
    assert due(text, tmp_path, panel, TableForm(date_format="%m/%d/%Y")) == (["2026-03-05"], [])


def terms(text: str, folder: Path, panel: Panel, form: TableForm | None = None) -> dict[str, list[float]]:
    (folder / "t.csv").write_text(text)
    return {
        name: values.round(4).tolist() for name, values in read_terms("t.csv", folder, DATA, panel, form)[0].items()
    }


def test_german_terms(panel, tmp_path) -> None:
    text = "Item;EK netto;Lieferzeit (Tage);VPE;MOQ\nx;1,25;3;6;12\ny;0,8;5;1;\n"
    assert terms(text, tmp_path, panel)["unit_cost"] == [1.25, 0.8, 1.25]
    assert terms(text, tmp_path, panel)["pack"] == [6, 1, 6]


@pytest.mark.parametrize("text", ["holding_share_year\n25\n", "item,holding_share_year\nx,20\ny,25\n"])
def test_a_holding_share_of_25_is_no_share(text, panel, tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"such as 2[05] in 'holding_share_year'.*00 %.*Write 0.2.?, or 2. %"):
        terms(text, tmp_path, panel)


@pytest.mark.parametrize(
    "text", ["holding_share_year\n25 %\n", "Lagerkostensatz %\n25\n", "holding_share_year\n0.25\n"]
)
def test_a_holding_share_in_per_cent(text, panel, tmp_path) -> None:
    assert terms(text, tmp_path, panel) == {"holding_share_year": [0.25] * 3}


def test_a_large_holding_share_has_to_be_written_as_per_cent(panel, tmp_path) -> None:
    assert terms("holding_share_year\n2500 %\n", tmp_path, panel) == {"holding_share_year": [25] * 3}


def test_a_lead_time_in_weeks_is_refused(panel, tmp_path) -> None:
    with pytest.raises(SettingsError, match="which is no term"):
        terms("item,Lead time (weeks)\nx,2\n", tmp_path, panel)


def test_of_terms_only_the_columns_that_are_named_are_read(panel, tmp_path) -> None:
    text = "item,Name,LT\nx,Milk,2\ny,Tea,4\n"
    with pytest.raises(SettingsError, match="Name, LT"):
        terms(text, tmp_path, panel)
    form = TableForm(columns={"item": "item", "lead_days": "LT"})
    assert terms(text, tmp_path, panel, form) == {"lead_days": [2, 4, 2]}
    with pytest.raises(SettingsError, match=r"has no column WBZ, which orders\.columns\.terms"):
        terms(text, tmp_path, panel, TableForm(columns={"item": "item", "lead_days": "WBZ"}))
