"""What is LightGBM's own, beside what `tests/contracts` asks of every model."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known, Panel
from foresell.models.lightgbm import REACH, LightGBM, offset, scaled, unknown_ahead

HORIZON = 14
SMALL = {"trees": 30, "share": 0.5}


def shop(n_series=40, n_days=800, seed=0):
    """Series whose sales differ a hundredfold, with a week and promotions that double them."""
    random = np.random.default_rng(seed)
    level = np.exp(random.uniform(0, 5, n_series))[:, None]
    day = np.arange(n_days + HORIZON)
    promoted = (random.random((n_series, n_days + HORIZON)) < 0.15).astype(np.float32)
    mean = level * (1 + 0.5 * (day % 7 == 3)) * (1 + promoted)
    units = random.poisson(mean[:, :n_days]).astype(np.float32)
    series = pl.DataFrame({"item": [f"i{n:02d}" for n in range(n_series)], "kind": ["a", "b"] * (n_series // 2)})
    dates = np.datetime64("2020-01-06") + day
    return Panel(series, ("item",), dates, units, {"promotion": Known.of_each(promoted)}), mean[:, n_days:]


def test_it_finds_the_week_and_the_promotion_at_every_size():
    panel, truth = shop()
    mean = LightGBM(trees=120, share=0.5).fit(panel, HORIZON).forecast(panel).mean
    assert np.abs(mean / truth - 1).mean() < 0.12
    assert abs(mean.sum() / truth.sum() - 1) < 0.03


def test_the_forecasts_add_up_to_those_of_the_anchor():
    panel, _ = shop()
    fitted = LightGBM(**SMALL, anchor=("kind",)).fit(panel, HORIZON)
    groups = Hierarchy.of(panel.keys).groups(panel.series, ("kind",))
    wanted = fitted.sums.forecast(panel.aggregate(("kind",))).mean
    np.testing.assert_allclose(groups.sum(fitted.forecast(panel).mean), wanted, rtol=1e-4)


def test_the_anchor_tried_is_the_finest_level_of_large_groups():
    panel, _ = shop()
    assert LightGBM(levels=(("kind",),))._anchor(panel, HORIZON) == ("kind",)
    assert LightGBM()._anchor(panel, HORIZON) == ()
    assert LightGBM()._anchor(panel.part(slice(0, 10)), HORIZON) is None
    assert LightGBM()._anchor(panel.until(300), HORIZON) is None


def test_the_anchor_is_kept_only_where_it_pays():
    # Each series has promotions of its own, which the mean over its group hardly shows.
    panel, _ = shop()
    assert LightGBM(**SMALL, levels=(("kind",),)).fit(panel, HORIZON).sums is None
    # Nothing but what all have in common, of which a series of few sales shows little.
    day = np.arange(panel.n_days)
    season = 1 + 0.6 * np.sin(2 * np.pi * day / 91) + 0.8 * (day % 7 == 3)
    units = np.random.default_rng(0).poisson(0.3 * season, panel.units.shape).astype(np.float32)
    faint = replace(panel, units=units, known={})
    assert LightGBM(trees=5, share=0.5).fit(faint, HORIZON).recipe.anchor == ()


def test_a_part_of_the_panel_is_not_scaled_to_the_whole():
    panel, truth = shop()
    fitted = LightGBM(**SMALL, anchor=()).fit(panel, HORIZON)
    alone = fitted.forecast(panel.part(slice(3, 4))).mean
    assert alone.sum() == pytest.approx(truth[3].sum(), rel=0.25)


def test_scaling_by_hand():
    groups = Hierarchy.of(("item",)).groups(pl.DataFrame({"item": ["x", "y", "z"], "kind": ["a", "a", "b"]}), ("kind",))
    mean = np.array([[1, 0], [3, 0], [5, 1]], np.float32)
    wanted = np.array([[6, 4], [5, 100]], np.float32)
    # 6 of 4 is 1.5; nothing can be scaled to 4; 100 of 1 is held at REACH.
    np.testing.assert_allclose(scaled(mean, groups, wanted), [[1.5, 0], [4.5, 0], [5, REACH]])


def test_the_offset_by_hand():
    values = np.array([[10, 20, 7], [np.nan, np.nan, 7]], np.float32)
    level = offset(values, ["smoothed_28", "mean_91", "step"], {"smoothed_28": 0.7, "mean_91": 0.3})
    np.testing.assert_allclose(level, np.log([0.7 * 10 + 0.3 * 20 + 0.02, 0.02]))


def test_a_covariate_that_ends_with_the_history_is_left_out():
    panel, _ = shop()
    assert unknown_ahead(panel, HORIZON) == set()
    values = panel.known["promotion"].values.copy()
    values[:, panel.n_days :] = np.nan
    blind = replace(panel, known={"promotion": Known.of_each(values)})
    assert unknown_ahead(blind, HORIZON) == {"promotion"}
    fitted = LightGBM(**SMALL).fit(blind, HORIZON)
    assert not [name for name in fitted.recipe.features if "promotion" in name]


def test_features_and_drop_choose():
    panel, _ = shop()
    fitted = LightGBM(**SMALL, use=("window", "weekday"), drop=("skew_7",), anchor=None).fit(panel, HORIZON)
    assert "weekday" in fitted.recipe.features
    assert "skew_28" in fitted.recipe.features
    assert "skew_7" not in fitted.recipe.features
    with pytest.raises(UsageError, match="no feature"):
        LightGBM(use=("windows",)).fit(panel, HORIZON)


def test_a_history_without_sales_is_refused():
    panel, _ = shop()
    with pytest.raises(UsageError, match="no sales to learn"):
        LightGBM(**SMALL).fit(replace(panel, units=np.zeros_like(panel.units)), HORIZON)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    panel, _ = shop(n_days=300)
    fitted = LightGBM(**SMALL).fit(panel, HORIZON)
    for number, spoil in enumerate((_cut_the_booster, _cut_the_recipe, _swap_the_features, _lose_the_booster)):
        folder = tmp_path / str(number)
        fitted.save(folder)
        spoil(folder)
        with pytest.raises(UnreadableFile, match="foresell train"):
            LightGBM.load(folder)


def _cut_the_booster(folder):
    path = folder / "lightgbm.txt"
    path.write_text(path.read_text()[:200])


def _cut_the_recipe(folder):
    path = folder / "model.json"
    path.write_text(path.read_text()[:50])


def _swap_the_features(folder):
    recipe = json.loads((folder / "model.json").read_text())
    recipe["features"] = recipe["features"][::-1]
    (folder / "model.json").write_text(json.dumps(recipe))


def _lose_the_booster(folder):
    (folder / "lightgbm.txt").unlink()


def test_a_backtest_may_begin_before_the_history_is_long_enough_for_an_anchor():
    panel, _ = shop(n_days=480)
    model = LightGBM(**SMALL)
    cutoffs = [430, 479]  # whole weeks apart, so that they share their rows
    assert [model._anchor(panel.until(cutoff), HORIZON) for cutoff in cutoffs] == [None, ()]
    prepared = model.prepare(panel, HORIZON, cutoffs)
    for cutoff in cutoffs:
        past = panel.until(cutoff)
        alone, shared = (model.fit(past, HORIZON, each).forecast(past).mean for each in (None, prepared))
        np.testing.assert_array_equal(alone, shared)
