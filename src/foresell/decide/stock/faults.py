"""What is wrong with the data of an order, so that nothing is ordered in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from foresell.core.finding import Finding, Severity
from foresell.decide.codes import CODES, finding
from foresell.decide.stock.contract import Orders, Policy, Situation

OVERDUE = -np.inf
"""Stands for what arrives of a series with an overdue order, whose goods may be here already or may never come."""


@dataclass(frozen=True)
class OpenOrders:
    """Orders that have not arrived, one in each row: `series` int, `step` int, `units` float, [order] each.

    A `step` of 1 is the first period after the decision; one below 1 lies in the past.
    """

    series: np.ndarray
    step: np.ndarray
    units: np.ndarray

    def by_step(self, n_series: int, horizon: int, names: tuple[str, ...] = ()) -> tuple[np.ndarray, list[Finding]]:
        """What arrives at the beginning of each step, float64 [series, step], and what is wrong.

        Series with an overdue order are `OVERDUE`; `decide` reports them, and orders nothing for them.

        >>> orders = OpenOrders(np.array([0, 1]), np.array([2, 0]), np.array([5.0, 3.0]))
        >>> orders.by_step(2, 2)[0].tolist()
        [[0.0, 5.0], [-inf, -inf]]
        """
        arriving = np.zeros((n_series, horizon))
        inside = (self.step >= 1) & (self.step <= horizon)
        np.add.at(arriving, (self.series[inside], self.step[inside] - 1), self.units[inside])
        arriving[self.series[self.step < 1]] = OVERDUE
        late = self.step > horizon
        if not late.any():
            return arriving, []
        return arriving, [_finding("order-beyond-horizon", np.unique(self.series[late]), names, int(late.sum()))]


def undecidable(situation: Situation) -> np.ndarray:
    """The series whose data forbid an order: bool [series]."""
    none = np.zeros(situation.n_series, bool)
    wrong = (series for code, series in faults(situation) if CODES[code].severity == Severity.ERROR)
    return np.any([none, *wrong], axis=0)


def faults(situation: Situation) -> Iterator[tuple[str, np.ndarray]]:
    """The codes of what is wrong, each with the series that it concerns: bool [series]."""
    on_hand, on_order = situation.on_hand, situation.on_order
    overdue = (on_order == OVERDUE).any(axis=1)
    unknown = ~np.isfinite(on_hand) | (~np.isfinite(on_order).all(axis=1) & ~overdue)
    negative = on_hand < 0
    if situation.lots is not None:
        unknown |= ~np.isfinite(situation.lots).all(axis=1)
        negative |= (situation.lots < 0).any(axis=1)
    yield "stock-unknown", unknown
    yield "stock-negative", negative
    yield "order-overdue", overdue
    yield "order-negative", np.asarray((on_order < 0).any(axis=1)) & ~overdue
    small = ~(situation.pack > 0) | ~np.isfinite(situation.pack)
    small |= ~(situation.minimum >= 0) | ~np.isfinite(situation.minimum)
    if situation.shelf_periods is not None:
        small |= situation.shelf_periods < 0
    yield "pack-invalid", small
    yield "lead-time-invalid", (situation.lead_periods < 0) | (situation.review_periods < 1)
    yield "lead-time-beyond-horizon", situation.cover_periods > situation.horizon
    rates = np.stack([getattr(situation.costs, rate.name) for rate in fields(situation.costs)])
    costs = situation.costs
    yield "cost-invalid", ~(np.isfinite(rates) & (rates >= 0)).all(axis=0) | (costs.holding + costs.lost_margin <= 0)
    yield "demand-invalid", situation.invalid_paths()


def decide(policy: Policy, situation: Situation) -> Orders:
    """The orders of a policy, NaN with a finding for each series whose data forbid one.

    >>> from foresell.decide.stock import NormalSafetyStock
    >>> from foresell.decide.stock.contract import CostRates
    >>> case = Situation.of(np.ones((2, 2, 1)), np.array([-1.0, 0.0]), CostRates.of(2, holding=1, lost_margin=4))
    >>> orders = decide(NormalSafetyStock(), case)
    >>> orders.order.tolist(), [finding.code for finding in orders.findings]
    ([nan, 1.0], ['stock-negative'])
    """
    wrong, findings = np.zeros(situation.n_series, bool), []
    for code, series in faults(situation):
        if series.any():
            findings.append(_finding(code, np.flatnonzero(series), situation.names))
            if CODES[code].severity == Severity.ERROR:
                wrong |= series
    if not wrong.any():
        orders = policy.orders(situation)
        return Orders(orders.order, orders.unrounded, orders.target, orders.cover_mean, tuple(findings))
    filled = np.full((4, situation.n_series), np.nan)
    sound = np.flatnonzero(~wrong)
    if len(sound):
        orders = policy.orders(situation.part(sound))
        filled[:, sound] = orders.order, orders.unrounded, orders.target, orders.cover_mean
    order, unrounded, target, cover_mean = filled
    return Orders(order, unrounded, target, cover_mean, tuple(findings))


def _finding(code: str, series: np.ndarray, names: tuple[str, ...], count: int | None = None) -> Finding:
    """The finding of a code about some series, by their names or else their numbers from 1."""
    examples = [names[row] if names else f"series {row + 1}" for row in series[:5].tolist()]
    meaning = CODES[code].meaning.split(". ")[0].rstrip(".")
    return finding(code, "orders", len(series) if count is None else count, meaning, examples)
