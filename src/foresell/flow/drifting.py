"""What drift is looked for in, in a project: its newest sales and forecasts, and what its champion learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.core.forecast import Forecast, quantile_column
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.flow.project import Project
from foresell.flow.service.bundle import PANEL, read_manifest
from foresell.flow.service.source import registry_of
from foresell.flow.steps import Task
from foresell.models.closing import closed_days
from foresell.monitor.compared import Compared, compare_forecasts, compare_sales
from foresell.monitor.drift import Drifted, drift, new_values
from foresell.monitor.rows import drawn
from foresell.store.panels import load_panel
from foresell.store.tables import read_table


def drift_of(task: Task, learnt: Panel | None = None) -> Drifted:
    """Drift of what came in after the cutoff of `learnt`, the champion's panel, and of the newest forecasts.

    Without `learnt` the newest days of the project's own panel are compared with those before. Forecasts are compared
    where there are some, with those of the backtest's windows. Raises UsageError where Evidently is not installed or
    the history is too short to tell what is usual.
    """
    settings, watched = task.settings, task.settings.monitoring
    reference = task.panel if learnt is None else learnt
    compared = compare_sales(
        reference,
        task.panel,
        days=watched.days,
        levels=settings.levels,
        sample=watched.sample,
        seed=settings.seed,
    )
    forecasts = _forecasts(task)
    if forecasts is not None:
        compared = compared.beside(forecasts)
    found = drift(
        compared,
        share=watched.drifted_share,
        false_alarms=watched.false_alarms,
        sample=watched.sample,
        seed=settings.seed,
    )
    return replace(found, findings=(*found.findings, *new_values(reference, task.panel)))


def champion_panel(project: Project) -> Panel | None:
    """The panel that the champion was trained on; None where the project has no registry or no champion in it.

    Raises StoreError where the registry cannot be reached, and UnreadableFile where the champion's files are damaged.
    """
    if not project.settings.tracking.enabled:
        return None
    registry = registry_of(project.folder, project.settings)
    champion = registry.champion()
    return None if champion is None else load_panel(registry.fetch(champion.number, read_manifest) / PANEL)


def _forecasts(task: Task) -> Compared | None:
    """The newest forecasts beside those of the backtest; None where one of them is not there."""
    made = task.results.folder("forecast") / "forecasts.parquet"
    if not made.exists() or task.results.record("combine") is None:
        return None
    settings = task.settings
    bottom = read_table(made).filter(pl.col("level") == level_name(task.panel.keys))
    tested = task.tested()
    panel, horizon = _forecast_series(task.panel, [bottom, tested]), int(bottom["step"].max() or 0)  # type: ignore[arg-type]
    rows = drawn(panel, panel.series, settings.levels, settings.monitoring.sample, settings.seed)
    panel = panel.part(rows)
    ends = (settings.output.quantiles[0], settings.output.quantiles[-1]) if len(settings.output.quantiles) > 1 else ()
    newest = _forecast(bottom, panel, ends)
    ranges = Ranges.load(task.results.folder("combine") / "scatter.parquet") if ends else None
    before = [
        _ranged(_forecast(part, panel, ()), panel, ranges, ends, settings)
        for part in tested.partition_by("cutoff", maintain_order=True)
        if part["step"].max() == horizon
    ]
    if panel.day_of(newest.cutoff) >= panel.n_days or not before:
        return None
    return compare_forecasts(
        panel, before, newest, levels=settings.levels, sample=settings.monitoring.sample, seed=settings.seed
    )


def _forecast_series(panel: Panel, frames: Sequence[pl.DataFrame]) -> Panel:
    """The panel of those series that all the tables have."""
    keys = pl.col(panel.keys).cast(pl.String)  # tables on disk have them as categories
    there = panel.series.select(keys).with_row_index("__row")
    for frame in frames:
        there = there.join(frame.select(keys).unique(), on=list(panel.keys), how="semi", maintain_order="left")
    return panel.part(there["__row"].to_numpy())


def _forecast(rows: pl.DataFrame, panel: Panel, ends: Sequence[float]) -> Forecast:
    """A table of forecasts of one cutoff for the series of `panel`, in its order."""
    keys = pl.col(panel.keys).cast(pl.String)
    named = panel.series.select(keys).with_row_index("__row")
    placed = named.join(rows.with_columns(keys), on=list(panel.keys), how="left")
    placed = placed.sort("__row", "step")
    shape = (panel.n_series, placed.height // max(panel.n_series, 1))
    cutoff: date = placed["cutoff"][0]
    dates = placed["date"].head(shape[1]).to_numpy().astype("datetime64[D]")
    mean = placed["mean"].to_numpy().reshape(shape).astype(np.float32)
    made = Forecast(panel.series, panel.keys, cutoff, dates, mean)
    if not ends:
        return made
    columns = [placed[quantile_column(each)].to_numpy().reshape(shape).astype(np.float32) for each in ends]
    return made.with_quantiles(tuple(ends), np.stack(columns))


def _ranged(
    forecast: Forecast, panel: Panel, ranges: Ranges | None, ends: Sequence[float], settings: Settings
) -> Forecast:
    """A forecast of the backtest with the ranges that it would have now."""
    if ranges is None:
        return forecast
    past = panel.until(forecast.cutoff)
    hierarchy = Hierarchy.of(panel.keys, settings.levels)
    around = ranges.around(panel.keys, past, hierarchy, closed_days(past, forecast.horizon))
    group, step = np.divmod(np.arange(forecast.mean.size), forecast.horizon)
    found = around.quantiles(forecast.mean.reshape(-1), group, step, ends)
    return forecast.with_quantiles(tuple(ends), found.reshape(len(ends), *forecast.mean.shape))
