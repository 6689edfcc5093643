"""Tables of stock, open orders and terms that `init` finds beside the sales, as people have them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from foresell.core.settings import OrderTables, parse_settings
from foresell.onboarding import settings_file
from foresell.onboarding.roles import infer

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(120)]  # up to 30 April
STORES, ITEMS = ["north", "south", "west"], ["A100", "A200", "B300", "B400"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = pl.DataFrame({"store": STORES}).join(pl.DataFrame({"item": ITEMS}), how="cross")
    frame = keys.join(pl.DataFrame({"date": DAYS}), how="cross").with_row_index("n")
    frame.with_columns(units=pl.col("n") % 9 + 1).drop("n").write_csv(tmp_path / "sales.csv")
    return tmp_path


def orders_of(folder: Path) -> tuple[OrderTables, str]:
    proposal = infer("sales.csv", folder)
    return parse_settings(proposal.settings).orders, " ".join(proposal.doubts)


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> str:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder / name)


def rows_of(line: str) -> str:
    return "".join(line.format(store=store, item=item) for store in STORES for item in ITEMS)


def test_english_tables_beside_the_sales(folder: Path) -> None:
    stock = write(folder, "inventory.csv", "store,item,On Hand\n" + rows_of("{store},{item},5\n"))
    open_orders = write(
        folder, "po.csv", "PO,store,item,ETA,Open Qty\n1,north,A100,2026-05-03,5\n2,west,B300,2026-05-04,6\n"
    )
    terms = write(folder, "terms.csv", "item,lead_days,pack\n" + "".join(f"{item},3,6\n" for item in ITEMS))
    orders, doubts = orders_of(folder)
    assert (orders.stock, orders.open_orders, orders.terms) == (stock, open_orders, terms)
    assert orders.columns == {"stock": {"on_hand": "On Hand"}, "open_orders": {"due": "ETA", "units": "Open Qty"}}
    assert not doubts


def test_german_tables_in_a_dialect_of_their_own(folder: Path) -> None:
    write(folder, "supply/Bestand.csv", "Filiale;Artikel;Verfügbar\n" + rows_of("{store};{item};1.250,5\n"), "cp1252")
    write(folder, "supply/Bestellungen.csv", "Filiale;Artikel;Liefertermin;offene Menge\nnorth;A100;13.05.2026;12\n")
    konditionen = "Artikel;Bezeichnung;EK netto;Lieferzeit (Tage);MOQ;VPE\n"
    write(folder, "supply/Konditionen.csv", konditionen + "".join(f"{item};Milch;1,25;3;12;6\n" for item in ITEMS))
    orders, doubts = orders_of(folder)
    assert orders.columns == {
        "stock": {"store": "Filiale", "item": "Artikel", "on_hand": "Verfügbar"},
        "open_orders": {"store": "Filiale", "item": "Artikel", "due": "Liefertermin", "units": "offene Menge"},
        "terms": {
            "item": "Artikel", "unit_cost": "EK netto", "lead_days": "Lieferzeit (Tage)", "pack": "VPE",
            "minimum": "MOQ",
        },
    }  # fmt: skip
    assert not doubts


def test_terms_are_no_table_of_items_unless_they_describe_these(folder: Path) -> None:
    write(folder, "terms.csv", "item,lead_days,pack\n" + "".join(f"{item},3,6\n" for item in ITEMS))
    assert parse_settings(infer("sales.csv", folder).settings).data.items is None
    described = [f"{item},{'food' if item[0] == 'A' else 'toys'},3,6\n" for item in ITEMS]
    path = write(folder, "terms.csv", "item,category,lead_days,pack\n" + "".join(described))
    settings = parse_settings(infer("sales.csv", folder).settings)
    assert settings.data.items is not None
    assert settings.data.items.path == settings.orders.terms == path
    assert settings.orders.columns == {"terms": {"item": "item", "lead_days": "lead_days", "pack": "pack"}}


def test_two_columns_of_stock_are_a_question(folder: Path) -> None:
    write(folder, "stock.csv", "store,item,available,on hand\n" + rows_of("{store},{item},3,5\n"))
    orders, doubts = orders_of(folder)
    assert orders.columns == {"stock": {"on_hand": "on hand"}}
    assert "available, on hand. on hand was taken" in doubts
    assert "orders.columns.stock.on_hand" in doubts


def test_dates_that_may_be_read_in_two_ways_are_a_question_unless_one_lies_before_the_sales_end(folder: Path) -> None:
    write(folder, "open.csv", "store,item,due,units\nnorth,A100,05/06/2026,5\n")
    orders, doubts = orders_of(folder)
    assert orders.date_format is None
    assert "Is 05/06/2026 in due of open.csv" in doubts
    write(folder, "open.csv", "store,item,due,units\nnorth,A100,03/05/2026,5\nwest,A100,04/06/2026,5\n")
    orders, doubts = orders_of(folder)
    assert orders.date_format == "%d/%m/%Y"
    assert "Is 0" not in doubts


def test_numbers_that_may_be_thousands_are_a_question(folder: Path) -> None:
    values = iter(["1.250", "3.125", "2.500", "4.100"] * 3)
    text = "".join(f"{store};{item};{next(values)}\n" for store in STORES for item in ITEMS)
    write(folder, "stock.csv", "store;item;Bestand\n" + text)
    assert "orders.decimal" in orders_of(folder)[1]


def test_a_stock_without_a_key_is_not_used(folder: Path) -> None:
    write(folder, "stock.csv", "item,on_hand\n" + "".join(f"{item},5\n" for item in ITEMS))
    orders, doubts = orders_of(folder)
    assert orders.stock is None
    assert "no column of it has store as in the sales" in doubts


def test_stock_of_several_days_is_not_used(folder: Path) -> None:
    rows = "".join(rows_of(f"{day},{{store}},{{item}},5\n") for day in ("2026-04-29", "2026-04-30"))
    write(folder, "stock.csv", "date,store,item,on_hand\n" + rows)
    orders, doubts = orders_of(folder)
    assert orders.stock is None
    assert "stock of several dates" in doubts


def test_two_tables_of_stock_are_a_question(folder: Path) -> None:
    for name in ("stock.csv", "stock_old.csv"):
        write(folder, name, "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    orders, doubts = orders_of(folder)
    assert orders.stock == str(folder / "stock.csv")
    assert "stock_old.csv may be the table of stock as well as stock.csv" in doubts


def test_prices_weather_and_items_are_no_tables_of_supply(folder: Path) -> None:
    write(folder, "prices.csv", "item,price\n" + "".join(f"{item},3\n" for item in ITEMS))
    write(folder, "items.csv", "item,category,cost\n" + "".join(f"{item},food,3\n" for item in ITEMS))
    write(folder, "weather.csv", "date,temperature\n" + "".join(f"{day},{n % 7}\n" for n, day in enumerate(DAYS)))
    assert orders_of(folder)[0] == OrderTables()


def test_the_settings_file_has_paths_from_its_folder(folder: Path) -> None:
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    path = settings_file.write(infer("sales.csv", folder), folder / "shop", "sales.csv")
    assert yaml.safe_load(path.read_text())["orders"] == {"stock": "../stock.csv"}


def test_the_sales_of_a_folder_are_not_its_open_orders(folder: Path) -> None:
    write(folder, "open_orders.csv", "store,item,due,units\nnorth,A100,2026-05-13,5\n")
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    proposal = infer(str(folder))
    settings = parse_settings(proposal.settings)
    assert settings.data.sales == str(folder / "sales.csv")
    assert settings.orders.open_orders == str(folder / "open_orders.csv")
    assert not proposal.doubts


TERMS = "item,lead_days,shelf_days,vendor\n" + "".join(f"{item},3,{9 if item[0] == 'A' else ''},V1\n" for item in ITEMS)


def test_lots_are_known_by_their_dates(folder: Path) -> None:
    write(folder, "supply/terms.csv", TERMS)
    write(folder, "supply/stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    path = write(folder, "supply/Chargen.csv", "Filiale;Artikel;Charge;MHD;Menge\nnorth;A100;L7;13.05.2026;5\n")
    orders, doubts = orders_of(folder)
    assert orders.lots == path
    assert orders.columns == {"lots": {"store": "Filiale", "item": "Artikel", "expires": "MHD", "units": "Menge"}}
    assert not doubts


def test_lots_alone_are_the_stock_with_a_question(folder: Path) -> None:
    write(folder, "supply/terms.csv", TERMS)
    path = write(
        folder, "supply/lots.csv", "store,item,lot,best before,On Hand\n" + rows_of("{store},{item},7,2026-05-13,5\n")
    )
    orders, doubts = orders_of(folder)
    assert (orders.lots, orders.stock) == (path, path)
    assert orders.columns["lots"] == {"expires": "best before", "units": "On Hand"}
    assert orders.columns["stock"] == {"on_hand": "On Hand"}
    assert "taken to be that of the lots in lots.csv" in doubts


def test_lots_without_a_shelf_life_are_a_question(folder: Path) -> None:
    write(folder, "terms.csv", "item,lead_days,pack\n" + "".join(f"{item},3,6\n" for item in ITEMS))
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    write(folder, "lots.csv", "store,item,expires,units\n" + rows_of("{store},{item},2026-05-13,5\n"))
    orders, doubts = orders_of(folder)
    assert orders.lots is None
    assert "Give the terms a column shelf_days" in doubts


def test_vendors_and_their_price_breaks(folder: Path) -> None:
    write(folder, "supply/terms.csv", TERMS)
    vendors = write(folder, "supply/Lieferanten.csv", "Lieferant;Mindestbestellwert (EUR);Nutzlast kg\nV1;250,5;900\n")
    breaks = write(folder, "supply/rabatte.csv", "Lieferant;ab Bestellwert;Rabatt %\nV1;500;3\nV1;900;5\n")
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    orders, doubts = orders_of(folder)
    assert (orders.vendors, orders.price_breaks) == (vendors, breaks)
    assert orders.columns == {
        "vendors": {"vendor": "Lieferant", "minimum_money": "Mindestbestellwert (EUR)", "truck_weight": "Nutzlast kg"},
        "price_breaks": {"vendor": "Lieferant", "from_money": "ab Bestellwert", "discount": "Rabatt %"},
    }
    assert not doubts


@pytest.mark.parametrize("header", ["vendor,order_date,received_date,qty", "Lieferant,Bestelldatum,Wareneingang,Menge"])
def test_receipts_of_vendors(folder: Path, header: str) -> None:
    write(folder, "supply/terms.csv", TERMS)
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    rows = "V1,2026-03-01,2026-03-08,5\nV1,2026-03-15,2026-03-20,6\n"
    receipts = write(folder, "supply/receipts.csv", f"{header}\n{rows}")
    orders, doubts = orders_of(folder)
    vendor, ordered, received, _ = header.split(",")
    names = {"vendor": vendor, "ordered": ordered, "received": received}
    assert orders.receipts == receipts
    assert orders.open_orders is None
    assert orders.columns["receipts"] == {role: name for role, name in names.items() if role != name}
    assert not doubts


def test_vendors_of_nobody_are_a_question(folder: Path) -> None:
    write(folder, "stock.csv", "store,item,on_hand\n" + rows_of("{store},{item},5\n"))
    write(folder, "vendors.csv", "vendor,minimum_money,minimum_units\nV1,250,10\n")
    orders, doubts = orders_of(folder)
    assert (orders.vendors, orders.terms) == (None, None)
    assert "Give the terms a column vendor" in doubts


def test_the_minimum_of_an_item_is_none_of_its_vendor(folder: Path) -> None:
    text = "item,supplier,lead_time,MOQ\n" + "".join(f"{item},V{n % 2},3,12\n" for n, item in enumerate(ITEMS))
    write(folder, "supply/terms.csv", text)
    orders, _ = orders_of(folder)
    assert orders.vendors is None
    assert orders.columns["terms"] == {"item": "item", "vendor": "supplier", "lead_days": "lead_time", "minimum": "MOQ"}


def test_the_vendors_of_each_store(folder: Path) -> None:
    write(folder, "supply/terms.csv", TERMS)
    path = write(folder, "supply/vendors.csv", "store,vendor,minimum_money\nnorth,V1,50\nnorth,V2,60\nsouth,V1,70\n")
    assert orders_of(folder)[0].vendors == path
    write(folder, "supply/vendors.csv", "vendor,minimum_money\nV1,50\nV1,60\n")
    orders, doubts = orders_of(folder)
    assert orders.vendors is None
    assert "several rows for a vendor" in doubts


def test_tables_of_centres_and_of_work_in_the_folder_of_supply(folder: Path) -> None:
    write(folder, "supply/centres.csv", "store,centre\n" + "".join(f"{store},D1\n" for store in STORES))
    write(folder, "supply/dc.csv", "centre,item,on_hand\n" + "".join(f"D1,{item},9\n" for item in ITEMS))
    write(folder, "supply/capacity.csv", "centre,units\nD1,90\n")
    write(folder, "supply/rates.csv", "item,units_an_hour\n" + "".join(f"{item},60\n" for item in ITEMS))
    proposal = infer("sales.csv", folder)
    assert not proposal.doubts
    path = settings_file.write(proposal, folder / "shop", "sales.csv")
    tree = yaml.safe_load(path.read_text())
    names = {"centres": "centres", "centre_stock": "dc", "capacity": "capacity"}
    assert tree["allocation"].items() >= {name: f"../supply/{file}.csv" for name, file in names.items()}.items()
    assert tree["labour"].items() >= {"drivers": "../supply/rates.csv", "by": ["store"]}.items()
    assert "orders" not in tree or "stock" not in tree["orders"]
