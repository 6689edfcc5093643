"""Sheets of Excel workbooks (.xlsx, .xlsm, .xls) as delimited text, one line for each row of the sheet.

The stored values of cells are read, so a formula gives what it last gave, and an error such as #N/A gives nothing. Of
merged cells the first has the value.
"""

from __future__ import annotations

import html
import logging
import os
import re
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.data.files.header_row import HEAD_LINES, title_lines
from foresell.data.number_formats import NumberMarks, to_number

WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xls")
MAX_CELLS = 26 * 2**20
"""The cells of the largest sheet that is read, empty ones within it included: as many rows as Excel has, of 26 columns.
A sheet takes about 100 bytes of memory a cell while it is read."""

MAX_UNPACKED_BYTES = 4 * 2**30  # of a workbook
CACHE_BYTES = 256 * 2**20  # of text of sheets that were read, because most are read several times
BLOCK_BYTES = 2**20
OLE_BEGIN, ZIP_BEGIN = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the name of a stream in an OLE file
REFERENCE = re.compile(rb"""\sr=["']([A-Z]{1,3})(\d{1,7})["']""")
WIDE_REFERENCE = re.compile(rb"""\sr=["'][A-Z]{2,3}\d""")
ATTRIBUTE = re.compile(r"""(?:\w+:)?(\w+)=["']([^"']*)["']""")
SERIAL_OF_1970 = 25_569  # the number by which Excel stores 1 January 1970
MOSTLY = 0.5  # a column is of dates, or of numbers, where more than this share of its cells is


@dataclass(frozen=True)
class SheetText:
    """The text of a sheet; `visible` is False where it is hidden."""

    text: bytes
    visible: bool


def is_workbook(path: str) -> bool:
    """Whether the file at `path` holds a workbook, whatever its name says."""
    with open(path, "rb") as file:
        begin = file.read(4)
    if begin == OLE_BEGIN:
        return True
    if begin != ZIP_BEGIN:
        return False
    return path.lower().endswith(WORKBOOK_ENDINGS) or any(name.startswith("xl/") for name in _members(path))


def _members(path: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


def sheet_names(path: str, name: str) -> list[str]:
    """The names of the sheets of a workbook, without charts, in order. Raises UnreadableFile, which calls it `name`."""
    names = _opened(path, name).sheet_names
    charts = _chart_sheets(path)
    return [sheet for sheet in names if sheet not in charts]


def _chart_sheets(path: str) -> set[str]:
    """The names of the sheets that hold only a chart; the library prints a line for each that it is asked for."""
    try:
        with zipfile.ZipFile(path) as archive:
            links = archive.read("xl/_rels/workbook.xml.rels").decode(errors="replace")
            sheets = archive.read("xl/workbook.xml").decode(errors="replace")
    except (KeyError, zipfile.BadZipFile):
        return set()  # an old workbook
    tags = re.findall(r"<(?:\w+:)?(?:Relationship|sheet)\s[^>]*>", links + sheets)
    attributes = [dict(ATTRIBUTE.findall(tag)) for tag in tags]
    charts = {tag["Id"] for tag in attributes if tag.get("Type", "").endswith("/chartsheet")}
    return {html.unescape(tag["name"]) for tag in attributes if "name" in tag and tag.get("id") in charts}


def sheet_text(path: str, name: str, sheet: str, separator: str = ",", decimal: str = ".") -> SheetText:
    """The text of a sheet in UTF-8, its columns separated by `separator` and numbers with the mark `decimal`.

    Row n of the sheet is line n. Dates are written as ISO 8601; a time is written in columns where most dates have one.
    Raises UnreadableFile where the workbook is damaged or protected, has no such sheet, or the sheet is too large.
    """
    state = os.stat(path)
    key = (path, state.st_size, state.st_mtime_ns, sheet, separator, decimal)
    if key in _cache:
        _cache.move_to_end(key)
        return _cache[key]
    text = _read(path, name, sheet, separator, decimal)
    _cache[key] = text
    while len(_cache) > 1 and sum(len(entry.text) for entry in _cache.values()) > CACHE_BYTES:
        _cache.popitem(last=False)
    return text


_cache: OrderedDict[tuple, SheetText] = OrderedDict()


def _opened(path: str, name: str):
    """The reader of a workbook whose size has been checked. That of the last workbook is kept for its other sheets."""
    state = os.stat(path)
    return _reader(path, name, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1)
def _reader(path: str, name: str, size: int, changed: int):
    import fastexcel

    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it warns of each column that is empty
    _require_readable(path, name)
    try:
        return fastexcel.read_excel(path if _has_own_ending(path) else Path(path).read_bytes())
    except fastexcel.FastExcelError as error:
        raise UnreadableFile(_damaged_message(name, str(error))) from error


def _has_own_ending(path: str) -> bool:
    """Whether the name ends as the content wants, by which the library goes."""
    with open(path, "rb") as file:
        old = file.read(4) == OLE_BEGIN
    return path.lower().endswith(".xls") if old else path.lower().endswith((".xlsx", ".xlsm"))


def _damaged_message(name: str, error: str) -> str:
    why = error.splitlines()[0].removeprefix("calamine error: ").strip().rstrip(".")
    return (
        f"{name} is not a whole Excel workbook ({why}): it was cut off, or is of another kind than its name says. "
        "Open it in a spreadsheet program and save it as .xlsx, or fetch it again."
    )


def _require_readable(path: str, name: str) -> None:
    """Raises UnreadableFile where the workbook has a password, is damaged, or unpacks to more than can be read."""
    with open(path, "rb") as file:
        begin = file.read(4)
        if begin == OLE_BEGIN and ENCRYPTED in file.read():
            raise UnreadableFile(_password_message(name))
    if begin != ZIP_BEGIN:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _require_bounded(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnreadableFile(_damaged_message(name, str(error))) from error


def _password_message(name: str) -> str:
    return f"{name} is protected by a password. Save a copy of it without one in Excel, and name that."


def _require_bounded(archive: zipfile.ZipFile, name: str) -> None:
    entries = archive.infolist()
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableFile(_password_message(name))
    if any(entry.filename == "xl/workbook.bin" for entry in entries):
        raise UnreadableFile(f"{name} is a binary workbook (.xlsb). Save it as .xlsx in Excel, and name that.")
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNPACKED_BYTES:
        raise UnreadableFile(
            f"{name} unpacks to {size / 2**30:,.1f} GB; at most {MAX_UNPACKED_BYTES / 2**30:.0f} GB are read of a "
            "workbook. Save its table as CSV or Parquet."
        )
    for entry in entries:
        cells = _cells_within(archive, entry)
        if cells > MAX_CELLS:
            raise UnreadableFile(_too_large_message(f"A sheet of {name}", cells))


def _too_large_message(what: str, cells: int) -> str:
    return (
        f"{what} spans {cells:,} cells; at most {MAX_CELLS:,} are read. Delete stray cells far from the table in "
        "Excel, or save the table as CSV or Parquet."
    )


def _cells_within(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """The cells that the sheet `entry` spans; 0 where it has no column past Z, so cannot span too many.

    All of the entry is unpacked, which shows whether it is whole and has the size that it claims to have.
    """
    wide, columns, rows, rest = False, 0, 0, b""
    with archive.open(entry) as unpacked:
        while block := unpacked.read(BLOCK_BYTES):
            wide = wide or WIDE_REFERENCE.search(rest + block) is not None
            if columns * rows <= MAX_CELLS and entry.filename.endswith(".xml"):
                references = REFERENCE.findall(rest + block)
                columns = max([columns, *(_column_number(letters) for letters in {ref[0] for ref in references})])
                rows = max([rows, *(int(row) for row in {ref[1] for ref in references})]) if references else rows
            rest = block[-32:]
    return columns * rows if wide else 0


def _column_number(letters: bytes) -> int:
    """The number of a column from its letters.

    >>> _column_number(b"A"), _column_number(b"AA"), _column_number(b"XFD")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _read(path: str, name: str, sheet: str, separator: str, decimal: str) -> SheetText:
    import fastexcel

    reader = _opened(path, name)
    try:
        head = reader.load_sheet(sheet, header_row=None, skip_rows=0, n_rows=HEAD_LINES, dtypes="string")
        if not head.width or head.width * head.total_height > MAX_CELLS:
            if head.width:
                raise UnreadableFile(_too_large_message(f"Sheet '{sheet}' of {name}", head.width * head.total_height))
            return SheetText(b"", head.visible == "visible")
        titles = _tidied(head.to_polars(), decimal)
        above = title_lines(_delimited(titles, ",").encode(), ",") + 1  # rows of titles and of the column names
        table = reader.load_sheet(sheet, header_row=None, skip_rows=above, schema_sample_rows=None)
        rows = _tidied(table.to_polars(), decimal) if table.height else titles.head(0)
    except fastexcel.SheetNotFoundError as error:
        raise UnreadableFile(
            f"{name} has no sheet '{sheet}'; its sheets are {', '.join(reader.sheet_names)}. Correct the name."
        ) from error
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(_damaged_message(name, str(error))) from error
    text = _delimited(titles.head(above), separator) + _delimited(rows, separator)
    return SheetText(text.encode(), head.visible == "visible")


def _delimited(frame: pl.DataFrame, separator: str) -> str:
    return frame.write_csv(include_header=False, separator=separator)


def _tidied(frame: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """The columns as text; a cell without anything is null."""
    return pl.DataFrame([_as_text(frame[name], decimal) for name in frame.columns])


def _as_text(values: pl.Series, decimal: str) -> pl.Series:
    """A column as text.

    >>> _as_text(pl.Series([5.0, 0.25, 1.234, None]), ".").to_list()
    ['5', '0.25', '1.2340', None]
    """
    if values.dtype == pl.Datetime:
        return _date_texts(values)
    if values.dtype.is_float():
        return _number_texts(values, decimal)
    if values.dtype == pl.Duration:
        return values.dt.to_string("polars")
    texts = values.cast(pl.String)
    return _mixed_texts(texts, decimal) if values.dtype == pl.String else texts


def _date_texts(values: pl.Series) -> pl.Series:
    moments = values.dt.round("1s")  # a fraction of a day has an error of some milliseconds
    timed = (moments != moments.dt.truncate("1d")).sum() > MOSTLY * moments.count()
    return moments.dt.strftime("%Y-%m-%d %H:%M:%S" if timed else "%Y-%m-%d")


def _number_texts(values: pl.Series, decimal: str) -> pl.Series:
    """Numbers as text that cannot be taken for thousands in groups: 1.234 gets a fourth decimal place."""
    whole = (values == values.round()) & (values.abs() < 1e15)
    texts = values.cast(pl.String).str.replace(r"^(-?\d{1,3}\.\d{3})$", "${1}0")
    texts = values.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole.fill_null(True), texts)
    return texts.str.replace(".", ",", literal=True) if decimal == "," else texts


def _mixed_texts(texts: pl.Series, decimal: str) -> pl.Series:
    """A column of text, or of cells of several kinds.

    Among dates, a whole number is the serial number of a date. A number that was stored as text with a decimal comma
    gets the mark of all others.
    """
    texts = texts.str.replace_all(r"[\r\n]+", " ")
    texts = texts.set((texts == "").fill_null(False), None)
    moments = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False)
    if moments.count() > MOSTLY * texts.count():
        serials = texts.str.extract(r"^([2-6]\d{4})$").cast(pl.Int32)
        days = (serials - SERIAL_OF_1970).cast(pl.Date).cast(pl.Datetime("us"))
        moments = moments.zip_with(moments.is_not_null(), days)
        return _date_texts(moments).zip_with(moments.is_not_null(), texts)
    texts = texts.str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00(\.0+)?$", "${1}")
    if decimal == "." and NumberMarks.of(texts.unique(), ",").decimals:
        numbers = to_number(texts.str.strip_chars(), ",")
        with_comma = texts.str.contains(",", literal=True) & numbers.is_not_null()
        if numbers.count() > MOSTLY * texts.count():
            return _number_texts(numbers, decimal).zip_with(with_comma.fill_null(False), texts)
    return texts
