"""What is asked, row by row: which series, which day, what is said of it; and what of that cannot be understood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from foresell.core.errors import first_five
from foresell.core.frequency import period_index
from foresell.core.panel import Panel

DATE, PRICE, PROMOTION = "date", "price", "promotion"
NOT_NEGATIVE = (PRICE, PROMOTION)
_SWITCH = {"on": "1", "off": "0", "yes": "1", "no": "0", "true": "1", "false": "0"}
_NOWHERE = -1


@dataclass
class Asked:
    """Rows that were asked, understood.

    - `series`: int64 [row], the row of the panel's series; -1 where it has none of these `keys` (one column each).
    - `step`: int64 [row], from 0; meaningless where the row has an error.
    - `given`: float64 [row] by covariate, NaN where nothing was said; `attributes` likewise, null.
    - `errors`: why a row cannot be answered, by its number; `assumed`: what was taken for granted.
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
        """Says why rows cannot be answered; what was said first stays."""
        for place, row in enumerate(rows):
            self.errors.setdefault(int(row), why if isinstance(why, str) else why[place])

    def assume(self, rows: Iterable[int], what: str | list[str]) -> None:
        """Says what was taken for granted of rows."""
        for place, row in enumerate(rows):
            self.assumed.setdefault(int(row), []).append(what if isinstance(what, str) else what[place])

    def answerable(self) -> np.ndarray:
        """Which rows have no error: bool [row]."""
        good = np.ones(len(self), bool)
        good[list(self.errors)] = False
        return good


class Reader:
    """Reads rows that ask for the `horizon` days after the cutoff of a panel."""

    def __init__(self, panel: Panel, horizon: int):
        self.panel = panel
        self.horizon = horizon
        self.covariates = tuple(dict.fromkeys((PRICE, PROMOTION, *panel.known)))
        self.attributes = tuple(name for name in panel.series.columns if name not in panel.keys)
        dates = panel.ahead(horizon)
        self.first, self.last = dates[0].astype(object), dates[-1].astype(object)
        self._places = {keys: row for row, keys in enumerate(panel.series.select(panel.keys).rows())}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that may be given."""
        return tuple(dict.fromkeys((*self.panel.keys, DATE, *self.covariates, *self.attributes)))

    def read(self, rows: pl.DataFrame) -> Asked:
        """The rows, understood. Nothing is raised: what cannot be understood becomes an error of its row."""
        count = rows.height
        asked = Asked(pl.DataFrame(), np.full(count, _NOWHERE), np.zeros(count, np.int64), {}, pl.DataFrame())
        asked.keys = pl.DataFrame([self._same_kind(rows, key, asked, key=True) for key in self.panel.keys])
        self._find(asked)
        self._read_dates(rows, asked)
        for name in self.covariates:
            if name in rows.columns:
                asked.given[name] = self._read_numbers(rows[name], asked)
        there = [name for name in self.attributes if name in rows.columns]
        asked.attributes = pl.DataFrame([self._same_kind(rows, name, asked) for name in there])
        known = set(self.columns)
        for name in rows.columns:
            if name not in known:
                told = f"'{name}' is not among what this model knows: {', '.join(self.columns)}. Leave it out."
                asked.refuse(np.flatnonzero(rows[name].is_not_null().to_numpy()), told)
        return asked

    def _same_kind(self, rows: pl.DataFrame, name: str, asked: Asked, key: bool = False) -> pl.Series:
        """A column as the panel's series have it; what cannot be one of its values is an error of the row."""
        kind = self.panel.series.schema[name]
        if name not in rows.columns:
            return pl.Series(name, [None] * rows.height, dtype=kind)
        column = rows[name]
        if column.dtype == kind:
            return column
        if column.dtype.is_nested() or column.dtype == pl.Object:
            values = pl.Series(name, [None] * rows.height, dtype=kind)
        elif column.dtype.is_float() and not kind.is_float() and (column.drop_nulls() % 1 == 0).all():
            values = column.cast(pl.Int64, strict=False).cast(kind, strict=False)  # 5.0, where null made 5 a float
        else:
            text = column.dtype == pl.String and kind != pl.String
            values = (column.str.strip_chars() if text else column).cast(kind, strict=False)
        lost = np.flatnonzero((values.is_null() & column.is_not_null()).to_numpy())
        if len(lost):
            example = self.panel.series[name].drop_nulls().head(1).to_list()
            such = f" such as {example[0]!r}" if example else ""
            asked.refuse(lost, [f"{name} is {column[int(row)]!r}; expected a value{such}." for row in lost])
        return values

    def _find(self, asked: Asked) -> None:
        columns = [column.to_list() for column in asked.keys.get_columns()]
        places = self._places
        asked.series = np.array([places.get(keys, _NOWHERE) for keys in zip(*columns, strict=True)], np.int64)
        for row in np.flatnonzero(asked.series == _NOWHERE).tolist():
            missing = [key for key, column in zip(self.panel.keys, columns, strict=True) if column[row] in (None, "")]
            if missing:
                asked.refuse([row], f"The row has no value for {first_five(missing)}; each needs one.")

    def _read_dates(self, rows: pl.DataFrame, asked: Asked) -> None:
        noun = self.panel.frequency.noun
        days = f"{noun}s from {self.first} to {self.last}"
        if DATE not in rows.columns:
            asked.refuse(range(len(asked)), f"The row has no date; the {days} can be asked.")
            return
        column = rows[DATE]
        if column.dtype == pl.String:
            column = column.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
        elif column.dtype not in (pl.Date, pl.Datetime):
            column = pl.Series(DATE, [None] * len(column), dtype=pl.Date)
        dates = column.cast(pl.Date).to_numpy().astype("datetime64[D]")
        unclear = np.isnat(dates)
        for row in np.flatnonzero(unclear):
            said = rows[DATE][int(row)]
            why = "The row has no date" if said is None else f"'{said}' is no date such as {self.first}"
            asked.refuse([int(row)], f"{why}; the {days} can be asked.")
        dates[unclear] = self.first
        asked.step = period_index(dates, self.panel.dates[0], self.panel.frequency) - self.panel.n_days
        outside = np.flatnonzero((asked.step < 0) | (asked.step >= self.horizon))
        asked.refuse(outside, [f"{dates[row]} cannot be asked, only the {days}." for row in outside])
        asked.step[outside] = 0

    def _read_numbers(self, column: pl.Series, asked: Asked) -> np.ndarray:
        """A covariate float64 [row], NaN where nothing was said."""
        name = column.name
        if column.dtype == pl.String:
            text = column.str.strip_chars().str.to_lowercase().replace(_SWITCH).replace("", None)
            numbers = text.cast(pl.Float64, strict=False)
            wrong = (text.is_not_null() & ~numbers.is_finite().fill_null(False)).to_numpy()
        elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
            numbers = column.cast(pl.Float64)
            wrong = numbers.is_infinite().fill_null(False).to_numpy()
        else:
            numbers = pl.Series(name, [None] * len(column), dtype=pl.Float64)
            wrong = column.is_not_null().to_numpy()
        values = numbers.to_numpy().astype(np.float64)
        if name in NOT_NEGATIVE:
            wrong = wrong | (values < 0)
        rows = np.flatnonzero(wrong)
        least = " from 0" if name in NOT_NEGATIVE else ""
        asked.refuse(rows, [f"{name} is {column[int(row)]!r}; expected a number{least}." for row in rows])
        return np.where(wrong, np.nan, values)
