"""Models that look at each series by itself, over statsforecast: SARIMA, SARIMAX, ETS and Theta.

Each is fitted to the last `days` of a series, in as many processes as there are cores. Days that are not known are
filled with what the same days of the weeks beside them sold (`history.filled`), and closed days are forecast 0. A
season of more than 24 periods, such as the year of weekly series, is taken off before by STL and put on again after
(FPP3, section 13.1). A series that cannot be fitted falls back to the seasonal naive; `Fitted.findings` counts and
names those. Findings: ``too-short``, ``constant``, ``fit-failed``, ``fit-too-slow``.

With a `level` it is the sums of that level that are fitted, and shared out to the series in proportion to their means
of the last weeks (FPP3, section 11.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.contract import Progress
from foresell.models.statistical import arima, smoothing
from foresell.models.statistical.fitted import FittedStatistical, fit, load
from foresell.models.statistical.history import History
from foresell.models.statistical.series import Ahead, Learnt


@dataclass(frozen=True)
class PerSeries:
    """What all of them have: how much of which series they see, and how they are spread over the cores.

    - `season`: periods in a season; 7 days, 52 weeks or 12 months where not given.
    - `days`: the last periods that are looked at; 730 days, 260 weeks or 240 months where not given.
    - `level`: the level whose sums are fitted, ``()`` for the total; the single series where not given.
    - `processes`: how many series are fitted at the same time; as many as there are cores where not given.
    - `seconds`: how long one series may take before it falls back. Work for less than a few seconds is done in this
      process, where nothing stops it.
    """

    season: int | None = None
    days: int | None = None
    level: Level | None = None
    processes: int | None = None
    seconds: float = 120.0
    name: str = ""

    def __post_init__(self) -> None:
        for option in ("season", "days", "processes"):
            _check_whole(self.name, option, getattr(self, option))
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float) or not self.seconds > 0:
            raise UsageError(
                f"The option 'seconds' of the model '{self.name}' is {self.seconds!r}; expected a number above 0."
            )
        if self.level is not None:
            object.__setattr__(self, "level", tuple(self.level))

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Nothing: each window is fitted anew."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedStatistical:
        """Fits every series of the panel, or every sum of the level. Raises UsageError without statsforecast."""
        return fit(self, panel, horizon, progress)

    def regressors_of(self, panel: Panel) -> tuple[str, ...]:
        """The covariates of the panel that the model is shown."""
        return ()

    def waves(self) -> int:
        """How many pairs of sine and cosine of the year it is shown."""
        return 0

    def effort(self, learnt: Learnt | None) -> float:
        """About how many seconds a series takes, once it is learnt or before."""
        return 0.1 if learnt is None else 0.03

    def takes_long_season(self) -> bool:
        """Whether it is to see a season of more than 24 periods, rather than a history from which that is taken."""
        return False

    def learn(self, history: History) -> Learnt:
        """What the history of one series says of it."""
        raise NotImplementedError

    def ahead(self, history: History, learnt: Learnt) -> Ahead:
        """The forecast after a history of the series that was learnt, or a later one."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sarima(PerSeries):
    """Seasonal ARIMA: FPP3, chapter 9.

    The order of each series is searched for, stepwise by AICc; or it is given, as `order` (p, d, q) and `seasonal`
    (P, D, Q). With `approximation` the search compares orders by conditional sums of squares, which is about five
    times as fast, and only the order it finds is estimated by maximum likelihood; where not given, that is done for
    more than 150 days, as R's auto.arima does. A fitted model keeps order and coefficients.
    """

    order: arima.Order | None = None
    seasonal: arima.Order | None = None
    approximation: bool | None = None
    name: str = "sarima"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seasonal is not None and self.order is None:
            raise UsageError(f"The model '{self.name}' is given 'seasonal' without 'order'; give both, or neither.")
        for option in ("order", "seasonal"):
            object.__setattr__(self, option, _order(self.name, option, getattr(self, option)))

    def effort(self, learnt: Learnt | None) -> float:
        if learnt is not None:
            return 0.005
        return 0.5 if self.order is None else 0.05

    def takes_long_season(self) -> bool:
        return any(self.seasonal or ())

    def learn(self, history: History) -> Learnt:
        return arima.learn(history, self.order, self.seasonal, self.approximation)

    def ahead(self, history: History, learnt: Learnt) -> Ahead:
        return arima.ahead(history, learnt)

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Sarima, folder)


@dataclass(frozen=True)
class Sarimax(Sarima):
    """SARIMA with regressors whose future is known: FPP3, chapter 10.

    `regressors` are names of known-ahead covariates, such as ``price`` and ``promotion``; all of them where not
    given. One that does not vary in a series' history, or of which nothing is known ahead, is left out there; it
    holds its last value where it is unknown. `fourier` adds so many pairs of sine and cosine of the year, for a yearly
    season of daily sales (FPP3, section 10.5).
    """

    regressors: tuple[str, ...] | None = None
    fourier: int = 0
    name: str = "sarimax"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_whole(self.name, "fourier", self.fourier, least=0)
        if self.regressors is not None:
            object.__setattr__(self, "regressors", tuple(self.regressors))

    def regressors_of(self, panel: Panel) -> tuple[str, ...]:
        from foresell.models.statistical.history import check_regressors

        return check_regressors(panel, self.regressors)

    def waves(self) -> int:
        return self.fourier

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Sarimax, folder)


@dataclass(frozen=True)
class Ets(PerSeries):
    """Exponential smoothing of error, trend and season: FPP3, chapter 8.

    The form of each series is the one with the least AICc; a fitted model keeps it, and estimates its parameters at
    the cutoff it is asked at.
    """

    name: str = "ets"

    def learn(self, history: History) -> Learnt:
        return smoothing.learn_ets(history)

    def ahead(self, history: History, learnt: Learnt) -> Ahead:
        return smoothing.ahead_ets(history, learnt)

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Ets, folder)


@dataclass(frozen=True)
class Theta(PerSeries):
    """Theta: Assimakopoulos and Nikolopoulos (2000), in the four forms of Fiorucci and others (2016).

    The form of each series is the one with the least error of one step; a fitted model keeps it, and estimates its
    parameters at the cutoff it is asked at.
    """

    name: str = "theta"

    def learn(self, history: History) -> Learnt:
        return smoothing.learn_theta(history)

    def ahead(self, history: History, learnt: Learnt) -> Ahead:
        return smoothing.ahead_theta(history, learnt)

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Theta, folder)


def _check_whole(model: str, option: str, value: object, least: int = 1) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise UsageError(
            f"The option '{option}' of the model '{model}' is {value!r}; expected a whole number from {least}."
        )


def _order(model: str, option: str, value: Sequence[int] | None) -> arima.Order | None:
    """Three whole numbers from 0."""
    if value is None:
        return None
    numbers = tuple(value) if isinstance(value, Sequence) else ()
    if len(numbers) != 3 or any(not isinstance(each, int) or isinstance(each, bool) or each < 0 for each in numbers):
        raise UsageError(
            f"The option '{option}' of the model '{model}' is {value!r}; "
            "expected three whole numbers, such as [1, 1, 1]."
        )
    return numbers[0], numbers[1], numbers[2]
