"""The three databases that forecasts are delivered to, each as one transaction with the same few verbs."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import polars.selectors as cs

from foresell.core.errors import StoreError
from foresell.core.extras import importing
from foresell.store import lock
from foresell.store.address import Address

SLICE_ROWS = 50_000  # rows handed over at a time, which bounds the memory of a delivery


class Transaction(Protocol):
    """One transaction on a database: all of it happens, or nothing."""

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Runs a statement with a ``?`` for each of `values`; how many rows it touched, where that is known."""
        ...

    def columns(self, table: str) -> list[str]:
        """The columns that `table` has."""
        ...

    def guard(self, table: str) -> None:
        """Keeps other deliveries to `table` waiting until this one is done."""
        ...

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Adds the rows of `frame` to `table`."""
        ...


def sql_name(name: str) -> str:
    """A column or table as an SQL name.

    >>> sql_name("store.id"), sql_name('store "A" of 3')
    ('"store.id"', '"store ""A"" of 3"')
    """
    return '"' + name.replace('"', '""') + '"'


def sql_table(table: str) -> str:
    """A table as an SQL name; ``schema.table`` stays two names.

    >>> sql_table("sales.forecasts")
    '"sales"."forecasts"'
    """
    return ".".join(map(sql_name, table.split(".")))


def sql_names(names: Sequence[str]) -> str:
    """Columns as a list of SQL names."""
    return ", ".join(map(sql_name, names))


# --- SQLite ----------------------------------------------------------------------------------------------------------


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        plain = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
        return self.connection.execute(statement, plain).rowcount

    def columns(self, table: str) -> list[str]:
        answer = self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0")
        return [column[0] for column in answer.description]

    def guard(self, table: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE has taken the whole file."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        marks = ", ".join("?" * frame.width)
        statement = f"INSERT INTO {sql_table(table)} ({sql_names(frame.columns)}) VALUES ({marks})"
        # SQLite has no dates of its own; ISO text sorts and compares as dates do.
        plain = frame.with_columns(cs.date().dt.to_string("%Y-%m-%d"), cs.datetime().dt.to_string("%Y-%m-%d %H:%M:%S"))
        for part in plain.iter_slices(SLICE_ROWS):
            self.connection.executemany(statement, part.rows())


@contextmanager
def _sqlite(address: Address, seconds: float) -> Iterator[Transaction]:
    assert address.path is not None
    address.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(address.path, timeout=0, isolation_level=None)) as connection:
            _begin(connection, address, seconds)
            try:
                yield _Sqlite(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise _refused(address, error) from error


def _begin(connection: sqlite3.Connection, address: Address, seconds: float) -> None:
    """Takes the whole file for writing. Raises StoreError where another process keeps it for all of `seconds`."""
    assert address.path is not None
    try:
        connection.execute("BEGIN IMMEDIATE")
        return
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
    lock.waiting(address.shown, lock.held_by(address.path), seconds)
    connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise lock.locked(address.shown, lock.held_by(address.path), seconds) from error


# --- DuckDB ----------------------------------------------------------------------------------------------------------


class _Duckdb:
    def __init__(self, connection: Any):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        # An answer that is not read would keep the connection busy.
        answer = self.connection.execute(statement, list(values)).fetchall()
        return int(answer[0][0]) if answer and isinstance(answer[0][0], int) else 0

    def columns(self, table: str) -> list[str]:
        self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0").fetchall()
        return [column[0] for column in self.connection.description]

    def guard(self, table: str) -> None:
        """Nothing to do: one process has the whole file."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        # By way of a Parquet file: handing over the frame itself would need pyarrow.
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "rows.parquet"
            frame.write_parquet(rows)
            names = sql_names(frame.columns)
            self.run(f"INSERT INTO {sql_table(table)} ({names}) SELECT {names} FROM read_parquet(?)", [str(rows)])


@contextmanager
def _duckdb(address: Address, seconds: float) -> Iterator[Transaction]:
    with importing("duckdb"):
        import duckdb
    assert address.path is not None
    address.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_connected(address, seconds)) as connection:
            connection.execute("BEGIN TRANSACTION")
            yield _Duckdb(connection)
            connection.execute("COMMIT")  # a connection that is closed before this has done nothing
    except (duckdb.Error, OSError) as error:
        raise _refused(address, error) from error


def _connected(address: Address, seconds: float) -> Any:
    """A connection to a DuckDB file, which is one process's at a time. Raises StoreError where another keeps it."""
    import duckdb

    end, is_said = time.monotonic() + seconds, False
    while True:
        try:
            return duckdb.connect(str(address.path))
        except duckdb.IOException as error:
            if "Conflicting lock" not in str(error):
                raise
            process = re.search(r"PID (\d+)", str(error))
            holder = f"process {process[1]}" if process else "another process"
            if time.monotonic() >= end:
                raise lock.locked(address.shown, holder, seconds) from error
        if not is_said:
            lock.waiting(address.shown, holder, seconds)
            is_said = True
        time.sleep(lock.PAUSE)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


class _Postgresql:
    def __init__(self, connection: Any):
        self.connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        escaped = statement.replace("%", "%%").replace("?", "%s") if values else statement
        return self.connection.execute(escaped, list(values) or None).rowcount

    def columns(self, table: str) -> list[str]:
        answer = self.connection.execute(f"SELECT * FROM {sql_table(table)} LIMIT 0")
        return [column.name for column in answer.description]

    def guard(self, table: str) -> None:
        # CREATE TABLE IF NOT EXISTS can fail when two begin at once, so the lock is taken on the name.
        self.connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", ["foresell:" + table])

    def append(self, table: str, frame: pl.DataFrame) -> None:
        # Quoted text is never null, so the word for null cannot be mistaken for a value.
        statement = f"COPY {sql_table(table)} ({sql_names(frame.columns)}) FROM STDIN (FORMAT csv, NULL '\\N')"
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in frame.iter_slices(SLICE_ROWS):
                copy.write(part.write_csv(include_header=False, quote_style="non_numeric", null_value="\\N"))


@contextmanager
def _postgresql(address: Address, seconds: float) -> Iterator[Transaction]:
    with importing("postgresql"):
        import psycopg
    try:
        waits = {"connect_timeout": "10", "options": f"-c lock_timeout={round(1000 * seconds)}"}
        options = {**waits, "application_name": "foresell", **address.server}
        with psycopg.connect("", **options) as connection:  # type: ignore[arg-type]
            yield _Postgresql(connection)
    except psycopg.Error as error:
        raise _refused(address, error) from None  # libpq may quote parts of what it was told


# --- all three -------------------------------------------------------------------------------------------------------

DATABASES: Mapping[str, Callable[[Address, float], AbstractContextManager[Transaction]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgresql,
}


def transaction(address: Address, seconds: float = lock.DATABASE_SECONDS) -> AbstractContextManager[Transaction]:
    """One transaction on the database at `address`; an exception in the block undoes it.

    One that another process has locked is waited for `seconds`, which is said in the log.

    Raises NotInstalled when the package for that database is missing, StoreError when the database refuses.
    """
    return DATABASES[address.scheme](address, seconds)


def _refused(address: Address, error: Exception) -> StoreError:
    reason = address.scrub(str(error).strip() or type(error).__name__).rstrip(".")
    return StoreError(f"The database {address.shown} refused, and nothing was delivered: {reason}.")
