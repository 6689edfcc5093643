"""A project: a folder with a ``foresell.yaml``, and the steps that make its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from foresell.adjust.reconciliation import BOTTOM_UP
from foresell.core.errors import UsageError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Settings, read_settings
from foresell.ensemble.configured_models import models_of, wanted_models
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.leakage import LeakageTrial, leakage
from foresell.pipeline import task
from foresell.pipeline.choice import NEWEST, Choice
from foresell.pipeline.forecaster import choose
from foresell.pipeline.layout import CHAMPION_NEEDS, DATABASE, NEEDS, TUNE
from foresell.pipeline.matured_forecasts import is_kept
from foresell.pipeline.progress import Outcome, Progress, Watch, unwatched
from foresell.pipeline.steps import learning, registering
from foresell.pipeline.steps.forecast import forecast
from foresell.pipeline.steps.report import report
from foresell.pipeline.task import Task, read_summary, write_json
from foresell.store.address import parse_address
from foresell.store.settings_file import SETTINGS
from foresell.store.step_results import Steps, code_fingerprint, fingerprint, input_fingerprint
from foresell.store.tables import read_table

Step = Callable[[Task, Path], dict[str, Any]]

WORK: dict[str, Step] = {
    "check": task.check,
    "features": task.features,
    "backtest": learning.run_backtest,
    "combine": learning.run_combine,
    "train": learning.train,
    "forecast": forecast,
    "report": report,
    "record": registering.record,
    "register": registering.register,
    "delivery": task.delivery,
}


class Project:
    """The results of a folder with a ``foresell.yaml``, each step done only when what it depends on has changed.

    `watch` is told of progress. With `newest` the newest training forecasts, also where the registry has a champion
    (see `pipeline.forecaster`). Raises SettingsError where the settings are missing or wrong.

    `run()` does everything that is out of date; `panel`, `leaderboard` and `forecasts` then hold what came of it.
    """

    def __init__(self, folder: str | Path = ".", watch: Watch = unwatched, *, newest: bool = False):
        self.folder = Path(folder)
        self.settings: Settings = read_settings(self.folder / SETTINGS)
        self.results = Steps(self.folder)
        self.watch = watch
        self.newest = newest
        self._choice: Choice | None = None

    def run(self, *wanted: str, again: tuple[str, ...] = ()) -> dict[str, Outcome]:
        """Does what is out of date of the `wanted` steps (all where none is named) and of those that they need.

        `again` names steps to do even if they are up to date. Raises whatever stops a step, among that FindingsStop
        for data that cannot be used; the steps before it are kept.
        """
        return {outcome.step: outcome for outcome in self.walk(*wanted, again=again)}

    def walk(self, *wanted: str, again: tuple[str, ...] = ()) -> Iterator[Outcome]:
        """The same as `run`, step by step."""
        for name in (*wanted, *again):
            if name not in NEEDS:
                raise UsageError(f"There is no step '{name}'; the steps are {', '.join(NEEDS)}.")
        with self.results.locked():
            self._choice = None  # it is asked for once, when the first step wants to know
            names = {need for name in wanted for need in (*self.needs(name), name)} or set(NEEDS)
            for name in NEEDS:
                if name in names:
                    yield self._do(name, name in again)

    def needs(self, step: str) -> tuple[str, ...]:
        """The steps that `step` needs, in their order; those about the forecast need less where a champion makes it."""
        follows = step in CHAMPION_NEEDS and self._chosen().version is not None
        return CHAMPION_NEEDS[step] if follows else NEEDS[step]

    def trained(self, doing: str) -> Task:
        """Does what the forecast needs and no more; then what is needed for `doing` something with its model."""
        self._choice = None
        self.run(*self.needs("forecast"))
        self._chosen()
        return self._task(doing)

    def _chosen(self, fetch: bool = True) -> Choice:
        """Who forecasts; the registry is asked the first time only."""
        if self._choice is None:
            self._choice = NEWEST if self.newest else choose(self.folder, self.settings, self.results, fetch=fetch)
        return self._choice

    def _do(self, name: str, again: bool) -> Outcome:
        folder, made_from = self.results.folder(name), self._fingerprint(name)
        if not again and self.results.up_to_date(name, made_from) and not self._lost(name):
            record = self.results.record(name)
            return Outcome(name, folder, False, record.seconds if record else 0.0, read_summary(folder))
        task = self._task(name)
        task.tell(0, 1, "beginning")
        with self.results.run_step(name, made_from) as place:
            write_json(place / "summary.json", WORK[name](task, place))
        record = self.results.record(name)
        return Outcome(name, folder, True, record.seconds if record else 0.0, read_summary(folder))

    def _task(self, step: str) -> Task:
        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            self.watch(Progress(step, done, total, doing, left))

        task = Task(self.settings, self.folder, self.results, tell)
        if self._choice is not None or self.newest:
            task.choice = self._chosen()
        return task

    def _fingerprint(self, step: str) -> str:
        """What the results of `step` depend on, in short. Steps after `check` depend on the panel that it left,
        not on the files: a file that was only touched is read again, and nothing more."""
        return fingerprint(step, code_fingerprint(), *self._depends_on(step))

    def _depends_on(self, step: str) -> tuple[object, ...]:
        of = self.settings
        if step == "check":
            windows = (of.backtest.windows, of.backtest.every)
            return of.data, of.horizon, of.levels, windows, [self._input(path) for path in self._inputs()]
        panel = read_summary(self.results.folder("check")).get("panel")
        if step == "features":
            return panel, of.levels, of.features, wanted_models(of)
        if step == "backtest":
            weights = self._input(of.backtest.weights) if of.backtest.weights else None
            totals = (of.quality, of.totals.levels, of.totals.models, of.totals.reconciliation == BOTTOM_UP)
            learnt = (of.horizon, of.levels, of.features, wanted_models(of), totals, of.seed)
            return panel, *learnt, of.backtest, weights
        made_from = {
            need: record.fingerprint if (record := self.results.record(need)) else None for need in self.needs(step)
        }
        made_from.pop("check")
        if step == "forecast":
            choice = self._chosen()
            champion = (choice.training, of.levels) if choice.version else choice.unfit
            return panel, made_from, champion, of.output.quantiles
        if step == "delivery":
            return made_from, of.output.database, of.output.folder
        if step == "report":
            told = [read_summary(self.results.folder(each)) for each in ("check", TUNE)]
            return panel, made_from, told, of
        if step in ("record", "register"):
            return panel, made_from, of.tracking
        if step == "combine":
            return panel, made_from, of.champion, of.totals.reconciliation
        return panel, made_from, *self._single_sales()  # train

    def _inputs(self) -> list[str]:
        data = self.settings.data
        tables = [table.path for table in (data.items, data.stores, data.prices, data.calendar) if table]
        return [data.sales, *([data.future] if data.future else []), *tables]

    def _single_sales(self) -> tuple[object, ...]:
        """What the model of single sales depends on, beside the panel; nothing where there is none."""
        of = self.settings
        if of.transactions is None:
            return ()
        return of.transactions, of.data, of.serving.range, self._input(of.transactions.path or of.data.sales)

    def _input(self, path: str) -> str:
        return input_fingerprint(path, self.folder)

    def _lost(self, step: str) -> bool:
        """Whether what the step put elsewhere is not there: it could not be put, or the file was taken away."""
        if step in ("record", "register"):
            return registering.lost(self._task(step), step)
        if step == "forecast":
            return not is_kept(self.results)
        if step != "delivery":
            return False
        path = parse_address(self.settings.output.database or DATABASE, self.folder).path
        return path is not None and not path.exists()

    def status(self) -> list[dict[str, Any]]:
        """For each step its ``state`` (``up to date``, ``out of date``, ``not done``), and when it was done.

        What needs a step that is out of date is out of date too. Data in a bucket are always taken to have changed.
        """
        self._choice = None
        self._chosen(fetch=False)
        fresh: dict[str, bool] = {}
        told = []
        for name in NEEDS:
            record = self.results.record(name)
            there = self.results.up_to_date(name, self._fingerprint(name)) and not self._lost(name)
            fresh[name] = there and all(fresh[need] for need in self.needs(name))
            state = "up to date" if fresh[name] else "out of date" if record else "not done"
            when = record.finished.isoformat(timespec="seconds") if record else None
            told.append({"step": name, "state": state, "finished": when, "seconds": record.seconds if record else None})
        return told

    @property
    def panel(self) -> Panel:
        """The sales as `check` laid them out. Raises UnreadableFile where that is not done."""
        return self._task("check").panel

    @property
    def findings(self) -> list[Finding]:
        """What `check` and `features` found in the data, worst first."""
        return self._task("check").findings()

    @property
    def leaderboard(self) -> pl.DataFrame:
        """The models, the best first. Raises StoreError where the backtest is not done."""
        return self._task("combine").scores().leaderboard()

    @property
    def forecasts(self) -> pl.DataFrame:
        """The forecasts of all levels, see `Forecasts.to_frame`. Raises StoreError where they are not made."""
        return read_table(self.results.folder("forecast") / "forecasts.parquet")

    @property
    def catalogue(self) -> pl.DataFrame:
        """Every feature there is for these data: name, group, meaning, reads, earliest, used."""
        return pl.read_csv(self.results.folder("features") / "catalogue.csv")

    def leakage(self) -> list[LeakageTrial]:
        """Tries the features and models on these data: does anything after a cutoff change what was made before it?"""
        task, of = self._task("leakage"), self.settings
        panel = task.panel
        windows = cutoffs(panel, of.horizon, of.backtest.windows, of.backtest.every)
        models = models_of(of)
        chosen = sorted({windows[0], windows[-1]})
        return leakage(panel, task.used, models, of.horizon, chosen, seed=of.seed, progress=task.tell)
