"""What a project records in MLflow: each backtest, each search for options, and each training with its model.

Forecasts do not wait for it. Where the store cannot be reached, or MLflow is not installed, the summary of the step
says so, and the step is done again the next time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import StoreError, UsageError
from foresell.core.settings import Settings
from foresell.pipeline import run_record
from foresell.pipeline.layout import TUNE, TUNE_FILES
from foresell.pipeline.task import Task
from foresell.registry.tracking import FINGERPRINT, Run, Tracking, Where, holds, installed
from foresell.registry.versions import Registry
from foresell.serving.bundle import write_bundle
from foresell.serving.pyfunc import portable
from foresell.serving.source import registry_of
from foresell.store.settings_file import plain_settings
from foresell.store.step_results import fingerprint

BACKTEST, TRAINING, TUNING = "backtest", "training", "tuning"
BACKTEST_RUN = "foresell.backtest"


def record(task: Task, folder: Path) -> dict[str, Any]:
    """Records the backtest and what became of its models: settings, metrics by level, tables, drawings."""
    return attempt(task, lambda: _record(task))


def register(task: Task, folder: Path) -> dict[str, Any]:
    """Records the training, and registers the model as a new version."""
    return attempt(task, lambda: _register(task))


def attempt(task: Task, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What came of `work`; where the store does not do its part, why nothing was recorded, as a warning.

    ``recorded`` is None where tracking is switched off. That MLflow is not installed is no warning where nobody asked
    for a store by name.
    """
    if not task.settings.tracking.enabled:
        return {"recorded": None}
    if task.settings.tracking.uri is None and not installed():
        return {"recorded": False, "why": "MLflow is not installed; pip install 'foresell[mlflow]' brings it"}
    try:
        return {"recorded": True, **work()}
    except (StoreError, UsageError) as error:
        said = f"Nothing was recorded. {error} The next run tries again."
        return {"recorded": False, "why": str(error), "warnings_found": [said]}


def lost(task: Task, step: str) -> bool:
    """Whether the step could not record, or what it recorded in the project is gone."""
    told = task.summary(step)
    if told.get("recorded") and task.settings.tracking.enabled:
        return not holds(Where.of(task.base, task.settings.tracking), told["run"])
    return told.get("recorded") is False


def _record(task: Task) -> dict[str, Any]:
    tracking, made_from = tracking_of(task.base, task.settings), _made_from(task, "combine")
    task.tell(0, 1, f"the backtest to {tracking.where.shown}")
    known = tracking.find(BACKTEST, made_from)
    if known is not None:
        return _told(tracking, known.id)
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as place:
        run_record.write_settings(task.settings, Path(place))
        run_record.write_scores(task, Path(place))
        title = f"backtest to {task.summary('check')['last']}"
        run = Run(
            BACKTEST,
            made_from,
            title,
            run_record.origin(task),
            _params(task),
            run_record.kept_metrics(task),
            Path(place),
        )
        with tracking.recording(run) as made:
            pass
    return _told(tracking, made)


def _register(task: Task) -> dict[str, Any]:
    registry = registry_of(task.base, task.settings)
    tracking, made_from = registry.tracking, _made_from(task, "train")
    task.tell(0, 2, f"the training to {tracking.where.shown}")
    known = next((each for each in registry.versions() if each.tags.get(FINGERPRINT) == made_from), None)
    if known is not None:
        if known.run in {each.id for each in tracking.begun(TRAINING)}:  # its process died when the model was there
            tracking.end(known.run)
        return _told(tracking, known.run, registry, known.number)
    tested = tracking.find(BACKTEST, _made_from(task, "combine"))
    tags = run_record.origin(task) | ({BACKTEST_RUN: tested.id} if tested else {})
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as name:
        place = Path(name) / "run"
        place.mkdir()
        run_record.write_settings(task.settings, place)
        run_record.write_scores(task, place)
        run_record.write_drivers(task, place)
        scores = run_record.kept_metrics(task)
        title = f"training to {task.summary('train')['cutoff']}"
        run = Run(TRAINING, made_from, title, tags, _params(task), scores, place)
        with tracking.recording(run) as made:
            task.tell(1, 2, "the model to the registry")
            bundle = Path(name) / "bundle"
            _bundle(task, bundle)
            model = portable(bundle, task.panel, task.settings)
            version = registry.register(made, model, _version_tags(task, tags, scores, made_from))
    return _told(tracking, made, registry, version.number)


def _bundle(task: Task, place: Path) -> None:
    write_bundle(task.base, task.settings, task.results, place)


def _version_tags(task: Task, origin: dict[str, str], scores: dict[str, float], made_from: str) -> dict[str, str]:
    record = task.results.record("train")
    return {
        **{name: value for name, value in origin.items() if name.startswith("foresell.")},
        FINGERPRINT: made_from,
        "foresell.trained": record.finished.isoformat(timespec="seconds") if record else "",
        "foresell.models": ", ".join(task.summary("train")["models"]),
        **({"foresell.wrmsse": f"{scores['wrmsse']:.6f}"} if "wrmsse" in scores else {}),
    }


def record_tuning(task: Task, summary: dict[str, Any]) -> dict[str, Any]:
    """Records a search for better options as it stands; a search that went on since is a run of its own."""
    return attempt(task, lambda: _record_tuning(task, summary))


def _record_tuning(task: Task, summary: dict[str, Any]) -> dict[str, Any]:
    tracking, folder = tracking_of(task.base, task.settings), task.results.folder(TUNE)
    made_from = fingerprint(summary["study"], summary["trials"], summary["confirmed"], summary["changed"])
    known = tracking.find(TUNING, made_from)
    if known is not None:
        return _told(tracking, known.id)
    with tempfile.TemporaryDirectory(prefix="foresell-run-") as name:
        place = Path(name)
        run_record.write_settings(task.settings, place)
        for file in TUNE_FILES:
            if (folder / file).exists() and file.endswith((".csv", ".json")):
                (place / file).write_bytes((folder / file).read_bytes())
        if (folder / "trials.csv").exists():
            run_record.draw_trials(pl.read_csv(folder / "trials.csv", infer_schema_length=None), place)
        title = f"tuning of {summary['model']}, {summary['trials']} trials"
        params = _params(task) | {f"best.{name}": value for name, value in _best_options(summary).items()}
        run = Run(TUNING, made_from, title, run_record.origin(task), params, _tuning_metrics(summary), place)
        with tracking.recording(run) as made:
            pass
    return _told(tracking, made)


def _best_options(summary: dict[str, Any]) -> dict[str, Any]:
    return {} if summary["best"] is None else summary["best"]["options"]


def _tuning_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """WRMSSE of the settings (trial 0) and of the best trial, in the windows of tuning and in those of the backtest."""
    found = {"trials": summary["trials"], "pruned": summary["pruned"], "failed": summary["failed"]}
    for name in ("start", "best"):
        if summary[name] is not None:
            found[f"wrmsse/tuning/{name}"] = summary[name]["wrmsse"]
    for name in ("settings", "tuned"):
        if summary["confirmed"] is not None:
            found[f"wrmsse/backtest/{name}"] = summary["confirmed"][name]
    return found


def tracking_of(folder: Path, settings: Settings) -> Tracking:
    """The runs of the project in `folder`."""
    return Tracking(Where.of(folder, settings.tracking))


def _params(task: Task) -> dict[str, Any]:
    return run_record.flat(plain_settings(task.settings))


def _made_from(task: Task, step: str) -> str:
    record = task.results.record(step)
    if record is None:
        raise UsageError(f"The step {step} of {task.base} is not done. Do it with: foresell run")
    return record.fingerprint


def _told(tracking: Tracking, run: str, registry: Registry | None = None, version: str | None = None) -> dict[str, Any]:
    told = {"run": run, "store": tracking.where.shown, "name": tracking.where.name}
    return told if registry is None else told | {"version": version}
