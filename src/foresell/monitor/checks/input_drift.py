"""Drift of inputs and predictions: do sales, prices, the assortment and forecasts still look like those that the model
learnt from? The distances and their limits are those of `monitor.drift`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from foresell.core.errors import ForesellError
from foresell.core.finding import Code, Finding, Severity, finding_of
from foresell.core.settings import Settings
from foresell.monitor.checks.check import Budget, Check, CheckData, DriftSamples, Topic
from foresell.monitor.drift.detection import ALL, Drifted, drift, new_values
from foresell.monitor.drift.samples import Column, Compared

BUDGET = Budget("inputs", 15)

CODES = {
    "drifted-columns": Code(
        Severity.ERROR,
        "More columns than 'monitoring.drifted_share' allows look unlike those that the model learnt from, season and "
        "trend aside.",
        "Look at drift.html for what changed. If the data are wrong, correct them; if the business has changed: "
        "foresell retrain",
    ),
    "drifted-input": Code(
        Severity.WARNING,
        "Sales, prices, promotions or the assortment look unlike those that the model learnt from, season and trend "
        "aside.",
        "Find out whether the data changed (units of measure, a feed that broke) or the business did. Correct the "
        "data; else: foresell retrain",
    ),
    "predictions-drifted": Code(
        Severity.WARNING,
        "The newest forecasts look unlike those before (of the backtest, or of the same model), against the level and "
        "season of the series.",
        "See what in the inputs has changed too, and ask for the reasons of a forecast that looks odd with: "
        "foresell explain",
    ),
    "new-values": Code(
        Severity.WARNING,
        "Values of a column are there that the model has not learnt from.",
        "Correct them where they are slips of the pen; else: foresell retrain",
    ),
}


def _run(data: CheckData, rates: Mapping[Budget, float]) -> Drifted | str:
    """The drift of each column; a text says why it was not looked for."""
    if isinstance(data.samples, str):
        return data.samples
    try:
        return find_drift(data.samples.compared, data.settings, rates[BUDGET])
    except ForesellError as error:
        return str(error)


def find_drift(compared: Compared, settings: Settings, false_alarms: float) -> Drifted:
    """The drift of each column, with the limits of the settings. Raises UsageError where Evidently is not installed."""
    return drift(
        compared,
        share=settings.monitoring.drifted_share,
        false_alarms=false_alarms,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )


def column_findings(drifted: Drifted) -> list[Finding]:
    """One for each column that drifted, over all series or somewhere; one for all where too many did."""
    findings = []
    worst = drifted.table.filter("drifted").with_columns(far=pl.col("distance") / pl.col("threshold"))
    worst = worst.sort("far", descending=True)
    for column in drifted.columns:
        rows = worst.filter(pl.col("column") == column.name)
        if rows.height:
            code = "predictions-drifted" if column.predicted else "drifted-input"
            count = max(rows["series"].to_list())
            findings.append(finding_of(CODES, code, column.name, count, _sentence(column, rows), _examples(rows)))
    overall = drifted.table.filter(pl.col("segment") == ALL)
    if drifted.share > drifted.allowed:
        names = overall.filter("drifted")["column"].to_list()
        message = f"{len(names)} of {overall.height} columns have drifted, more than {drifted.allowed:.0%}"
        findings.append(finding_of(CODES, "drifted-columns", "inputs and forecasts", len(names), message, names))
    return findings


def _findings(data: CheckData, drifted: Drifted | str) -> list[Finding]:
    if isinstance(drifted, str) or isinstance(data.samples, str):
        return []
    return [*column_findings(drifted), *new_value_findings(data.samples)]


def new_value_findings(samples: DriftSamples) -> list[Finding]:
    """One for each column with values that the model has not learnt from."""
    findings = []
    for new in new_values(samples.learnt, samples.current):
        message = f"{new.series} series have {len(new.values)} values that were not there when the model was trained"
        findings.append(finding_of(CODES, "new-values", new.column, new.series, message, new.values))
    return findings


def _sentence(column: Column, rows: pl.DataFrame) -> str:
    everywhere = rows.filter(pl.col("segment") == ALL)
    where = "over all series" if everywhere.height else f"in {rows.height} segment{'s' * (rows.height > 1)}"
    figures = _before_and_now((everywhere if everywhere.height else rows).row(0, named=True))
    return f"{column.meaning} has changed {where}: {figures}"


def _examples(rows: pl.DataFrame) -> list[str]:
    segments = rows.filter(pl.col("segment") != ALL).head(5).to_dicts()
    return [f"{row['by']} {row['segment']}: {_before_and_now(row)}" for row in segments]


def _before_and_now(row: dict[str, Any]) -> str:
    """The figure before and now, such as ``0.98, was 1.02``."""
    values = [("not known" if row[name] is None else f"{row[name]:.3g}") for name in ("now", "before")]
    of = f"{row['kind']} " if row["kind"] is not None else ""
    return f"{of}{values[0]}, was {values[1]}"


def _summary(drifted: Drifted | str) -> dict[str, Any]:
    if isinstance(drifted, str):
        return {"inputs": {"why": drifted}}
    return {"inputs": {"share": drifted.share, "removed": drifted.removed}}


CHECK = Check(
    "inputs",
    "Do inputs and forecasts look like those that the model learnt from?",
    Topic.INPUTS,
    CODES,
    (BUDGET,),
    _run,
    _findings,
    retrain=frozenset({"drifted-columns", "drifted-input", "new-values"}),
    summary=_summary,
)
