"""What the drift of inputs and predictions is looked for in, in a project.

| looked at | held against |
|---|---|
| the newest sales | those that the champion learnt from which forecasts here; without one, those before |
| the newest forecast | those of the backtest's windows, where the backtest is of the same training or settings; else |
| | those that the same model made before |
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
from foresell.models.closed_days import closed_days
from foresell.monitor.checks.check import DriftInputs
from foresell.monitor.drift.detection import DATA, PAGE, DriftResult
from foresell.monitor.drift.samples import DriftSamples, compare_forecasts, compare_sales
from foresell.monitor.drift.series_cycles import drawn
from foresell.pipeline.choice import Choice
from foresell.pipeline.comparison import with_models_of
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.results import Results
from foresell.serving.bundle import PANEL, read_bundle_settings
from foresell.store.history import Kept
from foresell.store.panels import load_panel
from foresell.store.tables import beside


def drift_inputs(results: Results, choice: Choice, learnt: Panel | None = None) -> DriftInputs:
    """What came in after the cutoff of `learnt`, the champion's panel, and the newest forecasts, each with what it is
    held against.

    Without `learnt` the newest days of the project's own panel are compared with those before. Raises UsageError where
    the history is too short to tell what is usual, and StoreError where the files of the model that made the forecasts
    are not to be had.
    """
    settings = results.settings
    reference = results.panel if learnt is None else learnt
    compared = compare_sales(
        reference,
        results.panel,
        days=settings.monitoring.days,
        levels=settings.levels,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )
    forecasts = _forecasts(results, choice)
    return DriftInputs(
        compared if forecasts is None else compared.joined_with(forecasts), learnt=reference, current=results.panel
    )


def champion_panel(results: Results, choice: Choice) -> Panel | None:
    """The panel that the champion learnt from; None where the newest training forecasts (see `pipeline.forecaster`).

    Raises StoreError where the champion's files are not to be had.
    """
    folder = None if choice.version is None else Forecaster.of(results, choice).folder
    return None if folder is None else load_panel(folder / PANEL)


def write_drift(drifted: DriftResult | str, findings: Iterable[Finding], folder: Path) -> None:
    """Puts ``drift.json`` and ``drift.html`` in the place of those that an earlier look left; there are none where
    drift was not looked for, in which case `drifted` says why."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="foresell-drift-") as place:
        if isinstance(drifted, DriftResult):
            drifted.write(Path(place), findings)
        for name in (DATA, PAGE):
            made = Path(place) / name
            if made.exists():
                with beside(folder / name) as new:
                    shutil.copy(made, new)
            else:
                (folder / name).unlink(missing_ok=True)


def _forecasts(results: Results, choice: Choice) -> DriftSamples | None:
    """The newest forecast beside those before, see above; None where one of them is not there."""
    kept = history_of(results).forecasts()
    if not kept or results.panel.day_of(kept[-1].cutoff) >= results.panel.n_days:
        return None
    newest, ranges, settings = (
        _single_series(kept[-1], results),
        _ranges(results, choice, kept[-1].model),
        results.settings,
    )
    tested = (
        _own(kept, results) if ranges is None else results.test_forecasts().partition_by("cutoff", maintain_order=True)
    )
    tested = [each for each in tested if each["step"].max() == newest["step"].max()]
    if not tested:
        return None
    panel = _forecast_series(results.panel, [newest, *tested])
    panel = panel.part(drawn(panel, panel.series, settings.levels, settings.monitoring.sample, settings.seed))
    ends = _ends(settings.output.quantiles, [newest] if ranges else [newest, *tested])
    return compare_forecasts(
        panel,
        [_ranged(each, panel, ranges, ends, settings) if ranges else _forecast(each, panel, ends) for each in tested],
        _forecast(newest, panel, ends),
        levels=settings.levels,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )


def _ranges(results: Results, choice: Choice, model: str) -> Ranges | None:
    """How the errors of `model` scatter, where the backtest in ``results/combine`` tells how it forecasts: it is the
    backtest of its training, or of another by the same settings. None where it is not."""
    trained = results.record("train")
    if results.record("combine") is None:
        return None
    if trained is not None and trained.fingerprint == model:
        return Ranges.load(results.folder("combine") / "scatter.parquet")
    by = Forecaster.of(results, choice) if choice.training == model else None
    if by is None or by.folder is None:
        return None
    learnt = with_models_of(read_bundle_settings(by.folder), results.settings)
    return by.ranges if learnt == results.settings else None


def _own(kept: Sequence[Kept], results: Results) -> list[pl.DataFrame]:
    """What the model of the newest forecast forecast before, in windows that do not overlap; as many as a backtest has,
    the newest first."""
    found: list[pl.DataFrame] = []
    next_, horizon = results.panel.day_of(kept[-1].cutoff), results.settings.horizon
    for each in reversed(kept):
        day = results.panel.day_of(each.cutoff)
        if (
            each.model == kept[-1].model
            and 0 <= day <= next_ - horizon
            and len(found) < results.settings.backtest.windows
        ):
            found.append(_single_series(each, results))
            next_ = day
    return found


def _single_series(kept: Kept, results: Results) -> pl.DataFrame:
    """The rows of the single series of a kept forecast."""
    return kept.read().filter(pl.col("level") == level_name(results.panel.keys))


def _ends(asked: Sequence[float], frames: Sequence[pl.DataFrame]) -> tuple[float, ...]:
    """The ends of the widest range that is asked for; none where one of the tables does not have them."""
    ends = (asked[0], asked[-1]) if len(asked) > 1 else ()
    there = all(quantile_column(each) in frame.columns for each in ends for frame in frames)
    return ends if there else ()


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


def _ranged(rows: pl.DataFrame, panel: Panel, ranges: Ranges, ends: Sequence[float], settings: Settings) -> Forecast:
    """A table of forecasts of the backtest, with the ranges that they would have now."""
    forecast = _forecast(rows, panel, ())
    if not ends:
        return forecast
    past = panel.until(forecast.cutoff)
    hierarchy = Hierarchy.of(panel.keys, settings.levels)
    around = ranges.around(panel.keys, past, hierarchy, closed_days(past, forecast.horizon))
    group, step = np.divmod(np.arange(forecast.mean.size), forecast.horizon)
    found = around.quantiles(forecast.mean.reshape(-1), group, step, ends)
    return forecast.with_quantiles(tuple(ends), found.reshape(len(ends), *forecast.mean.shape))
