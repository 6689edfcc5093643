"""One series from its history to its mean: learn, forecast, and see whether the answer can be believed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from foresell.core.errors import ForesellError, UsageError
from foresell.models.statistical.history import History

LONG_SEASON = 24
"""A season of more periods is taken off before: ARIMA and ETS have too many parameters for it (FPP3, section 13.1)."""

FEW = 24
"""How many known periods a series with a long season needs at least; others need two seasons."""

BELIEVABLE = 3
"""A mean of more than so many times the largest day of the window is not believed."""


@dataclass(frozen=True)
class Learnt:
    """What was learnt of one series: the form of the model in the usual notation, such as ``ETS(M,Ad,M)``, and its
    coefficients by name, where they serve again; the regressors among them."""

    form: str
    coefficients: Mapping[str, float] = field(default_factory=dict)
    regressors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ahead:
    """The mean of the days asked for [step], and what each regressor adds to it, by name [step]."""

    mean: np.ndarray
    effects: Mapping[str, np.ndarray] = field(default_factory=dict)


class Technique(Protocol):
    """How one series is learnt and forecast; both raise what the library raises where it cannot be done."""

    def takes_long_season(self) -> bool:
        """Whether it is to see a season of more than `LONG_SEASON` periods as it is."""
        ...

    def learn(self, history: History) -> Learnt:
        """What the history of one series says of it."""
        ...

    def ahead(self, history: History, learnt: Learnt) -> Ahead:
        """The forecast after a history of the series that was learnt, or a later one."""
        ...


@dataclass(frozen=True)
class Task:
    """A series to forecast; without `learnt` it is to be learnt first."""

    history: History
    learnt: Learnt | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a task. `trouble` is the code of the finding where there is no mean, `detail` says more."""

    learnt: Learnt | None = None
    ahead: Ahead | None = None
    trouble: str = ""
    detail: str = ""


def solve(technique: Technique, task: Task) -> Outcome:
    """Learns (where nothing is learnt yet) and forecasts one series. Never raises for what a series may do."""
    hopeless = _hopeless(task.history)
    if hopeless:
        return Outcome(trouble=hopeless)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            history, season = task.history, 0.0
            if not technique.takes_long_season():
                history, season = _without_long_season(history)
            learnt = task.learnt
            if learnt is None or not set(learnt.regressors) <= set(history.names):
                learnt = technique.learn(history)
            found = technique.ahead(history, learnt)
    except (ForesellError, ImportError):
        raise
    except Exception as error:  # numerical libraries raise all there is
        return Outcome(trouble="fit-failed", detail=f"{type(error).__name__}: {error}"[:200])
    mean = np.asarray(found.mean, np.float64) + season
    if not (np.isfinite(mean).all() and mean.max() <= BELIEVABLE * task.history.units.max()):
        return Outcome(trouble="fit-failed", detail=f"a mean of {mean.max():.4g}")
    return Outcome(learnt, replace(found, mean=mean))


def _hopeless(history: History) -> str:
    """The code of what makes a history useless to any of these models; empty for a good one."""
    needed = 2 * history.season if history.season <= LONG_SEASON else FEW
    if history.known < max(needed, 10):
        return "too-short"
    return "constant" if np.ptp(history.units) == 0 else ""


def _without_long_season(history: History) -> tuple[History, Any]:
    """The history less its season, where that is a long one, and the season of the days asked for [step].

    By STL (FPP3, section 3.6); a history of less than two long seasons is taken to have none.
    """
    if history.season <= LONG_SEASON:
        return history, 0.0
    if len(history.units) < 2 * history.season:
        return replace(history, season=1), 0.0
    from statsmodels.tsa.seasonal import STL

    seasonal = STL(history.units, period=history.season, robust=True).fit().seasonal
    last = seasonal[-history.season :][np.arange(history.horizon) % history.season]
    return replace(history, units=history.units - seasonal, season=1), last


def check_library() -> None:
    """Raises UsageError where statsforecast is not installed; does not import it, which takes a while."""
    from importlib.util import find_spec

    try:
        there = find_spec("statsforecast") is not None
    except ValueError:  # another module, or none, has taken its name
        there = False
    if not there:
        raise _not_installed()


def library(name: str) -> Any:
    """The module `name` of statsforecast. Raises UsageError where that is not installed."""
    from importlib import import_module

    try:
        return import_module(f"statsforecast.{name}")
    except ImportError as error:
        raise _not_installed() from error


def _not_installed() -> UsageError:
    return UsageError(
        "SARIMA, ETS and Theta need the package 'statsforecast', which is not installed. "
        'Install it with: pip install "foresell[statistical]"'
    )
