from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.models.launch.credibility import between_variance, negative_binomial_shape, posterior_ratio

AMOUNTS = st.floats(0, 1e4)


def test_between_by_hand():
    # Ratios 0.5, 1.5 and 1 of 100, 100 and 200 expected; overall 400 / 400. Excess: 25 + 25 + 0 - 2 = 48.
    # Divided by 400 - (100**2 + 100**2 + 200**2) / 400 = 250.
    assert between_variance(np.array([50, 150, 200.0]), np.array([100, 100, 200.0])) == pytest.approx(48 / 250)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [([10.0, 10, 10], [10.0, 10, 10]), ([5.0], [1.0]), ([], []), ([3.0, 0, 0], [1.0, 0, 0]), ([0.0, 0], [0.0, 0])],
)
def test_no_variance_where_nothing_shows_one(observed, expected):
    assert between_variance(np.array(observed), np.array(expected)) == 0


def test_between_finds_how_much_things_truly_differ():
    random = np.random.default_rng(1)
    expected = random.uniform(2, 60, 4000)
    ratio = random.gamma(1 / 0.3, 0.3, 4000)
    assert between_variance(random.poisson(ratio * expected).astype(float), expected) == pytest.approx(0.3, rel=0.1)
    # Chance alone is not taken for a difference.
    assert between_variance(random.poisson(expected).astype(float), expected) < 0.01


def slow_posterior(observed: float, expected: float, variance: float) -> float:
    """The mean of the ratio by summing prior x likelihood over a fine grid."""
    ratio = np.linspace(1e-4, 40, 400_000)
    shape = 1 / variance
    log_density = (shape - 1) * np.log(ratio) - shape * ratio + observed * np.log(ratio) - expected * ratio
    density = np.exp(log_density - log_density.max())
    return float((ratio * density).sum() / density.sum())


@pytest.mark.parametrize(("observed", "expected", "variance"), [(0, 2, 0.5), (7, 2, 0.5), (30, 40, 0.1), (3, 0.1, 0.8)])
def test_shrunk_is_the_mean_of_the_posterior(observed, expected, variance):
    ratio = posterior_ratio(np.array([observed]), np.array([expected]), variance)[0]
    assert ratio == pytest.approx(slow_posterior(observed, expected, variance), rel=1e-3)


@given(AMOUNTS, st.floats(1e-3, 1e4), st.floats(0, 10), st.floats(1, 100))
def test_shrunk_lies_between_one_and_what_was_seen_and_nears_it_with_evidence(observed, expected, variance, more):
    little, much = (posterior_ratio(np.array(observed * n), np.array(expected * n), variance) for n in (1, more))
    seen = observed / expected
    assert min(1, seen) - 1e-9 <= little <= max(1, seen) + 1e-9
    assert abs(much - seen) <= abs(little - seen) * (1 + 1e-9) + 1e-9


def test_shape_by_hand_and_at_its_limits():
    # Squares of 16 round a mean of 4: 16 = 4 + 16 / k gives k = 4 / 3.
    assert negative_binomial_shape(np.array([0.0, 8.0]), np.array([4.0, 4.0])) == pytest.approx(4 / 3, rel=1e-6)
    assert negative_binomial_shape(np.array([4.0, 4.0]), np.array([4.0, 4.0])) == pytest.approx(1000)
    assert negative_binomial_shape(np.array([900.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(0.05)
    assert negative_binomial_shape(np.array([1.0]), np.array([0.0])) == pytest.approx(1000)


def test_shape_is_found_again():
    random = np.random.default_rng(2)
    mean = random.uniform(0.2, 20, 40_000)
    units = random.poisson(random.gamma(2.5, mean / 2.5)).astype(float)
    assert negative_binomial_shape(units, mean) == pytest.approx(2.5, rel=0.07)
