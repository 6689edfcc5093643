"""The step `forecast`: the model that forecasts here (`forecaster`) asked with the newest sales."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from foresell.adjust.reconciliation import all_levels
from foresell.core.forecasts import Forecasts
from foresell.core.frequency import date_text
from foresell.core.panel import Panel
from foresell.pipeline import matured_forecasts
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.pipeline.task import Task
from foresell.store.tables import write_table


def run(task: Task, folder: Path) -> ForecastSummary:
    """Forecasts with the model that does so here: mean and quantiles for all levels, as one table."""
    task.tell(0, 3, "the single series")
    forecaster = Forecaster.of(task, task.forecaster_choice)
    champion, ranges = forecaster.champion, forecaster.ranges
    bottom = champion.forecast(task.panel)
    task.tell(1, 3, "ranges for all levels")
    levels = all_levels(bottom, task.panel.series, task.hierarchy)
    quantiles = task.settings.output.quantiles
    forecasts = Forecasts(ranges.apply(levels, task.panel, task.hierarchy, quantiles, rounded=False))
    task.tell(2, 3, "writing")
    _keep(forecaster, forecasts)
    frame = matured_forecasts.rounded(forecasts, ranges.whole).to_polars()
    write_table(frame, folder / "forecasts.parquet")
    return ForecastSummary(
        model=champion.name,
        version=forecaster.version,
        training=forecaster.training,
        trained=forecaster.trained.isoformat(timespec="seconds"),
        learnt_to=forecaster.learnt_to,
        age_days=forecaster.age_days,
        bundle=forecaster.bundle,
        cutoff=forecasts.total.cutoff,
        first=date_text(forecasts.total.dates[0]),
        last=date_text(forecasts.total.dates[-1]),
        levels=len(levels),
        series=sum(forecast.series.height for forecast in levels.values()),
        rows=frame.height,
        units=round(float(np.sum(forecasts.total.mean, dtype=np.float64)), 1),
        units_a_year_ago=_year_ago(task.panel, task.settings.horizon),
        table=str(task.folder("forecast") / "forecasts.parquet"),
        warnings_found=task.forecaster_choice.warnings,
    )


def _keep(forecaster: Forecaster, forecasts: Forecasts) -> None:
    """Keeps tonight's forecast, and how the backtest of its model erred; once, however often it is made.

    `forecasts` has quantiles that are not rounded.
    """
    results, training, backtest = forecaster.results, forecaster.training, forecaster.backtest
    history = matured_forecasts.history_of(results)
    if backtest is not None:
        nominal = matured_forecasts.nominal_of(results.settings.output.quantiles)
        history.keep_backtest(matured_forecasts.with_coverage(*backtest, nominal), training)
    frame = matured_forecasts.kept_frame(results.panel, results.hierarchy, forecasts, forecaster.ranges.whole)
    history.keep_forecast(frame, forecasts.total.cutoff, training)


def lost(results: Results) -> bool:
    """Whether the last forecast is not kept in the history."""
    return not matured_forecasts.is_kept(results)


def _year_ago(panel: Panel, horizon: int) -> float | None:
    """Units in the same days of whole seasons a year before those asked for; None where they are not all known."""
    first = panel.n_days - panel.frequency.year
    units = panel.units[:, max(first, 0) : first + horizon] if first >= 0 else panel.units[:, :0]
    known = ~np.isnan(units)
    if units.shape[1] < horizon or not known.any(axis=0).all():
        return None
    return round(float(np.sum(units[known], dtype=np.float64)), 1)
