"""The step `forecast`: the model that forecasts here (`forecaster`) asked with the newest sales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from foresell.adjust.reconciliation import all_levels
from foresell.core.forecasts import Forecasts
from foresell.core.panel import Panel
from foresell.pipeline import matured_forecasts
from foresell.pipeline.forecaster import Forecaster, chosen
from foresell.pipeline.task import Task
from foresell.store.tables import write_table


def forecast(task: Task, folder: Path) -> dict[str, Any]:
    """Forecasts with the model that does so here: mean and quantiles for all levels, as one table."""
    task.tell(0, 3, "the single series")
    forecaster = Forecaster.of(task)
    bottom, ranges = forecaster.champion.forecast(task.panel), forecaster.ranges
    task.tell(1, 3, "ranges for all levels")
    levels = all_levels(bottom, task.panel.series, task.hierarchy)
    asked = task.settings.output.quantiles
    made = Forecasts(ranges.apply(levels, task.panel, task.hierarchy, asked, rounded=False))
    task.tell(2, 3, "writing")
    matured_forecasts.keep(forecaster, made)
    frame = matured_forecasts.rounded(made, ranges.whole).to_frame()
    write_table(frame, folder / "forecasts.parquet")
    return {
        **forecaster.told(),
        "cutoff": made.total.cutoff.isoformat(),
        "first": str(made.total.dates[0]),
        "last": str(made.total.dates[-1]),
        "levels": len(levels),
        "series": sum(each.series.height for each in levels.values()),
        "rows": frame.height,
        "units": round(float(np.sum(made.total.mean, dtype=np.float64)), 1),
        "units_a_year_ago": _year_ago(task.panel, task.settings.horizon),
        "table": str(task.results.folder("forecast") / "forecasts.parquet"),
        "warnings_found": chosen(task).warnings,
    }


def _year_ago(panel: Panel, horizon: int) -> float | None:
    """Units in the same days of whole seasons a year before those asked for; None where they are not all known."""
    first = panel.n_days - panel.frequency.year
    units = panel.units[:, max(first, 0) : first + horizon] if first >= 0 else panel.units[:, :0]
    known = ~np.isnan(units)
    if units.shape[1] < horizon or not known.any(axis=0).all():
        return None
    return round(float(np.sum(units[known], dtype=np.float64)), 1)
