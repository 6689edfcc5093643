"""Orders of fresh goods: what is not sold within its shelf life is thrown away, and that counts in the objective."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import fractile_label
from foresell.decide.stock.lots import Issue, Lots
from foresell.decide.stock.pack_rounding import rounded_orders

_BLOCK = 512  # series at a time
_HALVINGS = 24  # of the interval in which the quantity lies

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
        orders = np.empty((4, situation.n_series))
        for start in range(0, situation.n_series, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, situation.n_series))
            part = self._orders(situation.part(rows))
            orders[:, rows] = part.order, part.unrounded, part.target, part.cover_mean
        return Orders(*orders)

    def _orders(self, situation: Situation) -> Orders:
        marginal = _Marginal(situation, self.issue, self._lost_margin(situation))
        low, high = np.zeros(situation.n_series), marginal.most()
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            pays = marginal.gain(middle) > 0
            low, high = np.where(pays, middle, low), np.where(pays, high, middle)
        quantity = np.where(high < 1e-3, 0.0, high)
        return rounded_orders(situation, quantity, situation.position() + quantity, marginal.cost, marginal.lost)

    def _lost_margin(self, situation: Situation) -> np.ndarray:
        if self.probability is None:
            return self.lost_weight * situation.costs.lost_margin
        return self.probability / (1 - self.probability) * situation.costs.holding * situation.review_periods


class _Marginal:
    """What one more unit gains and what a quantity costs, on the demand that is left for the order.

    `reached` are the terms of the cost: pairs of a rate [series] for each unit that is left over against a demand
    [path, series], and the demand whose excess is lost.
    """

    def __init__(self, situation: Situation, issue: Issue, lost_margin: np.ndarray):
        self.lost_margin, self.costs = lost_margin, situation.costs
        lead, shelf, horizon = situation.lead_periods, _shelf(situation), situation.horizon
        shape = situation.paths.shape[:2]
        total, self.demand = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.until_expiry, self.held = np.zeros(shape, np.float32), []
        self.lost = np.zeros(situation.n_series)  # the mean demand that is lost before the arrival
        end = lead + np.minimum(situation.review_periods, shelf)
        expiry = np.minimum(lead + shelf, horizon) if issue == "fifo" else end
        for step, left in enumerate(_left_for_the_order(situation, issue, shelf)):
            self.lost += np.where(step < lead, left.mean(axis=0), 0)
            total = total + np.where(step >= lead, left, 0)
            covered = (step >= lead) & (step < end)
            self.demand = np.where(covered, total, self.demand)
            self.until_expiry = np.where((step >= lead) & (step < expiry), total, self.until_expiry)
            if covered.any():
                self.held.append((np.where(covered, self.costs.holding, 0.0), total))
        beyond = np.maximum(lead + shelf - horizon, 0) if issue == "fifo" else np.zeros_like(lead)
        if beyond.any():
            self.until_expiry += beyond.astype(np.float32) * situation.paths.mean(axis=2)
        self.waste = np.where(_perishes(situation), self.costs.waste, 0.0)

    def most(self) -> np.ndarray:
        """More than any path needs: [series]."""
        return self.demand.max(axis=0).astype(np.float64) + 1

    def gain(self, quantity: np.ndarray) -> np.ndarray:
        """What one more unit than `quantity` [series] is expected to gain: [series]."""
        q = quantity.astype(np.float32)
        gain = self.lost_margin * (self.demand > q).mean(axis=0) - self.waste * (self.until_expiry <= q).mean(axis=0)
        for rate, demand in self.held:
            gain = gain - rate * (demand <= q).mean(axis=0)
        return gain

    def cost(self, rows: np.ndarray, quantity: np.ndarray) -> np.ndarray:
        """The expected cost of quantities of some series: [row]."""
        q = quantity.astype(np.float32)
        cost = self.lost_margin[rows] * _excess(self.demand[:, rows] - q)
        cost = cost + self.waste[rows] * _excess(q - self.until_expiry[:, rows])
        for rate, demand in self.held:
            cost = cost + rate[rows] * _excess(q - demand[:, rows])
        return cost


def _excess(difference: np.ndarray) -> np.ndarray:
    return np.maximum(difference, 0).mean(axis=0, dtype=np.float64)


def _left_for_the_order(situation: Situation, issue: Issue, shelf: np.ndarray) -> Iterator[np.ndarray]:
    """The demand of each step that the older lots do not meet: float32 [path, series], step by step."""
    lots = Lots.opening(situation.on_hand, situation.lots, shelf, situation.paths.shape[0])
    arrives_first = np.arange(situation.horizon) <= situation.lead_periods[:, None]
    arriving = np.where(arrives_first, situation.on_order, 0)
    for step in range(situation.horizon):
        lots.receive(arriving[:, step])
        unmet = lots.sell(situation.paths[:, :, step], issue)
        lots.age()
        yield unmet


def _perishes(situation: Situation) -> np.ndarray:
    return np.zeros(situation.n_series, bool) if situation.shelf_periods is None else situation.shelf_periods > 0


def _shelf(situation: Situation) -> np.ndarray:
    """The shelf life in periods, that of the paths where nothing perishes: int [series]."""
    if situation.shelf_periods is None:
        return np.full(situation.n_series, situation.horizon + 1)
    return np.where(situation.shelf_periods > 0, situation.shelf_periods, situation.horizon + 1)
