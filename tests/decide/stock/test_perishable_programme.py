"""Orders of fresh goods, day after day, against the dynamic programme of systems small enough to be solved."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from scipy.stats import poisson

from foresell.decide.stock import PerishablePaths
from foresell.decide.stock.contract import CostRates, Orders, Situation

HOLDING = 0.0005


@dataclass(frozen=True)
class System:
    """Fresh goods that arrive at the beginning of the period of the order (lead 0) or of the next one (lead 1).

    A state is the lots on hand by their life, 1 to shelf - 1, and with a lead time the order that arrives now.
    """

    shelf: int
    lead: int
    mean: float
    most: int
    margin: float
    waste: float

    def states(self) -> np.ndarray:
        """All states: int [state, column]."""
        return np.array(list(product(range(self.most + 1), repeat=self.shelf - 1 + self.lead)))

    def demand(self) -> tuple[np.ndarray, np.ndarray]:
        """Units and their probabilities."""
        units = np.arange(int(poisson.ppf(1 - 1e-7, self.mean)) + 2)
        chance = poisson.pmf(units, self.mean)
        return units, chance / chance.sum()

    def outcome(self, states: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cost and the lost units that are expected, [state], and the state that follows, [state, demand]."""
        units, chance = self.demand()
        fresh = states[:, -1] if self.lead else np.full(len(states), order)
        unmet, left = np.tile(units, (len(states), 1)), []
        for lot in [*states[:, : self.shelf - 1].T, fresh]:
            taken = np.minimum(lot[:, None], unmet)
            left.append(lot[:, None] - taken)
            unmet = unmet - taken
        cost = self.margin * unmet + self.waste * left[0] + HOLDING * sum(left)
        columns = [np.minimum(lot, self.most) for lot in left[1:]]
        columns += [np.full(unmet.shape, order)] * self.lead
        following = np.ravel_multi_index(columns, (self.most + 1,) * len(columns))
        return cost @ chance, unmet @ chance, following

    def solve(self, orders: np.ndarray | None = None) -> tuple[float, float]:
        """The cost of a period and the fill rate, of the `orders` [state] or of those of least cost."""
        states, (_, chance) = self.states(), self.demand()
        outcomes = [self.outcome(states, order) for order in range(self.most + 1)]
        cost, lost = (np.stack([outcome[part] for outcome in outcomes], axis=1) for part in (0, 1))
        following = np.stack([outcome[2] for outcome in outcomes], axis=2)
        best, chosen = _values(cost, following, chance, orders)
        unfilled, _ = _values(lost, following, chance, chosen)
        return best, 1 - unfilled / self.mean

    def played(self, policy: PerishablePaths) -> tuple[float, float]:
        """The cost of a period and the fill rate of a policy that knows the distribution of the demand."""
        states = self.states()
        steps = self.lead + self.shelf
        sample = np.random.default_rng(1).poisson(self.mean, (1000, 1, steps)).astype(np.float32)
        lots, on_order = np.zeros((len(states), self.shelf)), np.zeros((len(states), steps))
        lots[:, : self.shelf - 1] = states[:, : self.shelf - 1]
        on_order[:, 0] = states[:, -1] * self.lead
        case = Situation.of(
            np.broadcast_to(sample, (1000, len(states), steps)),
            lots.sum(axis=1),
            CostRates.of(len(states), holding=HOLDING, lost_margin=self.margin, waste=self.waste),
            on_order=on_order,
            lead_periods=self.lead,
            shelf_periods=self.shelf,
            lots=lots,
        )
        orders: Orders = policy.orders(case)
        return self.solve(np.minimum(orders.order, self.most).astype(np.int64))


def _values(
    cost: np.ndarray, following: np.ndarray, chance: np.ndarray, orders: np.ndarray | None
) -> tuple[float, np.ndarray]:
    """The mean of `cost` [state, order] in the long run, and the orders [state], by relative value iteration."""
    value, rows = np.zeros(len(cost)), np.arange(len(cost))
    for _ in range(300):
        ahead = cost + np.einsum("d,sdo->so", chance, value[following])
        chosen = ahead.argmin(axis=1) if orders is None else orders
        change = ahead[rows, chosen] - value
        value = value + change - change[0] - value[0]
        if np.ptp(change) < 1e-7:
            break
    return float(change.mean()), chosen


# shelf, lead, mean, most, margin, waste: the margin of 0.3 and the waste of 0.7 are what is assumed of a price of 1
SYSTEMS = [
    System(2, 0, 2, 9, 0.7, 0.3),
    System(2, 1, 1, 7, 0.7, 0.3),
    System(2, 1, 3, 12, 0.3, 0.7),
    System(3, 0, 1, 8, 0.3, 0.7),
    System(3, 0, 1, 8, 0.7, 0.3),
    System(3, 0, 3, 11, 0.3, 0.7),
]


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_the_weight_of_a_lost_sale_brings_orders_near_the_dynamic_programme(system):
    least, _ = system.solve()
    costs = [system.played(PerishablePaths(lost_weight=weight))[0] for weight in (1, 1.5, 2)]
    assert least <= min(costs) + 1e-6
    assert min(costs[1:]) <= 1.015 * least
    assert min(costs[1:]) <= costs[0] + 1e-9 or costs[0] <= 1.005 * least


def test_the_best_fill_rate_falls_with_the_demand_of_a_shelf_life():
    """With a margin of 0.3 and a waste of 0.7, slow goods are best sold out often: a fill rate of 0.85 then costs."""
    (slow, fill), (_, filled) = System(2, 1, 1, 7, 0.3, 0.7).solve(), System(2, 1, 3, 12, 0.3, 0.7).solve()
    assert fill < 0.7 < 0.8 < filled
    dear, high = System(2, 1, 1, 7, 0.3, 0.7).played(PerishablePaths(lost_weight=7))
    assert high > fill
    assert dear > slow
