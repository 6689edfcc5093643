"""What the values of a column are: dates, numbers, yes or no, or text. Its name plays no part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import polars as pl

from foresell.core.dates.formats import DATE_FORMATS, date_formats, mixed_format, to_date
from foresell.core.dates.spellings import IN_TEXT
from foresell.core.tables import is_plain
from foresell.data.number_formats import to_number
from foresell.data.total_names import TOTAL_ROW
from foresell.data.values import NULL_WORDS, YES, YES_NO
from foresell.onboarding.table_sample import ROW

ENOUGH = 0.95  # this share of the values must be of a kind; validation reports the rest as bad rows
MOST_TOTALS = 0.6  # at least this share of the rows are dates, where the rest are totals
SOME_VALUES = 5_000  # so many distinct values suffice to find the format of dates


class ValueKind(StrEnum):
    """What the values of a column are."""

    DATE = "date"
    NUMBER = "number"
    FLAG = "flag"  # two values at most, that say yes or no
    TEXT = "text"
    EMPTY = "empty"
    ODD = "lists, records, bytes or durations"


@dataclass(frozen=True)
class ColumnProfile:
    """A column of a sample: its name, the kind of its values, and the values as that kind.

    `values` are Date for dates, Float64 for numbers and flags, String for text, and null where there is nothing.
    `distinct` counts the different ones. `formats` are all date formats that fit equally well. `timed` says that the
    dates carry a time of day.
    """

    name: str
    kind: ValueKind
    values: pl.Series
    distinct: int
    formats: tuple[str, ...] = ()
    timed: bool = False

    @property
    def whole(self) -> bool:
        """Whether the values are numbers without fractions; flags are."""
        if self.kind not in (ValueKind.NUMBER, ValueKind.FLAG):
            return False
        numbers = self.values.drop_nulls()
        return bool((numbers == numbers.round()).all())

    @property
    def numeric(self) -> bool:
        return self.kind in (ValueKind.NUMBER, ValueKind.FLAG)


def share(mask: pl.Series) -> float:
    """The share of true values; null counts as false, and the share of an empty column is 0.

    >>> share(pl.Series([True, None, False, True]))
    0.5
    """
    return float(mask.fill_null(False).to_numpy().mean()) if len(mask) else 0.0


def number_texts(frame: pl.DataFrame) -> list[pl.Series]:
    """The distinct values of the text columns that are numbers with one decimal mark or the other, not dates.

    >>> [column.name for column in number_texts(pl.DataFrame({"kg": ["1,9", "2"], "item": ["A", "B"]}))]
    ['kg']
    """
    columns = []
    for name in (name for name in frame.columns if frame[name].dtype == pl.String):
        known = _known(frame[name]).drop_nulls().unique(maintain_order=True)
        sample = known.head(SOME_VALUES)
        most = max(to_number(sample, mark).count() for mark in ".,")
        if len(sample) and most >= ENOUGH * len(sample) and not _date_formats(sample, DATE_FORMATS):
            columns.append(known)
    return columns


def _known(values: pl.Series) -> pl.Series:
    """The texts without blanks around them; null where a text stands for no value."""
    stripped = values.str.strip_chars()
    return stripped.set((stripped == "") | stripped.is_in(NULL_WORDS), None)


def profile_columns(
    frame: pl.DataFrame, decimal: str = ".", date_format: str | None = None
) -> dict[str, ColumnProfile]:
    """The profiles of a sample's columns by name; a column is of the kind that nearly all its values are."""
    return {name: _profile(frame[name], decimal, date_format) for name in frame.columns if name != ROW}


def _profile(values: pl.Series, decimal: str, date_format: str | None) -> ColumnProfile:
    if values.dtype == pl.String:
        return _from_text(values, decimal, date_format)
    if not is_plain(values.dtype):
        return ColumnProfile(values.name, ValueKind.ODD, values, 0)
    distinct = values.drop_nulls().n_unique()
    if distinct == 0:
        return ColumnProfile(values.name, ValueKind.EMPTY, values, 0)
    if values.dtype in (pl.Date, pl.Datetime):
        return ColumnProfile(values.name, ValueKind.DATE, values.dt.date(), distinct, timed=_has_time(values))
    if values.dtype == pl.Boolean:
        return ColumnProfile(values.name, ValueKind.FLAG, values.cast(pl.Float64), distinct)
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
        whole_dates = (date_format or "%Y%m%d",)
        formats = _date_formats(values.cast(pl.String), whole_dates) if values.dtype.is_integer() else ()
        if formats:
            return ColumnProfile(
                values.name, ValueKind.DATE, to_date(values.cast(pl.String), formats[0]), distinct, formats
            )
        kind = ValueKind.FLAG if set(numbers.drop_nulls().unique()) <= {0.0, 1.0} else ValueKind.NUMBER
        return ColumnProfile(values.name, kind, numbers, distinct)
    return ColumnProfile(values.name, ValueKind.TEXT, values.cast(pl.String, strict=False), distinct)


def _has_time(values: pl.Series) -> bool:
    if values.dtype != pl.Datetime:
        return False
    known = values.drop_nulls()
    return bool((known != known.dt.truncate("1d")).any())


def _from_text(values: pl.Series, decimal: str, date_format: str | None) -> ColumnProfile:
    stripped = _known(values)
    known = stripped.drop_nulls()
    distinct = known.n_unique()
    if distinct == 0:
        return ColumnProfile(values.name, ValueKind.EMPTY, stripped, 0)
    if distinct <= 2 and set(known.str.to_lowercase().unique()) <= YES_NO:
        flags = stripped.str.to_lowercase().is_in(list(YES)).cast(pl.Float64).set(stripped.is_null(), None)
        return ColumnProfile(values.name, ValueKind.FLAG, flags, distinct)
    formats = _date_formats(known, (date_format,)) if date_format else ()
    formats = formats or _date_formats(known, DATE_FORMATS) or _formats_of_most_rows(known)
    if formats:
        timed = any(hour in formats[0] for hour in ("%H", "%I"))
        return ColumnProfile(values.name, ValueKind.DATE, to_date(stripped, formats[0]), distinct, formats, timed)
    numbers = to_number(stripped, decimal)
    if numbers.count() >= ENOUGH * len(known):
        return ColumnProfile(values.name, ValueKind.NUMBER, numbers, distinct)
    return ColumnProfile(values.name, ValueKind.TEXT, stripped, distinct)


def _formats_of_most_rows(known: pl.Series) -> tuple[str, ...]:
    """The formats of dates among which stand rare titles, footers and repeated headers, or any number of totals.

    Each of these is another text, so that they are many of the distinct values though few of the rows.
    """
    dated = known.filter(~known.str.contains(TOTAL_ROW))
    if len(dated) < MOST_TOTALS * len(known) or share(dated.str.contains(r"\d\D+\d|\d{6}")) < ENOUGH:
        return ()
    formats = _date_formats(dated, DATE_FORMATS)
    if formats or dated.n_unique() == len(dated):
        return formats
    distinct = dated.unique(maintain_order=True).head(SOME_VALUES)
    counts = date_formats(distinct, (*DATE_FORMATS, *IN_TEXT))
    best = max(counts.values(), default=0)
    formats = tuple(text for text, count in counts.items() if count == best)
    enough = best >= len(distinct) / 2 and to_date(dated, formats[0]).count() >= ENOUGH * len(dated)
    return formats if enough else ()


def _date_formats(known: pl.Series, formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that read the most values, and at least `ENOUGH` of them; several where they read equally many.

    Of `DATE_FORMATS`, those that read values written in several ways are joined.
    """
    values = known.drop_nulls().unique(maintain_order=True).head(SOME_VALUES)
    return _formats_of(tuple(values), formats)


@lru_cache(maxsize=64)
def _formats_of(texts: tuple[str, ...], formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that read the most of different texts. They are kept, for `init` looks at a column several times."""
    values = pl.Series(texts, dtype=pl.String)
    # A date has digits and at least six characters, or is a quarter or month such as 1Q24 or Jan24.
    if not len(values) or share(values.str.contains(r"\d")) < ENOUGH:
        return ()
    if share(values.str.len_chars() < 6) > 1 - ENOUGH:
        if formats == DATE_FORMATS and (mixed := mixed_format(values)):
            return (mixed,)
        short = formats == DATE_FORMATS and bool(values.str.contains(r"\p{L}").all())
        formats = ("quarter", "%b%y") if short else () if formats == DATE_FORMATS else formats
    elif formats == DATE_FORMATS:
        formats = (*DATE_FORMATS, *IN_TEXT)
    counts = date_formats(values, formats)
    best = max(counts.values(), default=0)
    if best < len(values) and len(formats) > len(DATE_FORMATS) and (mixed := mixed_format(values)):
        return (mixed,)
    return tuple(text for text in formats if counts.get(text) == best) if best >= ENOUGH * len(values) else ()
