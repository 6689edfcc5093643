"""Reads tables with the column types that the settings ask for, and names the rows that do not fit them.

A chunk is first parsed with its types, which is fast. Only a chunk for which this fails is parsed again as text and
converted cell by cell, which shows the bad rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.dates.formats import as_texts, infer_format, other_order, to_date
from foresell.core.errors import FindingsStop, UnreadableFile, first_five
from foresell.core.key_texts import tidy_keys
from foresell.core.tables import with_plain_values
from foresell.data.column_conversion import (
    BAD_SCHEMA,
    ISO,
    ROW,
    ColumnKind,
    Dialect,
    InputColumn,
    bad_rows,
    convert,
    convert_columns,
)
from foresell.data.files.header_row import CellKind, cell_kind
from foresell.data.files.input_files import InputFile, reading
from foresell.data.files.text_records import Records, TextChunk, chunks, is_regular, records_of, split_header
from foresell.data.fill_down import FillDown
from foresell.data.finding_codes import finding
from foresell.data.number_formats import NumberMarks
from foresell.data.values import NULL_WORDS

PARQUET_ROWS = 4_000_000  # rows of a Parquet file that are taken at a time
MANY_SHORT = 0.2  # of the rows of a chunk
DATE_SAMPLE_SIZE = 5_000  # distinct dates from which their format is inferred


@dataclass(frozen=True)
class TablePart:
    """Some rows of a file: `frame` has the wanted columns and ROW; `bad` says which rows are bad and why.

    `bad` has the columns ROW, ``reason`` (the code of the finding) and ``column``. `rows` counts all rows, bad ones
    included, without blank lines; `records` counts the blank lines, too. `share` is the part of the file that has been
    read, from 0 to 1. `dialect` is the dialect that was used, with the inferred date format. `marks` counts how the
    numbers of a long table are written that were read with decimal places. `untidy_keys` counts the rows whose keys had
    needless blanks.
    """

    frame: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    records: int
    share: float
    dialect: Dialect
    marks: Mapping[str, NumberMarks] = field(default_factory=dict)
    untidy_keys: int = 0


def header_of(file: InputFile, dialect: Dialect) -> list[str]:
    """The names of the columns of `file`. Raises UnreadableFile."""
    if file.is_parquet:
        with reading(file):
            return list(pl.scan_parquet(file.disk_path, **scan_options(file)).collect_schema())
    for chunk in chunks(file, dialect.encoding, 2**20, dialect.separator, dialect.decimal):
        return split_header(chunk.data, dialect.separator)[0]
    return []


def scan_options(file: InputFile) -> dict:
    """The keyword arguments of a Polars scan of `file`."""
    return {"storage_options": s3_options()} if file.remote else {"glob": False}


def read_parts(file: InputFile, columns: Sequence[InputColumn], dialect: Dialect) -> Iterator[TablePart]:
    """The rows of `file`, some at a time, with `columns` only.

    Keys come as Categorical (text) or as the whole numbers they are in Parquet, dates as Date (hours as Datetime),
    numbers as Float32, text as Categorical. Raises UnreadableFile, and FindingsStop where a column is missing.
    """
    parts = _parquet_parts(file, columns, dialect) if file.is_parquet else _text_parts(file, columns, dialect)
    keys = [column.name for column in columns if column.kind == ColumnKind.KEY]
    for part in parts:
        yield _with_tidy_keys(part, keys)


def _with_tidy_keys(part: TablePart, keys: Sequence[str]) -> TablePart:
    """The part with tidy keys; a row whose key is blank is a bad row."""
    frame, untidy = tidy_keys(part.frame, keys)
    if not untidy:
        return part
    blank = frame.select(pl.any_horizontal(pl.col(keys).is_null())).to_series()
    bad = pl.concat([part.bad, bad_rows(frame[ROW].filter(blank), "missing-keys")])
    return replace(part, frame=frame.filter(~blank), bad=bad, untidy_keys=untidy)


def names_in_file(columns: Sequence[InputColumn]) -> list[str]:
    """The columns of a file that `columns` are made of, each once."""
    return list(dict.fromkeys(name for column in columns for name in column.in_file))


def _joined(frame: pl.DataFrame, columns: Sequence[InputColumn]) -> pl.DataFrame:
    """The `columns` of a frame that has those of the file: parts joined by blanks, null where one is missing."""
    joined = [
        pl.concat_str([as_texts(frame[name]) for name in column.parts], separator=" ").alias(column.name)
        for column in columns
        if column.parts
    ]
    return frame.with_columns(joined).select(column.name for column in columns) if joined else frame


def require_columns(names: Sequence[str], wanted: Sequence[str], file: InputFile) -> None:
    """Raises FindingsStop where `names`, the columns of `file`, lack one of `wanted`."""
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    similar = {name: difflib.get_close_matches(name, names, n=1, cutoff=0.6) for name in missing}
    hints = [f"'{matches[0]}' for '{name}'" for name, matches in similar.items() if matches]
    hint = f" Perhaps {first_five(hints)}?" if hints else ""
    message = (
        f"{file.name} has no column {first_five(repr(name) for name in missing)}; it has {len(names)} columns: "
        f"{first_five(names)}.{hint}"
    )
    stop = finding("missing-columns", file.name, len(missing), message, missing)
    raise FindingsStop(f"{message} {stop.advice}", (stop,))


def _text_parts(file: InputFile, columns: Sequence[InputColumn], dialect: Dialect) -> Iterator[TablePart]:
    names: list[str] = []
    row = 0
    fill = FillDown([name for name in names_in_file(columns) if name in dialect.fill_down])
    for chunk in chunks(file, dialect.encoding, separator=dialect.separator, decimal=dialect.decimal):
        if not names:
            names, separator, size = split_header(chunk.data, dialect.separator)
            require_columns(names, names_in_file(columns), file)
            dialect = replace(dialect, separator=separator)
            chunk = TextChunk(chunk.data[size:], chunk.line + chunk.data.count(b"\n", 0, size), chunk.share)
        if not chunk.data or chunk.data.isspace():
            row += chunk.data.count(b"\n")
            continue
        if dialect.date_format is None:
            dialect = _with_date_format(dialect, _date_texts(chunk, names, columns, dialect))
        part = None if fill.columns else _parse_typed(chunk, names, columns, dialect, row)
        part = part or _parse_cell_by_cell(chunk, names, columns, dialect, row, file, fill)
        row += part.records
        yield replace(part, marks=_number_marks(part.frame, chunk, names, columns, dialect))


def _parse(
    chunk: TextChunk, names: Sequence[str], dialect: Dialect, types: Mapping[str, pl.DataType], **options
) -> pl.DataFrame:
    """The columns of `types` from a chunk.

    The parser sees columns named by their number, so that a repeated or unusual name in the header does no harm.
    """
    numbered = [f"c{number}" for number in range(len(names))]
    wanted = {numbered[names.index(name)]: name for name in types}
    schema = dict.fromkeys(numbered, pl.String()) | {column: types[name] for column, name in wanted.items()}
    header = dialect.separator.join(numbered).encode() + b"\n"
    frame = pl.read_csv(
        header + chunk.data, schema=schema, columns=list(wanted), separator=dialect.separator, **options
    )
    return frame.rename(wanted).select(list(types))


def _parse_typed(
    chunk: TextChunk, names: Sequence[str], columns: Sequence[InputColumn], dialect: Dialect, row: int
) -> TablePart | None:
    """The chunk parsed with its types; None where a row does not fit them."""
    if not is_regular(chunk.data, dialect.separator, len(names)):
        return None
    plain = dialect.date_format == ISO and not dialect.period_names and not dialect.hourly
    date = pl.Date() if plain else pl.String()
    # With a decimal comma, a point separates thousands; the parser would take it for a decimal point.
    number = pl.Float32() if dialect.decimal == "." else pl.String()
    kinds = {
        ColumnKind.KEY: pl.Categorical(),
        ColumnKind.DATE: date,
        ColumnKind.NUMBER: number,
        ColumnKind.TEXT: pl.Categorical(),
    }
    types: dict[str, pl.DataType] = {
        name: pl.String() if column.parts else kinds[column.kind] for column in columns for name in column.in_file
    }
    for words in ([], list(NULL_WORDS)):
        try:
            frame = _joined(_parse(chunk, names, dialect, types, null_values=words or None), columns)
        except pl.exceptions.PolarsError:
            continue
        converted = _convert_typed(frame, columns, dialect)
        if converted is not None:
            frame = converted.with_columns(_row_numbers(row, frame.height))
            return TablePart(frame, pl.DataFrame(schema=BAD_SCHEMA), frame.height, frame.height, chunk.share, dialect)
    return None


def _number_marks(
    frame: pl.DataFrame, chunk: TextChunk, names: Sequence[str], columns: Sequence[InputColumn], dialect: Dialect
) -> dict[str, NumberMarks]:
    """How the numbers with decimal places are written, by column; of a table without dates nothing."""
    if all(column.kind != ColumnKind.DATE for column in columns):
        return {}
    numbers = [column.name for column in columns if column.kind == ColumnKind.NUMBER]
    with_fraction = [name for name in numbers if (frame[name] != frame[name].round()).any()]
    if not with_fraction:
        return {}
    try:
        texts = _parse(chunk, names, dialect, dict.fromkeys(with_fraction, pl.String()), truncate_ragged_lines=True)
    except pl.exceptions.PolarsError:
        return {}
    return {name: NumberMarks.of(texts[name].unique(), dialect.decimal) for name in with_fraction}


def _row_numbers(first: int, count: int) -> pl.Series:
    return pl.Series(ROW, np.arange(first, first + count, dtype=np.uint32))


def _convert_typed(frame: pl.DataFrame, columns: Sequence[InputColumn], dialect: Dialect) -> pl.DataFrame | None:
    """The columns in their final types; None where a key or date is empty or a value cannot be converted."""
    names = {kind: [column.name for column in columns if column.kind == kind] for kind in ColumnKind}
    frame = frame.with_columns(convert(frame[name], ColumnKind.DATE, dialect) for name in names[ColumnKind.DATE])
    needed = frame.select(names[ColumnKind.KEY] + names[ColumnKind.DATE])
    if sum(needed.null_count().row(0)):
        return None
    numbers = names[ColumnKind.NUMBER]
    if not numbers:
        return frame
    if frame.schema[numbers[0]] == pl.String:
        converted = frame.select(convert(frame[name], ColumnKind.NUMBER, dialect) for name in numbers)
        return (
            frame.with_columns(converted) if converted.null_count().equals(frame.select(numbers).null_count()) else None
        )
    if any(frame.select(pl.col(numbers).is_infinite().any()).row(0)):
        return None
    return frame.with_columns(pl.col(numbers).fill_nan(None))


def _parse_cell_by_cell(
    chunk: TextChunk,
    names: Sequence[str],
    columns: Sequence[InputColumn],
    dialect: Dialect,
    row: int,
    file: InputFile,
    fill: FillDown,
) -> TablePart:
    """The chunk parsed as text and converted cell by cell, with its bad rows."""
    records = records_of(chunk.data, dialect.separator)
    types: dict[str, pl.DataType] = dict.fromkeys(names_in_file(columns), pl.String())
    try:
        frame = _parse(chunk, names, dialect, types, truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(_open_quote_message(file, chunk)) from error
    if frame.height != len(records.starts):
        raise UnreadableFile(_open_quote_message(file, chunk))
    frame = frame.with_columns(_row_numbers(row, frame.height))
    needed = 1 + max(names.index(name) for name in names_in_file(columns))
    short = (records.fields < len(names)) & (records.fields >= needed)
    # Where many rows end early, their last fields are empty; where few do, they may have been cut off.
    whole_if_short = short if short.sum() > MANY_SHORT * len(short) else np.zeros(len(short), bool)
    ragged = (records.fields != len(names)) & ~records.blank & ~whole_if_short
    whole = ~ragged & ~records.blank
    notes = _single_words(chunk, records, ragged) if len(names) > 1 else np.zeros(len(ragged), bool)
    bad = pl.concat(
        bad_rows(frame[ROW].filter(pl.Series(rows)), reason)
        for rows, reason in ((ragged & ~notes, "ragged-rows"), (notes, "note-rows"))
    )
    numbers = frame[ROW].filter(pl.Series(whole))
    frame = _joined(fill.filled(frame.filter(pl.Series(whole))), columns)
    frame, unconverted = convert_columns(frame.with_columns(numbers), columns, dialect)
    rows = int((~records.blank).sum())
    return TablePart(frame, pl.concat([bad, unconverted]), rows, len(records.starts), chunk.share, dialect)


def _single_words(chunk: TextChunk, records: Records, ragged: np.ndarray) -> np.ndarray:
    """Which of the `ragged` records are one field of words, as below a table: bool [record]."""
    words = np.zeros(len(ragged), bool)
    for record in np.flatnonzero(ragged & (records.fields == 1)):
        text = chunk.data[records.starts[record] : records.ends[record]].decode("utf-8", "replace")
        words[record] = cell_kind(text) == CellKind.WORDS
    return words


def _open_quote_message(file: InputFile, chunk: TextChunk) -> str:
    return (
        f"The rows of {file.name} cannot be separated: somewhere from line {chunk.line} on there is a quote inside a "
        "field that is not quoted. Double the quotes that belong to the text and put such columns in quotes."
    )


def _date_texts(
    chunk: TextChunk, names: Sequence[str], columns: Sequence[InputColumn], dialect: Dialect
) -> pl.Series | None:
    """The dates of the chunk as text; None where it has no column of dates or cannot be parsed as text."""
    column = next((column for column in columns if column.kind == ColumnKind.DATE), None)
    if column is None:
        return None
    types: dict[str, pl.DataType] = dict.fromkeys(column.in_file, pl.String())
    try:
        return _joined(_parse(chunk, names, dialect, types, truncate_ragged_lines=True), [column])[column.name]
    except pl.exceptions.PolarsError:
        return None


def _with_date_format(dialect: Dialect, texts: pl.Series | None) -> Dialect:
    """The dialect with the date format of `texts`, and the alternative that reads as many of them as other dates."""
    if texts is None:
        return dialect
    texts = dialect.without_period_names(texts)
    date_format = infer_date_format(texts, dialect.preferred_date_format)
    alternative = other_order(date_format)
    known = texts.drop_nulls().str.strip_chars().unique()
    if alternative is not None and to_date(known, alternative).count() != to_date(known, date_format).count():
        alternative = None
    return replace(dialect, date_format=date_format, alternative_date_format=alternative)


def infer_date_format(texts: pl.Series, preferred: str | None = None) -> str:
    """The date format that reads most of `texts`; of several, `preferred` or the one with the most regular dates.

    >>> infer_date_format(pl.Series(["13.01.2024", "14.01.2024"]))
    '%d.%m.%Y'
    """
    known = texts.drop_nulls().str.strip_chars().unique(maintain_order=True).head(DATE_SAMPLE_SIZE)
    return infer_format(known.filter(~known.is_in(("", *NULL_WORDS))), preferred) or preferred or ISO


def _parquet_parts(file: InputFile, columns: Sequence[InputColumn], dialect: Dialect) -> Iterator[TablePart]:
    with reading(file):
        table = pl.scan_parquet(file.disk_path, **scan_options(file))
        require_columns(list(table.collect_schema()), names_in_file(columns), file)
        total = int(table.select(pl.len()).collect().item())
    fill = FillDown([name for name in names_in_file(columns) if name in dialect.fill_down])
    for start in range(0, total, PARQUET_ROWS):
        with reading(file):
            rows = table.slice(start, PARQUET_ROWS).select(names_in_file(columns)).collect()
        frame = _joined(fill.filled(with_plain_values(rows)), columns)
        texts = next((frame[column.name] for column in columns if column.kind == ColumnKind.DATE), None)
        if dialect.date_format is None and texts is not None and (texts.dtype == pl.String or texts.dtype.is_numeric()):
            dialect = _with_date_format(dialect, as_texts(texts))
        count = frame.height
        frame = frame.with_columns(_row_numbers(start, count))
        frame, bad = convert_columns(frame, columns, dialect)
        yield TablePart(frame, bad, count, count, min((start + PARQUET_ROWS) / total, 1.0), dialect)
