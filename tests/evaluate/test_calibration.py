from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from foresell.core.errors import UsageError
from foresell.evaluate.calibration import QUANTILE_COUNTS, calibration, count_below


def test_a_quantile_of_counts_is_right_where_its_probability_lies_between_the_two_shares() -> None:
    actual = np.array([[0.0] * 8 + [1, 5]])  # nothing on eight days of ten
    quantiles = np.stack([np.full((1, 10), value) for value in (0.0, 1.0, 2.0)])
    table = calibration(count_below("total", actual, quantiles, (0.5, 0.7, 0.95)))
    assert table.columns == [*QUANTILE_COUNTS, "observed", "off"]
    assert table["share_below"].to_list() == pytest.approx([0, 0.8, 0.9])
    assert table["share_at_or_below"].to_list() == pytest.approx([0.8, 0.9, 0.9])
    assert table["observed"].to_list() == pytest.approx([0.5, 0.8, 0.9])
    assert table["off"].to_list() == pytest.approx([0, 0.1, -0.05])


def test_windows_are_taken_together_by_their_points() -> None:
    rows = [("total", 0.5, 30, 0.2, 0.2), ("total", 0.5, 10, 0.6, 0.6), ("total", 0.5, 0, 0.0, 0.0)]
    table = calibration(pl.DataFrame(rows, schema=list(QUANTILE_COUNTS), orient="row"))
    assert table.select("points", "observed").row(0) == (40, pytest.approx(0.3))


@given(st.floats(0.1, 30), st.integers(0, 1000))
def test_the_quantiles_of_what_is_drawn_are_calibrated(mean, seed) -> None:
    probabilities = (0.05, 0.25, 0.5, 0.75, 0.95)
    actual = np.random.default_rng(seed).poisson(mean, (1, 4000)).astype(float)
    quantiles = np.stack([np.full((1, 4000), poisson.ppf(probability, mean)) for probability in probabilities])
    off = calibration(count_below("x", actual, quantiles, probabilities))["off"]
    assert off.abs().max() < 0.04  # five standard errors of a share of 4,000


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UsageError, match=r"shape \(1, 2, 3\); expected .* \(2, 2, 3\)"):
        count_below("x", np.zeros((2, 3)), np.zeros((1, 2, 3)), (0.1, 0.9))
    with pytest.raises(UsageError, match="no column share_below"):
        calibration(pl.DataFrame({"level": ["x"], "probability": [0.5], "points": [1], "share_at_or_below": [1.0]}))
