"""The samples of a project in which drift of inputs and predictions is looked for.

| sample | is compared with |
|---|---|
| the newest sales | the sales that the champion was trained on; without a champion, the sales before |
| the newest forecast | the forecasts of the backtest, if it is of the same training or the same settings; otherwise |
| | earlier forecasts of the same model |
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast, quantile_column
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.ensemble.configured_models import with_models_of
from foresell.models.closed_days import closed_days
from foresell.monitor.checks.check import DriftInputs
from foresell.monitor.drift.detection import DATA, PAGE, DriftResult
from foresell.monitor.drift.samples import DriftSamples, compare_forecasts, compare_sales
from foresell.monitor.drift.series_cycles import drawn
from foresell.pipeline.choice import Choice
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.results import Results
from foresell.serving.bundle import PANEL, read_bundle_settings
from foresell.store.history import KeptForecast
from foresell.store.panels import load_panel
from foresell.store.tables import atomic_path


def drift_inputs(results: Results, choice: Choice, learnt: Panel | None = None) -> DriftInputs:
    """The sales after the cutoff of `learnt`, the champion's panel, and the newest forecasts, with their references.

    Without `learnt` the newest days of the project's own panel are compared with those before. Raises UsageError where
    the history is too short to know what is usual, and StoreError where the files of the model that made the forecasts
    cannot be read.
    """
    settings = results.settings
    reference = results.panel if learnt is None else learnt
    samples = compare_sales(
        reference,
        results.panel,
        days=results.panel.frequency.periods(settings.monitoring.days),
        levels=settings.levels,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )
    forecasts = _forecasts(results, choice)
    return DriftInputs(
        samples if forecasts is None else samples.joined_with(forecasts), learnt=reference, current=results.panel
    )


def champion_panel(results: Results, choice: Choice) -> Panel | None:
    """The panel that the champion was trained on; None where the newest training forecasts (`pipeline.forecaster`).

    Raises StoreError where the champion's files cannot be read.
    """
    folder = None if choice.version is None else Forecaster.of(results, choice).folder
    return None if folder is None else load_panel(folder / PANEL)


def write_drift(result: DriftResult | str, findings: Iterable[Finding], folder: Path) -> None:
    """Replaces ``drift.json`` and ``drift.html`` of an earlier run. They are removed where drift was not looked for, in
    which case `result` is a text that says why."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="foresell-drift-") as temporary:
        if isinstance(result, DriftResult):
            result.write(Path(temporary), findings)
        for name in (DATA, PAGE):
            written = Path(temporary) / name
            if written.exists():
                with atomic_path(folder / name) as new:
                    shutil.copy(written, new)
            else:
                (folder / name).unlink(missing_ok=True)


def _forecasts(results: Results, choice: Choice) -> DriftSamples | None:
    """The newest forecast and its references, see above; None where one of them is missing."""
    kept, settings = history_of(results).forecasts(), results.settings
    if not kept or results.panel.day_of(kept[-1].cutoff) >= results.panel.n_days:
        return None
    newest, ranges = _single_series(kept[-1], results), _ranges(results, choice, kept[-1].model)
    tested = (
        _own(kept, results) if ranges is None else results.test_forecasts().partition_by("cutoff", maintain_order=True)
    )
    tested = [rows for rows in tested if rows["step"].max() == newest["step"].max()]
    if not tested:
        return None
    panel = _forecast_series(results.panel, [newest, *tested])
    panel = panel.part(drawn(panel, panel.series, settings.levels, settings.monitoring.sample, settings.seed))
    ends = _ends(settings.output.quantiles, [newest] if ranges else [newest, *tested])
    return compare_forecasts(
        panel,
        [_ranged(rows, panel, ranges, ends, settings) if ranges else _forecast(rows, panel, ends) for rows in tested],
        _forecast(newest, panel, ends),
        levels=settings.levels,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )


def _ranges(results: Results, choice: Choice, model: str) -> Ranges | None:
    """The ranges of `model`, where ``results/combine`` is the backtest of its training, or of another training with the
    same settings; else None."""
    trained = results.record("train")
    if results.record("combine") is None:
        return None
    if trained is not None and trained.fingerprint == model:
        return Ranges.load(results.folder("combine") / "scatter.parquet")
    forecaster = Forecaster.of(results, choice) if choice.training == model else None
    if forecaster is None or forecaster.folder is None:
        return None
    trained_with = with_models_of(read_bundle_settings(forecaster.folder), results.settings)
    return forecaster.ranges if trained_with == results.settings else None


def _own(kept: Sequence[KeptForecast], results: Results) -> list[pl.DataFrame]:
    """Earlier forecasts of the newest forecast's model that do not overlap, newest first; no more than a backtest has
    windows."""
    forecasts: list[pl.DataFrame] = []
    next_day = results.panel.day_of(kept[-1].cutoff)
    for forecast in reversed(kept):
        day = results.panel.day_of(forecast.cutoff)
        if (
            forecast.model == kept[-1].model
            and 0 <= day <= next_day - results.settings.horizon
            and len(forecasts) < results.settings.backtest.windows
        ):
            forecasts.append(_single_series(forecast, results))
            next_day = day
    return forecasts


def _single_series(kept: KeptForecast, results: Results) -> pl.DataFrame:
    """The rows of the single series of a kept forecast."""
    return kept.read().filter(pl.col("level") == level_name(results.panel.keys))


def _ends(probabilities: Sequence[float], frames: Sequence[pl.DataFrame]) -> tuple[float, ...]:
    """The ends of the widest range of `probabilities`; none where one of the tables lacks them."""
    ends = (probabilities[0], probabilities[-1]) if len(probabilities) > 1 else ()
    present = all(quantile_column(end) in frame.columns for end in ends for frame in frames)
    return ends if present else ()


def _forecast_series(panel: Panel, frames: Sequence[pl.DataFrame]) -> Panel:
    """The part of the panel with the series that all tables have."""
    keys = pl.col(panel.keys).cast(pl.String)  # tables on disk have them as categories
    rows = panel.series.select(keys).with_row_index("__row")
    for frame in frames:
        rows = rows.join(frame.select(keys).unique(), on=list(panel.keys), how="semi", maintain_order="left")
    return panel.part(rows["__row"].to_numpy())


def _forecast(rows: pl.DataFrame, panel: Panel, ends: Sequence[float]) -> Forecast:
    """The forecasts of one cutoff in a table, for the series of `panel`, in its order."""
    keys = pl.col(panel.keys).cast(pl.String)
    named = panel.series.select(keys).with_row_index("__row")
    placed = named.join(rows.with_columns(keys), on=list(panel.keys), how="left").sort("__row", "step")
    shape = (panel.n_series, placed.height // max(panel.n_series, 1))
    cutoff: date = placed["cutoff"][0]
    dates = placed["date"].head(shape[1]).to_numpy()
    mean = placed["mean"].to_numpy().reshape(shape).astype(np.float32)
    forecast = Forecast(panel.series, panel.keys, cutoff, dates, mean)
    if not ends:
        return forecast
    quantiles = [placed[quantile_column(end)].to_numpy().reshape(shape).astype(np.float32) for end in ends]
    return forecast.with_quantiles(tuple(ends), np.stack(quantiles))


def _ranged(rows: pl.DataFrame, panel: Panel, ranges: Ranges, ends: Sequence[float], settings: Settings) -> Forecast:
    """The forecasts of a backtest's window, with the ranges that they would have now."""
    forecast = _forecast(rows, panel, ())
    if not ends:
        return forecast
    past = panel.until(forecast.cutoff)
    hierarchy = Hierarchy.of(panel.keys, settings.levels)
    of_series = ranges.of_level(panel.keys, past, hierarchy, closed_days(past, forecast.horizon))
    group, step = np.divmod(np.arange(forecast.mean.size), forecast.horizon)
    quantiles = of_series.quantiles(forecast.mean.reshape(-1), group, step, ends)
    return forecast.with_quantiles(tuple(ends), quantiles.reshape(len(ends), *forecast.mean.shape))
