"""Tuning a project's model: a search that goes on where it was left, a winner that is confirmed, settings that keep it.

It stands beside the steps: `run` does not do it, and what it changes is ``foresell.yaml``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import date
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl
from msgspec.structs import replace

from foresell.core.errors import UsageError
from foresell.core.settings import Settings
from foresell.core.words import change as relative
from foresell.core.words import many, score
from foresell.ensemble.configured_models import models_of, wanted_models
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.search_space import SPACES
from foresell.evaluate.search_study import COMPLETE, PRUNED, Study, Trial, optuna_module
from foresell.evaluate.tuning import SETTINGS as BEFORE
from foresell.evaluate.tuning import TUNED, TuningWindows, confirm, sample_series, tuning_cutoffs
from foresell.models.global_models.model import Pooled
from foresell.onboarding.settings_change import change
from foresell.pipeline.code_fingerprint import code_fingerprint
from foresell.pipeline.progress import Outcome, Pace, Progress
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import CheckSummary, TuneSummary
from foresell.pipeline.task import Task, write_json
from foresell.pipeline.tracked_runs import record_tuning
from foresell.store.settings_file import SETTINGS
from foresell.store.step_results import fingerprint
from foresell.store.tables import is_remote

TRIALS, SAMPLE = 50, 2000
TUNE = TuneSummary.step
CODE = ("core", "features", "models", "evaluate")
"""The code that the trials depend on; when it changes, they begin anew."""

STUDY, TRIALS_FILE, IMPORTANCE, BEST = "study.db", "trials.csv", "importance.csv", "best.json"


@dataclass(frozen=True)
class Tuned(Outcome):
    """What came of a search."""

    summary: TuneSummary


def tune(
    project: Project,
    model: str | None = None,
    *,
    trials: int = TRIALS,
    series: int = SAMPLE,
    minutes: float | None = None,
    write: bool = True,
) -> Tuned:
    """Searches for better options of a model of the settings, and writes them there if they hold.

    `model` is its name in the leaderboard; the first that has options to search where not given. There are `trials` in
    all, those of earlier calls among them, on at most so many `series` drawn at random; none begins after so many
    `minutes`. The best is confirmed on all series in the windows of the backtest, which the search has not seen, and
    with `write` stands in ``foresell.yaml`` if it is better there. Does the step `check` first where it is out of date.

    The search is recorded as an MLflow run; where that cannot be, ``summary.tracking`` says why. Stopped at any
    moment, it keeps the trials that are done, and the same call goes on. Other data, another version of
    foresell or other settings of the model begin a new search in the same file.

    Raises UsageError for a model that cannot be tuned and for a history that is too short.
    """
    project.run("check")
    began = time.monotonic()
    with project.locked():
        found = _Tuning.of(project, model, series)
        try:
            found.search(trials, None if minutes is None else began + 60 * minutes)
        finally:
            found.leave()
        summary = found.conclude(write)
        summary = replace(summary, tracking=record_tuning(found.task, summary))
    return Tuned(TUNE, found.folder, True, round(time.monotonic() - began, 3), summary)


@dataclass
class _Tuning:
    """One call of `tune`: the project's data, the model as it is set, what the trials share, and the study."""

    task: Task
    name: str
    model: Pooled
    trials: TuningWindows
    study: Study
    study_name: str
    begun: int = 0  # trials of earlier calls

    @classmethod
    def of(cls, project: Project, name: str | None, series: int) -> _Tuning:
        settings = project.settings

        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            project.watch(Progress(TUNE, done, total, doing, left))

        optuna_module()  # says so at once where Optuna is not there
        name, model = chosen(settings, name)
        task = Task(settings, project.folder, project.steps, tell)
        tell(0, 1, "drawing rows")
        panel = task.panel
        days = tuning_cutoffs(panel, settings.horizon, settings.backtest.windows, settings.backtest.every)
        part = sample_series(panel, series, settings.seed)
        trials = TuningWindows.of(model, part, settings.horizon, days, task.hierarchy)
        space = trials.space
        data = task.summary(CheckSummary).panel
        asked = (data, part.n_series, settings.horizon, days, settings.levels, settings.seed)
        study_name = f"{name}-{fingerprint(code_fingerprint(CODE), *asked, space.fixed, space.options)}"
        study = Study(project.results.folder(TUNE) / STUDY, study_name, space.options, space.start, settings.seed)
        return cls(task, name, model, trials, study, study_name)

    @property
    def folder(self) -> Path:
        return self.task.folder(TUNE)

    def search(self, count: int, deadline: float | None) -> None:
        """Trials until there are `count`, or it is too late to begin another; the first is that of the settings."""
        self.begun, windows = len(self.study.trials), len(self.trials.cutoffs)
        while len(self.study.trials) < count:
            if self.study.trials and deadline is not None and time.monotonic() >= deadline:
                return
            self.study.run(partial(self._judge, self._pace(count, deadline)), windows)

    def _judge(self, tell: Callable[[float], None], number: int, values: Mapping[str, Any]) -> Iterator[float]:
        return self.trials.window_errors(self.trials.model(number, values), tell)

    def _pace(self, count: int, deadline: float | None) -> Callable[[float], None]:
        """How a trial tells of its windows: what is done, the best so far, and the time that is left."""
        done, best, windows = len(self.study.trials), self.study.best(), len(self.trials.cutoffs)
        doing = f"trial {done + 1}"
        if best is not None:
            first = self.study.trials[0].error
            doing += f", best WRMSSE {score(best.error)} ({relative(best.error / first - 1)} against the settings)"
        took = [trial.seconds for trial in self.study.trials]

        def tell(seen: float) -> None:
            part = seen / windows
            left = fmean(took) * (count - done - part) if took else float("nan")
            if deadline is not None:
                left = min(left, max(deadline - time.monotonic(), 0.0))
            self.task.tell(round(done + part, 1), count, doing, left)

        return tell

    def leave(self) -> None:
        """Writes the tables of the trials that are done."""
        if self.study.trials:
            _put(self.folder / TRIALS_FILE, self._table().write_csv)
            schema = {"option": pl.String, "importance": pl.Float64}
            found = pl.DataFrame(list(self.study.importance().items()), schema=schema, orient="row")
            _put(self.folder / IMPORTANCE, found.write_csv)

    def _table(self) -> pl.DataFrame:
        """One row for each trial: number, state, wrmsse (if complete), that of each window, each option, seconds."""
        windows = [f"wrmsse_{when}" for when in self._dates(self.trials.cutoffs)]
        names = [option.name for option in self.trials.space.options]
        rows = [
            {
                "number": trial.number,
                "state": trial.state,
                "wrmsse": trial.error if trial.state == COMPLETE else None,
                **dict.fromkeys(windows),
                **dict(zip(windows, trial.errors, strict=False)),
                **{name: trial.values.get(name) for name in names},
                "seconds": trial.seconds,
            }
            for trial in self.study.trials
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def _dates(self, days: tuple[int, ...]) -> list[str]:
        return [self.task.panel.until(day).cutoff.isoformat() for day in days]

    def conclude(self, write: bool) -> TuneSummary:
        """Confirms the best trial, writes it into the settings if it holds, and sums up."""
        best, summary = self.study.best(), self._summary()
        if best is not None:
            options = self.trials.space.changed(best.values) if best.number else {}
            known, changed = self._known(best), _plain(options, self.model)
            confirmed, written = None, False
            if options and known.get("changed") != changed:
                confirmed = self._confirmed(best, options)
            elif known:  # not asked twice about the same two; or the settings have the best already
                changed, confirmed = known["changed"], known["confirmed"]
            if options and write and confirmed is not None and confirmed["holds"]:
                self._write(best, options, confirmed)
                written = True
            summary = replace(
                summary,
                best=self._told(best),
                changed=changed,
                confirmed=confirmed,
                written=written,
                in_settings=written or not options,
            )
        evidence = {
            "study": summary.study,
            "best": summary.best,
            "changed": summary.changed,
            "confirmed": summary.confirmed,
        }
        _put(self.folder / BEST, lambda place: write_json(place, evidence))
        _put(self.folder / "summary.json", lambda place: write_json(place, summary.to_dict()))
        return summary

    def _known(self, best: Trial) -> dict[str, Any]:
        """What an earlier call concluded of the same trial; empty where there was none."""
        try:
            known = json.loads((self.folder / BEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        same = known["study"] == self.study_name and (known["best"] or {}).get("number") == best.number
        return known if same else {}

    def _summary(self) -> TuneSummary:
        """What was searched, on what, and how far it is."""
        trials, states = self.study.trials, [trial.state for trial in self.study.trials]
        first = trials[0] if trials and trials[0].state == COMPLETE else None
        return TuneSummary(
            model=self.name,
            study=self.study_name,
            trials=len(trials),
            new=len(trials) - self.begun,
            pruned=states.count(PRUNED),
            failed=len(states) - states.count(PRUNED) - states.count(COMPLETE),
            former=sum(self.study.others.values()) if not self.begun else 0,
            series=self.trials.panel.n_series,
            of_series=self.task.panel.n_series,
            rows=self.trials.rows,
            windows=self._dates(self.trials.cutoffs[::-1]),
            seconds_in_trials=round(sum(trial.seconds for trial in trials), 1),
            start=None if first is None else {"number": 0, "wrmsse": first.error, "by_window": first.errors[::-1]},
            importance=self.study.importance(),
        )

    def _told(self, trial: Trial) -> dict[str, Any]:
        space = self.trials.space
        options = (
            space.written(trial.values)
            if trial.number
            else {each.name: getattr(self.model, each.name) for each in space.options}
        )
        return {
            "number": trial.number,
            "wrmsse": trial.error,
            "by_window": list(trial.errors[::-1]),
            "options": _listed(options),
        }

    def _confirmed(self, best: Trial, options: Mapping[str, Any]) -> dict[str, Any]:
        """The settings and the best trial, on all series, in the windows of the backtest."""
        of, panel = self.task.settings, self.task.panel
        weights = of.backtest.weights
        days = cutoffs(panel, of.horizon, of.backtest.windows, of.backtest.every)

        pace = Pace((BEFORE, TUNED), len(days))

        def tell(done: float, total: int, doing: str) -> None:
            self.task.tell(round(done, 1), total, f"confirming trial {best.number}: {doing}", pace.left(done))

        found = confirm(
            panel,
            self.model,
            replace_fields(self.model, **options),
            of.horizon,
            days,
            self.task.hierarchy,
            weights=None if weights is None else weights if is_remote(weights) else self.task.base / weights,
            progress=tell,
        )
        means = {name: fmean(found[name].to_list()) for name in (BEFORE, TUNED)}
        return {
            "windows": found["cutoff"].cast(pl.String).to_list(),
            "series": panel.n_series,
            "by_window": {name: found[name].to_list() for name in (BEFORE, TUNED)},
            **means,
            "better_in": int((found[TUNED] < found[BEFORE]).sum()),
            "holds": means[TUNED] < means[BEFORE],
        }

    def _write(self, best: Trial, options: Mapping[str, Any], confirmed: Mapping[str, Any]) -> None:
        """Writes the options into the settings, with the evidence."""
        first, part = self.study.trials[0], self.trials.panel.n_series
        whole = "" if part == self.task.panel.n_series else f" on {part:,} series"
        why = (
            f"{date.today()}: {self.name}, WRMSSE {score(first.error)} -> {score(best.error)} in "
            f"{many(len(self.trials.cutoffs), 'window')} of tuning{whole}, {score(confirmed[BEFORE])} -> "
            f"{score(confirmed[TUNED])} in the backtest's windows, {many(len(self.study.trials), 'trial')}"
        )
        settings = self.task.settings
        place = list(models_of(settings)).index(self.name)
        change(self.task.base / SETTINGS, settings, wanted_models(settings), place, _listed(options), why)


def chosen(settings: Settings, name: str | None = None) -> tuple[str, Pooled]:
    """The model of the settings to tune, the first that can be where no name is given.

    Raises UsageError where there is none, or the one of that name has no options to search.
    """
    models = models_of(settings)
    able = {
        each: model for each, model in models.items() if isinstance(model, Pooled) and isinstance(model, tuple(SPACES))
    }
    if name is None and able:
        return next(iter(able.items()))
    if name is not None and name in able:
        return name, able[name]
    there = f"of its models {', '.join(able)} can be tuned" if able else "none of its models can be tuned"
    if name is None:
        raise UsageError(f"There is nothing to tune: {there}. Add lightgbm to 'models' in {SETTINGS}.")
    if name in models:
        raise UsageError(f"The model '{name}' has no options to search; {there}.")
    raise UsageError(f"{SETTINGS} has no model '{name}'; {there}. Add '{name}' to 'models' there to tune it.")


def _listed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain data."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _plain(options: Mapping[str, Any], model: Pooled) -> dict[str, dict[str, Any]]:
    """For each option what the settings have and what the best trial has."""
    after = _listed(options)
    before = _listed({name: getattr(model, name) for name in options})
    return {name: {BEFORE: before[name], TUNED: after[name]} for name in after}


def _put(path: Path, write: Callable[[Path], None]) -> None:
    """A file that is written whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    write(beside)
    beside.replace(path)
