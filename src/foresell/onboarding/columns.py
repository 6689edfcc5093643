"""What the values of a column are, whatever its name: dates, numbers, yes or no, or text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from foresell.data.values import DATE_FORMATS, NULL_WORDS, YES, YES_NO, to_date, to_number
from foresell.onboarding.table_sample import ROW

ENOUGH = 0.95  # the share of values that must be read as a kind; the rest are bad rows for validation to show
SOME_VALUES = 5_000  # distinct values that suffice to find a date's format


class Kind(StrEnum):
    """What the values of a column are."""

    DATE = "date"
    NUMBER = "number"
    FLAG = "flag"  # two values at most, that say yes or no
    TEXT = "text"
    EMPTY = "empty"


@dataclass(frozen=True)
class Column:
    """A column of the sample, read as what it is.

    `values` are Date for dates, Float64 for numbers and flags, String for text, null where there is nothing;
    `formats` all date formats that fit equally well; `timed` says that a date carries a time of day.
    """

    name: str
    kind: Kind
    values: pl.Series
    distinct: int
    formats: tuple[str, ...] = ()
    timed: bool = False

    @property
    def whole(self) -> bool:
        """Numbers without fractions (flags among them)."""
        if self.kind not in (Kind.NUMBER, Kind.FLAG):
            return False
        numbers = self.values.drop_nulls()
        return bool((numbers == numbers.round()).all())

    @property
    def numeric(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.FLAG)


def share(mask: pl.Series) -> float:
    """How much of a column of truth values is true, 0 where there is none.

    >>> share(pl.Series([True, None, False, True]))
    0.5
    """
    return float(mask.fill_null(False).to_numpy().mean()) if len(mask) else 0.0


def decimal_mark(frame: pl.DataFrame) -> str:
    """The decimal mark of the text columns: a comma where it reads more of them as numbers than the point does.

    >>> decimal_mark(pl.DataFrame({"price": ["1,99", "12", "1.200,50"], "units": ["3", "4", "5"]}))
    ','
    """
    texts = [name for name in frame.columns if frame[name].dtype == pl.String]
    with_comma = with_point = 0
    for name in texts:
        values = frame[name].drop_nulls().head(SOME_VALUES)
        if not len(values):
            continue
        commas = values.str.contains(r"^\s*-?(\d+|\d{1,3}(\.\d{3})+),\d+\s*$")
        points = values.str.contains(r"^\s*-?(\d+|\d{1,3}(,\d{3})+)\.\d+\s*$")
        whole = values.str.contains(r"^\s*-?\d+\s*$")
        with_comma += bool(commas.any() and share(commas | whole) >= ENOUGH)
        with_point += bool(points.any() and share(points | whole) >= ENOUGH)
    return "," if with_comma > with_point else "."


def profile(frame: pl.DataFrame, decimal: str = ".", date_format: str | None = None) -> dict[str, Column]:
    """The columns of a sample by name, each read as what most of its values are."""
    return {name: _column(frame[name], decimal, date_format) for name in frame.columns if name != ROW}


def _column(values: pl.Series, decimal: str, date_format: str | None) -> Column:
    if values.dtype == pl.String:
        return _from_text(values, decimal, date_format)
    distinct = values.drop_nulls().n_unique()
    if distinct == 0:
        return Column(values.name, Kind.EMPTY, values, 0)
    if values.dtype in (pl.Date, pl.Datetime):
        return Column(values.name, Kind.DATE, values.cast(pl.Date), distinct, timed=_has_time(values))
    if values.dtype == pl.Boolean:
        return Column(values.name, Kind.FLAG, values.cast(pl.Float64), distinct)
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
        formats = _date_formats(values.cast(pl.String), ("%Y%m%d",)) if values.dtype.is_integer() else ()
        if formats:
            return Column(values.name, Kind.DATE, to_date(values.cast(pl.String), formats[0]), distinct, formats)
        kind = Kind.FLAG if set(numbers.drop_nulls().unique()) <= {0.0, 1.0} else Kind.NUMBER
        return Column(values.name, kind, numbers, distinct)
    return Column(values.name, Kind.TEXT, values.cast(pl.String, strict=False), distinct)


def _has_time(values: pl.Series) -> bool:
    if values.dtype != pl.Datetime:
        return False
    known = values.drop_nulls()
    return bool((known != known.dt.truncate("1d")).any())


def _from_text(values: pl.Series, decimal: str, date_format: str | None) -> Column:
    stripped = values.str.strip_chars()
    stripped = stripped.set((stripped == "") | stripped.is_in(NULL_WORDS), None)
    known = stripped.drop_nulls()
    distinct = known.n_unique()
    if distinct == 0:
        return Column(values.name, Kind.EMPTY, stripped, 0)
    if distinct <= 2 and set(known.str.to_lowercase().unique()) <= YES_NO:
        flags = stripped.str.to_lowercase().is_in(list(YES)).cast(pl.Float64).set(stripped.is_null(), None)
        return Column(values.name, Kind.FLAG, flags, distinct)
    formats = _date_formats(known, (date_format,) if date_format else DATE_FORMATS)
    if formats:
        timed = "%H" in formats[0]
        return Column(values.name, Kind.DATE, to_date(stripped, formats[0]), distinct, formats, timed)
    numbers = to_number(stripped, decimal)
    if numbers.count() >= ENOUGH * len(known):
        return Column(values.name, Kind.NUMBER, numbers, distinct)
    return Column(values.name, Kind.TEXT, stripped, distinct)


def _date_formats(known: pl.Series, formats: tuple[str, ...]) -> tuple[str, ...]:
    """Those formats that read at least `ENOUGH` of the values, the best first; ties in the order of the list."""
    values = known.drop_nulls().unique(maintain_order=True).head(SOME_VALUES)
    # A date has digits and is neither short nor a number with a fraction.
    if not len(values) or share(values.str.contains(r"\d")) < ENOUGH or share(values.str.len_chars() < 6) > 1 - ENOUGH:
        return ()
    shares = {text: float(to_date(values, text).count()) / len(values) for text in formats}
    best = max(shares.values())
    return tuple(text for text in formats if shares[text] == best) if best >= ENOUGH else ()
