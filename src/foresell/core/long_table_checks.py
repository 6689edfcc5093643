"""Checks of a long table of sales. Each error names the rows concerned and the code that corrects them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

import numpy as np
import polars as pl

from foresell.core.arguments import column_names
from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.tables import GivenTable, TableKind

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_MOST_CELLS, _CELLS_PER_ROW = 2_000_000_000, 100  # a cube of more cells, of which fewer have a row, is refused
_APART, _FEW = 3 * 365, 0.01  # stray dates lie so many days from all others, and are at most this share of the rows
_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%d %b %Y", "%d.%m.%y", "%m/%d/%y")


@dataclass(frozen=True)
class Columns:
    """The meaning of the columns of a long table.

    Raises UsageError for a plain text in place of several names, and for a column that is named twice.
    """

    keys: tuple[str, ...]
    date: str
    quantity: str
    known_ahead: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", column_names(self.keys, "keys"))
        object.__setattr__(self, "known_ahead", column_names(self.known_ahead, "known_ahead"))
        for argument in ("date", "quantity"):
            if not isinstance(getattr(self, argument), str):
                raise UsageError(f"'{argument}' is {getattr(self, argument)!r}; expected the name of one column.")
        if not self.keys:
            raise UsageError(
                "'keys' is empty; expected the columns that name a series, as in `keys=('store', 'item')`."
            )
        twice = [name for name in dict.fromkeys(self.names) if self.names.count(name) > 1]
        if twice:
            raise UsageError(
                f"The column {first_five(twice)} is named more than once in 'keys', 'date', 'quantity' and "
                "'known_ahead'; name each column for one of them only."
            )

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.keys, self.date, self.quantity, *self.known_ahead)


def checked_columns(table: GivenTable, columns: Columns) -> None:
    """Raises UsageError where the table lacks a column."""
    table.check_columns(columns.keys, "keys")
    table.check_columns((columns.date,), "date")
    table.check_columns((columns.quantity,), "quantity")
    table.check_columns(columns.known_ahead, "known_ahead")


def checked_quantities(table: GivenTable, rows: pl.DataFrame, columns: Columns) -> np.ndarray:
    """The quantities, float32 [row]; NaN is not known. Raises UsageError where one is negative or infinite."""
    if rows.is_empty():
        raise UsageError(f"The table '{table.name}' has no rows; expected one for each series and day with a sale.")
    name = columns.quantity
    values = numbers(table, rows, name, columns)
    negative = values < 0
    if negative.any():
        advice = _code(table, name, f".with_columns(pl.col('{name}').clip(0))", lambda of: f"{of}.clip(0)")
        raise UsageError(
            f"{_count(negative)} negative '{name}': {_first_rows(rows, negative, columns)}. "
            f"Expected 0 or more, because demand is forecast. If these are returns, count them as no sale: {advice}."
        )
    return values


def numbers(table: GivenTable, rows: pl.DataFrame, name: str, columns: Columns) -> np.ndarray:
    """A column of numbers, float32 [row]; NaN is not known. Raises UsageError for what is no finite number."""
    given = rows[name]
    if not (given.dtype.is_numeric() or given.dtype in (*_TEXTS, pl.Boolean, pl.Null)):
        raise UsageError(
            f"The column '{name}' of the table '{table.name}' holds values of the type {given.dtype}; "
            f"expected numbers. Name another column, of {first_five(table.columns)}."
        )
    text = given.dtype in _TEXTS
    column = (given.cast(pl.String) if text else given).cast(pl.Float32, strict=False)
    lost = (column.is_null() & given.is_not_null()).to_numpy()
    if lost.any():
        advice = _code(
            table,
            name,
            f".with_columns(pl.col('{name}').cast(pl.Float64, strict=False))",
            lambda of: f"pd.to_numeric({of}, errors='coerce')",
        )
        raise UsageError(
            f"{_count(lost)} a text that is no number in '{name}': {first_five(given.filter(lost))}. Write numbers as "
            f"1234.5; or take these as not known: {advice}."
        )
    values = column.to_numpy()
    infinite = np.isinf(values)
    if infinite.any():
        advice = _code(
            table,
            name,
            f".with_columns(pl.when(pl.col('{name}').cast(pl.Float64).abs() < 1e38).then('{name}'))",
            lambda of: f"{of}.where({of}.astype(float).abs() < 1e38)",
        )
        raise UsageError(
            f"{_count(infinite)} an infinite '{name}': {_first_rows(rows, infinite, columns)}. "
            f"Expected a finite number. Take these as not known: {advice}."
        )
    return values


def checked_dates(table: GivenTable, rows: pl.DataFrame, columns: Columns, frequency: Frequency) -> np.ndarray:
    """The dates, datetime64[D] [row]. Raises UsageError for missing ones, what is no date, and dates far apart."""
    name, given = columns.date, rows[columns.date]
    dates = _as_dates(table, given)
    missing = dates.is_null().to_numpy()
    if missing.any():
        advice = _code(table, name, f".drop_nulls('{name}')", lambda of: "", f"{table.name}.dropna(subset=['{name}'])")
        raise UsageError(
            f"{_count(missing)} no date in '{name}': {_first_rows(rows, missing, columns)}. Give each row its date, or "
            f"leave these out: {advice}."
        )
    days = dates.to_numpy().astype("datetime64[D]")
    _refuse_strays(table, days, name)
    return days


def _as_dates(table: GivenTable, given: pl.Series) -> pl.Series:
    """The column as dates, null where it has none. Raises UsageError where its values are no dates."""
    name, dtype = given.name, given.dtype
    if dtype == pl.Date or dtype == pl.Datetime:
        return given.dt.date()
    if dtype in _TEXTS:
        text = given.cast(pl.String)
        dates = text.str.head(10).str.to_date("%Y-%m-%d", strict=False)
        whole = text.str.contains(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")
        odd = text.filter(given.is_not_null() & (dates.is_null() | ~whole.fill_null(False)))
        if odd.is_empty():
            return dates
        what = f"{len(odd):,} texts that are not dates as 2024-01-31"
        values = text
    elif dtype.is_integer():
        what, odd, values = "whole numbers", given, given.cast(pl.String)
    else:
        raise UsageError(
            f"The column '{name}' of the table '{table.name}' holds values of the type {dtype}; expected dates. Name "
            f"another column with 'date', of {first_five(table.columns)}."
        )
    fitting = [
        text for text in _FORMATS if values.str.to_date(text, strict=False).is_not_null().sum() == values.count()
    ]
    readings = [
        _code(
            table,
            name,
            f".with_columns(pl.col('{name}').cast(pl.String).str.to_date('{text}'))",
            lambda of, text=text: f"pd.to_datetime({of}.astype(str), format='{text}')",  # type: ignore[misc]
        )
        for text in fitting
    ]
    advice = (
        f"Read them as dates: {' or, where the month comes first, '.join(readings[:2])}."
        if readings
        else ("Write each date as 2024-01-31, or leave these rows out.")
    )
    raise UsageError(f"The column '{name}' of the table '{table.name}' holds {what}: {first_five(odd)}. {advice}")


def _refuse_strays(table: GivenTable, days: np.ndarray, name: str) -> None:
    """Raises UsageError where few rows lie years from all others, because the cube would extend to their dates."""
    dates, counts = np.unique(days, return_counts=True)
    group = np.concatenate([[0], np.cumsum(np.diff(dates).astype(np.int64) > _APART)])
    rows = np.bincount(group, counts)
    main = rows.argmax()
    stray = group != main
    few = rows.sum() - rows[main]
    if not stray.any() or few > max(5, _FEW * rows.sum()):
        return
    kept = dates[~stray]
    first, last = kept[0].astype(object), kept[-1].astype(object)
    within = f"pl.col('{name}').cast(pl.Date).is_between({_date(first)}, {_date(last)})"
    advice = _code(
        table,
        name,
        f".filter({within})",
        lambda of: "",
        f"{table.name}[pd.to_datetime({table.name}['{name}']).between('{first}', '{last} 23:59:59')]",
    )
    raise UsageError(
        f"{_count(np.isin(days, dates[stray]))} a date in '{name}' that lies years away from all others: "
        f"{first_five(dates[stray])}; the others go from {first} to {last}. Correct these dates, or "
        f"leave the rows out: {advice}."
    )


def _date(when: date) -> str:
    return f"pl.date({when.year}, {when.month}, {when.day})"


def refuse_too_large(
    n_series: int, n_days: int, n_rows: int, columns: Columns, frequency: Frequency, ahead: int
) -> None:
    """Raises UsageError for a huge, nearly empty cube, which wrong keys or an `ahead` that is too long would make."""
    if n_series * n_days > max(_MOST_CELLS, _CELLS_PER_ROW * n_rows):
        noun = frequency.noun
        raise UsageError(
            f"The table of {n_rows:,} rows would become {n_series:,} series of {n_days:,} {noun}s, which takes "
            f"{4 * n_series * n_days / 1e9:,.0f} GB and is nearly empty. Check that {first_five(columns.keys)} in "
            f"'keys' name what is sold again and again, and not a single sale; and that 'ahead', {ahead:,}, is a "
            f"number of {noun}s."
        )


def refuse_same_day(
    table: GivenTable, rows: pl.DataFrame, cell: np.ndarray, columns: Columns, frequency: Frequency
) -> NoReturn:
    """Raises the UsageError for two rows of one series and day (period); `cell` [row] says which one a row is for."""
    order = np.argsort(cell, kind="stable")
    again = order[1:][np.diff(cell[order]) == 0]
    twice = np.zeros(rows.height, bool)
    twice[again] = True
    noun, name = frequency.noun, columns.date
    raise UsageError(
        f"The table '{table.name}' has two rows or more for one series and {noun}, {len(again):,} rows too many: "
        f"{_first_rows(rows, twice, columns)}. Add them up: {_sum_code(table, rows, columns, frequency, name)}."
    )


def _sum_code(table: GivenTable, rows: pl.DataFrame, columns: Columns, frequency: Frequency, name: str) -> str:
    """The code that adds up the quantities of each series and period, and takes the mean of covariates."""
    units = columns.quantity
    by = [*columns.keys, name]
    means = "".join(f", pl.col('{covariate}').mean()" for covariate in columns.known_ahead)
    is_text = rows.schema[units] in _TEXTS
    numeric = f".with_columns(pl.col('{units}').cast(pl.Float64))" if is_text else ""
    total = f"pl.when(pl.col('{units}').count() > 0).then(pl.col('{units}').sum())"
    periods = f".with_columns(pl.col('{name}').cast(pl.Date).dt.truncate('{frequency.truncation}'))"
    polars = f"{numeric}{periods}.group_by({by}).agg({total}{means})"
    functions = {units: "sum"} | dict.fromkeys(columns.known_ahead, "mean")
    if rows[units].null_count():  # a row without a quantity gives covariates only, and its sum must not become 0
        listed = ", ".join(f"'{column}': '{function}'" for column, function in functions.items() if column != units)
        aggregation = f"{{'{units}': lambda sold: sold.sum(min_count=1){', ' + listed if listed else ''}}}"
    else:
        aggregation = str(functions)
    start = f"pd.to_datetime({table.name}['{name}']).dt.tz_localize(None).dt.to_period('{frequency}').dt.start_time"
    as_number = f", '{units}': pd.to_numeric({table.name}['{units}'])" if is_text else ""
    pandas = (
        f"{table.name}.assign(**{{'{name}': {start}{as_number}}})"
        f".groupby({by}, as_index=False, dropna=False, observed=True)"
        f".agg({aggregation})"
    )
    return _code(table, name, polars, lambda of: "", pandas)


def checked_attributes(table: GivenTable, series: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The attributes, one row for each value of the keys that it has. Raises UsageError where they cannot be joined."""
    attributes = table.read()
    on = [key for key in keys if key in attributes.columns]
    if not on:
        raise UsageError(
            f"The table '{table.name}' has none of the keys {first_five(keys)}, so it cannot be joined; it has "
            f"{first_five(attributes.columns)}. Call the column that names the {keys[-1]} '{keys[-1]}'."
        )
    for key in on:
        here, there = series.schema[key], attributes.schema[key]
        alike = here == there or (here.is_integer() and there.is_integer()) or (here in _TEXTS and there in _TEXTS)
        if not alike:
            advice = _code(
                table,
                key,
                f".with_columns(pl.col('{key}').cast(pl.{here}))",
                lambda of, here=here: f"{of}.astype({'str' if here in _TEXTS else repr(str(here).lower())})",  # type: ignore[misc]
            )
            raise UsageError(
                f"The key '{key}' is {there} in the table '{table.name}' and {here} in the sales. Make them alike: "
                f"{advice}."
            )
    attributes = attributes.with_columns(pl.col(key).cast(series.schema[key]) for key in on).unique(maintain_order=True)
    twice = attributes.filter(attributes.select(on).is_duplicated())
    if twice.height:
        names = [" · ".join(map(str, row)) for row in twice.select(on).unique(maintain_order=True).rows()]
        advice = _code(
            table,
            on[0],
            f".unique({on}, keep='first', maintain_order=True)",
            lambda of: "",
            f"{table.name}.drop_duplicates({on})",
        )
        raise UsageError(
            f"The table '{table.name}' says different things of {len(names):,} of the {', '.join(on)}: "
            f"{first_five(names)}. Give one row for each; or keep the first: {advice}."
        )
    return attributes


def _count(where: np.ndarray) -> str:
    count = np.count_nonzero(where)
    return f"{count:,} of {len(where):,} rows {'has' if count == 1 else 'have'}"


def _first_rows(rows: pl.DataFrame, where: np.ndarray, columns: Columns) -> str:
    """The first five of some rows: keys, date, quantity."""
    chosen = rows.filter(pl.Series(where)).select(*columns.keys, columns.date, columns.quantity)
    texts = [
        f"{' · '.join(map(str, row[:-2]))} on {str(row[-2]).removesuffix(' 00:00:00')}: {row[-1]}"
        for row in chosen.head(5).rows()
    ]
    rest = chosen.height - len(texts)
    return "; ".join(texts) + (f" and {rest:,} more" if rest else "")


def _code(
    table: GivenTable, column: str, polars: str, pandas_column: Callable[[str], str], pandas: str | None = None
) -> str:
    """A line of code in the table's library: a method of Polars, or a new value of a pandas column (or table)."""
    name = table.name
    if table.kind != TableKind.PANDAS:
        return f"`{name} = {f'pl.from_arrow({name})' if table.kind == TableKind.PYARROW else name}{polars}`"
    reset = "" if column in table.native.columns else f"{name} = {name}.reset_index(); "
    target = f"{name}['{column}']"
    return f"`{reset}{name} = {pandas}`" if pandas else f"`{reset}{target} = {pandas_column(target)}`"
