"""How far an order goes for a discount, against a search over the cost of a unit in the long run at every size."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from foresell.decide.vendors.break_reach import within_reach
from foresell.decide.vendors.terms import PriceBreak, VendorTerms
from foresell.decide.vendors.vendor_order import VendorLines, best_order

NEED, MOST, PRICE = 8, 60, 2.0


def paid(units: int, breaks: tuple[tuple[float, float], ...], *, incremental: bool) -> float:
    """What an order of `units` costs, unit by unit, by the words of the terms."""
    money = units * PRICE
    if not incremental:
        return money * (1 - max([0.0, *(discount for threshold, discount in breaks if money >= threshold)]))
    cents = np.arange(round(money * 100)) / 100  # what each cent costs, by the break that it lies beyond
    return float(sum(0.01 * (1 - max([0.0, *(d for t, d in breaks if cent >= t)])) for cent in cents))


def best_size(breaks: tuple[tuple[float, float], ...], holding: float, *, incremental: bool) -> int:
    """The size of an order at which a unit costs least, where the k-th unit beyond the need is held for k periods."""
    costs = {
        units: (
            paid(units, breaks, incremental=incremental) + holding * sum(range(1, units - NEED + 1))
        ) / units
        for units in range(NEED, MOST + 1)
    }  # fmt: skip
    return min(costs, key=costs.__getitem__)


@pytest.mark.parametrize(
    ("breaks", "holding", "incremental"),
    list(product(
        [((10.0, 0.1),), ((30.0, 0.2),), ((20.0, 0.05), (60.0, 0.3)), ((200.0, 0.1),)],
        [0.002, 0.01, 0.05, 0.5],
        [False, True],
    )),
)  # fmt: skip
def test_an_order_is_of_the_size_at_which_a_unit_costs_least(
    breaks: tuple[tuple[float, float], ...], holding: float, incremental: bool
) -> None:
    beyond = np.arange(1, MOST - NEED + 1)
    lines = VendorLines(
        VendorTerms(breaks=tuple(PriceBreak(*each) for each in breaks), incremental=incremental),
        np.zeros(1 + len(beyond), np.int64),
        np.r_[NEED, np.ones(len(beyond), np.int64)],
        np.r_[3.0, -holding * beyond],
        np.zeros(1 + len(beyond), bool),
        *(np.full(1 + len(beyond), load) for load in (PRICE, PRICE, PRICE, PRICE)),
    )
    ordered = int(best_order(within_reach(lines), 0.0).bought.sum())
    assert ordered == best_size(breaks, holding, incremental=incremental)
