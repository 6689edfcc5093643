"""The columns of a long table of sales, and lines of code that correct what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.arguments import column_names
from foresell.core.errors import UsageError, first_five
from foresell.core.tables import GivenTable, TableKind


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

    def check(self, table: GivenTable) -> None:
        """Raises UsageError where the table lacks a column."""
        table.check_columns(self.keys, "keys")
        table.check_columns((self.date,), "date")
        table.check_columns((self.quantity,), "quantity")
        table.check_columns(self.known_ahead, "known_ahead")


def rows_of(where: np.ndarray) -> str:
    """How many of all rows, with the verb: `where` is bool [row].

    >>> rows_of(np.array([True, False]))
    '1 of 2 rows has'
    """
    count = np.count_nonzero(where)
    return f"{count:,} of {len(where):,} rows {'has' if count == 1 else 'have'}"


def first_rows(rows: pl.DataFrame, where: np.ndarray, columns: Columns, value: str | None = None) -> str:
    """The first five of some rows: keys, date, and the column `value` (the quantity, where not given)."""
    chosen = rows.filter(pl.Series(where)).select(*columns.keys, columns.date, pl.col(value or columns.quantity))
    texts = [
        f"{' · '.join(map(str, row[:-2]))} on {str(row[-2]).removesuffix(' 00:00:00')}: {row[-1]}"
        for row in chosen.head(5).rows()
    ]
    rest = chosen.height - len(texts)
    return "; ".join(texts) + (f" and {rest:,} more" if rest else "")


def code(
    table: GivenTable, column: str, polars: str, pandas_column: Callable[[str], str], pandas: str | None = None
) -> str:
    """A line of code in the table's library: a method of Polars, or a new value of a pandas column (or table)."""
    name = table.name
    if table.kind != TableKind.PANDAS:
        return f"`{name} = {f'pl.from_arrow({name})' if table.kind == TableKind.PYARROW else name}{polars}`"
    reset = "" if column in table.native.columns else f"{name} = {name}.reset_index(); "
    target = f"{name}[{column!r}]"
    return f"`{reset}{name} = {pandas}`" if pandas else f"`{reset}{target} = {pandas_column(target)}`"
