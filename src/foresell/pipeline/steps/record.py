"""The step `record`: the backtest kept as a run in MLflow.

Forecasts do not wait for it. Where the store cannot be reached, or MLflow is not installed, the summary says so, and
the step is done again the next time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from foresell.pipeline import run_record
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, RecordSummary
from foresell.pipeline.task import Task
from foresell.pipeline.tracked_runs import BACKTEST, attempt, is_lost, made_from, parameters, recorded, tracking_of
from foresell.registry.tracking import Run


def run(task: Task, folder: Path) -> RecordSummary:
    """Records the backtest and what became of its models: settings, metrics by level, tables, drawings."""
    return attempt(task, RecordSummary, lambda: _record(task))


def lost(results: Results) -> bool:
    """Whether the run could not be recorded, or is gone."""
    return is_lost(results, RecordSummary)


def _record(task: Task) -> RecordSummary:
    tracking, fingerprint = tracking_of(task), made_from(task, "combine")
    task.tell(0, 1, f"the backtest to {tracking.where.shown}")
    known = tracking.find(BACKTEST, fingerprint)
    if known is not None:
        return recorded(RecordSummary, tracking, known.id)
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as name:
        place = Path(name)
        run_record.write_settings(task.settings, place)
        run_record.write_scores(task, place)
        title = f"backtest to {task.summary(CheckSummary).last}"
        origin = run_record.origin(task)
        with tracking.recording(
            Run(BACKTEST, fingerprint, title, origin, parameters(task), task.metrics, place)
        ) as run_id:
            pass
    return recorded(RecordSummary, tracking, run_id)
