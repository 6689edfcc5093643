"""From a backtest's tables to the ensemble and the trial of its ranges."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.hierarchy import Hierarchy
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.range_backtest import NOMINAL, PROBABILITIES, backtest_ranges, coverage_by_segment
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.models import make
from foresell.models.upper_levels.totals import Totals

HORIZON = 7
NAMES = ("seasonal_naive", "moving_average", "launch")


def combined(panel, windows=4, every=None):
    hierarchy = Hierarchy.of(panel.keys, (("shop",),))
    totals = Totals(((), ("shop",)), {"moving_average": make("moving_average")})
    models = {name: make(name) for name in NAMES}
    days = cutoffs(panel, HORIZON, windows, every)
    tested = backtest(panel, models, HORIZON, days, hierarchy, totals=totals)
    return hierarchy, tested, ensemble(panel, hierarchy, tested, tested.forecasts_of)


def test_the_ensemble_stands_in_all_tables(make_panel):
    panel = make_panel(220)
    _, tested, result = combined(panel)
    names = {*NAMES, "ensemble"}
    assert set(result.scores.leaderboard()["model"]) == names
    assert (
        {*result.scores.levels["model"]}
        == {*result.scores.segments["model"]}
        == {*result.scores.steps["model"]}
        == names
    )
    assert result.forecasts.height == 4 * panel.n_series * HORIZON
    last = result.forecasts.filter(pl.col("cutoff") == result.windows[-1].cutoff)
    np.testing.assert_array_equal(last["actual"].to_numpy(), panel.units[:, -HORIZON:].reshape(-1))
    assert set(tested.totals["level"]) == {"total", "shop"}
    chosen = result.trials.filter(stage="reconciliation", chosen=True).sort("cutoff")["wrmsse"]
    overall = result.scores.levels.filter(model="ensemble", level="all").sort("cutoff")["wrmsse"]
    np.testing.assert_allclose(chosen, overall, rtol=1e-5)


def test_later_sales_change_neither_earlier_forecasts_nor_their_ranges(make_panel):
    panel, other = make_panel(220), make_panel(220)
    other.units[:, -HORIZON:] = np.random.default_rng(1).permutation(other.units[:, -HORIZON:].ravel()).reshape(8, -1)
    tables = []
    for history in (panel, other):
        hierarchy, _, result = combined(history)
        before = result.forecasts.filter(pl.col("cutoff") < result.windows[-1].cutoff)
        ranges = backtest_ranges(history, hierarchy, result)["ranges"].filter(
            pl.col("cutoff") < result.windows[-1].cutoff
        )
        tables.append((before, ranges, result.mean(result.windows[-1].cutoff)))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])
    assert tables[0][1].height > 0
    np.testing.assert_array_equal(tables[0][2], tables[1][2])  # the last window's forecast is made before its truth


def test_ranges_are_tried_in_the_later_half_of_the_windows(make_panel):
    panel = make_panel(260)
    hierarchy, _, result = combined(panel, windows=5)
    tried = backtest_ranges(panel, hierarchy, result)
    assert tried["ranges"]["cutoff"].unique().sort().to_list() == [window.cutoff for window in result.windows[2:]]
    assert tried["ranges"]["learnt_from"].unique().sort().to_list() == [2, 3, 4]
    assert set(tried["quantiles"]["probability"]) == {*PROBABILITIES}
    shown = coverage_by_segment(tried["ranges"])
    assert set(shown["nominal"]) == {*NOMINAL}
    single = shown.filter(level="item x shop", by="all").sort("nominal")
    assert single["coverage"].is_sorted()
    assert single.filter(nominal=0.8)["coverage"].item() == pytest.approx(0.8, abs=0.12)


def test_windows_that_overlap_learn_from_those_that_had_ended(make_panel):
    panel = make_panel(220)
    hierarchy, _, result = combined(panel, windows=4, every=4)
    tried = backtest_ranges(panel, hierarchy, result)["ranges"]
    # Cutoffs every four days and a horizon of seven: at the third cutoff the first window has ended, no other.
    assert dict(tried.select("cutoff", "learnt_from").unique().iter_rows()) == {
        result.windows[2].cutoff: 1,
        result.windows[3].cutoff: 2,
    }


def test_ranges_are_learnt_from_errors_of_the_blend_they_are_put_round(make_panel):
    """Not from those of what was forecast in the first windows, for want of anything to choose by."""
    panel = make_panel(260, gaps=False)
    weeks = np.random.default_rng(2).poisson(9, (panel.n_series, 7))  # each series has a week of its own
    panel.units[:] = weeks[:, np.arange(260) % 7] + np.random.default_rng(3).poisson(0.1, panel.units.shape)
    _, tested, result = combined(panel, windows=5)
    cutoffs = [window.cutoff for window in result.windows]
    assert list(result.selection.chosen_blends[:3]) == ["mean", "mean", "seasonal_naive"]
    learnt_from = result.comparable_forecasts(panel.until(cutoffs[2]), cutoffs[2])
    assert learnt_from["cutoff"].unique().sort().to_list() == cutoffs[:2]
    first = learnt_from.filter(cutoff=cutoffs[0])  # nothing was known then to bring it into line by
    np.testing.assert_array_equal(first["mean"], tested.forecasts_of("seasonal_naive", cutoffs[0])["mean"])
    np.testing.assert_array_equal(first["actual"], result.forecasts.filter(cutoff=cutoffs[0])["actual"])
    assert not np.allclose(first["mean"], result.forecasts.filter(cutoff=cutoffs[0])["mean"])
    assert result.comparable_forecasts(panel)["cutoff"].n_unique() == 5


def test_one_window_alone_has_no_ranges_to_try(make_panel):
    panel = make_panel(220)
    hierarchy, _, result = combined(panel, windows=1)
    tried = backtest_ranges(panel, hierarchy, result)
    assert tried["ranges"].is_empty()
    assert tried["quantiles"].is_empty()
    assert coverage_by_segment(tried["ranges"]).is_empty()
