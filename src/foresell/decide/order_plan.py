"""The plan of orders: one line for each series, with the quantity, its reasons, and the money that it is worth.

The reasons of a line add up: demand of the cover + safety stock - on hand - on order + surplus + rounding + what limits
changed = units. The surplus is what is there beyond the target, where nothing has to be ordered. Limits are those of
vendors and of a budget, see `decide.vendors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.decide.codes import finding
from foresell.decide.stock.contract import Orders, Policy, Situation
from foresell.decide.stock.faults import decide, undecidable
from foresell.decide.stock.projection import projection
from foresell.decide.vendors.limited_orders import LIMITS

REASONS = ("demand", "safety_stock", "on_hand", "on_order", "surplus", "rounding", *LIMITS)
"""The columns of a plan that explain ``units``; stock and orders count negative."""

LEAST_DEMAND = 1e-4
"""The smallest demand of a period by which stock that is left is sold."""

_NUMBERS = ("units", *REASONS, "target", "value", "gain", "lost_units")


@dataclass(frozen=True)
class PlannedOrders:
    """The columns of the plan by name, float64 [series] each, and the findings.

    - ``units`` to order, and `REASONS`, which add up to it.
    - ``target``: the inventory position to reach.
    - ``value``: what the order costs to buy.
    - ``gain``: by how much it lowers the expected cost of lost sales and stock of the cover, against no order.
    - ``lost_units``: the units of demand of the cover that are expected to go unmet in spite of the order, before it
      arrives or after.
    """

    columns: dict[str, np.ndarray]
    findings: tuple[Finding, ...]


def planned_orders(policy: Policy, situation: Situation) -> PlannedOrders:
    """The orders of a policy with their reasons. Series whose data forbid an order are NaN.

    >>> from foresell.decide.stock import CalibratedFractile
    >>> from foresell.decide.stock.contract import CostRates
    >>> demand = np.array([[[4.0]], [[6.0]], [[8.0]]])  # three paths, one series, one step
    >>> case = Situation.of(demand, np.array([1.0]), CostRates.of(1, holding=1, lost_margin=9, unit=2), pack=4)
    >>> plan = planned_orders(CalibratedFractile(), case).columns
    >>> [plan[name].tolist() for name in ("units", "demand", "safety_stock", "on_hand", "rounding", "value")]
    [[8.0], [6.0], [2.0], [1.0], [1.0], [16.0]]
    """
    orders = decide(policy, situation)
    orders, unprofitable = _only_what_pays(situation, orders)
    position = situation.position()
    on_order = position - situation.on_hand
    gain, lost = np.full((2, situation.n_series), np.nan)
    decided = np.flatnonzero(~np.isnan(orders.order))
    if len(decided):
        gain[decided], lost[decided] = _money(situation.part(decided), orders.order[decided])
    columns = {
        "units": orders.order,
        "demand": orders.cover_mean,
        "safety_stock": orders.safety_stock,
        "on_hand": situation.on_hand,
        "on_order": on_order,
        "surplus": orders.unrounded - (orders.target - position),
        "rounding": orders.order - orders.unrounded,
        **dict.fromkeys(LIMITS, 0 * orders.order),
        "target": orders.target,
        "value": orders.order * situation.costs.unit,
        "gain": gain,
        "lost_units": lost,
    }
    return PlannedOrders(columns, (*orders.findings, *unprofitable))


def _only_what_pays(situation: Situation, orders: Orders) -> tuple[Orders, list[Finding]]:
    """The orders without those that cost more than they are expected to save, and a finding that names these.

    A policy looks at the cover, and a pack or a minimum may be stock of years. What a policy for fresh goods wants
    beside these stays: it weighs a lost sale by what later orders are worth, of which a single order knows nothing.
    """
    wanted = np.flatnonzero(np.nan_to_num(orders.unrounded) > 0)
    ordered = wanted[orders.order[wanted] > 0]
    order = orders.order.copy()
    if len(ordered):
        gain, _ = _money(situation.part(ordered), order[ordered])
        shelf = np.zeros(situation.n_series) if situation.shelf_periods is None else situation.shelf_periods
        stays = (shelf[ordered] > 0) & (order[ordered] < orders.unrounded[ordered] + 1)
        order[ordered[(gain < -1e-9) & ~stays]] = 0
    none = wanted[order[wanted] == 0]
    # A need of less than one unit is no news; a whole pack or a minimum in its way is.
    hindered = none[(situation.pack > 1)[none] | (situation.minimum > 1)[none]]
    if not len(hindered):
        return replace(orders, order=order), []
    names = [situation.names[row] if situation.names else f"series {row + 1}" for row in hindered[:5].tolist()]
    message = "Units are needed, and an order costs more than it is expected to save"
    return replace(orders, order=order), [finding("order-unprofitable", "orders", len(hindered), message, names)]


def _money(situation: Situation, quantity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expected gain of orders, and the units that go unmet in spite of them: float64 [series] each.

    What is left after the cover is held until it is sold, at the mean demand d of the cover: x units for x / (2 d)
    periods on average. That counts as far as it is more than the margin that these units still earn. Of fresh goods,
    what d does not sell in the rest of their shelf life is waste. The fixed cost counts for as much of the order as is
    sold in a review time, because what it brings beyond that saves the cost of a later order.
    """
    costs = situation.costs
    holding = costs.holding * situation.review_periods
    per_period = np.maximum(situation.cover_mean() / situation.cover_periods, LEAST_DEMAND)
    needed, lost_before, _ = projection(situation, lost_sales=True)
    salable = np.full(situation.n_series, np.inf)  # of what is left after the cover
    if situation.shelf_periods is not None:
        rest = np.maximum(situation.shelf_periods - situation.review_periods, 0) * per_period
        salable = np.where(situation.shelf_periods > 0, rest, np.inf)

    def unmet_and_cost(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left = ordered.astype(np.float32) - needed
        unmet, over = (np.maximum(sign * left, 0) for sign in (-1, 1))
        later = np.maximum(costs.holding / (2 * per_period) * over - costs.lost_margin, 0) * over
        wasted = costs.waste * np.maximum(over - salable, 0).mean(axis=0, dtype=np.float64)
        unmet, over = (units.mean(axis=0, dtype=np.float64) for units in (unmet, over))
        return unmet, costs.lost_margin * unmet + holding * over + later.mean(axis=0) + wasted

    _, without = unmet_and_cost(np.zeros_like(quantity))
    unmet, cost = unmet_and_cost(quantity)
    used = np.minimum(situation.review_periods * per_period / np.maximum(quantity, 1e-9), 1)
    return without - cost - costs.fixed * used * (quantity > 0), lost_before + unmet


@dataclass(frozen=True)
class ValuedOrders:
    """What given orders cost to buy, by how much they lower the expected cost, and the units that stay unmet.

    All are float64 [series]; gain and lost units are NaN where the data forbid an order.
    """

    value: np.ndarray
    gain: np.ndarray
    lost_units: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[ValuedOrders]) -> ValuedOrders:
        """Those of several blocks of series as one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


def valued_orders(situation: Situation, units: np.ndarray) -> ValuedOrders:
    """The value of orders of `units` [series] that no policy made, such as those of a person."""
    gain, lost = np.full((2, situation.n_series), np.nan)
    sound = np.flatnonzero(~undecidable(situation))
    if len(sound):
        gain[sound], lost[sound] = _money(situation.part(sound), units[sound])
    return ValuedOrders(units * situation.costs.unit, gain, lost)


def joined(parts: Sequence[PlannedOrders]) -> PlannedOrders:
    """The plans of several blocks of series as one; findings of one code become one."""
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in _NUMBERS}
    by_code: dict[str, list[Finding]] = {}
    for each in (each for part in parts for each in part.findings):
        by_code.setdefault(each.code, []).append(each)
    return PlannedOrders(columns, tuple(map(_merged, by_code.values())))


def _merged(findings: Sequence[Finding]) -> Finding:
    first = findings[0]
    examples = tuple(example for each in findings for example in each.examples)[:5]
    count = sum(each.count for each in findings)
    return Finding(first.code, first.severity, first.where, count, first.message, examples, first.advice)


def to_frame(plan: PlannedOrders) -> pl.DataFrame:
    """The columns of the plan as a table; null where there is no order."""
    return pl.DataFrame({name: pl.Series(values).fill_nan(None) for name, values in plan.columns.items()})
