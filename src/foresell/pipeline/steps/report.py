"""The report, filled with what the other steps left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from foresell.core.forecast import quantile_column
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import level_name
from foresell.core.version import VERSION
from foresell.core.words import blend, many, set_by_hand, ways
from foresell.ensemble.configured_models import wanted_models
from foresell.ensemble.sum_scores import coverage_of_sums
from foresell.evaluate.calibration import calibration
from foresell.evaluate.diagnosis import diagnose
from foresell.evaluate.diagnosis_findings import diagnosis_findings
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.pipeline.drivers import drivers_of
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, CombineSummary, ReportSummary, TuneSummary
from foresell.pipeline.task import Task
from foresell.report.contents import LostSales, Report, Tuning
from foresell.report.page import write
from foresell.report.series_examples import data_summary, series_examples
from foresell.report.series_finder import series_finder
from foresell.serving.reasons import importance, reasons_of
from foresell.store.address import DEFAULT_DATABASE, mask
from foresell.store.settings_file import SETTINGS


def run(task: Task, folder: Path) -> ReportSummary:
    """Writes the page that a planner reads."""
    task.tell(0, 2, "gathering")
    content = contents(task)
    task.tell(1, 2, "drawing")
    write(folder / "report.html", content)
    return ReportSummary(page=str(task.folder("report") / "report.html"), stories=len(content.examples))


def contents(task: Task) -> Report:
    """All that stands in the report, from the results of the other steps."""
    forecaster, tested = Forecaster.of(task, task.forecaster_choice), task.scores()
    probabilities = task.settings.output.quantiles
    forecasts = Forecasts.from_frame(task.forecasts, task.panel, task.hierarchy, probabilities)
    errors = task.test_forecasts()
    diagnosis = diagnose(errors, task.panel, task.hierarchy)
    calibrated = calibration(task.quantile_trials.filter(pl.col("level") != ALL_LEVELS))
    drivers = drivers_of(forecaster.champion, task.features)
    return Report(
        title=f"Sales forecast: {task.base.resolve().name}",
        made=datetime.now().astimezone(),
        version=VERSION,
        horizon=task.settings.horizon,
        champion=forecaster.champion.name,
        data=data_summary(task.panel, task.hierarchy, task.summary(CheckSummary).rows),
        examples=series_examples(task.panel, task.hierarchy, forecasts.by_level, errors),
        series=series_finder(task.panel, task.hierarchy, forecasts.by_level),
        findings=tuple(task.findings),
        leaderboard=tested.leaderboard(),
        about_leaderboard=task.summary(CombineSummary).about_leaderboard(),
        levels=tested.levels,
        segments=tested.segments,
        steps=tested.steps,
        bias=diagnosis.bias,
        bias_by_level=diagnosis.levels,
        correlation=diagnosis.correlation,
        calibration=calibrated,
        sums=coverage_of_sums(task.sum_trials),
        diagnosis_findings=tuple(diagnosis_findings(diagnosis, task.panel.frequency, calibrated)),
        tuning=_tuning(task),
        drivers=drivers,
        reasons=importance(drivers, reasons_of(task.features, task.panel.frequency)),
        settings=_settings(forecaster),
        places=_places(task),
        lost=_lost(task),
        left_out=_left_out(forecaster, task.forecaster_choice.warnings),
        frequency=task.panel.frequency,
    )


def _tuning(results: Results) -> Tuning | None:
    """The last search for better options; None where there was none."""
    folder, summary = results.folder(TuneSummary.step), results.find_summary(TuneSummary)
    if summary is None:
        return None
    trials = pl.read_csv(folder / "trials.csv", glob=False, infer_schema_length=None)
    option_importance = pl.read_csv(
        folder / "importance.csv", glob=False, schema={"option": pl.String, "importance": pl.Float64}
    )
    return Tuning(summary, trials, option_importance)


def _settings(forecaster: Forecaster) -> dict[str, str]:
    """What was set, and who forecasts, in words."""
    results, combination = forecaster.results, forecaster.champion.combination
    settings, noun, by_model = results.settings, results.panel.frequency.noun, combination.series_by_model
    every = settings.backtest.every or settings.horizon
    return {
        "Sales": settings.data.sales,
        "Series": level_name(results.hierarchy.bottom),
        "Levels": ", ".join(level_name(level) for level in results.hierarchy.levels),
        "Horizon": f"{many(settings.horizon, noun)}",
        "Models": ", ".join(model.name for model in wanted_models(settings)),
        "Forecast by": f"{forecaster.label}, which learnt from sales up to {forecaster.learnt_to}",
        "Ensemble": blend(combination.blend.weights.to_dicts()),
        **({"Models of series": set_by_hand(by_model)} if any(by_model.values()) else {}),
        "Totals": ways(dict(combination.reconciliation.shares)),
        "Features": f"{len(results.used)} of {len(results.features)}",
        "Backtest": f"{many(settings.backtest.windows, 'window')}, {many(every, noun)} apart",
        "Quantiles": ", ".join(f"{probability:g}" for probability in settings.output.quantiles),
    }


def _places(results: Results) -> dict[str, str]:
    """Where the results lie, by what they are."""

    def near(step: str, name: str) -> str:
        return str((results.folder(step) / name).relative_to(results.base))

    return {
        "Forecasts": near("forecast", "forecasts.parquet"),
        "Forecasts in SQL": f"{mask(results.settings.output.database or DEFAULT_DATABASE)}, table forecasts",
        "Test forecasts": near("combine", "forecasts/"),
        "Scores": near("combine", "leaderboard.csv"),
        "Findings": near("check", "findings.json"),
        "Bad rows": near("check", "quarantine.csv"),
        "Features": near("features", "catalogue.csv"),
        "Settings": SETTINGS,
    }


def _lost(results: Results) -> LostSales | None:
    """What `check` estimated of demand that was lost."""
    checked = results.summary(CheckSummary)
    return LostSales(checked.days_stocked_out, checked.units_lost) if checked.days_stocked_out else None


def _left_out(forecaster: Forecaster, warnings: Sequence[str]) -> tuple[str, ...]:
    """What the reader should know is not in the numbers; `warnings` are those about who forecasts."""
    results, notes = forecaster.results, list(warnings)
    checked = results.summary(CheckSummary)
    if forecaster.version is not None and forecaster.training != results.training():
        notes.append(
            f"The forecast, its ranges and its reasons are those of {forecaster.label}. The errors of the backtest "
            "are those of the newest training, which was not promoted."
        )
    if checked.quarantined:
        notes.append(
            f"{checked.quarantined:,} entries for bad rows of the data are in the quarantine file and in none of "
            "the numbers here."
        )
    probabilities = results.settings.output.quantiles
    if probabilities:
        lowest, highest = quantile_column(probabilities[0]), quantile_column(probabilities[-1])
        notes.append(
            f"The ranges ({lowest} to {highest}) come from the errors of the backtest; what never happened in its "
            "windows, such as a new competitor, is not in them."
        )
    return tuple(notes)
