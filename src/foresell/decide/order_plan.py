"""The plan of orders: one line for each series, with the quantity, its reasons, and the money that it is worth.

The reasons of a line add up: demand of the cover + safety stock - on hand - on order + surplus + rounding = units. The
surplus is what is there beyond the target, where nothing has to be ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.stock.faults import decide
from foresell.decide.stock.projection import projection

REASONS = ("demand", "safety_stock", "on_hand", "on_order", "surplus", "rounding")
"""The columns of a plan that explain ``units``; stock and orders count negative."""

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
        "target": orders.target,
        "value": orders.order * situation.costs.unit,
        "gain": gain,
        "lost_units": lost,
    }
    return PlannedOrders(columns, orders.findings)


def _money(situation: Situation, quantity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expected gain of orders, and the units that go unmet in spite of them: float64 [series] each."""
    costs = situation.costs
    holding = costs.holding * situation.review_periods
    needed, lost_before, _ = projection(situation, lost_sales=True)

    def unmet_and_cost(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left = ordered.astype(np.float32) - needed
        unmet, over = (np.maximum(sign * left, 0).mean(axis=0, dtype=np.float64) for sign in (-1, 1))
        return unmet, costs.lost_margin * unmet + holding * over

    _, without = unmet_and_cost(np.zeros_like(quantity))
    unmet, cost = unmet_and_cost(quantity)
    return without - cost - costs.fixed * (quantity > 0), lost_before + unmet


def joined(parts: Sequence[PlannedOrders]) -> PlannedOrders:
    """The plans of several blocks of series as one; findings of one code become one."""
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in _NUMBERS}
    by_code: dict[str, list[Finding]] = {}
    for finding in (finding for part in parts for finding in part.findings):
        by_code.setdefault(finding.code, []).append(finding)
    return PlannedOrders(columns, tuple(map(_merged, by_code.values())))


def _merged(findings: Sequence[Finding]) -> Finding:
    first = findings[0]
    examples = tuple(example for finding in findings for example in finding.examples)[:5]
    count = sum(finding.count for finding in findings)
    return Finding(first.code, first.severity, first.where, count, first.message, examples, first.advice)


def to_frame(plan: PlannedOrders, series: pl.DataFrame) -> pl.DataFrame:
    """One row for each of `series`, with its columns and those of the plan; null where there is no order."""
    return series.with_columns(pl.Series(name, values).fill_nan(None) for name, values in plan.columns.items())
