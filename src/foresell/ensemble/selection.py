"""The selection of one combination of the backtest's forecasts, judged on later windows than it was learnt on.

There are two stages: the models are blended, and then the blend is reconciled with forecasts of the upper levels.
Both stages have several candidates. What a candidate learns for a window, it learns only from windows that had ended
by the cutoff, so its score is the one that it would have had at that time. The default candidate makes the forecast of
the next window, unless another was better up to then by more than chance (`candidate_search`). What is best in all
windows makes the next forecast, and learns from all windows for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import Reconciliation
from foresell.core.settings import SeriesModel
from foresell.ensemble.blending import Blend
from foresell.ensemble.candidate_search import SearchResult, search
from foresell.ensemble.candidates import (
    blend_candidates,
    judged_models,
    method_error_products,
    reconciliation_candidates,
    single_models,
)
from foresell.ensemble.combination import Combination
from foresell.ensemble.series_models import AssignedBlend, apply_assigned, assigned_blends
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by


@dataclass(frozen=True)
class Selection:
    """The selected combination, and what it would have forecast in each window of the backtest.

    - `combination`: makes the next forecast; learnt from all windows.
    - `means_by_blend`: for every blend that was chosen at any time, its reconciled forecast of the single series in
      each window, [series, step]. Every blend has the reconciliation that was best for it at that time.
    - `chosen_blends`: the name of the blend that would have been chosen for each window.
    - `final_blend`: the name of the blend of `combination`.
    - `trials`: one row for each candidate and window, with ``stage``, ``candidate``, ``cutoff``, ``wrmsse`` of all
      levels, ``rmsse`` of the single series, ``chosen`` (whether it would have been chosen for that window) and
      ``final`` (whether it is part of `combination`). The rows of the stage ``reconciliation`` are those of the final
      blend. Those of the stage ``blend`` know nothing of models that are set for some series.
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

    @property
    def final_wrmsse(self) -> float | None:
        """The mean over the windows of the WRMSSE of `combination`, which learns for each from earlier windows.

        Where its reconciliation could not be learnt yet, the one counts that would have been chosen. The combination
        was chosen by these very windows, so that of a new window may be worse. None where no window has a score.
        """
        rows = self.trials.filter(pl.col("stage") == RECONCILIATION, pl.col("final") | pl.col("chosen"))
        of_windows = rows.sort("final").group_by("cutoff").agg(pl.col("wrmsse").last())
        mean: float | None = of_windows["wrmsse"].fill_nan(None).mean()  # type: ignore[assignment]
        return mean


RECONCILIATION = "reconciliation"
"""The stage of the trials in which forecasts of upper levels and single series are reconciled."""

NO_SERIES = pl.DataFrame()


def select_combination(
    windows: Sequence[WindowForecasts],
    baselines: Sequence[str] = (),
    *,
    champion: str | None = None,
    reconciliation: str | None = None,
    series_models: Sequence[SeriesModel] = (),
    series: pl.DataFrame = NO_SERIES,
    progress: Callable[[str], None] = lambda activity: None,
) -> Selection:
    """The best combination by the backtest's `windows`, the oldest first.

    `baselines` are models that are left out of the simple mean. `champion` names the candidate for the blend: a model,
    ``mean`` or ``weighted``. `reconciliation` names the candidate for the second stage. A stage without such a name is
    searched. `series_models` are models for some of the `series`, the panel's table, in place of the blend; the blend
    is searched as if there were none. `progress` is called with a description of the current activity.

    Raises SettingsError for a candidate that does not exist.
    """
    progress("weights of the models")
    models = list(windows[0].means)
    scores, products = zip(*map(judged_models, windows), strict=True)

    def blends(ended: int) -> dict[str, Blend]:
        candidates = blend_candidates(models, scores[:ended], products[:ended], baselines)
        # A model that is asked for by name forecasts new series too.
        return candidates | single_models(models) if champion is not None else candidates

    blend_search = search(
        "blend",
        windows,
        learn=blends,
        apply=lambda blend, number: blend.apply(windows[number].means, windows[number].evaluation.segments),
        name=champion,
    )

    def assigned(ended: int) -> tuple[AssignedBlend, ...]:
        """The blends of series whose model is set, as they are learnt from the first windows."""
        return assigned_blends(series_models, series, blends(ended) | single_models(models))

    def with_assigned(means: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The forecasts of the windows, with those of the models that are set for some series."""
        own = (assigned(windows_ended_by(windows, window.cutoff)) for window in windows)
        return [
            apply_assigned(mean, entries, window.means, series, window.evaluation.segments)
            for mean, entries, window in zip(means, own, windows, strict=True)
        ]

    progress("reconciliation of the totals and the single series")
    # The best reconciliation of one blend may be bad for another, so each blend that was chosen has its own search.
    names = {*blend_search.chosen, blend_search.final}
    searches = {
        name: _search_reconciliation(windows, with_assigned(blend_search.means_of(name)), reconciliation)
        for name in names
    }
    means = {name: [result.mean(number) for number in range(len(windows))] for name, result in searches.items()}
    final = searches[blend_search.final]
    trials = pl.concat([blend_search.table(windows), final.table(windows)])
    combination = Combination(blend_search.best, final.best, assigned(len(windows)))
    return Selection(combination, means, blend_search.chosen, blend_search.final, trials)


def _search_reconciliation(
    windows: Sequence[WindowForecasts], means: Sequence[np.ndarray], name: str | None
) -> SearchResult[Reconciliation]:
    """The search for the reconciliation of one blend, whose forecasts of the windows are `means`."""
    products: list[np.ndarray] = []  # of the methods' errors, window by window: [method, method]

    def candidates(ended: int) -> dict[str, Reconciliation]:
        new_windows = range(len(products), ended)
        products.extend(method_error_products(windows[number], means[number]) for number in new_windows)
        return reconciliation_candidates(windows[:ended], means[:ended], products, windows[0])

    result = search(
        RECONCILIATION,
        windows,
        learn=candidates,
        apply=lambda candidate, number: candidate.apply(means[number], windows[number].totals, windows[number].groups),
        name=name,
    )
    # Only the chosen forecasts are needed; the others would take memory.
    chosen = zip(result.chosen, result.forecasts, strict=True)
    return replace(result, forecasts=[{name: forecasts[name]} for name, forecasts in chosen])
