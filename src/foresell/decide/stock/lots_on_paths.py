"""The demand that stock and open orders of fresh goods leave, path by path."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foresell.decide.stock.contract import EqualTerms, Situation
from foresell.decide.stock.lots import Issue, Lots


def demand_left(
    situation: Situation, group: EqualTerms, issue: Issue, shelf: np.ndarray, last: np.ndarray
) -> Iterator[np.ndarray]:
    """The demand of each step that the lots on hand and those arriving until the lead time do not meet.

    The series of `group` are followed for `last` [series] steps, which rise from series to series. A step gives float32
    [path, series] of the last series, those that go on. `shelf` is int [series], for how many periods what arrives can
    be sold.

    Where lots expire in the order in which they arrive and the oldest are sold first, the stock alone is followed: what
    customers leave of it stays, and never more than the lots that have not expired. Else each lot is followed.
    """
    before = np.arange(situation.horizon) <= group.lead
    arriving = np.where(before, situation.on_order[group.rows], 0.0)
    lots = _opening(situation, group, shelf)
    in_order = np.full(len(group.rows), issue == "fifo") & _in_order(lots, arriving, shelf, last)
    if in_order.all():
        yield from _by_stock(group.demand, lots, arriving, shelf, last)
        return
    # The numbers of a series must not depend on the others, so those in order are followed by their stock here too.
    some, others = np.flatnonzero(in_order), np.flatnonzero(~in_order)
    by_stock = _by_stock(group.demand[:, :, some], lots[some], arriving[some], shelf[some], last[some])
    by_lot = _by_lot(group.demand[:, :, others], lots[others], arriving[others], shelf[others], last[others], issue)
    for step in range(int(last.max(initial=0))):
        left = np.empty(group.demand.shape[1:], np.float32)
        for rows, steps in ((some, by_stock), (others, by_lot)):
            rows = rows[last[rows] > step]
            if len(rows):
                left[:, rows] = next(steps)
        yield left[:, np.searchsorted(last, step, side="right") :]


def _opening(situation: Situation, group: EqualTerms, shelf: np.ndarray) -> np.ndarray:
    """The stock on hand by the number of periods that it can still be sold: float64 [series, life]."""
    if situation.lots is not None:
        return situation.lots[group.rows]
    lots = np.zeros((len(shelf), int(shelf.max(initial=1))))
    lots[np.arange(len(shelf)), shelf - 1] = situation.on_hand[group.rows]
    return lots


def _in_order(lots: np.ndarray, arriving: np.ndarray, shelf: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether nothing that arrives expires before stock on hand, within the steps that are followed: bool [series]."""
    n_lives = lots.shape[1]
    latest = np.where((lots > 0).any(axis=1), n_lives - 1 - (lots[:, ::-1] > 0).argmax(axis=1), -1)
    comes = arriving > 0
    first = np.where(comes.any(axis=1), comes.argmax(axis=1) + shelf - 1, latest)
    return np.asarray((first >= latest) | (first >= last))


def _by_stock(
    demand: np.ndarray, lots: np.ndarray, arriving: np.ndarray, shelf: np.ndarray, last: np.ndarray
) -> Iterator[np.ndarray]:
    """`demand_left` of series whose lots expire in the order in which they arrive; `demand` [step, path, series]."""
    unexpired = _unexpired(lots, arriving, shelf, int(last.max(initial=0)))
    stock = np.broadcast_to(lots.sum(axis=1).astype(np.float32), demand.shape[1:]).copy()
    for step in range(unexpired.shape[1]):
        ended = int(np.searchsorted(last, step, side="right"))
        there = stock[:, ended:]
        if arriving[ended:, step].any():
            there += arriving[ended:, step].astype(np.float32)
        there -= demand[step, :, ended:]
        left = np.maximum(-there, 0)
        np.clip(there, 0, unexpired[ended:, step], out=there)
        yield left


def _unexpired(lots: np.ndarray, arriving: np.ndarray, shelf: np.ndarray, n_steps: int) -> np.ndarray:
    """The units that had arrived by the end of each step and can be sold after it: float32 [series, step]."""
    rows, steps = np.arange(len(lots))[:, None], np.arange(n_steps)
    on_hand = np.zeros((len(lots), n_steps + 1))
    sums = np.cumsum(lots[:, ::-1], axis=1)[:, ::-1]  # of all lots of a life or more
    on_hand[:, : min(sums.shape[1], n_steps + 1)] = sums[:, : n_steps + 1]
    arrived = np.zeros((len(lots), arriving.shape[1] + 1))
    np.cumsum(arriving, axis=1, out=arrived[:, 1:])
    gone = np.maximum(steps + 2 - shelf[:, None], 0)  # arrivals before this step have expired
    return (on_hand[:, 1:] + arrived[:, 1 : n_steps + 1] - arrived[rows, gone]).astype(np.float32)


def _by_lot(
    demand: np.ndarray, lots: np.ndarray, arriving: np.ndarray, shelf: np.ndarray, last: np.ndarray, issue: Issue
) -> Iterator[np.ndarray]:
    """`demand_left`, lot by lot; `demand` [step, path, series]."""
    stock = Lots.opening(lots.sum(axis=1), lots, shelf, demand.shape[1])
    for step in range(int(last.max(initial=0))):
        stock.receive(arriving[:, step])
        left = stock.sell(demand[step], issue)
        stock.age()
        yield left[:, np.searchsorted(last, step, side="right") :]
