"""Stock by the number of periods that it can still be sold."""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np

Issue = Literal["fifo", "lifo"]
"""Which lot customers take first: the oldest (fifo), or the freshest (lifo)."""


class Lots:
    """Lots of some series on some paths, which are received, sold and aged: `units` float32 [life, path, series].

    `units[0]` can be sold in this period only. A `shelf` [series] is the number of periods that what arrives can be
    sold.

    >>> lots = Lots.opening(np.array([3.0]), np.array([[2.0, 1.0]]), np.array([2]), 1)
    >>> lots.receive(np.array([4.0]))
    >>> lots.sell(np.array([[3.0]]), "lifo").tolist(), lots.age().tolist(), lots.stock().tolist()
    ([[0.0]], [[2.0]], [[2.0]])
    """

    def __init__(self, units: np.ndarray, shelf: np.ndarray):
        self.shelf = shelf
        self._shape = units.shape[1:]
        # One array for each life, None where it is empty: goods that keep have many lives, and most of them are.
        self._lots: deque[np.ndarray | None] = deque(lot if lot.any() else None for lot in units)

    @classmethod
    def opening(cls, on_hand: np.ndarray, lots: np.ndarray | None, shelf: np.ndarray, n_paths: int) -> Lots:
        """The stock of `on_hand` [series] as `lots` [series, life] say; where these are missing, all of it is fresh."""
        longest = max(int(shelf.max(initial=1)), 1 if lots is None else lots.shape[1])
        units = np.zeros((longest, n_paths, len(on_hand)), np.float32)
        if lots is None:
            units[shelf - 1, :, np.arange(len(on_hand))] = on_hand.astype(np.float32)[:, None]
        else:
            units[: lots.shape[1]] = lots.T[:, None, :]
        return cls(units, shelf)

    @property
    def units(self) -> np.ndarray:
        """All lots by the number of periods that they can still be sold."""
        return np.stack([self._empty() if lot is None else lot for lot in self._lots])

    def receive(self, arriving: np.ndarray) -> None:
        """Adds fresh lots of `arriving` [series] units, before anything is sold."""
        series = np.flatnonzero(arriving)
        for shelf in np.unique(self.shelf[series]).tolist():
            rows = series[self.shelf[series] == shelf]
            lot = self._lots[shelf - 1]
            if lot is None:
                lot = self._lots[shelf - 1] = self._empty()
            lot[:, rows] += arriving[rows].astype(np.float32)

    def sell(self, demand: np.ndarray, issue: Issue) -> np.ndarray:
        """Takes `demand` [path, series] from the lots, and returns what they do not meet."""
        unmet = np.array(demand, np.float32)
        lives = range(len(self._lots))
        for life in lives if issue == "fifo" else reversed(lives):
            lot = self._lots[life]
            if lot is not None:
                taken = np.minimum(lot, unmet)
                lot -= taken
                unmet -= taken
                if not lot.any():
                    self._lots[life] = None
        return unmet

    def age(self) -> np.ndarray:
        """Ends the period, and returns what can no longer be sold: [path, series]."""
        wasted = self._lots.popleft()
        self._lots.append(None)
        return self._empty() if wasted is None else wasted

    def stock(self) -> np.ndarray:
        """All that can be sold: [path, series]."""
        return self.units.sum(axis=0)

    def _empty(self) -> np.ndarray:
        return np.zeros(self._shape, np.float32)
