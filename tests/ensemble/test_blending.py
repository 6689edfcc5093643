from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.ensemble.blending import LEAST_WEIGHT, Blend, error_products, least_error_weights


def test_how_errors_go_together_by_hand():
    # Two models, two nodes that weigh 1 and 3, one step: errors (1, 2) and (1, -1).
    errors = np.array([[[1.0], [2.0]], [[1.0], [-1.0]]])
    np.testing.assert_allclose(error_products(errors, np.array([1.0, 3.0])), [[1 + 12, 1 - 6], [1 - 6, 1 + 3]])


def test_errors_that_cancel_share_the_weight():
    # The mean of errors e and -e is nothing, whatever else: half and half.
    np.testing.assert_allclose(
        least_error_weights(np.array([[1.0, -1.0], [-1.0, 1.0]]), shrinkage=0), [0.5, 0.5], atol=1e-4
    )


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_no_other_weights_err_less(seed, count):
    random = np.random.default_rng(seed)
    errors = random.normal(size=(count, 6, 3)) + random.normal(size=(1, 6, 3)) + random.normal(size=(count, 1, 1))
    products = error_products(errors, random.random(6))
    weights = least_error_weights(products, shrinkage=0)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    # A grid over the simplex as the slow way; what was found may lack weights below `LEAST_WEIGHT`.
    steps = 20
    grid = [
        np.array(counts) / steps for counts in itertools.product(range(steps + 1), repeat=count) if sum(counts) == steps
    ]
    best = min(weights @ products @ weights for weights in grid)
    assert weights @ products @ weights <= best * (1 + 3 * LEAST_WEIGHT) + 1e-9


def test_weights_are_rid_of_crumbs_and_drawn_to_the_mean_of_the_rest():
    products = np.diag([1.0, 3.0, 1e6])  # 3/4, 1/4 and a crumb
    np.testing.assert_allclose(least_error_weights(products, shrinkage=0), [0.75, 0.25, 0], atol=1e-3)
    np.testing.assert_allclose(least_error_weights(products, shrinkage=0.6), [0.6, 0.4, 0], atol=1e-3)


def test_no_errors_give_equal_weights():
    np.testing.assert_array_equal(least_error_weights(np.zeros((4, 4))), [0.25] * 4)


def test_a_segment_may_have_weights_of_its_own():
    blend = Blend.learn(["launch", "lightgbm"], np.diag([1e9, 1.0])).with_segment(
        "age", "new", {"launch": 0.75, "idle": 0.25}
    )
    assert blend.models == ("launch", "idle", "lightgbm")
    means = {name: np.full((3, 2), value, np.float32) for name, value in (("launch", 8), ("idle", 4), ("lightgbm", 1))}
    blended = blend.apply(means, pl.DataFrame({"age": ["old", "new", "young"]}))
    np.testing.assert_allclose(blended[:, 0], [1, 0.75 * 8 + 0.25 * 4, 1], rtol=1e-6)


def test_models_without_weight_are_not_asked():
    blend = Blend.fixed({"a": 0.0, "b": 1.0})
    assert blend.models == ("b",)
    mean = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(blend.apply({"b": mean}, pl.DataFrame({"age": ["old"] * 2})), mean)
