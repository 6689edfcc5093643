"""Weights of several forecasts of the same thing: non-negative, summing to one, learnt from their errors.

A weighted mean of forecasts errs by the weighted mean of their errors, so the weights that would have made the least
squared error follow from how the errors of each two forecasts go together (Bates and Granger, "The combination of
forecasts", 1969; with non-negative weights of sum one: Timmermann, "Forecast combinations", 2006, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

SHRINK = 0.2
"""How far weights are drawn to the simple mean of the models that have one, which is hard to beat where windows are
few: the share of the mean."""

OTHERS = "other"
"""What the segment of all series is called that have no weights of their own, where some have."""

LEAST = 0.05
"""A smaller weight than this becomes none: it would cost a model's time and change nothing to speak of."""


def together(errors: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """How the errors of forecasts go together: [model, model], the sum of products over nodes and steps.

    `errors` is [model, node, step], 0 where nothing is known; `importance` [node] weighs the squared errors.

    >>> together(np.array([[[1.0, 1.0]], [[-1.0, 1.0]]]), np.array([2.0])).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    flat = errors.reshape(len(errors), -1)
    return (flat * np.repeat(importance, errors.shape[2])) @ flat.T


def least_error(products: np.ndarray, shrink: float = SHRINK) -> np.ndarray:
    """The weights [model], non-negative and of sum one, whose mean forecast errs least by `products` (see `together`).

    Rid of weights below `LEAST`, then drawn towards the simple mean of the models that are left by the share `shrink`.
    Equal weights where there are no errors.

    >>> least_error(np.array([[4.0, 0.0], [0.0, 1.0]]), shrink=0).round(3).tolist()  # inverse to the squared errors
    [0.2, 0.8]
    """
    count = len(products)
    size = float(np.trace(products))
    if count == 1 or size <= 0:
        return np.full(count, 1 / count)
    from scipy.optimize import nnls

    # The sum of one is a further equation, so heavy that it holds; a little on the diagonal keeps the root from
    # failing where two forecasts are the same.
    root = np.linalg.cholesky(products / size + 1e-10 * np.eye(count)).T
    heavy = 1e3
    weights, _ = nnls(np.vstack([root, np.full(count, heavy)]), np.append(np.zeros(count), heavy))
    kept = weights >= LEAST * weights.sum()
    weights = np.where(kept, weights, 0)
    return (1 - shrink) * weights / weights.sum() + shrink * kept / kept.sum()


@dataclass(frozen=True)
class Blend:
    """Forecasts of single series as weighted means of several models'.

    `weights` has one column for each model, and a row for all series; before it, one for each segment of series that
    has weights of its own, named in the column ``segment``. `by` is the column of the table of segments that tells them
    apart, None where all series have the same weights.
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
        """The weights of least error by `products` (see `together`), for all series."""
        return cls.fixed(dict(zip(models, least_error(products).tolist(), strict=True)))

    def apart(self, by: str, segment: str, weights: Mapping[str, float]) -> Blend:
        """The same weights, but others for the series whose column `by` in the table of segments is `segment`."""
        names = list(dict.fromkeys((*weights, *self.weights.columns[1:])))
        rows = [{name: row.get(name, 0.0) for name in names} for row in (weights, self.weights.row(0, named=True))]
        return Blend(pl.DataFrame(rows).select(pl.Series("segment", [segment, OTHERS]), pl.all()), by)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a weight anywhere."""
        names = self.weights.columns[1:]
        return tuple(name for name in names if (self.weights[name] > 0).any())

    def of_series(self, segments: pl.DataFrame) -> np.ndarray:
        """The weights of each series: [series, model], in the order of `models`.

        The last row of `weights` is for series of any segment that has none of its own.
        """
        chosen = self.weights.select(self.models).to_numpy()
        if self.by is None:
            return np.repeat(chosen[-1:], segments.height, axis=0)
        place = {segment: row for row, segment in enumerate(self.weights["segment"])}
        return chosen[[place.get(segment, -1) for segment in segments[self.by]]]

    def apply(self, means: Mapping[str, np.ndarray], segments: pl.DataFrame) -> np.ndarray:
        """The weighted mean [series, step] of the models' `means`; `segments` has one row a series."""
        weights = self.of_series(segments).astype(np.float32)
        total = np.zeros_like(next(iter(means.values())), dtype=np.float32)
        for place, model in enumerate(self.models):
            total += weights[:, place : place + 1] * means[model]
        return total
