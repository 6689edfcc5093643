"""Transactions on SQLite files that another process has locked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from fixtures.locked_database import locked_database

from foresell.core.errors import StoreError
from foresell.store import database_lock
from foresell.store.database_lock import sqlite_transaction


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "runs.db"
    with sqlite_transaction(path, "The store", 0, write=True) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")
    return path


def names(file: Path) -> list[str]:
    with sqlite_transaction(file, "The store", 0, write=False) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM runs")]


@pytest.mark.parametrize(("kind", "write"), [("sqlite", True), ("sqlite", False), ("sqlite-writer", True)])
def test_a_database_that_stays_locked_is_named_with_its_holder(
    file: Path, kind: str, write: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with locked_database(file, kind) as holder:
        expected = f"The store was locked by {holder} for 0.1 s"
        with pytest.raises(StoreError, match=expected), sqlite_transaction(file, "The store", 0.1, write=write):
            pytest.fail("it was let in")
        assert [record.getMessage() for record in caplog.records] == [
            f"Waiting at most 0.1 s for The store, which {holder} has locked."
        ]


def test_a_writer_that_has_not_written_keeps_no_reader_waiting(file: Path) -> None:
    with locked_database(file, "sqlite-writer"):
        assert names(file) == []


@pytest.mark.parametrize("write", [True, False])
def test_a_database_that_is_unlocked_in_time_is_used(file: Path, write: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(file, check_same_thread=False)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        warn: Callable[..., None] = database_lock.warn_of_wait

        def release(*about: object) -> None:
            warn(*about)
            holder.rollback()

        monkeypatch.setattr(database_lock, "warn_of_wait", release)
        with sqlite_transaction(file, "The store", 60, write=write) as connection:
            assert connection.execute("SELECT COUNT(*) FROM runs").fetchone() == (0,)


def test_an_exception_undoes_what_was_written(file: Path) -> None:
    with suppress(ZeroDivisionError), sqlite_transaction(file, "The store", 0, write=True) as connection:
        connection.execute("INSERT INTO runs VALUES ('half')")
        raise ZeroDivisionError
    assert names(file) == []
    with sqlite_transaction(file, "The store", 0, write=True) as connection:
        connection.execute("INSERT INTO runs VALUES ('whole')")
    assert names(file) == ["whole"]
