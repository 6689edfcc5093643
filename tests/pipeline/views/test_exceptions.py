"""The view of exceptions: filters, ranks, and what people did."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.monitoring.exception_log import ExceptionLog
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


@pytest.fixture
def changed(done_shop) -> Project:
    """A shop whose forecast is twice that of the day before."""
    project = Project(done_shop)
    (kept,) = project.results.history.forecasts()
    frame = kept.read().drop("made").with_columns(pl.col("mean") / 2)
    project.results.history.keep_forecast(frame, kept.cutoff.replace(day=27), "before")
    return project


def test_a_project_without_results_says_what_makes_them(shop) -> None:
    shown = show(Project(shop), "exceptions")
    assert shown.missing == ["Nothing is read yet. Read the sales and forecast with: foresell run"]
    assert shown.headline == "No open exceptions."


def test_what_could_not_be_looked_for_is_named(done_shop) -> None:
    missing = " ".join(show(Project(done_shop), "exceptions").missing)
    for command in ("foresell monitor", "foresell plan"):
        assert command in missing


def test_exceptions_are_ranked_and_narrowed(changed) -> None:
    shown = show(changed, "exceptions", kind="last_forecast", rank="units")
    # All moved alike, so all sales are named, and no store of them.
    assert shown.table["level"].to_list() == ["total"]
    assert show(changed, "exceptions", kind="last_forecast", limits="total=2").table["level"].to_list()[0] != "total"
    assert show(changed, "exceptions", search="ALL SALES:").table.height >= 1
    assert show(changed, "exceptions", level="store").table.is_empty()
    for wrong in ("total", "total=-1", "region=0.2"):
        with pytest.raises(UsageError, match="limit"):
            show(changed, "exceptions", limits=wrong)


def test_what_was_done_is_shown_and_filtered(changed) -> None:
    first = show(changed, "exceptions", kind="last_forecast")
    (id,) = first.table["id"]
    log = ExceptionLog(changed.folder)
    log.add(id, "assign", "ann", assignee="bob")
    log.add(id, "acknowledge", "ann", size=first.sizes[id])
    assert id not in show(changed, "exceptions").table["id"].to_list()
    done = show(changed, "exceptions", state="acknowledged", assignee="bob")
    assert done.table["id"].to_list() == [id]
    assert done.history["action"].to_list() == ["assign", "acknowledge"]
    assert done.assignees == ["bob"]
    log.add(id, "acknowledge", "ann", size=(first.sizes[id] or 0) / 2)  # it was half as large
    again = show(changed, "exceptions", kind="last_forecast")
    assert again.table["state"].to_list() == ["open again"]
