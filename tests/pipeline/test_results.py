"""Results are read and never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import CheckSummary, CombineSummary, TuneSummary


def state_of(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*")}


def test_looking_at_results_changes_nothing(done_shop):
    before = state_of(done_shop)
    results = Project(done_shop).results
    assert results.panel.n_series == results.summary(CheckSummary).series
    assert results.hierarchy.levels[0] == ()
    assert set(results.used) <= set(results.features)
    assert results.catalogue.height == len(results.features)
    assert "ensemble" in results.scores().leaderboard()["model"].to_list()
    assert "ensemble" not in results.scores("backtest").leaderboard()["model"].to_list()
    assert set(results.test_forecasts()["model"]) == {"ensemble"}
    assert results.combination.blend.weights.to_dicts() == results.summary(CombineSummary).weights
    assert results.metrics["wrmsse"] > 0
    assert results.forecasts["level"].n_unique() == 5
    assert results.quantile_trials.height > 0
    assert set(results.sum_trials["days"]) == {7}
    assert {row["level"] for row in results.summary(CombineSummary).sums} == set(results.forecasts["level"])
    assert len(results.history.forecasts()) == 1
    assert results.training() == results.record("train").fingerprint
    assert [finding.code for finding in results.findings] == [finding.code for finding in Project(done_shop).findings]
    assert state_of(done_shop) == before


def test_what_is_not_done_says_so(shop):
    results = Project(shop).results
    assert results.find_summary(TuneSummary) is None
    assert results.training() is None
    with pytest.raises(UsageError, match=r"The step combine of .* is not done"):
        results.summary(CombineSummary)
