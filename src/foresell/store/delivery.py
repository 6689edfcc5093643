"""Delivery of forecasts to one table of a SQL database. New rows replace those of the same cutoff and level."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    """A delivery: `rows` were written to `table` and replaced `replaced` older rows.

    `where` is the address of the database, without its password.
    """

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
    replaced: Mapping[str, object] | None = None,
    relative_to: str | Path = ".",
) -> Delivery:
    """Writes `frame` to `table` of the database at `url`, in one transaction.

    Rows of the table that have the same values of `replaced_by` (cutoff and level) are deleted first, so that a
    forecast that is delivered twice is there once. Where the frame may have no rows, `replaced` has these values, so
    that none are left of an earlier delivery either. A missing table is created, and missing columns are added. NaN
    becomes NULL. A path in `url` is taken from the folder `relative_to`; `foresell.store.address` lists the forms of
    `url`.

    Raises UsageError for a frame that no database can take, and StoreError when the database refuses it. After an
    error the database is as it was before.
    """
    address = parse_address(url, relative_to)
    _check(frame, table, replaced_by)
    # A column without any value has no type yet, so it is left out until a delivery has a value for it.
    rows = frame.select(name for name, kind in frame.schema.items() if kind != pl.Null).with_columns(
        cs.float().fill_nan(None), cs.categorical().cast(pl.String), cs.enum().cast(pl.String)
    )
    with transaction(address) as database:
        database.guard(table)
        _prepare_table(database, table, rows, index=replaced_by if address.scheme != "duckdb" else ())
        groups = rows.select(replaced_by).unique(maintain_order=True)
        if groups.is_empty() and replaced is not None:
            groups = pl.DataFrame([replaced], groups.schema)
        deleted = _delete_groups(database, table, groups)
        database.append(table, rows)
    return Delivery(address.masked, table, frame.height, deleted)


def _check(frame: pl.DataFrame, table: str, replaced_by: tuple[str, ...]) -> None:
    """Raises UsageError for a frame or a name of a table that no database can take."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", table, flags=re.ASCII):
        raise UsageError(f"Found the table name {table!r}; expected letters, digits and '_', as in 'forecasts'.")
    missing = [name for name in replaced_by if name not in frame.columns]
    if missing:
        raise UsageError(f"The forecasts to deliver lack the column {first_five(missing)}; add it, one value a row.")
    empty = [name for name in replaced_by if frame[name].null_count()]
    if empty:
        raise UsageError(f"The column {first_five(empty)} of the forecasts has rows without a value; fill them first.")
    without_type = [
        f"{name} ({kind})" for name, kind in frame.schema.items() if type(kind) not in (*_SQL_TYPES, pl.Null)
    ]
    if without_type:
        raise UsageError(
            f"No SQL type fits the columns {first_five(without_type)}; cast them to text or numbers first."
        )


def _prepare_table(database: Transaction, table: str, frame: pl.DataFrame, index: tuple[str, ...]) -> None:
    """Creates the table, its missing columns and the index that finds the rows to replace, where they are missing."""
    definitions = [f"{sql_name(name)} {_SQL_TYPES[type(kind)]}" for name, kind in frame.schema.items()]
    database.run(f"CREATE TABLE IF NOT EXISTS {sql_table(table)} ({', '.join(definitions)})")
    present = database.columns(table)
    dated = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and present.get(name)]
    if dated:
        raise UsageError(
            f"The columns {first_five(dated)} of the table '{table}' hold dates, and those of the forecasts have "
            "times of day, which would be lost. Deliver forecasts of hours to another database, or remove the table."
        )
    for name, definition in zip(frame.columns, definitions, strict=True):
        if name not in present:
            database.run(f"ALTER TABLE {sql_table(table)} ADD COLUMN {definition}")
    if index:
        # DuckDB gets no index: it needs none to be fast, and an index there hinders the replacement of rows.
        name = sql_name("_".join([table.rpartition(".")[2], *index]))
        database.run(f"CREATE INDEX IF NOT EXISTS {name} ON {sql_table(table)} ({sql_names(index)})")


def _delete_groups(database: Transaction, table: str, groups: pl.DataFrame) -> int:
    """Deletes the rows of the table whose values are those of a row of `groups`. Returns how many there were."""
    where = " AND ".join(f"{sql_name(name)} = ?" for name in groups.columns)
    return sum(database.run(f"DELETE FROM {sql_table(table)} WHERE {where}", row) for row in groups.iter_rows())
