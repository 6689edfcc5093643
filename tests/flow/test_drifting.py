"""Drift in a project: its own sales and forecasts, against what its champion learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.flow.drifting import champion_panel, drift_of
from foresell.flow.project import Project
from foresell.flow.steps import Task
from foresell.monitor.drift import ALL

pytest.importorskip("evidently", reason="no drift: evidently is not installed")


def _task(folder: Path) -> Task:
    project = Project(folder)
    return Task(project.settings, folder, project.results, lambda *told: None)


def test_a_quiet_project_has_no_drift_of_sales_nor_forecasts(done_shop: Path) -> None:
    found = drift_of(_task(done_shop))
    assert found.findings == ()
    compared = found.table.filter(pl.col("segment") == ALL)["column"].to_list()
    assert {"units", "days_known", "price", "promotion", "age", "forecast", "range_width"} <= set(compared)
    panel = Project(done_shop).panel
    assert found.spans["current"][1] == panel.cutoff.isoformat()
    assert found.spans["forecast"] == (str(panel.ahead(7)[0]), str(panel.ahead(7)[-1]))
    assert "not the season" in found.removed  # 200 days of history


def test_forecasts_many_times_too_high_are_found_and_sales_are_not(done_shop: Path) -> None:
    file = done_shop / "results" / "forecast" / "forecasts.parquet"
    made = pl.read_parquet(file)
    numbers = ["mean", *(name for name in made.columns if name.startswith("q"))]
    made.with_columns(pl.col(numbers) * 20).write_parquet(file)
    found = drift_of(_task(done_shop))
    assert {each.code for each in found.findings} == {"predictions-drifted"}
    row = found.table.row(by_predicate=(pl.col("column") == "forecast") & (pl.col("segment") == ALL), named=True)
    assert row["drifted"]
    assert row["now"] == pytest.approx(20 * row["before"], rel=0.3)


def test_what_came_after_the_champion_is_compared_with_what_it_learnt_from(done_shop: Path) -> None:
    task = _task(done_shop)
    learnt = task.panel.until(task.panel.n_days - 22)
    units = np.array(task.panel.units)
    units[:, -21:] *= 12
    task.panel = replace(task.panel, units=units)
    found = drift_of(task, learnt)
    assert found.spans["current"] == (str(learnt.ahead(1)[0]), task.panel.cutoff.isoformat())
    (finding,) = (each for each in found.findings if each.where == "units")
    row = found.table.row(by_predicate=(pl.col("column") == "units") & (pl.col("segment") == ALL), named=True)
    assert finding.code == "drifted-input"
    assert row["now"] == pytest.approx(12, rel=0.4)
    assert row["before"] == pytest.approx(1, rel=0.2)


def test_without_forecasts_the_sales_are_compared_all_the_same(done_shop: Path) -> None:
    (done_shop / "results" / "forecast" / "forecasts.parquet").unlink()
    found = drift_of(_task(done_shop))
    assert "units" in found.table["column"]
    assert "forecast" not in found.table["column"]


def test_a_history_too_short_to_know_what_is_usual_is_said(done_shop: Path) -> None:
    task = _task(done_shop)
    task.panel = task.panel.until(60)
    with pytest.raises(UsageError, match="at least 56 are needed"):
        drift_of(task)


def test_without_tracking_there_is_no_champion(done_shop: Path) -> None:
    assert champion_panel(Project(done_shop)) is None


def test_the_champions_panel_is_that_of_its_bundle(tracked_shop: Path) -> None:
    from foresell.flow.promotion import promote

    project = Project(tracked_shop)
    assert champion_panel(project) is None  # a version, but no champion yet
    promote(project, force="to have one")
    panel = champion_panel(project)
    assert panel is not None
    assert panel.cutoff == project.panel.cutoff
    assert np.array_equal(panel.units, project.panel.units, equal_nan=True)
