"""Demand of the cover, path by path, against the stock that will be there to meet it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foresell.decide.stock.contract import EqualTerms, Situation


class Projection(NamedTuple):
    """The stock, followed to the end of the cover.

    - `needed`: the units that an order needs so that no demand after its arrival goes unmet, float32 [path, series]. It
      is negative where stock is left over at the end of the cover.
    - `lost`: the mean demand that is lost before the order arrives, which no order can meet: float64 [series].
    - `stock`: the mean stock when the order arrives, without it: float64 [series]. It is below 0 where demand waits.
    """

    needed: np.ndarray
    lost: np.ndarray
    stock: np.ndarray


def projection(situation: Situation, *, lost_sales: bool) -> Projection:
    """Follows the stock on each path.

    With `lost_sales`, demand that finds no stock before the order arrives is gone; else it waits, and the order must
    serve it too.

    >>> from foresell.decide.stock.contract import CostRates
    >>> paths = np.array([[[3.0, 4.0]]])  # one path, one series: the stock of 2 is short by 1 before the order arrives
    >>> case = Situation.of(paths, np.array([2.0]), CostRates.of(1, holding=1, lost_margin=4), lead_periods=1)
    >>> [projection(case, lost_sales=lost).needed.tolist() for lost in (True, False)]
    [[[4.0]], [[5.0]]]
    >>> projection(case, lost_sales=True).lost.tolist()
    [1.0]
    """
    needed = np.empty(situation.paths.shape[:2], np.float32)
    lost, stock = np.zeros((2, situation.n_series))
    for group in situation.equal_terms():
        needed[:, group.rows], lost[group.rows], stock[group.rows] = _projection(situation, group, lost_sales)
    return Projection(needed, lost, stock)


def _projection(situation: Situation, group: EqualTerms, lost_sales: bool) -> Projection:
    """`projection` of the series of a group."""
    arriving = situation.on_order[group.rows].astype(np.float32)
    shape = group.demand.shape[1:]
    stock = np.broadcast_to(situation.on_hand[group.rows].astype(np.float32), shape).copy()  # [path, series]
    needed, (lost, arrival) = np.full(shape, -np.inf, np.float32), np.zeros((2, shape[1]))
    for step in range(min(group.lead + group.review, situation.horizon)):
        if arriving[:, step].any():
            stock += arriving[:, step]
        if step == group.lead:
            arrival = stock.mean(axis=0, dtype=np.float64)
        stock -= group.demand[step]
        if step >= group.lead:
            np.maximum(needed, -stock, out=needed)
        elif lost_sales:
            there = np.maximum(stock, np.float32(0))
            lost += (there - stock).mean(axis=0, dtype=np.float64)
            stock = there
    return Projection(needed, lost, arrival)


def upper_fractile(sample: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The smallest value of a sample that at least a share `probability` [series] of it does not exceed: [series].

    `sample` is [path, series], and sorted in place along the paths.

    >>> upper_fractile(np.array([[3.0], [1.0], [2.0], [4.0]]), np.array([0.5])).tolist()
    [2.0]
    """
    sample.sort(axis=0)
    rank = np.ceil(probability * len(sample) - 1e-9).astype(np.int64) - 1
    return np.take_along_axis(sample, np.clip(rank, 0, len(sample) - 1)[None], axis=0)[0]
