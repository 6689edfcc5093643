"""The search for the best combination, on windows made so that the answer is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.hierarchy import Hierarchy
from foresell.ensemble import candidates
from foresell.ensemble.selection import select_combination
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.weights import Weights
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by

SERIES = pl.DataFrame({"shop": ["a", "a", "b", "b"], "item": ["x", "y", "x", "y"]})
HIERARCHY = Hierarchy.of(("shop", "item"), (("shop",),))
GROUPS = tuple(HIERARCHY.all_groups(SERIES))
HORIZON = 28


def window(number: int, models, totals=None) -> WindowForecasts:
    """A window whose truth is random; `models` and `totals` are told it and make forecasts of it."""
    random = np.random.default_rng(number)
    actual = random.poisson(20, (4, HORIZON)).astype(np.float64)
    sums = tuple(groups.sum(actual) for groups in GROUPS)
    even = tuple(np.full(len(groups), 1 / len(groups)) for groups in GROUPS)
    weights = Weights("computed", even, tuple(np.full(len(groups), 9.0) for groups in GROUPS))
    labels = pl.DataFrame({"age": ["new", "old", "old", "old"]})
    cutoff = date(2024, 1, 1) + timedelta(HORIZON * number)
    truth = EvaluationWindow(cutoff, GROUPS, np.ones((4, HORIZON), bool), sums, weights, labels)
    means = {name: model(actual, random).astype(np.float32) for name, model in models.items()}
    upper = {} if totals is None else {groups.level: totals(groups.sum(actual), random) for groups in GROUPS[:2]}
    return WindowForecasts(truth, cutoff + timedelta(HORIZON), means, upper)


def noisy(size):
    return lambda actual, random: actual + random.normal(0, size, actual.shape)


def test_independent_errors_are_averaged_away():
    selection = select_combination([window(n, {"one": noisy(3), "two": noisy(3), "bad": noisy(30)}) for n in range(6)])
    weights = selection.combination.blend.weights.row(0, named=True)
    assert weights["one"] == pytest.approx(weights["two"], abs=0.15)
    assert "bad" not in selection.combination.blend.models
    scores = selection.trials.group_by("candidate").agg(pl.col("wrmsse").mean())
    of = dict(scores.iter_rows())
    assert of["weighted"] < min(of["one"], of["two"])
    assert selection.combination.reconciliation.shares == {"bottom_up": 1.0}


def test_a_model_for_new_series_has_its_weight_there():
    def good_for(rows):
        def model(actual, random):
            size = np.full((4, 1), 20.0)
            size[rows] = 1
            return actual + random.normal(0, 1, actual.shape) * size

        return model

    windows = [window(n, {"launch": good_for([0]), "other": good_for([1, 2, 3])}) for n in range(5)]
    blend = select_combination(windows).combination.blend
    assert blend.by == "age"
    weights = {row["segment"]: row["launch"] for row in blend.weights.to_dicts()}
    assert weights["new"] > 0.8
    assert weights["other"] < 0.2


def test_good_totals_mend_the_single_series():
    def biased(actual, random):
        return actual * random.uniform(0.7, 1.3) + random.normal(0, 1, actual.shape)

    windows = [window(n, {"only": biased}, totals=noisy(1)) for n in range(6)]
    selection = select_combination(windows)
    assert selection.combination.needs_totals
    ways = selection.trials.filter(stage="reconciliation").group_by("candidate").agg(pl.col("wrmsse").mean())
    of = dict(ways.iter_rows())
    assert of["mint"] < 0.6 * of["bottom_up"]
    assert of["middle_out shop"] < 0.6 * of["bottom_up"]
    # The first window had nothing to go by; the others are in line with their totals.
    for number, (of_window, mean) in enumerate(zip(windows, selection.means, strict=True)):
        near = np.abs(GROUPS[1].sum(mean) - of_window.totals[("shop",)]).mean() < 2
        assert near == (number >= 1)


def test_bad_totals_are_not_heard():
    selection = select_combination([window(n, {"only": noisy(1)}, totals=noisy(40)) for n in range(5)])
    assert (
        selection.combination.reconciliation.shares.get("bottom_up", 0)
        + ("mint" in (selection.combination.reconciliation.shares))
        > 0.8
    )
    shown = selection.trials.filter(stage="reconciliation", chosen=True)["wrmsse"]
    only = selection.trials.filter(stage="blend", candidate="only")["wrmsse"]
    assert shown.mean() <= 1.02 * only.mean()


def test_what_comes_later_changes_nothing_of_a_window():
    """The forecasts of the first windows are the same whatever the later ones hold."""
    models = {"one": noisy(3), "two": noisy(5)}
    early = [window(n, models, noisy(2)) for n in range(3)]
    first = select_combination([*early, window(3, models, noisy(2))]).means[:3]
    second = select_combination([*early, window(77, {"one": noisy(90), "two": noisy(1)}, noisy(90))]).means[:3]
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_wish_is_granted_and_an_impossible_one_refused():
    windows = [window(n, {"one": noisy(3), "two": noisy(1)}, noisy(2)) for n in range(3)]
    selection = select_combination(windows, champion="one", reconciliation="top_down")
    assert selection.combination.blend.models == ("one",)
    assert selection.combination.reconciliation.shares == {"top_down": 1.0}
    with pytest.raises(SettingsError, match="no reconciliation 'sideways'; there are combined, bottom_up, top_down"):
        select_combination(windows, reconciliation="sideways")


def test_new_series_are_left_to_the_model_for_them_where_no_window_had_one():
    models = {"launch": noisy(9), "one": noisy(1), "two": noisy(1)}
    windows = [window(n, models) for n in range(3)]
    old = pl.DataFrame({"age": ["old"] * 4})
    windows = [replace(each, evaluation=replace(each.evaluation, segments=old)) for each in windows]
    weights = {row["segment"]: row for row in select_combination(windows).combination.blend.weights.to_dicts()}
    assert (weights["new"]["launch"], weights["other"]["launch"]) == (1, 0)


def test_a_model_that_is_asked_for_forecasts_new_series_too():
    windows = [window(n, {"launch": noisy(1), "one": noisy(3)}) for n in range(3)]
    assert select_combination(windows, champion="one").combination.blend.models == ("one",)


def test_benchmarks_are_left_out_of_the_simple_mean(monkeypatch):
    windows = [window(n, {"seasonal_naive": noisy(9), "one": noisy(1), "two": noisy(1)}) for n in range(1)]
    monkeypatch.setattr(candidates, "FAR_WORSE", 0.5)  # two models that are alike may differ so much in one window
    selection = select_combination(windows, baselines=("seasonal_naive",))
    assert set(selection.combination.blend.models) == {"one", "two"}


def test_windows_that_overlap_are_not_learnt_from_before_they_end():
    """Windows every half horizon: at a cutoff, the truth of the one before is only half known."""
    models = {"one": noisy(3), "two": noisy(5)}
    windows = [
        replace(one, evaluation=replace(one.evaluation, cutoff=date(2024, 1, 1) + timedelta(HORIZON // 2 * number)))
        for number, one in enumerate(window(number, models, noisy(2)) for number in range(5))
    ]
    windows = [replace(one, last_day=one.cutoff + timedelta(HORIZON)) for one in windows]
    assert [windows_ended_by(windows, one.cutoff) for one in windows] == [0, 0, 1, 2, 3]
    other = replace(window(77, {"one": noisy(90), "two": noisy(1)}, noisy(90)), last_day=windows[3].last_day)
    other = replace(other, evaluation=replace(other.evaluation, cutoff=windows[3].cutoff))
    first, second = select_combination(windows).means, select_combination([*windows[:3], other, windows[4]]).means
    for place in (0, 1, 2, 4):
        np.testing.assert_array_equal(first[place], second[place])


def test_the_score_of_what_was_chosen_in_the_end_is_that_of_all_windows():
    models = {"one": noisy(1), "two": noisy(6), "three": noisy(6)}
    selection = select_combination([window(n, models, noisy(2)) for n in range(4)])
    trials = selection.trials.filter(stage="reconciliation")
    by_window = [
        of_window.filter(pl.col("final"))["wrmsse"].item()
        if of_window["final"].any()
        else of_window.filter(pl.col("chosen"))["wrmsse"].item()
        for of_window in trials.partition_by("cutoff")
    ]
    assert len(by_window) == 4
    assert selection.final_wrmsse == pytest.approx(np.mean(by_window))
