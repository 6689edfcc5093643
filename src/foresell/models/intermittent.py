"""Models of intermittent demand: Croston's method, its corrections SBA and TSB, and ADIDA.

Each model forecasts one rate for every day ahead, the units per day on sale. Days that are not known (closed, out of
stock, not yet on sale) count neither as days without demand nor in the interval between demands; closed days are
forecast 0. All series are computed together, day by day, so a pass over thousands of them takes seconds. A fit learns
nothing; the rate is computed from the panel that is forecast.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.core.panel import Panel
from foresell.models.contract import Progress
from foresell.models.featureless import Featureless, FittedFeatureless
from foresell.models.option_checks import check_share

BLOCK = 1024
"""The number of series that are computed at a time."""

ALPHAS = np.linspace(0.1, 0.3, 11)
"""The smoothing constants that ADIDA chooses from, in the range of Petropoulos and Kourentzes (2015)."""


@dataclass(frozen=True)
class _Intermittent(Featureless):
    """The methods that the four models share."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedIntermittent:
        return FittedIntermittent(self, horizon)

    @classmethod
    def load(cls, folder: Path) -> FittedIntermittent:
        """The model that was saved in `folder`. Raises UnreadableFile where it is damaged."""
        try:
            text = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            return FittedIntermittent(cls(**text["options"]), text["horizon"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{folder} does not hold a whole saved model: {error}.") from error

    def rate(self, units: np.ndarray) -> np.ndarray:
        """Units a day of each series [series]; in `units` [series, day] unknown days come first, see
        `unknown_first`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Croston(_Intermittent):
    """Croston (1972): the smoothed size of a demand over the smoothed interval between demands.

    `alpha` smooths both. Their first values are the first demand and the number of days up to it.

    >>> Croston(alpha=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))  # size 3, interval 2.5
    array([1.2])
    """

    alpha: float = 0.1
    name: str = "croston"

    def __post_init__(self) -> None:
        check_share(self.name, "alpha", self.alpha)

    def rate(self, units: np.ndarray) -> np.ndarray:
        return _croston(units, self.alpha)


@dataclass(frozen=True)
class SBA(_Intermittent):
    """Syntetos and Boylan (2005): Croston's rate times ``1 - alpha / 2``, which removes its bias.

    >>> SBA(alpha=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))
    array([0.9])
    """

    alpha: float = 0.1
    name: str = "sba"

    def __post_init__(self) -> None:
        check_share(self.name, "alpha", self.alpha)

    def rate(self, units: np.ndarray) -> np.ndarray:
        return _croston(units, self.alpha) * (1 - self.alpha / 2)


@dataclass(frozen=True)
class TSB(_Intermittent):
    """Teunter, Syntetos and Babai (2011): the smoothed probability of a demand times the smoothed size of a demand.

    The probability falls on every day without demand, so the forecast of an item that no longer sells falls too.
    `alpha` smooths the size, `beta` the probability.

    >>> TSB(alpha=0.5, beta=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))  # size 3, probability 0.5625
    array([1.6875])
    """

    alpha: float = 0.1
    beta: float = 0.1
    name: str = "tsb"

    def __post_init__(self) -> None:
        check_share(self.name, "alpha", self.alpha)
        check_share(self.name, "beta", self.beta)

    def rate(self, units: np.ndarray) -> np.ndarray:
        size = np.full(len(units), np.nan)
        probability = np.full(len(units), np.nan)
        for today in units.T:
            sold = today > 0
            probability = _smoothed(probability, sold.astype(np.float64), self.beta, ~np.isnan(today))
            size = _smoothed(size, today, self.alpha, sold)
        return np.nan_to_num(probability * size)


@dataclass(frozen=True)
class ADIDA(_Intermittent):
    """Nikolopoulos and others (2011): smoothed sums over buckets as long as the mean interval between demands.

    The rate is the smoothed sum over the length of a bucket. The last bucket ends at the cutoff; the oldest days that
    do not fill a bucket are left out. The smoothing constant is that of `ALPHAS` with the smallest squared one-step
    error.

    >>> ADIDA().rate(np.array([[5, 0, 2, 0, 2, 0, 2.0]]))  # an interval of 7 / 4 days, so buckets of 2
    array([1.])
    """

    name: str = "adida"

    def rate(self, units: np.ndarray) -> np.ndarray:
        rate = np.zeros(len(units))
        length = _mean_interval(units)
        for days in np.unique(length[length > 0]):
            rows = np.flatnonzero(length == days)
            n = units.shape[1] // days * days
            if n:
                sums = units[rows, units.shape[1] - n :].reshape(len(rows), -1, days).sum(axis=2)
                rate[rows] = _best_smoothed(sums) / days
        return rate


@dataclass(frozen=True)
class FittedIntermittent(FittedFeatureless):
    """A method and the horizon. The rate is computed from the panel that is forecast."""

    model: Any
    horizon: int

    @property
    def name(self) -> str:
        return self.model.name

    def mean(self, panel: Panel) -> np.ndarray:
        """The rate of each series for every step [series, step]; 0 for a series without sales."""
        rates = [self.model.rate(unknown_first(block.units)) for block in panel.blocks(BLOCK)]
        return np.repeat(np.concatenate(rates)[:, None], self.horizon, axis=1)

    def save(self, folder: Path) -> None:
        """Writes the options as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        options = {name: value for name, value in asdict(self.model).items() if name != "name"}
        text = json.dumps({"kind": self.name, "horizon": self.horizon, "options": options}, indent=1)
        (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def unknown_first(units: np.ndarray) -> np.ndarray:
    """`units` [series, day] as float64 with unknown days moved to the front and the others in their order.

    A negative day, with more returns than sales, becomes 0.

    >>> unknown_first(np.array([[1, np.nan, 0, 3]]))
    array([[nan,  1.,  0.,  3.]])
    """
    known = ~np.isnan(units)
    values = np.maximum(units.astype(np.float64), 0)
    return np.take_along_axis(values, np.argsort(known, axis=1, kind="stable"), axis=1)


def _croston(units: np.ndarray, alpha: float) -> np.ndarray:
    size = np.full(len(units), np.nan)
    interval = np.full(len(units), np.nan)
    days_since = np.zeros(len(units))
    for today in units.T:
        sold = today > 0
        days_since += ~np.isnan(today)
        size = _smoothed(size, today, alpha, sold)
        interval = _smoothed(interval, days_since, alpha, sold)
        days_since[sold] = 0
    return np.nan_to_num(size / interval)


def _smoothed(level: np.ndarray, value: np.ndarray, alpha: Any, when: np.ndarray) -> np.ndarray:
    """One step of simple exponential smoothing for the series where `when` is true; the first value starts the
    level."""
    moved = np.where(np.isnan(level), value, level + alpha * (value - level))
    return np.where(when, moved, level)


def _mean_interval(units: np.ndarray) -> np.ndarray:
    """The mean interval between demands in whole days [series]; the first interval begins on the first known day."""
    days = np.arange(1, units.shape[1] + 1)
    last = np.where(units > 0, days, 0).max(axis=1, initial=0)
    unknown = np.isnan(units).sum(axis=1)
    count = (units > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, np.rint((last - unknown) / count), 0).astype(np.int64)


def _best_smoothed(sums: np.ndarray) -> np.ndarray:
    """The sums [series, bucket] smoothed with the best of `ALPHAS` for each series [series].

    A bucket with an unknown day is left out. Every series with sales has at least one complete bucket.
    """
    level = np.full((len(ALPHAS), len(sums)), np.nan)
    error = np.zeros_like(level)
    for bucket in sums.T:
        error += np.nan_to_num((bucket - level) ** 2)
        level = _smoothed(level, bucket[None], ALPHAS[:, None], ~np.isnan(bucket)[None])
    best = error.argmin(axis=0)
    return np.nan_to_num(level[best, np.arange(len(sums))])
