"""A search by Optuna that can be stopped at any moment and continued. No other file imports Optuna.

Finished trials are stored in an SQLite file, each in one transaction. A trial that was interrupted leaves nothing in
the file and is run again. The sampler is seeded by the trial's number alone, so a search that was killed and continued
tries the same values as one without an interruption.
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

from foresell.core.errors import StoreError
from foresell.core.extras import importing
from foresell.evaluate.search_space import Option
from foresell.store.address import sqlite_url

if TYPE_CHECKING:
    import optuna

Objective = Callable[[int, dict[str, Any]], Iterator[float]]
"""Returns the errors of a trial, by its number and values, in one window after the other."""

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"

RANDOM_TRIALS = 10  # the first trials, whose values are drawn at random
FEWEST_RIVALS = 5  # trials that must have been judged in a window before another trial is compared with them
BEST_SHARE = 1 / 3  # of the trials so far; a trial behind them is stopped
BEST_TRIALS = 5  # that the importance of options needs at least


@dataclass(frozen=True)
class Trial:
    """A trial that has ended: its `values`, and its `errors` in the windows up to its end.

    `state` is ``complete``, ``pruned`` (stopped early because of its errors) or ``failed`` (an error was not finite).
    """

    number: int
    state: str
    values: Mapping[str, Any]
    errors: tuple[float, ...]
    seconds: float

    @property
    def error(self) -> float:
        """The mean error over all windows; infinite where the trial was not judged in all of them."""
        return fmean(self.errors) if self.state == COMPLETE else math.inf


def should_prune(errors: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Whether a trial with `errors` in its first windows is worse than the best third of the `others` in these windows.

    Trials are compared by their mean errors. This is the median stopping rule (Golovin et al., "Google Vizier", KDD
    2017, section 3.2.1) with a third in place of a half: in two searches on M5 the eight best trials were all among
    the best 34 % after their first window. Optuna's PercentilePruner compares the best of a trial's running means
    instead, and would stop nothing after an easy first window.

    >>> should_prune([0.65], [[0.6, 0.9], [0.61], [0.62], [0.7], [0.9]])
    True
    >>> should_prune([0.61], [[0.6, 0.9], [0.61], [0.62], [0.7], [0.9]])
    False
    """
    means = [fmean(other[: len(errors)]) for other in others if len(other) >= len(errors)]
    return len(means) >= FEWEST_RIVALS and fmean(errors) > float(np.quantile(means, BEST_SHARE))


class Study:
    """The search `name` in the file `path`, which may hold other searches. The first trial has the values `start`.

    Raises NotInstalled where Optuna is not installed, and StoreError where the file cannot be used.
    """

    def __init__(self, path: Path, name: str, options: Sequence[Option], start: Mapping[str, Any], seed: int = 1):
        self.options = tuple(options)
        self.seed = seed
        library = optuna_module()
        with _store_errors(path), _without_warnings():
            path.parent.mkdir(parents=True, exist_ok=True)
            storage = library.storages.RDBStorage(sqlite_url(path.resolve()))
            self.others = {study.study_name: study.n_trials for study in library.get_all_study_summaries(storage)}
            self.others.pop(name, None)
            self._file = library.create_study(
                storage=storage, study_name=name, direction="minimize", load_if_exists=True
            )
            self._study = library.create_study(direction="minimize")
            self._study.add_trials(self._file.trials)
        self._path = path
        self.trials = [_trial(frozen) for frozen in self._study.trials]
        if not self.trials:
            self._study.enqueue_trial(dict(start))

    def run(self, objective: Objective, windows: int) -> Trial:
        """Runs one trial in that many windows and stores it; the earlier trials propose its values.

        After an exception the study has to be opened again before the next trial.
        """
        number, began = len(self.trials), time.perf_counter()
        with _without_warnings():
            self._study.sampler = optuna_module().samplers.TPESampler(
                n_startup_trials=RANDOM_TRIALS,
                multivariate=True,
                constant_liar=False,  # trials run one after another
                warn_independent_sampling=False,  # of options that have a meaning only beside another one
                seed=int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0]),
            )
            trial = self._study.ask()
            values = self._suggested(trial)
        errors: list[float] = []
        state = self._judge(trial, objective(number, values), windows, errors)
        trial.set_user_attr("errors", errors)
        trial.set_user_attr("values", values)
        trial.set_user_attr("seconds", round(time.perf_counter() - began, 3))
        states = optuna_module().trial.TrialState
        if state == COMPLETE:
            self._study.tell(trial, fmean(errors))
        else:
            self._study.tell(trial, state=states.PRUNED if state == PRUNED else states.FAIL)
        frozen = self._study.trials[-1]
        with _store_errors(self._path):
            self._file.add_trial(frozen)
        self.trials.append(_trial(frozen))
        return self.trials[-1]

    def _judge(self, trial: optuna.Trial, window_errors: Iterator[float], windows: int, errors: list[float]) -> str:
        """Appends to `errors` those of one window after the other until the trial ends; returns its state."""
        others = [earlier.errors for earlier in self.trials if earlier.state != FAILED]
        for error in window_errors:
            if not math.isfinite(error):
                return FAILED
            errors.append(error)
            trial.report(fmean(errors), len(errors) - 1)
            if len(errors) < windows and should_prune(errors, others):
                return PRUNED
        return COMPLETE

    def _suggested(self, trial: optuna.Trial) -> dict[str, Any]:
        """The values that the sampler proposes; an option without a meaning beside the others has none."""
        values: dict[str, Any] = {}
        for option in self.options:
            if option.when is None or values.get(option.when[0]) == option.when[1]:
                values[option.name] = option.shown(_suggest(trial, option))
        return values

    def best(self) -> Trial | None:
        """The complete trial with the smallest error, the first of equal ones; None where no trial is complete."""
        complete = [trial for trial in self.trials if trial.state == COMPLETE]
        return min(complete, key=lambda trial: trial.error, default=None)

    def importance(self) -> dict[str, float]:
        """The importance of each option for a trial to be among the best, the largest first; the sum is 1.

        PED-ANOVA (Watanabe et al., IJCAI 2023, arXiv 2304.10255) compares the values of the best tenth of the complete
        trials, at least `BEST_TRIALS`, with the values of all. Empty before there are twice as many trials.
        """
        complete = sum(trial.state == COMPLETE for trial in self.trials)
        if complete < 2 * BEST_TRIALS:
            return {}
        importance = optuna_module().importance
        with _without_warnings():
            evaluator = importance.PedAnovaImportanceEvaluator(target_quantile=max(0.1, BEST_TRIALS / complete))
            return dict(importance.get_param_importances(self._study, evaluator=evaluator))


def optuna_module() -> Any:
    """The module of Optuna, with its log switched off. Raises NotInstalled where it is not installed."""
    with importing("tune"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _suggest(trial: optuna.Trial, option: Option) -> Any:
    if option.choices:
        return trial.suggest_categorical(option.name, option.choices)
    if option.whole:
        return trial.suggest_int(option.name, int(option.low), int(option.high), log=option.log)
    return trial.suggest_float(option.name, option.low, option.high, log=option.log, step=option.step)


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    states = optuna_module().trial.TrialState
    state = {states.COMPLETE: COMPLETE, states.PRUNED: PRUNED}.get(frozen.state, FAILED)
    stored = frozen.user_attrs
    return Trial(frozen.number, state, stored["values"], tuple(stored["errors"]), stored["seconds"])


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hides Optuna's warnings, which are for developers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Raises StoreError in place of the errors of the file at `path`."""
    import sqlalchemy.exc

    failures = (OSError, sqlalchemy.exc.SQLAlchemyError, optuna_module().exceptions.StorageInternalError)
    try:
        yield
    except (*failures, RuntimeError) as error:
        raise StoreError(
            f"The trials in {path} cannot be read or written: {str(error).partition(chr(10))[0]}. Put the file away to "
            "begin the search anew."
        ) from error
