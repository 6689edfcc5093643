"""The naive models, which repeat the past. Every other model has to beat them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress

_WINDOW = {Frequency.DAY: 28, Frequency.WEEK: 8, Frequency.MONTH: 3}


@dataclass(frozen=True)
class SeasonalNaive:
    """Repeats the last season of each series: FPP3, section 5.2.

    `season` is in periods: 7 days, 52 weeks or 12 months where not given. A day that is not known in the last season is
    taken from the newest season in which it is known. A day that is never known gets the mean of the others. A series
    without history gets 0.
    """

    season: int | None = None
    name: str = "seasonal_naive"

    def __post_init__(self) -> None:
        _check_positive(self.name, "season", self.season)

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because a fit takes almost no time."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedSeasonalNaive:
        return FittedSeasonalNaive(self.season or panel.frequency.season, horizon)

    @staticmethod
    def load(folder: Path) -> FittedSeasonalNaive:
        """The model that was saved in `folder`."""
        return FittedSeasonalNaive(**_read(folder))


@dataclass(frozen=True)
class FittedSeasonalNaive:
    """The season and the horizon. The values to repeat are read from the panel that is forecast."""

    season: int
    horizon: int
    name: str = "seasonal_naive"
    findings: tuple[Finding, ...] = ()

    def reads(self, panel: Panel) -> frozenset[str]:
        """No covariates."""
        return frozenset()

    def statistics(self, block: Panel) -> Statistics:
        """Their number only: each series is looked at by itself."""
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        season = _last_season(panel.units, self.season)
        return _forecast(panel, season[:, np.arange(self.horizon) % self.season])

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        return _base_only(self.forecast(panel if series is None else panel.part(np.array(series, np.int64))))

    def drivers(self) -> pl.DataFrame:
        return _no_drivers()

    def save(self, folder: Path) -> None:
        _write(folder, self.name, season=self.season, horizon=self.horizon)


@dataclass(frozen=True)
class MovingAverage:
    """The mean of the known days among the last `window`, the same for every day ahead: FPP3, section 3.3.

    `window` is in periods: 28 days, 8 weeks or 3 months where not given. Where none of these days is known, the
    window ends with the last known day. A series without history gets 0.
    """

    window: int | None = None
    name: str = "moving_average"

    def __post_init__(self) -> None:
        _check_positive(self.name, "window", self.window)

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because a fit takes almost no time."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedMovingAverage:
        return FittedMovingAverage(self.window or _WINDOW[panel.frequency], horizon)

    @staticmethod
    def load(folder: Path) -> FittedMovingAverage:
        """The model that was saved in `folder`."""
        return FittedMovingAverage(**_read(folder))


@dataclass(frozen=True)
class FittedMovingAverage:
    """The window and the horizon. The mean is computed from the panel that is forecast."""

    window: int
    horizon: int
    name: str = "moving_average"
    findings: tuple[Finding, ...] = ()

    def reads(self, panel: Panel) -> frozenset[str]:
        """No covariates."""
        return frozenset()

    def statistics(self, block: Panel) -> Statistics:
        """Their number only: each series is looked at by itself."""
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        mean = _known_mean(panel.units[:, -self.window :])
        for row in np.flatnonzero(np.isnan(mean)):
            known = np.flatnonzero(~np.isnan(panel.units[row]))
            if len(known):
                end = known[-1] + 1
                mean[row] = _known_mean(panel.units[row : row + 1, max(0, end - self.window) : end])[0]
        return _forecast(panel, np.repeat(mean[:, None], self.horizon, axis=1))

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        return _base_only(self.forecast(panel if series is None else panel.part(np.array(series, np.int64))))

    def drivers(self) -> pl.DataFrame:
        return _no_drivers()

    def save(self, folder: Path) -> None:
        _write(folder, self.name, window=self.window, horizon=self.horizon)


def _last_season(units: np.ndarray, season: int) -> np.ndarray:
    """The last known value of each day of the season [series, season], in the order of the days to come."""
    n_series, n_days = units.shape
    last = np.full((n_series, season), np.nan, np.float32)
    missing = np.arange(n_series)
    for end in range(n_days, 0, -season):
        part = units[missing, max(0, end - season) : end]
        values = np.full((len(missing), season), np.nan, np.float32)
        values[:, season - part.shape[1] :] = part
        last[missing] = np.where(np.isnan(last[missing]), values, last[missing])
        missing = missing[np.isnan(last[missing]).any(axis=1)]
        if not len(missing):
            break
    return np.where(np.isnan(last), _known_mean(last)[:, None], last)


def _known_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the known days [series]; NaN where there is none."""
    count = np.sum(~np.isnan(values), axis=1)
    total = np.nansum(values, axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _forecast(panel: Panel, mean: np.ndarray) -> Forecast:
    """A forecast of `mean` [series, step], with 0 in place of NaN and of negative values, and on closed days."""
    horizon = mean.shape[1]
    mean = np.maximum(np.nan_to_num(mean), 0).astype(np.float32)
    mean[closed_days(panel, horizon)] = 0
    return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(horizon), mean)


def _base_only(forecast: Forecast) -> Contributions:
    """The whole forecast as the base, because these models have no features."""
    return Contributions((), forecast.mean, np.zeros((0, *forecast.mean.shape), np.float32))


def _no_drivers() -> pl.DataFrame:
    return pl.DataFrame(schema={"feature": pl.String, "share": pl.Float64})


def _check_positive(model: str, option: str, value: int | None) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise UsageError(f"The option '{option}' of the model '{model}' is {value!r}; expected a whole number from 1.")


def _write(folder: Path, kind: str, **values: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"kind": kind, **values}, indent=2) + "\n", encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    values = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    values.pop("kind")
    return values
