"""The continuous negative binomial against scipy's own, and against itself the other way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from foresell.adjust.counts import MOST_SUCCESSES, distribution, quantile, successes, transform


def test_golden_values():
    # r = 1, mean 1: P(0) = 1/2, P(1) = 1/4, P(2) = 1/8.
    mean, r = np.full(3, 1.0), np.full(3, 1.0)
    assert distribution(np.array([0.0, 1, 2]), mean, r) == pytest.approx([0.5, 0.75, 0.875])
    assert transform(np.array([0.0, 1, 2]), mean, r, np.array([0, 0.5, 1])) == pytest.approx([0, 0.625, 0.875])
    quantiles = quantile(np.array([[0.25], [0.5], [0.75], [0.8125]]), mean[:1], r[:1])
    assert quantiles[:, 0] == pytest.approx([0, 0.5, 1.5, 2])


def test_mean_and_variance_decide_the_successes():
    mean = np.array([0.001, 2.0, 500.0])
    variance = np.array([0.0011, 6.0, 12_000.0])
    r = successes(mean, variance)
    _, of_scipy = stats.nbinom.stats(r, r / (r + mean))
    assert of_scipy == pytest.approx(variance)
    assert successes(np.array([3.0, 3.0]), np.array([3.0, 1.0])).tolist() == [
        MOST_SUCCESSES,
        MOST_SUCCESSES,
    ]  # Poisson at the least


@pytest.mark.parametrize("mean", [0.01, 0.7, 12, 29, 31, 900, 2e5])
@pytest.mark.parametrize("times", [1.0, 1.2, 5, 300])
def test_rounded_quantiles_are_those_of_the_counts(mean, times):
    probabilities = np.array([0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999])
    r = successes(np.array([mean]), np.array([mean * times]))
    rounded = np.floor(quantile(probabilities[:, None], np.array([mean]), r)[:, 0] + 0.5)
    assert rounded.tolist() == stats.nbinom.ppf(probabilities, r, r / (r + mean)).tolist()


@given(
    st.floats(1e-3, 1e4),
    st.floats(1.0, 200.0),
    st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=5).map(sorted),
)
def test_the_transform_undoes_the_quantile(mean, times, probabilities):
    size = np.full(len(probabilities), mean)
    r = successes(size, size * times)
    quantiles = quantile(np.array(probabilities)[:, None], size[:1], r[:1])[:, 0]
    assert (quantiles >= -0.5).all()
    assert (np.diff(quantiles) >= 0).all()
    count = np.floor(quantiles + 0.5)
    assert transform(count, size, r, quantiles + 0.5 - count) == pytest.approx(probabilities, abs=1e-7)


def test_returns_lie_below_everything():
    one = np.ones(1)
    assert transform(-3 * one, one, one, 0.9 * one).tolist() == [0.0]
