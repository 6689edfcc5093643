"""The report, filled with what the other steps left."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.forecast import quantile_column
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import level_name
from foresell.core.version import VERSION
from foresell.core.words import blend, ways
from foresell.ensemble.configured_models import wanted_models
from foresell.evaluate.calibration import calibration
from foresell.evaluate.diagnosis import diagnose
from foresell.evaluate.diagnosis_findings import diagnosis_findings
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.pipeline.forecaster import Forecaster, chosen
from foresell.pipeline.layout import DATABASE, TUNE
from foresell.pipeline.steps.learning import drivers_of
from foresell.pipeline.task import Task, read_summary
from foresell.report.contents import Lost, Report, Tuning
from foresell.report.page import write
from foresell.report.series_examples import found, stories
from foresell.serving.reasons import importance, reasons_of
from foresell.store.address import mask
from foresell.store.settings_file import SETTINGS
from foresell.store.tables import read_table


def report(task: Task, folder: Path) -> dict[str, Any]:
    """Writes the page that a planner reads."""
    task.tell(0, 2, "gathering")
    content = contents(task)
    task.tell(1, 2, "drawing")
    write(folder / "report.html", content)
    return {"page": str(task.results.folder("report") / "report.html"), "stories": len(content.stories)}


def contents(task: Task) -> Report:
    """All that stands in the report, from the results of the other steps."""
    forecaster, tested = Forecaster.of(task), task.scores()
    probabilities = task.settings.output.quantiles
    table = read_table(task.results.folder("forecast") / "forecasts.parquet")
    made = Forecasts.from_frame(table, task.panel, task.hierarchy, probabilities)
    errors = task.tested()
    diagnosis = diagnose(errors, task.panel, task.hierarchy)
    counted = read_table(task.results.folder("combine") / "quantiles.parquet")
    calibrated = calibration(counted.filter(pl.col("level") != ALL_LEVELS))
    drivers = drivers_of(forecaster.champion, task.features)
    return Report(
        title=f"Sales forecast: {task.base.resolve().name}",
        made=datetime.now().astimezone(),
        version=VERSION,
        horizon=task.settings.horizon,
        champion=forecaster.champion.name,
        found=found(task.panel, task.hierarchy, task.summary("check")["rows"]),
        stories=stories(task.panel, task.hierarchy, made.by_level, errors),
        findings=tuple(task.findings()),
        leaderboard=tested.leaderboard(),
        levels=tested.levels,
        segments=tested.segments,
        steps=tested.steps,
        bias=diagnosis.bias,
        leaning=diagnosis.levels,
        correlation=diagnosis.correlation,
        calibration=calibrated,
        symptoms=tuple(diagnosis_findings(diagnosis, task.panel.frequency, calibrated)),
        tuning=_tuning(task),
        drivers=drivers,
        reasons=importance(drivers, reasons_of(task.features, task.panel.frequency)),
        settings=_settings(forecaster),
        places=_places(task),
        lost=_lost(task),
        left_out=_left_out(forecaster),
        frequency=task.panel.frequency,
    )


def _tuning(task: Task) -> Tuning | None:
    """What the last search for better options left; None where there was none."""
    folder = task.results.folder(TUNE)
    summary = read_summary(folder)
    if not summary:
        return None
    trials = pl.read_csv(folder / "trials.csv", infer_schema_length=None)
    mattered = pl.read_csv(folder / "importance.csv", schema={"option": pl.String, "importance": pl.Float64})
    return Tuning(summary, trials, mattered)


def _settings(forecaster: Forecaster) -> dict[str, str]:
    """What was set, and who forecasts, in words."""
    task, combination = forecaster.task, forecaster.champion.combination
    settings, noun = task.settings, task.panel.frequency.noun
    every = settings.backtest.every or settings.horizon
    return {
        "Sales": settings.data.sales,
        "Series": level_name(task.hierarchy.bottom),
        "Levels": ", ".join(level_name(level) for level in task.hierarchy.levels),
        "Horizon": f"{settings.horizon} {noun}s",
        "Models": ", ".join(model.name for model in wanted_models(settings)),
        "Forecast by": f"{forecaster.called}, which learnt from sales up to {forecaster.learnt_to}",
        "Ensemble": blend(combination.blend.weights.to_dicts()),
        "Totals": ways(dict(combination.reconciliation.shares)),
        "Features": f"{len(task.used)} of {len(task.features)}",
        "Backtest": f"{settings.backtest.windows} windows, {every} {noun}s apart",
        "Quantiles": ", ".join(f"{probability:g}" for probability in settings.output.quantiles),
    }


def _places(task: Task) -> dict[str, str]:
    """Where the results lie, by what they are."""
    results = task.results

    def near(step: str, name: str) -> str:
        return str((results.folder(step) / name).relative_to(task.base))

    return {
        "Forecasts": near("forecast", "forecasts.parquet"),
        "Forecasts in SQL": f"{mask(task.settings.output.database or DATABASE)}, table forecasts",
        "Test forecasts": near("combine", "forecasts/"),
        "Scores": near("combine", "leaderboard.csv"),
        "Findings": near("check", "findings.json"),
        "Bad rows": near("check", "quarantine.csv"),
        "Features": near("features", "catalogue.csv"),
        "Settings": SETTINGS,
    }


def _lost(task: Task) -> Lost | None:
    """What `check` estimated of demand that was lost."""
    checked = task.summary("check")
    return Lost(checked["days_stocked_out"], checked["units_lost"]) if checked["days_stocked_out"] else None


def _trained_last(task: Task) -> str | None:
    """The fingerprint of the newest training."""
    record = task.results.record("train")
    return None if record is None else record.fingerprint


def _left_out(forecaster: Forecaster) -> tuple[str, ...]:
    """What the reader should know is not in the numbers."""
    task = forecaster.task
    checked, said = task.summary("check"), list(chosen(task).warnings)
    if forecaster.version is not None and forecaster.training != _trained_last(task):
        said.append(
            f"The forecast, its ranges and its reasons are those of {forecaster.called}. The errors of the backtest "
            "are those of the newest training, which was not promoted."
        )
    if checked["quarantined"]:
        said.append(
            f"{checked['quarantined']:,} entries for bad rows of the data are in the quarantine file and in none of "
            "the numbers here."
        )
    probabilities = task.settings.output.quantiles
    if probabilities:
        lowest, highest = quantile_column(probabilities[0]), quantile_column(probabilities[-1])
        said.append(
            f"The ranges ({lowest} to {highest}) come from the errors of the backtest; what never happened in its "
            "windows, such as a new competitor, is not in them."
        )
    return tuple(said)
