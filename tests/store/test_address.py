from __future__ import annotations

import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.store.address import mask, mask_webhook, parse_address, sqlite_url
from foresell.store.delivery import deliver


def test_three_slashes_are_relative_and_four_absolute(tmp_path: Path) -> None:
    assert parse_address("sqlite:///out/sales.db", tmp_path).path == tmp_path / "out" / "sales.db"
    assert parse_address("sqlite:////var/sales.db", tmp_path).path == Path("/var/sales.db")
    assert parse_address("duckdb:///my%20sales.duckdb").path == Path("my sales.duckdb")


def test_a_server_address_is_taken_apart() -> None:
    address = parse_address("postgres://plan%40ner:p%2Fw%25@db.example:6543/sales?sslmode=require")
    assert address.scheme == "postgresql"
    assert address.server == {
        "host": "db.example",
        "port": "6543",
        "user": "plan@ner",
        "password": "p/w%",
        "dbname": "sales",
        "sslmode": "require",
    }
    assert address.masked == "postgresql://plan%40ner:***@db.example:6543/sales?sslmode=require".replace(
        "postgresql", "postgres"
    )


def test_what_the_address_leaves_out_is_left_to_libpq() -> None:
    assert parse_address("postgresql://").server == {}


def test_variables_are_filled_in_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "a/b@c:%41")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:${PGPASSWORD}@h/d")
    for url in ("postgresql://u:${PGPASSWORD}@h/d", "${DATABASE_URL}"):
        address = parse_address(url)
        assert address.server == {"user": "u", "password": "a/b@c:%41", "host": "h", "dbname": "d"}
        assert "a/b" not in address.masked + repr(address)
        assert address.scrub("no entry with a/b@c:%41!") == "no entry with ***!"
    with pytest.raises(UsageError, match="FORESELL_NO_SUCH, which is not set"):
        parse_address("postgresql://u:${FORESELL_NO_SUCH}@h/d")


@pytest.mark.parametrize("url", ["mysql://h/d", "forecasts.db", "sqlite://", "sqlite:///", "sqlite://host/x.db", ""])
def test_other_addresses_are_wrong_use(url: str) -> None:
    with pytest.raises(UsageError, match="expected sqlite:///file"):
        parse_address(url)


def test_a_password_that_breaks_the_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        parse_address("postgresql://planner:se/cret@db.example/sales")
    assert "cret" not in str(raised.value)
    assert "%2F" in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@given(
    st.text(alphabet=st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).map(
        lambda s: "Zq" + s + "qZ"
    )
)
def test_no_password_survives_masking(password: str) -> None:
    assert mask(f"postgresql://planner:{password}@db/sales") == "postgresql://planner:***@db/sales"


@given(
    st.sampled_from(["https://hooks.example", "https://hooks.example:8443", "http://planner:pw@hooks.example"]),
    st.sampled_from("/?#"),
    st.text(alphabet=st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).map(lambda s: f"Zq{s}qZ"),
)
def test_no_path_survives_masking(server: str, mark: str, path: str) -> None:
    shown = mask_webhook(server + mark + path)
    assert "Zq" not in shown
    assert "qZ" not in shown
    assert "pw@" not in shown


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 200
)


@settings(deadline=None)
@given(NAMES)
def test_the_address_of_a_sqlite_file_means_that_file(name):
    pytest.importorskip("sqlalchemy", reason="no tracking: sqlalchemy is not installed")
    from sqlalchemy import make_url

    path = Path("/shops") / name / "runs.db"
    url = make_url(sqlite_url(path))
    assert url.database == str(path)
    assert not url.query
    assert url.get_backend_name() == "sqlite"


@settings(deadline=None, max_examples=15)
@given(NAMES)
def test_forecasts_are_delivered_into_the_folder_whatever_it_is_called(name):
    rows = pl.DataFrame({"cutoff": [1], "level": ["total"], "mean": [2.0]})
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / name
        folder.mkdir()
        deliver(rows, "sqlite:///results/forecasts.sqlite", relative_to=folder)
        assert [entry.name for entry in Path(base).iterdir()] == [name]
        assert [entry.name for entry in (folder / "results").iterdir()] == ["forecasts.sqlite"]


def test_duckdb_refuses_a_path_that_it_would_read_otherwise(tmp_path):
    pytest.importorskip("duckdb", reason="no DuckDB: duckdb is not installed")
    rows = pl.DataFrame({"cutoff": [1], "level": ["total"], "mean": [2.0]})
    with pytest.raises(UsageError, match=re.escape("Deliver to a path without one, or to sqlite:///")):
        deliver(rows, "duckdb:///forecasts.duckdb", relative_to=tmp_path / "what?")
