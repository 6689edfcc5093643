"""Zip archives: which tables are taken, and what is refused."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from fixtures.workbook import write_workbook

from foresell.core.errors import UnreadableFile
from foresell.data.column_conversion import Dialect
from foresell.data.files import archives
from foresell.data.files.input_files import find_files
from foresell.data.typed_tables import header_of

CSV = b"day,units\n2024-01-01,1\n"


def write_archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"day": [date(2024, 1, 1)], "units": [1]}).write_parquet(buffer)
    return buffer.getvalue()


def test_an_archive_is_a_folder_of_its_tables(tmp_path):
    book = write_workbook(tmp_path / "book.xlsx", {"Sales": [["day", "units"], [date(2024, 1, 1), 1]]})
    members = {
        "in/b.csv.gz": gzip.compress(CSV),
        "in/a.csv": CSV,
        "c.parquet": parquet(),
        "d.xlsx": book.read_bytes(),
        "readme.pdf": b"%PDF",
        "__MACOSX/in/._a.csv": b"\0\5\26\7",
        "in/.hidden.csv": CSV,
    }
    path = write_archive(tmp_path / "sales.zip", members)
    files = find_files("sales.zip", tmp_path)
    assert [file.name for file in files] == [
        "sales.zip/c.parquet",
        "sales.zip/d.xlsx/Sales",
        "sales.zip/in/a.csv",
        "sales.zip/in/b.csv.gz",
    ]
    assert [header_of(file, Dialect()) for file in files] == [["day", "units"]] * 4
    assert [file.path for file in find_files("sales.zip/in", tmp_path)] == [f"{path}/in/a.csv", f"{path}/in/b.csv.gz"]
    assert [file.sheet for file in find_files("sales.zip/d.xlsx", tmp_path)] == ["Sales"]
    with pytest.raises(UnreadableFile, match=r"sales.zip has no 'e.csv'; it has c.parquet, d.xlsx/Sales"):
        find_files("sales.zip/e.csv", tmp_path)


def test_archives_of_a_folder_are_taken_where_it_has_no_other_tables(tmp_path):
    write_archive(tmp_path / "jan.zip", {"s.csv": CSV})
    write_archive(tmp_path / "feb.zip", {"s.csv": CSV})
    assert [file.name for file in find_files(str(tmp_path), tmp_path)] == [
        f"{tmp_path}/feb.zip/s.csv",
        f"{tmp_path}/jan.zip/s.csv",
    ]
    (tmp_path / "jan.csv").write_bytes(CSV)
    assert [file.name for file in find_files(str(tmp_path), tmp_path)] == [f"{tmp_path}/jan.csv"]
    assert len(find_files("*.zip", tmp_path)) == 2


def test_an_archive_that_changes_is_unpacked_again(tmp_path):
    write_archive(tmp_path / "sales.zip", {"s.csv": CSV})
    first = find_files("sales.zip", tmp_path)[0].disk_path
    assert find_files("sales.zip", tmp_path)[0].disk_path == first
    write_archive(tmp_path / "sales.zip", {"s.csv": CSV + b"2024-01-02,1\n"})
    assert Path(find_files("sales.zip", tmp_path)[0].disk_path).read_bytes().endswith(b"2024-01-02,1\n")


def _encrypted(path: Path) -> None:
    raw = bytearray(write_archive(path, {"s.csv": CSV}).read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


def _longer_than_declared(path: Path) -> None:
    """The directory claims fewer bytes than the member unpacks to."""
    raw = bytearray(write_archive(path, {"s.csv": CSV * 1000}).read_bytes())
    for begin in (22, raw.index(b"PK\x01\x02") + 24):
        raw[begin : begin + 4] = (100).to_bytes(4, "little")
    path.write_bytes(raw)


def _cut(path: Path) -> None:
    path.write_bytes(write_archive(path, {"s.csv": CSV}).read_bytes()[:60])


REFUSED = {
    "nested": (lambda path: write_archive(path, {"s.csv": CSV, "more.zip": b"PK"}), "holds other archives: more.zip"),
    "encrypted": (_encrypted, "protected by a password"),
    "ratio": (lambda path: write_archive(path, {"s.csv": bytes(2**20)}), "times its size"),
    "size": (lambda path: write_archive(path, {"s.csv": bytes(3 * 2**20)}, zipfile.ZIP_STORED), "unpacks to"),
    "declared size": (_longer_than_declared, "not a whole zip archive"),
    "cut": (_cut, "not a whole zip archive"),
    "no tables": (lambda path: write_archive(path, {"a.pdf": b"%PDF"}), "it holds a.pdf"),
    "empty": (lambda path: write_archive(path, {}), "it is empty"),
    "another document": (lambda path: write_archive(path, {"content.xml": b"<x/>"}), "OpenDocument"),
    "climbing name": (lambda path: write_archive(path, {"../../s.csv": CSV}), "has no tables"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_paragraph(tmp_path, monkeypatch, kind):
    make, message = REFUSED[kind]
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 2 * 2**20)
    monkeypatch.setattr(archives, "LARGE_BYTES", 2**19)
    make(tmp_path / "sales.zip")
    with pytest.raises(UnreadableFile, match=message) as error:
        find_files("sales.zip", tmp_path)
    assert len(str(error.value)) < 400
