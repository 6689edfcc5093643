"""Equipment that would be short: the probability that the load is more than what is there can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EquipmentLoad:
    """The load of equipment; [cell] each.

    - `utilisation`: the mean load as a share of what is there, infinite where there is nothing and a load.
    - `overload_probability`: that the load is more; `overload_hours`: the hours of equipment by which it is more, on
      average over all paths.
    - `needed`: int64, the fewest pieces with which the probability is at most the accepted one.
    """

    utilisation: np.ndarray
    overload_probability: np.ndarray
    overload_hours: np.ndarray
    needed: np.ndarray


def equipment_load(
    hours: np.ndarray, pieces: np.ndarray, interval_hours: np.ndarray | float, accepted: float = 0.05
) -> EquipmentLoad:
    """The load of the `pieces` [cell] of equipment by `hours` [path, cell] of their use.

    A piece is used for at most `interval_hours` in a cell.

    >>> load = equipment_load(np.array([[6.0], [8.0], [9.0], [17.0]]), np.array([1]), 8.0, accepted=0.25)
    >>> load.overload_probability.tolist(), load.overload_hours.tolist(), load.needed.tolist()
    ([0.5], [2.5], [2])
    """
    hours = np.asarray(hours, np.float64)
    capacity = np.asarray(pieces * interval_hours, np.float64)
    over = np.maximum(hours - capacity, 0)
    mean = hours.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        utilisation = np.where(mean > 0, mean / capacity, 0.0)
    ranked = np.sort(hours, axis=0)
    allowed = int(np.floor(accepted * len(hours) + 1e-9))  # paths that may be above it
    enough = ranked[len(hours) - allowed - 1] if allowed < len(hours) else np.zeros_like(mean)
    needed = np.ceil(enough / interval_hours - 1e-9).astype(np.int64)
    return EquipmentLoad(utilisation, (over > 1e-9).mean(axis=0), over.mean(axis=0), needed)
