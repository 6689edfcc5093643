"""The covariance of sales on two days, by what the calendar says of both.

The kernel is a sum of parts, each of which stands for one cause (Rasmussen and Williams, "Gaussian Processes for
Machine Learning", 2006, sections 4.2 and 5.4.3, where the yearly part is equation 5.16): a level that drifts, a trend,
disturbances of a few days, the time of the year, the weekday and how it changes through the year, the day of the
month, covariates that are known ahead, named events and the days round them, and noise.

Parameters are logarithms: of the standard deviation of a part, on the scale of log units, or of a length in days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foresell.models.upper_levels.calendar_days import YEAR_DAYS, CalendarDays, EventPairs, has_weekdays

MONTH_DAYS = 30.44
CONSTANT = 9.0
"""The variance of the unknown mean of a series: so large that the mean is free."""

Parameters = Mapping[str, float]

AMPLITUDES = frozenset(
    [
        "level",
        "walk",
        "trend",
        "short",
        "year",
        "covariate",
        "event",
        "noise",
        "weekday",
        "weekday_year",
        "month_day",
        "month_day_weekday",
        "covariate_weekday",
    ]
)
"""The parameters that are logarithms of standard deviations."""

SEEN_OFTEN = AMPLITUDES - {"level", "walk", "trend"}
"""The amplitudes of parts that are seen often enough to be learnt."""


@dataclass(frozen=True)
class CalendarKernel:
    """The kernel between the days `first` (rows) and `second` (columns), with what does not depend on parameters.

    All arrays are [row, column]: `distance` counts in units of time, whose `lengths` are in days; `earlier` is the
    earlier of two days since the beginning, `slope` the product of their years, `covariates` that of their covariates;
    `same_weekday` is 1 or 0; `month_days` numbers the pairs of days of the month.
    """

    first: CalendarDays
    second: CalendarDays
    distance: np.ndarray
    lengths: np.ndarray
    earlier: np.ndarray
    slope: np.ndarray
    covariates: np.ndarray
    pairs: EventPairs
    same_weekday: np.ndarray
    month_days: np.ndarray

    @classmethod
    def between(cls, first: CalendarDays, second: CalendarDays) -> CalendarKernel:
        """The kernel between two sets of days of one panel."""
        rows, columns = first.time[:, None], second.time[None, :]
        distance = np.abs(rows - columns)
        return cls(
            first,
            second,
            distance,
            np.arange(distance.max(initial=0) + 1) * first.unit_days,
            (np.minimum(rows, columns) - first.origin) * first.unit_days,
            np.outer(first.years, second.years),
            first.covariates.T @ second.covariates,
            first.event_pairs(second),
            (first.weekday[:, None] == second.weekday[None, :]).astype(np.float64),
            first.month_day[:, None] * 31 + second.month_day[None, :],
        )

    @property
    def weekly(self) -> bool:
        """Whether the days are days of the week."""
        return has_weekdays(self.first.frequency)

    def covariance(self, parameters: Parameters) -> np.ndarray:
        """The covariance without noise: float64 [row, column]."""
        variance = _Variances(parameters)
        matrix = variance("covariate") * self.covariates
        by_distance = CONSTANT + _sum(_of_distance(parameters, self.lengths))
        matrix += by_distance[self.distance]
        matrix += variance("walk") * self.earlier + variance("trend") * self.slope
        events = self.pairs
        np.add.at(matrix, (events.row, events.column), variance("event") * _event_weight(parameters, events.lag))
        if self.weekly:
            matrix += self._weekdays(parameters) * self._fade(parameters)
            matrix += variance("month_day") * _month_table(parameters)[0][self.month_days]
        return matrix

    def slopes(self, parameters: Parameters, weight: np.ndarray) -> dict[str, float]:
        """The sum of `weight` [row, column] times the derivative of the covariance by each parameter but the noise."""
        variance = _Variances(parameters)
        distance = self.distance.ravel()
        by_distance = np.bincount(distance, weight.ravel(), minlength=len(self.lengths))
        slopes = {
            "walk": 2 * variance("walk") * float(np.vdot(weight, self.earlier)),
            "trend": 2 * variance("trend") * float(np.vdot(weight, self.slope)),
            "covariate": 2 * variance("covariate") * float(np.vdot(weight, self.covariates)),
        }
        for name, (values, derivatives) in _of_distance(parameters, self.lengths).items():
            slopes[name] = 2 * float(by_distance @ values)
            slopes |= {other: float(by_distance @ slope) for other, slope in derivatives.items()}
        events = self.pairs
        by_pair = weight[events.row, events.column] * _event_weight(parameters, events.lag)
        slopes["event"] = 2 * variance("event") * float(by_pair.sum())
        if self.weekly:
            reach = np.exp(parameters["event_reach"])
            slopes["event_reach"] = 2 * variance("event") * float((by_pair * events.lag).sum()) / reach
            slopes |= self._day_slopes(parameters, weight)
        return slopes

    def _weekdays(self, parameters: Parameters) -> np.ndarray:
        """The covariance of days of the same weekday before it fades at holidays; 0 for others."""
        variance = _Variances(parameters)
        by_distance = _sum(_of_weekday_distance(parameters, self.lengths))
        matrix = by_distance[self.distance]
        matrix += variance("month_day_weekday") * _month_table(parameters)[0][self.month_days]
        matrix += variance("covariate_weekday") * self.covariates
        return np.asarray(matrix * self.same_weekday)

    def _fade(self, parameters: Parameters) -> np.ndarray:
        share = _share(parameters["holiday_fade"])
        return np.outer(1 - share * self.first.holiday, 1 - share * self.second.holiday)

    def _day_slopes(self, parameters: Parameters, weight: np.ndarray) -> dict[str, float]:
        variance = _Variances(parameters)
        share = _share(parameters["holiday_fade"])
        near, other = self.first.holiday, self.second.holiday
        faded = weight * self._weekdays(parameters)
        slope = -(near @ faded @ (1 - share * other)) - ((1 - share * near) @ faded @ other)
        slopes = {"holiday_fade": float(slope) * share * (1 - share)}
        faded = weight * self.same_weekday * self._fade(parameters)
        by_distance = np.bincount(self.distance.ravel(), faded.ravel(), minlength=len(self.lengths))
        for name, (values, derivatives) in _of_weekday_distance(parameters, self.lengths).items():
            slopes[name] = 2 * float(by_distance @ values)
            slopes |= {other: float(by_distance @ derivative) for other, derivative in derivatives.items()}
        slopes["covariate_weekday"] = 2 * variance("covariate_weekday") * float(np.vdot(faded, self.covariates))
        table, derivative = _month_table(parameters)
        month_days = self.month_days.ravel()
        plain = np.bincount(month_days, weight.ravel(), minlength=table.size)
        weekly = np.bincount(month_days, faded.ravel(), minlength=table.size)
        slopes["month_day"] = 2 * variance("month_day") * float(plain @ table)
        slopes["month_day_weekday"] = 2 * variance("month_day_weekday") * float(weekly @ table)
        both = variance("month_day") * plain + variance("month_day_weekday") * weekly
        slopes["month_day_width"] = float(both @ derivative)
        return slopes


@dataclass(frozen=True)
class _Variances:
    """The variance of a part by name."""

    parameters: Parameters

    def __call__(self, name: str) -> float:
        return float(np.exp(2 * self.parameters[name]))


Part = tuple[np.ndarray, dict[str, np.ndarray]]
"""The values of a part by distance in days, and their derivatives by the parameters of its shape."""


def _sum(parts: Mapping[str, Part]) -> np.ndarray:
    """The sum of the values of the parts by distance."""
    return np.sum([values for values, _ in parts.values()], axis=0)


def _of_distance(parameters: Parameters, days: np.ndarray) -> dict[str, Part]:
    """The level (Matérn 3/2), disturbances (Ornstein-Uhlenbeck) and the year; R&W equations 4.17, 4.18 and 5.16."""
    variance = _Variances(parameters)
    ratio = days * np.sqrt(3) / np.exp(parameters["level_days"])
    level = variance("level") * (1 + ratio) * np.exp(-ratio)
    level_slope = variance("level") * ratio**2 * np.exp(-ratio)
    gap = days / np.exp(parameters["short_days"])
    short = variance("short") * np.exp(-gap)
    season = np.sin(np.pi * days / YEAR_DAYS) ** 2 / np.exp(2 * parameters["year_shape"])
    decay = (days / np.exp(parameters["year_decay_days"])) ** 2
    year = variance("year") * np.exp(-2 * season - decay / 2)
    return {
        "level": (level, {"level_days": level_slope}),
        "short": (short, {"short_days": short * gap}),
        "year": (year, {"year_shape": year * 4 * season, "year_decay_days": year * decay}),
    }


def _of_weekday_distance(parameters: Parameters, days: np.ndarray) -> dict[str, Part]:
    """The weekday, which changes slowly, and what it is at a time of the year."""
    variance = _Variances(parameters)
    gap = days / np.exp(parameters["weekday_decay_days"])
    weekday = variance("weekday") * np.exp(-gap)
    season = np.sin(np.pi * days / YEAR_DAYS) ** 2 / np.exp(2 * parameters["weekday_year_shape"])
    yearly = variance("weekday_year") * np.exp(-2 * season)
    return {
        "weekday": (weekday, {"weekday_decay_days": weekday * gap}),
        "weekday_year": (yearly, {"weekday_year_shape": yearly * 4 * season}),
    }


def _month_table(parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """The likeness of two days of the month, 31 x 31 in one row, and its derivative by the width.

    The end of a month is next to the beginning of the next one.
    """
    gap = np.abs(np.arange(31)[:, None] - np.arange(31)[None, :]).astype(np.float64)
    gap = np.minimum(gap, np.maximum(MONTH_DAYS - gap, 0)).ravel() / np.exp(parameters["month_day_width"])
    likeness = np.exp(-(gap**2) / 2)
    return likeness, likeness * gap**2


def _event_weight(parameters: Parameters, lag: np.ndarray) -> np.ndarray:
    """How much of its variance the effect of an event keeps `lag` days before or after it."""
    if "event_reach" not in parameters:
        return np.ones(len(lag))
    return np.exp(-2 * lag / np.exp(parameters["event_reach"]))


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
