"""Campaigns: the promotion of an item over some periods, in all stores that have it together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foresell.decide.response.baseline import Windows
from foresell.decide.response.sales_history import SalesHistory


@dataclass(frozen=True)
class Campaigns:
    """Campaigns, and the runs of single series that they consist of.

    - `item`, `first`, `stop`: int64 [campaign], from the period `first` to the one before `stop`.
    - `series`, `run_first`, `run_stop`, `campaign`: int64 [run].
    """

    item: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    series: np.ndarray
    run_first: np.ndarray
    run_stop: np.ndarray
    campaign: np.ndarray

    def __len__(self) -> int:
        return len(self.item)

    def windows(self) -> Windows:
        """The campaigns themselves; levels are learnt from clean periods around them."""
        return Windows(self.campaign, self.series, self.run_first, self.run_stop, self.run_first, self.run_stop)

    def windows_after(self, history: SalesHistory) -> Windows:
        """The time after each campaign, until the next one of the series begins."""
        stop = np.minimum(self.run_stop + history.after, history.n_periods)
        order = np.lexsort((self.run_first, self.series))
        following = np.full(len(self.series), history.n_periods)
        same = self.series[order][1:] == self.series[order][:-1]
        following[order[:-1]] = np.where(same, self.run_first[order][1:], history.n_periods)
        stop = np.maximum(np.minimum(stop, following), self.run_stop)
        return Windows(self.campaign, self.series, self.run_stop, stop, self.run_first, self.run_stop)


def campaigns_of(history: SalesHistory) -> Campaigns:
    """The campaigns of the history. A run that begins or ends within a longer one of its item belongs to that one, as
    where a store opened in the middle of a campaign."""
    edges = np.diff(np.pad(history.promotion, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    series, first = np.nonzero(edges == 1)
    stop = np.nonzero(edges == -1)[1]
    item = history.item[series]
    runs = np.column_stack([item, first, stop])
    distinct, number = np.unique(runs, axis=0, return_inverse=True) if len(runs) else (runs, np.zeros(0, np.int64))
    home = _containing(distinct, np.bincount(number.reshape(-1), minlength=len(distinct)))
    kept, campaign = np.unique(home[number.reshape(-1)], return_inverse=True)
    of = distinct[kept]
    return Campaigns(of[:, 0], of[:, 1], of[:, 2], series, first, stop, campaign)


def _containing(runs: np.ndarray, count: np.ndarray) -> np.ndarray:
    """For each distinct run (item, first, stop) the one of its item that contains it and most series have: int64."""
    home = np.arange(len(runs))
    bounds = np.flatnonzero(np.diff(runs[:, 0], prepend=-1, append=-1)).tolist()
    for start, end in pairwise(bounds):
        part, many = runs[start:end], count[start:end]
        inside = (part[:, None, 1] >= part[None, :, 1]) & (part[:, None, 2] <= part[None, :, 2])
        home[start:end] = start + np.where(inside, many[None, :], -1).argmax(axis=1)
    return home
