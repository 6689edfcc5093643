"""The statistical models and their options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foresell.core.errors import UsageError
from foresell.core.panel import Panel
from foresell.models.contract import Progress
from foresell.models.option_checks import check_whole, wrong_option
from foresell.models.statistical import arima, smoothing
from foresell.models.statistical.fitted import FittedStatistical, fit, load
from foresell.models.statistical.history import History, check_regressors
from foresell.models.statistical.series import SeriesFit, SeriesForecast, SeriesModel


@dataclass(frozen=True)
class PerSeriesModel(SeriesModel):
    """A model that fits every series by itself, see `models.contract.Model`."""

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because every window is fitted by itself."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedStatistical:
        """Fits every series of the panel, or every sum of the level. Raises UsageError without statsforecast."""
        return fit(self, panel, horizon, progress)

    @classmethod
    def load(cls, folder: Path) -> FittedStatistical:
        """The model that was saved in `folder`. Raises UnreadableFile where a file of it is missing or damaged."""
        return load(cls, folder)


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
        check_whole(self.name, "fourier", self.fourier, least=0)
        if self.regressors is not None:
            object.__setattr__(self, "regressors", tuple(self.regressors))

    def regressors_of(self, panel: Panel) -> tuple[str, ...]:
        return check_regressors(panel, self.regressors)

    def fourier_pairs(self) -> int:
        return self.fourier


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


def _order(model: str, option: str, value: Sequence[int] | None) -> arima.Order | None:
    """The order as a tuple of three whole numbers from 0. Raises UsageError for anything else."""
    if value is None:
        return None
    numbers = tuple(value) if isinstance(value, Sequence) else ()
    if len(numbers) != 3 or any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in numbers):
        raise wrong_option(model, option, value, "three whole numbers, such as [1, 1, 1]")
    return numbers[0], numbers[1], numbers[2]
