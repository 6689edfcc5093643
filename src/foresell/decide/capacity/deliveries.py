"""What arrives of a plan, what is delivered of it, and what that costs: on the mean, or with lots that come late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.capacity.problem import CapacityProblem

CONFIDENCE = 0.9
"""How much of the paths a range of a simulation covers."""


def arrivals(problem: CapacityProblem, quantity: np.ndarray, late: np.ndarray | None = None) -> np.ndarray:
    """The good units that arrive: float64 [path or 1, part, period].

    `late` [path, lane, period] are the lots that come one period later; where it is not given, the expected share of
    each lot does. Late goods of the last period arrive after the plan.
    """
    lanes = problem.lanes
    share = 1 - lanes.on_time[None, :, None] if late is None else late
    good = (lanes.good[:, None] * quantity)[None]
    postponed = good * share
    arriving = good - postponed
    arriving[:, :, 1:] += postponed[:, :, :-1]
    of_parts = (np.arange(problem.n_parts)[:, None] == lanes.part).astype(np.float64)  # [part, lane]
    return of_parts @ arriving


def followed(problem: CapacityProblem, arriving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stock at the end of each period, and the units that are not met: float64 [path, part, period] each.

    What is there is delivered at once, which costs least: a unit costs the same whenever it is not met.
    """
    stock = np.zeros(np.broadcast_shapes(arriving.shape, problem.demand.shape))
    unmet = np.zeros_like(stock)
    there = np.broadcast_to(problem.opening, stock.shape[:2])
    for period in range(problem.n_periods):
        left = there + arriving[:, :, period] - problem.demand[:, :, period]
        unmet[:, :, period] = np.maximum(-left, 0)
        there = np.maximum(left, 0)
        stock[:, :, period] = there
    return stock, unmet


@dataclass(frozen=True)
class Simulation:
    """What becomes of a plan on each path; float64 [path] where nothing else is said.

    - `delivered`: the share of the demand that is delivered on time. `by_part`: the same over all paths, [part].
    - `production`, `holding`, `unmet_cost`: money.
    - `utilisation`: the share of the capacity that the plan takes, [manufacturer, period].
    """

    delivered: np.ndarray
    by_part: np.ndarray
    production: np.ndarray
    holding: np.ndarray
    unmet_cost: np.ndarray
    utilisation: np.ndarray

    @property
    def cost(self) -> np.ndarray:
        """The cost of each path."""
        return self.production + self.holding + self.unmet_cost

    def delivered_range(self) -> tuple[float, float, float]:
        """The mean share that is delivered on time, and the ends of its range of 90 % of the paths."""
        low, high = np.quantile(self.delivered, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(self.delivered.mean()), float(low), float(high)


def simulate(problem: CapacityProblem, quantity: np.ndarray, seed: int = 1) -> Simulation:
    """What becomes of the plan `quantity` [lane, period] on the paths of the problem.

    Lots come late at random, as often as `Lanes.on_time` says.
    """
    lanes = problem.lanes
    draws = np.random.default_rng(seed).random((problem.n_paths, *quantity.shape))
    late = (draws >= lanes.on_time[:, None]).astype(np.float64)
    stock, unmet = followed(problem, arrivals(problem, quantity, late))
    asked = problem.demand.sum(axis=(1, 2))
    of_parts = problem.demand.sum(axis=(0, 2))
    return Simulation(
        delivered=_share(asked - unmet.sum(axis=(1, 2)), asked),
        by_part=_share(of_parts - unmet.sum(axis=(0, 2)), of_parts),
        production=np.full(problem.n_paths, float(lanes.cost @ quantity.sum(axis=1))),
        holding=stock.sum(axis=2) @ problem.holding,
        unmet_cost=unmet.sum(axis=2) @ problem.penalty,
        utilisation=problem.utilisation(quantity),
    )


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A share, 1 where there is nothing to share."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 1.0)
