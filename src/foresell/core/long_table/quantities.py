"""The columns of numbers of a long table: the quantity sold, and covariates that are known ahead."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.key_texts import TEXTS
from foresell.core.long_table.columns import Columns, code, first_rows, rows_of
from foresell.core.tables import GivenTable

LARGEST_QUANTITY = 1e15  # squares of sums of more would not be finite in float32
LARGEST_COVARIATE = 1e38


def checked_quantities(table: GivenTable, rows: pl.DataFrame, columns: Columns) -> np.ndarray:
    """The quantities, float32 [row]; NaN is not known. Raises UsageError where one is negative, huge or infinite."""
    if rows.is_empty():
        raise UsageError(f"The table '{table.name}' has no rows; expected one for each series and day with a sale.")
    name = columns.quantity
    values = numbers(table, rows, name, columns, LARGEST_QUANTITY)
    negative = values < 0
    if negative.any():
        as_number = as_numbers(rows, name)
        advice = code(
            table,
            name,
            f".with_columns({as_number[0]}.clip(0))",
            lambda of: f"{as_number[1].format(of)}.clip(0)",
        )
        raise UsageError(
            f"{rows_of(negative)} negative '{name}': {first_rows(rows, negative, columns)}. "
            f"Expected 0 or more, because demand is forecast. If these are returns, count them as no sale: {advice}."
        )
    return values


def numbers(
    table: GivenTable, rows: pl.DataFrame, name: str, columns: Columns, largest: float = LARGEST_COVARIATE
) -> np.ndarray:
    """A column of numbers, float32 [row]; NaN is not known.

    Raises UsageError for what is no finite number, and for one of the size `largest` or more.
    """
    given = rows[name]
    if not (given.dtype.is_numeric() or given.dtype in (*TEXTS, pl.Boolean, pl.Null)):
        raise UsageError(
            f"The column '{name}' of the table '{table.name}' holds values of the type {given.dtype}; "
            f"expected numbers. Name another column, of {first_five(table.columns)}."
        )
    text = given.dtype in TEXTS
    column = (given.cast(pl.String) if text else given).cast(pl.Float64, strict=False)
    lost = (column.is_null() & given.is_not_null()).to_numpy()
    if lost.any():
        advice = code(
            table,
            name,
            f".with_columns(pl.col({name!r}).cast(pl.String).cast(pl.Float64, strict=False))",
            lambda of: f"pd.to_numeric({of}, errors='coerce')",
        )
        raise UsageError(
            f"{rows_of(lost)} a text that is no number in '{name}': {first_five(given.filter(lost))}. Write numbers as "
            f"1234.5; or take these as not known: {advice}."
        )
    values = column.to_numpy()
    huge = np.abs(values) >= largest
    if huge.any():
        as_number = as_numbers(rows, name)
        limit = f"{largest:.0e}".replace("+", "")
        advice = code(
            table,
            name,
            f".with_columns(pl.when({as_number[0]}.abs() < {limit}).then({name!r}))",
            lambda of: f"{of}.where({as_number[1].format(of)}.abs() < {limit})",
        )
        what = f"an infinite '{name}'" if np.isinf(values[huge]).all() else f"a '{name}' of {limit} or more"
        raise UsageError(
            f"{rows_of(huge)} {what}: {first_rows(rows, huge, columns, name)}. "
            f"Expected a finite number below {limit}. Take these as not known: {advice}."
        )
    return values.astype(np.float32)


def as_numbers(rows: pl.DataFrame, name: str) -> tuple[str, str]:
    """Expressions that read a column as numbers: of Polars, and of pandas with ``{}`` in place of the column."""
    if rows.schema[name] in TEXTS:
        column = f"pl.col({name!r}).cast(pl.String).cast(pl.Float64)"
        return column, "pd.to_numeric({}.astype(str), errors='coerce')"
    return f"pl.col({name!r})", "{}"
