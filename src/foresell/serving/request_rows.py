"""Reads the rows of a request: the series, the day and the given values of each row, and the rows that are invalid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from foresell.core.errors import first_five
from foresell.core.frequency import Frequency, date_text, period_index
from foresell.core.panel import Panel

DATE, PRICE, PROMOTION = "date", "price", "promotion"
NOT_NEGATIVE = (PRICE, PROMOTION)
_SWITCH = {"on": "1", "off": "0", "yes": "1", "no": "0", "true": "1", "false": "0"}
_NOWHERE = -1
GREATEST = float(np.finfo(np.float32).max)  # of a covariate, as features are float32


@dataclass
class RequestRows:
    """The rows of a request, as they were read.

    - `keys`: a table with a column for each key.
    - `series`: int64 [row], the row of the series in the panel; -1 where the panel does not have the series.
    - `step`: int64 [row], from 0; it has no meaning where the row has an error.
    - `given`: float64 [row] by covariate, NaN where the request has no value. `attributes`: a table, null likewise.
    - `errors`: why a row cannot be answered, by its number. `assumed`: the assumptions about a row, by its number.
    """

    keys: pl.DataFrame
    series: np.ndarray
    step: np.ndarray
    given: dict[str, np.ndarray]
    attributes: pl.DataFrame
    errors: dict[int, str] = field(default_factory=dict)
    assumed: dict[int, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.series)

    def refuse(self, rows: Iterable[int], why: str | list[str]) -> None:
        """Records why rows cannot be answered. A row keeps its first reason."""
        for place, row in enumerate(rows):
            self.errors.setdefault(int(row), why if isinstance(why, str) else why[place])

    def assume(self, rows: Iterable[int], what: str | list[str]) -> None:
        """Records an assumption about rows."""
        for place, row in enumerate(rows):
            self.assumed.setdefault(int(row), []).append(what if isinstance(what, str) else what[place])

    def answerable(self) -> np.ndarray:
        """Whether each row has no error: bool [row]."""
        good = np.ones(len(self), bool)
        good[list(self.errors)] = False
        return good


class RequestReader:
    """Reads rows about the `horizon` days after the cutoff of a panel."""

    def __init__(self, panel: Panel, horizon: int):
        self.panel = panel
        self.horizon = horizon
        self.covariates = tuple(dict.fromkeys((PRICE, PROMOTION, *panel.known)))
        self.attributes = tuple(name for name in panel.series.columns if name not in panel.keys)
        dates = panel.ahead(horizon)
        self.first, self.last = dates[0].astype(object), dates[-1].astype(object)
        self._steps = {date_text(day): step for step, day in enumerate(dates)}
        self._places = {keys: row for row, keys in enumerate(panel.series.select(panel.keys).rows())}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a request may have."""
        return tuple(dict.fromkeys((*self.panel.keys, DATE, *self.covariates, *self.attributes)))

    def read(self, rows: pl.DataFrame) -> RequestRows:
        """Reads the rows. It never raises: a value that cannot be read becomes an error of its row."""
        count = rows.height
        asked = RequestRows(pl.DataFrame(), np.full(count, _NOWHERE), np.zeros(count, np.int64), {}, pl.DataFrame())
        asked.keys = pl.DataFrame([self._converted(rows, key, asked, key=True) for key in self.panel.keys])
        self._find(asked)
        self._read_dates(rows, asked)
        for name in self.covariates:
            if name in rows.columns:
                asked.given[name] = self._read_numbers(rows[name], asked)
        given = [name for name in self.attributes if name in rows.columns]
        asked.attributes = pl.DataFrame([self._converted(rows, name, asked) for name in given])
        known = set(self.columns)
        for name in rows.columns:
            if name not in known:
                why = f"'{name}' is not one of the columns of this model: {', '.join(self.columns)}. Leave it out."
                asked.refuse(np.flatnonzero(rows[name].is_not_null().to_numpy()), why)
        return asked

    def _converted(self, rows: pl.DataFrame, name: str, asked: RequestRows, key: bool = False) -> pl.Series:
        """A column with the type of the panel's column. A value that cannot be converted is an error of its row."""
        kind = self.panel.series.schema[name]
        if name not in rows.columns:
            return pl.Series(name, [None] * rows.height, dtype=kind)
        column = rows[name]
        if column.dtype == kind:
            return column
        if column.dtype.is_nested() or column.dtype == pl.Object:
            values = pl.Series(name, [None] * rows.height, dtype=kind)
        elif column.dtype.is_float() and not kind.is_float() and (column.drop_nulls() % 1 == 0).all():
            values = column.cast(pl.Int64, strict=False).cast(kind, strict=False)  # 5 may have become 5.0 by a null
        else:
            text = column.dtype == pl.String and kind != pl.String
            values = (column.str.strip_chars() if text else column).cast(kind, strict=False)
        invalid = np.flatnonzero((values.is_null() & column.is_not_null()).to_numpy())
        if len(invalid):
            example = self.panel.series[name].drop_nulls().head(1).to_list()
            such = f" such as {example[0]!r}" if example else ""
            asked.refuse(invalid, [f"{name} is {column[int(row)]!r}; expected a value{such}." for row in invalid])
        return values

    def _find(self, asked: RequestRows) -> None:
        columns = [column.to_list() for column in asked.keys.get_columns()]
        places = self._places
        asked.series = np.array([places.get(keys, _NOWHERE) for keys in zip(*columns, strict=True)], np.int64)
        for row in np.flatnonzero(asked.series == _NOWHERE).tolist():
            missing = [key for key, column in zip(self.panel.keys, columns, strict=True) if column[row] in (None, "")]
            if missing:
                asked.refuse([row], f"The row has no value for {first_five(missing)}; each needs one.")

    def _read_dates(self, rows: pl.DataFrame, asked: RequestRows) -> None:
        noun = self.panel.frequency.noun
        days = f"{noun}s from {date_text(self.first)} to {date_text(self.last)}"
        hourly = self.panel.frequency == Frequency.HOUR
        if DATE not in rows.columns:
            asked.refuse(range(len(asked)), f"The row has no date; the {days} can be asked.")
            return
        column = rows[DATE]
        if column.dtype == pl.String:
            steps = [self._steps.get(text, _NOWHERE) for text in column.to_list()]
            if _NOWHERE not in steps:  # nearly always; for one row Polars takes ten times as long
                asked.step = np.array(steps, np.int64)
                return
            texts = column.str.strip_chars()
            column = _hours_of_texts(texts) if hourly else texts.str.to_date("%Y-%m-%d", strict=False)
        elif column.dtype not in ((pl.Datetime,) if hourly else (pl.Date, pl.Datetime)):
            column = pl.Series(DATE, [None] * len(column), dtype=self.panel.frequency.date_type)
        clock = column.dt.replace_time_zone(None) if hourly else column.dt.date()
        dates = clock.cast(self.panel.frequency.date_type).to_numpy().copy()
        unclear = np.isnat(dates)
        for row in np.flatnonzero(unclear):
            value = rows[DATE][int(row)]
            why = (
                "The row has no date"
                if value is None
                else f"'{value}' is no {'hour' if hourly else 'date'} such as {date_text(self.first)}"
            )
            asked.refuse([int(row)], f"{why}; the {days} can be asked.")
        dates[unclear] = self.first
        asked.step = period_index(dates, self.panel.dates[0], self.panel.frequency) - self.panel.n_days
        outside = np.flatnonzero((asked.step < 0) | (asked.step >= self.horizon))
        asked.refuse(outside, [f"{date_text(dates[row])} cannot be asked, only the {days}." for row in outside])
        asked.step[outside] = 0

    def _read_numbers(self, column: pl.Series, asked: RequestRows) -> np.ndarray:
        """A covariate as float64 [row], NaN where the request has no value."""
        name = column.name
        if column.dtype == pl.String:
            values, wrong = _numbers_of_texts(column)
        elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
            values = column.cast(pl.Float64).to_numpy().astype(np.float64)
            wrong = np.isinf(values)
        else:
            values = np.full(len(column), np.nan)
            wrong = column.is_not_null().to_numpy()
        large = np.flatnonzero(~wrong & (np.abs(values) > GREATEST))
        asked.refuse(large, [f"{name} is {column[int(row)]!r}; expected at most {GREATEST:.1e}." for row in large])
        values[large] = np.nan
        if name in NOT_NEGATIVE:
            wrong = wrong | (values < 0)
        rows = np.flatnonzero(wrong)
        least = " from 0" if name in NOT_NEGATIVE else ""
        asked.refuse(rows, [f"{name} is {column[int(row)]!r}; expected a number{least}." for row in rows])
        return np.where(wrong, np.nan, values)


def _hours_of_texts(texts: pl.Series) -> pl.Series:
    """Texts such as 2024-01-31 05:00 or 2024-01-31T05:00:00 as Datetime; null for all others, also for bare dates."""
    written = texts.str.replace("T", " ", literal=True).str.replace(r":00(\.0+)?$", "")
    whole = written.str.replace(r"^(\S+ \d\d)$", "$1:00")
    return whole.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us")


def _numbers_of_texts(column: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Texts as float64 [row], NaN where there is none, and whether each cannot be read: bool [row]."""
    plain = pl.Series([_SWITCH.get(text, text) for text in column.to_list()], dtype=pl.String)
    values = plain.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    if np.isfinite(values).sum() == len(column) - column.null_count():  # nearly always
        return values, np.zeros(len(column), bool)
    text = column.str.strip_chars().str.to_lowercase().replace(_SWITCH).replace("", None)
    values = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    return values, text.is_not_null().to_numpy() & ~np.isfinite(values)
