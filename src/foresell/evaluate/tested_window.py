"""One window of a backtest as evidence: what each model said of it, and how far any forecast of it lies from the truth.

Errors are laid out over all nodes, the series of every level from the top down, so that ways to combine forecasts can
be judged, and learnt, on all levels at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np

from foresell.core.hierarchy import Groups, Level
from foresell.evaluate.metrics import weighted
from foresell.evaluate.scores import Window


def known_before(evidence: Sequence[Evidence], cutoff: date) -> int:
    """How many of the windows, the oldest first, had ended by `cutoff`: only of those was the truth known then."""
    return sum(each.last <= cutoff for each in evidence)


@dataclass(frozen=True)
class Evidence:
    """The truth of one window, and the forecasts made for it.

    `means` are the models' forecasts of the single series, float32 [series, step] by model; `totals` those of models
    of upper levels, float32 [group, step] by level, empty where there are none. `last` is the last day of the window.
    """

    window: Window
    last: date
    means: Mapping[str, np.ndarray]
    totals: Mapping[Level, np.ndarray]

    @property
    def cutoff(self) -> date:
        return self.window.cutoff

    @cached_property
    def groups(self) -> dict[Level, Groups]:
        """The groups of every level."""
        return {groups.level: groups for groups in self.window.groups}

    @cached_property
    def _slices(self) -> list[slice]:
        """Where the nodes of each level stand among all nodes."""
        ends = np.cumsum([0, *(len(groups) for groups in self.window.groups)])
        return [slice(start, end) for start, end in pairwise(ends)]

    @cached_property
    def _known(self) -> np.ndarray:
        return np.concatenate([~np.isnan(actual) for actual in self.window.actual])  # [node, step]

    def errors(self, mean: np.ndarray) -> np.ndarray:
        """Forecast less actual at every node, float64 [node, step], for a forecast of the single series [series, step].

        Days that are not known count neither in a sum's forecast nor in its actual; 0 where none of a node is known.
        """
        shown = np.where(self.window.known, mean, 0)
        parts = [
            groups.sum(shown) - np.nan_to_num(actual)
            for groups, actual in zip(self.window.groups, self.window.actual, strict=True)
        ]
        return np.where(self._known, np.concatenate(parts), 0)

    def total_errors(self, level: Level) -> np.ndarray:
        """Forecast less actual of the model of an upper level: float64 [group, step], 0 where nothing is known."""
        place = list(self.groups).index(level)
        actual = self.window.actual[place]
        return np.where(np.isnan(actual), 0, self.totals[level] - actual)

    def rmsse(self, errors: np.ndarray) -> np.ndarray:
        """Root mean squared scaled error of every node: float64 [node]; NaN where there is no scale or no known day."""
        count = self._known.sum(axis=1)
        scale = np.concatenate(self.window.weights.scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((scale > 0) & (count > 0), np.sqrt((errors**2).sum(axis=1) / count / scale), np.nan)

    def wrmsse(self, errors: np.ndarray) -> float:
        """The WRMSSE of all levels together, as in `Window.score`."""
        found = self.rmsse(errors)
        weights = self.window.weights.weight
        levels = np.array([weighted(found[part], weight) for part, weight in zip(self._slices, weights, strict=True)])
        share = np.where(np.isnan(levels), 0, [weight.sum() for weight in weights])
        return float(np.nansum(levels * share) / share.sum()) if share.sum() > 0 else float("nan")

    def importance(self, errors: np.ndarray) -> np.ndarray:
        """By how much a squared error at each node counts in the WRMSSE, near a forecast with these `errors` [node].

        The derivative of weight x sqrt(mean squared error / scale) by one squared error of the node, up to a factor.
        """
        found = self.rmsse(errors)
        scale, weight = np.concatenate(self.window.weights.scale), np.concatenate(self.window.weights.weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nan_to_num(np.where(found > 0, weight / scale / found / self._known.sum(axis=1), 0))

    @property
    def single(self) -> slice:
        """Where the single series stand among all nodes; their order is that of the bottom level's groups."""
        return self._slices[-1]
