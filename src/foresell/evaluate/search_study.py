"""A search by Optuna that can be stopped at any moment and goes on where it was: the one file that knows Optuna.

Finished trials lie in an SQLite file, each written in one transaction when it is done; a trial that was cut short
leaves nothing, and is tried again. What proposes a trial is seeded by its number alone, so a search that was killed
and went on tries the same as one that was left alone.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from foresell.core.errors import StoreError, UsageError
from foresell.evaluate.search_space import Option

if TYPE_CHECKING:
    import optuna

Judge = Callable[[int, dict[str, Any]], Iterator[float]]
"""Given a trial's number and values: its error in one window after the other."""

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"

RANDOM = 10  # first trials, which are spread at random before anything is known
JUDGES = 5  # trials that must have seen a window before another is measured by them
BEST = 1 / 3  # of the trials so far: those behind them are stopped
TOP = 5  # trials that should be among the best for importance to be steady


@dataclass(frozen=True)
class Trial:
    """A trial that is done: its `values`, and its `errors` in the windows as far as it went.

    `state` is ``complete``, ``pruned`` (stopped early, for it was behind) or ``failed`` (an error was no number).
    """

    number: int
    state: str
    values: Mapping[str, Any]
    errors: tuple[float, ...]
    seconds: float

    @property
    def error(self) -> float:
        """The mean over all windows; infinite where it did not see them all."""
        return fmean(self.errors) if self.state == COMPLETE else math.inf


def behind(errors: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Whether the mean over the windows so far lies above the best third of the means of the `others` over the same.

    The median stopping rule (Golovin et al. 2017, Google Vizier, KDD, section 3.2.1) with a third in place of a half:
    in two searches on M5 the eight best trials were all among the best 34 % after their first window. Optuna's
    PercentilePruner takes the best of a trial's means instead, which after an easy first window would never stop
    anything.

    >>> behind([0.65], [[0.6, 0.9], [0.61], [0.62], [0.7], [0.9]])
    True
    >>> behind([0.61], [[0.6, 0.9], [0.61], [0.62], [0.7], [0.9]])
    False
    """
    means = [fmean(seen[: len(errors)]) for seen in others if len(seen) >= len(errors)]
    return len(means) >= JUDGES and fmean(errors) > float(np.quantile(means, BEST))


class Study:
    """The search `name` in the file `path`, which may hold others; it begins with the values `start`.

    Raises UsageError where Optuna is not installed, and StoreError where the file cannot be used.
    """

    def __init__(self, path: Path, name: str, options: Sequence[Option], start: Mapping[str, Any], seed: int = 1):
        self.options = tuple(options)
        self.seed = seed
        library = imported()
        with _said(path), _quiet():
            path.parent.mkdir(parents=True, exist_ok=True)
            storage = library.storages.RDBStorage(f"sqlite:///{path.resolve()}")
            self.others = {study.study_name: study.n_trials for study in library.get_all_study_summaries(storage)}
            self.others.pop(name, None)
            self._file = library.create_study(
                storage=storage, study_name=name, direction="minimize", load_if_exists=True
            )
            self._study = library.create_study(direction="minimize")
            self._study.add_trials(self._file.trials)
        self._path = path
        self.trials = [_trial(each) for each in self._study.trials]
        if not self.trials:
            self._study.enqueue_trial(dict(start))

    def run(self, judge: Judge, windows: int) -> Trial:
        """Tries in so many windows what is most promising by all that is known, and keeps it when it is done.

        Whoever stops it with an exception has to open the study anew to go on.
        """
        number, began = len(self.trials), time.perf_counter()
        with _quiet():
            self._study.sampler = imported().samplers.TPESampler(
                n_startup_trials=RANDOM,
                multivariate=True,
                constant_liar=False,  # trials come one after another
                warn_independent_sampling=False,  # of options that mean something only beside another
                seed=int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0]),
            )
            asked = self._study.ask()
            values = self._suggested(asked)
        errors: list[float] = []
        state = self._judged(asked, judge(number, values), windows, errors)
        asked.set_user_attr("errors", errors)
        asked.set_user_attr("values", values)
        asked.set_user_attr("seconds", round(time.perf_counter() - began, 3))
        states = imported().trial.TrialState
        if state == COMPLETE:
            self._study.tell(asked, fmean(errors))
        else:
            self._study.tell(asked, state=states.PRUNED if state == PRUNED else states.FAIL)
        done = self._study.trials[-1]
        with _said(self._path):
            self._file.add_trial(done)
        self.trials.append(_trial(done))
        return self.trials[-1]

    def _judged(self, asked: optuna.Trial, judged: Iterator[float], windows: int, errors: list[float]) -> str:
        """Takes the errors of one window after the other, as long as that is worth it."""
        others = [trial.errors for trial in self.trials if trial.state != FAILED]
        for error in judged:
            if not math.isfinite(error):
                return FAILED
            errors.append(error)
            asked.report(fmean(errors), len(errors) - 1)
            if len(errors) < windows and behind(errors, others):
                return PRUNED
        return COMPLETE

    def _suggested(self, asked: optuna.Trial) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for option in self.options:
            if option.when is None or values.get(option.when[0]) == option.when[1]:
                values[option.name] = option.shown(_suggest(asked, option))
        return values

    def best(self) -> Trial | None:
        """The complete trial with the least error, the first of equals; None where none is complete."""
        complete = [trial for trial in self.trials if trial.state == COMPLETE]
        return min(complete, key=lambda trial: trial.error, default=None)

    def importance(self) -> dict[str, float]:
        """How much each option matters for being among the best, the most first; adds up to 1.

        PED-ANOVA (Watanabe et al. 2023, IJCAI, arXiv 2304.10255), which compares where the best tenth of the complete
        trials lie (five of them at least) with where all lie. Empty before there are twice as many. Needs nothing but
        Optuna.
        """
        complete = sum(trial.state == COMPLETE for trial in self.trials)
        if complete < 2 * TOP:
            return {}
        importance = imported().importance
        with _quiet():
            evaluator = importance.PedAnovaImportanceEvaluator(target_quantile=max(0.1, TOP / complete))
            return dict(importance.get_param_importances(self._study, evaluator=evaluator))


def imported() -> Any:
    """Optuna, told to be silent. Raises UsageError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            "Tuning needs the package 'optuna', which is not installed. Install it with: pip install \"foresell[tune]\""
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _suggest(asked: optuna.Trial, option: Option) -> Any:
    if option.choices:
        return asked.suggest_categorical(option.name, option.choices)
    if option.whole:
        return asked.suggest_int(option.name, int(option.low), int(option.high), log=option.log)
    return asked.suggest_float(option.name, option.low, option.high, log=option.log, step=option.step)


def _trial(done: optuna.trial.FrozenTrial) -> Trial:
    states = imported().trial.TrialState
    state = {states.COMPLETE: COMPLETE, states.PRUNED: PRUNED}.get(done.state, FAILED)
    told = done.user_attrs
    return Trial(done.number, state, told["values"], tuple(told["errors"]), told["seconds"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's warnings, which are for those who write programs with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Says what is wrong with the file. Raises StoreError."""
    import sqlalchemy.exc

    failures = (OSError, sqlalchemy.exc.SQLAlchemyError, imported().exceptions.StorageInternalError)
    try:
        yield
    except (*failures, RuntimeError) as error:
        raise StoreError(
            f"The trials in {path} cannot be read or written: {str(error).partition(chr(10))[0]}. Put the file away to "
            "begin the search anew."
        ) from error
