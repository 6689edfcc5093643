"""The ensemble of a backtest: the models' forecasts of every window, their combination, and its scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.core.settings import SeriesModel
from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import BASELINES
from foresell.ensemble.selection import Selection, select_combination
from foresell.ensemble.series_models import check_series_models
from foresell.evaluate.backtest import TOTALS, Backtest, with_actuals
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.weights import Weights
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by
from foresell.models.upper_levels.totals import by_level

ForecastTable = Callable[[str, date], pl.DataFrame]
"""Returns the backtest's table of forecasts of a model and a cutoff. The model ``totals`` has those of the upper
levels."""


@dataclass(frozen=True)
class Ensemble:
    """The combination of the models of a backtest, and how well it would have done.

    - `combination`: makes the next forecast.
    - `trials`: the candidates and their scores, see `Selection.trials`.
    - `scores`: the backtest's tables, to which the rows of the ensemble are added.
    - `forecasts`: the ensemble's forecasts of every window beside the actuals.
    - `windows`: the models' forecasts of every window, the oldest first.
    - `selection`: how the combination was selected.
    """

    combination: Combination
    trials: pl.DataFrame
    scores: Backtest
    forecasts: pl.DataFrame
    windows: Sequence[WindowForecasts]
    selection: Selection

    def mean(self, cutoff: date) -> np.ndarray:
        """The ensemble's forecast of one window: float32 [series, step]."""
        rows = self.forecasts.filter(pl.col("cutoff") == cutoff)
        return _cube(rows, len(self.windows[0].evaluation.known))

    def comparable_forecasts(self, panel: Panel, cutoff: date | None = None) -> pl.DataFrame:
        """The forecasts from whose errors the ranges of the forecast after `cutoff` are learnt.

        Without a `cutoff` they are for the next forecast. They are the forecasts of the windows of `panel` that had
        ended by the cutoff, made with the blend that was chosen then. The forecasts that were really made in the first
        windows came from other blends, whose errors are different. Columns as in `forecasts`.
        """
        cutoffs = [window.cutoff for window in self.windows]
        selection = self.selection
        blend = selection.chosen_blends[cutoffs.index(cutoff)] if cutoff else selection.final_blend
        ended = windows_ended_by(self.windows, cutoff) if cutoff else len(cutoffs)
        return _table(panel, cutoffs[:ended], selection.means_by_blend[blend][:ended])


def ensemble(
    panel: Panel,
    hierarchy: Hierarchy,
    tested: Backtest,
    forecasts_of: ForecastTable,
    *,
    segments: tuple[str, ...] = (),
    champion: str | None = None,
    reconciliation: str | None = None,
    series_models: Sequence[SeriesModel] = (),
    progress: Callable[[str], None] = lambda activity: None,
) -> Ensemble:
    """Combines the models of the backtest `tested` of `panel`, whose forecasts `forecasts_of` returns.

    `segments` are columns to score by, as in the backtest. `series_models` are models that are set for some series.
    `selection.select_combination` explains the others and what is raised; besides, SettingsError is raised where
    `series_models` name a model or a column that is not there.
    """
    check_series_models(series_models, panel.series, tested.levels["model"].unique(maintain_order=True))
    progress("gathering the forecasts")
    windows = window_forecasts(panel, hierarchy, tested, forecasts_of, segments)
    selection = select_combination(
        windows,
        BASELINES,
        champion=champion,
        reconciliation=reconciliation,
        series_models=series_models,
        series=panel.series,
        progress=progress,
    )
    progress("scores of the ensemble")
    forecasts = _table(panel, [window.cutoff for window in windows], selection.means)
    scores = with_ensemble(tested, windows, selection.means, selection.combination)
    return Ensemble(selection.combination, selection.trials, scores, forecasts, windows, selection)


def _table(panel: Panel, cutoffs: Sequence[date], means: Sequence[np.ndarray]) -> pl.DataFrame:
    """The ensemble's forecasts `means` [series, step] of some windows beside the actuals."""
    forecasts = [forecast_of(panel.until(cutoff), mean) for cutoff, mean in zip(cutoffs, means, strict=True)]
    return pl.concat([with_actuals(ENSEMBLE, forecast, panel) for forecast in forecasts])


def window_forecasts(
    panel: Panel,
    hierarchy: Hierarchy,
    tested: Backtest,
    forecasts_of: ForecastTable,
    segments: tuple[str, ...] = (),
) -> list[WindowForecasts]:
    """The forecasts of all models in every window of a backtest, the oldest window first."""
    groups = hierarchy.all_groups(panel.series)
    models = tested.levels["model"].unique(maintain_order=True)
    has_totals = TOTALS in tested.runs["model"]
    windows = []
    for cutoff in tested.weights["cutoff"].unique().sort():
        past = panel.until(cutoff)
        weights = Weights.from_frame(tested.weights.filter(pl.col("cutoff") == cutoff), groups)
        means = {model: _cube(forecasts_of(model, cutoff), panel.n_series) for model in models}
        horizon = next(iter(means.values())).shape[1]
        labels = segments_of(past, segments)
        evaluation = EvaluationWindow.of(panel, past.n_days - 1, horizon, hierarchy, weights, labels)
        totals = _totals(forecasts_of(TOTALS, cutoff), groups) if has_totals else {}
        windows.append(WindowForecasts(evaluation, past.ahead(horizon)[-1].astype(object), means, totals))
    return windows


def _cube(forecasts: pl.DataFrame, n_series: int) -> np.ndarray:
    """The means of a table of forecasts, which has series after series and step after step: float32 [series, step]."""
    return forecasts["mean"].to_numpy().reshape(n_series, -1)


def _totals(forecasts: pl.DataFrame, groups: Sequence[Groups]) -> dict[Level, np.ndarray]:
    """The forecasts of the upper levels, by level: float32 [group, step]."""
    names = set(forecasts["level"])
    upper = [level_groups for level_groups in groups if level_name(level_groups.level) in names]
    return by_level(_cube(forecasts, sum(len(level_groups) for level_groups in upper)), upper)


def forecast_of(past: Panel, mean: np.ndarray) -> Forecast:
    """`mean` [series, step] as the forecast made at the cutoff of `past`."""
    return Forecast(past.series, past.keys, past.cutoff, past.ahead(mean.shape[1]), mean)


def with_ensemble(
    tested: Backtest, windows: Sequence[WindowForecasts], means: Sequence[np.ndarray], combination: Combination
) -> Backtest:
    """The tables of scores with the rows of the ensemble, whose forecasts of the windows are `means` [series, step].

    The seconds of the ensemble are those of all models that the combination needs.
    """
    frames: dict[str, list[pl.DataFrame]] = {"levels": [], "segments": [], "steps": [], "runs": []}
    model = pl.lit(ENSEMBLE).alias("model")
    for window, mean in zip(windows, means, strict=True):
        for table, frame in window.evaluation.score(mean).items():
            frames[table].append(frame.select(model, pl.lit(window.cutoff).alias("cutoff"), pl.all()))
    needed = [*combination.models, *([TOTALS] if combination.needs_totals else [])]
    runs = tested.runs.filter(pl.col("model").is_in(needed)).group_by("cutoff", maintain_order=True)
    frames["runs"].append(runs.agg(pl.col("fit_seconds", "forecast_seconds").sum()).select(model, pl.all()))
    return replace(tested, **{table: pl.concat([getattr(tested, table), *new]) for table, new in frames.items()})
