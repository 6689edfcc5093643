"""Items that sell now and then: Croston's method, its corrections SBA and TSB, and ADIDA.

Each gives one rate, the same for every day ahead. It is a rate per day on sale: days that are not known (closed,
stocked out, not yet on sale) do not count, neither as a day without demand nor as a day waited for it; closed days are
forecast 0. All series are done at once, day by day, so a pass over thousands takes seconds. Nothing is learnt when
they are fitted; the rate is that at the cutoff asked about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress

BLOCK = 1024
"""How many series are done at a time."""

ALPHAS = np.linspace(0.1, 0.3, 11)
"""The smoothing constants among which ADIDA chooses, as Petropoulos and Kourentzes (2015) bound them."""


@dataclass(frozen=True)
class _Intermittent:
    """What the four have in common: they learn nothing."""

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Nothing: a window takes next to no time."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedIntermittent:
        return FittedIntermittent(self, horizon)

    def rate(self, units: np.ndarray) -> np.ndarray:
        """Units a day of each series [series]; in `units` [series, day] unknown days come first, see `settled`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Croston(_Intermittent):
    """Croston (1972): smoothed size of a demand over the smoothed interval between demands.

    `alpha` smooths both. The first demand and the days up to it are where they begin.

    >>> Croston(alpha=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))  # size 3, interval 2.5
    array([1.2])
    """

    alpha: float = 0.1
    name: str = "croston"

    def __post_init__(self) -> None:
        _check_share(self.name, "alpha", self.alpha)

    def rate(self, units: np.ndarray) -> np.ndarray:
        return _croston(units, self.alpha)

    @staticmethod
    def load(folder: Path) -> FittedIntermittent:
        """The model that was saved in `folder`."""
        return _load(Croston, folder)


@dataclass(frozen=True)
class SBA(_Intermittent):
    """Syntetos and Boylan (2005): Croston's rate times ``1 - alpha / 2``, which takes out its bias.

    >>> SBA(alpha=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))
    array([0.9])
    """

    alpha: float = 0.1
    name: str = "sba"

    def __post_init__(self) -> None:
        _check_share(self.name, "alpha", self.alpha)

    def rate(self, units: np.ndarray) -> np.ndarray:
        return _croston(units, self.alpha) * (1 - self.alpha / 2)

    @staticmethod
    def load(folder: Path) -> FittedIntermittent:
        """The model that was saved in `folder`."""
        return _load(SBA, folder)


@dataclass(frozen=True)
class TSB(_Intermittent):
    """Teunter, Syntetos and Babai (2011): smoothed probability of a demand times the smoothed size of one.

    The probability falls on every day without demand, so an item that has ceased to sell is forecast less and less.
    `alpha` smooths the size, `beta` the probability.

    >>> TSB(alpha=0.5, beta=0.5).rate(np.array([[0, 2, 0, 0, 4.0]]))  # size 3, probability 0.5625
    array([1.6875])
    """

    alpha: float = 0.1
    beta: float = 0.1
    name: str = "tsb"

    def __post_init__(self) -> None:
        _check_share(self.name, "alpha", self.alpha)
        _check_share(self.name, "beta", self.beta)

    def rate(self, units: np.ndarray) -> np.ndarray:
        size = np.full(len(units), np.nan)
        chance = np.full(len(units), np.nan)
        for today in units.T:
            sold = today > 0
            chance = _smoothed(chance, sold.astype(np.float64), self.beta, ~np.isnan(today))
            size = _smoothed(size, today, self.alpha, sold)
        return np.nan_to_num(chance * size)

    @staticmethod
    def load(folder: Path) -> FittedIntermittent:
        """The model that was saved in `folder`."""
        return _load(TSB, folder)


@dataclass(frozen=True)
class ADIDA(_Intermittent):
    """Nikolopoulos and others (2011): sums over buckets as long as the mean interval between demands, smoothed.

    The rate is the smoothed sum over the length of a bucket. Buckets end at the cutoff; the oldest days that fill
    none are left out. The smoothing constant is that of `ALPHAS` with the least squared error of one step.

    >>> ADIDA().rate(np.array([[5, 0, 2, 0, 2, 0, 2.0]]))  # an interval of 7 / 4 days, so buckets of 2
    array([1.])
    """

    name: str = "adida"

    def rate(self, units: np.ndarray) -> np.ndarray:
        found = np.zeros(len(units))
        length = _mean_interval(units)
        for days in np.unique(length[length > 0]):
            rows = np.flatnonzero(length == days)
            n = units.shape[1] // days * days
            if n:
                sums = units[rows, units.shape[1] - n :].reshape(len(rows), -1, days).sum(axis=2)
                found[rows] = _best_smoothed(sums) / days
        return found

    @staticmethod
    def load(folder: Path) -> FittedIntermittent:
        """The model that was saved in `folder`."""
        return _load(ADIDA, folder)


@dataclass(frozen=True)
class FittedIntermittent:
    """A method and the horizon; the history it looks at is that of the panel it is asked about."""

    model: Any
    horizon: int
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        return self.model.name

    def reads(self, panel: Panel) -> frozenset[str]:
        """None."""
        return frozenset()

    def forecast(self, panel: Panel) -> Forecast:
        """The rate of each series for every step [series, step], 0 where closed; 0 for a series that never sold."""
        rate = np.zeros(panel.n_series)
        for start in range(0, panel.n_series, BLOCK):
            rows = slice(start, start + BLOCK)
            rate[rows] = self.model.rate(settled(panel.units[rows]))
        mean = np.repeat(rate[:, None], self.horizon, axis=1).astype(np.float32)
        mean[closed_days(panel, self.horizon)] = 0
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The rate is the base; no feature adds to it."""
        mean = self.forecast(panel if series is None else panel.part(np.array(series, np.int64))).mean
        return Contributions((), mean, np.zeros((0, *mean.shape), np.float32))

    def drivers(self) -> pl.DataFrame:
        """None."""
        return pl.DataFrame(schema={"feature": pl.String, "share": pl.Float64})

    def save(self, folder: Path) -> None:
        """Writes the options as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        options = {name: value for name, value in asdict(self.model).items() if name != "name"}
        text = json.dumps({"kind": self.name, "horizon": self.horizon, "options": options}, indent=1)
        (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def settled(units: np.ndarray) -> np.ndarray:
    """`units` [series, day] as float64 with unknown days moved to the front, the others in their order; returns
    beyond the day's sales count as nothing sold.

    >>> settled(np.array([[1, np.nan, 0, 3]]))
    array([[nan,  1.,  0.,  3.]])
    """
    known = ~np.isnan(units)
    values = np.maximum(units.astype(np.float64), 0)
    return np.take_along_axis(values, np.argsort(known, axis=1, kind="stable"), axis=1)


def _croston(units: np.ndarray, alpha: float) -> np.ndarray:
    size = np.full(len(units), np.nan)
    interval = np.full(len(units), np.nan)
    waited = np.zeros(len(units))
    for today in units.T:
        sold = today > 0
        waited += ~np.isnan(today)
        size = _smoothed(size, today, alpha, sold)
        interval = _smoothed(interval, waited, alpha, sold)
        waited[sold] = 0
    return np.nan_to_num(size / interval)


def _smoothed(level: np.ndarray, value: np.ndarray, alpha: Any, when: np.ndarray) -> np.ndarray:
    """Simple exponential smoothing, one day on, `when` there is something to learn; the first value begins it."""
    moved = np.where(np.isnan(level), value, level + alpha * (value - level))
    return np.where(when, moved, level)


def _mean_interval(units: np.ndarray) -> np.ndarray:
    """The mean interval between demands in whole days [series]; the first one counts from the first known day."""
    days = np.arange(1, units.shape[1] + 1)
    last = np.where(units > 0, days, 0).max(axis=1, initial=0)
    unknown = np.isnan(units).sum(axis=1)
    count = (units > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, np.rint((last - unknown) / count), 0).astype(np.int64)


def _best_smoothed(sums: np.ndarray) -> np.ndarray:
    """The sums [series, bucket] smoothed with the best of `ALPHAS` for each series [series].

    A bucket with an unknown day is left out; every series that ever sold has a whole one.
    """
    level = np.full((len(ALPHAS), len(sums)), np.nan)
    error = np.zeros_like(level)
    for bucket in sums.T:
        error += np.nan_to_num((bucket - level) ** 2)
        level = _smoothed(level, bucket[None], ALPHAS[:, None], ~np.isnan(bucket)[None])
    best = error.argmin(axis=0)
    return np.nan_to_num(level[best, np.arange(len(sums))])


def _check_share(model: str, option: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise UsageError(
            f"The option '{option}' of the model '{model}' is {value!r}; expected a number above 0, at most 1."
        )


def _load(kind: Callable[..., Any], folder: Path) -> FittedIntermittent:
    try:
        text = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return FittedIntermittent(kind(**text["options"]), text["horizon"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(f"{folder} does not hold a whole saved model: {error}.") from error
