"""The step `register`: the training kept as a run in MLflow, and its model as a new version in the registry.

Forecasts do not wait for it, as they do not for `record`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from foresell.pipeline import run_record
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import RegisterSummary, TrainSummary
from foresell.pipeline.task import Task
from foresell.pipeline.tracked_runs import (
    BACKTEST,
    TRAINING,
    attempt,
    is_lost,
    made_from,
    parameters,
    recorded,
)
from foresell.registry.tracking import FINGERPRINT, Run
from foresell.registry.versions import Version
from foresell.serving.bundle import write_bundle
from foresell.serving.pyfunc import portable
from foresell.serving.source import registry_of

BACKTEST_RUN = "foresell.backtest"


def run(task: Task, folder: Path) -> RegisterSummary:
    """Records the training, and registers the model as a new version."""
    return attempt(task, RegisterSummary, lambda: _register(task))


def lost(results: Results) -> bool:
    """Whether the training could not be recorded, or its run is gone."""
    return is_lost(results, RegisterSummary)


def _register(task: Task) -> RegisterSummary:
    registry = registry_of(task.base, task.settings)
    tracking, fingerprint = registry.tracking, made_from(task, "train")
    task.tell(0, 2, f"the training to {tracking.where.shown}")
    versions = registry.versions()
    known = next((version for version in versions if version.tags.get(FINGERPRINT) == fingerprint), None)
    if known is not None:
        if known.run in {begun.id for begun in tracking.begun(TRAINING)}:  # its process died when the model was there
            tracking.end(known.run)
        return recorded(RegisterSummary, tracking, known.run, version=known.number)
    backtest = tracking.find(BACKTEST, made_from(task, "combine"))
    origin = run_record.origin(task) | ({BACKTEST_RUN: backtest.id} if backtest else {})
    tags = _version_tags(task, origin, fingerprint)
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as name:
        place = Path(name) / "run"
        place.mkdir()
        run_record.write_settings(task.settings, place)
        run_record.write_scores(task, place)
        run_record.write_drivers(task, place)
        title = f"training to {task.summary(TrainSummary).cutoff}"
        with tracking.recording(
            Run(TRAINING, fingerprint, title, origin, parameters(task), task.metrics, place)
        ) as run_id:
            task.tell(1, 2, "the model to the registry")
            bundle = Path(name) / "bundle"
            write_bundle(task.base, task.settings, task.steps, bundle)
            number = registry.register(run_id, portable(bundle, task.panel, task.settings), tags).number
    return recorded(RegisterSummary, tracking, run_id, version=number, same_as=_same_as(versions, tags))


def _version_tags(results: Results, origin: dict[str, str], fingerprint: str) -> dict[str, str]:
    record, metrics = results.record("train"), results.metrics
    return {
        **{name: value for name, value in origin.items() if name.startswith("foresell.")},
        FINGERPRINT: fingerprint,
        "foresell.trained": record.finished.isoformat(timespec="seconds") if record else "",
        "foresell.models": ", ".join(results.summary(TrainSummary).models),
        **({"foresell.wrmsse": f"{metrics['wrmsse']:.6f}"} if "wrmsse" in metrics else {}),
    }


def _same_as(versions: Iterable[Version], tags: Mapping[str, str]) -> str | None:
    """The newest version before with the same data, models and score: other code has trained the same model again."""
    names = ("foresell.data", "foresell.models", "foresell.wrmsse")
    return next(
        (version.number for version in versions if all(version.tags.get(name) == tags.get(name) for name in names)),
        None,
    )
