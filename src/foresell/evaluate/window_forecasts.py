"""The forecasts of several models for one window of a backtest, and the errors of any forecast made for it.

The errors are laid out over the nodes of the hierarchy, which are the series of every level from the top down. So
combinations of forecasts can be judged, and learnt, on all levels at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np

from foresell.core.hierarchy import Groups, Level
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.metrics import weighted_mean


def windows_ended_by(windows: Sequence[WindowForecasts], cutoff: date) -> int:
    """How many of `windows`, the oldest first, had ended by `cutoff`. Only their actuals were known at that date."""
    return sum(window.last_day <= cutoff for window in windows)


@dataclass(frozen=True)
class WindowForecasts:
    """The actuals of one window and the forecasts that models made for it.

    - `evaluation`: the actuals, weights and scales of the window.
    - `last_day`: the last day of the window.
    - `means`: the forecast of the single series by each model, float32 [series, step].
    - `totals`: the forecast of each upper level by a model of its own, float32 [group, step]. It is empty where there
      is no such model.
    """

    evaluation: EvaluationWindow
    last_day: date
    means: Mapping[str, np.ndarray]
    totals: Mapping[Level, np.ndarray]

    @property
    def cutoff(self) -> date:
        """The last day that the models had seen."""
        return self.evaluation.cutoff

    @cached_property
    def groups(self) -> dict[Level, Groups]:
        """The groups of every level."""
        return {groups.level: groups for groups in self.evaluation.groups}

    @cached_property
    def _slices(self) -> list[slice]:
        """The position of each level's nodes among all nodes."""
        ends = np.cumsum([0, *(len(groups) for groups in self.evaluation.groups)])
        return [slice(start, end) for start, end in pairwise(ends)]

    @cached_property
    def _known(self) -> np.ndarray:
        return np.concatenate([~np.isnan(actual) for actual in self.evaluation.actual])  # [node, step]

    def errors(self, mean: np.ndarray) -> np.ndarray:
        """Forecast less actual at every node, float64 [node, step], for a forecast of the single series [series, step].

        Days of a series that are not known count neither in the forecast of a sum nor in its actual. The error is 0
        on a day that is not known for any series of the node.
        """
        counted = np.where(self.evaluation.known, mean, 0)
        errors = [
            groups.sum(counted) - np.nan_to_num(actual)
            for groups, actual in zip(self.evaluation.groups, self.evaluation.actual, strict=True)
        ]
        return np.where(self._known, np.concatenate(errors), 0)

    def total_errors(self, level: Level) -> np.ndarray:
        """Forecast less actual of the model of an upper level: float64 [group, step], 0 where nothing is known."""
        actual = self.evaluation.actual[list(self.groups).index(level)]
        return np.where(np.isnan(actual), 0, self.totals[level] - actual)

    def rmsse(self, errors: np.ndarray) -> np.ndarray:
        """Root mean squared scaled error of every node: float64 [node]; NaN where there is no scale or no known day."""
        count = self._known.sum(axis=1)
        scale = np.concatenate(self.evaluation.weights.scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((scale > 0) & (count > 0), np.sqrt((errors**2).sum(axis=1) / count / scale), np.nan)

    def wrmsse(self, errors: np.ndarray) -> float:
        """The WRMSSE of all levels together for `errors` [node, step], equal to that of `EvaluationWindow.score`."""
        scaled_errors = self.rmsse(errors)
        weights = self.evaluation.weights.weight
        levels = np.array(
            [weighted_mean(scaled_errors[nodes], weight) for nodes, weight in zip(self._slices, weights, strict=True)]
        )
        share = np.where(np.isnan(levels), 0, [weight.sum() for weight in weights])
        return float(np.nansum(levels * share) / share.sum()) if share.sum() > 0 else float("nan")

    def importance(self, errors: np.ndarray) -> np.ndarray:
        """How much a squared error at each node counts in the WRMSSE, near a forecast with `errors` [node, step].

        This is the derivative of weight x sqrt(mean squared error / scale) with respect to one squared error of the
        node, up to a constant factor: float64 [node].
        """
        scaled_errors = self.rmsse(errors)
        scale = np.concatenate(self.evaluation.weights.scale)
        weight = np.concatenate(self.evaluation.weights.weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            importance = np.where(scaled_errors > 0, weight / scale / scaled_errors / self._known.sum(axis=1), 0)
        return np.nan_to_num(importance)

    @property
    def single(self) -> slice:
        """The position of the single series among all nodes, in the order of the groups of the bottom level."""
        return self._slices[-1]
