"""Paths given what has passed, against a case whose conditional distribution is known."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.adjust.paths.conditional import conditional_paths


def gamma_poisson(n_paths: int, n_steps: int, seed: int = 1) -> np.ndarray:
    """Poisson demand of a series whose level is gamma distributed with mean 10 and variance 10 (shape 10, rate 1)."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(10, 1, (n_paths, 1, 1))
    return rng.poisson(np.broadcast_to(level, (n_paths, 1, n_steps))).astype(np.float32)


@pytest.mark.parametrize(("seen", "level"), [(10.0, 10.0), (15.0, 14.0), (5.0, 6.0)])
def test_the_mean_is_that_of_bayes_for_gamma_poisson_demand(seen, level):
    """After 4 steps of `seen` each the level has shape 10 + 4 seen and rate 1 + 4."""
    given = conditional_paths(gamma_poisson(20_000, 8), np.full((1, 8), seen), 4)
    assert given.shape == (20_000, 1, 4)
    assert given.mean() == pytest.approx(level, rel=0.03)


def test_the_spread_of_levels_shrinks_as_that_of_bayes():
    """Where 4 steps were as expected: Poisson noise of 4 times 10, and 16 times the variance 10 / 5 of the level."""
    given = conditional_paths(gamma_poisson(20_000, 8), np.full((1, 8), 10.0), 4)
    assert given.sum(axis=2).var() == pytest.approx(40 + 16 * 2, rel=0.1)


def test_before_the_first_step_paths_are_what_they_were():
    paths = gamma_poisson(50, 6)
    assert np.array_equal(conditional_paths(paths, np.full((1, 6), 99.0), 0), paths)


def test_what_is_not_known_and_what_comes_later_changes_nothing():
    paths = gamma_poisson(500, 6)
    unknown = np.full((1, 6), np.nan)
    np.testing.assert_allclose(conditional_paths(paths, unknown, 3), paths[:, :, 3:], rtol=1e-5)
    seen = np.array([[12.0, np.nan, 9.0, 5.0, 5.0, 5.0]])
    later = np.where(np.arange(6) < 3, seen, 1000.0)
    assert np.array_equal(conditional_paths(paths, seen, 3), conditional_paths(paths, later, 3))


def test_series_that_sell_nothing_stay_at_nothing():
    paths = np.zeros((20, 2, 5), np.float32)
    assert np.array_equal(conditional_paths(paths, np.full((2, 5), 3.0), 2), np.zeros((20, 2, 3)))
