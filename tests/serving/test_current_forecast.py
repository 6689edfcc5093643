"""A champion of several models that is lined up with totals, at the cutoff that it serves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.adjust.reconciliation import Reconciliation
from foresell.core.panel import Known, Panel
from foresell.core.scenario import scenario
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import fit
from foresell.ensemble.combination import Combination
from foresell.models import make
from foresell.models.contract import ScenarioRows
from foresell.models.upper_levels.totals import Totals
from foresell.serving.current_forecast import ChampionScenarioModel, ahead_of, last_known

HORIZON = 9
LEVELS = (("shop",), ("category",))
BLEND = Blend(pl.DataFrame({"segment": ["new", "other"], "lightgbm": [0.3, 0.8], "launch": [0.7, 0.2]}), "age")


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel(200)


@pytest.fixture(scope="module")
def champion(panel):
    models = {
        "launch": make("launch"),
        "lightgbm": make("lightgbm", trees=15, share=0.5, min_rows=5, use=("all",), levels=LEVELS),
    }
    totals = Totals(((), ("shop",)), {"moving_average": make("moving_average")})
    ways = {"bottom_up": 0.25, "top_down": 0.75}
    return fit(panel, HORIZON, models, totals, Combination(BLEND, Reconciliation(ways)))


@pytest.fixture(scope="module")
def scenarios(champion, panel):
    return ChampionScenarioModel(champion, panel, 1 << 30)


def test_it_stands_as_the_champion_forecasts(champion, scenarios, panel):
    np.testing.assert_array_equal(scenarios.mean, champion.forecast(panel).mean)
    assert scenarios.reads == champion.reads(panel) == {"price", "promotion"}
    assert scenarios.memory() > scenarios.mean.nbytes


@pytest.mark.parametrize("together", [False, True])
def test_what_if_is_blended_anew_and_moved_by_the_ratio_of_the_totals(champion, scenarios, panel, together):
    """The champion asked about a part of the panel does not line up: that is what moves by the ratio."""
    rows = np.array([0, 4, 5])
    day = panel.ahead(HORIZON)[3].astype(object)
    ahead = {"price": np.full((3, HORIZON), np.nan, np.float32)}
    ahead["price"][:, 3] = 0.5
    found = scenarios.answer_scenario(ScenarioRows(rows, ahead, np.arange(3), np.full(3, 3), together=together))
    alone = replace(champion, totals=None)
    before = alone.forecast(panel).mean[rows, 3]
    each = [rows] * 3 if together else [rows[[place]] for place in range(3)]
    after = [
        alone.forecast(scenario(panel, {"price": 0.5}, changed, day, day)).mean[row, 3]
        for row, changed in zip(rows, each, strict=True)
    ]
    np.testing.assert_allclose(found, after / before * champion.forecast(panel).mean[rows, 3], rtol=1e-5)
    assert (found != scenarios.mean[rows, 3]).any()


def test_what_stays_as_it_is_stays_to_the_bit(scenarios, panel):
    series, step = np.divmod(np.arange(panel.n_series * HORIZON), HORIZON)
    known = ahead_of(panel, HORIZON)["promotion"][series]
    same = scenarios.answer_scenario(ScenarioRows(series, {"promotion": known}, np.arange(len(series)), step))
    np.testing.assert_array_equal(same, scenarios.mean[series, step])


def test_its_reasons_are_those_of_the_champion(champion, scenarios, panel):
    found, expected = scenarios.explain(np.array([5, 0])), champion.explain(panel, [5, 0])
    assert found.features == expected.features
    np.testing.assert_allclose(found.mean, scenarios.mean[[5, 0]], rtol=1e-5)
    np.testing.assert_allclose(found.units, expected.units, rtol=1e-5, atol=1e-6)


def test_new_series_have_the_weights_of_new_ones(champion, scenarios, panel):
    new = panel.part(np.array([7]))  # as if it were not in the panel, where it is without a history too
    found = scenarios.new_series(new, np.array([2]))[0]
    models = {name: model.forecast(panel).mean[7, 2] for name, model in champion.models.items()}
    assert found == pytest.approx(0.3 * models["lightgbm"] + 0.7 * models["launch"], rel=1e-3)


def test_the_last_price_is_held_where_none_is_known():
    price = np.array([[1, np.nan, 2, np.nan, 3], [np.nan, 5, np.nan, np.nan, np.nan], [np.nan] * 5], np.float32)
    series = pl.DataFrame({"item": ["a", "b", "c"]})
    dates = np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]")
    panel = Panel(series, ("item",), dates, np.zeros((3, 3), np.float32), {"price": Known.of_each(price)})
    ahead = ahead_of(panel, 3)["price"]
    np.testing.assert_array_equal(ahead, [[np.nan, 3, np.nan], [np.nan] * 3, [np.nan] * 3])
    np.testing.assert_array_equal(last_known(panel, ahead), [[2, 3, 3], [5, 5, 5], [np.nan] * 3])
