"""The models as the registry has them, and as they were last written down while it is down."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from foresell.core.errors import StoreError, UsageError
from foresell.pipeline.lifecycle.promotion import promote
from foresell.pipeline.project import Project
from foresell.pipeline.registry_history import KEYS, SCHEMAS, write_history
from foresell.pipeline.views import models, show


def test_where_tracking_is_off_the_view_says_how_to_switch_it_on(done_shop) -> None:
    shown = show(Project(done_shop), "models")
    assert "tracking: {enabled: true}" in shown.sentence
    assert shown.versions.is_empty()


def test_a_registry_that_does_not_exist_is_not_made_by_looking(shop, change_settings) -> None:
    change_settings(shop, tracking={"enabled": True})
    assert "foresell train" in show(Project(shop), "models").sentence
    assert not list(shop.rglob("mlflow.db"))


def test_the_verdict_of_a_version_is_shown_figure_by_figure(tracked_shop, monkeypatch) -> None:
    project = Project(tracked_shop)
    before = show(project, "models")
    assert (before.champion, before.chosen, before.versions["version"].to_list()) == (None, "1", ["1"])
    assert before.figures.is_empty()

    promote(project, why="ann: the first one")
    after = show(project, "models", version="1")
    assert (after.champion, after.previous, after.compared) == ("1", None, "nothing")
    assert after.sentence == "Version 1 is the champion: it forecasts."
    assert "ann: the first one" in after.decisions["reason"][0]
    against = after.figures.filter(pl.col("figure").str.starts_with("WRMSSE against")).row(0, named=True)
    assert against["verdict"] == "met"
    assert against["challenger"] < against["at_most"]
    assert show(project, "models").chosen is None
    with pytest.raises(UsageError, match="no version 7"):
        show(project, "models", version="7")

    write_history(project)
    monkeypatch.setattr(models, "_from_registry", _down)
    kept = show(project, "models")
    assert kept.unreachable == "the registry is down"
    assert (kept.champion, kept.versions["champion"].to_list()) == ("1", [True])
    assert kept.decisions["decision"].to_list() == ["promoted"]


def table_of(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """A table of the history, in which the columns that `rows` do not give are null."""
    return pl.DataFrame([{**dict.fromkeys(SCHEMAS[name]), **row} for row in rows], schema=SCHEMAS[name])


def _down(*_: object) -> models.Models:
    raise StoreError("the registry is down")


def test_without_a_registry_the_champion_follows_from_the_decisions(tracked_shop, monkeypatch) -> None:
    monkeypatch.setattr(models, "_from_registry", _down)
    project = Project(tracked_shop)
    assert show(project, "models").versions.is_empty()

    history = project.results.history
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    versions = [{"version": str(n), "made": moment, "wrmsse": n / 10} for n in (1, 2, 3)]
    changes = [("promoted", "1"), ("promoted", "2"), ("promoted", "3"), ("rolled back", "2")]
    decisions = [
        {"run": str(n), "when": moment.replace(day=n + 1), "verdict": verdict, "version": version, "reason": "r"}
        for n, (verdict, version) in enumerate(changes)
    ]
    history.put("versions", table_of("versions", versions), KEYS["versions"])
    history.put("promotions", table_of("promotions", decisions), KEYS["promotions"])
    shown = show(project, "models")
    assert (shown.champion, shown.previous, shown.chosen) == ("2", "1", "3")
    assert shown.versions.select("version", "decision").rows() == [
        ("3", "promoted"), ("2", "rolled back"), ("1", "promoted")
    ]  # fmt: skip
