"""The naive models, which repeat the past. Every other model has to beat them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.models.contract import Progress
from foresell.models.featureless import Featureless, FittedFeatureless
from foresell.models.option_checks import check_whole

FittedNaive = TypeVar("FittedNaive")

_WINDOW = {
    Frequency.HOUR: 168,
    Frequency.DAY: 28,
    Frequency.WEEK: 8,
    Frequency.MONTH: 3,
    Frequency.QUARTER: 2,
    Frequency.YEAR: 2,
}


@dataclass(frozen=True)
class SeasonalNaive(Featureless):
    """Repeats the last season of each series: FPP3, section 5.2.

    `season` is in periods: 7 days, 52 weeks, 12 months, 4 quarters or 1 year where not given. A day that is not known
    in the last season is taken from the newest season in which it is known. A day that is never known gets the mean
    of the others. A series without history gets 0.
    """

    season: int | None = None
    name: str = "seasonal_naive"

    def __post_init__(self) -> None:
        check_whole(self.name, "season", self.season)

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedSeasonalNaive:
        return FittedSeasonalNaive(self.season or panel.frequency.season, horizon)

    @staticmethod
    def load(folder: Path) -> FittedSeasonalNaive:
        """The model that was saved in `folder`. Raises UnreadableFile where it is damaged."""
        return _load(FittedSeasonalNaive, folder)


@dataclass(frozen=True)
class FittedSeasonalNaive(FittedFeatureless):
    """The season and the horizon. The values to repeat are read from the panel that is forecast."""

    season: int
    horizon: int
    name: str = "seasonal_naive"

    def mean(self, panel: Panel) -> np.ndarray:
        """The last season of each series, repeated up to the horizon: [series, step]."""
        return _last_season(panel.units, self.season)[:, np.arange(self.horizon) % self.season]

    def save(self, folder: Path) -> None:
        _write(folder, self.name, season=self.season, horizon=self.horizon)


@dataclass(frozen=True)
class MovingAverage(Featureless):
    """The mean of the known days among the last `window`, the same for every day ahead: FPP3, section 3.3.

    `window` is in periods: 28 days, 8 weeks, 3 months, 2 quarters or 2 years where not given. Where none
    of these days is known, the window ends with the last known day. A series without history gets 0.
    """

    window: int | None = None
    name: str = "moving_average"

    def __post_init__(self) -> None:
        check_whole(self.name, "window", self.window)

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedMovingAverage:
        return FittedMovingAverage(self.window or _WINDOW[panel.frequency], horizon)

    @staticmethod
    def load(folder: Path) -> FittedMovingAverage:
        """The model that was saved in `folder`. Raises UnreadableFile where it is damaged."""
        return _load(FittedMovingAverage, folder)


@dataclass(frozen=True)
class FittedMovingAverage(FittedFeatureless):
    """The window and the horizon. The mean is computed from the panel that is forecast."""

    window: int
    horizon: int
    name: str = "moving_average"

    def mean(self, panel: Panel) -> np.ndarray:
        """The mean of the last known days of each series, the same for every step: [series, step]."""
        mean = _known_mean(panel.units[:, -self.window :])
        for row in np.flatnonzero(np.isnan(mean)):
            known = np.flatnonzero(~np.isnan(panel.units[row]))
            if len(known):
                end = known[-1] + 1
                mean[row] = _known_mean(panel.units[row : row + 1, max(0, end - self.window) : end])[0]
        return np.repeat(mean[:, None], self.horizon, axis=1)

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


def _write(folder: Path, kind: str, **values: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"kind": kind, **values}, indent=2) + "\n", encoding="utf-8")


def _load(fitted: Callable[..., FittedNaive], folder: Path) -> FittedNaive:
    try:
        values = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return fitted(**{name: value for name, value in values.items() if name != "kind"})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UnreadableFile(f"{folder} does not hold a whole saved model: {error}.") from error
