"""Models that are set for some series: in the backtest, the forecast, its reasons and its files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.adjust.reconciliation import Reconciliation
from foresell.core.errors import SettingsError
from foresell.core.hierarchy import Hierarchy
from foresell.core.settings import SeriesModel, parse_settings
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import Champion, fit
from foresell.ensemble.combination import Combination
from foresell.ensemble.range_backtest import backtest_ranges
from foresell.ensemble.series_models import AssignedBlend, assigned_rows, check_series_models, unmet_conditions
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.segments import segments
from foresell.models import make
from foresell.models.upper_levels.totals import Totals
from foresell.serving.current_forecast import ChampionScenarioModel

HORIZON = 7
NAMES = ("seasonal_naive", "moving_average", "launch")
SERIES = pl.DataFrame(
    {"store": ["N", "N", "S"], "code": [1, 2, 2], "size": [10.0, 20.0, None], "open": [True, False, True]}
)
SOUTH = Blend(pl.DataFrame({"segment": ["new", "other"], "launch": [1.0, 0.0], "seasonal_naive": [0.0, 1.0]}), "age")


def where(condition, model: str = "seasonal_naive") -> SeriesModel:
    settings = {"data": {"sales": "s.csv"}, "series_models": [{"where": condition, "model": model}]}
    return parse_settings(settings).series_models[0]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"store": "N"}, [0, 0, -1]),
        ({"store": ["N", "S"], "code": 2}, [-1, 0, 0]),
        ({"size": 10}, [0, -1, -1]),
        ({"size": ["10.0", 20]}, [0, 0, -1]),
        ({"open": True}, [0, -1, 0]),
        ({"store": "n"}, [-1, -1, -1]),
    ],
)
def test_values_are_compared_as_text_and_numbers_as_numbers(condition, expected):
    from foresell.ensemble.series_models import wheres_of

    assert assigned_rows(wheres_of([where(condition)]), SERIES).tolist() == expected


def test_what_the_settings_name_and_is_not_there_is_refused():
    check_series_models([where({"store": "N"}), where({"code": 2}, "weighted")], SERIES, ["seasonal_naive"])
    with pytest.raises(
        SettingsError, match=r"the column 'stroe', but the series have store, code, size, open. Did you"
    ):
        check_series_models([where({"stroe": "N"})], SERIES, ["seasonal_naive"])
    with pytest.raises(SettingsError, match=r"the model 'smooting', which is not among smoothing, mean, weighted. Did"):
        check_series_models([where({"store": "N"}, "smooting")], SERIES, ["smoothing"])
    with pytest.raises(SettingsError, match=r"'where' is empty.*'champion: mean'"):
        check_series_models([where({}, "mean")], SERIES, [])
    with pytest.raises(SettingsError, match=r"unknown field `wher`.*Did you mean 'where'"):
        parse_settings({"data": {"sales": "s"}, "series_models": [{"wher": {}, "model": "mean"}]})


def test_an_entry_without_series_is_warned_of():
    assert unmet_conditions([where({"store": "N"}), where({"code": [1, 2]})], SERIES) == []
    assert unmet_conditions([where({"store": ["N", "X"]})], SERIES) == [
        "'series_models' lists 'store' X, which no series has (they have N, S); it sets seasonal_naive for 2 series. "
        "Correct the values or remove them."
    ]
    (shadowed,) = unmet_conditions([where({"store": "N"}), where({"code": 1})], SERIES)
    assert "code 1, whose series all match an earlier entry; it sets seasonal_naive for no series" in shadowed
    (apart,) = unmet_conditions([where({"store": "S", "code": 1})], SERIES)
    assert "store S and code 1. Each value is there, but no series has all of them together" in apart


@pytest.fixture(scope="module")
def shop(make_panel):
    panel = make_panel(220)
    hierarchy = Hierarchy.of(panel.keys, (("shop",),))
    totals = Totals(((), ("shop",)), {"moving_average": make("moving_average")})
    models = {name: make(name) for name in NAMES}
    tested = backtest(panel, models, HORIZON, cutoffs(panel, HORIZON, 4), hierarchy, totals=totals)
    return panel, hierarchy, models, totals, tested


def combined(shop, wanted=(), **more):
    panel, hierarchy, _, _, tested = shop
    return ensemble(panel, hierarchy, tested, tested.forecasts_of, series_models=wanted, **more)


WANTED = (where({"shop": "south", "category": "food"}, "seasonal_naive"), where({"item": "item 3"}, "weighted"))


def test_the_backtest_is_of_the_models_that_were_set_and_other_series_stay_to_the_bit(shop):
    panel, hierarchy, *_ = shop
    plain = combined(shop, reconciliation="bottom_up")
    result = combined(shop, WANTED, reconciliation="bottom_up")
    assert result.combination.blend.weights.equals(plain.combination.blend.weights)
    assert result.combination.series_by_model == {"seasonal_naive": 2, "weighted": 2}
    own = [4, 5]
    others = [row for row in range(panel.n_series) if row not in (*own, 3, 7)]
    for window in result.windows:
        mean, before = result.mean(window.cutoff), plain.mean(window.cutoff)
        np.testing.assert_array_equal(mean[others], before[others])
        np.testing.assert_array_equal(mean[own], window.means["seasonal_naive"][own])
        assert not np.array_equal(mean[own], before[own])
    last = result.windows[-1]  # weights are those of the windows that had ended
    candidates = result.trials.filter(stage="blend", candidate="weighted", cutoff=last.cutoff)
    assert candidates.height == 1
    scores = {name: each.scores.levels.filter(model="ensemble", level="all") for name, each in
              (("plain", plain), ("set", result))}  # fmt: skip
    assert not scores["set"]["wrmsse"].equals(scores["plain"]["wrmsse"])
    expected = [last.wrmsse(last.errors(result.mean(last.cutoff)))]
    assert scores["set"].sort("cutoff")["wrmsse"].to_list()[-1:] == pytest.approx(expected, rel=1e-5)
    learnt_from = result.comparable_forecasts(panel).filter(cutoff=last.cutoff)["mean"].to_numpy().reshape(8, HORIZON)
    np.testing.assert_array_equal(learnt_from[own], last.means["seasonal_naive"][own])
    assert backtest_ranges(panel, hierarchy, result)["ranges"].height > 0


def test_what_was_set_is_fitted_forecast_and_explained(shop):
    panel, _, models, totals, _ = shop
    result = combined(shop, WANTED, champion="moving_average")
    assert result.combination.blend.models == ("moving_average",)
    champion = fit(panel, HORIZON, models, totals, result.combination)
    assert "seasonal_naive" in champion.models
    alone = replace(champion, totals=None)
    mean = alone.forecast(panel).mean
    np.testing.assert_array_equal(mean[[4, 5]], champion.models["seasonal_naive"].forecast(panel).mean[[4, 5]])
    others = [0, 1, 2, 6]
    np.testing.assert_array_equal(mean[others], champion.models["moving_average"].forecast(panel).mean[others])
    np.testing.assert_allclose(champion.explain(panel).mean, champion.forecast(panel).mean, rtol=1e-4, atol=1e-4)
    assert champion.drivers()["share"].sum() == pytest.approx(1)


def test_reconciliation_moves_all_series(shop):
    panel, _, models, totals, _ = shop
    champion = fit(panel, HORIZON, models, totals, combined(shop, WANTED, reconciliation="top_down").combination)
    sums = totals.sums(panel)
    wanted = totals.fit(sums, HORIZON).forecast(sums).mean[0]
    np.testing.assert_allclose(champion.forecast(panel).mean.sum(axis=0), wanted, rtol=1e-4)
    assert (champion.forecast(panel).mean[4] != champion.models["seasonal_naive"].forecast(panel).mean[4]).any()


def test_it_comes_back_from_a_folder_and_serves_the_same(shop, tmp_path):
    panel, _, models, totals, _ = shop
    champion = fit(panel, HORIZON, models, totals, combined(shop, WANTED).combination)
    champion.save(tmp_path)
    back = Champion.load(tmp_path)
    mean = champion.forecast(panel).mean
    np.testing.assert_array_equal(back.forecast(panel).mean, mean)
    assert back.drivers().equals(champion.drivers())
    served = ChampionScenarioModel(back, panel, 1 << 30)
    np.testing.assert_array_equal(served.mean, mean)
    np.testing.assert_allclose(served.explain(np.array([4, 3])).mean, mean[[4, 3]], rtol=1e-4, atol=1e-4)


def test_a_combination_of_before_has_no_models_that_were_set(tmp_path):
    combination = Combination(Blend.mean(["a", "b"]), Reconciliation({"bottom_up": 1.0}))
    combination.save(tmp_path)
    assert "assigned" not in json.loads((tmp_path / "combination.json").read_text())
    assert Combination.load(tmp_path).assigned == ()


def test_series_to_come_have_the_model_that_was_set_for_them(make_panel):
    """A condition is kept, not the list of series that met it."""
    panel = make_panel(60)
    entry = AssignedBlend({"shop": ("south",)}, "mean", SOUTH, 0)
    combination = Combination(Blend.fixed({"moving_average": 1.0}), Reconciliation({"bottom_up": 1.0}), (entry,))
    assert combination.models == ("moving_average", "launch", "seasonal_naive")
    kinds = segments(panel)
    weights = combination.weights_of(panel.series, kinds)
    assert weights[0].tolist() == [1, 0, 0]
    assert weights[4].tolist() == [0, 0, 1]
    assert kinds["age"][7] == "new"
    assert weights[7].tolist() == [0, 1, 0]
    means = {name: np.full((8, 2), number, np.float32) for number, name in enumerate(combination.models)}
    blended = combination.apply(means, panel.series, kinds)
    np.testing.assert_array_equal(blended[:, 0], weights @ np.arange(3))
