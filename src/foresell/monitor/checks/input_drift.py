"""Drift of inputs and predictions: do sales, prices, assortment and forecasts still look like those of the training?

The distances and their limits are those of `monitor.drift`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from foresell.core.errors import ForesellError
from foresell.core.finding import Code, Finding, Severity, finding_of
from foresell.core.settings import Settings
from foresell.monitor.checks.check import Budget, Check, CheckData, DriftInputs, Topic
from foresell.monitor.drift.detection import ALL, DriftResult, detect_drift, new_values
from foresell.monitor.drift.samples import DriftColumn, DriftSamples

BUDGET = Budget("inputs", 15)

CODES = {
    "drifted-columns": Code(
        Severity.ERROR,
        "More columns than 'monitoring.drifted_share' allows look unlike those of the training, season and trend "
        "aside.",
        "See what changed in drift.html. If the data are wrong, correct them; if the business has changed: "
        "foresell retrain",
    ),
    "drifted-input": Code(
        Severity.WARNING,
        "Sales, prices, promotions or the assortment look unlike those of the training, season and trend aside.",
        "Find out whether the data changed (units of measure, a feed that broke) or the business did. Correct the "
        "data; else: foresell retrain",
    ),
    "predictions-drifted": Code(
        Severity.WARNING,
        "The newest forecasts look unlike earlier ones (of the backtest, or of the same model), level and season of "
        "the series aside.",
        "See which inputs have changed too, and ask for the reasons of a forecast that looks odd with: "
        "foresell explain",
    ),
    "new-values": Code(
        Severity.WARNING,
        "A column has values that were not there when the model was trained.",
        "Correct them if they are typing errors; else: foresell retrain",
    ),
}


def _run(data: CheckData, rates: Mapping[Budget, float]) -> DriftResult | str:
    """The drift of each column, or a text that says why drift was not looked for."""
    if isinstance(data.drift_inputs, str):
        return data.drift_inputs
    try:
        return find_drift(data.drift_inputs.samples, data.settings, rates[BUDGET])
    except ForesellError as error:
        return str(error)


def find_drift(samples: DriftSamples, settings: Settings, false_alarms: float) -> DriftResult:
    """The drift of each column, with limits from the settings. Raises NotInstalled where Evidently is not installed."""
    return detect_drift(
        samples,
        share=settings.monitoring.drifted_share,
        false_alarms=false_alarms,
        sample=settings.monitoring.sample,
        seed=settings.seed,
    )


def column_findings(result: DriftResult) -> list[Finding]:
    """A finding for each column that drifted, over all series or in a segment, and one more if too many drifted."""
    findings = []
    worst = result.table.filter("drifted").with_columns(far=pl.col("distance") / pl.col("threshold"))
    worst = worst.sort("far", descending=True)
    for column in result.columns:
        rows = worst.filter(pl.col("column") == column.name)
        if rows.height:
            code = "predictions-drifted" if column.predicted else "drifted-input"
            count = max(rows["series"].to_list())
            findings.append(finding_of(CODES, code, column.name, count, _sentence(column, rows), _examples(rows)))
    overall = result.table.filter(pl.col("segment") == ALL)
    if result.share > result.allowed:
        names = overall.filter("drifted")["column"].to_list()
        message = f"{len(names)} of {overall.height} columns have drifted, more than {result.allowed:.0%}"
        findings.append(finding_of(CODES, "drifted-columns", "inputs and forecasts", len(names), message, names))
    return findings


def _findings(data: CheckData, result: DriftResult | str) -> list[Finding]:
    if isinstance(result, str) or isinstance(data.drift_inputs, str):
        return []
    return [*column_findings(result), *new_value_findings(data.drift_inputs)]


def new_value_findings(inputs: DriftInputs) -> list[Finding]:
    """A finding for each column with values that were not there when the model was trained."""
    findings = []
    for new in new_values(inputs.learnt, inputs.current):
        message = f"{new.series} series have {len(new.values)} values that were not there when the model was trained"
        findings.append(finding_of(CODES, "new-values", new.column, new.series, message, new.values))
    return findings


def _sentence(column: DriftColumn, rows: pl.DataFrame) -> str:
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


def _summary(result: DriftResult | str) -> dict[str, Any]:
    if isinstance(result, str):
        return {"inputs": {"why": result}}
    return {"inputs": {"share": result.share, "removed": result.removed}}


CHECK = Check(
    "inputs",
    "Do inputs and forecasts look like those of the training?",
    Topic.INPUTS,
    CODES,
    (BUDGET,),
    _run,
    _findings,
    retrain=frozenset({"drifted-columns", "drifted-input", "new-values"}),
    summary=_summary,
)
