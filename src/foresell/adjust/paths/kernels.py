"""How the errors of two days of a window are correlated, by their distance: a few kinds, whose shares are learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.frequency import Frequency

CONSTANT, DECAY, SEASON, NOISE = "constant", "decay", "season", "noise"


@dataclass(frozen=True)
class Kernel:
    """A correlation function of the distance between two days, by its `kind`:

    - ``constant``: 1, an error of the level that lasts for the whole window.
    - ``decay``: exp(-distance / `length`), an autoregression of order 1.
    - ``season``: alike on days that are a season of `length` days apart, and with a sum of 0 over a season.
    - ``noise``: 0 for two different days.
    """

    kind: str
    length: float = 0.0

    def of(self, distance: np.ndarray) -> np.ndarray:
        """The correlation of days at this distance.

        >>> Kernel(DECAY, 2.0).of(np.array([0, 2])).round(3).tolist()
        [1.0, 0.368]
        """
        if self.kind == CONSTANT:
            return np.ones(distance.shape)
        if self.kind == DECAY:
            return np.exp(-distance / self.length)
        if self.kind == SEASON:
            level = _periodic(np.arange(self.length), self.length).mean()
            return (_periodic(distance, self.length) - level) / (1 - level)
        return (distance == 0).astype(np.float64)


def _periodic(distance: np.ndarray, season: float) -> np.ndarray:
    """The periodic kernel of a Gaussian process: Rasmussen and Williams, 2006, eq. 4.31, with a length of 1/2."""
    return np.exp(-8 * np.sin(np.pi * distance / season) ** 2)


def kernels(horizon: int, frequency: Frequency) -> tuple[Kernel, ...]:
    """The kernels of windows of `horizon` days; the noise, whose share is what the others leave, comes last."""
    decays = [Kernel(DECAY, length) for length in (horizon / 4, max(horizon / 20, 1.0)) if horizon > 2]
    season = [Kernel(SEASON, float(frequency.season))] if 2 < frequency.season <= horizon / 2 else []
    # Of four days both decays are the same.
    return tuple(dict.fromkeys((Kernel(CONSTANT), *decays, *season, Kernel(NOISE))))


def matrices(of: tuple[Kernel, ...], horizon: int) -> np.ndarray:
    """The correlation matrices of the days of a window: [kernel, step, step]."""
    steps = np.arange(horizon)
    distance = np.abs(steps[:, None] - steps)
    return np.stack([kernel.of(distance) for kernel in of])
