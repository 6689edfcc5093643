"""Golden values worked by hand; NaN left out; the definition of each metric along either axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from foresell.evaluate import metrics

NAN = np.nan
ACTUAL = np.array([[4.0, 0.0, 2.0], [10.0, NAN, 10.0]])
FORECAST = np.array([[3.0, 2.0, 2.0], [12.0, 99.0, 6.0]])
# Errors: -1, 2, 0 and 2, (unknown), -4.


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.mae, 9 / 5),
        (metrics.rmse, (25 / 5) ** 0.5),
        (metrics.mape, (1 / 4 + 0 / 2 + 2 / 10 + 4 / 10) / 4),
        (metrics.wape, 9 / 26),
        (metrics.bias, -1 / 26),
        # The actuals' mean is 26 / 5 = 5.2: squares about it 1.44 + 27.04 + 10.24 + 23.04 + 23.04 = 84.8.
        (metrics.r2, 1 - 25 / 84.8),
    ],
)
def test_golden_values(metric, expected):
    assert metric(ACTUAL, FORECAST) == pytest.approx(expected)


def test_mape_tells_what_it_left_out():
    assert metrics.mape_left_out(ACTUAL) == 1
    assert metrics.mape_left_out(ACTUAL, axis=0).tolist() == [0, 1, 0]


def test_by_step_and_by_series():
    assert metrics.mae(ACTUAL, FORECAST, axis=0).tolist() == [1.5, 2.0, 2.0]
    assert metrics.mae(ACTUAL, FORECAST, axis=-1).tolist() == [1.0, 3.0]
    assert metrics.r2(ACTUAL, FORECAST, axis=0)[0] == pytest.approx(1 - 5 / 18)


def test_nothing_known_is_no_score():
    nothing = np.full((2, 2), NAN)
    for metric in (metrics.mae, metrics.rmse, metrics.mape, metrics.wape, metrics.bias, metrics.r2):
        assert np.isnan(metric(nothing, np.ones((2, 2))))
    assert np.isnan(metrics.wape(np.zeros(3), np.ones(3)))


def test_rmsse_has_no_value_without_a_scale():
    scaled = metrics.rmsse(ACTUAL, FORECAST, np.array([5 / 3, 0.0]))
    assert scaled[0] == pytest.approx(1.0)
    assert np.isnan(scaled[1])


def test_squared_step_begins_with_the_first_sale_and_skips_what_is_not_known():
    history = np.array(
        [
            [0, 0, 0, 4, 0, 2],  # (16 + 4) / 2
            [1, 2, NAN, 8, 5, 5],  # 1, then 9 and 0: / 3
            [0, 0, 0, 0, 0, 0],  # never sold
            [NAN, NAN, NAN, NAN, NAN, 3],  # one day is no step
        ]
    )
    assert metrics.naive_mse(history)[:2] == pytest.approx([10.0, 10 / 3])
    assert np.isnan(metrics.naive_mse(history)[2:]).all()


def test_weighted_shares_out_the_weight_of_what_is_missing():
    assert metrics.weighted_mean(np.array([1.0, NAN, 4.0]), np.array([1, 10, 2])) == pytest.approx(3.0)
    assert metrics.weighted_mean(np.array([1.0, 3.0]), np.zeros(2)) == 2.0
    assert np.isnan(metrics.weighted_mean(np.array([NAN]), np.ones(1)))
    by_step = metrics.weighted_mean(np.array([[1.0, NAN], [4.0, 7.0]]), np.array([1, 2]))
    assert by_step.tolist() == [3.0, 7.0]


@given(st.floats(0.01, 0.99), hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 100)))
def test_pinball_is_least_at_the_quantile(probability, sample):
    quantile = np.quantile(sample, probability, method="inverted_cdf")
    best = metrics.pinball(sample, np.full_like(sample, quantile), probability)
    for other in (*sample, 0.0, 50.0):
        assert best <= metrics.pinball(sample, np.full_like(sample, other), probability) + 1e-9


def test_summary_has_all_metrics_and_agrees_with_its_steps():
    scale, weight = np.array([4.0, 25.0]), np.array([0.25, 0.75])
    whole = metrics.summary(ACTUAL, FORECAST, scale, weight)
    steps = metrics.summary(ACTUAL, FORECAST, scale, weight, by_step=True)
    assert tuple(whole) == tuple(steps) == metrics.METRICS
    for step in range(3):
        part = slice(step, step + 1)
        alone = metrics.summary(ACTUAL[:, part], FORECAST[:, part], scale, weight)
        for name in metrics.METRICS:
            assert steps[name][step] == pytest.approx(alone[name].item(), nan_ok=True), name
    first, second = (5 / 3 / 4) ** 0.5, (20 / 2 / 25) ** 0.5
    assert whole["rmsse"] == pytest.approx((first + second) / 2)
    assert whole["wrmsse"] == pytest.approx(0.25 * first + 0.75 * second)
