"""The selection of one combination of the backtest's forecasts, judged on later windows than it was learnt on.

There are two stages: the models are blended, and then the blend is reconciled with forecasts of the upper levels.
Both stages have several candidates. What a candidate learns for a window, it learns only from windows that had ended
by the cutoff, so its score is the one that it would have had at that time. The candidate with the best scores up to
then makes the forecast of the next window. The candidate with the best scores in all windows makes the next forecast,
and learns from all windows for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import (
    BOTTOM_UP,
    MINT,
    Reconciliation,
    error_variance,
    method_of,
    variance_inflation,
)
from foresell.core.errors import SettingsError, first_five
from foresell.ensemble.blending import Blend, error_products, least_error_weights
from foresell.ensemble.combination import Combination
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by

WEIGHTED, MEAN, COMBINED = "weighted", "mean", "combined"
"""Candidates: the weights of least error, the same for all series; the simple mean; the methods of reconciliation
with weights of least error."""

SEGMENT, NEW = "age", "new"
"""The series that may have weights of their own: a new product has no history that most models could use."""

WITH_NEW_SEGMENT = f", {NEW} apart"
"""The end of a candidate's name when new series have weights of their own in it."""

FEWEST_WINDOWS = 2
"""A candidate replaces the first one only after so many windows."""

Candidate = TypeVar("Candidate", Blend, Reconciliation)


@dataclass(frozen=True)
class Selection:
    """The selected combination, and what it would have forecast in each window of the backtest.

    - `combination`: makes the next forecast; learnt from all windows.
    - `means_by_blend`: for every blend that was chosen at any time, its reconciled forecast of the single series in
      each window, [series, step]. Every blend has the reconciliation that was best for it at that time.
    - `chosen_blends`: the name of the blend that would have been chosen for each window.
    - `final_blend`: the name of the blend of `combination`.
    - `trials`: one row for each candidate and window, with ``stage``, ``candidate``, ``cutoff``, ``wrmsse``, ``chosen``
      (whether it would have been chosen for that window) and ``final`` (whether it is part of `combination`). The rows
      of the stage ``reconciliation`` are those of the final blend.
    """

    combination: Combination
    means_by_blend: Mapping[str, list[np.ndarray]]
    chosen_blends: Sequence[str]
    final_blend: str
    trials: pl.DataFrame

    @property
    def means(self) -> list[np.ndarray]:
        """For each window the forecast of the single series [series, step] that would have been made at its cutoff."""
        return [self.means_by_blend[name][number] for number, name in enumerate(self.chosen_blends)]


def select_combination(
    windows: Sequence[WindowForecasts],
    baselines: Sequence[str] = (),
    *,
    champion: str | None = None,
    reconciliation: str | None = None,
    progress: Callable[[str], None] = lambda activity: None,
) -> Selection:
    """The best combination by the backtest's `windows`, the oldest first.

    `baselines` are models that are left out of the simple mean. `champion` names the candidate for the blend: a model,
    ``mean`` or ``weighted``. `reconciliation` names the candidate for the second stage. A stage without such a name is
    searched. `progress` is called with a description of the current activity.

    Raises SettingsError for a candidate that does not exist.
    """
    progress("weights of the models")
    products = [_error_products(window) for window in windows]
    blend_search = search(
        "blend",
        windows,
        learn=lambda ended: blend_candidates(list(windows[0].means), products[:ended], baselines),
        apply=lambda blend, number: blend.apply(windows[number].means, windows[number].evaluation.segments),
        name=champion,
    )
    progress("reconciliation of the totals and the single series")
    # The best reconciliation of one blend may be bad for another, so each blend that was chosen has its own search.
    names = {*blend_search.chosen, blend_search.final}
    searches = {name: _search_reconciliation(windows, blend_search.means_of(name), reconciliation) for name in names}
    means = {name: [result.mean(number) for number in range(len(windows))] for name, result in searches.items()}
    final = searches[blend_search.final]
    trials = pl.concat([blend_search.table(windows), final.table(windows)])
    combination = Combination(blend_search.best, final.best)
    return Selection(combination, means, blend_search.chosen, blend_search.final, trials)


def _search_reconciliation(
    windows: Sequence[WindowForecasts], means: Sequence[np.ndarray], name: str | None
) -> SearchResult[Reconciliation]:
    """The search for the reconciliation of one blend, whose forecasts of the windows are `means`."""
    products: list[np.ndarray] = []  # of the methods' errors, window by window: [method, method]

    def candidates(ended: int) -> dict[str, Reconciliation]:
        new_windows = range(len(products), ended)
        products.extend(_method_error_products(windows[number], means[number]) for number in new_windows)
        return reconciliation_candidates(windows[:ended], means[:ended], products, windows[0])

    result = search(
        "reconciliation",
        windows,
        learn=candidates,
        apply=lambda candidate, number: candidate.apply(means[number], windows[number].totals, windows[number].groups),
        name=name,
    )
    # Only the chosen forecasts are needed; the others would take memory.
    chosen = zip(result.chosen, result.forecasts, strict=True)
    return replace(result, forecasts=[{name: forecasts[name]} for name, forecasts in chosen])


@dataclass(frozen=True)
class SearchResult(Generic[Candidate]):
    """The result of one stage.

    `best` is the candidate of the best scores in all windows and `final` its name. For each window, `chosen` is the
    candidate that would have been chosen at its cutoff, `scores` has the WRMSSE of all candidates, and `forecasts` has
    their forecasts [series, step].
    """

    stage: str
    final: str
    best: Candidate
    chosen: Sequence[str]
    scores: Sequence[Mapping[str, float]]
    forecasts: Sequence[Mapping[str, np.ndarray]]

    def mean(self, number: int) -> np.ndarray:
        """The forecast by the candidate that was chosen for the window with this number."""
        return self.forecasts[number][self.chosen[number]]

    def means_of(self, name: str) -> list[np.ndarray]:
        """The forecasts of all windows by one candidate, or by the chosen one where it did not exist yet."""
        return [forecasts.get(name, self.mean(number)) for number, forecasts in enumerate(self.forecasts)]

    def table(self, windows: Sequence[WindowForecasts]) -> pl.DataFrame:
        """One row for each candidate and window, see `Selection.trials`."""
        rows = [
            (self.stage, name, window.cutoff, score, name == chosen, name == self.final)
            for window, scores, chosen in zip(windows, self.scores, self.chosen, strict=True)
            for name, score in scores.items()
        ]
        return pl.DataFrame(rows, schema=["stage", "candidate", "cutoff", "wrmsse", "chosen", "final"], orient="row")


def search(
    stage: str,
    windows: Sequence[WindowForecasts],
    learn: Callable[[int], Mapping[str, Candidate]],
    apply: Callable[[Candidate, int], np.ndarray],
    name: str | None = None,
) -> SearchResult[Candidate]:
    """The best candidate, where every candidate is judged in every window as it would have been at its cutoff.

    `learn(ended)` returns the candidates by name, learnt from the first `ended` windows; the first candidate is the
    default. `apply(candidate, number)` returns the candidate's forecast of the window with that number. `name` chooses
    a candidate without a search. Raises SettingsError where no candidate has that name.
    """
    scores: list[dict[str, float]] = []
    forecasts: list[dict[str, np.ndarray]] = []
    chosen: list[str] = []
    for number, window in enumerate(windows):
        ended = windows_ended_by(windows, window.cutoff)
        candidates = learn(ended)
        chosen.append(name if name in candidates else choose(scores[:ended], list(candidates)))  # type: ignore[arg-type]
        means = {candidate: apply(candidates[candidate], number) for candidate in candidates}
        forecasts.append(means)
        scores.append({candidate: window.wrmsse(window.errors(mean)) for candidate, mean in means.items()})
    candidates = learn(len(windows))
    if name is not None and name not in candidates:
        raise SettingsError(f"There is no {stage} '{name}'; there are {first_five(list(candidates))}.")
    final = name or choose(scores, list(candidates))
    return SearchResult(stage, final, candidates[final], chosen, scores, forecasts)


def choose(scores: Sequence[Mapping[str, float]], names: Sequence[str]) -> str:
    """The candidate of `names` with the best `scores`, which are one mapping of candidates to WRMSSE for each window.

    Every candidate is compared with the first one by the mean ratio of their scores in the windows that have both.
    The first one is chosen unless another was better in at least two windows.

    >>> scores = [{"a": 0.6}, {"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.45}]
    >>> choose(scores[:2], ["a", "b"]), choose(scores, ["a", "b"]), choose(scores, ["b", "a"])
    ('a', 'b', 'b')
    """
    first = names[0]

    def ratio(name: str) -> float:
        if name == first:
            return 1.0
        shared = [window for window in scores if name in window and window.get(first, 0) > 0]
        if len(shared) < FEWEST_WINDOWS:
            return np.inf
        return float(np.mean([window[name] / window[first] for window in shared]))

    return min(names, key=ratio)


def blend_candidates(
    models: Sequence[str], products: Sequence[Mapping[str, np.ndarray]], baselines: Sequence[str] = ()
) -> dict[str, Blend]:
    """The candidates for the blend by name, learnt from the `products` of errors of the windows that have ended."""
    single = {model: Blend.fixed({model: 1.0}) for model in models}
    if len(models) == 1:
        return single
    strong = [model for model in models if model not in baselines] or list(models)
    candidates = {MEAN: Blend.mean(strong)}
    if products:
        candidates[WEIGHTED] = Blend.learn(models, np.sum([window["all"] for window in products], axis=0))
    candidates |= single
    new = [window[NEW] for window in products if NEW in window]
    if new:  # They follow the candidates that they extend, which win where weights for new series change nothing.
        weights = dict(zip(models, least_error_weights(np.sum(new, axis=0)).tolist(), strict=True))
        candidates |= {
            name + WITH_NEW_SEGMENT: candidates[name].with_segment(SEGMENT, NEW, weights)
            for name in (WEIGHTED, *strong)
        }
    return candidates


def _error_products(window: WindowForecasts) -> dict[str, np.ndarray]:
    """The products of the models' errors in one window: of all nodes, and of the new series where there are some."""
    errors = np.stack([window.errors(mean) for mean in window.means.values()])  # [model, node, step]
    importance = window.importance(errors.mean(axis=0))
    products = {"all": error_products(errors, importance)}
    new = window.evaluation.segments[SEGMENT].to_numpy() == NEW
    if new.any():
        products[NEW] = error_products(errors[:, window.single][:, new], importance[window.single][new])
    return products


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


def _method_error_products(window: WindowForecasts, mean: np.ndarray) -> np.ndarray:
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
