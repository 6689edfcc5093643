"""How often the ranges of sums over several days held in a window."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from fixtures.dependent_sales import HIERARCHY, HORIZON, dependent_sales

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.forecast import Forecast
from foresell.ensemble.sum_scores import EMPTY, PATHS, coverage_of_sums, score_sums
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.weights import Weights


@pytest.fixture(scope="module")
def window_and_paths():
    """The last window, with days that are not known, and paths learnt from those before it."""
    panel, forecasts = dependent_sales(n_series=30, windows=4)
    units = panel.units.copy()
    units[2, -HORIZON:] = np.nan
    units[3, -7:] = np.nan
    cutoff = forecasts["cutoff"].max()
    past, now = panel.until(cutoff), forecasts.filter(pl.col("cutoff") == cutoff)
    earlier = forecasts.filter(pl.col("cutoff") < cutoff)
    ranges = Ranges.learn(earlier, past, HIERARCHY)
    mean = now["mean"].to_numpy().reshape(-1, HORIZON)
    forecast = Forecast(panel.series, panel.keys, cutoff, past.ahead(HORIZON), mean)
    paths = SamplePaths.of(forecast, past, HIERARCHY, ranges, Dependence.learn(earlier, past, HIERARCHY, ranges))
    known = ~np.isnan(units[:, -HORIZON:])
    groups = tuple(HIERARCHY.all_groups(panel.series))
    actual = tuple(
        np.where(level.sum(known.astype(float)) > 0, level.sum(np.nan_to_num(units[:, -HORIZON:])), np.nan)
        for level in groups
    )
    ones = tuple(np.ones(len(level)) for level in groups)
    return EvaluationWindow(
        cutoff, groups, known, actual, Weights("none", ones, ones), pl.DataFrame({"age": ["old"] * 30})
    ), paths


def test_sums_are_compared_with_the_paths_of_the_same_days(window_and_paths):
    window, paths = window_and_paths
    table = score_sums(window, paths)
    assert table.columns == EMPTY.columns[2:]
    points = {(row["level"], row["days"]): row["points"] for row in table.iter_rows(named=True)}
    assert points[("total", 7)] == 4
    assert points[("total", 28)] == 1
    assert points[("item", 7)] == 29 * 4 - 1  # one series has no known day, another no known last week
    assert points[("item", 28)] == 29
    draws = paths.draw(PATHS) * window.known
    months = draws.sum(axis=2).T  # [series, path]
    truth = np.nansum(window.actual[-1], axis=1)
    share = (np.mean(months < truth[:, None], axis=1) + np.mean(months <= truth[:, None], axis=1)) / 2
    expected = np.mean(np.abs(share - 0.5)[window.known.any(axis=1)] < 0.45)
    row = table.filter(level="item", days=28, nominal=0.9).row(0, named=True)
    assert row["coverage"] == pytest.approx(expected, abs=0.06)
    assert row["open"] <= row["coverage"] <= row["closed"]


def test_windows_count_by_their_points_and_their_spread_says_how_much_is_chance():
    rows = [
        {"cutoff": date(2024, month, 1), "learnt_from": month, "level": "total", "days": 7, "nominal": 0.9,
         "points": points, "coverage": coverage, "open": 0.7, "closed": 1.0, "width": 2.0, "relative_width": 0.5}
        for month, points, coverage in ((1, 4, 0.8), (2, 12, 1.0))
    ]  # fmt: skip
    row = coverage_of_sums(pl.DataFrame(rows, EMPTY.schema)).row(0, named=True)
    assert row["windows"] == 2
    assert row["coverage"] == pytest.approx(0.95)
    assert row["error"] == pytest.approx(0.1)  # 0.1414 / sqrt 2
    alike = [row | {"coverage": 1.0} for row in rows]
    error = coverage_of_sums(pl.DataFrame(alike, EMPTY.schema))["error"].item()
    assert error == pytest.approx((0.9 * 0.1 / 16) ** 0.5)  # that of 16 independent sums
    assert coverage_of_sums(EMPTY).is_empty()
