"""Encodes sales as one-hot and scaled columns, which are learnt from training sales.

A missing value is filled in, and a name that the training sales do not have is encoded as "any other".
`EncodedSales.assumed` lists these assumptions for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import SupportsInt

import numpy as np
import polars as pl
from msgspec import Struct

from foresell.core.frequency import WEEKDAYS, weekday
from foresell.features.calendar import holidays_of

MOST_VALUES = 60
"""So many values of a category, the most frequent ones, have a one-hot column of their own."""

FEWEST_ROWS = 20
"""A value in fewer rows has no column of its own."""

MOST_COUNTS = 50_000
"""Of so many values of a category the counts are kept."""

TWO_YEARS = 2 * 365 - 1  # days


class NumberColumn(Struct, frozen=True, kw_only=True, tag="number"):
    """A numeric column, scaled to mean 0 and standard deviation 1; with `from_date`, a date in days after the sale.

    A missing value is filled with the median. If some training rows had none (`gaps`), a second column marks them.
    """

    name: str
    median: float
    mean: float
    scale: float
    least: float
    most: float
    gaps: bool = False
    from_date: bool = False

    @property
    def columns(self) -> list[str]:
        return [self.name, *([f"{self.name} not given"] if self.gaps else [])]


class CategoryColumn(Struct, frozen=True, kw_only=True, tag="category"):
    """A column of names: one column for each of `values`, one for any other name, one for none.

    `counts` is how often each name occurs. If not all names have a column, one more column has the frequency of the
    name (the log of its count, scaled to 1 for the most frequent), which tells rare names apart without the target.
    """

    name: str
    values: tuple[str, ...]
    counts: dict[str, int]

    @property
    def frequent(self) -> bool:
        """Whether there is a column with the frequency of the name."""
        return len(self.counts) > len(self.values)

    @property
    def columns(self) -> list[str]:
        names = [f"{self.name} {value}" for value in self.values]
        more = [f"{self.name} how frequent"] if self.frequent else []
        return [*names, f"{self.name} any other", f"{self.name} none", *more]


class CalendarColumn(Struct, frozen=True, kw_only=True, tag="calendar"):
    """The date of the sale: weekday one-hot, day of the month, and public holiday where a country is set.

    `months` adds the month one-hot, which needs two years of sales. The year is left out, because trees cannot
    extrapolate a trend. A row without a date is encoded as one of `last`, the last training date.
    """

    name: str
    last: date
    country: str | None = None
    months: bool = True

    @property
    def columns(self) -> list[str]:
        months = [f"month {number}" for number in range(1, 13)] if self.months else []
        return [*WEEKDAYS, "day of month", *(["holiday"] if self.country else []), *months]


EncoderColumn = NumberColumn | CategoryColumn | CalendarColumn


@dataclass
class EncodedSales:
    """`matrix` float32 [row, column]; by row, what was `assumed` of it, or the `errors` for which it has no answer."""

    matrix: np.ndarray
    assumed: dict[int, list[str]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)

    def assume(self, rows: Iterable[SupportsInt], what: str) -> None:
        for row in rows:
            self.assumed.setdefault(int(row), []).append(what)


class Encoder(Struct, frozen=True):
    """The columns in order, and the column that holds the date of the sale."""

    columns: tuple[EncoderColumn, ...]
    date: str

    @property
    def inputs(self) -> list[str]:
        """The columns of a sale that are read."""
        return [column.name for column in self.columns]

    @property
    def names(self) -> list[str]:
        """The columns of the matrix, in words."""
        return [name for column in self.columns for name in column.columns]

    @property
    def sources(self) -> list[str]:
        """The input that each column of the matrix comes from."""
        return [column.name for column in self.columns for _ in column.columns]

    @classmethod
    def learn(cls, sales: pl.DataFrame, inputs: Sequence[str], date: str, country: str | None = None) -> Encoder:
        """The encoder of `sales`: text becomes a category, and numbers are scaled; `date` holds the sale's date (Date).

        >>> sales = pl.DataFrame({"shop": ["a"] * 20 + ["b"] * 20, "price": [1.0, 3.0] * 20})
        >>> encoder = Encoder.learn(sales, ["shop", "price"], "date")
        >>> encoder.names
        ['shop a', 'shop b', 'shop any other', 'shop none', 'price']
        >>> encoded = encoder.encode(pl.DataFrame({"shop": ["b", "c"], "price": [4.0, None]}))
        >>> encoded.matrix.tolist()
        [[0.0, 1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0, 0.0]]
        >>> encoded.assumed[1]
        ["shop 'c' was not in the training sales: taken as any other", 'price is not given: taken as 2, the median']
        """
        return cls(tuple(_learn(sales, name, date, country) for name in inputs), date)

    def encode(self, rows: pl.DataFrame) -> EncodedSales:
        """`rows` as a matrix. A column that is not there counts as missing in all rows."""
        encoded = EncodedSales(np.zeros((rows.height, len(self.names)), np.float32))
        days = self._days(rows, encoded)
        place = 0
        for column in self.columns:
            part = encoded.matrix[:, place : place + len(column.columns)]
            if isinstance(column, CalendarColumn):
                _write_calendar(part, column, days, encoded)
            elif isinstance(column, NumberColumn):
                _write_number(part, column, _values_of(rows, column.name), days, encoded)
            else:
                _write_category(part, column, _values_of(rows, column.name), encoded)
            place += part.shape[1]
        return encoded

    def _days(self, rows: pl.DataFrame, encoded: EncodedSales) -> np.ndarray:
        """The date of each row, datetime64[D] [row]; NaT where there is none."""
        given = _values_of(rows, self.date)
        days = dates_of(given)
        for row in np.flatnonzero((days.is_null() & given.is_not_null()).to_numpy()):
            encoded.errors[int(row)] = f"{self.date} {given[int(row)]!r} is no date; expected a date such as 2025-12-31"
        return days.to_numpy().astype("datetime64[D]")


def dates_of(values: pl.Series) -> pl.Series:
    """Dates from dates, times, or text that begins with an ISO date; null where there is none.

    >>> dates_of(pl.Series(["2025-01-31", "2025-01-31T10:00:00", "31.1.25", None])).to_list()
    [datetime.date(2025, 1, 31), datetime.date(2025, 1, 31), None, None]
    """
    if values.dtype == pl.String:
        return values.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return (
        values.cast(pl.Date, strict=False)
        if values.dtype.is_temporal()
        else pl.repeat(None, len(values), dtype=pl.Date, eager=True)
    )


def texts_of(values: pl.Series) -> list[str | None]:
    """Names in comparable form: without surrounding blanks, whole numbers without a point, None for empty text.

    >>> texts_of(pl.Series([" a ", "", None])), texts_of(pl.Series([7.0, 1.5])), texts_of(pl.Series([True]))
    (['a', None, None], ['7', '1.5'], ['true'])
    """
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        plain = whole.cast(pl.String).zip_with((whole == values).fill_null(False), values.cast(pl.String))
    else:
        plain = values if values.dtype == pl.String else values.cast(pl.String)
    return [text.strip() or None if text else None for text in plain.to_list()]


_FLAGS = {"true": "1", "false": "0"}


def numbers_of(values: pl.Series) -> np.ndarray:
    """Numbers, float64 [row]; NaN where there is none. Text is read with a decimal point, true as 1 and false as 0.

    >>> numbers_of(pl.Series(["2.5", " True", "none"])).tolist()
    [2.5, 1.0, nan]
    """
    if values.dtype == pl.String:
        values = values.str.strip_chars()
        flags = values.str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.String)
        values = flags.fill_null(values)
    numbers = values.cast(pl.Float64, strict=False).to_numpy()
    return np.where(np.isinf(numbers), np.nan, numbers)


def _values_of(rows: pl.DataFrame, name: str) -> pl.Series:
    """A column of `rows`, null where a value is missing; pandas writes NaN for it."""
    if name not in rows.columns:
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    return rows[name].fill_nan(None) if rows.schema[name].is_float() else rows[name]


# ------------------------------------------------------------------------------------------------------- learning


def _learn(sales: pl.DataFrame, name: str, date: str, country: str | None) -> EncoderColumn:
    values = sales[name]
    if name == date:
        first, last = values.min(), values.max()
        months = (last - first).days >= TWO_YEARS  # type: ignore[operator, union-attr]
        return CalendarColumn(name=name, last=last, country=country, months=months)  # type: ignore[arg-type]
    if values.dtype == pl.String:
        return _learn_category(name, values)
    if values.dtype == pl.Date:
        after = (values - sales[date]).dt.total_days().cast(pl.Float64).to_numpy()
        return _learn_number(name, after, from_date=True)
    return _learn_number(name, numbers_of(values))


def _learn_number(name: str, values: np.ndarray, from_date: bool = False) -> NumberColumn:
    known = values[~np.isnan(values)]
    if not len(known):
        known = np.zeros(1)
    return NumberColumn(
        name=name,
        median=float(np.median(known)),
        mean=float(known.mean()),
        scale=float(known.std()) or 1.0,
        least=float(known.min()),
        most=float(known.max()),
        gaps=bool(np.isnan(values).any()),
        from_date=from_date,
    )


def _learn_category(name: str, values: pl.Series) -> CategoryColumn:
    counted = pl.Series("value", texts_of(values), pl.String).drop_nulls().value_counts()
    counted = counted.sort(["count", "value"], descending=[True, False]).head(MOST_COUNTS)
    counts = dict(counted.iter_rows())
    values_with_columns = [value for value, count in counts.items() if count >= FEWEST_ROWS][:MOST_VALUES]
    return CategoryColumn(name=name, values=tuple(values_with_columns), counts=counts)


# -------------------------------------------------------------------------------------------------------- writing


def _write_number(
    part: np.ndarray, column: NumberColumn, given: pl.Series, days: np.ndarray, encoded: EncodedSales
) -> None:
    """`part` [row, column] is a view of the matrix."""
    if column.from_date:
        dates = dates_of(given)
        numbers = (dates.to_numpy().astype("datetime64[D]") - days).astype("timedelta64[D]").astype(np.float64)
        numbers[np.isnat(days) | dates.is_null().to_numpy()] = np.nan
        unread = dates.is_null() & given.is_not_null()
    else:
        numbers = numbers_of(given)
        unread = pl.Series(np.isnan(numbers)) & given.is_not_null()
    missing = np.isnan(numbers)
    if missing.any():
        wrong = unread.to_numpy()
        for row in np.flatnonzero(wrong):
            what = "date; expected a date such as 2025-12-31" if column.from_date else "number"
            encoded.errors.setdefault(int(row), f"{column.name} {given[int(row)]!r} is no {what}")
        unit = " days after the sale" if column.from_date else ""
        text = f"{column.name} is not given: taken as {column.median:g}{unit}, the median"
        encoded.assume(np.flatnonzero(missing & ~wrong), text)
    for row in np.flatnonzero((numbers < column.least) | (numbers > column.most)):
        encoded.assume(
            [row],
            f"{column.name} {numbers[row]:g} lies outside the training sales, {column.least:g} to {column.most:g}",
        )
    part[:, 0] = (np.where(missing, column.median, numbers) - column.mean) / column.scale
    if column.gaps:
        part[:, 1] = missing


def _write_category(part: np.ndarray, column: CategoryColumn, given: pl.Series, encoded: EncodedSales) -> None:
    texts = texts_of(given)
    other, none = len(column.values), len(column.values) + 1
    codes = {value: place for place, value in enumerate(column.values)}
    places = np.array([none if text is None else codes.get(text, other) for text in texts], np.int64)
    part[np.arange(len(places)), places] = 1
    encoded.assume(np.flatnonzero(places == none), f"{column.name} is not given")
    rare = np.flatnonzero(places == other)
    for row in rare:
        if texts[row] not in column.counts:
            encoded.assume([row], f"{column.name} {texts[row]!r} was not in the training sales: taken as any other")
    if column.frequent:
        most = np.log1p(max(column.counts.values()))
        part[:, -1] = np.log1p([column.counts.get(text, 0) if text else 0 for text in texts]) / most


def _write_calendar(part: np.ndarray, column: CalendarColumn, days: np.ndarray, encoded: EncodedSales) -> None:
    missing = np.isnat(days)
    if missing.any():
        without_date = [row for row in np.flatnonzero(missing) if int(row) not in encoded.errors]
        encoded.assume(without_date, f"{column.name} is not given: taken as {column.last}, the last training date")
        days = np.where(missing, np.datetime64(column.last, "D"), days)
    rows, months = np.arange(len(days)), days.astype("datetime64[M]")
    part[rows, weekday(days)] = 1
    part[:, 7] = (days - months).astype(np.int64) / 31
    if column.months:
        part[rows, part.shape[1] - 12 + months.astype(np.int64) % 12] = 1
    if column.country:
        years = np.unique(days.astype("datetime64[Y]").astype(np.int64) + 1970)
        holidays = frozenset().union(*(_holidays(column.country, int(year)) for year in years))
        part[:, 8] = [day in holidays for day in days.astype(np.int64).tolist()]


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[int]:
    """The public holidays of a year, as days since 1970."""
    first = np.array([f"{year}-01-01"], "datetime64[D]")
    days = holidays_of(country, first)["date"].to_numpy().astype("datetime64[D]")
    return frozenset(int(day) for day in days.astype(np.int64))
