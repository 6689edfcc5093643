"""Buying early for peaks: what to take before it is needed, where a vendor's or a warehouse's capacity is short then.

A linear programme: units bought in a period cost nothing more than their price, held ones cost holding, demand that is
not met costs its margin, and all items share the capacity of each period. The price of capacity says what one more unit
of it is worth. Silver, Pyke and Thomas, "Inventory and production management in supply chains", 4th edition, chapter 14
(level and chase strategies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError


@dataclass(frozen=True)
class Prebuild:
    """What to buy when: float64 [item, period] each.

    - `bought`, `stock` at the end of a period, and `unmet` demand, in units.
    - `early`: what is bought in a period beyond what that period needs, to be sold later.
    - `capacity_price`: float64 [period], what one more unit of capacity would save; 0 where it is not short.
    - `cost`: of holding and unmet demand.
    """

    bought: np.ndarray
    stock: np.ndarray
    unmet: np.ndarray
    early: np.ndarray
    capacity_price: np.ndarray
    cost: float


def prebuild(
    demand: np.ndarray,
    capacity: np.ndarray,
    holding: np.ndarray,
    lost_margin: np.ndarray,
    on_hand: np.ndarray | None = None,
    use: np.ndarray | None = None,
) -> Prebuild:
    """The cheapest purchases for `demand` [item, period] within the `capacity` [period].

    `holding` and `lost_margin` are money a unit, [item]; `on_hand` [item] is there before the first period, and `use`
    [item] is the capacity that a unit takes, 1 where not given. Raises UsageError for numbers that are missing or below
    0, and for arrays that do not fit each other.

    A peak of 10 in the third period and a capacity of 6: 4 are bought before it, as late as possible.

    >>> result = prebuild(np.array([[2.0, 2.0, 10.0]]), np.full(3, 6.0), np.array([0.1]), np.array([3.0]))
    >>> result.bought.tolist(), result.early.tolist(), round(result.cost, 2)
    ([[2.0, 6.0, 6.0]], [[0.0, 4.0, 0.0]], 0.4)
    >>> result.capacity_price.round(2).tolist()
    [0.0, 0.0, 0.1]
    """
    from scipy import sparse
    from scipy.optimize import linprog

    demand = np.atleast_2d(np.asarray(demand, np.float64))
    n_items, n_periods = demand.shape
    on_hand = np.zeros(n_items) if on_hand is None else np.asarray(on_hand, np.float64)
    use = np.ones(n_items) if use is None else np.asarray(use, np.float64)
    by_item = {"holding": holding, "lost_margin": lost_margin, "on_hand": on_hand, "use": use}
    _require("demand", demand, demand.shape)
    _require("capacity", capacity, (n_periods,))
    for name, values in by_item.items():
        _require(name, values, (n_items,))
    size = n_items * n_periods
    # Variables: bought, stock, unmet, each [item, period]. Balance: stock[t-1] + bought + unmet - stock[t] = demand.
    before = sparse.eye(size, k=-1, format="lil")
    before[np.arange(n_items) * n_periods, np.maximum(np.arange(n_items) * n_periods - 1, 0)] = 0
    eye = sparse.eye(size)
    balance = sparse.hstack([eye, before - eye, eye], format="csr")
    needed = demand.copy()
    needed[:, 0] -= on_hand
    taken = sparse.kron(use[None], sparse.eye(n_periods))
    limits = sparse.hstack([taken, sparse.csr_matrix((n_periods, 2 * size))], format="csr")
    # Of equal plans the one that buys late is taken: earlier units bear a cost too small to matter elsewhere.
    costs = np.concatenate(
        [
            np.zeros(size),
            np.repeat(np.maximum(holding, 1e-9), n_periods),
            np.repeat(lost_margin, n_periods),
        ]
    )
    solved = linprog(costs, A_ub=limits, b_ub=capacity, A_eq=balance, b_eq=needed.ravel(), method="highs")
    if solved.status != 0:
        raise UsageError(f"The purchases could not be decided: {solved.message} Check capacities and demand.")
    bought, stock, unmet = solved.x.reshape(3, n_items, n_periods)
    left = np.column_stack([on_hand, stock[:, :-1]])
    early = np.maximum(bought - np.maximum(demand - unmet - left, 0), 0)
    money = float((stock * np.asarray(holding)[:, None]).sum() + (unmet * np.asarray(lost_margin)[:, None]).sum())
    price = np.maximum(-solved.ineqlin.marginals, 0)
    return Prebuild(bought, stock, unmet, early, price, money)


def _require(name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raises UsageError for an array of another shape, or one with numbers that are missing or below 0."""
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise UsageError(f"{name} has the shape {array.shape}; expected {shape}, by item and period.")
    wrong = ~np.isfinite(array) | (array < 0)
    if wrong.any():
        raise UsageError(f"{name} has {int(wrong.sum())} numbers that are missing or below 0; expected 0 or more.")


def peaks(expected: np.ndarray, factor: float = 1.3) -> np.ndarray:
    """Which periods have much more than is usual ahead: bool [period].

    `expected` [period] is the mean demand; usual is the median of the periods.

    >>> peaks(np.array([10.0, 11.0, 9.0, 20.0, 10.0])).tolist()
    [False, False, False, True, False]
    """
    expected = np.asarray(expected, np.float64)
    usual = np.median(expected)
    return expected > factor * usual if usual > 0 else expected > 0
