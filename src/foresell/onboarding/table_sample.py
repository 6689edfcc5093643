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
from foresell.data.files.input_files import TABLE_ENDINGS, InputFile, TextFile, reading, unzipped
from foresell.data.files.text_records import chunks, split_header
from foresell.data.typed_tables import Dialect, header_of
from foresell.onboarding.column_names import name_score, plain

ROW = "__row"  # the number of a sampled row in the table, from 0
HEAD_ROWS = 50_000
HEAD_BYTES = 16_000_000
CHUNK_BYTES = 4_000_000
LARGEST_SCAN_BYTES = 4_000_000_000  # of a larger table only the first rows are read
SALES_NAMES = "sales sale orders order transactions receipts verkauf verkaufe absatz umsatz ventas ventes vendite train"
SEPARATORS = (";", "\t", "|", ",")


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written."""

    separator: str = ","
    encoding: str = "utf-8"


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

    @property
    def columns(self) -> list[str]:
        return [name for name in self.frame.columns if name != ROW]

    @property
    def name(self) -> str:
        """The table's name for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return Path(self.files[0].path).name + more

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily, in the sample's columns and types."""
        paths = [file.path for file in self.files]
        if self.text_format is None:
            return _scan_parquet(paths)
        dialect = Dialect(self.text_format.separator, encoding=self.text_format.encoding)
        frames = [_scan_text(file, distinct_names(header_of(file, dialect)), dialect.separator) for file in self.files]
        return (pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]).with_row_index(ROW)

    def with_rows(self, more: pl.DataFrame) -> TableSample:
        """The same sample with more rows of the table; a row that is in both is kept once."""
        more = _stripped(more) if self.text_format else more
        both = pl.concat([self.frame, more.select(self.frame.columns)], how="vertical_relaxed")
        return replace(self, frame=both.unique(ROW, keep="first").sort(ROW))


def sample_table(
    files: list[InputFile], rows: int = HEAD_ROWS, *, separator: str | None = None, encoding: str | None = None
) -> TableSample:
    """The first `rows` rows of the files, as one table; `separator` and `encoding` are detected unless given.

    Raises UnreadableFile where the first file is empty or is no table.
    """
    if files[0].is_parquet:
        with reading(files[0]):
            frame = _scan_parquet([file.path for file in files]).head(rows).collect()
        return TableSample(tuple(files), frame, None, whole=frame.height < rows, can_scan=_small_enough(files))
    text, encoding = _head(files[0], encoding)
    text_format = TextFormat(separator or _separator(text), encoding)
    frame, whole, as_in_file = _first_rows(files, rows, text_format)
    can_scan = _small_enough(files) and as_in_file and not encoding.startswith("utf-16")
    return TableSample(tuple(files), frame, text_format, whole, can_scan)


def _first_rows(files: list[InputFile], rows: int, text_format: TextFormat) -> tuple[pl.DataFrame, bool, bool]:
    """The first rows of text files by the names of their columns; whether these are all; whether a scan reads the same.

    Columns that only some of the files have are null in the others.
    """
    frames: list[pl.DataFrame] = []
    height = size = 0
    as_in_file = True
    for file in files:
        names: list[str] = []
        for chunk in chunks(file, text_format.encoding, CHUNK_BYTES, text_format.separator):
            data = chunk.data
            as_in_file &= chunk.as_in_file
            if not names:
                names, _, end = split_header(data, text_format.separator)
                names, data = distinct_names(names), data[end:]
            if height >= rows or size >= HEAD_BYTES:
                return pl.concat(frames, how="diagonal").with_row_index(ROW), False, as_in_file
            frames.append(_parse(data, names, text_format.separator, rows - height, file))
            height, size = height + frames[-1].height, size + len(data)
    return pl.concat(frames, how="diagonal").with_row_index(ROW), height < rows, as_in_file


def distinct_names(names: list[str]) -> list[str]:
    """The names of columns, each with a number where it comes again.

    >>> distinct_names(["a", "b", "a"])
    ['a', 'b', 'a_duplicated_0']
    """
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        distinct.append(f"{name}_duplicated_{seen[name] - 1}" if seen[name] else name)
        seen[name] += 1
    return distinct


def _scan_text(file: InputFile, names: list[str], separator: str) -> pl.LazyFrame:
    return pl.scan_csv(
        file.path,
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
    return not files[0].remote and sum(os.path.getsize(file.path) for file in files) <= LARGEST_SCAN_BYTES


def _head(file: InputFile, encoding: str | None) -> tuple[str, str]:
    """The beginning of a text file, and its encoding."""
    if file.remote:
        return next(TextFile(file).blocks(CHUNK_BYTES), b"").decode(errors="replace"), "utf-8"
    with reading(file), open(file.path, "rb") as raw:
        head = unzipped(raw).read(HEAD_BYTES)
    encoding = encoding or _encoding(head)
    next(TextFile(file, encoding).blocks(4096))  # refuses what is empty or binary
    return head[:CHUNK_BYTES].decode(encoding, errors="replace"), encoding


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that is cut in two at the end of the sample says nothing about the encoding.
        return "utf-8" if error.start >= HEAD_BYTES - 4 else "cp1252"
    return "utf-8"


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


def tables_in(folder: Path) -> list[InputFile]:
    """The tables that stand in `folder` itself, in order of their names."""
    paths = (path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(TABLE_ENDINGS))
    return [InputFile(str(path), path.name) for path in sorted(paths) if not path.name.startswith(".")]


def sales_among(folder: Path, below: list[InputFile]) -> tuple[list[InputFile], Path]:
    """The files of a folder that hold the sales, and the path that names them; `below` are all its tables.

    Files with the same columns are one kind. A kind holds sales if names of its columns say date and quantity. Files
    in the folder itself are preferred to those in folders below it, and files that are called sales to others.

    Raises UsageError where no kind, or more than one, could be the sales.
    """
    for files in (tables_in(folder), below):
        kinds = _kinds(files)
        sales = kinds if len(kinds) == 1 and files == below else [kind for kind in kinds if _looks_like_sales(kind)]
        if len(sales) > 1:
            sales = [kind for kind in sales if _is_called_sales(kind[0], folder)] or sales
        if len(sales) == 1:
            return sales[0], _path_of(sales[0], below)
        if sales:
            break
    raise UsageError(
        f"{folder} holds {len(below)} files ({first_five(file.name for file in below)}), and "
        f"{'more than one kind' if sales else 'none'} looks like the sales (a date and a quantity). Name the sales "
        "file with --data; the others are found beside it."
    )


def _kinds(files: list[InputFile]) -> list[list[InputFile]]:
    """The files, grouped by their columns."""
    kinds: dict[tuple[str, ...], list[InputFile]] = {}
    for file in files:
        kinds.setdefault(tuple(sample_table([file], rows=5).columns), []).append(file)
    return list(kinds.values())


def _looks_like_sales(files: list[InputFile]) -> bool:
    columns = sample_table(files[:1], rows=5).columns
    return any(name_score(c, "quantity") >= 2 for c in columns) and any(name_score(c, "date") >= 2 for c in columns)


def _is_called_sales(file: InputFile, folder: Path) -> bool:
    """Whether the file, or a folder between it and `folder`, is called sales, orders, transactions or the like."""
    parts = Path(file.path).relative_to(folder).parts
    return any(word in SALES_NAMES.split() for part in parts for word in plain(part.split(".")[0]).split("_"))


def _path_of(files: list[InputFile], below: list[InputFile]) -> Path:
    """The path of a single file, or the folder that holds these files and no others."""
    if len(files) == 1:
        return Path(files[0].path)
    common = Path(os.path.commonpath([file.path for file in files]))
    if len([file for file in below if common in Path(file.path).parents]) > len(files):
        raise UsageError(
            f"{common} mixes {len(files)} files of sales ({first_five(file.name for file in files)}) with other files. "
            "Move the sales to a folder of their own, or name them with a pattern such as 'sales_*.csv'."
        )
    return common
