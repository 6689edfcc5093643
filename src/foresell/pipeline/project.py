"""A project: a folder with a ``foresell.yaml``, and the steps that make its results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foresell.core.errors import UsageError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Settings, read_settings
from foresell.decide.plan import Plan
from foresell.ensemble.configured_models import models_of
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.leakage import LeakageTrial, leakage
from foresell.pipeline.choice import NEWEST, Choice
from foresell.pipeline.code_fingerprint import code_fingerprint
from foresell.pipeline.forecaster import choose
from foresell.pipeline.graph import STEPS, walk
from foresell.pipeline.progress import Outcome, Progress, Watch, unwatched
from foresell.pipeline.results import Results
from foresell.pipeline.step import Step, setting
from foresell.pipeline.summaries import CheckSummary
from foresell.pipeline.task import Task
from foresell.store.settings_file import SETTINGS
from foresell.store.step_results import Steps, fingerprint, input_fingerprint

if TYPE_CHECKING:
    from foresell.pipeline.plans.issue import IssuedPlan
    from foresell.pipeline.plans.order_replay import OrderReplay
    from foresell.pipeline.plans.override_log import OverrideLog
    from foresell.pipeline.plans.override_scores import OverrideScores

BY_EARLIER = (
    "An earlier foresell made these results. Each step is done again once, when it is next needed; a champion goes on "
    "forecasting, and the registry and the history stay as they are."
)

UP_TO_DATE, OUT_OF_DATE, NOT_DONE, LEFT_OUT = "up to date", "out of date", "not done", "left out"


@dataclass(frozen=True)
class StepState:
    """Whether a step is ``up to date``, ``out of date``, ``not done`` or ``left out``, when
    it was done, and how long it took."""

    step: str
    state: str
    finished: datetime | None
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """The state as plain data, for JSON."""
        finished = self.finished.isoformat(timespec="seconds") if self.finished else None
        return {"step": self.step, "state": self.state, "finished": finished, "seconds": self.seconds}


class Project:
    """A folder with a ``foresell.yaml`` and its results; a step is done only when something it depends on has changed.

    `watch` is called with the progress. With `newest` the newest training forecasts, also where the registry has a
    champion (see `pipeline.forecaster`). Raises SettingsError where the settings are missing or wrong.

    `run()` does every step that is out of date; `panel`, `leaderboard` and `forecasts` are its main results.
    """

    def __init__(self, folder: str | Path = ".", watch: Watch = unwatched, *, newest: bool = False):
        self.folder = Path(folder)
        self.settings: Settings = read_settings(self.folder / SETTINGS)
        self.steps = Steps(self.folder)
        self.watch = watch
        self.newest = newest

    def locked(self) -> AbstractContextManager[None]:
        """A context in which no other run may work on the project, see `Steps.locked`."""
        return self.steps.locked()

    def run(self, *wanted: str, again: tuple[str, ...] = ()) -> dict[str, Outcome]:
        """Does the `wanted` steps (all where none is named) and those that they need, where they are out of date.

        Steps in `again` are done in any case. Raises whatever stops a step, such as FindingsStop for data that cannot
        be used; the results of earlier steps are kept.
        """
        return {outcome.step: outcome for outcome in self.walk(*wanted, again=again)}

    def walk(self, *wanted: str, again: tuple[str, ...] = ()) -> Iterator[Outcome]:
        """Does the same as `run`, and yields the outcome of each step when it is done."""
        for name in (*wanted, *again):
            if name not in STEPS:
                raise UsageError(f"There is no step '{name}'; the steps are {', '.join(STEPS)}.")
        with self.locked():
            choice = self.choice() if any(step.asks_forecaster for step in walk(wanted)) else NEWEST
            for step in walk(wanted, champion=choice.version is not None):
                yield self._do(step, choice, step.name in again)

    def choice(self, *, fetch: bool = True) -> Choice:
        """The model that forecasts, by the registry; with `fetch` the champion's files are fetched."""
        return NEWEST if self.newest else choose(self.results, fetch=fetch)

    def trained(self, doing: str) -> Task:
        """Does the steps that the forecast needs; returns the task of a piece of work named `doing` with its model.

        Nothing is written, and no run is waited for, where these steps are up to date.
        """
        choice = self.choice()
        needs = [STEPS[name] for name in STEPS["forecast"].needs_of(choice.version is not None)]
        if not all(self._is_current(step, self.made_from(step, choice)) for step in needs):
            with self.locked():
                for step in needs:
                    self._do(step, choice, again=False)
        return self._task(doing, choice)

    def _do(self, step: Step, choice: Choice, again: bool) -> Outcome:
        name, folder = step.name, self.steps.folder(step.name)
        made_from = self.made_from(step, choice)
        current = not again and self._is_current(step, made_from)
        if not current:
            task = self._task(name, choice if step.asks_forecaster else None)
            task.tell(0, 1, "beginning")
            with self.steps.run_step(name, made_from, code=self.code_of(step)) as place:
                step.run(task, place).write(place)
        record = self.steps.record(name)
        summary = self.results.summary(step.summary)
        return Outcome(name, folder, not current, record.seconds if record else 0.0, summary)

    def _is_current(self, step: Step, made_from: str) -> bool:
        """Whether a step was done from exactly this, and all its results are still there, also those elsewhere."""
        if not self.steps.up_to_date(step.name, made_from) or self.results.find_summary(step.summary) is None:
            return False
        return not (step.elsewhere and step.lost(self.results))

    def _task(self, step: str, choice: Choice | None = None) -> Task:
        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            self.watch(Progress(step, done, total, doing, left))

        return Task(self.settings, self.folder, self.steps, tell, choice)

    def made_from(self, step: Step, choice: Choice) -> str:
        """The fingerprint of everything that the results of a step depend on.

        Steps after `check` depend on its panel, not on the data files: after a change of a file that changes no sales,
        `check` is done again and no other step.
        """
        reads, needs = step.reads_in(self.settings), step.needs_of(choice.version is not None)
        records = {need: self.steps.record(need) for need in needs if need != "check"}
        checked = self.results.find_summary(CheckSummary) if "check" in needs else None
        return fingerprint(
            step.name,
            self.code_of(step),
            checked and checked.panel,
            {need: record and record.fingerprint for need, record in records.items()},
            [setting(self.settings, path) for path in reads.settings],
            [self._input(path) for path in reads.inputs],
            [_content(self.steps.root / name) for name in reads.results],
            (choice.training or choice.unfit) if step.asks_forecaster else None,
        )

    def code_of(self, step: Step) -> str:
        """The fingerprint of the code that a step depends on, without that of the steps it needs."""
        return code_fingerprint((*step.reads_in(self.settings).code, step.module.removeprefix("foresell.")))

    def _input(self, path: str) -> object:
        """The fingerprint of the file that a setting names; a list of them where it is in a list of sections."""
        file = setting(self.settings, path)
        if isinstance(file, tuple):
            return [input_fingerprint(str(name), self.folder) for name in file]
        return None if file is None else input_fingerprint(str(file), self.folder)

    def plan(self, kind: str = "orders", **changes: Any) -> Plan:
        """The plan of a kind such as ``orders``, by the tables of its section of the settings.

        `changes` are settings of that section for this time, such as ``policy="normal"``; files are relative to the
        project's folder. Steps that are out of date are done first. Nothing is written but draws and replays that later
        plans need, in results/plan/kept/. Raises as `plans.make_plan`.
        """
        from foresell.pipeline.plans import make_plan

        return make_plan(self, kind, **changes)

    def issue_plan(self, plan: Plan) -> IssuedPlan:
        """Writes a plan to results/plan/, keeps it in the history, and delivers it; see `plans.issue.issue`.

        Later plans are compared with issued ones.
        """
        from foresell.pipeline.plans.issue import issue

        with self.locked():
            return issue(self, plan)

    @property
    def overrides(self) -> OverrideLog:
        """What people change in plans."""
        from foresell.pipeline.plans.override_log import OverrideLog

        return OverrideLog(self.folder, self.results.root)

    def override_scores(self) -> OverrideScores:
        """What the overrides of issued plans of orders added, where the sales have come."""
        from foresell.pipeline.plans.override_scores import override_scores

        return override_scores(self.results, self.overrides)

    def replay(self, **changes: Any) -> OrderReplay:
        """What each policy of orders would have cost on the past, by the terms of the section ``orders``.

        `changes` are settings of that section for this time, such as ``terms="terms.csv"``. Steps that are out of date
        are done first. Nothing is written but what `plan` keeps. Raises as `order_replay.replay_orders`.
        """
        from msgspec.structs import replace

        from foresell.pipeline.plans.order_replay import replay_orders

        return replay_orders(self, replace(self.settings.orders, **changes))

    def notice(self) -> str:
        """A message for results of an earlier foresell; empty where there are none."""
        record = self.steps.record("check")
        return BY_EARLIER if record is not None and record.code is None else ""

    def status(self) -> list[StepState]:
        """The state of each step, in their order.

        A step that needs one that is out of date is out of date too. Data in a bucket are taken to have changed.
        """
        choice = self.choice(fetch=False)
        current: dict[str, bool] = {}
        states = []
        for step in STEPS.values():
            record = self.steps.record(step.name)
            needs = step.needs_of(choice.version is not None)
            current[step.name] = all(current[need] for need in needs) and self._is_current(
                step, self.made_from(step, choice)
            )
            state = UP_TO_DATE if current[step.name] else OUT_OF_DATE if record else NOT_DONE
            if current[step.name] and self.results.summary(step.summary).is_left_out:
                state = LEFT_OUT
            finished, seconds = (record.finished, record.seconds) if record else (None, None)
            states.append(StepState(step.name, state, finished, seconds))
        return states

    @property
    def results(self) -> Results:
        """The results of the steps as they are now."""
        return Results(self.settings, self.folder, self.steps)

    @property
    def panel(self) -> Panel:
        """The panel of the step `check`. Raises UnreadableFile where that is not done."""
        return self.results.panel

    @property
    def findings(self) -> list[Finding]:
        """The findings of the steps `check` and `features`, the most severe first."""
        return self.results.findings

    @property
    def leaderboard(self) -> pl.DataFrame:
        """The scores of the models, the best model first. Raises StoreError where the backtest is not done."""
        return self.results.scores().leaderboard()

    @property
    def forecasts(self) -> pl.DataFrame:
        """The forecasts of all levels, see `Forecasts.to_frame`. Raises StoreError where they are not made."""
        return self.results.forecasts

    @property
    def catalogue(self) -> pl.DataFrame:
        """Every feature there is for these data: name, group, meaning, reads, earliest, used."""
        return self.results.catalogue

    def leakage(self) -> list[LeakageTrial]:
        """Tests whether sales after a cutoff change any feature or forecast made at the cutoff."""
        task, settings = self._task("leakage"), self.settings
        panel, horizon, backtest = task.panel, settings.horizon, settings.backtest
        windows = cutoffs(panel, horizon, backtest.windows, backtest.every)
        first_and_last = sorted({windows[0], windows[-1]})
        models = models_of(settings)
        return leakage(panel, task.used, models, horizon, first_and_last, seed=settings.seed, progress=task.tell)


def _content(path: Path) -> object:
    """The content of a JSON file; None where there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
