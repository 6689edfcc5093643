"""The range round the prediction for a single sale: how it grows with what is predicted."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.transactions.ranges import Ranges


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("least", [1.0, -100.0], ids=["above 0", "of either sign"])
def test_how_errors_grow_is_found_whatever_the_sign(power, least):
    random = np.random.default_rng(3)
    powers = []
    for _ in range(20):
        predicted = random.uniform(least, 100, 2000)
        actual = predicted + random.normal(size=2000) * np.maximum(np.abs(predicted), 10) ** power
        powers.append(Ranges.learn(actual, predicted, 0.9).power)
    assert powers == [power] * 20
