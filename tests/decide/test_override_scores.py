"""What overrides added, against a count of what is sold unit by unit."""

from __future__ import annotations

import numpy as np

from foresell.decide.override_scores import OverriddenOrders, override_gain


def outcome(units: int, position: int, before: int, after: int) -> tuple[int, int]:
    """Units sold after the arrival and units left, unit by unit."""
    stock = position
    for _ in range(before):
        stock -= stock > 0
    stock, sold = stock + units, 0
    for _ in range(after):
        sold, stock = sold + (stock > 0), stock - (stock > 0)
    return sold, stock


def test_the_gain_is_the_difference_of_two_outcomes() -> None:
    generator = np.random.default_rng(5)
    units, own, position, before, after = generator.integers(0, 12, (5, 300))
    margin, holding = generator.uniform(0, 5, (2, 300))
    amounts = (units, units - own, position, before, before + after)
    orders = OverriddenOrders(*(np.asarray(values, float) for values in amounts), margin, holding)
    gain = override_gain(orders)
    for row in range(300):
        changed, plain = (
            outcome(ordered, position[row], before[row], after[row]) for ordered in (units[row], own[row])
        )
        assert gain.sold[row] == changed[0] - plain[0]
        assert gain.left[row] == changed[1] - plain[1]
    np.testing.assert_allclose(gain.money, margin * gain.sold - holding * gain.left)
