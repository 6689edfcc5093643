"""From the backtest's forecasts to one combination of them, judged on later windows than it was learnt on.

First the models are blended, then the blend is brought into line with forecasts of the upper levels. For both stages
there are several candidates. What a candidate has to learn for a window, it learns from those only that had ended by
its cutoff, so its score there is what it would have got then. The candidate with the best scores so far makes the
forecast of the next window, and the one with the best scores in all windows makes tonight's, having learnt from all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import BOTTOM_UP, MINT, Reconciliation, error_variance, going_together, way_of
from foresell.core.errors import SettingsError, first_five
from foresell.ensemble.blending import Blend, least_error, together
from foresell.ensemble.combination import Combination
from foresell.evaluate.tested_window import Evidence, known_before

WEIGHTED, MEAN, COMBINED = "weighted", "mean", "combined"
"""Names of candidates: weights of least error for all series alike, the simple mean, shares of least error."""

SEGMENT, NEW = "age", "new"
"""Series that may have weights of their own: a new product has no history for most models to go by."""

APART = f", {NEW} apart"
"""What is added to the name of a candidate when new series have weights of their own beside it."""

ENOUGH = 2
"""In how many windows a candidate must have been tried before it is chosen over the one to begin with."""

Candidate = TypeVar("Candidate", Blend, Reconciliation)


@dataclass(frozen=True)
class Found:
    """What came of the search.

    - `combination`: what makes tonight's forecast, learnt from all windows.
    - `by_blend`: for each window the forecast of the single series [series, step] by every blend that was chosen at any
      time, brought into line as was best for it then.
    - `chosen`: the blend that would have been chosen for each window. `final`: the one that makes tonight's forecast.
    - `trials`: one row for each candidate and window: ``stage``, ``candidate``, ``cutoff``, ``wrmsse``, whether it was
      ``chosen`` for that window, and whether it is the ``final`` one, which makes tonight's forecast. Those of the
      reconciliation are of the final blend.
    """

    combination: Combination
    by_blend: Mapping[str, list[np.ndarray]]
    chosen: Sequence[str]
    final: str
    trials: pl.DataFrame

    @property
    def means(self) -> list[np.ndarray]:
        """For each window the forecast of the single series [series, step] that would have been made then."""
        return [self.by_blend[name][number] for number, name in enumerate(self.chosen)]


def combine(
    evidence: Sequence[Evidence],
    plain: Sequence[str] = (),
    *,
    champion: str | None = None,
    reconciliation: str | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> Found:
    """The best way to make one forecast of several, by the windows of `evidence`, the oldest first.

    `plain` are models that serve as benchmarks and are left out of the simple mean. `champion` names the candidate to
    blend with (a model, ``mean``, ``weighted``), `reconciliation` the one for the other stage; they are searched for
    where not given. `tell` is told what is being done.

    Raises SettingsError for a candidate that does not exist.
    """
    tell("weights of the models")
    products = [_products(window) for window in evidence]
    blended = search(
        "blend",
        evidence,
        learn=lambda seen: blends(list(evidence[0].means), products[:seen], plain),
        use=lambda blend, window: blend.apply(evidence[window].means, evidence[window].window.segments),
        wanted=champion,
    )
    tell("totals and single series into line")
    # What is best for one blend may be bad for another, so each blend that was chosen has a search of its own.
    lined_up = {name: _line_up(evidence, blended.of(name), reconciliation) for name in {*blended.chosen, blended.final}}
    by_blend = {name: [found.mean(number) for number in range(len(evidence))] for name, found in lined_up.items()}
    last = lined_up[blended.final]
    trials = pl.concat([blended.table(evidence), last.table(evidence)])
    return Found(Combination(blended.best, last.best), by_blend, blended.chosen, blended.final, trials)


def _line_up(evidence: Sequence[Evidence], means: Sequence[np.ndarray], wanted: str | None) -> Searched[Reconciliation]:
    """The search for the reconciliation of one blend, whose forecasts of the windows are `means`."""
    shares: list[np.ndarray] = []  # how the errors of the ways went together, window by window

    def ways(seen: int) -> dict[str, Reconciliation]:
        shares.extend(_shares(evidence[window], means[window]) for window in range(len(shares), seen))
        return reconciliations(evidence[:seen], means[:seen], shares, evidence[0])

    found = search(
        "reconciliation",
        evidence,
        learn=ways,
        use=lambda way, window: way.apply(means[window], evidence[window].totals, evidence[window].groups),
        wanted=wanted,
    )
    return replace(found, made=[{name: made[name]} for name, made in zip(found.chosen, found.made, strict=True)])


@dataclass(frozen=True)
class Searched(Generic[Candidate]):
    """What a search found: the `best` candidate of all windows, called `final`; and for each window the one `chosen`
    then, the `scores` of all, and the forecasts that they `made`."""

    stage: str
    final: str
    best: Candidate
    chosen: Sequence[str]
    scores: Sequence[Mapping[str, float]]
    made: Sequence[Mapping[str, np.ndarray]]

    def mean(self, window: int) -> np.ndarray:
        """The forecast by the candidate that was chosen for a window."""
        return self.made[window][self.chosen[window]]

    def of(self, name: str) -> list[np.ndarray]:
        """The forecasts of all windows by one candidate; by the one chosen where it could not take part yet."""
        return [made.get(name, self.mean(window)) for window, made in enumerate(self.made)]

    def table(self, evidence: Sequence[Evidence]) -> pl.DataFrame:
        """One row for each candidate and window, see `Found.trials`."""
        rows = [
            (self.stage, name, window.cutoff, score, name == chosen, name == self.final)
            for window, scores, chosen in zip(evidence, self.scores, self.chosen, strict=True)
            for name, score in scores.items()
        ]
        return pl.DataFrame(rows, schema=["stage", "candidate", "cutoff", "wrmsse", "chosen", "final"], orient="row")


def search(
    stage: str,
    evidence: Sequence[Evidence],
    learn: Callable[[int], Mapping[str, Candidate]],
    use: Callable[[Candidate, int], np.ndarray],
    wanted: str | None = None,
) -> Searched[Candidate]:
    """The best candidate, each judged in every window as it would have been made then.

    `learn(seen)` gives the candidates by name as the first `seen` windows teach them, the one to begin with first;
    `use(candidate, window)` makes its forecast of a window.
    """
    scores: list[dict[str, float]] = []
    made: list[dict[str, np.ndarray]] = []
    chosen: list[str] = []
    for number, window in enumerate(evidence):
        seen = known_before(evidence, window.cutoff)
        candidates = learn(seen)
        there = wanted is not None and wanted in candidates
        chosen.append(wanted if there and wanted else choose(scores[:seen], list(candidates)))
        made.append({name: use(candidate, number) for name, candidate in candidates.items()})
        scores.append({name: window.wrmsse(window.errors(mean)) for name, mean in made[-1].items()})
    candidates = learn(len(evidence))
    if wanted is not None and wanted not in candidates:
        raise SettingsError(f"There is no {stage} '{wanted}'; there are {first_five(list(candidates))}.")
    final = wanted or choose(scores, list(candidates))
    return Searched(stage, final, candidates[final], chosen, scores, made)


def choose(scores: Sequence[Mapping[str, float]], names: Sequence[str]) -> str:
    """The candidate of `names` with the best scores so far; the first one unless another was better in two windows.

    Each is compared with the first in the windows in which both took part, by the mean ratio of their scores.

    >>> scores = [{"a": 0.6}, {"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.45}]
    >>> choose(scores[:2], ["a", "b"]), choose(scores, ["a", "b"]), choose(scores, ["b", "a"])
    ('a', 'b', 'b')
    """
    first = names[0]

    def ratio(name: str) -> float:
        both = [each[name] / each[first] for each in scores if name in each and each.get(first, 0) > 0]
        if name == first:
            return 1.0
        return float(np.mean(both)) if len(both) >= ENOUGH else np.inf

    return min(names, key=ratio)


def blends(
    models: Sequence[str], products: Sequence[Mapping[str, np.ndarray]], plain: Sequence[str] = ()
) -> dict[str, Blend]:
    """The candidates for the blend, as the windows with these `products` of errors teach them."""
    alone = {model: Blend.fixed({model: 1.0}) for model in models}
    better = [model for model in models if model not in plain] or list(models)
    if len(models) == 1:
        return alone
    found = {MEAN: Blend.mean(better)}
    if products:
        found[WEIGHTED] = Blend.learn(models, np.sum([each["all"] for each in products], axis=0))
    found |= alone
    new = [each[NEW] for each in products if NEW in each]
    if new:  # after those that they are made of, which are chosen where weights apart change nothing
        weights = dict(zip(models, least_error(np.sum(new, axis=0)).tolist(), strict=True))
        found |= {name + APART: found[name].apart(SEGMENT, NEW, weights) for name in (WEIGHTED, *better)}
    return found


def _products(evidence: Evidence) -> dict[str, np.ndarray]:
    """How the models' errors in one window go together: at all nodes, and at the new ones of the single series."""
    errors = np.stack([evidence.errors(mean) for mean in evidence.means.values()])  # [model, node, step]
    importance = evidence.importance(errors.mean(axis=0))
    found = {"all": together(errors, importance)}
    new = evidence.window.segments[SEGMENT].to_numpy() == NEW
    if new.any():
        found[NEW] = together(errors[:, evidence.single][:, new], importance[evidence.single][new])
    return found


def reconciliations(
    seen: Sequence[Evidence], means: Sequence[np.ndarray], shares: Sequence[np.ndarray], any_window: Evidence
) -> dict[str, Reconciliation]:
    """The candidates for the reconciliation, as the windows `seen`, with the blend's `means` in them, teach them.

    Once there is something to learn from, the mean of the ways with weights of least error is the one to begin with: it
    is seldom far from the best, which any one way may be.
    """
    names = _ways(any_window)
    if len(names) == 1:
        return {BOTTOM_UP: Reconciliation({BOTTOM_UP: 1.0})}
    single = {name: Reconciliation({name: 1.0}) for name in names}
    if not seen:
        return single
    weights = least_error(np.sum(shares, axis=0))
    used = {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight > 0}
    return {COMBINED: Reconciliation(used), **single, MINT: _mint(seen, means)}


def _ways(evidence: Evidence) -> list[str]:
    """Bottom-up, and scaling to each level that has forecasts of its own, from the top down."""
    return [BOTTOM_UP, *(way_of(level) for level in evidence.totals)]


def _shares(evidence: Evidence, mean: np.ndarray) -> np.ndarray:
    """How the errors of the ways to reconcile `mean` go together in one window: [way, way]."""
    made = [Reconciliation({way: 1.0}).apply(mean, evidence.totals, evidence.groups) for way in _ways(evidence)]
    errors = np.stack([evidence.errors(each) for each in made])
    return together(errors, evidence.importance(errors.mean(axis=0)))


def _mint(seen: Sequence[Evidence], means: Sequence[np.ndarray]) -> Reconciliation:
    """MinT with the error variances of the windows seen, those of the single series scaled up for going together."""
    errors = [window.errors(mean)[window.single] for window, mean in zip(seen, means, strict=True)]
    levels = list(seen[0].totals)
    finest = max((seen[0].groups[level] for level in levels), key=len)
    variance = error_variance(errors, means)
    variances = {
        level: error_variance(
            [window.total_errors(level) for window in seen], [window.totals[level] for window in seen]
        )
        for level in levels
    }
    return Reconciliation({MINT: 1.0}, variance * going_together(errors, finest, variance), variances)
