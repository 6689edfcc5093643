"""Delivery of forecasts to a SQL database: one table, whose rows for a cutoff and level are replaced as one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from foresell.core.errors import UsageError, first_five
from foresell.store.address import parse_address
from foresell.store.databases import Transaction, sql_name, sql_names, sql_table, transaction

REPLACED_BY = ("cutoff", "level")

_SQL_TYPES: dict[type[pl.DataType], str] = {
    pl.Boolean: "BOOLEAN",
    pl.Int8: "SMALLINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.UInt8: "SMALLINT",
    pl.UInt16: "INTEGER",
    pl.UInt32: "BIGINT",
    pl.Float32: "REAL",
    pl.Float64: "DOUBLE PRECISION",
    pl.String: "TEXT",
    pl.Categorical: "TEXT",
    pl.Enum: "TEXT",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
}


@dataclass(frozen=True)
class Delivery:
    """What was done: `rows` written to `table` of the database `where` (safe to print), in place of `replaced`."""

    where: str
    table: str
    rows: int
    replaced: int


def deliver(
    frame: pl.DataFrame,
    url: str,
    table: str = "forecasts",
    *,
    replaced_by: tuple[str, ...] = REPLACED_BY,
    relative_to: str | Path = ".",
) -> Delivery:
    """Writes `frame` to `table` of the database at `url`, in one transaction.

    Rows that the table has for the same `replaced_by` (cutoff and level) make way for the new ones, so delivering
    twice is as good as once. The table is made when it is not there; columns it lacks are added. NaN becomes NULL.
    A path in `url` is taken from the folder `relative_to`; see `foresell.store.address` for the forms of `url`.

    Raises UsageError for what cannot be delivered anywhere, StoreError when the database refuses; then nothing of
    the delivery is in it.
    """
    address = parse_address(url, relative_to)
    _check(frame, table, replaced_by)
    # A column that is null throughout has no type yet; it is added once it has.
    ready = frame.select(name for name, kind in frame.schema.items() if kind != pl.Null).with_columns(
        cs.float().fill_nan(None), cs.categorical().cast(pl.String), cs.enum().cast(pl.String)
    )
    with transaction(address) as database:
        database.guard(table)
        _fit_table(database, table, ready, index=replaced_by if address.scheme != "duckdb" else ())
        replaced = _make_way(database, table, ready.select(replaced_by).unique(maintain_order=True))
        database.append(table, ready)
    return Delivery(address.shown, table, frame.height, replaced)


def _check(frame: pl.DataFrame, table: str, replaced_by: tuple[str, ...]) -> None:
    """Raises UsageError for a table that no database could take."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", table, flags=re.ASCII):
        raise UsageError(f"Found the table name {table!r}; expected letters, digits and '_', as in 'forecasts'.")
    missing = [name for name in replaced_by if name not in frame.columns]
    if missing:
        raise UsageError(f"The forecasts to deliver lack the column {first_five(missing)}; add it, one value a row.")
    empty = [name for name in replaced_by if frame[name].null_count()]
    if empty:
        raise UsageError(f"The column {first_five(empty)} of the forecasts has rows without a value; fill them first.")
    odd = [f"{name} ({kind})" for name, kind in frame.schema.items() if type(kind) not in (*_SQL_TYPES, pl.Null)]
    if odd:
        raise UsageError(f"No SQL type fits the columns {first_five(odd)}; cast them to text or numbers first.")


def _fit_table(database: Transaction, table: str, frame: pl.DataFrame, index: tuple[str, ...]) -> None:
    """Makes the table, its missing columns and the index that finds the rows to replace."""
    definitions = [f"{sql_name(name)} {_SQL_TYPES[type(kind)]}" for name, kind in frame.schema.items()]
    database.run(f"CREATE TABLE IF NOT EXISTS {sql_table(table)} ({', '.join(definitions)})")
    present = set(database.columns(table))
    for name, definition in zip(frame.columns, definitions, strict=True):
        if name not in present:
            database.run(f"ALTER TABLE {sql_table(table)} ADD COLUMN {definition}")
    if index:
        # In DuckDB, which needs none, an index would get in the way of replacing rows.
        name = sql_name("_".join([table.rpartition(".")[2], *index]))
        database.run(f"CREATE INDEX IF NOT EXISTS {name} ON {sql_table(table)} ({sql_names(index)})")


def _make_way(database: Transaction, table: str, groups: pl.DataFrame) -> int:
    """Deletes the rows of `groups`; how many there were."""
    where = " AND ".join(f"{sql_name(name)} = ?" for name in groups.columns)
    return sum(database.run(f"DELETE FROM {sql_table(table)} WHERE {where}", row) for row in groups.iter_rows())
