"""Which sheets of a workbook hold the sales, and what `init` says of it."""

from __future__ import annotations

import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from fixtures.workbook import write_workbook

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer

HEADER = ["day", "store", "item", "units"]
DAYS = [date(2023, 1, 1) + timedelta(days=day) for day in range(400)]


def sales(days: list[date], units: int = 0, stores: tuple[str, ...] = ("S1", "S2")) -> list[list]:
    return [
        [day, store, item, units + (number * 7 + len(store) + item) % 11]
        for number, day in enumerate(days)
        for store in stores
        for item in (100, 200)
    ]


def read(proposal: Proposal, base: Path) -> ValidatedSales:
    return read_sales(parse_settings(proposal.settings), base, today=date(2025, 1, 1))


def total(rows: list[list]) -> float:
    return float(sum(row[-1] for row in rows))


def test_a_workbook_is_read_as_a_text_file_would_be(tmp_path):
    rows = sales(DAYS)
    titled = [
        ["Sales by day"],
        [],
        *([None, *row] for row in [HEADER, *rows]),
        [None, "Total", None, None, total(rows)],
    ]
    book = write_workbook(tmp_path / "shop.xlsx", {"Export 2024-01": titled, "Sheet2": []})
    proposal = infer(str(book))
    data = proposal.settings["data"]
    assert (data["sales"], data["keys"], data["quantity"]) == (str(book), ["store", "item"], "units")
    assert {"separator", "decimal", "encoding"}.isdisjoint(data)
    validated = read(proposal, tmp_path)
    assert validated.panel.units.sum() == total(rows)
    assert validated.panel.series["item"].unique().sort().to_list() == ["100", "200"]
    assert validated.quarantine.select("line", "text").unique().rows() == [(len(titled), f",Total,,,{total(rows):.0f}")]


def test_the_sheet_that_is_called_sales_is_taken_and_the_others_are_named(tmp_path):
    rows = sales(DAYS)
    sheets = {
        "Budget": [[*HEADER[:3], "qty"], *sales(DAYS[:50], 5)],
        "Sales": [HEADER, *rows],
        "Items": [["item", "category"], [100, "food"], [200, "toys"]],
        "Notes": [["made by", "Ann"]],
    }
    book = write_workbook(tmp_path / "shop.xlsx", sheets)
    proposal = infer(str(book))
    data = proposal.settings["data"]
    assert data["sales"] == f"{book}/Sales"
    assert data["items"] == {"path": f"{book}/Items", "keys": ["item"]}
    assert (
        "'Budget' could hold the sales as well; 'Sales' was taken. If that is wrong, say --sheet NAME."
        in proposal.doubts
    )
    validated = read(proposal, tmp_path)
    assert validated.panel.units.sum() == total(rows)
    assert validated.panel.series["category"].unique().sort().to_list() == ["food", "toys"]
    chosen = infer(str(book), overrides={"sheet": "Budget"})
    assert chosen.settings["data"]["sales"] == f"{book}/Budget"


def test_sheets_with_the_same_columns_are_one_table(tmp_path):
    first, second = sales(DAYS[:365]), sales(DAYS[365:])
    book = write_workbook(tmp_path / "shop.xlsx", {"2023": [HEADER, *first], "2024": [HEADER, *second]})
    proposal = infer(str(book))
    assert proposal.settings["data"]["sales"] == str(book)
    assert read(proposal, tmp_path).panel.units.sum() == total([*first, *second])
    write_workbook(book, {"2023": [HEADER, *first], "2024": [HEADER, *second], "Info": [["a", "b"], ["c", "d"]]})
    proposal = infer(str(book))
    assert proposal.settings["data"]["sales"] == f"{book}/2023,2024"
    assert read(proposal, tmp_path).panel.units.sum() == total([*first, *second])


def test_sheets_of_the_same_dates_and_hidden_sheets_are_asked_about(tmp_path):
    berlin, bonn = ([[row[0], *row[2:]] for row in sales(DAYS, add, ("S1",))] for add in (0, 50))
    header = [HEADER[0], *HEADER[2:]]
    sheets = {"Berlin": [header, *berlin], "Bonn": [header, *bonn], "Old": [header, *berlin[:5]]}
    doubts = infer(str(write_workbook(tmp_path / "shop.xlsx", sheets, hidden=["Old"]))).doubts
    assert any("'Berlin', 'Bonn' have the same columns and the same dates" in doubt for doubt in doubts)
    assert "The hidden sheets Old were left out. To take one, say --sheet NAME." in doubts


def test_a_relative_path_is_taken_as_an_absolute_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sheets = {"2023": [HEADER, *sales(DAYS[:365])], "2024": [HEADER, *sales(DAYS[365:])], "Info": [["a"], ["b"]]}
    book = write_workbook(tmp_path / "shop.xlsx", sheets)
    assert infer("shop.xlsx").settings["data"]["sales"] == f"{book}/2023,2024"


def test_sheets_that_repeat_each_other_are_not_added_up(tmp_path):
    rows = sales(DAYS)
    book = write_workbook(tmp_path / "shop.xlsx", {"All": [HEADER, *rows], "2023": [HEADER, *rows[:1000]]})
    with pytest.raises(
        UsageError, match=r"have 1,000 rows in common, which would count twice. Say which to take with --sheet NAME"
    ):
        infer(str(book))
    assert infer(str(book), overrides={"sheet": "All"}).settings["data"]["sales"] == f"{book}/All"


def test_options_for_text_have_no_use_for_a_workbook(tmp_path):
    book = write_workbook(tmp_path / "shop.xlsx", {"Sales": [HEADER, *sales(DAYS)]})
    for option in ({"separator": ";"}, {"decimal": ","}, {"encoding": "cp1252"}):
        with pytest.raises(UsageError, match=r"has no use for .*sheet of a workbook"):
            infer(str(book), overrides=option)


def test_numbers_stored_as_text_are_asked_about_where_they_can_be_read_in_two_ways(tmp_path):
    rows = [[*row[:3], f"1.{100 + number % 899}", 9.99] for number, row in enumerate(sales(DAYS))]
    book = write_workbook(tmp_path / "shop.xlsx", {"Sales": [[*HEADER, "price"], *rows]})
    assert any("say --decimal ','" in doubt for doubt in infer(str(book)).doubts)
    validated = read(infer(str(book), overrides={"decimal": ","}), tmp_path)
    assert validated.panel.units.sum() == pytest.approx(sum(float(row[3].replace(".", "")) for row in rows))
    assert validated.quarantine.height == 0


def test_side_tables_may_be_workbooks_beside_a_text_file(tmp_path):
    lines = [",".join(map(str, row)) for row in [HEADER, *sales(DAYS)]]
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    items = write_workbook(tmp_path / "items.xlsx", {"Items": [["item", "category"], [100, "food"], [200, "toys"]]})
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    proposal = infer(str(tmp_path / "sales.csv"))
    assert proposal.settings["data"]["items"]["path"] == f"{items}/Items"
    assert any(doubt.startswith("broken.xlsx, beside the sales, was left out") for doubt in proposal.doubts)
    assert read(proposal, tmp_path).panel.series["category"].n_unique() == 2
    assert infer(str(tmp_path)).settings["data"]["sales"] == str(tmp_path / "sales.csv")


def test_the_sales_of_an_archive_are_found_among_its_tables(tmp_path):
    text = "\n".join(",".join(map(str, row)) for row in [HEADER, *sales(DAYS)]) + "\n"
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sales_2023.csv", text[: text.index("2023-06-01")])
        archive.writestr("sales_2024.csv", ",".join(HEADER) + "\n" + text[text.index("2023-06-01") :])
        archive.writestr("items.csv", "item,category\n100,food\n200,toys\n")
    proposal = infer(str(path))
    data = proposal.settings["data"]
    assert data["sales"] == f"{path}/sales_2023.csv,sales_2024.csv"
    assert data["items"]["path"] == f"{path}/items.csv"
    panel = read(proposal, tmp_path).panel
    assert panel.units.sum() == total(sales(DAYS))
    assert panel.series["category"].n_unique() == 2
