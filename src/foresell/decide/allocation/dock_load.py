"""What passes through a centre on each day ahead, and how likely that is to be more than it can handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

QUANTILES = (0.5, 0.9)
"""The quantiles of the load that a plan shows."""


@dataclass(frozen=True)
class DockLoad:
    """The load of each centre and step on each path, float64 [path, centre, step], in the unit of the capacity.

    Step 1 is the allocation of today, which is known. Later loads are what stores order to replace what they will have
    sold.
    """

    paths: np.ndarray

    def mean(self) -> np.ndarray:
        """The expected load: float64 [centre, step]."""
        return self.paths.mean(axis=0)

    def quantile(self, level: float) -> np.ndarray:
        """A quantile of the load: float64 [centre, step]."""
        return np.quantile(self.paths, level, axis=0)

    def overload(self, capacity: np.ndarray) -> np.ndarray:
        """The probability that the load exceeds the `capacity` [centre] of a day: float64 [centre, step]; NaN where the
        capacity is not known."""
        probability = (self.paths > capacity[None, :, None] + 1e-9).mean(axis=0)
        return np.where(np.isnan(capacity)[:, None], np.nan, probability)

    @classmethod
    def joined(cls, parts: Sequence[DockLoad]) -> DockLoad:
        """The load of several blocks of series, path by path."""
        return cls(np.sum([part.paths for part in parts], axis=0))


def dock_load(
    paths: np.ndarray,
    centre_of: np.ndarray,
    n_centres: int,
    *,
    allocated: np.ndarray,
    short: np.ndarray,
    pack: np.ndarray,
    review_periods: np.ndarray,
) -> DockLoad:
    """The load that some series bring to their centres, `centre_of` [series], -1 for none.

    - `paths`: float32 [path, series, step], the demand of the stores, joint over series.
    - `allocated`: [series], the units of today. `short`: [series], the units by which the stock is below its target
      today, negative above it.
    - A store orders every `review_periods` [series] in whole packs what brings it back to its target; what it does not
      get today it orders again.

    >>> paths = np.array([[[3.0, 3.0, 3.0]]])  # one path, one series, three steps
    >>> terms = {"pack": np.array([4.0]), "review_periods": np.array([1])}
    >>> load = dock_load(paths, np.array([0]), 1, allocated=np.array([4.0]), short=np.array([2.0]), **terms)
    >>> load.paths[0, 0].tolist()  # 4 today; short by 5 after a day, which 8 cover; by 8 after two
    [4.0, 4.0, 0.0]
    """
    n_paths, _, n_steps = paths.shape
    rows = np.flatnonzero((centre_of >= 0) & ~np.isnan(allocated) & ~np.isnan(short))
    loads = np.zeros((n_paths, n_centres, n_steps))
    size, centre = pack[rows], centre_of[rows]
    by_centre = np.zeros((len(rows), n_centres))
    by_centre[np.arange(len(rows)), centre] = 1
    ordered = np.broadcast_to(allocated[rows], (n_paths, len(rows))).astype(np.float64)
    need = np.broadcast_to(short[rows], (n_paths, len(rows))).astype(np.float64)
    loads[:, :, 0] = allocated[rows] @ by_centre
    for step in range(1, n_steps):
        need = need + paths[:, rows, step - 1]
        reviewed = step % review_periods[rows] == 0
        asked = np.ceil(np.maximum(need, 0) / size - 1e-6) * size
        total = np.where(reviewed, np.maximum(ordered, asked), ordered)
        loads[:, :, step] = (total - ordered) @ by_centre
        ordered = total
    return DockLoad(loads)
