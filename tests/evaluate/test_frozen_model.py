"""A model that is not taught anew, against one that is scored window by window by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.evaluate.backtest import backtest
from foresell.evaluate.frozen_model import frozen_forecasts, score_levels
from foresell.models.naive import MovingAverage, SeasonalNaive

LEVELS = (("shop",),)


@pytest.fixture
def panel(make_panel):
    return make_panel(n_days=120)


def test_it_is_asked_and_not_taught(panel):
    """A moving average forgets what it was fitted on, so that asked at a cutoff it says what one fitted there does."""
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    days = [91, 105]
    cutoffs = [panel.until(day).cutoff for day in days]
    expected = backtest(panel, {"mine": MovingAverage()}, 14, days, hierarchy).levels
    scores = score_levels("mine", frozen_forecasts(MovingAverage().fit(panel.until(60), 14), panel, cutoffs, hierarchy))
    assert scores.equals(expected.select(scores.columns))
    assert set(expected.columns) == set(scores.columns)


def test_nothing_after_a_cutoff_is_seen(panel):
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    fitted = SeasonalNaive().fit(panel.until(60), 14)
    last = panel.until(105).cutoff

    cutoffs_asked = []

    class Watching:
        horizon = 14

        def forecast(self, past):
            cutoffs_asked.append((past.n_days, past.cutoff))
            return fitted.forecast(past)

    scores = score_levels("mine", frozen_forecasts(Watching(), panel, [last], hierarchy))
    assert cutoffs_asked == [(106, last)]
    spoiled = panel.units.copy()
    spoiled[:, 106:] += 100
    other = score_levels("mine", frozen_forecasts(fitted, replace(panel, units=spoiled), [last], hierarchy))
    total = pl.col("level") == "total"
    # The forecast stays and the truth rises by 100 for each known series and day, so that it errs by so much more.
    known = ~np.isnan(panel.units[:, 106:])
    before, after = (table.filter(total)["bias"][0] for table in (scores, other))
    actual = np.nansum(panel.units[:, 106:])
    expected = fitted.forecast(panel.until(105)).mean[known].sum()
    assert before == pytest.approx((expected - actual) / actual, rel=1e-5)
    assert after == pytest.approx((expected - actual - 100 * known.sum()) / (actual + 100 * known.sum()), rel=1e-5)


@pytest.mark.parametrize("day", [119, 106])
def test_a_cutoff_without_a_whole_horizon_after_it_is_refused(panel, day):
    fitted = SeasonalNaive().fit(panel.until(60), 14)
    with pytest.raises(UsageError, match="1 leave no 14 days"):
        list(frozen_forecasts(fitted, panel, [panel.until(day).cutoff], Hierarchy.of(panel.keys, LEVELS)))


def test_no_cutoff_at_all_is_refused(panel):
    fitted = SeasonalNaive().fit(panel.until(60), 14)
    with pytest.raises(UsageError, match="Found 0 cutoffs"):
        list(frozen_forecasts(fitted, panel, [], Hierarchy.of(panel.keys, LEVELS)))
