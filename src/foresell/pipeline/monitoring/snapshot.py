"""A snapshot of a project's forecasts: the forecasts that were kept, the sales since, and the forecast that is judged.

The judged forecast is the newest one for which the sales of a whole block (a week, `bounds.block_of`) have come in. It
is judged on its own days only, and compared with the backtest of its own model. A newer forecast waits for its sales.
An older one is not judged again: a retraining may have mended its errors since, and errors that remain show in the
newer forecast too. Slow drift is looked for over all forecasts, each week in the one that was in use when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from foresell.core.hierarchy import level_name
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.monitor.accuracy import LEVEL, NODE, added_up
from foresell.monitor.baseline import Baseline, read_baseline
from foresell.monitor.bounds import block_of
from foresell.monitor.check_results import learn_reference
from foresell.monitor.checks.check import CheckData, DriftInputs, JudgedForecast
from foresell.monitor.checks.judging import Reference
from foresell.monitor.weekly import by_week
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.matured_forecasts import Matured, history_of, nominal_of
from foresell.pipeline.monitoring.accuracy_table import accuracy_table
from foresell.pipeline.monitoring.history_update import ForecastHistory, Versions, first_newest_day
from foresell.pipeline.monitoring.logged_predictions import LOG, LoggedPredictions, read_logged_predictions
from foresell.pipeline.results import Results
from foresell.store.history import KeptForecast
from foresell.store.tables import read_table

BASELINE = "baseline.json"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What monitoring knows of a project at one moment. Reading an attribute computes and writes nothing.

    - `results`: the results of the steps. `folder`: where monitoring writes its own.
    - `size`: periods of a block. `first`: index of the first of the newest days. `bottom`: level of the single series.
    - `kept`, `matured`: the forecasts that are kept, and those of them whose sales have come in, oldest first.
    - `daily`: the day sums of all forecasts. `newest`: those of the newest days.
    - `judged`: the forecast that is judged; None where there is none. `own`: its day sums on the newest days.
    - `reference`, `baseline`: the usual figures and the accepted ones; None where they are not known.
    - `predictions`: the API's predictions for the newest days.
    - `accuracy`, `weeks`: the tables ``accuracy`` and ``by_week``, see `graph.BESIDE`.
    """

    results: Results
    versions: Versions
    folder: Path
    size: int
    first: int
    bottom: str
    kept: tuple[KeptForecast, ...]
    matured: tuple[Matured, ...]
    daily: pl.DataFrame
    newest: pl.DataFrame
    judged: Matured | None
    own: pl.DataFrame
    reference: Reference | None
    baseline: Baseline | None
    predictions: LoggedPredictions
    accuracy: pl.DataFrame
    weeks: pl.DataFrame

    @property
    def settings(self) -> Settings:
        return self.results.settings

    @property
    def panel(self) -> Panel:
        return self.results.panel

    def without(self, removed: Sequence[KeptForecast]) -> Snapshot:
        """The snapshot after some of the kept forecasts were removed."""
        return replace(self, kept=tuple(forecast for forecast in self.kept if forecast not in removed))

    def due(self, kept: KeptForecast) -> date:
        """The last day of the forecast's first block, from whose sales on the forecast can be judged."""
        days: list[date] = kept.read()["date"].unique().sort().to_list()
        return days[min(self.size, len(days)) - 1]

    def judged_days(self) -> tuple[date, date, int]:
        """The first and last of the days on which the forecast is judged, and their number. There must be one."""
        days = self.own.filter(pl.col("points") > 0)["date"].unique().sort()
        return days[0], days[-1], len(days)

    def check_data(self, drift_inputs: DriftInputs | str) -> CheckData:
        """The data for the checks. `drift_inputs` is what drift is looked for in, or says why there is nothing."""
        return CheckData(
            settings=self.settings,
            panel=self.panel,
            hierarchy=self.results.hierarchy,
            first=self.first,
            block=self.size,
            judged=self._judged_forecast(),
            reference=self.reference,
            baseline=self.baseline,
            daily=self.daily,
            lost=read_table(self.results.folder("check") / "lost_demand.parquet"),
            drift_inputs=drift_inputs,
        )

    def _judged_forecast(self) -> JudgedForecast | None:
        if self.judged is None:
            return None
        kept = self.judged.kept
        name = f"version {self.versions.name(kept.model)}, forecast of {kept.cutoff}"
        return JudgedForecast(name, self.own, self.judged.worst, self.judged.series)


def take_snapshot(results: Results, versions: Versions, forecasts: ForecastHistory) -> Snapshot:
    """The snapshot of now. It reads the history and writes nothing."""
    panel, settings, daily = results.panel, results.settings, forecasts.daily
    size, first = block_of(panel.frequency, settings.horizon), first_newest_day(results)
    newest = daily.filter(pl.col("date") >= pl.lit(panel.dates[first]).cast(panel.frequency.date_type))
    judged = next(
        (forecast for forecast in reversed(forecasts.matured) if _known_days(_own(newest, forecast)) >= size), None
    )
    reference = None if judged is None else _reference(results, judged.kept.model, size)
    place = settings.serving.log or LOG
    predictions = read_logged_predictions(place, results.base, panel, first)
    bottom = level_name(results.hierarchy.bottom)
    dates = panel.dates[: panel.n_days].astype(object).tolist()
    usual = {} if reference is None else reference.usual
    folder = results.folder(MONITOR)
    return Snapshot(
        results=results,
        versions=versions,
        folder=folder,
        size=size,
        first=first,
        bottom=bottom,
        kept=forecasts.kept,
        matured=forecasts.matured,
        daily=daily,
        newest=newest,
        judged=judged,
        own=newest.clear() if judged is None else _own(newest, judged),
        reference=reference,
        baseline=read_baseline(folder / BASELINE),
        predictions=predictions,
        accuracy=accuracy_table(history_of(results), newest, forecasts.matured, predictions, panel, settings),
        weeks=by_week(daily, dates, size, ("total", bottom), usual),
    )


def _own(newest: pl.DataFrame, forecast: Matured) -> pl.DataFrame:
    """The day sums of one forecast on the newest days."""
    return newest.filter((pl.col("model") == forecast.kept.model) & (pl.col("cutoff") == forecast.kept.cutoff))


def _known_days(own: pl.DataFrame) -> int:
    """The number of days on which sales of the total are known."""
    rows = added_up(own.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total")), NODE)
    return 0 if rows.is_empty() else int(rows["days"][0])


def _reference(results: Results, model: str, size: int) -> Reference | None:
    """The usual figures in the backtest of a model; None where that backtest was not kept."""
    daily = history_of(results).backtest(model)
    if daily is None:
        return None
    cutoffs = daily["cutoff"].unique().sort()
    span = results.panel.day_of(cutoffs[-1]) - results.panel.day_of(cutoffs[0])
    horizon = int(daily["step"].max())  # type: ignore[arg-type]
    windows = min(len(cutoffs), 1 + span / horizon)
    return learn_reference(daily, size, windows, nominal_of(results.settings.output.quantiles))
