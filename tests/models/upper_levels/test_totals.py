from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile
from foresell.core.hierarchy import Hierarchy
from foresell.models import make
from foresell.models.upper_levels.totals import FittedTotals, Totals, by_level, panel_of_sums, steady_levels

LEVELS = ((), ("shop",), ("shop", "category"))
HORIZON = 9


def totals(*names: str) -> Totals:
    return Totals(LEVELS, {name: make(name) for name in names})


def test_the_panel_of_sums_has_all_groups_of_all_levels(make_panel):
    panel = make_panel()
    sums = panel_of_sums(panel, LEVELS)
    assert sums.keys == ("level", "shop", "category")
    assert sums.series["level"].to_list() == ["total", "shop", "shop", *["shop x category"] * 4]
    assert sums.series["shop"].to_list()[:3] == [None, "north", "south"]
    known = ~np.isnan(panel.units)
    np.testing.assert_allclose(sums.units[0], np.nansum(panel.units, axis=0))
    np.testing.assert_allclose(sums.units[2][known[4:].any(axis=0)], np.nansum(panel.units[4:], axis=0))
    # Known-ahead covariates are the mean of the group's; prices are left out.
    assert set(sums.known) == {"promotion"}
    mean = panel.known["promotion"].values[:4].mean(axis=0)
    np.testing.assert_allclose(sums.known["promotion"].on(slice(None))[1], mean, rtol=1e-6)


def test_forecasts_are_averaged_and_come_apart_by_level(make_panel):
    panel = make_panel()
    sums = panel_of_sums(panel, LEVELS)
    forecasts = totals("seasonal_naive", "moving_average").fit(sums, HORIZON).forecast(sums)
    single = [make(name).fit(sums, HORIZON).forecast(sums).mean for name in ("seasonal_naive", "moving_average")]
    np.testing.assert_allclose(forecasts.mean, np.mean(single, axis=0), rtol=1e-6)
    groups = [Hierarchy.of(panel.keys).groups(panel.series, level) for level in LEVELS]
    parts = by_level(forecasts.mean, groups)
    assert {level: len(part) for level, part in parts.items()} == {(): 1, ("shop",): 2, ("shop", "category"): 4}
    np.testing.assert_array_equal(np.concatenate(list(parts.values())), forecasts.mean)


def test_weights_come_back_and_count(make_panel, tmp_path):
    sums = panel_of_sums(make_panel(), LEVELS)
    names = ("seasonal_naive", "moving_average")
    fitted = replace(totals(*names), weights={"seasonal_naive": 3.0}).fit(sums, HORIZON)
    naive, average = (make(name).fit(sums, HORIZON).forecast(sums).mean for name in names)
    np.testing.assert_allclose(fitted.forecast(sums).mean, (3 * naive + average) / 4, rtol=1e-6)
    fitted.save(tmp_path / "totals")
    np.testing.assert_array_equal(
        FittedTotals.load(tmp_path / "totals").forecast(sums).mean, fitted.forecast(sums).mean
    )


def test_models_that_an_earlier_version_saved_weigh_alike(make_panel, tmp_path):
    sums = panel_of_sums(make_panel(), LEVELS)
    fitted = totals("seasonal_naive", "moving_average").fit(sums, HORIZON)
    fitted.save(tmp_path / "totals")
    path = tmp_path / "totals" / "totals.json"
    content = json.loads(path.read_text())
    del content["weights"]
    path.write_text(json.dumps(content))
    np.testing.assert_array_equal(
        FittedTotals.load(tmp_path / "totals").forecast(sums).mean, fitted.forecast(sums).mean
    )


def test_lightgbm_learns_sums_and_windows_share_the_work(make_panel):
    panel = make_panel(200)
    model = Totals(LEVELS, {"lightgbm": make("lightgbm", trees=9, share=0.5, min_rows=5)})
    sums = model.sums(panel.until(184))
    prepared = model.prepare(sums, HORIZON, [177, 184])
    past = sums.until(177)
    np.testing.assert_array_equal(past.units, model.sums(panel.until(177)).units)
    alone, shared = (model.fit(past, HORIZON, shared_work).forecast(past).mean for shared_work in (None, prepared))
    np.testing.assert_array_equal(alone, shared)
    assert (alone[0] > alone[1:3].min(axis=0)).all()


def test_they_come_back_from_a_folder(make_panel, tmp_path):
    panel = make_panel()
    sums = panel_of_sums(panel, LEVELS)
    fitted = totals("moving_average").fit(sums, HORIZON)
    fitted.save(tmp_path / "totals")
    back = FittedTotals.load(tmp_path / "totals")
    assert back.levels == LEVELS
    np.testing.assert_array_equal(back.forecast(sums).mean, fitted.forecast(sums).mean)
    (tmp_path / "totals" / "totals.json").write_text("{}")
    with pytest.raises(UnreadableFile, match="does not describe models of totals"):
        FittedTotals.load(tmp_path / "totals")


def test_levels_of_small_groups_and_short_histories_have_no_models(make_panel):
    panel = make_panel(600)
    hierarchy = Hierarchy.of(panel.keys, (("shop",), ("category",)))
    assert steady_levels(panel, hierarchy, HORIZON) == ()  # eight series are few
    many = panel.part(np.arange(8).repeat(6))
    assert steady_levels(many, hierarchy, HORIZON) == ((), ("shop",), ("category",))  # 24 series in each of two
    assert steady_levels(many.until(300), hierarchy, HORIZON) == ()
