"""What the registry knows, as tables of the history."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.pipeline.graph import HISTORY
from foresell.pipeline.lifecycle.promotion import promote
from foresell.pipeline.project import Project
from foresell.pipeline.registry_history import KEYS, SCHEMAS, write_history
from foresell.serving.source import registry_of


def files(project: Project) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (project.results.root / HISTORY).glob("*.parquet")}


def test_runs_versions_and_promotions_are_tables(tracked_shop, change_settings):
    pytest.importorskip("mlflow")
    project = Project(tracked_shop)
    promote(project)
    change_settings(tracked_shop, models=[{"name": "seasonal_naive"}])
    project = Project(tracked_shop)
    project.run("register")
    decision = promote(project)
    written = write_history(project)
    assert written.why is None
    for name, schema in SCHEMAS.items():
        table = pl.read_parquet(project.results.root / HISTORY / f"{name}.parquet")
        assert dict(table.schema) == schema
        assert table.equals(getattr(written, name))
        assert table.equals(table.sort(KEYS[name]))
    assert written.runs["kind"].to_list() == ["backtest", "training", "backtest", "training"]
    last = project.panel.dates[project.panel.n_days - 1].astype(object)
    assert written.runs["data_last"].unique().to_list() == [last]
    assert isinstance(last, date)
    assert written.runs["title"][1] == f"training to {last}"
    versions = written.versions
    assert versions["version"].to_list() == ["1", "2"]
    assert versions.join(written.runs, on=["run", "model"])["kind"].to_list() == ["training", "training"]
    assert versions["models"][1] == "seasonal_naive"
    assert versions["wrmsse"][1] == pytest.approx(project.leaderboard.row(0, named=True)["wrmsse"], abs=1e-6)
    first, second = written.promotions.rows(named=True)
    assert (first["verdict"], first["version"], first["before"], first["champion"]) == ("promoted", "1", None, "1")
    assert (second["verdict"], second["version"], second["before"], second["champion"]) == ("refused", "2", "1", "1")
    assert second["reason"] == decision.change.reason != ""
    registry = registry_of(tracked_shop, project.settings)
    registry.promote("2", "we want it", before="1", verdict="forced")
    registry.rollback("it was worse")
    after = write_history(project).promotions
    assert after["champion"].to_list() == ["1", "1", "2", "1"]


def test_twice_is_as_good_as_once_and_what_mlflow_forgets_stays(tracked_shop):
    project = Project(tracked_shop)
    first = write_history(project)
    before = files(project)
    assert write_history(project).runs.equals(first.runs)
    assert files(project) == before
    (tracked_shop / "results" / "mlflow.db").unlink()
    later = write_history(project)
    assert "Nothing is recorded yet" in str(later.why)
    assert later.versions.equals(first.versions)
    assert not (tracked_shop / "results" / "mlflow.db").exists()


def test_without_mlflow_nothing_is_written_and_that_is_told(done_shop):
    project = Project(done_shop)
    written = write_history(project)
    assert "switched off" in str(written.why)
    assert [table.height for table in (written.runs, written.versions, written.promotions)] == [0, 0, 0]
    assert dict(written.versions.schema) == SCHEMAS["versions"]
    assert files(project) == {}


def test_a_store_that_does_not_answer_is_told(done_shop, change_settings):
    pytest.importorskip("mlflow")
    change_settings(done_shop, tracking={"enabled": True, "uri": "http://127.0.0.1:9"})
    assert "does not answer" in str(write_history(Project(done_shop)).why)
