"""The search for better options of a project's model, which continues where the last call ended.

The best trial is confirmed in the windows of the backtest and then written into ``foresell.yaml``. The search is no
step: `run` does not do it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import date
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.settings import Settings
from foresell.core.words import change as relative
from foresell.core.words import many, score
from foresell.ensemble.configured_models import models_of, wanted_models
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.search_record import Confirmation, OptionChange, TrialRecord
from foresell.evaluate.search_space import SPACES
from foresell.evaluate.search_study import COMPLETE, PRUNED, Study, Trial, optuna_module
from foresell.evaluate.tuning import SETTINGS as BEFORE
from foresell.evaluate.tuning import TUNED, TuningWindows, confirm, sample_series, tuning_cutoffs
from foresell.models.global_models.model import GlobalModel
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
    """The outcome of a search."""

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

    `model` is the model's name in the leaderboard; without it, the first model that can be tuned is taken. `trials`
    counts those of earlier calls too. They are tried on at most `series` series, drawn at random; no trial begins after
    `minutes`. The best trial is confirmed on all series in the windows of the backtest, which the search has not seen.
    If it is better there, and with `write`, it is written into ``foresell.yaml``. The step `check` is done first where
    it is out of date.

    The search is recorded as an MLflow run; ``summary.tracking`` says why where it cannot be. A search that is stopped
    keeps the trials that are done, and the same call continues it. Other data, another version of foresell or other
    settings of the model begin a new search in the same file.

    Raises UsageError for a model that cannot be tuned and for a history that is too short.
    """
    project.run("check")
    began = time.monotonic()
    with project.locked():
        search = _Search.of(project, model, series)
        try:
            search.run(trials, None if minutes is None else began + 60 * minutes)
        finally:
            search.write_tables()
        summary = search.conclude(write)
        summary = replace(summary, tracking=record_tuning(search.task, summary))
    return Tuned(TUNE, search.folder, True, round(time.monotonic() - began, 3), summary)


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """What ``best.json`` holds: the search, its best trial, and the confirmation of that."""

    study: str
    best: TrialRecord | None
    changed: dict[str, OptionChange]
    confirmed: Confirmation | None


@dataclass
class _Search:
    """One call of `tune`: the project's data, the model as it is set, what the trials share, and the study.

    `earlier_trials` counts the trials of earlier calls.
    """

    task: Task
    name: str
    model: GlobalModel
    trials: TuningWindows
    study: Study
    study_name: str
    earlier_trials: int = 0

    @classmethod
    def of(cls, project: Project, name: str | None, series: int) -> _Search:
        settings = project.settings

        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            project.watch(Progress(TUNE, done, total, doing, left))

        optuna_module()  # a missing Optuna raises here, before any work is done
        name, model = chosen(settings, name)
        task = Task(settings, project.folder, project.steps, tell)
        tell(0, 1, "drawing rows")
        panel = task.panel
        days = tuning_cutoffs(panel, settings.horizon, settings.backtest.windows, settings.backtest.every)
        part = sample_series(panel, series, settings.seed)
        trials = TuningWindows.of(model, part, settings.horizon, days, task.hierarchy)
        space = trials.space
        data = task.summary(CheckSummary).panel
        question = (data, part.n_series, settings.horizon, days, settings.levels, settings.seed)
        study_name = f"{name}-{fingerprint(code_fingerprint(CODE), *question, space.fixed, space.options)}"
        study = Study(project.results.folder(TUNE) / STUDY, study_name, space.options, space.start, settings.seed)
        return cls(task, name, model, trials, study, study_name)

    @property
    def folder(self) -> Path:
        return self.task.folder(TUNE)

    def run(self, count: int, deadline: float | None) -> None:
        """Runs trials until there are `count`, or `deadline` has passed; the first trial is that of the settings."""
        self.earlier_trials, windows = len(self.study.trials), len(self.trials.cutoffs)
        while len(self.study.trials) < count:
            if self.study.trials and deadline is not None and time.monotonic() >= deadline:
                return
            self.study.run(partial(self._errors, self._pace(count, deadline)), windows)

    def _errors(self, tell: Callable[[float], None], number: int, values: Mapping[str, Any]) -> Iterator[float]:
        return self.trials.window_errors(self.trials.model(number, values), tell)

    def _pace(self, count: int, deadline: float | None) -> Callable[[float], None]:
        """Returns the function that a trial calls with the number of its windows that are done."""
        done, best, windows = len(self.study.trials), self.study.best(), len(self.trials.cutoffs)
        doing = f"trial {done + 1}"
        if best is not None:
            first = self.study.trials[0].error
            doing += f", best WRMSSE {score(best.error)} ({relative(best.error / first - 1)} against the settings)"
        seconds = [trial.seconds for trial in self.study.trials]

        def tell(windows_done: float) -> None:
            part = windows_done / windows
            left = fmean(seconds) * (count - done - part) if seconds else float("nan")
            if deadline is not None:
                left = min(left, max(deadline - time.monotonic(), 0.0))
            self.task.tell(round(done + part, 1), count, doing, left)

        return tell

    def write_tables(self) -> None:
        """Writes the tables of the trials that are done."""
        if self.study.trials:
            _replace_file(self.folder / TRIALS_FILE, self._table().write_csv)
            schema = {"option": pl.String, "importance": pl.Float64}
            importance = pl.DataFrame(list(self.study.importance().items()), schema=schema, orient="row")
            _replace_file(self.folder / IMPORTANCE, importance.write_csv)

    def _table(self) -> pl.DataFrame:
        """One row for each trial: number, state, wrmsse (if complete), that of each window, each option, seconds."""
        windows = [f"wrmsse_{cutoff}" for cutoff in self._dates(self.trials.cutoffs)]
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
        """Confirms the best trial, writes it into the settings if it holds, and returns the summary."""
        best, summary = self.study.best(), self._summary()
        if best is not None:
            options = self.trials.space.changed(best.values) if best.number else {}
            changed, confirmed = self._confirmation(best, options)
            written = False
            if options and write and confirmed is not None and confirmed.holds:
                self._write(best, options, confirmed)
                written = True
            summary = replace(
                summary,
                best=self._record(best),
                changed=changed,
                confirmed=confirmed,
                written=written,
                in_settings=written or not options,
            )
        conclusion = {name: getattr(summary, name) for name in Conclusion.__struct_fields__}
        evidence = msgspec.to_builtins(Conclusion(**conclusion))
        _replace_file(self.folder / BEST, lambda place: write_json(place, evidence))
        _replace_file(self.folder / "summary.json", lambda place: write_json(place, summary.to_dict()))
        return summary

    def _confirmation(
        self, best: Trial, options: Mapping[str, Any]
    ) -> tuple[dict[str, OptionChange], Confirmation | None]:
        """What the best trial changes, and its confirmation.

        A confirmation of an earlier call is taken again where the options are the same, and where the settings have
        the best options already (`options` is empty then).
        """
        earlier, changed = self._earlier_conclusion(best), _changes(options, self.model)
        if options and (earlier is None or earlier.changed != changed):
            return changed, self._confirm(best, options)
        return (changed, None) if earlier is None else (earlier.changed, earlier.confirmed)

    def _earlier_conclusion(self, best: Trial) -> Conclusion | None:
        """What an earlier call concluded of the same trial; None where there was none."""
        try:
            earlier = msgspec.json.decode((self.folder / BEST).read_bytes(), type=Conclusion)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        number = None if earlier.best is None else earlier.best.number
        return earlier if (earlier.study, number) == (self.study_name, best.number) else None

    def _summary(self) -> TuneSummary:
        """The summary of the search so far, without the best trial."""
        trials, states = self.study.trials, [trial.state for trial in self.study.trials]
        first = trials[0] if trials and trials[0].state == COMPLETE else None
        return TuneSummary(
            model=self.name,
            study=self.study_name,
            trials=len(trials),
            new=len(trials) - self.earlier_trials,
            pruned=states.count(PRUNED),
            failed=len(states) - states.count(PRUNED) - states.count(COMPLETE),
            former=sum(self.study.others.values()) if not self.earlier_trials else 0,
            series=self.trials.panel.n_series,
            of_series=self.task.panel.n_series,
            rows=self.trials.rows,
            windows=self._dates(self.trials.cutoffs[::-1]),
            seconds_in_trials=round(sum(trial.seconds for trial in trials), 1),
            start=None if first is None else replace(self._record(first), options={}),
            importance=self.study.importance(),
        )

    def _record(self, trial: Trial) -> TrialRecord:
        space = self.trials.space
        if trial.number:
            options = space.written(trial.values)
        else:
            options = {option.name: getattr(self.model, option.name) for option in space.options}
        by_window = list(trial.errors[::-1])
        return TrialRecord(number=trial.number, wrmsse=trial.error, by_window=by_window, options=_plain(options))

    def _confirm(self, best: Trial, options: Mapping[str, Any]) -> Confirmation:
        """Compares the settings and the best trial on all series in the windows of the backtest."""
        settings, panel = self.task.settings, self.task.panel
        weights = settings.backtest.weights
        days = cutoffs(panel, settings.horizon, settings.backtest.windows, settings.backtest.every)
        pace = Pace((BEFORE, TUNED), len(days))

        def tell(done: float, total: int, doing: str) -> None:
            self.task.tell(round(done, 1), total, f"confirming trial {best.number}: {doing}", pace.left(done))

        errors = confirm(
            panel,
            self.model,
            replace_fields(self.model, **options),
            settings.horizon,
            days,
            self.task.hierarchy,
            weights=None if weights is None else weights if is_remote(weights) else self.task.base / weights,
            progress=tell,
        )
        by_window = {name: errors[name].to_list() for name in (BEFORE, TUNED)}
        before, tuned = fmean(by_window[BEFORE]), fmean(by_window[TUNED])
        return Confirmation(
            windows=errors["cutoff"].cast(pl.String).to_list(),
            series=panel.n_series,
            by_window=by_window,
            settings=before,
            tuned=tuned,
            better_in=int((errors[TUNED] < errors[BEFORE]).sum()),
            holds=tuned < before,
        )

    def _write(self, best: Trial, options: Mapping[str, Any], confirmed: Confirmation) -> None:
        """Writes the options into the settings, with the evidence as a comment."""
        first, part = self.study.trials[0], self.trials.panel.n_series
        whole = "" if part == self.task.panel.n_series else f" on {part:,} series"
        why = (
            f"{date.today()}: {self.name}, WRMSSE {score(first.error)} -> {score(best.error)} in "
            f"{many(len(self.trials.cutoffs), 'window')} of tuning{whole}, {score(confirmed.settings)} -> "
            f"{score(confirmed.tuned)} in the backtest's windows, {many(len(self.study.trials), 'trial')}"
        )
        settings = self.task.settings
        place = list(models_of(settings)).index(self.name)
        change(self.task.base / SETTINGS, settings, wanted_models(settings), place, _plain(options), why)


def chosen(settings: Settings, name: str | None = None) -> tuple[str, GlobalModel]:
    """The model of the settings to tune, the first that can be where no name is given.

    Raises UsageError where there is none, or the one of that name has no options to search.
    """
    models, frequency = models_of(settings), Frequency(settings.data.frequency)
    tunable = {
        key: model.suited_to(frequency)
        for key, model in models.items()
        if isinstance(model, GlobalModel) and isinstance(model, tuple(SPACES))
    }
    if name is None and tunable:
        return next(iter(tunable.items()))
    if name is not None and name in tunable:
        return name, tunable[name]
    names = f"of its models {', '.join(tunable)} can be tuned" if tunable else "none of its models can be tuned"
    if name is None:
        raise UsageError(f"There is nothing to tune: {names}. Add lightgbm to 'models' in {SETTINGS}.")
    if name in models:
        raise UsageError(f"The model '{name}' has no options to search; {names}.")
    raise UsageError(f"{SETTINGS} has no model '{name}'; {names}. Add '{name}' to 'models' there to tune it.")


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as YAML and JSON have them: lists instead of tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _changes(options: Mapping[str, Any], model: GlobalModel) -> dict[str, OptionChange]:
    """The value of each option in the settings and in the best trial."""
    after = _plain(options)
    before = _plain({name: getattr(model, name) for name in options})
    return {name: OptionChange(settings=before[name], tuned=after[name]) for name in after}


def _replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    part.replace(path)
