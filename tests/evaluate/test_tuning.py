"""TuningWindows in windows of the past: what they see, what they share, and what is confirmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.evaluate import tuning
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.tuning import TuningWindows, confirm, sample_series, tuning_cutoffs
from foresell.features import row_draw, training_rows
from foresell.models import make

HORIZON = 7
LIGHT = make("lightgbm", trees=8, min_rows=10, share=0.5, threads=1)


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel(300)


@pytest.fixture(scope="module")
def hierarchy(panel):
    return Hierarchy.of(panel.keys, (("shop",),))


@pytest.fixture
def trials(panel, hierarchy):
    return TuningWindows.of(LIGHT, panel, HORIZON, tuning_cutoffs(panel, HORIZON, 2), hierarchy)


def test_the_windows_of_tuning_end_where_those_of_the_backtest_begin(panel):
    # The history's days are 0 to 299. Two windows of seven days: 285 and 292; before them 271 and 278.
    assert cutoffs(panel, 7, 2) == [285, 292]
    assert tuning_cutoffs(panel, 7, 2) == [271, 278]
    assert tuning_cutoffs(panel, 7, 3, every=10) == [245, 255, 265]  # the backtest's are 272, 282 and 292


def test_a_history_too_short_for_both_says_what_it_takes(make_panel):
    tuning_cutoffs(make_panel(35), 7, 2)  # 7 to learn, twice 14 to test
    expected = r"has 34 days, too few to tune.*take 21 days, and before the backtest.s windows there are 20\."
    with pytest.raises(UsageError, match=expected):
        tuning_cutoffs(make_panel(34), 7, 2)


def test_a_sample_is_drawn_at_random_in_order_and_again_the_same(panel):
    part = sample_series(panel, 5, seed=3)
    rows = [panel.series.rows().index(row) for row in part.series.rows()]
    assert len(rows) == 5
    assert rows == sorted(rows)
    assert sample_series(panel, 5, seed=3).series.equals(part.series)
    drawn = {tuple(sample_series(panel, 5, seed=seed).series.rows()) for seed in range(8)}
    assert len(drawn) > 4
    assert sample_series(panel, 8, seed=3) is panel


def test_a_trial_is_judged_as_the_backtest_would(panel, hierarchy, trials):
    days = tuning_cutoffs(panel, HORIZON, 2)
    tested = backtest(panel, {"it": trials.space.model}, HORIZON, days, hierarchy)
    overall = tested.levels.filter(pl.col("level") == "all").sort("cutoff", descending=True)
    assert list(trials.window_errors(trials.space.model)) == pytest.approx(overall["wrmsse"].to_list())


def test_nothing_after_the_windows_of_tuning_matters(panel, hierarchy, trials):
    days = tuning_cutoffs(panel, HORIZON, 2)
    units = panel.units.copy()
    units[:, days[-1] + HORIZON + 1 :] = np.random.default_rng(1).integers(0, 99, units[:, days[-1] + 8 :].shape)
    other = TuningWindows.of(LIGHT, replace(panel, units=units), HORIZON, days, hierarchy)
    assert list(other.window_errors(LIGHT)) == list(trials.window_errors(LIGHT))
    units[:, days[-1] + HORIZON] += 50  # the last day of the last window does matter
    seen = TuningWindows.of(LIGHT, replace(panel, units=units), HORIZON, days, hierarchy)
    assert list(seen.window_errors(LIGHT)) != list(trials.window_errors(LIGHT))


def test_rows_and_features_are_made_once_for_all_trials(panel, hierarchy, monkeypatch):
    drawn, prepared_cutoffs = [], []
    first, second = training_rows.TrainingRows.__init__, row_draw.matrix
    monkeypatch.setattr(
        training_rows.TrainingRows, "__init__", lambda self, *of, **more: (drawn.append(1), first(self, *of, **more))[1]
    )
    monkeypatch.setattr(row_draw, "matrix", lambda *of: (prepared_cutoffs.append(1), second(*of))[1])
    trials = TuningWindows.of(LIGHT, panel, HORIZON, tuning_cutoffs(panel, HORIZON, 2), hierarchy)
    list(trials.window_errors(trials.space.model))
    once = len(prepared_cutoffs)
    for values in ({"leaves": 15, "drop": "price"}, {"loss": "squared", "drop": "lag"}, {"drop": "calendar"}):
        list(trials.window_errors(trials.space.make(values)))
    assert len(drawn) == 1
    assert 0 < once == len(prepared_cutoffs)


def test_a_group_that_is_left_out_is_not_looked_at(panel, trials):
    fitted = trials.space.make({"drop": "price"}).fit(
        panel.until(trials.cutoffs[0]), HORIZON, trials.prepared
    )  # fmt: skip
    assert not [name for name in fitted.recipe.features if name.startswith("price")]
    assert any(name.startswith("price") for name in trials.prepared.features)


def test_no_more_rows_are_drawn_than_it_takes_to_tell_models_apart(panel, hierarchy, monkeypatch):
    days = tuning_cutoffs(panel, HORIZON, 2)
    plenty = TuningWindows.of(LIGHT, panel, HORIZON, days, hierarchy)
    monkeypatch.setattr(tuning, "MOST_ROWS", 200)
    few = TuningWindows.of(LIGHT, panel, HORIZON, days, hierarchy)
    assert plenty.space.model.share == 0.5
    assert few.rows < 200 < plenty.rows
    assert few.space.make({"leaves": 15}).share == few.space.model.share  # so that all trials can share them


def test_the_first_trial_is_the_model_of_the_settings_even_outside_of_the_space(trials):
    assert trials.model(0, {"trees": 40}).trees == 8
    assert trials.model(1, {"trees": 40}).trees == 40


def test_what_is_confirmed_is_what_the_backtest_shows(panel, hierarchy):
    days = cutoffs(panel, HORIZON, 2)
    other = replace(LIGHT, trees=30)
    confirmed = confirm(panel, LIGHT, other, HORIZON, days, hierarchy)
    tested = backtest(panel, {"it": other}, HORIZON, days, hierarchy).levels.filter(pl.col("level") == "all")
    assert confirmed.columns == ["cutoff", "settings", "tuned"]
    assert confirmed["cutoff"].to_list() == [panel.until(day).cutoff for day in days]
    assert confirmed["tuned"].to_list() == pytest.approx(tested.sort("cutoff")["wrmsse"].to_list())
    assert (confirmed["settings"] != confirmed["tuned"]).all()
