"""Windows without a promotion, in which nothing is to be seen: what they show is the noise of the method."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foresell.decide.response.baseline import Windows
from foresell.decide.response.sales_history import SalesHistory

MOST = 60  # placebos of an item


@dataclass(frozen=True)
class Placebos:
    """Windows of whole items in clean times: `item` int64 [placebo], and the windows of their series."""

    item: np.ndarray
    windows: Windows

    def __len__(self) -> int:
        return len(self.item)


def placebos(history: SalesHistory, length: int, *, skipped: int = 0, after: int = 0) -> Placebos:
    """Windows of `length` periods, one after another, `skipped` periods after the beginning of what is left out for the
    level, which ends `after` periods behind them. They lie where no series of the item has a promotion or the time
    after one."""
    free = np.ones((history.n_items, history.n_periods), bool)
    known = np.zeros((history.n_items, history.n_periods), bool)
    for rows in history.blocks:
        quiet = ~history.promotion[rows] & ~history.dip(rows)
        np.logical_and.at(free, history.item[rows], quiet)
        np.logical_or.at(known, history.item[rows], ~np.isnan(history.units[rows]))
    span = skipped + length
    start = np.arange(0, max(history.n_periods - span + 1, 0), span)
    inside = (
        np.lib.stride_tricks.sliding_window_view(free & known, span, axis=1)[:, start].all(axis=2)
        if len(start)
        else np.zeros((history.n_items, 0), bool)
    )
    item, place = np.nonzero(inside)
    item, begin = _thinned(item, start[place])
    series = np.argsort(history.item, kind="stable")
    of_item = np.searchsorted(history.item[series], np.arange(history.n_items + 1))
    counts = np.diff(of_item)[item]
    number = np.repeat(np.arange(len(item)), counts)
    within = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    members = series[of_item[item][number] + within]
    first = begin[number]
    windows = Windows(number, members, first + skipped, first + span, first, first + span + after)
    return Placebos(item, windows)


def _thinned(item: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MOST` placebos of each item, evenly over time."""
    keep = np.ones(len(item), bool)
    bounds = np.flatnonzero(np.diff(item, prepend=-1, append=-1)).tolist()
    for start, end in pairwise(bounds):
        if end - start > MOST:
            keep[start:end] = False
            keep[start + np.linspace(0, end - start - 1, MOST).astype(int)] = True
    return item[keep], begin[keep]
