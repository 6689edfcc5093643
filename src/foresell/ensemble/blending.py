"""Weights of several forecasts of the same series: non-negative, of sum one, learnt from the forecasts' errors.

The error of a weighted mean of forecasts is the weighted mean of their errors. The weights of the least squared error
therefore follow from the sums of products of the errors of every two forecasts (Bates and Granger, "The combination
of forecasts", 1969; with non-negative weights of sum one: Timmermann, "Forecast combinations", 2006, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

WEIGHTED, MEAN = "weighted", "mean"
"""Names of blends: the weights of least error, the same for all series; the simple mean of good models."""

SHRINKAGE = 0.2
"""The share of the simple mean in the learnt weights. The simple mean is hard to beat where windows are few."""

OTHER = "other"
"""The segment of all series without weights of their own, in a blend in which some series have them."""

LEAST_WEIGHT = 0.05
"""A smaller weight becomes 0: it would cost the time of fitting a model and change the forecast very little."""


def error_products(errors: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """The sums over nodes and steps of the products of the errors of every two forecasts: [model, model].

    `errors` is [model, node, step], 0 where nothing is known; `importance` [node] weighs the squared errors.

    >>> error_products(np.array([[[1.0, 1.0]], [[-1.0, 1.0]]]), np.array([2.0])).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    flat = errors.reshape(len(errors), -1)
    return (flat * np.repeat(importance, errors.shape[2])) @ flat.T


def least_error_weights(products: np.ndarray, shrinkage: float = SHRINKAGE) -> np.ndarray:
    """The weights [model], non-negative and of sum one, with the least squared error of the weighted mean.

    `products` are those of `error_products`. Weights below `LEAST_WEIGHT` become 0. The others are then drawn towards
    the simple mean of their models by the share `shrinkage`. The weights are equal where there are no errors.

    >>> least_error_weights(np.array([[4.0, 0.0], [0.0, 1.0]]), shrinkage=0).round(3).tolist()  # 1 / squared error
    [0.2, 0.8]
    """
    count = len(products)
    size = float(np.trace(products))
    if count == 1 or size <= 0:
        return np.full(count, 1 / count)
    from scipy.optimize import nnls

    # The sum of one is one more equation, with so large a factor that it holds. A little on the diagonal keeps the
    # Cholesky root from failing where two forecasts are the same.
    root = np.linalg.cholesky(products / size + 1e-10 * np.eye(count)).T
    factor = 1e3
    weights, _ = nnls(np.vstack([root, np.full(count, factor)]), np.append(np.zeros(count), factor))
    large = weights >= LEAST_WEIGHT * weights.sum()
    weights = np.where(large, weights, 0)
    return (1 - shrinkage) * weights / weights.sum() + shrinkage * large / large.sum()


@dataclass(frozen=True)
class Blend:
    """Forecasts of single series as weighted means of the forecasts of several models.

    `weights` has the column ``segment`` and one column for each model. Its last row is for all series, or for those
    without weights of their own; a row before it is for one segment of series that has weights of its own. `by` is
    the column of the table of segments that tells those series apart, None where all series have the same weights.
    """

    weights: pl.DataFrame
    by: str | None = None

    @classmethod
    def mean(cls, models: Sequence[str]) -> Blend:
        """The simple mean of `models`."""
        return cls.fixed({model: 1 / len(models) for model in models})

    @classmethod
    def fixed(cls, weights: Mapping[str, float]) -> Blend:
        """These weights for all series."""
        return cls(pl.DataFrame({"segment": ["all"], **{model: [weight] for model, weight in weights.items()}}))

    @classmethod
    def learn(cls, models: Sequence[str], products: np.ndarray) -> Blend:
        """The weights of the least squared error for all series; `products` are those of `error_products`."""
        return cls.fixed(dict(zip(models, least_error_weights(products).tolist(), strict=True)))

    def with_segment(self, by: str, segment: str, weights: Mapping[str, float]) -> Blend:
        """The same weights, but other `weights` for the series whose column `by` of segments is `segment`."""
        names = list(dict.fromkeys((*weights, *self.weights.columns[1:])))
        rows = [{name: row.get(name, 0.0) for name in names} for row in (weights, self.weights.row(0, named=True))]
        return Blend(pl.DataFrame(rows).select(pl.Series("segment", [segment, OTHER]), pl.all()), by)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a weight in any row."""
        names = self.weights.columns[1:]
        return tuple(name for name in names if (self.weights[name] > 0).any())

    def of_series(self, segments: pl.DataFrame) -> np.ndarray:
        """The weights of each series: [series, model], in the order of `models`; `segments` has one row a series."""
        weights = self.weights.select(self.models).to_numpy()
        if self.by is None:
            return np.repeat(weights[-1:], segments.height, axis=0)
        rows = {segment: row for row, segment in enumerate(self.weights["segment"])}
        return weights[[rows.get(segment, -1) for segment in segments[self.by]]]

    def apply(self, means: Mapping[str, np.ndarray], segments: pl.DataFrame) -> np.ndarray:
        """The weighted mean [series, step] of the models' `means`; `segments` has one row a series."""
        weights = self.of_series(segments).astype(np.float32)
        total = np.zeros_like(next(iter(means.values())), dtype=np.float32)
        for column, model in enumerate(self.models):
            total += weights[:, column : column + 1] * means[model]
        return total
