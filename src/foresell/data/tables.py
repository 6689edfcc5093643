"""Tables of files, read column by column as what the settings say they are; what does not fit is named by its row.

The quick way reads a chunk with its types at once. Only a chunk where that fails is read again as text, cell by
cell, to find out which rows are bad.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.errors import FindingsStop, UnreadableFile, first_five
from foresell.data.codes import finding
from foresell.data.files import File, reading
from foresell.data.text import Chunk, chunks, records_of, regular, split_header
from foresell.data.values import DATE_FORMATS, DAY_OR_MONTH_FIRST, NULL_WORDS, first_of, to_date, to_number

ROW = "__row"  # the row's place in its file, from 0
FILE = "__file"  # the file's place in the list of files
ISO = "%Y-%m-%d"
PARQUET_ROWS = 4_000_000  # rows of a Parquet file that are taken at a time
SAMPLE = 5_000  # distinct dates that suffice to find their format


class Kind(StrEnum):
    """What a column is read as."""

    KEY = "key"  # never empty; taken as it stands
    DATE = "date"  # never empty
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class Field:
    """A column that is wanted. A row with a bad key or date is left out; a bad number is merely not known."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Dialect:
    """How the text files are written; `date_format` is found out from the first rows where it is None."""

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    date_format: str | None = None
    prefer: str | None = None  # the format to take where several fit
    rival: str | None = None  # another format that fits the dates as well, where one was found out


@dataclass(frozen=True)
class Part:
    """Some rows of a file: `frame` has the wanted columns and ROW; `bad` says which rows are bad and why.

    `bad` has the columns ROW, ``reason`` (the code of the finding) and ``column``. `rows` counts all rows, the
    bad ones included and blank lines not; `records` counts the blank lines too. `share` is how much of the file
    has been read. `dialect` is how it was read.
    """

    frame: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    records: int
    share: float
    dialect: Dialect


BAD_SCHEMA = {ROW: pl.UInt32, "reason": pl.String, "column": pl.String}


def bad_rows(rows: pl.Series, reason: str, column: str = "") -> pl.DataFrame:
    """The rows with one reason, as `Part.bad` holds them."""
    frame = pl.DataFrame({ROW: rows.cast(pl.UInt32)})
    return frame.with_columns(reason=pl.lit(reason), column=pl.lit(column)).cast(BAD_SCHEMA)  # type: ignore[arg-type]


def header_of(file: File, dialect: Dialect) -> list[str]:
    """The names of the columns of `file`. Raises UnreadableFile."""
    if file.is_parquet:
        with reading(file):
            return list(pl.scan_parquet(file.path, **storage(file)).collect_schema())
    for chunk in chunks(file, dialect.encoding, 2**20):
        return split_header(chunk.data, dialect.separator)[0]
    return []


def storage(file: File) -> dict:
    return {"storage_options": s3_options()} if file.remote else {"glob": False}


def read_parts(file: File, fields: Sequence[Field], dialect: Dialect) -> Iterator[Part]:
    """The rows of `file`, some at a time, with the columns of `fields` only.

    Keys come as Categorical (text) or as the whole numbers they are in Parquet, dates as Date, numbers as
    Float32, text as Categorical. Raises UnreadableFile, and FindingsStop where a column is missing.
    """
    yield from _parquet_parts(file, fields, dialect) if file.is_parquet else _text_parts(file, fields, dialect)


def require_columns(names: Sequence[str], wanted: Sequence[str], file: File) -> None:
    """Raises FindingsStop where `names`, the columns of `file`, lack one that is wanted."""
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    near = {name: difflib.get_close_matches(name, names, n=1, cutoff=0.6) for name in missing}
    hints = [f"'{found[0]}' for '{name}'" for name, found in near.items() if found]
    hint = f" Perhaps {first_five(hints)}?" if hints else ""
    message = (
        f"{file.name} has no column {first_five(repr(name) for name in missing)}; it has {len(names)} columns: "
        f"{first_five(names)}.{hint}"
    )
    found = finding("missing-columns", file.name, len(missing), message, missing)
    raise FindingsStop(f"{message} {found.advice}", (found,))


# ---------------------------------------------------------------------------------------------------------- text


def _text_parts(file: File, fields: Sequence[Field], dialect: Dialect) -> Iterator[Part]:
    names: list[str] = []
    row = 0
    for chunk in chunks(file, dialect.encoding):
        if not names:
            names, separator, size = split_header(chunk.data, dialect.separator)
            require_columns(names, [field.name for field in fields], file)
            dialect = replace(dialect, separator=separator)
            chunk = Chunk(chunk.data[size:], chunk.line + chunk.data.count(b"\n", 0, size), chunk.share)
        if not chunk.data or chunk.data.isspace():
            row += chunk.data.count(b"\n")
            continue
        if dialect.date_format is None:
            dialect = _with_format(dialect, _some_dates(chunk, names, fields, dialect))
        part = _quickly(chunk, names, fields, dialect, row)
        part = part or _carefully(chunk, names, fields, dialect, row, file)
        row += part.records
        yield part


def _parse(
    chunk: Chunk, names: Sequence[str], dialect: Dialect, types: Mapping[str, pl.DataType], **options
) -> pl.DataFrame:
    """The columns of `types` from a chunk. Under names of their own, so that a doubled or odd one does no harm."""
    own = [f"c{place}" for place in range(len(names))]
    wanted = {own[names.index(name)]: name for name in types}
    schema = dict.fromkeys(own, pl.String()) | {each: types[name] for each, name in wanted.items()}
    header = dialect.separator.join(own).encode() + b"\n"
    frame = pl.read_csv(
        header + chunk.data, schema=schema, columns=list(wanted), separator=dialect.separator, **options
    )
    return frame.rename(wanted).select(list(types))


def _quickly(chunk: Chunk, names: Sequence[str], fields: Sequence[Field], dialect: Dialect, row: int) -> Part | None:
    """The chunk read with its types, None where a row does not fit them."""
    if not regular(chunk.data, dialect.separator, len(names)):
        return None
    date = pl.Date() if dialect.date_format == ISO else pl.String()
    # With a decimal comma a point marks thousands, which the parser would take for a decimal point.
    number = pl.Float32() if dialect.decimal == "." else pl.String()
    kinds = {Kind.KEY: pl.Categorical(), Kind.DATE: date, Kind.NUMBER: number, Kind.TEXT: pl.Categorical()}
    types = {field.name: kinds[field.kind] for field in fields}
    for words in ([], list(NULL_WORDS)):
        try:
            frame = _parse(chunk, names, dialect, types, null_values=words or None)
        except pl.exceptions.PolarsError:
            continue
        sound = _sound(frame, fields, dialect)
        if sound is not None:
            frame = sound.with_columns(_row_numbers(row, frame.height))
            return Part(frame, pl.DataFrame(schema=BAD_SCHEMA), frame.height, frame.height, chunk.share, dialect)
    return None


def _row_numbers(first: int, count: int) -> pl.Series:
    return pl.Series(ROW, np.arange(first, first + count, dtype=np.uint32))


def _sound(frame: pl.DataFrame, fields: Sequence[Field], dialect: Dialect) -> pl.DataFrame | None:
    """The columns in their final types; None where a key or date is empty or something cannot be read."""
    names = {kind: [field.name for field in fields if field.kind == kind] for kind in Kind}
    frame = frame.with_columns(convert(frame[name], Kind.DATE, dialect) for name in names[Kind.DATE])
    needed = frame.select(names[Kind.KEY] + names[Kind.DATE])
    if sum(needed.null_count().row(0)):
        return None
    numbers = names[Kind.NUMBER]
    if not numbers:
        return frame
    if frame.schema[numbers[0]] == pl.String:
        read = frame.select(convert(frame[name], Kind.NUMBER, dialect) for name in numbers)
        return frame.with_columns(read) if read.null_count().equals(frame.select(numbers).null_count()) else None
    if any(frame.select(pl.col(numbers).is_infinite().any()).row(0)):
        return None
    return frame.with_columns(pl.col(numbers).fill_nan(None))


def _carefully(
    chunk: Chunk, names: Sequence[str], fields: Sequence[Field], dialect: Dialect, row: int, file: File
) -> Part:
    """The chunk read as text, each cell then converted by itself; bad rows are named."""
    records = records_of(chunk.data, dialect.separator)
    types: dict[str, pl.DataType] = {field.name: pl.String() for field in fields}
    try:
        frame = _parse(chunk, names, dialect, types, truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(_muddled(file, chunk)) from error
    if frame.height != len(records.starts):
        raise UnreadableFile(_muddled(file, chunk))
    frame = frame.with_columns(_row_numbers(row, frame.height))
    ragged = (records.fields != len(names)) & ~records.blank
    whole = ~ragged & ~records.blank
    bad = bad_rows(frame[ROW].filter(pl.Series(ragged)), "ragged-rows")
    frame, worse = convert_all(frame.filter(pl.Series(whole)), fields, dialect)
    rows = int((~records.blank).sum())
    return Part(frame, pl.concat([bad, worse]), rows, len(records.starts), chunk.share, dialect)


def _muddled(file: File, chunk: Chunk) -> str:
    return (
        f"The rows of {file.name} cannot be told apart: somewhere from line {chunk.line} on a quote stands inside a "
        "field that is not quoted. Double the quotes that belong to the text and put such fields in quotes."
    )


def _some_dates(chunk: Chunk, names: Sequence[str], fields: Sequence[Field], dialect: Dialect) -> pl.Series | None:
    """The chunk's dates as text, None where there is no column of dates or it cannot be read so simply."""
    column = next((field.name for field in fields if field.kind == Kind.DATE), None)
    if column is None:
        return None
    try:
        return _parse(chunk, names, dialect, {column: pl.String()}, truncate_ragged_lines=True)[column]
    except pl.exceptions.PolarsError:
        return None


def _with_format(dialect: Dialect, texts: pl.Series | None) -> Dialect:
    """The dialect with the format of `texts`, and the rival that reads every one of them as another date."""
    if texts is None:
        return dialect
    found = find_format(texts, dialect.prefer)
    pairs = DAY_OR_MONTH_FIRST | {month: day for day, month in DAY_OR_MONTH_FIRST.items()}
    rival = pairs.get(found)
    known = texts.drop_nulls().str.strip_chars().unique()
    as_well = rival is not None and to_date(known, rival).count() == to_date(known, found).count()
    return replace(dialect, date_format=found, rival=rival if as_well else None)


def find_format(texts: pl.Series, prefer: str | None = None) -> str:
    """The date format that reads most of `texts`; of several, `prefer` or the one with the steadiest dates.

    >>> find_format(pl.Series(["13.01.2024", "14.01.2024"]))
    '%d.%m.%Y'
    """
    known = texts.drop_nulls().str.strip_chars().unique(maintain_order=True).head(SAMPLE)
    read = {text: to_date(known, text).count() for text in (*DATE_FORMATS, *([prefer] if prefer else []))}
    most = max(read.values())
    best = tuple(text for text, count in read.items() if count == most)
    if not most:
        return prefer or ISO
    return prefer if prefer in best else first_of(best, known)


# ------------------------------------------------------------------------------------------------------- parquet


def _parquet_parts(file: File, fields: Sequence[Field], dialect: Dialect) -> Iterator[Part]:
    with reading(file):
        table = pl.scan_parquet(file.path, **storage(file))
        require_columns(list(table.collect_schema()), [field.name for field in fields], file)
        total = int(table.select(pl.len()).collect().item())
    for start in range(0, total, PARQUET_ROWS):
        with reading(file):
            frame = table.slice(start, PARQUET_ROWS).select(field.name for field in fields).collect()
        texts = next((frame[each.name] for each in fields if each.kind == Kind.DATE), None)
        if dialect.date_format is None and texts is not None and texts.dtype == pl.String:
            dialect = _with_format(dialect, texts)
        count = frame.height
        frame, bad = convert_all(frame.with_columns(_row_numbers(start, count)), fields, dialect)
        yield Part(frame, bad, count, count, min((start + PARQUET_ROWS) / total, 1.0), dialect)


# ---------------------------------------------------------------------------------------------------- conversion


def convert_all(frame: pl.DataFrame, fields: Sequence[Field], dialect: Dialect) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each column in its final type, without the rows whose key or date is bad; and all bad rows with their reasons."""
    bad, gone = [pl.DataFrame(schema=BAD_SCHEMA)], pl.repeat(False, frame.height, eager=True)
    columns = []
    for field in fields:
        values = frame[field.name]
        converted = convert(values, field.kind, dialect)
        columns.append(converted)
        empty = _is_empty(values, field.kind)
        unread = converted.is_null() & ~empty
        if unread.any():
            reason = "unparsable-dates" if field.kind == Kind.DATE else "unparsable-numbers"
            bad.append(bad_rows(frame[ROW].filter(unread), reason, field.name))
        if field.kind in (Kind.KEY, Kind.DATE):
            if empty.any():
                bad.append(bad_rows(frame[ROW].filter(empty), "missing-keys", field.name))
            gone = gone | converted.is_null()
    # A row with many bad cells is one bad row.
    found = pl.concat(bad).unique([ROW, "reason"], keep="first", maintain_order=True)
    return pl.DataFrame([*columns, frame[ROW]]).filter(~gone), found


def _is_empty(values: pl.Series, kind: Kind) -> pl.Series:
    if values.dtype == pl.String:
        blank = values.str.strip_chars() == ""
        absent = blank if kind == Kind.KEY else blank | values.str.strip_chars().is_in(NULL_WORDS)
        return absent.fill_null(True)
    if values.dtype.is_float():
        return values.is_null() | values.is_nan().fill_null(False)
    return values.is_null()


def convert(values: pl.Series, kind: Kind, dialect: Dialect) -> pl.Series:
    """The values in the type of their kind, null where they cannot be read.

    >>> convert(pl.Series([" 1,234.5", "x", "NA"]), Kind.NUMBER, Dialect()).to_list()
    [1234.5, None, None]
    """
    if kind == Kind.NUMBER:
        return _numbers(values, dialect.decimal)
    if kind == Kind.DATE:
        return _dates(values, dialect.date_format or ISO)
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        return values.set(values == "", None).cast(pl.Categorical)
    if kind == Kind.TEXT:
        return values
    if values.dtype.is_integer():
        return values.cast(pl.Int64)
    whole = values.cast(pl.Int64, strict=False) if values.dtype.is_float() else values
    same = values.dtype.is_float() and (whole == values).fill_null(True).all()
    return whole if same else values.cast(pl.String).cast(pl.Categorical)


def _numbers(values: pl.Series, decimal: str) -> pl.Series:
    if values.dtype == pl.String:
        texts = values.str.strip_chars()
        values = to_number(texts.set(texts.is_in(NULL_WORDS), None), decimal)
    numbers = values.cast(pl.Float32, strict=False).fill_nan(None)
    return numbers.set(numbers.is_infinite(), None)


def _dates(values: pl.Series, date_format: str) -> pl.Series:
    if values.dtype.is_integer():
        values, date_format = values.cast(pl.String), "%Y%m%d"
    if values.dtype == pl.String:
        return to_date(values.str.strip_chars(), date_format)
    dates = values.cast(pl.Date, strict=False)
    return dates.set(~dates.dt.year().is_between(1970, 2100), None)
