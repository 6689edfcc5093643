from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.adjust.reconcile import all_levels
from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.models import make

LEVELS = (("shop",), ("category",), ("shop", "category"))


def test_every_level_is_the_sum_of_its_series(make_panel):
    panel = make_panel()
    bottom = make("moving_average").fit(panel, 9).forecast(panel)
    hierarchy = Hierarchy.of(("item", "shop"), LEVELS)
    found = all_levels(bottom, panel.series, hierarchy)
    assert tuple(found) == hierarchy.levels
    assert found[("item", "shop")] is bottom
    assert found[()].mean[0] == pytest.approx(bottom.mean.sum(axis=0))
    stacked = np.concatenate([forecast.mean for forecast in found.values()])
    np.testing.assert_allclose(stacked, hierarchy.summing(panel.series) @ bottom.mean, rtol=1e-6)
    north = found[("shop",)].to_frame().filter(shop="north", step=3)
    assert north["mean"].item() == pytest.approx(bottom.mean[:4, 2].sum())


def test_another_panels_forecast_is_refused(make_panel):
    panel = make_panel()
    bottom = make("moving_average").fit(panel, 9).forecast(panel)
    some = replace(bottom, series=bottom.series[:3], mean=bottom.mean[:3])
    with pytest.raises(UsageError, match="has 3 series and the panel 8"):
        all_levels(some, panel.series, Hierarchy.of(("item", "shop"), LEVELS))
