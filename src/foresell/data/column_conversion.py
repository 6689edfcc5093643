"""What columns are read as, and the conversion of their values, with the rows that do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import polars as pl

from foresell.core.dates.formats import as_texts, to_date
from foresell.data.number_formats import to_number
from foresell.data.total_names import TOTAL_ROW
from foresell.data.values import NULL_WORDS

ROW = "__row"  # the row's number in its file, from 0
FILE = "__file"  # the file's number in the list of files, from 0
ISO = "%Y-%m-%d"
DATE_AS_TEXT = r"""^(?:="([^"]*)"|'(\d.*))$"""  # how spreadsheets mark a date that is text
BAD_SCHEMA = {ROW: pl.UInt32, "reason": pl.String, "column": pl.String}


class ColumnKind(StrEnum):
    """What a column is read as."""

    KEY = "key"  # never empty; not converted
    DATE = "date"  # never empty
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class InputColumn:
    """A column to read. A row with a bad key or date is left out; a bad number becomes null.

    `parts` are the columns of the file whose texts, joined by blanks, are the column; the column itself where empty.
    """

    name: str
    kind: ColumnKind
    parts: tuple[str, ...] = ()

    @property
    def in_file(self) -> tuple[str, ...]:
        """The columns of the file that it is made of."""
        return self.parts or (self.name,)


@dataclass(frozen=True)
class Dialect:
    """How text files are written. Where `date_format` is None, it is inferred from the first rows."""

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    date_format: str | None = None
    preferred_date_format: str | None = None  # taken where several formats fit
    alternative_date_format: str | None = None  # another format that fits the dates as well as the inferred one
    fill_down: tuple[str, ...] = ()  # columns whose blanks repeat the value above
    period_names: Mapping[str, date] = field(default_factory=dict)  # the first day of each named period
    hourly: bool = False  # whether a date is the hour in which its time lies, and not its day

    def without_period_names(self, texts: pl.Series) -> pl.Series:
        """Those of `texts` that name no period."""
        return texts.filter(~folded(texts).is_in(list(self.period_names))) if self.period_names else texts


def bad_rows(rows: pl.Series, reason: str, column: str = "") -> pl.DataFrame:
    """The row numbers `rows` as entries of `TablePart.bad`, all with one reason."""
    frame = pl.DataFrame({ROW: rows.cast(pl.UInt32)})
    return frame.with_columns(reason=pl.lit(reason), column=pl.lit(column)).cast(BAD_SCHEMA)  # type: ignore[arg-type]


def convert_columns(
    frame: pl.DataFrame, columns: Sequence[InputColumn], dialect: Dialect
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns in their final types, without rows whose key or date is bad; and all bad rows with their reasons."""
    bad, left_out = [pl.DataFrame(schema=BAD_SCHEMA)], pl.repeat(False, frame.height, eager=True)
    converted_columns = []
    for column in columns:
        values = frame[column.name]
        converted = convert(values, column.kind, dialect)
        converted_columns.append(converted)
        empty = _is_empty(values, column.kind)
        unparsable = converted.is_null() & ~empty
        if unparsable.any():
            reason = "unparsable-dates" if column.kind == ColumnKind.DATE else "unparsable-numbers"
            bad.append(bad_rows(frame[ROW].filter(unparsable), reason, column.name))
        if column.kind in (ColumnKind.KEY, ColumnKind.DATE):
            if empty.any():
                bad.append(bad_rows(frame[ROW].filter(empty), "missing-keys", column.name))
            left_out = left_out | converted.is_null()
    # A row with several bad cells is one bad row.
    entries = pl.concat(bad).unique([ROW, "reason"], keep="first", maintain_order=True)
    is_total = _is_total(frame, converted_columns, columns) & left_out
    totals, notes = frame[ROW].filter(is_total), frame[ROW].filter(_is_note(converted_columns, columns) & ~is_total)
    explained = pl.concat([totals, notes])
    entries = entries.filter(~pl.col(ROW).is_in(explained.implode()))
    entries = pl.concat([entries, bad_rows(totals, "total-rows"), bad_rows(notes, "note-rows")])
    return pl.DataFrame([*converted_columns, frame[ROW]]).filter(~left_out), entries


def _is_total(frame: pl.DataFrame, converted: Sequence[pl.Series], columns: Sequence[InputColumn]) -> pl.Series:
    """Whether each row has no date, and a key, a text or the place of the date names a total."""
    none = pl.repeat(False, frame.height, eager=True)
    dates = [values for values, column in zip(converted, columns, strict=True) if column.kind == ColumnKind.DATE]
    if not dates or not dates[0].null_count():
        return none
    texts = [column.name for column in columns if column.kind != ColumnKind.NUMBER]
    named = [pl.col(name).str.contains(TOTAL_ROW) for name in texts if frame.schema[name] == pl.String]
    return dates[0].is_null() & (frame.select(pl.any_horizontal(named)).to_series().fill_null(False) if named else none)


def _is_note(converted: Sequence[pl.Series], columns: Sequence[InputColumn]) -> pl.Series:
    """Whether each row has neither a date nor a number, as a title, a footer or a repeated header has."""
    kinds = {kind: [v for v, column in zip(converted, columns, strict=True) if column.kind == kind]
             for kind in (ColumnKind.DATE, ColumnKind.NUMBER)}  # fmt: skip
    if not kinds[ColumnKind.DATE] or not kinds[ColumnKind.NUMBER]:
        return pl.repeat(False, len(converted[0]) if converted else 0, eager=True)
    values = [*kinds[ColumnKind.DATE], *kinds[ColumnKind.NUMBER]]
    return pl.select(pl.all_horizontal(column.is_null() for column in values)).to_series()


def _is_empty(values: pl.Series, kind: ColumnKind) -> pl.Series:
    if values.dtype == pl.String:
        blank = values.str.strip_chars() == ""
        absent = blank if kind == ColumnKind.KEY else blank | values.str.strip_chars().is_in(NULL_WORDS)
        return absent.fill_null(True)
    if values.dtype.is_float():
        return values.is_null() | values.is_nan().fill_null(False)
    return values.is_null()


def convert(values: pl.Series, kind: ColumnKind, dialect: Dialect) -> pl.Series:
    """The values in the type of their kind; null where they cannot be converted.

    >>> convert(pl.Series([" 1,234.5", "x", "NA"]), ColumnKind.NUMBER, Dialect()).to_list()
    [1234.5, None, None]
    """
    if kind == ColumnKind.NUMBER:
        return _numbers(values, dialect.decimal)
    if kind == ColumnKind.DATE:
        return to_dates(values, dialect)
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        return values.set(values == "", None).cast(pl.Categorical)
    if kind == ColumnKind.TEXT:
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


def folded(texts: pl.Series) -> pl.Series:
    """The texts in small letters, with single blanks and none around them."""
    return texts.str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()


def to_dates(values: pl.Series, dialect: Dialect) -> pl.Series:
    """The dates of `values`; the first day of the period that one names. Null where a value is neither.

    >>> named = Dialect(period_names={"p01 2024": date(2023, 12, 31)})
    >>> to_dates(pl.Series(["P01  2024", "2024-02-03"]), named).to_list()
    [datetime.date(2023, 12, 31), datetime.date(2024, 2, 3)]
    """
    dates = _dates(values, dialect.date_format or ISO, dialect.hourly)
    if not dialect.period_names or not (values.dtype == pl.String or values.dtype.is_numeric()):
        return dates
    names, days = list(dialect.period_names), pl.Series(list(dialect.period_names.values()), dtype=pl.Date)
    named = folded(as_texts(values)).replace_strict(names, days, default=None, return_dtype=pl.Date)
    return named.zip_with(named.is_not_null(), dates).alias(values.name)


def _dates(values: pl.Series, date_format: str, hourly: bool) -> pl.Series:
    if values.dtype.is_numeric():
        date_format = "%Y%m%d" if date_format == ISO else date_format
        return to_date(as_texts(values), date_format, hourly=hourly)
    if values.dtype == pl.String:
        return to_date(values.str.strip_chars().str.replace(DATE_AS_TEXT, "$1$2"), date_format, hourly=hourly)
    # The date and the hour of a timestamp with a time zone are the local ones.
    if hourly:
        clock = values.dt.replace_time_zone(None) if values.dtype == pl.Datetime else values
        dates = clock.cast(pl.Datetime("us"), strict=False).dt.truncate("1h")
    else:
        dates = values.dt.date() if values.dtype == pl.Datetime else values.cast(pl.Date, strict=False)
    return dates.set(~dates.dt.year().is_between(1970, 2100), None)
