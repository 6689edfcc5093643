"""Orders of the periods ahead, by the policy of the plan played over the sample paths.

A vendor wants to know what will be ordered, which is not what will be sold: stock, packs, review times and orders that
are under way stand between them. So the stock is followed on every path. In each review the policy says the position
to reach, from the demand after that review and the mean stock of all paths; on each path the order fills up to it.

The first order is that of today's plan. Later ones are decided with the forecast of today, which will have changed by
then: their ranges are those of the demand, and not of what the forecast will learn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from foresell.core.finding import Finding
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.stock.faults import decide


@dataclass(frozen=True)
class ExpectedOrders:
    """The orders of each path: `units` float32 [path, series, step], placed at the beginning of a step.

    - `decided`: bool [series, step], the steps with a review whose cover lies within the paths. What is ordered after
      the last of them cannot be told.
    - `known`: bool [series], those whose data allow orders; the others have 0 everywhere, and `findings` say why.
    """

    units: np.ndarray
    decided: np.ndarray
    known: np.ndarray
    findings: tuple[Finding, ...]

    def last_step(self) -> np.ndarray:
        """The last step whose orders can be told, -1 where none: int64 [series]."""
        n_steps = self.decided.shape[1]
        last = n_steps - 1 - self.decided[:, ::-1].argmax(axis=1)
        return np.where(self.decided.any(axis=1), last, -1)


def expected_orders(policy: Policy, situation: Situation, today: np.ndarray | None = None) -> ExpectedOrders:
    """The orders of `policy` over all steps of the paths of `situation`.

    `today` [series] are the orders of today where they are decided already, NaN where they cannot be.

    Demand that finds no stock is lost. Later orders are whole packs, the nearest number of them, and 0 or at least the
    minimum.

    >>> from foresell.decide.stock import NormalSafetyStock
    >>> from foresell.decide.stock.contract import CostRates
    >>> paths = np.full((2, 1, 6), 4.0)  # each path sells 4 in every period; what is ordered arrives a period later
    >>> case = Situation.of(paths, np.array([9.0]), CostRates.of(1, holding=1, lost_margin=4), lead_periods=1)
    >>> orders = expected_orders(NormalSafetyStock(), case)
    >>> orders.units[0, 0].tolist(), orders.decided[0].tolist()
    ([0.0, 3.0, 4.0, 4.0, 4.0, 0.0], [True, True, True, True, True, False])
    """
    shape = situation.paths.shape
    first = decide(policy, situation) if today is None else None
    order_today = np.asarray(today if first is None else first.order)
    known = ~np.isnan(order_today)
    units = np.zeros(shape, np.float32)
    steps, lead = np.arange(situation.horizon), situation.lead_periods
    decided = known[:, None] & (steps % np.maximum(situation.review_periods, 1)[:, None] == 0)
    decided &= steps + situation.cover_periods[:, None] <= situation.horizon
    stock = np.broadcast_to(np.where(known, situation.on_hand, 0), shape[:2]).astype(np.float32)  # [path, series]
    under_way = np.where(known[:, None], situation.on_order, 0)
    arriving = np.broadcast_to(under_way, shape).astype(np.float32)  # [path, series, step]
    for step in range(situation.horizon):
        rows = np.flatnonzero(decided[:, step])
        if len(rows):
            order = order_today[rows][None] if step == 0 else _orders(policy, situation, rows, step, stock, arriving)
            units[:, rows, step] = order
            # An order whose goods come after the last step is not followed further.
            inside = step + lead[rows] < situation.horizon
            placed = np.broadcast_to(order, (shape[0], len(rows)))
            arriving[:, rows[inside], step + lead[rows[inside]]] += placed[:, inside]
        stock = np.maximum(stock + arriving[:, :, step] - situation.paths[:, :, step], 0)
    return ExpectedOrders(units, decided, known, first.findings if first else ())


def _orders(
    policy: Policy, situation: Situation, rows: np.ndarray, step: int, stock: np.ndarray, arriving: np.ndarray
) -> np.ndarray:
    """The orders of some series in a later review, on each path: float32 [path, row]."""
    part = situation.part(rows)
    waiting = arriving[:, rows, step:]
    mean_stock, mean_waiting = (units.mean(axis=0, dtype=np.float64) for units in (stock[:, rows], waiting))
    later = replace(part, paths=part.paths[:, :, step:], on_hand=mean_stock, on_order=mean_waiting, lots=None)
    target = policy.orders(later).target
    position = stock[:, rows] + (waiting * later.in_cover()).sum(axis=2)
    needed = np.maximum(target - position, 0)
    packs = np.floor(needed / part.pack + 0.5) * part.pack
    least = np.ceil(part.minimum / part.pack - 1e-9) * part.pack
    return np.where(packs >= least, packs, np.where(needed >= least / 2, least, 0)).astype(np.float32)
