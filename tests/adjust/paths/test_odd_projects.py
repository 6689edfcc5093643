"""Ranges and paths stay near what was sold in projects that are tiny or odd, whose few errors say little.

- Paths of a series have the mean that was forecast: within 15 %, and within a half where one order was a thousand
  times what is usual.
- The 99 % quantile of a day is at most six times the most that was sold or is forecast.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from foresell.adjust.backtest_errors import level_errors, windows_of
from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.marginals import Marginals
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days

HIERARCHY = Hierarchy.of(("item",), (("group",),))


def sold(n_series, n_days, least, most, r=1.0, seed=1):
    random = np.random.default_rng(seed)
    mean = np.exp(random.uniform(np.log(least), np.log(most), n_series))[:, None] * np.ones(n_days)
    return random.negative_binomial(r, r / (r + mean)).astype(np.float32)


def silent_for_a_while():
    units, random = sold(30, 300, 1, 6), np.random.default_rng(5)
    for row, start in enumerate(random.integers(100, 280, 30)):
        units[row, start : start + 40] = 0
    return units


def slow_beside_fast():
    return np.concatenate([sold(40, 250, 0.05, 0.5), sold(8, 250, 5, 60)])


def one_huge_order(day):
    units = sold(10, 200, 0.3, 5)
    units[3, day] = 5000
    return units


def heavy_tails():
    return np.floor(np.random.default_rng(7).pareto(1.3, (20, 250))).astype(np.float32)


def rare_and_large():
    random = np.random.default_rng(8)
    return (np.floor(200 * random.random((15, 300))) * (random.random((15, 300)) < 0.02)).astype(np.float32)


def ten_times_as_much():
    units = sold(12, 200, 1, 5)
    units[:, 160:] *= 10
    return units


def some_new():
    units = sold(12, 200, 0.5, 5)
    units[:4, :185] = np.nan
    units[4] = np.nan
    return units


def giants():
    return np.concatenate([sold(6, 200, 0.05, 0.2), sold(2, 200, 1e5, 1e6)])


DAY, WEEK, MONTH = Frequency.DAY, Frequency.WEEK, Frequency.MONTH
PROJECTS = {  # units, frequency, windows, horizon
    "one series": (sold(1, 200, 3, 3.1), DAY, 3, 28),
    "one slow series": (sold(1, 200, 0.1, 0.11), DAY, 2, 28),
    "three series": (sold(3, 120, 0.2, 8), DAY, 2, 28),
    "slow": (sold(20, 300, 0.02, 0.4, r=0.3), DAY, 3, 28),
    "slow beside fast": (slow_beside_fast(), DAY, 3, 28),
    "silent for a while": (silent_for_a_while(), DAY, 3, 28),
    "months": (sold(8, 48, 2, 300), MONTH, 2, 6),
    "slow months": (sold(8, 48, 0.1, 2), MONTH, 2, 6),
    "weeks": (sold(10, 110, 0.3, 30), WEEK, 3, 8),
    "all zeros": (np.zeros((5, 200), np.float32), DAY, 2, 28),
    "a huge order in a window": (one_huge_order(170), DAY, 3, 28),
    "a huge order long ago": (one_huge_order(60), DAY, 3, 28),
    "heavy tails": (heavy_tails(), DAY, 3, 28),
    "rare and large": (rare_and_large(), DAY, 3, 28),
    "constant": (np.full((4, 150), 5, np.float32), DAY, 2, 28),
    "weights": (sold(12, 200, 1, 20) * np.float32(0.37), DAY, 3, 28),
    "ten times as much": (ten_times_as_much(), DAY, 3, 28),
    "some new": (some_new(), DAY, 3, 28),
    "giants": (giants(), DAY, 3, 28),
}


def moving_average(units, horizon):
    known = ~np.isnan(units[:, -horizon:])
    mean = np.nan_to_num(units[:, -horizon:]).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.repeat(mean[:, None], horizon, axis=1)


def last_week_again(units, horizon):
    season = 7 if horizon == 28 else 1
    return np.nan_to_num(units[:, -season:])[:, np.arange(horizon) % season]


def learn(name, model) -> tuple[Panel, Forecast, pl.DataFrame, Ranges]:
    units, frequency, windows, horizon = PROJECTS[name]
    series = pl.DataFrame({"item": range(len(units)), "group": [f"group {row % 3}" for row in range(len(units))]})
    dates = period_range(np.datetime64("2018-01-01"), units.shape[1], frequency)
    panel = Panel(series, ("item",), dates, units, frequency=frequency)
    frames = []
    for window in range(windows, -1, -1):
        past = panel.until(panel.n_days - 1 - window * horizon)
        mean = model(past.units[:, : past.n_days], horizon).astype(np.float32)
        forecast = Forecast(series, panel.keys, past.cutoff, past.ahead(horizon), mean)
        if window:
            actual = units[:, past.n_days : past.n_days + horizon].reshape(-1)
            frames.append(forecast.to_frame().with_columns(pl.Series("actual", actual).fill_nan(None)))
    table = pl.concat(frames)
    return panel, forecast, table, Ranges.learn(table, panel, HIERARCHY)


@pytest.mark.parametrize("model", [moving_average, last_week_again])
@pytest.mark.parametrize("name", PROJECTS)
def test_ranges_have_the_mean_of_the_forecast_and_end_near_what_was_sold(name, model):
    panel, forecast, _, ranges = learn(name, model)
    horizon, everything = forecast.horizon, np.arange(panel.n_series)
    of_series = ranges.of_level(HIERARCHY.bottom, panel, HIERARCHY, closed_days(panel, horizon))
    scores = np.arange(-4.98, 5, 0.04, dtype=np.float32)
    weight = np.diff(ndtr(np.append(scores - 0.02, 5.0)))
    marginals = Marginals.of(of_series, forecast.mean, everything)
    units = marginals.units(np.broadcast_to(scores[:, None], (panel.n_series, len(scores), horizon)))
    of_paths = np.einsum("snh,n->s", units.astype(np.float64), weight / weight.sum())
    some = of_series.is_open.any(axis=1)
    expected = forecast.mean.sum(axis=1, dtype=np.float64)
    tolerance = 0.5 if name == "a huge order in a window" else 0.15
    assert of_paths[some] == pytest.approx(expected[some], rel=tolerance, abs=1e-9)

    group, step = np.repeat(everything, horizon), np.tile(np.arange(horizon), panel.n_series)
    quantile = of_series.quantiles(forecast.mean.reshape(-1), group, step, (0.99,))[0].reshape(forecast.mean.shape)
    most = np.maximum(np.nan_to_num(panel.units).max(axis=1), forecast.mean.max(axis=1))
    assert (quantile.max(axis=1) <= 6 * np.maximum(most, 1)).all()


def test_a_forecast_of_nothing_says_nothing_of_scatter():
    """A moving average of 0 before a series sells again is a wrong mean. As scatter it would be boundless."""
    panel, _, table, _ = learn("silent for a while", moving_average)
    assert table.filter(pl.col("mean") == 0, pl.col("actual") > 0).height > 20
    for frame, learnt_from in ((table, table.filter(pl.col("mean") > 0)), (table.with_columns(mean=0.0), table)):
        windows = windows_of(frame, panel)
        errors = level_errors(HIERARCHY.groups(panel.series, ("item",)), windows, panel.units, 0, panel, 1.0)
        assert len(errors.mean) == learnt_from.height


def test_drawn_paths_add_up_to_the_forecast():
    panel, forecast, table, ranges = learn("slow beside fast", last_week_again)
    dependence = Dependence.learn(table, panel, HIERARCHY, ranges)
    paths = SamplePaths.of(forecast, panel, HIERARCHY, ranges, dependence).draw(500)
    assert paths.mean(axis=0).sum() == pytest.approx(forecast.mean.sum(), rel=0.04)
    assert paths[:, forecast.mean == 0].max() == 0
    assert paths.max() < 12 * panel.units.max()
