"""Samples a table of which nothing is known yet: how its text is written, its columns, and some of its rows."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.errors import UsageError, first_five
from foresell.core.key_texts import tidy
from foresell.data.column_conversion import Dialect
from foresell.data.files.input_files import InputFile, TextFile, holds_json, reading, unzipped
from foresell.data.files.repeated_names import is_nameless
from foresell.data.files.text_records import chunks, split_header
from foresell.data.fill_down import FillDown
from foresell.data.typed_tables import header_of

ROW = "__row"  # the number of a sampled row in the table, from 0
HEAD_ROWS = 50_000
HEAD_BYTES = 16_000_000
CHUNK_BYTES = 4_000_000
SHEET_ROWS, SHEET_BYTES = 2_000_000, 256_000_000  # of sheets, which are in memory anyway
LARGEST_SCAN_BYTES = 4_000_000_000  # of a larger table only the first rows are read
MOST_FILES = 200  # of which the encoding is looked at
SEPARATORS = (";", "\t", "|", ",")


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."  # of a sheet of a workbook


@dataclass(frozen=True)
class TableSample:
    """Sampled rows of a table that may stand in several files.

    `frame` holds the rows, with their number in the column `ROW`; of a text file all other columns are text.
    `text_format` is None for Parquet. `whole` says that the sample is the whole table. If it is not, `scan()` reads all
    rows, provided that `can_scan`.
    """

    files: tuple[InputFile, ...]
    frame: pl.DataFrame
    text_format: TextFormat | None
    whole: bool
    can_scan: bool
    left_out: pl.Expr | None = None  # whether a row is no sale; such rows are in neither the sample nor the scan

    @property
    def columns(self) -> list[str]:
        return [name for name in self.frame.columns if name != ROW]

    @property
    def name(self) -> str:
        """The table's name for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return Path(self.files[0].path).name + more

    @property
    def in_workbook(self) -> bool:
        return self.files[0].sheet is not None

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily, in the sample's columns and types."""
        rows = self._all_rows()
        return rows if self.left_out is None else rows.filter(~self.left_out)

    def _all_rows(self) -> pl.LazyFrame:
        paths = [file.disk_path for file in self.files]
        if self.text_format is None:
            return _scan_parquet(paths)
        dialect = Dialect(self.text_format.separator, encoding=self.text_format.encoding)
        frames = [_scan_text(file, header_of(file, dialect), dialect.separator) for file in self.files]
        return (pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]).with_row_index(ROW)

    def without(self, rows: pl.Expr) -> TableSample:
        """The same sample without the rows for which the expression holds."""
        return replace(self, frame=self.frame.filter(~rows), left_out=rows)

    def with_rows(self, more: pl.DataFrame) -> TableSample:
        """The same sample with more rows of the table; a row that is in both is kept once."""
        more = _stripped(more) if self.text_format else more
        both = pl.concat([self.frame, more.select(self.frame.columns)], how="vertical_relaxed")
        return replace(self, frame=both.unique(ROW, keep="first").sort(ROW))


def require_columns(table: TableSample, names: list[str]) -> None:
    """Raises UsageError where `table` lacks a column."""
    if missing := [name for name in names if name not in table.columns]:
        raise UsageError(f"{table.name} has no column {first_five(missing)}. It has {', '.join(table.columns)}.")


def sample_table(
    files: list[InputFile],
    rows: int = HEAD_ROWS,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    fill_down: tuple[str, ...] = (),
) -> TableSample:
    """The first `rows` rows of the files, as one table; `separator` and `encoding` are detected unless given.

    Sheets of workbooks are taken whole unless few rows are wanted; `decimal` is the mark of numbers in them. Blanks in
    the columns `fill_down` get the value above.
    Raises UnreadableFile where the first file is empty or is no table.
    """
    if files[0].is_parquet:
        with reading(files[0]):
            frame = _scan_parquet([file.disk_path for file in files]).head(rows).collect()
            frame = FillDown(fill_down).filled(frame)
        return TableSample(tuple(files), frame, None, whole=frame.height < rows, can_scan=_small_enough(files))
    if files[0].sheet is not None:
        text_format = TextFormat(decimal=decimal or ".")
        rows = SHEET_ROWS if rows == HEAD_ROWS else rows
        frame, whole, _ = _first_rows(files, rows, text_format, fill_down, SHEET_BYTES)
        return TableSample(tuple(files), frame, text_format, whole, can_scan=False)
    text, encoding = _head(files[0], encoding or _common_encoding(files))
    text_format = TextFormat(separator or _separator(text), encoding)
    frame, whole, as_in_file = _first_rows(files, rows, text_format, fill_down)
    can_scan = _small_enough(files) and as_in_file and not encoding.startswith("utf-16") and not fill_down
    return TableSample(tuple(files), frame, text_format, whole, can_scan)


def _first_rows(
    files: list[InputFile],
    rows: int,
    text_format: TextFormat,
    fill_down: tuple[str, ...] = (),
    most_bytes: int = HEAD_BYTES,
) -> tuple[pl.DataFrame, bool, bool]:
    """The first rows of text files by the names of their columns; whether these are all; whether a scan reads the same.

    Columns that only some of the files have are null in the others.
    """
    frames: list[pl.DataFrame] = []
    height = size = 0
    as_in_file = True
    for file in files:
        names: list[str] = []
        separator = text_format.separator
        fill = FillDown(fill_down)
        for chunk in chunks(file, text_format.encoding, CHUNK_BYTES, text_format.separator, text_format.decimal):
            data = chunk.data
            as_in_file &= chunk.as_in_file
            if not names:
                names, separator, end = split_header(data, text_format.separator)
                data = data[end:]
            if height >= rows or size >= most_bytes:
                return _as_one(frames), False, as_in_file
            frames.append(fill.filled(_parse(data, names, separator, rows - height, file)))
            height, size = height + frames[-1].height, size + len(data)
    return _as_one(frames), height < rows, as_in_file


def _as_one(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The frames as one with row numbers, without columns that have neither a name nor a value."""
    frame = pl.concat(frames, how="diagonal")
    empty = [name for name in frame.columns if is_nameless(name) and frame[name].null_count() == frame.height]
    return frame.drop(empty).with_row_index(ROW)


def _scan_text(file: InputFile, names: list[str], separator: str) -> pl.LazyFrame:
    return pl.scan_csv(
        file.disk_path,
        glob=file.remote,
        separator=separator,
        encoding="utf8-lossy",
        infer_schema=False,
        truncate_ragged_lines=True,
        with_column_names=lambda _: names,
    )


def _scan_parquet(paths: list[str]) -> pl.LazyFrame:
    if paths[0].startswith("s3://"):
        return pl.scan_parquet(paths, row_index_name=ROW, storage_options=s3_options())
    return pl.scan_parquet(paths, row_index_name=ROW, glob=False)


def _small_enough(files: list[InputFile]) -> bool:
    """Whether all rows may be read: the files are on this machine and not huge."""
    return not files[0].remote and sum(os.path.getsize(file.disk_path) for file in files) <= LARGEST_SCAN_BYTES


def _head(file: InputFile, encoding: str | None) -> tuple[str, str]:
    """The beginning of a text file, and its encoding."""
    if file.remote:
        return next(TextFile(file).blocks(CHUNK_BYTES), b"").decode(errors="replace"), "utf-8"
    if holds_json(file):
        return next(TextFile(file).blocks(CHUNK_BYTES), b"").decode(), "utf-8"
    with reading(file), open(file.disk_path, "rb") as raw:
        head = unzipped(raw).read(HEAD_BYTES)
    encoding = encoding or _encoding(head)
    next(TextFile(file, encoding).blocks(4096))  # refuses what is empty or binary
    return head[:CHUNK_BYTES].decode(encoding, errors="replace"), encoding


def _common_encoding(files: list[InputFile]) -> str | None:
    """The encoding of files of which the first is UTF-8 and another is not; None for all others.

    A file that is UTF-8 is read as such beside another encoding, and not the other way round.
    """
    for file in files[1:MOST_FILES]:
        if file.remote or file.sheet is not None or holds_json(file):
            continue
        with reading(file), open(file.disk_path, "rb") as raw:
            if (encoding := _encoding(unzipped(raw).read(CHUNK_BYTES))) == "cp1252":
                return encoding
    return None


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that is cut in two at the end of the sample says nothing about the encoding.
        return "utf-8" if error.start >= len(head) - 4 or _is_damaged_utf8(head) else "cp1252"
    return "utf-8"


def _is_damaged_utf8(head: bytes) -> bool:
    """Whether nearly all letters beyond ASCII are UTF-8, so that the few other bytes are faults."""
    letters = [letter for letter in head.decode("utf-8", errors="replace") if not letter.isascii()]
    return letters.count("\ufffd") <= 0.1 * len(letters)


def _separator(text: str) -> str:
    """The separator that cuts the first lines into the most columns, and nearly all into equally many."""
    lines = text[:200_000].splitlines()[:100]
    best, most = ",", 1
    for separator in SEPARATORS:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=separator) if row)
        fields, often = counts.most_common(1)[0] if counts else (1, 0)
        if fields > most and often >= 0.9 * counts.total():
            best, most = separator, fields
    return best


def _parse(data: bytes, names: list[str], separator: str, rows: int, file: InputFile) -> pl.DataFrame:
    """The first `rows` records of `data` as text, without blanks around it."""
    numbered = {f"c{number}": name for number, name in enumerate(names)}
    with reading(file):
        frame = pl.read_csv(
            io.BytesIO(separator.join(numbered).encode() + b"\n" + data),
            separator=separator,
            infer_schema=False,
            n_rows=rows,
            truncate_ragged_lines=True,
        )
    return _stripped(frame.rename(numbered))


def _stripped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(tidy(frame[name]) for name, dtype in frame.schema.items() if dtype == pl.String)
