"""The variance of actuals around a forecast, as a regression on the forecast and on the last year of the series.

The logarithm of variance / mean is a linear function of how much and how steadily the series sells, how far ahead the
day lies, how long the series has been without a sale, and whether the day lies near a holiday. The coefficients are
fitted to the squared errors of past forecasts by quasi-likelihood, as for gamma-distributed squares with a log link:
McCullagh and Nelder, "Generalized linear models", 1989, chapter 10 (joint modelling of mean and dispersion). All
amounts are in grains. A grain is one unit, or a thousandth of the usual sale where units are not whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.core.frequency import Frequency

BORROWED = 10
"""The number of seasonal differences from which a series' own dispersion counts as much as that of the others."""

LEAST = 1e-3  # the smallest mean in grains; with a smaller one, nothing is expected to be sold within the horizon
_PRIOR = 50  # the number of errors that move a coefficient half of the way from its prior
_FAR = 20  # a squared error counts as at most so many times the variance
_BLOCK = 4096  # series at a time, which keeps the copies of a year small


@dataclass(frozen=True)
class SeriesMoments:
    """The mean and the variance of one day's sales of each series in its last year: float64 [series], in grains.

    - `mean`, `variance`: the variance is half the mean squared difference from the day one season before.
    - `recent_mean`, `recent_variance`: the same, where the weight of a day halves every two months.
    - `pairs`: the number of differences that the variances rest on.
    - `days_without_sale`: the number of known days since the last sale.
    - `largest`: the most that was sold on one day.
    """

    mean: np.ndarray
    variance: np.ndarray
    recent_mean: np.ndarray
    recent_variance: np.ndarray
    pairs: np.ndarray
    days_without_sale: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, units: np.ndarray, frequency: Frequency, grain: float = 1.0) -> SeriesMoments:
        """The moments of the last `span` days of `units` [series, day], which end at the cutoff; NaN is unknown."""
        last = units[:, -span(frequency) :]
        blocks = [_moments(last[at : at + _BLOCK] / grain, frequency) for at in range(0, len(last), _BLOCK)]
        return cls(*np.concatenate(blocks, axis=1)) if blocks else cls(*np.zeros((7, 0)))

    def part(self, series: np.ndarray) -> SeriesMoments:
        """The moments of some series, in any order."""
        return SeriesMoments(*(getattr(self, name)[series] for name in self.__dataclass_fields__))

    def dispersion(self, offset: float, typical: tuple[float, float] | None = None) -> Iterator[np.ndarray]:
        """The index of dispersion, variance / mean, of the last year and then of the recent days: [series] each.

        The fewer `pairs` a series has, the nearer its dispersion is to the `typical` one of all series. Where that is
        not given, it is the median of the series that have one. `offset` is added to the mean.
        """
        moments = ((self.variance, self.mean), (self.recent_variance, self.recent_mean))
        for number, (variance, mean) in enumerate(moments):
            own = variance / (mean + offset)
            positive = own[(self.pairs > 0) & (own > 0)]
            borrowed = typical[number] if typical else float(np.median(positive)) if len(positive) else 1.0
            yield (self.pairs * own + BORROWED * borrowed) / (self.pairs + BORROWED)

    def most_dispersion(self, mean: np.ndarray, group: np.ndarray) -> np.ndarray:
        """The largest index of dispersion that forecasts can have: [point]. `mean` [point] is in grains and `group`
        [point] a row of the moments.

        What is never below 0 nor above M, with a mean m, has at most the variance m (M - m): Bhatia and Davis, "A
        better bound on the variance", American Mathematical Monthly 107, 2000. M is one more than was sold on any day,
        or than twice the forecast. Where few days are known, the bound is larger: `BORROWED` pairs double it.

        >>> moments = SeriesMoments(*np.array([[1.0], [1], [1], [1], [100], [0], [7]]))
        >>> moments.most_dispersion(np.array([0.5]), np.array([0])).round(2).tolist()  # (7 + 1 - 0.5) (1 + 10 / 100)
        [8.25]
        """
        largest = np.maximum(self.largest[group], 2 * mean) + 1
        return (largest - mean) * (1 + BORROWED / np.maximum(self.pairs[group], 1))


def span(frequency: Frequency) -> int:
    """The number of last days from which `SeriesMoments` are computed: a year and the season before it."""
    return frequency.year + _lag(frequency)


def _lag(frequency: Frequency) -> int:
    """The distance of the days that are compared: a week of days, a day of hours, else one period."""
    return frequency.season if frequency in (Frequency.DAY, Frequency.HOUR) else 1


def _moments(units: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The fields of `SeriesMoments`: [field, series]."""
    units = units.astype(np.float64)
    lag, n_days = _lag(frequency), units.shape[1]
    known = ~np.isnan(units)
    difference = units[:, lag:] - units[:, :-lag]
    paired = ~np.isnan(difference)
    squares = np.where(paired, difference, 0) ** 2
    filled = np.where(known, units, 0)
    moments = []
    for half_life in (np.inf, frequency.year / 6):
        weight = 0.5 ** (np.arange(n_days)[::-1] / half_life)
        moments.append(np.maximum(filled @ weight, 0) / np.maximum(known @ weight, 1e-9))
        moments.append(squares @ weight[lag:] / 2 / np.maximum(paired @ weight[lag:], 1e-9))
    after_last_sale = ~np.logical_or.accumulate((filled > 0)[:, ::-1], axis=1)
    silent = (after_last_sale & known[:, ::-1]).sum(axis=1)
    return np.stack([*moments, paired.sum(axis=1), silent, filled.max(axis=1, initial=0)])


@dataclass(frozen=True)
class Predictors:
    """The predictors of the variance of some forecasts: float64 [point].

    - `log_mean`, `log_step`: the logarithms of the mean in grains and of the step.
    - `log_dispersion`, `log_recent_dispersion`: the logarithms of the series' indices of dispersion.
    - `days_without_sale`: the number of known days since the last sale.
    - `holiday`: 1 where a holiday is near, else 0.
    """

    log_mean: np.ndarray
    log_dispersion: np.ndarray
    log_recent_dispersion: np.ndarray
    days_without_sale: np.ndarray
    log_step: np.ndarray
    holiday: np.ndarray

    @classmethod
    def of(
        cls,
        mean: np.ndarray,
        group: np.ndarray,
        step: np.ndarray,
        holiday: np.ndarray,
        moments: SeriesMoments,
        offset: float,
        typical: tuple[float, float],
    ) -> Predictors:
        """The predictors of forecasts that are given point by point, [point] each.

        `mean` is in grains, `group` is a row of `moments`, `step` counts from 1, and `holiday` says whether one is
        near. `offset` and `typical` are those of `SeriesMoments.dispersion`.
        """
        if len(group) < len(moments.mean):  # the dispersion of the other groups is not needed
            moments, group = moments.part(group), np.arange(len(group))
        year, recent = (np.log(dispersion)[group] for dispersion in moments.dispersion(offset, typical))
        days = moments.days_without_sale[group]
        return cls(np.log(mean + offset), year, recent, days, np.log(step), holiday.astype(np.float64))

    def limits(self) -> tuple[list[float], list[float]]:
        """The smallest and the largest value of each predictor."""
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        return [float(value.min()) for value in values], [float(value.max()) for value in values]

    def within(self, limits: tuple[list[float], list[float]]) -> Predictors:
        """The same predictors, clipped to `limits`, because the regression says nothing beyond its data."""
        names = self.__dataclass_fields__
        bounded = zip(names, *limits, strict=True)
        return Predictors(*(np.clip(getattr(self, name), least, greatest) for name, least, greatest in bounded))

    def columns(self) -> np.ndarray:
        """The columns of the regression: [point, `len(PRIOR_COEFFICIENTS)`]."""
        size, recent = self.log_mean, self.log_recent_dispersion
        silence, many = np.log1p(self.days_without_sale), np.maximum(size - 1, 0)
        rows = [np.ones_like(size), size, size**2, many**2, recent, recent * size, self.log_dispersion, self.log_step]
        return np.stack([*rows, silence, silence * size, self.holiday], axis=1)


PRIOR_COEFFICIENTS = np.array([0, 0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0])
"""The coefficients before any error is known. They give the dispersion that the series' last year shows."""


def fit(columns: np.ndarray, mean: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """The coefficients b [column] of log(variance / mean) = columns b that fit the squared errors best.

    They are estimated by Fisher scoring with a ridge penalty around `PRIOR_COEFFICIENTS`; the intercept has no
    penalty. A squared error counts as at most 20 times the variance, so that one closed day does not decide.
    """
    square = (actual - mean) ** 2 / mean
    ridge = np.diag([1e-9, *np.full(len(PRIOR_COEFFICIENTS) - 1, float(_PRIOR))])
    b = PRIOR_COEFFICIENTS.astype(np.float64)
    b[0] = np.log(max(float(np.median(square / np.exp(columns @ b))), float(np.mean(square)) / 100, 1e-9))
    information = columns.T @ columns + ridge
    for _ in range(50):
        ratio = np.minimum(square / np.exp(columns @ b), _FAR)
        change = np.linalg.solve(information, columns.T @ (ratio - 1) - ridge @ (b - PRIOR_COEFFICIENTS))
        change /= max(1.0, float(np.abs(columns @ change).max()) / 3)
        b = b + change
        if np.abs(change).max() < 1e-4:
            break
    return b


def variance(
    columns: np.ndarray,
    mean: np.ndarray,
    coefficients: np.ndarray,
    most_dispersion: np.ndarray | float,
    factor: float = 1.0,
) -> np.ndarray:
    """The variance of forecasts [point], in grains squared; variance / mean is at most `most_dispersion` [point]."""
    return mean * np.minimum(np.exp(np.clip(columns @ coefficients, -30, 30)) * factor, most_dispersion)
