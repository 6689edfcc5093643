"""One series: the fit of a model to its history, the forecast, and a check whether the forecast is plausible."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from foresell.core.errors import ForesellError
from foresell.core.extras import importing, require
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.option_checks import check_whole, wrong_option
from foresell.models.statistical.history import History

LONG_SEASON = 24
"""A season of more periods is subtracted before the fit, because ARIMA and ETS have too many parameters for it (FPP3,
section 13.1)."""

FEWEST_PERIODS = 24
"""The fewest known periods of a series with a long season; other series need two seasons."""

LARGEST_RATIO = 3
"""A forecast that is larger than the largest day of the history by more than this factor is rejected."""


@dataclass(frozen=True)
class SeriesFit:
    """The fit of a model to one series.

    `form` is the form of the model in the usual notation, such as ``ETS(M,Ad,M)``. `coefficients` by name are those
    that a forecast uses again, and `regressors` the names of the regressors that have one.
    """

    form: str
    coefficients: Mapping[str, float] = field(default_factory=dict)
    regressors: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesForecast:
    """The `mean` of the days of the horizon [step], and the units that each regressor adds to it, by name [step]."""

    mean: np.ndarray
    effects: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class SeriesModel:
    """A model of single series: the options and the defaults of all statistical models.

    `fit_series` and `forecast_series` raise the library's own exceptions where a series cannot be fitted.

    - `season`: periods in a season; 7 days, 52 weeks, 12 months, 4 quarters or 1 year where not given.
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
            check_whole(self.name, option, getattr(self, option))
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float) or not self.seconds > 0:
            raise wrong_option(self.name, "seconds", self.seconds, "a number above 0")
        if self.level is not None:
            object.__setattr__(self, "level", tuple(self.level))

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
        """Whether the model fits a season of more than `LONG_SEASON` periods itself, so that STL need not."""
        return False

    def fit_series(self, history: History) -> SeriesFit:
        """The fit of the model to the history of one series."""
        raise NotImplementedError

    def forecast_series(self, history: History, series_fit: SeriesFit) -> SeriesForecast:
        """The forecast after `history`, which is that of the fit or a later one of the same series."""
        raise NotImplementedError


@dataclass(frozen=True)
class SeriesTask:
    """A series to forecast; without a `series_fit` it has to be fitted first."""

    history: History
    series_fit: SeriesFit | None = None


@dataclass(frozen=True)
class SeriesOutcome:
    """The result of a task. Without a forecast, `failure` is the code of the finding and `detail` describes it."""

    series_fit: SeriesFit | None = None
    forecast: SeriesForecast | None = None
    failure: str = ""
    detail: str = ""


def fit_and_forecast(model: SeriesModel, task: SeriesTask) -> SeriesOutcome:
    """Fits the model where the task has no fit yet, and forecasts. A series that fails has a failure as its outcome."""
    failure = _unusable(task.history)
    if failure:
        return SeriesOutcome(failure=failure)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            history, season = task.history, 0.0
            if not model.takes_long_season():
                history, season = _without_long_season(history)
            series_fit = task.series_fit
            if series_fit is None or not set(series_fit.regressors) <= set(history.names):
                series_fit = model.fit_series(history)
            forecast = model.forecast_series(history, series_fit)
    except (ForesellError, ImportError):
        raise
    except Exception as error:  # numerical libraries raise exceptions of many classes
        return SeriesOutcome(failure="fit-failed", detail=f"{type(error).__name__}: {error}"[:200])
    mean = np.asarray(forecast.mean, np.float64) + season
    if not (np.isfinite(mean).all() and mean.max() <= LARGEST_RATIO * task.history.units.max()):
        return SeriesOutcome(failure="fit-failed", detail=f"a mean of {mean.max():.4g}")
    return SeriesOutcome(series_fit, replace(forecast, mean=mean))


def _unusable(history: History) -> str:
    """The code of the failure where no model can be fitted to `history`, else an empty text."""
    needed = 2 * history.season if history.season <= LONG_SEASON else FEWEST_PERIODS
    if history.known < max(needed, 10):
        return "too-short"
    return "constant" if np.ptp(history.units) == 0 else ""


def _without_long_season(history: History) -> tuple[History, Any]:
    """The history without its season where the season is long, and the season of the days of the horizon [step].

    The season is that of STL (FPP3, section 3.6). A history of less than two long seasons is taken to have none.
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
    """Raises NotInstalled where statsforecast is not installed. It is not imported, because that takes seconds."""
    require("statistical")


def statsforecast_module(name: str) -> Any:
    """The module `name` of statsforecast. Raises NotInstalled where that is not installed."""
    from importlib import import_module

    with importing("statistical"):
        return import_module(f"statsforecast.{name}")
