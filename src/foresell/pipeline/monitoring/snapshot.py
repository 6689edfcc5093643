"""A snapshot of a project's forecasts: what was kept of them, what has come in since, and what is judged.

Judged is the newest forecast of which a whole block (a week, `bounds.block_of`) has come in. It is judged by its own
days only, beside the backtest of its own model. A younger forecast waits for its sales. An older one is not judged
again: a retraining may have answered its errors since, and errors that remain show in the newer forecast too. Slow
drift is looked for over all forecasts, each week by the one that was in use when it began.
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
from foresell.pipeline.monitoring.logged_predictions import LOG, Answered, answered
from foresell.pipeline.results import Results
from foresell.store.history import Kept
from foresell.store.tables import read_table

BASELINE = "baseline.json"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that monitoring knows of a project at one moment; nothing in it is computed or written when it is read.

    - `results`: what the steps left; `folder`: where monitoring writes to.
    - `size`: periods of a block; `first`: index of the first of the newest days; `bottom`: level of the single series.
    - `kept`, `matured`: forecasts that were kept, and those that have come in, the oldest first.
    - `daily`: day sums of all forecasts; `newest`: those of the newest days.
    - `judged`: the forecast that is judged; `own`: its day sums on the newest days; None and empty where there is none.
    - `reference`, `baseline`: what is usual, and what was accepted as good; None where that is not known.
    - `answers`: what was asked for over HTTP about the newest days.
    - `accuracy`, `weeks`: the tables ``accuracy`` and ``by_week``, see `graph.BESIDE`.
    """

    results: Results
    versions: Versions
    folder: Path
    size: int
    first: int
    bottom: str
    kept: tuple[Kept, ...]
    matured: tuple[Matured, ...]
    daily: pl.DataFrame
    newest: pl.DataFrame
    judged: Matured | None
    own: pl.DataFrame
    reference: Reference | None
    baseline: Baseline | None
    answers: Answered
    accuracy: pl.DataFrame
    weeks: pl.DataFrame

    @property
    def settings(self) -> Settings:
        return self.results.settings

    @property
    def panel(self) -> Panel:
        return self.results.panel

    def without(self, removed: Sequence[Kept]) -> Snapshot:
        """The snapshot once some of the kept forecasts were removed."""
        return replace(self, kept=tuple(forecast for forecast in self.kept if forecast not in removed))

    def due(self, kept: Kept) -> date:
        """The day whose sales let a forecast be judged: the last of its first block."""
        days: list[date] = kept.read()["date"].unique().sort().to_list()
        return days[min(self.size, len(days)) - 1]

    def check_data(self, drift_inputs: DriftInputs | str) -> CheckData:
        """What the checks read; `samples` is what drift of inputs is looked for in, or why there is none."""
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
        return JudgedForecast(name, self.own, self.judged.worst)


def take_snapshot(results: Results, versions: Versions, forecasts: ForecastHistory) -> Snapshot:
    """What is known of the forecasts now. It reads the history and writes nothing."""
    panel, settings, daily = results.panel, results.settings, forecasts.daily
    size, first = block_of(panel.frequency, settings.horizon), first_newest_day(results)
    newest = daily.filter(pl.col("date") >= pl.lit(panel.dates[first]).cast(pl.Date))
    judged = next((one for one in reversed(forecasts.matured) if _known_days(_own(newest, one)) >= size), None)
    reference = None if judged is None else _reference(results, judged.kept.model, size)
    place = settings.serving.log or LOG
    answers = answered(place, results.base, panel, first)
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
        answers=answers,
        accuracy=accuracy_table(history_of(results), newest, forecasts.matured, answers, panel, settings),
        weeks=by_week(daily, dates, size, ("total", bottom), usual),
    )


def _own(newest: pl.DataFrame, forecast: Matured) -> pl.DataFrame:
    """The day sums of one forecast on the newest days."""
    return newest.filter((pl.col("model") == forecast.kept.model) & (pl.col("cutoff") == forecast.kept.cutoff))


def _known_days(own: pl.DataFrame) -> int:
    """On how many days something of the total is known."""
    rows = added_up(own.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total")), NODE)
    return 0 if rows.is_empty() else int(rows["days"][0])


def _reference(results: Results, model: str, size: int) -> Reference | None:
    """What is usual, by the backtest of a model; None where that was not kept."""
    daily = history_of(results).backtest(model)
    if daily is None:
        return None
    cutoffs = daily["cutoff"].unique().sort()
    span = results.panel.day_of(cutoffs[-1]) - results.panel.day_of(cutoffs[0])
    horizon = int(daily["step"].max())  # type: ignore[arg-type]
    windows = min(len(cutoffs), 1 + span / horizon)
    return learn_reference(daily, size, windows, nominal_of(results.settings.output.quantiles))
