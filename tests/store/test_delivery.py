from __future__ import annotations

import re
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from fixtures.locked_database import locked_database

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import install_command
from foresell.store.address import parse_address
from foresell.store.databases import transaction
from foresell.store.delivery import deliver

Query = Callable[[str], list[tuple[Any, ...]]]


def forecasts(cutoff: date = date(2024, 5, 1), mean: float = 1.5, **more: Any) -> pl.DataFrame:
    """Two levels of one cutoff; the total has no store. The names are there to break careless SQL."""
    return pl.DataFrame(
        {
            "level": ["total", "store", "store", "store"],
            "store": [None, "", '\\N "quoted", Zürich\n2nd line', "100% sure?; --"],
            "cutoff": [cutoff] * 4,
            "date": [date(2024, 5, 2)] * 4,
            "step": pl.Series([1] * 4, dtype=pl.Int16),
            "mean": pl.Series([4 * mean, mean, float("nan"), None], dtype=pl.Float32),
            **more,
        }
    )


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Query]:
    """The URL of an empty database of each kind, and a way to ask it that shares nothing with what is tested."""
    if request.param == "postgresql":
        return _fresh_postgresql(request.getfixturevalue("postgresql"))
    module = sqlite3 if request.param == "sqlite" else pytest.importorskip("duckdb")
    file = tmp_path / "forecasts.db"

    def ask(statement: str) -> list[tuple[Any, ...]]:
        with closing(module.connect(str(file))) as connection:
            answer = connection.execute(statement).fetchall()
            connection.commit()
            return answer

    return f"{request.param}:///{file}", ask


def _fresh_postgresql(server: dict[str, str]) -> tuple[str, Query]:
    import psycopg

    def ask(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**server) as connection:
            answer = connection.execute(statement)
            return answer.fetchall() if answer.description else []

    ask("DROP SCHEMA public CASCADE")
    ask("CREATE SCHEMA public")
    parts = {key: quote(value, safe="") for key, value in server.items()}
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parts), ask


def test_what_is_delivered_is_what_is_there(database: tuple[str, Query]) -> None:
    url, ask = database
    delivery = deliver(forecasts(), url)
    assert (delivery.table, delivery.rows, delivery.replaced) == ("forecasts", 4, 0)
    rows = ask("SELECT level, store, mean, step FROM forecasts ORDER BY level, store")
    expected = [(row[0], row[1], None if row[5] != row[5] else row[5], row[4]) for row in forecasts().rows()]
    assert sorted(map(str, rows)) == sorted(map(str, expected))
    days = ask("SELECT COUNT(*) FROM forecasts WHERE cutoff < '2024-05-02' AND date = '2024-05-02'")
    assert days == [(4,)]


def test_delivering_again_replaces_only_the_same_cutoff_and_level(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts(), url)
    deliver(forecasts(cutoff=date(2024, 4, 1)), url)
    again = deliver(forecasts(mean=3.0).filter(pl.col("level") == "store"), url)
    assert (again.rows, again.replaced) == (3, 3)
    rows = ask("SELECT level, COUNT(*), MAX(mean) FROM forecasts WHERE cutoff = '2024-05-01' GROUP BY level ORDER BY 1")
    assert rows == [("store", 3, 3.0), ("total", 1, 6.0)]
    assert ask("SELECT COUNT(*) FROM forecasts") == [(8,)]


def hours(hour: int = 9) -> pl.DataFrame:
    return forecasts(cutoff=datetime(2024, 5, 1, hour)).with_columns(date=pl.lit(datetime(2024, 5, 2, 14)))  # type: ignore[arg-type]


def test_hours_keep_their_times_and_are_replaced(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(hours(), url)
    deliver(hours(10), url)
    assert deliver(hours(), url).replaced == 4
    assert ask("SELECT COUNT(*) FROM forecasts WHERE date = '2024-05-02 14:00:00'") == [(8,)]
    assert ask("SELECT COUNT(*) FROM forecasts WHERE cutoff = '2024-05-01 09:00:00'") == [(4,)]


def test_hours_do_not_go_to_a_table_of_dates(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts(), url)
    if url.startswith("sqlite"):
        assert deliver(hours(), url).rows == 4  # a column of any type takes times there
    else:
        with pytest.raises(UsageError, match="hold dates, and those of the forecasts have times"):
            deliver(hours(), url)
        assert ask("SELECT COUNT(*) FROM forecasts") == [(4,)]


def test_columns_that_the_table_lacks_are_added(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts().drop("mean"), url)
    deliver(forecasts(cutoff=date(2024, 6, 1), q950=[9.0, 8.0, 7.0, 6.0], item=["a", "b", "c", "d"]), url)
    assert ask("SELECT COUNT(*), COUNT(mean), COUNT(q950), MAX(item) FROM forecasts") == [(8, 2, 4, "d")]
    deliver(forecasts(cutoff=date(2024, 7, 1)), url)  # and one that lacks columns of the table leaves them empty
    assert ask("SELECT COUNT(*), COUNT(q950) FROM forecasts") == [(12, 4)]


def test_a_column_without_any_value_waits_for_its_type(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts(item=None), url)
    deliver(forecasts(cutoff=date(2024, 6, 1), item=[1, 2, 3, None]), url)
    assert ask("SELECT SUM(item), COUNT(*) FROM forecasts") == [(6, 8)]


def test_nothing_to_deliver_changes_nothing(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts(), url)
    delivery = deliver(forecasts().clear(), url)
    assert (delivery.rows, delivery.replaced) == (0, 0)
    assert ask("SELECT COUNT(*) FROM forecasts") == [(4,)]


def test_nothing_takes_the_place_of_what_was_delivered_for_the_same_day(database: tuple[str, Query]) -> None:
    url, ask = database
    plan = forecasts()
    day = plan["cutoff"][0]
    deliver(plan, url, replaced_by=("cutoff",))
    delivery = deliver(plan.clear(), url, replaced_by=("cutoff",), replaced={"cutoff": day})
    assert (delivery.rows, delivery.replaced) == (0, 4)
    assert ask("SELECT COUNT(*) FROM forecasts") == [(0,)]


def test_a_failed_delivery_leaves_everything_as_it_was(database: tuple[str, Query]) -> None:
    url, ask = database
    deliver(forecasts(), url)
    ask("CREATE TABLE strict_ones AS SELECT * FROM forecasts")
    ask("CREATE TABLE checked (cutoff DATE, level TEXT, mean REAL CHECK (mean < 100))")
    columns = ["cutoff", "level", "mean"]
    deliver(forecasts().select(columns), url, "checked")
    bad = forecasts().select(columns).with_columns(mean=pl.Series([1.0, 2.0, 3.0, 1000.0]), extra=pl.lit("new"))
    with pytest.raises(StoreError, match="nothing was delivered"):
        deliver(bad, url, "checked")
    assert ask("SELECT COUNT(*), MAX(mean) FROM checked") == [(4, 6.0)]
    with pytest.raises(Exception, match="extra"):  # the column was taken back too
        ask("SELECT extra FROM checked")


def test_two_deliveries_at_once_leave_one(database: tuple[str, Query]) -> None:
    url, ask = database
    if url.startswith("duckdb"):
        pytest.skip("DuckDB gives a file to one process; within it, the second delivery is refused")
    problems: list[Exception] = []

    def deliver_once(mean: float) -> None:
        try:
            deliver(forecasts(mean=mean), url)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=deliver_once, args=[float(mean)]) for mean in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert ask("SELECT COUNT(*) FROM forecasts") == [(4,)]


def test_the_table_may_stand_in_a_schema(postgresql: dict[str, str]) -> None:
    url, ask = _fresh_postgresql(postgresql)
    ask("DROP SCHEMA IF EXISTS planning CASCADE")
    ask("CREATE SCHEMA planning")
    deliver(forecasts(), url, "planning.forecasts")
    assert deliver(forecasts(), url, "planning.forecasts").replaced == 4
    assert ask("SELECT data_type FROM information_schema.columns WHERE column_name = 'cutoff'") == [("date",)]


def test_a_wrong_password_is_refused_and_never_shown(
    postgresql: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "hunter2")
    url = f"postgresql://planner:${{WRONG}}@127.0.0.1:{postgresql['port']}/postgres"
    with pytest.raises(StoreError, match="password authentication failed") as refused:
        deliver(forecasts(), url)
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("PGPASSWORD", postgresql["password"])
    assert deliver(forecasts(), url.replace(":${WRONG}", "")).rows == 4


def test_a_server_that_is_not_there_is_explained() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as refused:
        deliver(forecasts(), "postgresql://planner:hunter2@127.0.0.1:1/sales")
    assert "hunter2" not in str(refused.value)


def test_relative_files_are_the_projects(tmp_path: Path) -> None:
    delivery = deliver(forecasts(), "sqlite:///out/forecasts.db", relative_to=tmp_path)
    assert (tmp_path / "out" / "forecasts.db").is_file()
    assert delivery.where == "sqlite:///out/forecasts.db"


def test_what_no_database_could_take_is_wrong_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/forecasts.db"
    for frame, table, problem in [
        (forecasts(), "x; DROP TABLE forecasts", "table name"),
        (forecasts().drop("level"), "forecasts", "lack the column level"),
        (forecasts().with_columns(level=None), "forecasts", "column level of the forecasts has rows without"),
        (forecasts(odd=[[1], [2], [3], [4]]), "forecasts", r"odd \(List"),
    ]:
        with pytest.raises(UsageError, match=problem):
            deliver(frame, url, table)
    assert not (tmp_path / "forecasts.db").exists()


@pytest.mark.parametrize(("package", "url"), [("duckdb", "duckdb:///x.duckdb"), ("psycopg", "postgresql://h/d")])
def test_a_missing_package_is_named_with_its_command(package: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    extra = url.partition(":")[0]
    with pytest.raises(UsageError, match=re.escape(install_command(extra))):
        deliver(forecasts(), url)


def test_duckdb_needs_no_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert deliver(forecasts(), f"duckdb:///{tmp_path}/forecasts.duckdb").rows == 4


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_database_that_another_process_holds_is_waited_for_then_explained(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    if kind == "duckdb":
        pytest.importorskip("duckdb")
    file = tmp_path / f"forecasts.{kind}"
    with locked_database(file, kind) as holder:
        delivery = transaction(parse_address(f"{kind}:///{file}"), seconds=0.1)
        with pytest.raises(StoreError, match=f"locked by {holder} for 0.1 s"), delivery:
            pytest.fail("it was let in")
        assert [record.getMessage() for record in caplog.records if holder in record.getMessage()]
    assert deliver(forecasts(), f"{kind}:///{file}").rows == 4
