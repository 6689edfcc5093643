"""The range round a prediction: from the errors on sales that were held out, larger where more was predicted."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from msgspec import Struct

POWERS = (0.0, 0.5, 1.0)
"""How errors may grow with what is predicted: not, like a count's (with its root), or in proportion."""

QUARTERS, ENOUGH = 4, 100


class Ranges(Struct, frozen=True, kw_only=True):
    """From ``value + size(value) * low`` to ``value + size(value) * high``, which holds with `probability`."""

    probability: float
    low: float
    high: float
    power: float
    floor: float  # what is predicted counts for at least this much

    @classmethod
    def learn(cls, actual: np.ndarray, predicted: np.ndarray, probability: float) -> Ranges:
        """From held-out sales in the order of time: the ends that would have held in each quarter of them.

        Each quarter is split conformal prediction, one side at a time, of errors divided by their size (Lei and others
        2018, Journal of the American Statistical Association 113, sections 2.2 and 5.2): of n sales the upper end is
        the error that is the k-th smallest, k = ceil((n + 1)(1 + p) / 2); the lower end mirrors it. Sales of one time
        are more alike than sales are in general, and many are of the very same sum; so one quantile for all that
        was seen is soon too narrow. Fewer than 400 sales are one piece. Of `POWERS` the one is taken with which
        divided errors depend least on what is predicted.

        >>> held_out = np.arange(1.0, 20.0)  # errors of 1 to 19, k = ceil(20 x 0.95) = 19, and 20 - 19 = 1
        >>> made = Ranges.learn(10 + held_out, np.full(19, 10.0), 0.9)
        >>> [end.item() for end in made.of(np.array([10.0]))]
        [11.0, 29.0]
        """
        floor = float(np.quantile(np.abs(predicted), 0.1)) or float(np.abs(predicted).mean()) or 1.0
        power = min(POWERS, key=lambda each: _dependence(actual, predicted, each, floor))
        return _with_power(actual, predicted, probability, power, floor)

    def of(self, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end, each [row]."""
        size = _size(predicted, self.power, self.floor)
        return predicted + size * self.low, predicted + size * self.high


def _with_power(actual: np.ndarray, predicted: np.ndarray, probability: float, power: float, floor: float) -> Ranges:
    errors = (actual - predicted) / _size(predicted, power, floor)
    pieces = np.array_split(errors, QUARTERS if len(errors) >= QUARTERS * ENOUGH else 1)
    ends = np.array([_ends(np.sort(piece), probability) for piece in pieces])  # [piece, end]
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    return Ranges(probability=probability, low=low, high=high, power=power, floor=floor)


def _dependence(actual: np.ndarray, predicted: np.ndarray, power: float, floor: float) -> float:
    """How far the ranks of divided errors go with those of the size of what is predicted (Spearman), either way."""
    divided = np.abs(actual - predicted) / _size(predicted, power, floor)
    ranks = pl.DataFrame({"error": divided, "predicted": np.abs(predicted)})
    found = float(ranks.select(pl.corr("error", "predicted", method="spearman")).item())
    return 0.0 if math.isnan(found) else abs(found)


def _ends(errors: np.ndarray, probability: float) -> tuple[float, float]:
    """The conformal ends of sorted errors."""
    n = len(errors)
    last = min(math.ceil(round((n + 1) * (1 + probability) / 2, 9)), n)  # rounded: 20 x 0.95 is 19
    return errors[max(n - last, 0)], errors[last - 1]


def _size(predicted: np.ndarray, power: float, floor: float) -> np.ndarray:
    return np.maximum(np.abs(predicted), floor) ** power
