"""The table of attributes beside a long table of sales, with one row for each value of the keys that it has."""

from __future__ import annotations

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.long_table.columns import code
from foresell.core.long_table.keys import as_keys, check_type
from foresell.core.tables import GivenTable


def checked_attributes(table: GivenTable, series: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The attributes, one row for each value of the keys that it has. Raises UsageError where they cannot be joined.

    Numbers and texts are matched as keys that a file would have. Rows without a key are left out, because each
    series has all its keys.
    """
    attributes = table.read()
    for name, dtype in attributes.schema.items():
        check_type(table, name, dtype)
    on = [key for key in keys if key in attributes.columns]
    if not on:
        raise UsageError(
            f"The table '{table.name}' has none of the keys {first_five(keys)}, so it cannot be joined; it has "
            f"{first_five(attributes.columns)}. Call the column that names the {keys[-1]} '{keys[-1]}'."
        )
    matched = attributes.with_columns(as_keys(attributes[key], series[key]) for key in on)
    matched = matched.drop_nulls(on).unique(maintain_order=True)
    if attributes.height and matched.join(series, on=on, how="semi").is_empty():
        raise UsageError(
            f"No row of the table '{table.name}' is about a series of the sales: its {' x '.join(on)} are "
            f"{_names(attributes, on)}, those of the sales {_names(series, on)}. Write the keys alike in both tables."
        )
    twice = matched.filter(matched.select(on).is_duplicated())
    if twice.height:
        advice = code(
            table,
            on[0],
            f".unique({on}, keep='first', maintain_order=True)",
            lambda of: "",
            f"{table.name}.drop_duplicates({on})",
        )
        raise UsageError(
            f"The table '{table.name}' says different things of {twice.select(on).n_unique():,} of the "
            f"{', '.join(on)}: {_names(twice, on)}. Give one row for each; or keep the first: {advice}."
        )
    return matched


def _names(frame: pl.DataFrame, on: list[str]) -> str:
    return first_five(" · ".join(map(str, row)) for row in frame.select(on).unique(maintain_order=True).rows())
