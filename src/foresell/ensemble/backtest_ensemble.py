"""The ensemble of a backtest: its models' forecasts gathered, combined, and scored beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import PLAIN
from foresell.ensemble.selection import Found, combine
from foresell.evaluate.backtest import TOTALS, Backtest, beside_actual
from foresell.evaluate.scores import Window
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.tested_window import Evidence, known_before
from foresell.evaluate.weights import Weights
from foresell.models.totals import by_level

Kept = Callable[[str, date], pl.DataFrame]
"""The forecasts that a backtest kept of a model and a cutoff; those of the upper levels as the model ``totals``."""


@dataclass(frozen=True)
class Ensemble:
    """How the models of a backtest are combined, and how well that would have done.

    `scores` are the backtest's tables with the rows of the ensemble, `forecasts` its forecasts of every window beside
    what happened, `trials` what was tried; `evidence` are the windows, and `found` is what came of the search.
    """

    combination: Combination
    trials: pl.DataFrame
    scores: Backtest
    forecasts: pl.DataFrame
    evidence: Sequence[Evidence]
    found: Found

    def mean(self, cutoff: date) -> np.ndarray:
        """The ensemble's forecast of one window: float32 [series, step]."""
        rows = self.forecasts.filter(pl.col("cutoff") == cutoff)
        return _cube(rows, len(self.evidence[0].window.known))

    def alike(self, panel: Panel, cutoff: date | None = None) -> pl.DataFrame:
        """The forecasts whose errors tell how far to trust the one after `cutoff`; tonight's where none is given.

        Those of the windows of `panel` that had ended by then, by the blend that was chosen then. What was really
        forecast in the first windows is of other blends, whose errors are other ones. Columns as in `forecasts`.
        """
        cutoffs = [each.cutoff for each in self.evidence]
        blend = self.found.chosen[cutoffs.index(cutoff)] if cutoff else self.found.final
        seen = known_before(self.evidence, cutoff) if cutoff else len(cutoffs)
        return _beside_actual(panel, cutoffs[:seen], self.found.by_blend[blend][:seen])


def ensemble(
    panel: Panel,
    hierarchy: Hierarchy,
    tested: Backtest,
    kept: Kept,
    *,
    segments: tuple[str, ...] = (),
    champion: str | None = None,
    reconciliation: str | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> Ensemble:
    """Combines the models of a backtest of `panel`; see `combining.combine` for the rest.

    `segments` are columns to score by, as in the backtest.
    """
    tell("gathering the forecasts")
    evidence = gather(panel, hierarchy, tested, kept, segments)
    found = combine(evidence, PLAIN, champion=champion, reconciliation=reconciliation, tell=tell)
    tell("scores of the ensemble")
    forecasts = _beside_actual(panel, [each.cutoff for each in evidence], found.means)
    scores = with_ensemble(tested, evidence, found.means, found.combination)
    return Ensemble(found.combination, found.trials, scores, forecasts, evidence, found)


def _beside_actual(panel: Panel, cutoffs: Sequence[date], means: Sequence[np.ndarray]) -> pl.DataFrame:
    made = [forecast_of(panel.until(cutoff), mean) for cutoff, mean in zip(cutoffs, means, strict=True)]
    return pl.concat([beside_actual(ENSEMBLE, each, panel) for each in made])


def gather(
    panel: Panel, hierarchy: Hierarchy, tested: Backtest, kept: Kept, segments: tuple[str, ...] = ()
) -> list[Evidence]:
    """The windows of a backtest as evidence, the oldest first."""
    groups = hierarchy.all_groups(panel.series)
    models = tested.levels["model"].unique(maintain_order=True)
    with_totals = TOTALS in tested.runs["model"]
    evidence = []
    for cutoff in tested.weights["cutoff"].unique().sort():
        past = panel.until(cutoff)
        weights = Weights.from_frame(tested.weights.filter(pl.col("cutoff") == cutoff), groups)
        means = {model: _cube(kept(model, cutoff), panel.n_series) for model in models}
        horizon = next(iter(means.values())).shape[1]
        window = Window.of(panel, past.n_days - 1, horizon, hierarchy, weights, segments_of(past, segments))
        sums = _sums(kept(TOTALS, cutoff), groups) if with_totals else {}
        evidence.append(Evidence(window, past.ahead(horizon)[-1].astype(object), means, sums))
    return evidence


def _cube(forecasts: pl.DataFrame, n_series: int) -> np.ndarray:
    """The means of a table of forecasts, which has series after series and step after step: float32 [series, step]."""
    return forecasts["mean"].to_numpy().reshape(n_series, -1)


def _sums(forecasts: pl.DataFrame, groups: Sequence[Groups]) -> dict[Level, np.ndarray]:
    """The forecasts of the upper levels, by level: float32 [group, step]."""
    names = set(forecasts["level"])
    there = [each for each in groups if level_name(each.level) in names]
    return by_level(_cube(forecasts, sum(len(each) for each in there)), there)


def forecast_of(past: Panel, mean: np.ndarray) -> Forecast:
    """`mean` [series, step] as the forecast made at the cutoff of `past`."""
    return Forecast(past.series, past.keys, past.cutoff, past.ahead(mean.shape[1]), mean)


def with_ensemble(
    tested: Backtest, evidence: Sequence[Evidence], means: Sequence[np.ndarray], combination: Combination
) -> Backtest:
    """The tables of scores with those of the ensemble, whose windows take as long as the models that it needs."""
    new: dict[str, list[pl.DataFrame]] = {"levels": [], "segments": [], "steps": [], "runs": []}
    name = pl.lit(ENSEMBLE).alias("model")
    for each, mean in zip(evidence, means, strict=True):
        for table, frame in each.window.score(mean).items():
            new[table].append(frame.select(name, pl.lit(each.window.cutoff).alias("cutoff"), pl.all()))
    needed = [*combination.blend.models, *([TOTALS] if combination.needs_totals else [])]
    runs = tested.runs.filter(pl.col("model").is_in(needed)).group_by("cutoff", maintain_order=True)
    new["runs"].append(runs.agg(pl.col("fit_seconds", "forecast_seconds").sum()).select(name, pl.all()))
    return replace(tested, **{table: pl.concat([getattr(tested, table), *frames]) for table, frames in new.items()})
