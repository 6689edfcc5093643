"""Everything that `foresell monitor` writes to the tables of the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from foresell.core.finding import Finding
from foresell.evaluate.weights import compute_weights
from foresell.monitor.accuracy import MADE, daily_schema
from foresell.pipeline.matured_forecasts import Matured, history_of, matured
from foresell.pipeline.registry_history import TIME
from foresell.pipeline.results import Results
from foresell.store.history import History, KeptForecast

_LABELS: dict[str, Any] = {"version": pl.String, "model": pl.String, MADE: TIME}

Tell = Callable[[float, str], None]
"""A callback for progress: takes how many of four parts are done, and what is being done."""


@dataclass(frozen=True)
class Versions:
    """The number of each registered model, by the fingerprint of its training."""

    numbers: Mapping[str, str]

    def name(self, model: str) -> str:
        """The version of a model: its number, or the beginning of its fingerprint where it is not registered."""
        return self.numbers.get(model, f"unregistered-{model[:8]}")


@dataclass(frozen=True)
class ForecastHistory:
    """The forecasts of a project and their accuracy.

    - `kept`: the forecasts that are kept, oldest first.
    - `matured`: those of them with sales that have come in and are of use.
    - `daily`: the day sums of all forecasts, also of those that were removed since: the table ``accuracy``.
    """

    kept: tuple[KeptForecast, ...]
    matured: tuple[Matured, ...]
    daily: pl.DataFrame


def first_newest_day(results: Results) -> int:
    """Index of the first of the newest days, the days that monitoring judges."""
    panel = results.panel
    return max(panel.n_days - panel.frequency.periods(results.settings.monitoring.days), 0)


def update_day_sums(results: Results, versions: Versions, tell: Tell) -> ForecastHistory:
    """Joins the kept forecasts with the sales, and writes their day sums to the table ``accuracy`` of the history."""
    history = history_of(results)
    kept, table = history.forecasts(), history.table("accuracy")
    joined = _matured(results, kept, last_days(table), tell)
    labelled = [_labelled(forecast, versions) for forecast in joined]
    if labelled:
        daily = history.put("accuracy", pl.concat(labelled), ["model", "cutoff"])
    else:
        schema = daily_schema(results.panel.frequency.date_type)
        daily = pl.DataFrame(schema={**_LABELS, **schema}) if table is None else table
    return ForecastHistory(tuple(kept), tuple(joined), daily)


def record_findings(history: History, findings: Sequence[Finding], as_of: date) -> None:
    """Writes the findings to the table ``findings``, in place of earlier ones of the same last day of sales."""
    rows = [{**finding.to_dict(), "examples": "; ".join(finding.examples)} for finding in findings]
    schema = {"code": pl.String, "severity": pl.String, "where": pl.String, "count": pl.Int64, "message": pl.String}
    table = pl.DataFrame(rows, schema=schema | {"examples": pl.String, "advice": pl.String}, orient="row")
    history.replace("findings", table.select(pl.lit(as_of).alias("as_of"), pl.all()), "as_of", as_of)


def last_days(daily: pl.DataFrame | None) -> dict[tuple[str, date], date]:
    """The last day of each forecast in a table of day sums, by model and cutoff."""
    if daily is None:
        return {}
    last = daily.group_by("model", "cutoff").agg(pl.col("date").max())
    return {(model, cutoff): day for model, cutoff, day in last.iter_rows()}


def _matured(
    results: Results, kept: Sequence[KeptForecast], recorded: Mapping[tuple[str, date], date], tell: Tell
) -> list[Matured]:
    """The forecasts with days among the newest, or days that the history lacks, joined with the sales."""
    panel, hierarchy, settings = results.panel, results.hierarchy, results.settings
    first = first_newest_day(results)
    place = {forecast: panel.day_of(forecast.cutoff) for forecast in kept}
    wanted = [
        forecast
        for forecast, day in place.items()
        if 0 <= day < panel.n_days - 1
        and (day + settings.horizon >= first or _has_new_days(forecast, recorded, panel.cutoff))
    ]
    days = sorted({place[forecast] for forecast in wanted})
    weights = dict(zip(days, compute_weights(panel, hierarchy, days), strict=True)) if days else {}
    joined = []
    for number, forecast in enumerate(wanted):
        tell(0.1 + 1.9 * number / len(wanted), f"the forecast of {forecast.cutoff}")
        at = weights[place[forecast]]
        joined.append(matured(forecast, panel, hierarchy, first, at, settings.backtest.segments))
    return [forecast for forecast in joined if forecast is not None]


def _has_new_days(forecast: KeptForecast, recorded: Mapping[tuple[str, date], date], last: date) -> bool:
    """Whether sales have come in for a day of the forecast that the history lacks."""
    until = recorded.get((forecast.model, forecast.cutoff))
    return until is None or until < min(forecast.last, last)


def _labelled(forecast: Matured, versions: Versions) -> pl.DataFrame:
    """The day sums of a forecast, with the version, the model and the time that it was made."""
    kept = forecast.kept
    labels = {"version": versions.name(kept.model), "model": kept.model, MADE: kept.made}
    return forecast.daily.select(*(pl.lit(labels[name], kind).alias(name) for name, kind in _LABELS.items()), pl.all())
