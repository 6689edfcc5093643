"""The MLflow runs of a project: each backtest, training and search for options.

A forecast does not depend on them. Where the store cannot be reached, or MLflow is not installed, the summary of the
step says so, and the next run does the step again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import missing
from foresell.core.words import many
from foresell.pipeline import run_record
from foresell.pipeline.graph import BESIDE, TUNE
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import RecordSummary, TuneSummary
from foresell.pipeline.task import Task
from foresell.registry.tracking import Run, Tracking
from foresell.registry.tracking_store import Where, holds
from foresell.store.settings_file import plain_settings
from foresell.store.step_results import fingerprint

BACKTEST, TRAINING, TUNING = "backtest", "training", "tuning"

R = TypeVar("R", bound=RecordSummary)


def attempt(results: Results, kind: type[R], work: Callable[[], R]) -> R:
    """The summary that `work` returns; where nothing can be recorded, a summary with the reason as a warning.

    ``recorded`` is None where tracking is switched off. A missing MLflow is no warning where the settings name no
    store.
    """
    if not results.settings.tracking.enabled:
        return kind(recorded=None)
    if results.settings.tracking.uri is None and missing("mlflow"):
        return kind(recorded=False, why="the extra 'mlflow' is not installed")
    try:
        return work()
    except (StoreError, UsageError) as error:
        warning = f"Nothing was recorded. {error} The next run tries again."
        return kind(recorded=False, why=str(error), warnings_found=[warning])


def is_lost(results: Results, kind: type[RecordSummary]) -> bool:
    """Whether the step of that kind could not record, or its run in the project's own database is gone.

    While the extra is not installed, there is nothing to try again.
    """
    summary = results.find_summary(kind)
    if summary is None:
        return False
    if summary.recorded and results.settings.tracking.enabled:
        try:
            return not holds(Where.of(results.base, results.settings.tracking), summary.run)
        except StoreError:  # a database that another process has locked still has the run, as far as is known
            return False
    return summary.recorded is False and not (summary.is_left_out and missing("mlflow"))


def record_tuning(task: Task, summary: TuneSummary) -> RecordSummary:
    """Records a search for better options; a search that was continued since is recorded as a run of its own."""
    return attempt(task, RecordSummary, lambda: _record_tuning(task, summary))


def _record_tuning(task: Task, summary: TuneSummary) -> RecordSummary:
    tracking, folder = tracking_of(task), task.folder(TUNE)
    made_from = fingerprint(summary.study, summary.trials, summary.confirmed, summary.changed)
    earlier = tracking.find(TUNING, made_from)
    if earlier is not None:
        return recorded(RecordSummary, tracking, earlier.id)
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as name:
        place = Path(name)
        run_record.write_settings(task.settings, place)
        for file in BESIDE[TUNE]:
            if (folder / file).exists() and file.endswith((".csv", ".json")):
                (place / file).write_bytes((folder / file).read_bytes())
        if (folder / "trials.csv").exists():
            run_record.draw_trials(pl.read_csv(folder / "trials.csv", glob=False, infer_schema_length=None), place)
        title = f"tuning of {summary.model}, {many(summary.trials, 'trial')}"
        best_options = {} if summary.best is None else summary.best.options
        params = parameters(task) | {f"best.{name}": value for name, value in best_options.items()}
        run = Run(TUNING, made_from, title, run_record.origin(task), params, _tuning_metrics(summary), place)
        with tracking.recording(run) as id_:
            pass
    return recorded(RecordSummary, tracking, id_)


def _tuning_metrics(summary: TuneSummary) -> dict[str, float]:
    """The WRMSSE of the settings (trial 0) and of the best trial, in the windows of tuning and of the backtest."""
    metrics: dict[str, float] = {
        "trials": summary.trials,
        "pruned": summary.pruned,
        "failed": summary.failed,
    }
    for name, trial in (("start", summary.start), ("best", summary.best)):
        if trial is not None:
            metrics[f"wrmsse/tuning/{name}"] = trial.wrmsse
    for name in ("settings", "tuned"):
        if summary.confirmed is not None:
            metrics[f"wrmsse/backtest/{name}"] = getattr(summary.confirmed, name)
    return metrics


def tracking_of(results: Results) -> Tracking:
    """The store of the project's runs."""
    return Tracking(Where.of(results.base, results.settings.tracking))


def parameters(results: Results) -> dict[str, Any]:
    """The settings as parameters of a run."""
    return run_record.flat(plain_settings(results.settings))


def made_from(results: Results, step: str) -> str:
    """The fingerprint of a step, which names its run. Raises UsageError where it is not done."""
    record = results.record(step)
    if record is None:
        raise UsageError(f"The step {step} of {results.base} is not done. Do it with: foresell run")
    return record.fingerprint


def recorded(kind: type[R], tracking: Tracking, run: str, **more: Any) -> R:
    """The summary of a step that recorded `run`."""
    return kind(recorded=True, run=run, store=tracking.where.shown, name=tracking.where.name, **more)
