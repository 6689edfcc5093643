"""The candidates for the two stages of a combination: blends of the models, and reconciliations of a blend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from foresell.adjust.reconciliation import (
    BOTTOM_UP,
    MINT,
    Reconciliation,
    error_variance,
    method_of,
    variance_inflation,
)
from foresell.ensemble.blending import MEAN, WEIGHTED, Blend, error_products, least_error_weights
from foresell.ensemble.candidate_search import TINY, Score
from foresell.evaluate.window_forecasts import WindowForecasts

COMBINED = "combined"
"""A candidate: the methods of reconciliation with weights of least error."""

SEGMENT, NEW = "age", "new"
"""The series that have weights of their own: a new product has no history that most models could use."""

FOR_NEW = "launch"
"""The model that is made for new series. It takes part in the forecasts of others by learnt weights only."""

FAR_WORSE = 0.1
"""A model is left out of the simple mean where the logarithm of its loss lies by so much above that of the best one.

Errors of two forecasts of the same series have a correlation of some 0.8. If those of one are r times as large as those
of the other, the mean of both has the variance (1 + 2 x 0.8 r + r^2) / 4, which is below 1 where r is below 1.11.
"""


def blend_candidates(
    models: Sequence[str],
    scores: Sequence[Mapping[str, Score]],
    products: Sequence[Mapping[str, np.ndarray]],
    baselines: Sequence[str] = (),
) -> dict[str, Blend]:
    """The candidates for the blend by name, learnt from the windows that have ended; the first one is the default.

    `scores` are those of the models in these windows and `products` those of their errors. The default is the mean of
    the models that are not `baselines` and not far worse than the best: a plain mean of a few good models is hard to
    beat where windows are few (Claeskens and others, "The forecast combination puzzle", 2016). In all candidates new
    series have weights of their own.
    """
    if len(models) == 1:
        return single_models(models)
    candidates = {MEAN: Blend.mean(good_models(models, scores, baselines))}
    if products:
        candidates[WEIGHTED] = Blend.learn(models, np.sum([window["all"] for window in products], axis=0))
    candidates |= single_models(models)
    of_new = [window[NEW] for window in products if NEW in window]
    return {name: _with_new_series(blend, models, of_new) for name, blend in candidates.items()}


def single_models(models: Sequence[str]) -> dict[str, Blend]:
    """Each model by itself, for all series."""
    return {model: Blend.fixed({model: 1.0}) for model in models}


def good_models(models: Sequence[str], scores: Sequence[Mapping[str, Score]], baselines: Sequence[str]) -> list[str]:
    """The models for the simple mean; all that are no baselines where nothing is known of their errors yet."""
    named = [model for model in models if model not in (*baselines, FOR_NEW)] or list(models)
    if not scores:
        return named
    loss = {model: float(np.mean([np.log(max(window[model].loss, TINY)) for window in scores])) for model in named}
    best = min(loss.values())
    return [model for model in named if not loss[model] > best + FAR_WORSE]


def _with_new_series(blend: Blend, models: Sequence[str], of_new: Sequence[np.ndarray]) -> Blend:
    """`blend` with weights of their own for new series, of its models and of that for new series.

    `of_new` are the products of the errors of new series in the windows that had some. Where none had, the model for
    new series forecasts them alone.
    """
    members = [model for model in models if model in blend.models or model == FOR_NEW]
    if FOR_NEW not in members or len(members) == 1:
        return blend
    if not of_new:
        return blend.with_segment(SEGMENT, NEW, {FOR_NEW: 1.0})
    rows = [models.index(model) for model in members]
    weights = least_error_weights(np.sum(of_new, axis=0)[np.ix_(rows, rows)])
    return blend.with_segment(SEGMENT, NEW, dict(zip(members, weights.tolist(), strict=True)))


def judged_models(window: WindowForecasts) -> tuple[dict[str, Score], dict[str, np.ndarray]]:
    """The scores of the models in one window, and the products of their errors: of all nodes, and of the new series
    where there are some."""
    errors = np.stack([window.errors(mean) for mean in window.means.values()])  # [model, node, step]
    scores = {model: Score.of(window, each) for model, each in zip(window.means, errors, strict=True)}
    importance = window.importance(errors.mean(axis=0))
    products = {"all": error_products(errors, importance)}
    new = window.evaluation.segments[SEGMENT].to_numpy() == NEW
    if new.any():
        products[NEW] = error_products(errors[:, window.single][:, new], importance[window.single][new])
    return scores, products


def reconciliation_candidates(
    ended: Sequence[WindowForecasts],
    means: Sequence[np.ndarray],
    products: Sequence[np.ndarray],
    any_window: WindowForecasts,
) -> dict[str, Reconciliation]:
    """The candidates for the reconciliation by name, learnt from the windows that have `ended`.

    `means` are the blend's forecasts of those windows [series, step] and `products` the products of the methods'
    errors in them. `any_window` shows which levels have forecasts of their own. Once a window has ended, the first
    candidate is the mean of all methods with weights of least error, because it is seldom far from the best one.
    """
    methods = _methods(any_window)
    if len(methods) == 1:
        return {BOTTOM_UP: Reconciliation({BOTTOM_UP: 1.0})}
    single = {method: Reconciliation({method: 1.0}) for method in methods}
    if not ended:
        return single
    weights = least_error_weights(np.sum(products, axis=0))
    shares = {method: float(weight) for method, weight in zip(methods, weights, strict=True) if weight > 0}
    return {COMBINED: Reconciliation(shares), **single, MINT: _mint(ended, means)}


def _methods(window: WindowForecasts) -> list[str]:
    """Bottom-up, and the scaling to each level that has forecasts of its own, from the top down."""
    return [BOTTOM_UP, *(method_of(level) for level in window.totals)]


def method_error_products(window: WindowForecasts, mean: np.ndarray) -> np.ndarray:
    """The products of the errors of the methods to reconcile `mean` in one window: [method, method]."""
    means = [Reconciliation({method: 1.0}).apply(mean, window.totals, window.groups) for method in _methods(window)]
    errors = np.stack([window.errors(reconciled) for reconciled in means])
    return error_products(errors, window.importance(errors.mean(axis=0)))


def _mint(ended: Sequence[WindowForecasts], means: Sequence[np.ndarray]) -> Reconciliation:
    """MinT with the error variances of the windows that have ended.

    The variances of the single series are inflated, because errors of different series are not independent.
    """
    errors = [window.errors(mean)[window.single] for window, mean in zip(ended, means, strict=True)]
    levels = list(ended[0].totals)
    finest = max((ended[0].groups[level] for level in levels), key=len)
    variance = error_variance(errors, means)
    variances = {
        level: error_variance(
            [window.total_errors(level) for window in ended], [window.totals[level] for window in ended]
        )
        for level in levels
    }
    return Reconciliation({MINT: 1.0}, variance * variance_inflation(errors, finest, variance), variances)
