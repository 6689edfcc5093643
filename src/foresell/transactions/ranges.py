"""Calibrated ranges around predictions, from errors on held-out sales; they widen with the prediction."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from msgspec import Struct

POWERS = (0.0, 0.5, 1.0)
"""Errors may grow with this power of the prediction: not at all, with its root as for counts, or in proportion."""

QUARTERS, ENOUGH = 4, 100  # held-out sales are cut in so many pieces, of at least so many sales each


class Ranges(Struct, frozen=True, kw_only=True):
    """A range from ``value + size(value) * low`` to ``value + size(value) * high``, which holds with `probability`."""

    probability: float
    low: float
    high: float
    power: float
    floor: float  # the size of a prediction is that of at least this value

    @classmethod
    def learn(cls, actual: np.ndarray, predicted: np.ndarray, probability: float) -> Ranges:
        """The range that holds in every quarter of the held-out sales, which are in order of time.

        In each quarter, split conformal prediction is done for each side, on errors divided by their size (Lei and
        others 2018, Journal of the American Statistical Association 113, sections 2.2 and 5.2). Of n sales the upper
        end is the k-th smallest error, k = ceil((n + 1)(1 + p) / 2), and the lower end mirrors it. The widest ends are
        taken, because sales of one time are alike, so that a single quantile of all sales is soon too narrow. Fewer
        than 400 sales are not cut in quarters. `power` is the one of `POWERS` for which divided errors depend least on
        the prediction.

        >>> held_out = np.arange(1.0, 20.0)  # errors of 1 to 19, k = ceil(20 x 0.95) = 19, and 20 - 19 = 1
        >>> ranges = Ranges.learn(10 + held_out, np.full(19, 10.0), 0.9)
        >>> [end.item() for end in ranges.of(np.array([10.0]))]
        [11.0, 29.0]
        """
        floor = float(np.quantile(np.abs(predicted), 0.1)) or float(np.abs(predicted).mean()) or 1.0
        power = min(POWERS, key=lambda power: _dependence(actual, predicted, power, floor))
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
    """The absolute rank correlation (Spearman) of the divided errors and the size of the prediction."""
    divided = np.abs(actual - predicted) / _size(predicted, power, floor)
    ranks = pl.DataFrame({"error": divided, "predicted": np.abs(predicted)})
    correlation = float(ranks.select(pl.corr("error", "predicted", method="spearman")).item())
    return 0.0 if math.isnan(correlation) else abs(correlation)


def _ends(errors: np.ndarray, probability: float) -> tuple[float, float]:
    """The conformal ends of sorted errors."""
    n = len(errors)
    last = min(math.ceil(round((n + 1) * (1 + probability) / 2, 9)), n)  # rounded: 20 x 0.95 is 19
    return errors[max(n - last, 0)], errors[last - 1]


def _size(predicted: np.ndarray, power: float, floor: float) -> np.ndarray:
    return np.maximum(np.abs(predicted), floor) ** power
