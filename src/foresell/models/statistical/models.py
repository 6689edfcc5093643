"""The statistical models and their options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.contract import Progress
from foresell.models.statistical import arima, smoothing
from foresell.models.statistical.fitted import FittedStatistical, fit, load
from foresell.models.statistical.history import History, check_regressors
from foresell.models.statistical.series import SeriesFit, SeriesForecast


@dataclass(frozen=True)
class PerSeriesModel:
    """The options and the defaults of all statistical models.

    - `season`: periods in a season; 7 days, 52 weeks or 12 months where not given.
    - `days`: the last periods of the history that are used; 730 days, 260 weeks or 240 months where not given.
    - `level`: the level whose sums are fitted, ``()`` for the total; the single series where not given.
    - `processes`: how many series are fitted at the same time; as many as there are cores where not given.
    - `seconds`: the longest time for one series, which is forecast by the seasonal naive after that. Work of a few
      seconds in all is done in the calling process, without this limit.
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
        """Windows share nothing, because every window is fitted by itself."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedStatistical:
        """Fits every series of the panel, or every sum of the level. Raises UsageError without statsforecast."""
        return fit(self, panel, horizon, progress)

    def options(self) -> dict[str, Any]:
        """The options of the model by name, for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "name"}

    def regressors_of(self, panel: Panel) -> tuple[str, ...]:
        """The covariates of the panel that the model uses as regressors."""
        return ()

    def fourier_pairs(self) -> int:
        """The number of pairs of sine and cosine of the year that are regressors."""
        return 0

    def expected_seconds(self, series_fit: SeriesFit | None) -> float:
        """The approximate seconds for one series; `series_fit` is None where it is not fitted yet."""
        return 0.1 if series_fit is None else 0.03

    def takes_long_season(self) -> bool:
        """Whether the model fits a season of more than 24 periods itself; otherwise STL takes it off before the fit."""
        return False

    def fit_series(self, history: History) -> SeriesFit:
        """The fit of the model to the history of one series."""
        raise NotImplementedError

    def forecast_series(self, history: History, series_fit: SeriesFit) -> SeriesForecast:
        """The forecast after `history`, which is that of the fit or a later one of the same series."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sarima(PerSeriesModel):
    """Seasonal ARIMA: FPP3, chapter 9.

    Without `order` (p, d, q) and `seasonal` (P, D, Q), a stepwise search by AICc chooses the order of each series. With
    `approximation` the search compares orders by conditional sums of squares, which is about five times as fast, and
    only the chosen order is estimated by maximum likelihood. Where not given, approximation is used for more than 150
    days, as in R's auto.arima. A fitted model keeps the order and the coefficients.
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

    def expected_seconds(self, series_fit: SeriesFit | None) -> float:
        if series_fit is not None:
            return 0.005
        return 0.5 if self.order is None else 0.05

    def takes_long_season(self) -> bool:
        return any(self.seasonal or ())

    def fit_series(self, history: History) -> SeriesFit:
        return arima.fit_series(history, self.order, self.seasonal, self.approximation)

    def forecast_series(self, history: History, series_fit: SeriesFit) -> SeriesForecast:
        return arima.forecast_series(history, series_fit)

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Sarima, folder)


@dataclass(frozen=True)
class Sarimax(Sarima):
    """SARIMA with regressors whose future is known: FPP3, chapter 10.

    `regressors` are names of known-ahead covariates, such as ``price`` and ``promotion``; all of them where not
    given. A regressor that does not vary in the history of a series, or is unknown for all days ahead, is left out for
    that series. An unknown value is taken to be the last known one. `fourier` is the number of pairs of sine and cosine
    of the year, for a yearly season of daily sales (FPP3, section 10.5).
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
        return check_regressors(panel, self.regressors)

    def fourier_pairs(self) -> int:
        return self.fourier

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Sarimax, folder)


@dataclass(frozen=True)
class Ets(PerSeriesModel):
    """Exponential smoothing of error, trend and season: FPP3, chapter 8.

    The form with the smallest AICc is chosen for each series. A fitted model keeps the form, and estimates its
    parameters on the history to the cutoff of each forecast.
    """

    name: str = "ets"

    def fit_series(self, history: History) -> SeriesFit:
        return smoothing.fit_ets(history)

    def forecast_series(self, history: History, series_fit: SeriesFit) -> SeriesForecast:
        return smoothing.forecast_ets(history, series_fit)

    @staticmethod
    def load(folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`."""
        return load(Ets, folder)


@dataclass(frozen=True)
class Theta(PerSeriesModel):
    """Theta: Assimakopoulos and Nikolopoulos (2000), in the four forms of Fiorucci and others (2016).

    The form with the smallest one-step error is chosen for each series. A fitted model keeps the form, and estimates
    its parameters on the history to the cutoff of each forecast.
    """

    name: str = "theta"

    def fit_series(self, history: History) -> SeriesFit:
        return smoothing.fit_theta(history)

    def forecast_series(self, history: History, series_fit: SeriesFit) -> SeriesForecast:
        return smoothing.forecast_theta(history, series_fit)

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
    """The order as a tuple of three whole numbers from 0. Raises UsageError for anything else."""
    if value is None:
        return None
    numbers = tuple(value) if isinstance(value, Sequence) else ()
    if len(numbers) != 3 or any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in numbers):
        raise UsageError(
            f"The option '{option}' of the model '{model}' is {value!r}; "
            "expected three whole numbers, such as [1, 1, 1]."
        )
    return numbers[0], numbers[1], numbers[2]
