"""Stock by the number of periods that it can still be sold."""

from __future__ import annotations

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
        self.units, self.shelf = units, shelf

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

    def receive(self, arriving: np.ndarray) -> None:
        """Adds fresh lots of `arriving` [series] units, before anything is sold."""
        series = np.flatnonzero(arriving)
        self.units[self.shelf[series] - 1, :, series] += arriving[series].astype(np.float32)[:, None]

    def sell(self, demand: np.ndarray, issue: Issue) -> np.ndarray:
        """Takes `demand` [path, series] from the lots, and returns what they do not meet."""
        unmet = np.array(demand, np.float32)
        lives = range(len(self.units))
        for life in lives if issue == "fifo" else reversed(lives):
            lot = self.units[life]
            if lot.any():
                taken = np.minimum(lot, unmet)
                lot -= taken
                unmet -= taken
        return unmet

    def age(self) -> np.ndarray:
        """Ends the period, and returns what can no longer be sold: [path, series]."""
        wasted = self.units[0].copy()
        self.units[:-1] = self.units[1:]
        self.units[-1] = 0
        return wasted

    def stock(self) -> np.ndarray:
        """All that can be sold: [path, series]."""
        return self.units.sum(axis=0)
