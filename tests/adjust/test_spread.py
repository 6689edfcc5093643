"""The moments of a year against plain loops; the variance that is learnt from past errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from foresell.adjust.spread import BORROWED, PRIOR_COEFFICIENTS, Predictors, SeriesMoments, fit, span, variance
from foresell.core.frequency import Frequency


def slow_moments(units, frequency):
    """`SeriesMoments` of one series, day by day."""
    lag = {Frequency.HOUR: 24, Frequency.DAY: 7}.get(frequency, 1)
    last = units[-(frequency.year + lag) :]
    moments, pairs = [], 0
    for half_life in (math.inf, frequency.year / 6):
        total = weights = squares = pair_weights = 0.0
        pairs = 0
        for back, value in enumerate(last[::-1]):
            place, weight = len(last) - 1 - back, 0.5 ** (back / half_life)
            if math.isnan(value):
                continue
            total, weights = total + weight * value, weights + weight
            if place >= lag and not math.isnan(last[place - lag]):
                squares += weight * (value - last[place - lag]) ** 2
                pair_weights, pairs = pair_weights + weight, pairs + 1
        moments += [total / weights if weights else 0, squares / 2 / pair_weights if pair_weights else 0]
    silent = 0
    for value in last[::-1]:
        if value > 0:
            break
        silent += value == 0
    return [*moments, pairs, silent, max([0.0, *(value for value in last if not math.isnan(value))])]


@pytest.mark.parametrize("frequency", Frequency)
@pytest.mark.parametrize("n_days", [3, 60, 500])
def test_moments_agree_with_plain_loops(frequency, n_days):
    random = np.random.default_rng(3)
    units = random.poisson(0.7, (9, n_days)).astype(np.float32)
    units[random.random(units.shape) < 0.2] = np.nan
    units[0] = np.nan
    units[1] = 0
    units[2, -20:] = 0
    moments = SeriesMoments.of(units, frequency)
    expected = [slow_moments(row.astype(float).tolist(), frequency) for row in units]
    np.testing.assert_allclose(np.stack(list(vars(moments).values()), axis=1), expected, rtol=1e-9, atol=1e-9)


def test_days_before_the_span_change_nothing():
    units = np.random.default_rng(1).poisson(3, (4, 500)).astype(np.float32)
    changed = units.copy()
    changed[:, : -span(Frequency.DAY)] = 999
    one, other = (vars(SeriesMoments.of(cube, Frequency.DAY)) for cube in (units, changed))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_a_young_series_borrows_the_dispersion_of_the_others():
    moments = SeriesMoments(
        np.array([2.0, 0.0]), np.array([8.0, 0.0]), np.array([2.0, 0.0]), np.array([2.0, 0.0]), *np.array([[10, 0]] * 3)
    )
    year, recent = moments.dispersion(0.0 + 1e-9, typical=(1.0, 3.0))
    assert year == pytest.approx([(10 * 4 + BORROWED * 1) / (10 + BORROWED), 1.0])
    assert recent == pytest.approx([(10 * 1 + BORROWED * 3) / (10 + BORROWED), 3.0])


def drawn(n, seed=0):
    """Forecasts of many series whose counts have the variance mean x noise, thrice that on holidays; their columns."""
    random = np.random.default_rng(seed)
    mean = np.exp(random.uniform(0, 5, n))
    noise = np.exp(random.uniform(0.2, 1.2, n))
    year = mean * noise
    moments = SeriesMoments(mean, year, mean, year, np.full(n, 1e9), np.zeros(n), np.full(n, 1e9))
    holiday = random.random(n) < 0.1
    seen = Predictors.of(mean, np.arange(n), random.integers(1, 29, n), holiday, moments, 1e-6, (1.0, 1.0))
    noise = noise * np.where(holiday, 3, 1)
    r = mean / (noise - 1)
    return mean, noise, seen.columns(), random.negative_binomial(r, r / (r + mean))


def test_the_variance_is_learnt_from_the_errors():
    mean, noise, columns, actual = drawn(60_000)
    coefficients = fit(columns, mean, actual)
    assert coefficients[-1] == pytest.approx(np.log(3), abs=0.1)
    off = np.abs(np.log(variance(columns, mean, coefficients, np.inf) / (mean * noise)))
    assert np.median(off) < 0.1
    assert np.quantile(off, 0.95) < 0.25


def test_few_errors_leave_the_prior():
    mean, noise, columns, actual = drawn(12)
    coefficients = fit(columns, mean, actual)
    assert np.abs(coefficients - PRIOR_COEFFICIENTS)[1:].max() < 0.3
    assert np.median(variance(columns, mean, coefficients, np.inf) / (mean * noise)) == pytest.approx(1, abs=0.5)


def test_predictors_beyond_their_limits_are_clipped():
    moments = SeriesMoments(*np.array([[1.0, 1e4], [2.0, 1e9], [1, 1e4], [2, 1e9], [400, 400], [0, 300], [9, 9]]))
    seen = Predictors.of(
        np.array([1.0, 1e4]), np.array([0, 1]), np.array([1, 28]), np.array([False, True]), moments, 0.05, (1.0, 1.0)
    )
    first = Predictors.of(np.array([1.0]), np.array([0]), np.array([1]), np.array([False]), moments, 0.05, (1.0, 1.0))
    bounded = seen.within(first.limits())
    np.testing.assert_array_equal(bounded.columns()[1], bounded.columns()[0])


def test_the_variance_is_at_most_what_the_largest_sale_allows():
    """Half of the days at 0 and half at M have the variance m (M - m), and nothing else between them has more."""
    units = np.tile([0.0, 8.0], (1, 200)).astype(np.float32)
    moments = SeriesMoments.of(units, Frequency.DAY)
    most = moments.most_dispersion(np.array([4.0, 100.0]), np.zeros(2, int))
    few_known = 1 + BORROWED / moments.pairs[0]
    assert most == pytest.approx([(8 + 1 - 4) * few_known, (200 + 1 - 100) * few_known])
    columns = np.zeros((2, len(PRIOR_COEFFICIENTS)))
    columns[:, 0] = 1
    assert variance(columns, np.array([4.0, 100.0]), 20 * columns[0], most) == pytest.approx([4, 100] * most)
    assert variance(columns, np.array([4.0, 100.0]), np.log(3) * columns[0], most) == pytest.approx([12, 300])
