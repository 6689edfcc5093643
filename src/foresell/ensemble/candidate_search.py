"""The search among candidates: each is judged in every window as it would have been at the window's cutoff."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import Reconciliation
from foresell.core.errors import SettingsError, first_five
from foresell.ensemble.blending import Blend
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by

FEWEST_WINDOWS = 2
"""A candidate replaces the default only after so many windows."""

USUAL_SPREAD, USUAL_WINDOWS = 0.05, 3
"""How much the ratio of two candidates' scores usually varies from window to window (a standard deviation of its
logarithm), and of how many windows this counts. A few windows alone say little about it."""

Candidate = TypeVar("Candidate", Blend, Reconciliation)


class Score(NamedTuple):
    """The WRMSSE of all levels, and the RMSSE of the single series, each of which counts the same."""

    wrmsse: float
    rmsse: float

    @classmethod
    def of(cls, window: WindowForecasts, errors: np.ndarray) -> Score:
        """The score of a forecast of one window by its `errors` [node, step], see `WindowForecasts.errors`."""
        single = window.rmsse(errors)[window.single]
        known = single[np.isfinite(single)]
        return cls(window.wrmsse(errors), float(known.mean()) if len(known) else float("nan"))

    @property
    def loss(self) -> float:
        """The geometric mean of both, so that a candidate has to be good at sums and at single series."""
        return float(np.sqrt(self.wrmsse * self.rmsse))


@dataclass(frozen=True)
class SearchResult(Generic[Candidate]):
    """The result of one stage.

    `best` is the candidate of the best scores in all windows and `final` its name. For each window, `chosen` is the
    candidate that would have been chosen at its cutoff, `scores` has the scores of all candidates, and `forecasts` has
    their forecasts [series, step].
    """

    stage: str
    final: str
    best: Candidate
    chosen: Sequence[str]
    scores: Sequence[Mapping[str, Score]]
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
            (self.stage, name, window.cutoff, score.wrmsse, score.rmsse, name == chosen, name == self.final)
            for window, scores, chosen in zip(windows, self.scores, self.chosen, strict=True)
            for name, score in scores.items()
        ]
        columns = ["stage", "candidate", "cutoff", "wrmsse", "rmsse", "chosen", "final"]
        return pl.DataFrame(rows, schema=columns, orient="row")


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
    scores: list[dict[str, Score]] = []
    forecasts: list[dict[str, np.ndarray]] = []
    chosen: list[str] = []
    for number, window in enumerate(windows):
        ended = windows_ended_by(windows, window.cutoff)
        candidates = learn(ended)
        chosen.append(name if name in candidates else choose(losses(scores[:ended]), list(candidates)))  # type: ignore[arg-type]
        means = {candidate: apply(candidates[candidate], number) for candidate in candidates}
        forecasts.append(means)
        scores.append({candidate: Score.of(window, window.errors(mean)) for candidate, mean in means.items()})
    candidates = learn(len(windows))
    if name is not None and name not in candidates:
        raise SettingsError(f"There is no {stage} '{name}'; there are {first_five(list(candidates))}.")
    final = name or choose(losses(scores), list(candidates))
    return SearchResult(stage, final, candidates[final], chosen, scores, forecasts)


def losses(scores: Sequence[Mapping[str, Score]]) -> list[dict[str, float]]:
    """The losses of the candidates of each window."""
    return [{name: score.loss for name, score in window.items()} for window in scores]


def choose(scores: Sequence[Mapping[str, float]], names: Sequence[str]) -> str:
    """The candidate of `names` with the best losses `scores`, one mapping of candidates to losses for each window.

    The first candidate is the default. Another takes its place where it was better in the windows that both saw, at
    least two, by more than chance: the mean of the logarithms of their ratios is below 0 by more than its standard
    error. So that one odd window does not decide, it must have been better in more than half of them too. Of several
    such candidates, the one with the smallest mean is chosen.

    >>> scores = [{"a": 0.6}, {"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.44}, {"a": 0.6, "b": 0.5}]
    >>> choose(scores[:2], ["a", "b"]), choose(scores, ["a", "b"])
    ('a', 'b')
    >>> choose([{"a": 0.5, "b": 0.498}, {"a": 0.5, "b": 0.499}], ["a", "b"])
    'a'
    """
    default, *others = names
    better = {}
    for name in others:
        shared = [window for window in scores if name in window and window.get(default, 0) > 0]
        ratios = np.log([max(window[name], TINY) / window[default] for window in shared])
        if len(ratios) >= FEWEST_WINDOWS and ratios.mean() < -standard_error(ratios) and np.median(ratios) < 0:
            better[name] = float(ratios.mean())
    return min(better, key=better.__getitem__, default=default)


TINY = 1e-12
"""Stands for a loss of 0 where a logarithm is taken."""


def standard_error(ratios: np.ndarray) -> float:
    """The standard error of the mean of log ratios [window], whose variance is drawn towards the usual one.

    >>> round(standard_error(np.array([-0.1, -0.1])), 4)  # sqrt(3 x 0.05 ** 2 / (3 + 1) / 2)
    0.0306
    """
    squares = float(((ratios - ratios.mean()) ** 2).sum()) + USUAL_WINDOWS * USUAL_SPREAD**2
    return float(np.sqrt(squares / (USUAL_WINDOWS + len(ratios) - 1) / len(ratios)))
