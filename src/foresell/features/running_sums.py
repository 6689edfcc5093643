"""Running sums of the sales of a block of series, for windows of any length at any cutoff.

All arrays are running sums or running values along the days, so that a window is the difference of two rows. They are
[day, series], so that a cutoff is one contiguous row. A running value at day t depends on no day after t, which keeps
features from leaking.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np


class Past:
    """The units of a block of series, summed for windows at many cutoffs.

    `units` is float32 [series, day] with NaN for unknown, and `season` the number of days in the short season (7 for
    daily panels). All methods take `at`, an integer array of days of any shape, and return float32 [*at, series]. With
    `series`, an array of the same shape as `at`, they return one value for each pair: [*at]. Days before the first
    give NaN.
    """

    def __init__(self, units: np.ndarray, season: int = 7):
        self.season = season
        self.units = np.ascontiguousarray(units.T)  # [day, series]
        self.n_days = self.units.shape[0]

    @cached_property
    def _known(self) -> np.ndarray:
        return ~np.isnan(self.units)

    @cached_property
    def _filled(self) -> np.ndarray:
        return np.nan_to_num(self.units)

    @cached_property
    def _count(self) -> np.ndarray:
        return _running_sum(self._known, 1, np.int32)

    @cached_property
    def _zeros(self) -> np.ndarray:
        return _running_sum(self.units == 0, 1, np.int32)

    @cached_property
    def _sum(self) -> np.ndarray:
        return _running_sum(self._filled, 1)

    @cached_property
    def _squares(self) -> np.ndarray:
        return _running_sum(np.square(self._filled, dtype=np.float64), 1)

    @cached_property
    def _cubes(self) -> np.ndarray:
        return _running_sum(np.power(self._filled, 3, dtype=np.float64), 1)

    @cached_property
    def _season_sum(self) -> np.ndarray:
        return _running_sum(self._filled, self.season)

    @cached_property
    def _season_count(self) -> np.ndarray:
        return _running_sum(self._known, self.season, np.int32)

    @cached_property
    def _first_known(self) -> np.ndarray:
        first = self._known.argmax(axis=0)
        return np.where(self._known.any(axis=0), first, self.n_days)  # [series]

    @cached_property
    def _last_sale(self) -> np.ndarray:
        days = np.arange(self.n_days, dtype=np.int32)[:, None]
        return np.maximum.accumulate(np.where(self._filled > 0, days, np.int32(-1)), axis=0)

    @cached_property
    def _smoothed(self) -> dict[float, np.ndarray]:
        return {}

    def _window(self, running: np.ndarray, at: np.ndarray, days: int, series: np.ndarray | None, step: int = 1):
        """The sum over the `days` days, `step` apart, that end on `at`."""
        pad = step  # running sums carry `step` rows of zeros in front
        end = np.clip(at + pad, 0, self.n_days + pad - 1)
        # A window that begins before the first day is as long as there are days of its phase.
        start = np.where(at + pad - days * step < 0, (at + pad) % step, at + pad - days * step)
        start = np.clip(start, 0, self.n_days + pad - 1)
        if series is None:
            return running[end] - running[start]
        return running[end, series] - running[start, series]

    def value(self, at: np.ndarray, series: np.ndarray | None = None) -> np.ndarray:
        """The units on the days `at`; NaN before the first day."""
        inside = np.clip(at, 0, self.n_days - 1)
        values = self.units[inside] if series is None else self.units[inside, series]
        outside = np.asarray(at) < 0
        if outside.any():
            values = np.where(outside if series is not None else outside[..., None], np.float32(np.nan), values)
        return values

    def count(self, at: np.ndarray, days: int, series: np.ndarray | None = None) -> np.ndarray:
        """Known days among the `days` days that end on `at`."""
        return self._window(self._count, at, days, series)

    def mean(self, at: np.ndarray, days: int, series: np.ndarray | None = None) -> np.ndarray:
        """Mean units over the known days of the window; NaN when none is known."""
        return ratio(self._window(self._sum, at, days, series), self.count(at, days, series))

    def moment(self, at: np.ndarray, days: int, order: int) -> np.ndarray:
        """Standard deviation (order 2, with n in the denominator) or skewness (order 3) over the window."""
        count = self.count(at, days).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._window(self._sum, at, days, None) / count
            square = self._window(self._squares, at, days, None) / count
            variance = np.maximum(square - mean**2, 0)
            if order == 2:
                return np.sqrt(variance).astype(np.float32)
            cube = self._window(self._cubes, at, days, None) / count
            third = cube - 3 * mean * square + 2 * mean**3
            flat = variance <= 1e-9 * np.maximum(square, 1e-12)
            return np.where(flat, 0, third / variance**1.5).astype(np.float32)

    def zero_share(self, at: np.ndarray, days: int) -> np.ndarray:
        """Share of the window's known days on which nothing was sold."""
        return ratio(self._window(self._zeros, at, days, None), self.count(at, days))

    def season_mean(self, at: np.ndarray, seasons: int, series: np.ndarray | None = None) -> np.ndarray:
        """Mean over the same day of the last `seasons` seasons up to `at`, such as over the last four Mondays."""
        total = self._window(self._season_sum, at, seasons, series, self.season)
        return ratio(total, self._window(self._season_count, at, seasons, series, self.season))

    def days_since_sale(self, at: np.ndarray) -> np.ndarray:
        """Days since the last sale, 0 on its day; NaN before the first sale."""
        last = self._last_sale[np.clip(at, 0, self.n_days - 1)]
        return np.where(last < 0, np.float32(np.nan), (np.asarray(at)[..., None] - last).astype(np.float32))

    def age(self, at: np.ndarray) -> np.ndarray:
        """Days since the first known day; NaN before it."""
        age = (np.asarray(at)[..., None] - self._first_known).astype(np.float32)
        return np.where(age < 0, np.float32(np.nan), age)

    def smoothed(self, at: np.ndarray, half_life: float) -> np.ndarray:
        """Exponentially weighted mean, with weights that halve every `half_life` days; unknown days are left out."""
        if half_life not in self._smoothed:
            self._smoothed[half_life] = _exponential(self._filled, self._known, 0.5 ** (1 / half_life))
        return self._smoothed[half_life][np.clip(at, 0, self.n_days - 1)]


def _running_sum(values: np.ndarray, step: int, dtype: type = np.float64) -> np.ndarray:
    """Sums over every `step`-th day up to each day, with `step` rows of zeros in front: [day + step, series]."""
    running = np.zeros((values.shape[0] + step, values.shape[1]), dtype)
    for phase in range(step):
        np.cumsum(values[phase::step], axis=0, dtype=dtype, out=running[step + phase :: step])
    return running


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`above` over `below`, NaN where `below` is not positive: float32."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan).astype(np.float32)


def _exponential(filled: np.ndarray, known: np.ndarray, keep: float) -> np.ndarray:
    """Running weighted means, with weights that shrink by the factor `keep` a day: [day, series].

    NaN before the first known day.
    """
    total = np.zeros(filled.shape[1], np.float64)
    weight = np.zeros(filled.shape[1], np.float64)
    out = np.empty_like(filled)
    with np.errstate(invalid="ignore", divide="ignore"):
        for day in range(len(filled)):
            total = total * keep + filled[day]
            weight = weight * keep + known[day]
            out[day] = total / weight
    return out
