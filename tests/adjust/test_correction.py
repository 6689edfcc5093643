"""Corrected distributions have the mean that was forecast, whatever the correction is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import optimize, stats

from foresell.adjust.correction import GRID, Correction, ScoreTable, Uncorrected


def rows(u, sizes=(0.0,), worth=50.0, greatest=50.0):
    """The columns of `Ranges.table` that a correction reads; `u` is G at each of `GRID`."""
    of_sizes = [np.asarray(u(GRID) if callable(u) else u).tolist() for _ in sizes]
    return pl.DataFrame({"u": of_sizes, "size": sizes, "worth": worth, "greatest": [[np.log(greatest)]] * len(sizes)})


def as_it_is(p):
    return p


def too_wide(p):
    return stats.norm.cdf(0.7 * stats.norm.ppf(p))


def lifted(p):
    return stats.norm.cdf(1.2 * stats.norm.ppf(p) + 0.4)


def slow_mean(table, mean, r):
    """The mean from many quantiles, each of them rounded."""
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    read = np.interp(z, *_scores(table))
    return float(np.mean(stats.nbinom.ppf(stats.norm.cdf(read), r, r / (r + mean))))


def _scores(table):
    """Normal scores, and those at which F is read for them."""
    z = np.linspace(-6, 6, 2401)
    grid, u = stats.norm.ppf(GRID), stats.norm.ppf(np.array(table["u"][0]))
    read = np.interp(z, grid, u) + z - np.clip(z, grid[0], grid[-1])
    with np.errstate(invalid="ignore"):
        wider = stats.t.ppf(stats.norm.cdf(z), table["worth"][0]) / z
    return z, read * np.where(np.abs(z) < 1e-6, 1, wider)


@pytest.mark.parametrize("u", [as_it_is, too_wide, lifted])
@pytest.mark.parametrize(("mean", "ratio"), [(0.05, 1.1), (0.3, 4.0), (3.0, 1.5), (40.0, 12.0), (900.0, 30.0)])
def test_means_and_factors_agree_with_many_quantiles(u, mean, ratio):
    table = rows(u, greatest=1000.0)
    r = mean / (ratio - 1)
    corrected = Uncorrected.of(np.array([mean]), np.array([r])).corrected_means(ScoreTable.of(table))
    assert corrected == pytest.approx(slow_mean(table, mean, r), rel=0.03)
    factor = Correction.of(table).means(np.array([mean]), np.array([mean * ratio]))
    slow = optimize.brentq(lambda f: slow_mean(table, f * mean, f * r) - mean, 0.1, 4, xtol=0.005)
    assert factor == pytest.approx(slow, rel=0.04)


def test_the_factor_is_1_where_nothing_is_corrected():
    table = rows(as_it_is, worth=1e6)
    mean = np.array([0.01, 0.3, 5, 50])
    for ratio in (1.0, 2.0, 20.0):
        assert Correction.of(table).means(mean, mean * ratio) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("worth", [3.0, 5.0, 16.0])
def test_a_wide_range_on_both_sides_moves_no_large_mean(worth):
    """Student's t distribution with few degrees of freedom reaches far beyond the scores of the tables."""
    table = rows(as_it_is, worth=worth, greatest=40_000.0)
    mean = np.array([2_000.0, 40_000.0])
    assert Correction.of(table).means(mean, mean * 20) == pytest.approx(1, abs=0.01)
