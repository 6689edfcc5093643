from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.adjust.reconciliation import (
    Reconciliation,
    all_levels,
    error_variance,
    min_trace,
    scaled,
    variance_inflation,
)
from foresell.core.errors import UsageError
from foresell.core.hierarchy import Groups, Hierarchy
from foresell.models import make

LEVELS = (("shop",), ("category",), ("shop", "category"))


def test_every_level_is_the_sum_of_its_series(make_panel):
    panel = make_panel()
    bottom = make("moving_average").fit(panel, 9).forecast(panel)
    hierarchy = Hierarchy.of(("item", "shop"), LEVELS)
    forecasts = all_levels(bottom, panel.series, hierarchy)
    assert tuple(forecasts) == hierarchy.levels
    assert forecasts[("item", "shop")] is bottom
    assert forecasts[()].mean[0] == pytest.approx(bottom.mean.sum(axis=0))
    for level, forecast in forecasts.items():
        np.testing.assert_allclose(
            forecast.mean, hierarchy.groups(panel.series, level).sum(bottom.mean.astype(float)), rtol=1e-6
        )
    north = forecasts[("shop",)].to_frame().filter(shop="north", step=3)
    assert north["mean"].item() == pytest.approx(bottom.mean[:4, 2].sum())


def test_another_panels_forecast_is_refused(make_panel):
    panel = make_panel()
    bottom = make("moving_average").fit(panel, 9).forecast(panel)
    some = replace(bottom, series=bottom.series[:3], mean=bottom.mean[:3])
    with pytest.raises(UsageError, match="has 3 series and the panel 8"):
        all_levels(some, panel.series, Hierarchy.of(("item", "shop"), LEVELS))


GROUPS = Groups(("shop",), pl.DataFrame({"shop": ["a", "b"]}), np.array([0, 0, 1], np.int32))
TOTAL = Groups((), pl.DataFrame({"total": ["total"]}), np.zeros(3, np.int32))


def test_scaling_by_hand():
    mean = np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 0.0]], np.float32)
    wanted = np.array([[6.0, 40.0], [4.0, 3.0]])
    # 6 / 4 and 4 / 5; 40 / 4 lies beyond the reach of 2; a group that is 0 stays so.
    np.testing.assert_allclose(scaled(mean, GROUPS, wanted), [[1.5, 4], [4.5, 4], [4, 0]], rtol=1e-6)


def test_least_variance_by_hand():
    """One sum of three series: each takes its share of the gap in proportion to its variance; the total has one too."""
    mean = np.array([[2.0], [4.0], [1.0]])
    groups = Groups(("shop",), pl.DataFrame({"shop": ["a"]}), np.zeros(3, np.int32))
    moved = min_trace(
        mean, {("shop",): np.array([[17.0]])}, {("shop",): groups}, np.array([1.0, 2, 0]), {("shop",): np.array([2.0])}
    )
    # The gap is 10; 1 + 2 + 0 + 2 = 5; so 10 * 1 / 5, 10 * 2 / 5 and nothing.
    np.testing.assert_allclose(moved, [[4.0], [8.0], [1.0]])


def test_least_variance_is_the_generalised_least_squares_of_mint():
    """The textbook's G = (S' W^-1 S)^-1 S' W^-1 over all nodes (FPP3 section 11.3) gives the same."""
    random = np.random.default_rng(0)
    mean, levels = random.uniform(20, 40, (3, 2)), [(), ("shop",)]
    groups = {(): TOTAL, ("shop",): GROUPS}
    totals = {level: groups[level].sum(mean) + random.normal(0, 2, (len(groups[level]), 2)) for level in levels}
    variance, variances = random.uniform(1, 3, 3), {level: random.uniform(1, 3, len(groups[level])) for level in levels}
    summing = np.vstack([np.ones((1, 3)), [[1, 1, 0], [0, 0, 1]], np.eye(3)])
    base = np.vstack([totals[()], totals[("shop",)], mean])
    inverse = np.diag(1 / np.concatenate([variances[()], variances[("shop",)], variance]))
    expected = np.linalg.solve(summing.T @ inverse @ summing, summing.T @ inverse @ base)
    np.testing.assert_allclose(min_trace(mean, totals, groups, variance, variances), expected, rtol=1e-9)


def test_closed_days_stay_closed_and_no_forecast_is_negative():
    mean = np.array([[0.0], [4.0], [1.0]])
    low = min_trace(mean, {(): np.zeros((1, 1))}, {(): TOTAL}, np.array([9.0, 1, 9]), {(): np.array([0.1])})
    assert low[0, 0] == 0
    assert (low >= 0).all()


def test_methods_are_averaged_and_unknown_ones_refused():
    mean = np.array([[1.0], [3.0], [5.0]])
    totals, groups = {(): np.array([[18.0]])}, {(): TOTAL}
    half = Reconciliation({"bottom_up": 0.5, "top_down": 0.5}).apply(mean, totals, groups)
    np.testing.assert_allclose(half, mean * 1.5)
    with pytest.raises(UsageError, match="cannot be reconciled by 'middle_out shop': there are bottom_up, top_down"):
        Reconciliation({"middle_out shop": 1.0}).apply(mean, totals, groups)


def test_error_variance_leans_on_the_mean_where_windows_are_few():
    # Squared errors of 4 and 0 on means of 3 and 1, one window: usual 4 / 4 per unit, so (4 + 3) / 2 and (0 + 1) / 2.
    errors, means = [np.array([[2.0], [0.0]])], [np.array([[3.0], [1.0]])]
    np.testing.assert_allclose(error_variance(errors, means), [3.5, 0.5])


def test_dependent_errors_inflate_the_variance_of_sums():
    groups = Groups((), pl.DataFrame({"total": ["total"]}), np.zeros(2, np.int32))
    same, against = np.array([[1.0], [1.0]]), np.array([[1.0], [-1.0]])
    assert variance_inflation([same], groups, np.array([1.0, 1.0])) == pytest.approx(2)  # (1 + 1)^2 / (1 + 1)
    assert variance_inflation([against], groups, np.array([1.0, 1.0])) == 1
