"""Who is champion, and where its files lie, told without MLflow: the same as MLflow tells."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import StoreError
from foresell.core.settings import Tracking as Settings
from foresell.registry.champion import champion_of, files_at_hand
from foresell.registry.portable_model import PortableModel, SchemaColumn
from foresell.registry.tracking import Run, Tracking
from foresell.registry.tracking_store import Where
from foresell.registry.versions import Registry


def add(registry: Registry, folder: Path, content: str) -> None:
    bundle = folder / f"bundle-{content}"
    bundle.mkdir()
    (bundle / "model.txt").write_text(content)
    example = pl.DataFrame({"date": [date(2026, 1, 1)]})
    model = PortableModel(
        bundle,
        "foresell.serving.pyfunc",
        [SchemaColumn("date", "datetime")],
        [SchemaColumn("units", "double")],
        example,
    )
    with registry.tracking.recording(Run("training", content, "a training")) as run:
        registry.register(run, model, {"foresell.fingerprint": f"f-{content}", "what": content})


def test_the_champion_is_the_one_that_the_registry_tells_of(make_registry, tmp_path):
    registry = make_registry()
    assert champion_of(registry) is None
    for content in "ab":
        add(registry, tmp_path, content)
    assert champion_of(registry) is None
    for number, before in (("2", None), ("1", "2")):
        registry.promote(number, "a test", before=before)
        assert champion_of(registry) == registry.champion()
    assert (champion_of(registry).number, champion_of(registry).tags["what"]) == ("1", "a")
    registry.rollback()
    assert champion_of(registry).number == "2"


def test_files_of_the_project_are_used_where_they_lie(make_registry, tmp_path):
    registry = make_registry()
    add(registry, tmp_path, "a")
    assert files_at_hand(registry, "1") == registry.fetch("1")
    assert files_at_hand(registry, "2") is None
    (tmp_path / "shop").rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    other = Registry(Tracking(Where.of(moved, Settings(name="shop"))), moved / "results" / "models")
    assert files_at_hand(other, "1").is_relative_to(moved)


def test_files_in_a_bucket_are_at_hand_once_they_were_fetched(make_registry, tmp_path, s3_endpoint):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    registry = make_registry(artifacts="s3://models/at-hand", name="toys")
    add(registry, tmp_path, "a")
    assert files_at_hand(registry, "1") is None
    fetched = registry.fetch("1")
    assert files_at_hand(registry, "1") == fetched


def test_where_nothing_was_recorded_there_is_no_champion_and_no_database_is_made(tmp_path):
    registry = Registry(Tracking(Where.of(tmp_path, Settings())), tmp_path / "models")
    assert champion_of(registry) is None
    assert not (tmp_path / "results").exists()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mlflow.db").touch()  # as MLflow leaves it when it is stopped at once
    assert champion_of(registry) is None


def test_a_database_that_is_damaged_is_told_of(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        champion_of(Registry(Tracking(Where.of(tmp_path, Settings())), tmp_path / "models"))


def test_a_server_is_asked(tmp_path):
    pytest.importorskip("mlflow", reason="no tracking: mlflow is not installed")
    registry = Registry(Tracking(Where.of(tmp_path, Settings(uri="http://127.0.0.1:9"))), tmp_path / "models")
    with pytest.raises(StoreError, match="does not answer"):
        champion_of(registry)


def test_a_database_of_a_kind_that_is_read_is_one_that_mlflow_made(mlflow_database):
    """What is read directly is there under these names in the MLflow that is installed."""
    with closing(sqlite3.connect(mlflow_database)) as open_:
        for table, columns in {
            "registered_model_aliases": {"name", "alias", "version"},
            "model_versions": {"name", "version", "creation_time", "run_id", "source", "storage_location"},
            "model_version_tags": {"name", "version", "key", "value"},
        }.items():
            there = {row[1] for row in open_.execute(f"PRAGMA table_info({table})")}
            assert columns <= there, table
