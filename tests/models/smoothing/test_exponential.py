from __future__ import annotations

import numpy as np
import pytest

from foresell.models.smoothing import exponential
from foresell.models.smoothing.exponential import ALPHAS, DAMPED, damped_trend, simple_with_drift

NAN = np.nan


def loop(series, alpha, share, damping, judged=1):
    """Level, trend and squared errors of one series, written out."""
    known = [value for value in series if not np.isnan(value)]
    level, trend, squares, begun = float(np.mean(known[:4])), 0.0, 0.0, False
    rise = np.mean([sum(damping**power for power in range(1, steps + 1)) for steps in range(1, judged + 1)])
    for period, value in enumerate(series):
        begun = begun or not np.isnan(value)
        if not begun:
            continue
        ahead = level + damping * trend
        error = 0.0 if np.isnan(value) else value - ahead
        level, trend = ahead + alpha * error, damping * trend + alpha * share * error
        following = [later for later in series[period + 1 : period + 1 + judged] if not np.isnan(later)]
        if following:
            squares += (level + rise * trend - np.mean(following)) ** 2 * len(following) / judged
    return level, trend, squares


@pytest.fixture
def units():
    draw = np.random.default_rng(3)
    units = draw.poisson(20, (6, 40)) + np.arange(40) * draw.normal(0, 0.5, (6, 1))
    units[0, :15] = NAN
    units[1, 20:25] = NAN
    units[2, -3:] = NAN
    return units


@pytest.mark.parametrize("judged", [1, 4])
def test_the_damped_trend_is_that_of_a_loop_over_each_series_and_candidate(units, judged):
    for row, forecast in zip(units, damped_trend(units, 3, judged), strict=True):
        tried = [(*loop(row, *constants, judged), constants[2]) for constants in DAMPED]
        level, trend, _, damping = min(tried, key=lambda each: each[2])
        by_hand = [level + trend * sum(damping**power for power in range(1, step + 1)) for step in (1, 2, 3)]
        assert forecast == pytest.approx(by_hand)


def test_theta_is_simple_smoothing_and_half_the_slope_of_the_line(units):
    for row, forecast in zip(units, simple_with_drift(units, 3), strict=True):
        level, alpha = min(((*loop(row, alpha, 0, 0), alpha) for alpha in ALPHAS), key=lambda each: each[2])[::3]
        periods = np.flatnonzero(~np.isnan(row))
        slope = np.polyfit(periods, row[periods], 1)[0]
        assert forecast == pytest.approx([level + slope / 2 * (step + 1 / alpha) for step in range(3)])


def test_theta_by_hand(monkeypatch):
    # level (10 + 12) / 2 = 11 at first, alpha 0.5: 11 - 0.5 = 10.5, 10.5 + 0.75 = 11.25; slope 2, half of it 1
    monkeypatch.setattr(exponential, "ALPHAS", np.array([0.5]))
    monkeypatch.setattr(exponential, "FEWEST", 2)
    assert simple_with_drift(np.array([[10.0, 12.0]]), 2).tolist() == [[11.25 + 2, 11.25 + 3]]


def test_a_short_series_has_no_drift():
    one, other = simple_with_drift(np.array([[NAN, 3.0, 5.0, 7.0]]), 2)[0]
    assert one == other


def test_a_series_without_history_is_forecast_zero():
    unknown = np.full((1, 3), NAN)
    assert simple_with_drift(unknown, 2).tolist() == damped_trend(unknown, 2).tolist() == [[0, 0]]
