from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.adjust.reconciliation import Reconciliation
from foresell.core.errors import UnreadableFile
from foresell.core.hierarchy import Hierarchy
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import RECONCILIATION, Champion, fit
from foresell.ensemble.combination import Combination
from foresell.models import make
from foresell.models.upper_levels.totals import Totals

HORIZON = 9
BLEND = Blend(pl.DataFrame({"segment": ["new", "other"], "lightgbm": [0.0, 0.8], "launch": [1.0, 0.2]}), "age")


@pytest.fixture
def models():
    return {
        "launch": make("launch"),
        "lightgbm": make("lightgbm", trees=5, share=0.5, min_rows=5),
        "idle": make("seasonal_naive"),
    }


@pytest.fixture
def totals():
    return Totals(((), ("shop",)), {"moving_average": make("moving_average")})


def mint(panel) -> Reconciliation:
    return Reconciliation(
        {"bottom_up": 0.25, "mint": 0.75},
        np.linspace(1, 5, panel.n_series),
        {(): np.array([2.0]), ("shop",): np.array([1.0, 3.0])},
    )


def test_it_blends_and_lines_up(make_panel, models, totals):
    panel = make_panel(200)
    champion = fit(panel, HORIZON, models, totals, Combination(BLEND, mint(panel)))
    assert set(champion.models) == {"launch", "lightgbm"}  # the idle one was not even fitted
    mean = champion.forecast(panel).mean
    alone = {name: model.forecast(panel).mean for name, model in champion.models.items()}
    old = 0.8 * alone["lightgbm"][0] + 0.2 * alone["launch"][0]
    blended = champion.combination.blend.apply(alone, pl.DataFrame({"age": ["old"] * 7 + ["new"]}))
    np.testing.assert_allclose(blended[0], old, rtol=1e-5)
    np.testing.assert_allclose(blended[7], alone["launch"][7], rtol=1e-5)
    sums = totals.sums(panel)
    wanted = totals.fit(sums, HORIZON).forecast(sums).mean[0]
    before, after = np.abs(blended.sum(axis=0) - wanted), np.abs(mean.sum(axis=0) - wanted)
    assert (after < before).all()


def test_some_of_the_series_are_not_lined_up(make_panel, models, totals):
    panel = make_panel(200)
    champion = fit(panel, HORIZON, models, totals, Combination(BLEND, mint(panel)))
    part = panel.part(slice(0, 3))
    alone = {name: model.forecast(part).mean for name, model in champion.models.items()}
    expected = 0.8 * alone["lightgbm"][0] + 0.2 * alone["launch"][0]
    np.testing.assert_allclose(champion.forecast(part).mean[0], expected, rtol=1e-5)


def test_contributions_add_up_to_the_forecast(make_panel, models, totals):
    panel = make_panel(200)
    champion = fit(panel, HORIZON, models, totals, Combination(BLEND, mint(panel)))
    contributions = champion.explain(panel, [0, 4])
    assert RECONCILIATION in contributions.features
    np.testing.assert_allclose(contributions.mean, champion.forecast(panel).mean[[0, 4]], rtol=1e-4)
    np.testing.assert_allclose(champion.explain(panel).mean, champion.forecast(panel).mean, rtol=1e-4, atol=1e-4)


def test_it_comes_back_from_a_folder(make_panel, models, totals, tmp_path):
    panel = make_panel(200)
    champion = fit(panel, HORIZON, models, totals, Combination(BLEND, mint(panel)))
    champion.save(tmp_path / "model")
    back = Champion.load(tmp_path / "model")
    np.testing.assert_array_equal(back.forecast(panel).mean, champion.forecast(panel).mean)
    assert back.drivers().equals(champion.drivers())
    (tmp_path / "model" / "combination.json").write_text("{")
    with pytest.raises(UnreadableFile, match="holds no combination of models"):
        Champion.load(tmp_path / "model")


def test_drivers_are_shared_by_weight(make_panel, models):
    panel = make_panel(200)
    champion = fit(panel, HORIZON, models, None, Combination(BLEND, Reconciliation({"bottom_up": 1.0})))
    assert champion.drivers()["share"].sum() == pytest.approx(1)
    assert champion.totals is None
    assert RECONCILIATION not in champion.explain(panel, [0]).features
    assert Hierarchy.of(panel.keys).bottom == champion.forecast(panel).keys
