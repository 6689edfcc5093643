"""The step `backtest`: every model at every window of the past."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from foresell.core.errors import SettingsError
from foresell.core.settings import Settings
from foresell.ensemble.blending import MEAN, WEIGHTED
from foresell.ensemble.configured_models import models_of, totals_of
from foresell.ensemble.series_models import check_series_models
from foresell.evaluate.backtest import TOTALS, backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.pipeline.progress import Pace
from foresell.pipeline.score_tables import write_forecasts, write_scores
from foresell.pipeline.single_sales import check_transactions
from foresell.pipeline.summaries import BacktestSummary
from foresell.pipeline.task import Task
from foresell.store.tables import is_remote


def run(task: Task, folder: Path) -> BacktestSummary:
    """Tries every model at every window, and writes all forecasts and scores.

    Raises SettingsError where the settings name a champion, models of some series or columns of single sales that are
    not there.
    """
    settings, panel = task.settings, task.panel
    models = models_of(settings, task.steps.checkpoints(BacktestSummary.step))
    totals = totals_of(settings, panel, task.hierarchy)
    _check_champion(settings, models)  # now, rather than when the backtest is done
    check_series_models(settings.series_models, panel.series, models)
    check_transactions(settings, task.base)
    (folder / "forecasts").mkdir()
    weights = settings.backtest.weights
    days = cutoffs(panel, settings.horizon, settings.backtest.windows, settings.backtest.every)
    pace = Pace([*models, *([TOTALS] if totals else [])], len(days))
    scores = backtest(
        panel,
        models,
        settings.horizon,
        days,
        task.hierarchy,
        weights=None if weights is None else weights if is_remote(weights) else task.base / weights,
        totals=totals,
        segments=settings.backtest.segments,
        forecast_sink=lambda frame: write_forecasts(frame, folder),
        progress=lambda done, total, doing: task.tell(done, total, doing, pace.left(done)),
    )
    write_scores(scores, folder)
    return BacktestSummary(
        models=list(models),
        totals=[] if totals is None else [list(level) for level in totals.levels],
        windows=[str(cutoff) for cutoff in scores.runs["cutoff"].unique().sort()],
    )


def _check_champion(settings: Settings, models: Iterable[str]) -> None:
    known = [*models, MEAN, WEIGHTED]
    if settings.champion is not None and settings.champion not in known:
        raise SettingsError(
            f"The champion '{settings.champion}' is not among {', '.join(known)}. Add it to 'models', or leave "
            "'champion' out to take the best."
        )
