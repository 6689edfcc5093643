"""Workbooks: what cells become, which sheets are taken, and what is refused."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from fixtures.workbook import Raw, sheet_xml, write_workbook

from foresell.core.errors import UnreadableFile
from foresell.data.files import workbooks
from foresell.data.files.input_files import find_files
from foresell.data.files.workbooks import sheet_text

DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(20)]


def lines(path: Path, sheet: str = "Sales", **options) -> list[str]:
    return sheet_text(str(path), path.name, sheet, **options).text.decode().splitlines()


def test_cells_become_the_text_of_their_values(tmp_path):
    rows = [
        ["Sales report"],
        [],
        [None, "date", "item", "units", "price", "promo", "at"],
        [None, DAYS[0], 100, 5, 1.234, True, datetime(2024, 1, 1, 13, 30)],
        [None, DAYS[1], "007", Raw('t="e"><v>#N/A</v>'), 0.05, False, datetime(2024, 1, 2)],
        [None, DAYS[2], 'a, "b"\nc', Raw('t="str"><f>1+2</f><v>3</v>'), 1e-12, None, datetime(2024, 1, 3, 8)],
    ]
    path = write_workbook(tmp_path / "a.xlsx", {"Sales": rows})
    assert lines(path) == [
        "Sales report,,,,,,",
        ",,,,,,",
        ",date,item,units,price,promo,at",
        ",2024-01-01,100,5,1.2340,true,2024-01-01 13:30:00",
        ",2024-01-02,007,,0.05,false,2024-01-02 00:00:00",
        ',2024-01-03,"a, ""b"" c",3,1e-12,,2024-01-03 08:00:00',
    ]
    assert lines(path, separator=";", decimal=",")[3] == ";2024-01-01;100;5;1,2340;true;2024-01-01 13:30:00"


def test_numbers_as_text_with_a_decimal_comma_get_the_mark_of_all_others(tmp_path):
    rows = [["date", "units"], *([day, "1.234,5"] for day in DAYS), [DAYS[0], 7], [DAYS[1], "2,69 €"]]
    path = write_workbook(tmp_path / "a.xlsx", {"Sales": rows})
    assert [line.split(",")[1] for line in lines(path)[-3:]] == ["1234.5", "7", "2.69"]


def test_a_serial_number_among_dates_is_a_date(tmp_path):
    rows = [["date", "units"], *([day, 1] for day in DAYS), [45322, 2], ["Total", 22]]
    assert lines(write_workbook(tmp_path / "a.xlsx", {"Sales": rows}))[-2:] == ["2024-01-31,2", "Total,22"]


def test_hidden_and_empty_sheets_are_taken_only_by_name(tmp_path):
    rows = [["date", "units"], [DAYS[0], 1]]
    path = write_workbook(tmp_path / "a.xlsx", {"2023": rows, "Old": rows, "Empty": [], "2024": rows}, hidden=["Old"])
    assert [file.sheet for file in find_files("a.xlsx", tmp_path)] == ["2023", "2024"]
    assert [file.sheet for file in find_files("a.xlsx/20*", tmp_path)] == ["2023", "2024"]
    assert [file.name for file in find_files(f"{path}/Old,2024", tmp_path)] == [f"{path}/Old", f"{path}/2024"]
    with pytest.raises(UnreadableFile, match=r"no '2025'; it has 2023, Old, Empty, 2024"):
        find_files("a.xlsx/2025", tmp_path)


def test_workbooks_of_a_folder_are_taken_where_it_has_no_other_tables(tmp_path):
    rows = [["date", "units"], [DAYS[0], 1]]
    write_workbook(tmp_path / "in" / "jan.xlsx", {"Sales": rows, "Notes": [["a", "b"]]})
    write_workbook(tmp_path / "in" / "feb.xlsx", {"Sales": rows})
    (tmp_path / "in" / "~$feb.xlsx").write_bytes(b"of Excel")
    assert [file.name for file in find_files("in/*.xlsx/Sales", tmp_path)] == ["in/feb.xlsx/Sales", "in/jan.xlsx/Sales"]
    assert len(find_files("in", tmp_path)) == 3
    (tmp_path / "in" / "sales.csv").write_text("date,units\n2024-01-01,1\n")
    assert [file.name for file in find_files("in", tmp_path)] == ["in/sales.csv"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.csv"])
def test_the_kind_of_a_file_follows_from_its_content(tmp_path, name):
    write_workbook(tmp_path / name, {"Sales": [["date", "units"], [DAYS[0], 1]]})
    assert [file.sheet for file in find_files(name, tmp_path)] == ["Sales"]
    (tmp_path / name).write_text("date\tunits\n2024-01-01\t1\n")
    assert [file.sheet for file in find_files(name, tmp_path)] == [None]


def _protected(path: Path) -> None:
    path.write_bytes(workbooks.OLE_BEGIN + bytes(600) + workbooks.ENCRYPTED)


def _cut(path: Path) -> None:
    write_workbook(path, {"Sales": [["date", "units"]] * 500})
    path.write_bytes(path.read_bytes()[:800])


def _far_cells(path: Path) -> None:
    """Two cells at opposite corners of the sheet."""
    write_workbook(path, {"Sales": []})
    far = sheet_xml([["a"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    _replace(path, "xl/worksheets/sheet1.xml", far.encode())


def _bomb(path: Path) -> None:
    write_workbook(path, {"Sales": []})
    _replace(path, "xl/media/zeros.bin", bytes(2**20))


def _binary(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")


def _replace(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, part in (parts | {name: content}).items():
            archive.writestr(entry, part)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_protected, "protected by a password"),
        (_cut, "not a whole Excel workbook"),
        (_far_cells, "spans 17,179,869,184 cells"),
        (_bomb, "unpacks to"),
        (_binary, "is a binary workbook"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_paragraph(tmp_path, monkeypatch, make, message):
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 2**20)
    make(tmp_path / "a.xlsx")
    with pytest.raises(UnreadableFile, match=message) as error:
        find_files("a.xlsx", tmp_path)
    assert len(str(error.value)) < 400


def test_a_sheet_read_twice_is_kept_and_one_that_changed_is_read_again(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", {"Sales": [["date", "units"], [DAYS[0], 1]]})
    first = sheet_text(str(path), "a.xlsx", "Sales")
    assert sheet_text(str(path), "a.xlsx", "Sales") is first
    write_workbook(path, {"Sales": [["date", "units"], [DAYS[0], 12345]]})
    assert lines(path)[-1] == "2024-01-01,12345"
