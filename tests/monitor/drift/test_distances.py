"""Distances against independent implementations, and thresholds against what chance does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from foresell.monitor.drift import distances
from foresell.monitor.drift.distances import LEAST, jensen_shannon, thresholds, wasserstein


def _slow(values: np.ndarray, window: np.ndarray, count: int) -> list[float]:
    """Each window against all others before the newest, by SciPy, one at a time."""
    norm = np.std(values[window < count - 1])
    others = [values[(window < count - 1) & (window != each)] for each in range(count)]
    return [wasserstein_distance(values[window == each], others[each]) / norm for each in range(count)]


@pytest.mark.parametrize("decimals", [1, 9])
def test_wasserstein_is_that_of_scipy(decimals: int) -> None:
    random = np.random.default_rng(1)
    window = random.integers(0, 5, 3000)
    values = np.round(random.gamma(2, 1, 3000) + 0.3 * (window == 4), decimals)
    assert wasserstein(values, window, 5) == pytest.approx(_slow(values, window, 5), abs=1e-12)


def test_many_values_are_taken_in_steps_that_do_not_matter() -> None:
    random = np.random.default_rng(2)
    n = distances._FINE + 1
    window, values = random.integers(0, 3, n), random.standard_normal(n)
    assert wasserstein(values, window, 3) == pytest.approx(_slow(values, window, 3), abs=LEAST / 100)


def test_a_shift_of_everything_is_as_many_standard_deviations() -> None:
    values = np.array([0.0, 2, 0, 2])
    found = wasserstein(np.concatenate([values, values, values + 3]), np.repeat([0, 1, 2], 4), 3)
    assert found.tolist() == [0, 0, 3]  # the standard deviation of 0 and 2 is 1


def test_jensen_shannon_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    window = random.integers(0, 4, 500)
    codes = np.where(window == 3, random.integers(0, 3, 500), random.integers(0, 6, 500))
    shares = [np.bincount(codes[window == each], minlength=6) for each in range(4)]
    first = jensenshannon(shares[0], shares[1] + shares[2])
    newest = jensenshannon(shares[3], shares[0] + shares[1] + shares[2])
    found = jensen_shannon(codes, window, 4)
    assert found[[0, 3]] == pytest.approx([first, newest])
    assert found[3] > 2 * found[0]


def test_what_cannot_be_compared_is_not() -> None:
    assert np.isnan(wasserstein(np.array([1.0, 2]), np.array([0, 0]), 2)).all()  # one window, nothing new
    assert np.isnan(jensen_shannon(np.array([0, 1]), np.array([0, 0]), 2)).all()
    assert np.isnan(wasserstein(np.array([]), np.array([], np.int64), 3)).all()


def test_a_segment_is_measured_by_the_norm_of_all() -> None:
    values, window = np.array([1.0, 1, 1, 1, 1, 1.5]), np.array([0, 0, 1, 1, 2, 2])
    assert wasserstein(values, window, 3, norm=0.5).tolist() == [0, 0, 0.5]


@pytest.mark.parametrize(("windows", "chance"), [(5, 0.05), (20, 0.05), (20, 0.01)])
def test_the_threshold_is_passed_as_seldom_as_it_says(windows: int, chance: float) -> None:
    """Where only the mean of a window moves, distances are abs(normal); here by as much as is believed beforehand."""
    random = np.random.default_rng(windows)
    n, series = 40_000, 200
    found = np.abs(random.normal(0, np.sqrt(LEAST**2 + 1 / series), (windows + 1, n)))
    limits = thresholds(found[:-1], np.full(n, chance), np.full(n, series))
    passed = float(np.mean(found[-1] > limits))
    assert 0.5 * chance < passed < 1.2 * chance


def test_what_is_believed_gives_way_to_what_is_seen() -> None:
    chance, series = np.array([0.01]), np.array([1000])
    unknown = thresholds(np.full((1, 1), np.nan), chance, series)[0]
    assert unknown > thresholds(np.full((2, 1), 0.1), chance, series)[0] > LEAST
    assert thresholds(np.full((1, 1), np.nan), chance, np.array([10]))[0] > unknown  # few series differ by chance
    assert thresholds(np.zeros((500, 1)), chance, series)[0] == LEAST
    assert thresholds(np.full((500, 1), 0.5), chance, series)[0] == pytest.approx(0.5 * 2.59, rel=0.01)
