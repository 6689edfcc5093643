"""Transactions on SQLite, DuckDB and PostgreSQL, all with the same four methods."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import polars.selectors as cs

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import importing
from foresell.store.address import Address
from foresell.store.database_lock import DATABASE_SECONDS, locked_error, sqlite_transaction, warn_of_wait
from foresell.store.lock import PAUSE

SLICE_ROWS = 50_000  # rows inserted at a time, which bounds the memory of a delivery


class Transaction(Protocol):
    """One transaction on a database: either all its changes are made, or none."""

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Runs a statement that has a ``?`` for each of `values`. Returns how many rows it changed."""
        ...

    def columns(self, table: str) -> dict[str, bool]:
        """The names of the columns of `table`, and whether each holds dates and no times."""
        ...

    def guard(self, table: str) -> None:
        """Makes other deliveries to `table` wait until this transaction ends."""
        ...

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Adds the rows of `frame` to `table`."""
        ...


def sql_name(name: str) -> str:
    """The name of a column or table, quoted for SQL.

    >>> sql_name("store.id"), sql_name('store "A" of 3')
    ('"store.id"', '"store ""A"" of 3"')
    """
    return '"' + name.replace('"', '""') + '"'


def sql_table(table: str) -> str:
    """The name of a table, quoted for SQL; ``schema.table`` stays two names.

    >>> sql_table("sales.forecasts")
    '"sales"."forecasts"'
    """
    return ".".join(map(sql_name, table.split(".")))


def sql_names(names: Sequence[str]) -> str:
    """The names of columns as a list in SQL."""
    return ", ".join(map(sql_name, names))


# --- SQLite ----------------------------------------------------------------------------------------------------------


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        return self.connection.execute(statement, [_sqlite_value(value) for value in values]).rowcount

    def columns(self, table: str) -> dict[str, bool]:
        cursor = self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0")
        return {column[0]: False for column in cursor.description}  # any column takes any text

    def guard(self, table: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE has locked the whole file."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        marks = ", ".join("?" * frame.width)
        statement = f"INSERT INTO {sql_table(table)} ({sql_names(frame.columns)}) VALUES ({marks})"
        # SQLite has no type for dates; ISO text sorts and compares as dates do.
        rows = frame.with_columns(cs.date().dt.to_string("%Y-%m-%d"), cs.datetime().dt.to_string("%Y-%m-%d %H:%M:%S"))
        for part in rows.iter_slices(SLICE_ROWS):
            self.connection.executemany(statement, part.rows())


def _sqlite_value(value: object) -> object:
    """A value as `_Sqlite.append` writes it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _sqlite(address: Address, seconds: float) -> Iterator[Transaction]:
    try:
        with sqlite_transaction(_database_file(address), address.masked, seconds, write=True) as connection:
            yield _Sqlite(connection)
    except (sqlite3.Error, OSError) as error:
        raise _store_error(address, error) from error


# --- DuckDB ----------------------------------------------------------------------------------------------------------


class _Duckdb:
    def __init__(self, connection: Any):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        # A result that is not fetched would keep the connection busy. That of a change is the number of rows changed.
        rows = self.connection.execute(statement, list(values)).fetchall()
        return int(rows[0][0]) if rows and isinstance(rows[0][0], int) else 0

    def columns(self, table: str) -> dict[str, bool]:
        self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0").fetchall()
        return {column[0]: str(column[1]).upper() == "DATE" for column in self.connection.description}

    def guard(self, table: str) -> None:
        """Nothing to do: only one process can open the file at a time."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        # The rows go through a Parquet file, because DuckDB needs pyarrow to read a frame in memory.
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "rows.parquet"
            frame.write_parquet(rows)
            names = sql_names(frame.columns)
            self.run(f"INSERT INTO {sql_table(table)} ({names}) SELECT {names} FROM read_parquet(?)", [str(rows)])


@contextmanager
def _duckdb(address: Address, seconds: float) -> Iterator[Transaction]:
    with importing("duckdb"):
        import duckdb
    try:
        with closing(_duckdb_connection(address, seconds)) as connection:
            connection.execute("BEGIN TRANSACTION")
            yield _Duckdb(connection)
            connection.execute("COMMIT")  # a connection that is closed before this changes nothing
    except (duckdb.Error, OSError) as error:
        raise _store_error(address, error) from error


def _duckdb_connection(address: Address, seconds: float) -> Any:
    """A connection to a DuckDB file, which only one process can open at a time.

    Raises StoreError where another process keeps the file open for all of `seconds`, and UsageError for a path that
    DuckDB cannot use.
    """
    import duckdb

    path, end, has_warned = _database_file(address), time.monotonic() + seconds, False
    if "?" in str(path.absolute()):  # DuckDB takes what follows for options, and finds no place for its log
        raise UsageError(
            f"DuckDB cannot keep {address.masked}, because there is a '?' in its path {path.absolute()}. "
            "Deliver to a path without one, or to sqlite:///, which takes any path."
        )
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.IOException as error:
            if "Conflicting lock" not in str(error):
                raise
            process = re.search(r"PID (\d+)", str(error))
            holder = f"process {process[1]}" if process else "another process"
            if time.monotonic() >= end:
                raise locked_error(address.masked, holder, seconds) from error
        if not has_warned:
            warn_of_wait(address.masked, holder, seconds)
            has_warned = True
        time.sleep(PAUSE)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


_DATE_OF_POSTGRESQL = 1082  # the number of its type for dates


class _Postgresql:
    def __init__(self, connection: Any):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        escaped = statement.replace("%", "%%").replace("?", "%s") if values else statement
        return self.connection.execute(escaped, list(values) or None).rowcount

    def columns(self, table: str) -> dict[str, bool]:
        cursor = self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0")
        return {column.name: column.type_code == _DATE_OF_POSTGRESQL for column in cursor.description}

    def guard(self, table: str) -> None:
        # An advisory lock on the name works before the table exists. CREATE TABLE IF NOT EXISTS alone can fail when two
        # transactions begin at once.
        self.connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", ["foresell:" + table])

    def append(self, table: str, frame: pl.DataFrame) -> None:
        # COPY takes only unquoted text for null, and all text values are quoted: none can be mistaken for null.
        statement = f"COPY {sql_table(table)} ({sql_names(frame.columns)}) FROM STDIN (FORMAT csv, NULL '\\N')"
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in frame.iter_slices(SLICE_ROWS):
                copy.write(part.write_csv(include_header=False, quote_style="non_numeric", null_value="\\N"))


@contextmanager
def _postgresql(address: Address, seconds: float) -> Iterator[Transaction]:
    with importing("postgresql"):
        import psycopg
    try:
        timeouts = {"connect_timeout": "10", "options": f"-c lock_timeout={round(1000 * seconds)}"}
        parameters = {**timeouts, "application_name": "foresell", **address.server}
        with psycopg.connect("", **parameters) as connection:  # type: ignore[arg-type]
            yield _Postgresql(connection)
    except psycopg.Error as error:
        raise _store_error(address, error) from None  # the error of libpq may quote the parameters


# --- all three -------------------------------------------------------------------------------------------------------

DATABASES: Mapping[str, Callable[[Address, float], AbstractContextManager[Transaction]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgresql,
}


def transaction(address: Address, seconds: float = DATABASE_SECONDS) -> AbstractContextManager[Transaction]:
    """One transaction on the database at `address`. An exception in the block undoes its changes.

    Where another process has locked the database, the transaction waits at most `seconds` and a warning in the log
    says so.

    Raises NotInstalled when the package for that database is missing. Raises StoreError when the database stays locked
    or refuses a change.
    """
    return DATABASES[address.scheme](address, seconds)


def _database_file(address: Address) -> Path:
    """The file of a SQLite or DuckDB database; its folder is made where there is none."""
    assert address.path is not None
    address.path.parent.mkdir(parents=True, exist_ok=True)
    return address.path


def _store_error(address: Address, error: Exception) -> StoreError:
    reason = address.scrub(str(error).strip() or type(error).__name__).rstrip(".")
    return StoreError(f"The database {address.masked} refused the delivery, so nothing was delivered: {reason}.")
