"""Rows of a long table that would stand in one cell, and tables that would become huge, nearly empty cubes."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.key_texts import TEXTS
from foresell.core.long_table.columns import Columns, code, first_rows
from foresell.core.long_table.dates import as_dates, dates_in_pandas, dates_in_polars
from foresell.core.long_table.keys import tidy_in_pandas, tidy_in_polars
from foresell.core.long_table.quantities import as_numbers
from foresell.core.tables import GivenTable
from foresell.core.words import many

_MOST_CELLS, _CELLS_PER_ROW = 2_000_000_000, 100  # a cube of more cells, of which fewer have a row, is refused


def refuse_too_large(
    n_series: int, n_days: int, n_rows: int, columns: Columns, frequency: Frequency, ahead: int
) -> None:
    """Raises UsageError for a huge, nearly empty cube, which wrong keys or an `ahead` that is too long would make."""
    if n_series * n_days > max(_MOST_CELLS, _CELLS_PER_ROW * n_rows):
        noun = frequency.noun
        raise UsageError(
            f"The table of {many(n_rows, 'row')} would become {n_series:,} series of {many(n_days, noun)}, which takes "
            f"{4 * n_series * n_days / 1e9:,.0f} GB and is nearly empty. Check that {first_five(columns.keys)} in "
            f"'keys' name what is sold again and again, and not a single sale; and that 'ahead', {ahead:,}, is a "
            f"number of {noun}s."
        )


def refuse_same_day(
    table: GivenTable,
    given: pl.DataFrame,
    rows: pl.DataFrame,
    cell: np.ndarray,
    columns: Columns,
    frequency: Frequency,
) -> NoReturn:
    """Raises the UsageError for two rows of one series and day (period); `cell` [row] says which one a row is for.

    `rows` have tidy keys; `given` are the same rows with the keys that stand in the table.
    """
    order = np.argsort(cell, kind="stable")
    again = order[1:][np.diff(cell[order]) == 0]
    twice = np.zeros(rows.height, bool)
    twice[again] = True
    add_up = "Add them up" if frequency.table else f"Add them up: {_sum_code(table, given, rows, columns, frequency)}"
    raise UsageError(
        f"The table '{table.name}' has two rows or more for one series and {frequency.noun}, "
        f"{many(len(again), 'row')} too many: {first_rows(rows, twice, columns)}. {add_up}"
        f"{_or_hours(table, rows, columns, frequency)}."
    )


def _or_hours(table: GivenTable, rows: pl.DataFrame, columns: Columns, frequency: Frequency) -> str:
    """The advice to forecast hours, where each hour of a series has one row."""
    if frequency != Frequency.DAY:
        return ""
    hours = rows.select(*columns.keys, as_dates(table, rows[columns.date], hourly=True).alias(columns.date))
    return ", or forecast hours: write `frequency='H'`" if hours.n_unique() == rows.height else ""


def _sum_code(
    table: GivenTable, given: pl.DataFrame, rows: pl.DataFrame, columns: Columns, frequency: Frequency
) -> str:
    """The code that adds up the quantities of each series and period, and takes the mean of covariates."""
    units, date, by = columns.quantity, columns.date, [*columns.keys, columns.date]
    untidy = [key for key in columns.keys if not given[key].equals(rows[key])]
    texts = [name for name in (units, *columns.known_ahead) if rows.schema[name] in TEXTS]
    in_polars = [
        *(f"{name!r}: {tidy_in_polars(name)}" for name in untidy),
        *(f"{name!r}: {as_numbers(rows, name)[0]}" for name in texts),
        f"{date!r}: {dates_in_polars(rows[date], frequency)}.dt.truncate('{frequency.truncation}')",
    ]
    means = "".join(f", pl.col({covariate!r}).mean()" for covariate in columns.known_ahead)
    total = f"pl.when(pl.col({units!r}).count() > 0).then(pl.col({units!r}).sum())"
    polars = f".with_columns(**{{{', '.join(in_polars)}}}).group_by({by}).agg({total}{means})"
    of = {name: f"{table.name}[{name!r}]" for name in columns.names}
    first = "floor('h')" if frequency == Frequency.HOUR else f"to_period('{frequency}').dt.start_time"
    in_pandas = [
        f"{date!r}: {dates_in_pandas(table, date, frequency)}.dt.{first}",
        *(f"{name!r}: {tidy_in_pandas(of[name])}" for name in untidy),
        *(f"{name!r}: {as_numbers(rows, name)[1].format(of[name])}" for name in texts),
    ]
    # A row without a quantity gives covariates only, and its sum must not become 0.
    add_up = "lambda sold: sold.sum(min_count=1)" if rows[units].null_count() else "'sum'"
    functions = ", ".join([f"{units!r}: {add_up}", *(f"{name!r}: 'mean'" for name in columns.known_ahead)])
    pandas = (
        f"{table.name}.assign(**{{{', '.join(in_pandas)}}})"
        f".groupby({by}, as_index=False, observed=True).agg({{{functions}}})"
    )
    return code(table, date, polars, lambda of: "", pandas)
