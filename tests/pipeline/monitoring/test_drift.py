"""Drift in a project: its own sales and forecasts, against what its champion learnt from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.monitor.checks import input_drift
from foresell.monitor.drift.detection import ALL, DriftResult
from foresell.monitor.false_alarms import rate_of
from foresell.pipeline.choice import NEWEST, Choice
from foresell.pipeline.lifecycle.promotion import promote
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.monitoring.drift import _own, champion_panel, drift_inputs
from foresell.pipeline.project import Project
from foresell.pipeline.results import Results

pytestmark = pytest.mark.usefixtures("evidently")


@dataclass(frozen=True)
class Outcome:
    """What the check of inputs came to: the drift of the columns and the findings."""

    drifted: DriftResult
    findings: tuple[Finding, ...]

    @property
    def table(self) -> pl.DataFrame:
        return self.drifted.table

    @property
    def spans(self) -> dict[str, tuple[str, str]]:
        return self.drifted.spans


def drift_of(results: Results, choice: Choice, learnt: Panel | None = None) -> Outcome:
    inputs = drift_inputs(results, choice, learnt)
    drifted = input_drift.find_drift(inputs.samples, results.settings, rate_of("inputs", 0.01))
    findings = (*input_drift.column_findings(drifted), *input_drift.new_value_findings(inputs))
    return Outcome(drifted, findings)


def drift_in(folder: Path) -> Outcome:
    project = Project(folder)
    return drift_of(project.results, project.choice())


def panel_of_champion(folder: Path) -> Panel | None:
    project = Project(folder)
    return champion_panel(project.results, project.choice())


def with_panel(folder: Path, panel: Panel) -> Results:
    return replace(Project(folder).results, panel_in_memory=panel)


LAST = date(2025, 12, 28)  # of the sample's sales


def _scaled(file: Path, times: float) -> None:
    forecasts = pl.read_parquet(file)
    numbers = ["mean", *(name for name in forecasts.columns if name[0] == "q" and name[1:].isdigit())]
    forecasts.with_columns(pl.col(numbers) * times).write_parquet(file)


def test_a_quiet_project_has_no_drift_of_sales_nor_forecasts(done_shop: Path) -> None:
    result = drift_in(done_shop)
    assert result.findings == ()
    compared = result.table.filter(pl.col("segment") == ALL)["column"].to_list()
    assert {"units", "days_known", "price", "promotion", "age", "forecast", "range_width"} <= set(compared)
    panel = Project(done_shop).panel
    assert result.spans["current"][1] == panel.cutoff.isoformat()
    assert result.spans["forecast"] == (str(panel.ahead(7)[0]), str(panel.ahead(7)[-1]))
    assert "not the season" in result.drifted.removed  # 200 days of history


def test_forecasts_many_times_too_high_are_found_and_sales_are_not(done_shop: Path) -> None:
    (kept,) = history_of(Project(done_shop).results).forecasts()
    _scaled(kept.path, 20)
    result = drift_in(done_shop)
    assert {finding.code for finding in result.findings} == {"predictions-drifted"}
    row = result.table.row(by_predicate=(pl.col("column") == "forecast") & (pl.col("segment") == ALL), named=True)
    assert row["drifted"]
    assert row["now"] == pytest.approx(20 * row["before"], rel=0.3)


def test_what_came_after_the_champion_is_compared_with_what_it_learnt_from(done_shop: Path) -> None:
    panel = Project(done_shop).panel
    learnt = panel.until(panel.n_days - 22)
    units = np.array(panel.units)
    units[:, -21:] *= 12
    result = drift_of(with_panel(done_shop, replace(panel, units=units)), NEWEST, learnt)
    assert result.spans["current"] == (str(learnt.ahead(1)[0]), panel.cutoff.isoformat())
    (finding,) = (candidate for candidate in result.findings if candidate.where == "units")
    row = result.table.row(by_predicate=(pl.col("column") == "units") & (pl.col("segment") == ALL), named=True)
    assert finding.code == "drifted-input"
    assert row["now"] == pytest.approx(12, rel=0.4)
    assert row["before"] == pytest.approx(1, rel=0.2)


def test_without_forecasts_the_sales_are_compared_all_the_same(done_shop: Path) -> None:
    shutil.rmtree(history_of(Project(done_shop).results).root / "forecasts")
    result = drift_in(done_shop)
    assert "units" in result.table["column"]
    assert "forecast" not in result.table["column"]


def test_a_history_too_short_to_know_what_is_usual_is_said(done_shop: Path) -> None:
    short = with_panel(done_shop, Project(done_shop).panel.until(60))
    with pytest.raises(UsageError, match="at least 56 are needed"):
        drift_of(short, NEWEST)


def test_without_tracking_there_is_no_champion(done_shop: Path) -> None:
    assert panel_of_champion(done_shop) is None


def test_the_champions_panel_is_that_of_its_bundle(tracked_shop: Path, change_settings) -> None:
    assert panel_of_champion(tracked_shop) is None  # a version, but no champion yet
    promote(Project(tracked_shop), force="to have one")
    panel = panel_of_champion(tracked_shop)
    assert panel is not None
    now = Project(tracked_shop).panel
    assert panel.cutoff == now.cutoff
    assert np.array_equal(panel.units, now.units, equal_nan=True)
    change_settings(tracked_shop, horizon=5)  # it does not answer for that, so it does not forecast
    assert panel_of_champion(tracked_shop) is None


@pytest.fixture
def trained_anew(tracked_shop: Path, change_settings) -> Callable[..., Path]:
    """A project whose champion has forecast week after week; then another model was trained, by other settings where
    some are given, and not promoted. In its backtest the forecasts are made to be twenty times too high."""

    def at(weeks: int) -> Project:
        change_settings(tracked_shop, data={"until": (LAST - timedelta(weeks=weeks)).isoformat()})
        return Project(tracked_shop)

    def make(**settings: object) -> Path:
        promote(Project(tracked_shop), force="to have one")
        for weeks in (3, 2, 1, 0):
            at(weeks).run("forecast")
        change_settings(tracked_shop, **settings)
        assert at(1).run("train")["train"].done
        at(0).run("check")
        for file in (tracked_shop / "results" / "combine" / "forecasts").iterdir():
            _scaled(file, 20)
        return tracked_shop

    return make


def test_forecasts_are_held_against_those_of_the_model_that_made_them(trained_anew) -> None:
    """The newest training is another: what its backtest was like says nothing of the champion."""
    folder = trained_anew(models=[{"name": "moving_average"}])
    result = drift_of(Project(folder).results, Project(folder).choice(), panel_of_champion(folder))
    row = result.table.row(by_predicate=(pl.col("column") == "forecast") & (pl.col("segment") == ALL), named=True)
    assert row["before"] == pytest.approx(row["now"], rel=0.5)
    assert "predictions-drifted" not in {finding.code for finding in result.findings}
    assert "range_width" in result.table["column"]
    history = history_of(Project(folder).results)
    assert len(history.forecasts()) == 4
    for forecast in history.forecasts()[:-1]:
        _scaled(forecast.path, 20)
    result = drift_in(folder)
    assert "predictions-drifted" in {finding.code for finding in result.findings}
    for forecast in history.forecasts()[:-1]:
        history.drop_forecast(forecast)
    assert "forecast" not in drift_in(folder).table["column"]  # nothing is known of it


def test_a_backtest_by_the_champions_settings_tells_what_it_forecasts(trained_anew) -> None:
    folder = trained_anew()
    result = drift_in(folder)
    row = result.table.row(by_predicate=(pl.col("column") == "forecast") & (pl.col("segment") == ALL), named=True)
    assert row["before"] == pytest.approx(20 * row["now"], rel=0.5)


def test_of_the_forecasts_of_every_night_those_are_taken_that_do_not_overlap(done_shop: Path, change_settings) -> None:
    change_settings(done_shop, backtest={"windows": 3})
    history = history_of(Project(done_shop).results)
    (newest,) = history.forecasts()
    for days in range(1, 30):
        frame = newest.read().with_columns(pl.col("cutoff", "date") - timedelta(days=days))
        history.keep_forecast(frame, LAST - timedelta(days=days), "another" if days == 7 else newest.model)
    own = _own(history.forecasts(), Project(done_shop).results)
    assert [(LAST - table["cutoff"][0]).days for table in own] == [8, 15, 22]  # the horizon is seven days
