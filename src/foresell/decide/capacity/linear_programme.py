"""The plan of least expected cost: a linear programme, with whole lots where there are minimum lots.

What is ordered is decided now, for all periods; what is in stock and what is unmet follows from it on each path of the
demand. This is the sample average of a two-stage programme (Birge and Louveaux, "Introduction to stochastic
programming", chapter 1); with one path it is the plan for a demand that is certain. The solver is HiGHS, in SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from foresell.core.errors import UsageError
from foresell.decide.capacity.deliveries import arrivals, followed
from foresell.decide.capacity.problem import CapacityProblem

INTEGER_LOSS = 1e-3
"""A plan with whole lots may cost this share more than the best one."""

LARGEST = 30_000
"""So many cells of path, part and period are solved at once; with more of them, fewer paths are looked at."""

FEWEST_PATHS = 10

METHOD = "highs-ipm"
"""On 9,600 cells the interior point took half the time of the simplex."""

_GIVEN_UP = 0.3  # of the lots that are too small, at a time

SECONDS = 60.0
"""How long the search for whole lots may take; what was best until then is taken, and its gap is known."""


@dataclass(frozen=True)
class CapacityPlan:
    """The plan.

    - `quantity`: units ordered, float64 [lane, period].
    - `production`, `holding`, `unmet_cost`: the expected cost of the three, in money, over the `n_paths` it looked at.
    - `unmet`: the expected units that are not met, float64 [part, period].
    - `capacity_price`: what one more unit of capacity would save, float64 [manufacturer, period]; where there are
      minimum lots, with those that are ordered now.
    - `demand_price`: what one more unit of demand on all paths would cost, float64 [part, period].
    - `bound`: no plan costs less than this on these paths.
    """

    quantity: np.ndarray
    production: float
    holding: float
    unmet_cost: float
    unmet: np.ndarray
    capacity_price: np.ndarray
    demand_price: np.ndarray
    bound: float
    n_paths: int

    @property
    def cost(self) -> float:
        """The expected cost."""
        return self.production + self.holding + self.unmet_cost

    @property
    def gap(self) -> float:
        """The share of the cost that the best plan may save at most."""
        return max(self.cost - self.bound, 0.0) / self.cost if self.cost > 0 else 0.0


def capacity_plan(problem: CapacityProblem, largest: int = LARGEST, seconds: float = SECONDS) -> CapacityPlan:
    """The plan of least expected cost, over as many of the paths as `largest` allows, or for the mean of them.

    One part, one manufacturer of 10 units a period, a demand of 4 and then 14: four of the second period are made
    before it and held, for 1 each.

    >>> from foresell.decide.capacity.problem import Lanes
    >>> lanes = Lanes.of([0], [0], [2.0])
    >>> problem = CapacityProblem.of([[4.0, 14.0]], lanes, [[10.0, 10.0]], penalty=9, holding=1)
    >>> plan = capacity_plan(problem)
    >>> plan.quantity.tolist(), plan.cost, plan.capacity_price.tolist()
    ([[8.0, 10.0]], 40.0, [[0.0, 1.0]])
    """
    problem = _bounded(problem, largest)
    programme = _Programme(problem)
    relaxed = programme.solve()
    if not programme.lot_lanes.size or (programme.small_lots(relaxed.x) == 1).all():
        return programme.plan(relaxed, float(relaxed.fun))
    rounded = programme.rounded(relaxed)
    plan = programme.plan(rounded, float(relaxed.fun))
    if plan.gap <= INTEGER_LOSS / 2:
        return plan
    # A search over lots solves many programmes. That of a large plan is by the mean, for which no plan costs more than
    # for the paths (Jensen's inequality), so that its bound holds for them too.
    small = programme.n_cells <= largest // 10
    chosen, bound = (programme if small else _Programme(problem.of_mean())).lots(seconds)
    bound = max(bound, float(relaxed.fun))
    exact = programme.solve(programme.limits_of(chosen))
    return programme.plan(min(exact, rounded, key=lambda solution: solution.fun), bound)


def _bounded(problem: CapacityProblem, largest: int) -> CapacityProblem:
    """The problem with as many of its paths as `largest` cells allow; with the mean where these are too few to say more
    than it."""
    n_paths = largest // max(problem.n_parts * problem.n_periods, 1)
    if n_paths >= problem.n_paths:
        return problem
    return problem.with_demand(problem.demand[:n_paths]) if n_paths >= FEWEST_PATHS else problem.of_mean()


def _largest(problem: CapacityProblem) -> np.ndarray:
    """The largest quantities that can be of use: [lane, period]. The capacity allows them, and where all of it came on
    time, some path would ask for it."""
    lanes = problem.lanes
    ahead = problem.demand[:, :, ::-1].cumsum(axis=2)[:, :, ::-1].max(axis=0)[lanes.part]
    at_once = (lanes.good * lanes.on_time)[:, None]
    useful = np.where(at_once > 0, ahead / np.where(at_once > 0, at_once, 1), np.inf)
    allowed = problem.capacity[lanes.manufacturer] / lanes.use[:, None]
    return np.asarray(np.minimum(np.maximum(useful, lanes.minimum_lot[:, None]), allowed))


class _Programme:
    """The matrices. Columns are quantities [lane, period], stock and unmet units [path, part, period] each."""

    def __init__(self, problem: CapacityProblem):
        self.problem = problem
        self.shape = (problem.n_paths, problem.n_parts, problem.n_periods)
        self.n_lots, self.n_cells = len(problem.lanes) * problem.n_periods, int(np.prod(self.shape))
        self.lot_lanes = np.flatnonzero(problem.lanes.minimum_lot > 0)
        self.largest = _largest(problem)

    @cached_property
    def cost(self) -> np.ndarray:
        """The cost of each column, expected over the paths."""
        problem = self.problem
        ones = np.ones(self.shape) / problem.n_paths
        production = np.repeat(problem.lanes.cost, problem.n_periods)
        return np.concatenate(
            [production, (problem.holding[:, None] * ones).ravel(), (problem.penalty[:, None] * ones).ravel()]
        )

    @cached_property
    def balance(self) -> sparse.csr_matrix:
        """Arrivals, and stock of the period before, and unmet units, less stock: [path, part, period] x column."""
        n_paths, n_parts, n_periods = self.shape
        lanes = self.problem.lanes
        lane, period = np.divmod(np.arange(self.n_lots), n_periods)
        at_once, later = (lanes.good * lanes.on_time)[lane], (lanes.good * (1 - lanes.on_time))[lane]
        row = lanes.part[lane] * n_periods + period
        in_plan = (period + 1 < n_periods) & (later > 0)
        of_parts = sparse.csr_matrix(
            (
                np.r_[at_once, later[in_plan]],
                (np.r_[row, row[in_plan] + 1], np.r_[np.arange(self.n_lots), np.flatnonzero(in_plan)]),
            ),
            shape=(n_parts * n_periods, self.n_lots),
        )
        stock = sparse.kron(
            sparse.eye(n_paths * n_parts), sparse.eye(n_periods, k=-1) - sparse.eye(n_periods), format="csr"
        )
        return sparse.hstack([sparse.vstack([of_parts] * n_paths), stock, sparse.eye(self.n_cells)], format="csr")

    @cached_property
    def needed(self) -> np.ndarray:
        """The demand less the stock at the beginning: float64 [path x part x period]."""
        needed = self.problem.demand.copy()
        needed[:, :, 0] -= self.problem.opening
        return needed.ravel()

    @cached_property
    def use(self) -> sparse.csr_matrix:
        """The capacity that quantities take: [manufacturer x period] x column."""
        n_periods, lanes = self.problem.n_periods, self.problem.lanes
        lane, period = np.divmod(np.arange(self.n_lots), n_periods)
        row = lanes.manufacturer[lane] * n_periods + period
        shape = (self.problem.capacity.size, self.n_lots + 2 * self.n_cells)
        return sparse.csr_matrix((lanes.use[lane], (row, np.arange(self.n_lots))), shape=shape)

    def bounds(self, limits: np.ndarray | None = None) -> np.ndarray:
        """The lowest and highest value of each column; `limits` [lane, period, 2] are those of quantities."""
        bounds = np.zeros((len(self.cost), 2))
        bounds[:, 1] = np.inf  # the capacity limits quantities in rows of its own, or it would have no price
        if limits is not None:
            bounds[: self.n_lots] = limits.reshape(-1, 2)
        return bounds

    def solve(self, limits: np.ndarray | None = None) -> Any:
        """The solution of SciPy without whole lots, or with the quantities within `limits`."""
        from scipy.optimize import linprog

        solution = linprog(
            self.cost, A_ub=self.use, b_ub=self.problem.capacity.ravel(), A_eq=self.balance, b_eq=self.needed,
            bounds=self.bounds(limits), method=METHOD,
        )  # fmt: skip
        if not solution.success:
            raise UsageError(
                f"The plan of capacity has no solution: {solution.message} Look at the capacities and the costs."
            )
        return solution

    def small_lots(self, x: np.ndarray) -> np.ndarray:
        """For quantities above 0 and below their minimum lot the share of it, else 1: float64 [lane, period]."""
        quantity = self.quantity(x)
        lots = np.maximum(self.problem.lanes.minimum_lot[:, None], 1e-12)
        return np.where((quantity > 1e-6) & (quantity < lots - 1e-6), quantity / lots, 1.0)

    def rounded(self, relaxed: Any) -> Any:
        """A solution with whole lots near the `relaxed` one: the smallest of the lots that are too small are given up,
        and the rest is decided anew, until none is too small."""
        chosen, solution = np.ones((len(self.problem.lanes), self.problem.n_periods), bool), relaxed
        free = np.zeros_like(chosen)
        while ((shares := self.small_lots(solution.x)) < 1).any():
            small = shares[shares < 1]
            chosen &= shares > max(np.quantile(small, _GIVEN_UP), small.min())
            limits = self.limits_of(chosen)
            limits[:, :, 0] = free
            solution = self.solve(limits)
        return solution

    def quantity(self, x: np.ndarray) -> np.ndarray:
        """The quantities: [lane, period]."""
        return np.asarray(x[: self.n_lots].reshape(-1, self.problem.n_periods))

    def lots(self, seconds: float) -> tuple[np.ndarray, float]:
        """Which lots are ordered by a search of so many seconds at most, bool [lane, period], true where there is no
        minimum; and the bound of the cost."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        n_periods = self.problem.n_periods
        lots = (self.lot_lanes[:, None] * n_periods + np.arange(n_periods)).ravel()  # their columns
        least = np.repeat(self.problem.lanes.minimum_lot[self.lot_lanes], n_periods)
        most = self.largest.ravel()[lots]
        pick = sparse.csr_matrix((np.ones(len(lots)), (np.arange(len(lots)), lots)), shape=(len(lots), len(self.cost)))

        def beside(matrix: sparse.csr_matrix, of_switches: sparse.csr_matrix | None = None) -> sparse.csr_matrix:
            switches = sparse.csr_matrix((matrix.shape[0], len(lots))) if of_switches is None else of_switches
            return sparse.hstack([matrix, switches], format="csr")

        bounds = np.vstack([self.bounds(), np.tile([0.0, 1.0], (len(lots), 1))])
        bounds[len(self.cost) :, 1] = least <= most + 1e-9  # a lot that the capacity never allows
        solution = milp(
            np.r_[self.cost, np.zeros(len(lots))],
            integrality=np.r_[np.zeros(len(self.cost)), np.ones(len(lots))],
            bounds=Bounds(bounds[:, 0], bounds[:, 1]),
            constraints=[
                LinearConstraint(beside(self.balance), self.needed, self.needed),
                LinearConstraint(beside(self.use), -np.inf, self.problem.capacity.ravel()),
                LinearConstraint(beside(pick, sparse.diags(-least)), 0, np.inf),
                LinearConstraint(beside(pick, sparse.diags(-most)), -np.inf, 0),
            ],
            options={"mip_rel_gap": INTEGER_LOSS / 2, "time_limit": seconds},
        )  # fmt: skip
        chosen = np.ones((len(self.problem.lanes), n_periods), bool)
        if solution.x is None:  # ordering nothing keeps all rules, so only a solver out of time gets here
            chosen[self.lot_lanes] = False
            return chosen, 0.0
        chosen[self.lot_lanes] = solution.x[len(self.cost) :].reshape(-1, n_periods) > 0.5
        return chosen, float(solution.mip_dual_bound)

    def limits_of(self, chosen: np.ndarray) -> np.ndarray:
        """The limits of quantities where the lots are chosen: float64 [lane, period, 2]."""
        least = self.problem.lanes.minimum_lot[:, None] * np.ones(self.problem.n_periods)
        lowest = np.where(chosen, np.minimum(least, self.largest), 0)
        return np.stack([lowest, np.where(chosen, np.inf, 0)], axis=2)

    def plan(self, solution: Any, bound: float) -> CapacityPlan:
        """The plan of a solution."""
        problem, quantity = self.problem, np.maximum(self.quantity(solution.x), 0.0)
        stock, unmet = followed(problem, arrivals(problem, quantity))
        return CapacityPlan(
            quantity=quantity,
            production=float(problem.lanes.cost @ quantity.sum(axis=1)),
            holding=float(problem.holding @ stock.mean(axis=0).sum(axis=1)),
            unmet_cost=float(problem.penalty @ unmet.mean(axis=0).sum(axis=1)),
            unmet=unmet.mean(axis=0),
            capacity_price=np.maximum(-solution.ineqlin.marginals, 0).reshape(problem.capacity.shape),
            demand_price=solution.eqlin.marginals.reshape(self.shape).sum(axis=0),
            bound=bound,
            n_paths=self.problem.n_paths,
        )
