"""How far actuals scatter round a forecast: its variance, from the forecast and what the series' last year shows.

The logarithm of variance / mean is a linear function of how much and how steadily the series sells, how far ahead the
day lies, how long nothing was sold and whether the day lies beside a holiday. It is fitted to the squared errors of
past forecasts by quasi-likelihood, as for gamma-distributed squares with a log link: McCullagh and Nelder,
"Generalized linear models", 1989, chapter 10 (joint modelling of mean and dispersion). Sizes are in grains: units, or
thousandths of what is usually sold where units are not whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.core.frequency import Frequency

BORROWED = 10
"""A series' own noise counts as much as that of the others once it has shown so many differences."""

LEAST = 1e-3  # a mean in grains: below it nothing is expected to be sold within the horizon
_PRIOR = 50  # how many errors it takes to move a coefficient half of the way from what is believed beforehand
_FAR = 20  # a squared error counts at most so many times the variance
_BLOCK = 4096  # series at once: keeps the copies of a year small


@dataclass(frozen=True)
class Habits:
    """What the last year of each series shows; all float64 [series], in grains.

    - `mean`, `variance`: of a day, the variance being half the mean squared difference from a season before.
    - `recent_mean`, `recent_variance`: the same with weights that halve every two months.
    - `pairs`: from how many differences. `silent`: how many last known days were without a sale.
    """

    mean: np.ndarray
    variance: np.ndarray
    recent_mean: np.ndarray
    recent_variance: np.ndarray
    pairs: np.ndarray
    silent: np.ndarray

    @classmethod
    def of(cls, units: np.ndarray, frequency: Frequency, grain: float = 1.0) -> Habits:
        """From `units` [series, day] that end at the cutoff, NaN being unknown; `span` of them are looked at."""
        last = units[:, -span(frequency) :]
        blocks = [_habits(last[at : at + _BLOCK] / grain, frequency) for at in range(0, len(last), _BLOCK)]
        return cls(*np.concatenate(blocks, axis=1)) if blocks else cls(*np.zeros((6, 0)))

    def part(self, series: np.ndarray) -> Habits:
        """Those of some series, in any order."""
        return Habits(*(getattr(self, name)[series] for name in self.__dataclass_fields__))

    def noise(self, offset: float, typical: tuple[float, float] | None = None) -> Iterator[np.ndarray]:
        """Variance over mean, of the year and recently [series]; the fewer `pairs`, the nearer to `typical`.

        Without `typical`, the median of those that are known.
        """
        moments = ((self.variance, self.mean), (self.recent_variance, self.recent_mean))
        for number, (variance, mean) in enumerate(moments):
            own = variance / (mean + offset)
            seen = own[(self.pairs > 0) & (own > 0)]
            borrowed = typical[number] if typical else float(np.median(seen)) if len(seen) else 1.0
            yield (self.pairs * own + BORROWED * borrowed) / (self.pairs + BORROWED)


def span(frequency: Frequency) -> int:
    """How many last days `Habits` looks at: a year and the season before it."""
    return frequency.year + _lag(frequency)


def _lag(frequency: Frequency) -> int:
    return frequency.season if frequency == Frequency.DAY else 1


def _habits(units: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The six columns of `Habits` [column, series]."""
    units = units.astype(np.float64)
    lag, n_days = _lag(frequency), units.shape[1]
    known = ~np.isnan(units)
    difference = units[:, lag:] - units[:, :-lag]
    paired = ~np.isnan(difference)
    squares = np.where(paired, difference, 0) ** 2
    filled = np.where(known, units, 0)
    columns = []
    for halving in (np.inf, frequency.year / 6):
        weight = 0.5 ** (np.arange(n_days)[::-1] / halving)
        columns.append(np.maximum(filled @ weight, 0) / np.maximum(known @ weight, 1e-9))
        columns.append(squares @ weight[lag:] / 2 / np.maximum(paired @ weight[lag:], 1e-9))
    since = ~np.logical_or.accumulate((filled > 0)[:, ::-1], axis=1)
    return np.stack([*columns, paired.sum(axis=1), (since & known[:, ::-1]).sum(axis=1)])


@dataclass(frozen=True)
class Traits:
    """What decides the variance of some forecasts, flat [point]: log of the mean, log noises, silence, log step, and
    whether a holiday is near (0 or 1)."""

    size: np.ndarray
    year: np.ndarray
    recent: np.ndarray
    silent: np.ndarray
    step: np.ndarray
    holiday: np.ndarray

    def limits(self) -> tuple[list[float], list[float]]:
        """The least and the greatest value of each."""
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        return [float(value.min()) for value in values], [float(value.max()) for value in values]

    def within(self, limits: tuple[list[float], list[float]]) -> Traits:
        """The same, moved into `limits`: a variance is not carried on past what was seen."""
        names = self.__dataclass_fields__
        bounded = zip(names, *limits, strict=True)
        return Traits(*(np.clip(getattr(self, name), least, greatest) for name, least, greatest in bounded))

    def columns(self) -> np.ndarray:
        """The columns of the regression [point, `len(BELIEVED)`]."""
        silent, many = np.log1p(self.silent), np.maximum(self.size - 1, 0)
        one, size = np.ones_like(self.size), self.size
        rows = [one, size, size**2, many**2, self.recent, self.recent * size, self.year, self.step, silent]
        return np.stack([*rows, silent * size, self.holiday], axis=1)


BELIEVED = np.array([0, 0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0])
"""Coefficients before any error is seen: the variance that the series' last year shows."""


def traits(
    mean: np.ndarray,
    group: np.ndarray,
    step: np.ndarray,
    holiday: np.ndarray,
    habits: Habits,
    offset: float,
    typical: tuple[float, float],
) -> Traits:
    """The traits of forecasts given flat: `mean` in grains, the `group` (row of `habits`), the `step` (from 1), and
    whether a `holiday` is near."""
    if len(group) < len(habits.mean):  # the noise of those that are asked about is enough
        habits, group = habits.part(group), np.arange(len(group))
    year, recent = (np.log(noise) for noise in habits.noise(offset, typical))
    sized, near = np.log(mean + offset), holiday.astype(np.float64)
    return Traits(sized, year[group], recent[group], habits.silent[group], np.log(step), near)


def fit(columns: np.ndarray, mean: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """The coefficients b of log(variance / mean) = columns b that agree best with the squared errors [column].

    Fisher's scoring with a ridge that pulls towards `BELIEVED`; the intercept is free. Squares beyond 20 times the
    variance count as 20 times, so that one closed day does not decide.
    """
    square = (actual - mean) ** 2 / mean
    ridge = np.diag([1e-9, *np.full(len(BELIEVED) - 1, float(_PRIOR))])
    b = BELIEVED.astype(np.float64)
    b[0] = np.log(max(float(np.median(square / np.exp(columns @ b))), float(np.mean(square)) / 100, 1e-9))
    information = columns.T @ columns + ridge
    for _ in range(50):
        ratio = np.minimum(square / np.exp(columns @ b), _FAR)
        change = np.linalg.solve(information, columns.T @ (ratio - 1) - ridge @ (b - BELIEVED))
        change /= max(1.0, float(np.abs(columns @ change).max()) / 3)
        b = b + change
        if np.abs(change).max() < 1e-4:
            break
    return b


def variance(columns: np.ndarray, mean: np.ndarray, coefficients: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """The variance of forecasts [point], in grains squared."""
    return mean * np.exp(np.clip(columns @ coefficients, -30, 30)) * factor
