"""Orders of fresh goods: what is not sold within its shelf life is thrown away, and that counts in the objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import EqualTerms, Orders, Situation
from foresell.decide.stock.fractile import fractile_label
from foresell.decide.stock.lots import Issue
from foresell.decide.stock.lots_on_paths import demand_left
from foresell.decide.stock.pack_rounding import rounded_orders

_HALVINGS = 24  # of the interval in which the quantity lies
_MOST_COUNTED = 255  # that a byte can count

LOST_WEIGHTS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)
"""The weights of a lost sale that compete."""


@dataclass(frozen=True)
class PerishablePaths:
    """The quantity of least expected cost: lost sales in the cover, holding, and waste at the end of the shelf life.

    The lots on hand and those that arrive are followed path by path, so that each step has a demand that is left for
    the order once older lots are gone. One more unit saves a lost sale where that demand exceeds the order by the end
    of the cover; else it is held; and it is waste where the demand does not exceed it by the end of the shelf life.
    With `issue` "fifo" customers take the oldest lot first, so later orders are never preferred to this one. With
    "lifo" they take the freshest, so what is left after the cover is waste. Beyond the last step, each path goes on
    with its mean demand.

    A lost sale counts `lost_weight` times its margin. With the weight 1 the quantity is the best one if no order
    followed. But the next order would take the same risk of waste for the same later customers, so an order that is
    left out today saves less waste than it seems: on dynamic programmes of small systems 1.5 to 3 costs least, the more
    the longer the shelf life is. With `probability` f, a lost sale counts f / (1 - f) times the holding of the review
    time instead. Nahmias, "Perishable inventory theory: a review", Operations Research 30, 1982 (marginal
    outdating).
    """

    issue: Issue = "fifo"
    probability: float | None = None
    lost_weight: float = 2.0

    @property
    def name(self) -> str:
        """The name with the order of issue, and the weight of a lost sale or the fractile."""
        weight = f", lost sales x {self.lost_weight:g}" if self.probability is None else ""
        return f"perishable, {self.issue}{weight}" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders of all series; where no shelf life is given, nothing is wasted."""
        quantity, lost, place = np.zeros((3, situation.n_series))
        of_group = np.empty(situation.n_series, np.int64)
        marginals = []
        lost_margin = self._lost_margin(situation)
        for number, group in enumerate(situation.equal_terms()):
            marginal = _Marginal(situation, group, self.issue, lost_margin[group.rows])
            marginals.append(marginal)
            quantity[group.rows], lost[group.rows] = marginal.best_quantity(), marginal.lost
            of_group[group.rows], place[group.rows] = number, np.arange(len(group.rows))

        def cost(rows: np.ndarray, amount: np.ndarray) -> np.ndarray:
            costs = np.empty(len(rows))
            for number, marginal in enumerate(marginals):
                inside = of_group[rows] == number
                costs[inside] = marginal.cost(place[rows[inside]].astype(np.int64), amount[inside])
            return costs

        return rounded_orders(situation, quantity, situation.position() + quantity, cost, lost)

    def _lost_margin(self, situation: Situation) -> np.ndarray:
        if self.probability is None:
            return self.lost_weight * situation.costs.lost_margin
        return self.probability / (1 - self.probability) * situation.costs.holding * situation.review_periods


class _Marginal:
    """What one more unit gains and what a quantity costs, on the demand that is left for the order of each series.

    - `held`: that demand up to each step of the cover after the arrival, [path, series] each; what an order has beyond
      it is held, at the rate of the step. What the last of them has beyond the order is lost.
    - `until_expiry`: the demand up to the end of the shelf life; what an order has beyond it is waste.
    - `lost`: the mean demand that is lost before the arrival, [series].
    """

    def __init__(self, situation: Situation, group: EqualTerms, issue: Issue, lost_margin: np.ndarray):
        rows, lead, review, horizon = group.rows, group.lead, group.review, situation.horizon
        given = np.zeros(len(rows), int) if situation.shelf_periods is None else situation.shelf_periods[rows]
        perishes, shelf = given > 0, np.where(given > 0, given, horizon + 1)
        until = np.where(perishes & (issue == "fifo"), shelf, np.minimum(review, shelf))
        last = np.minimum(lead + until, horizon)  # what keeps is followed to the end of the cover only
        self.costs, self.lost_margin = situation.costs.part(rows), lost_margin
        self.waste = np.where(perishes, self.costs.waste, 0.0)
        self.lost, self.held = np.zeros(len(rows)), list[np.ndarray]()
        self.until_expiry = np.zeros(group.demand.shape[1:], np.float32)
        for step, left in enumerate(demand_left(situation, group, issue, shelf, last)):
            if step < lead:
                self.lost += left.mean(axis=0)
                continue
            still = len(rows) - left.shape[1]
            self.until_expiry[:, still:] += left
            if step < lead + review:
                self.held.append(self.until_expiry.copy())
        self.demand = self.held[-1]
        self.rates = [np.where(step < shelf, self.costs.holding, 0.0) for step in range(len(self.held))]
        beyond = np.where(perishes & (issue == "fifo"), np.maximum(lead + shelf - horizon, 0), 0)
        if beyond.any():
            mean = situation.remembered("mean of path", lambda: situation.paths.mean(axis=2))
            self.until_expiry += beyond.astype(np.float32) * mean[:, rows]

    def best_quantity(self) -> np.ndarray:
        """The quantity from which one more unit gains nothing: [series]."""
        low = np.zeros(len(self.lost))
        high = self.demand.max(axis=0).astype(np.float64) + 1  # more than any path needs
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            pays = self.gain(middle) > 0
            low, high = np.where(pays, middle, low), np.where(pays, high, middle)
        return np.where(high < 1e-3, 0.0, high)

    def gain(self, quantity: np.ndarray) -> np.ndarray:
        """What one more unit than `quantity` [series] is expected to gain: [series]."""
        q = quantity.astype(np.float32)
        short = _share(self.demand > q)
        gain = self.lost_margin * short
        if self.waste.any():
            gain = gain - self.waste * _share(self.until_expiry <= q)
        for rate, demand in zip(self.rates, self.held, strict=True):
            gain = gain - rate * _share(demand <= q)
        return gain

    def cost(self, rows: np.ndarray, quantity: np.ndarray) -> np.ndarray:
        """The expected cost of quantities of some series: [row]."""
        q = quantity.astype(np.float32)
        cost = self.lost_margin[rows] * _excess(self.demand[:, rows] - q)
        cost = cost + self.waste[rows] * _excess(q - self.until_expiry[:, rows])
        for rate, demand in zip(self.rates, self.held, strict=True):
            cost = cost + rate[rows] * _excess(q - demand[:, rows])
        return cost


def _excess(difference: np.ndarray) -> np.ndarray:
    return np.maximum(difference, 0).mean(axis=0, dtype=np.float64)


def _share(mask: np.ndarray) -> np.ndarray:
    """The share of the paths of which a `mask` [path, series] is true: float64 [series]. Bytes add up much faster than
    numbers of eight bytes."""
    counts = np.zeros(mask.shape[1], np.int64)
    for start in range(0, len(mask), _MOST_COUNTED):
        part = mask[start : start + _MOST_COUNTED].view(np.uint8)
        counts += np.add.reduce(part, axis=0, dtype=np.uint8)
    return counts / len(mask)
