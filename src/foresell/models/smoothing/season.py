"""The season of a series: that of all series, as far as the series follows it, and its own deviation from that.

Seasons are factors around 1, learnt from units over their centred moving average (classical decomposition, FPP3,
section 3.4). How much of a mean deviation is a season and how much is chance is told by repetition: deviations at one
position of different cycles have the season in common, and nothing else. So the mean product of two of them is the
variance of the season, and a deviation is multiplied by the season's share of its own variance (Bühlmann's
credibility). Where nothing repeats, there is no season.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foresell.core.frequency import Frequency, hour_of_week, weekday

SMALLEST = 0.05
"""The smallest factor of a season."""

LARGEST_SHARE = 2.0
"""A series follows the shared season by this factor at most."""

NOISE = 0.1
"""A variance of relative deviations that is added to that of a series, so that steady series do not decide alone."""

CORRELATION = 3.0
"""Neighbouring deviations resemble each other; so many of them tell as much as one that stands alone."""

WHOLE_CYCLE = 0.7
"""The share of a cycle that must be known for its mean to count."""


@dataclass(frozen=True)
class Cycle:
    """A season with so many `positions`, each `periods` long: seven weekdays, or 52 weeks of seven days."""

    positions: int
    periods: int = 1

    def of(self, dates: np.ndarray, frequency: Frequency) -> np.ndarray:
        """The position of each date: int64 [period]. Weeks are counted from the first of January, the periods of a
        table from the first of its year."""
        if frequency.table:
            return frequency.table.place(dates) - 1
        if frequency.months:
            return dates.astype("datetime64[M]").astype(np.int64) % 12 // frequency.months
        if self.positions == WEEKDAYS:
            return weekday(dates)
        if self.positions in (HOURS, HOURS * WEEKDAYS):
            return hour_of_week(dates) % self.positions
        days = dates.astype("datetime64[D]")
        since = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
        return np.minimum(since // 7, WEEKS - 1)


HOURS, WEEKDAYS, WEEKS = 24, 7, 52

_CYCLES = {
    Frequency.HOUR: (Cycle(HOURS), Cycle(HOURS * WEEKDAYS)),
    Frequency.DAY: (Cycle(WEEKDAYS), Cycle(WEEKS, 7)),
    Frequency.WEEK: (Cycle(WEEKS),),
    Frequency.MONTH: (Cycle(12),),
    Frequency.QUARTER: (Cycle(4),),
    Frequency.YEAR: (),
}


def cycles(frequency: Frequency) -> tuple[Cycle, ...]:
    """The seasons of a frequency, the shortest first: each is learnt from what those before it leave.

    >>> cycles(Frequency.DAY)  # weekdays, and the weeks of the year
    (Cycle(positions=7, periods=1), Cycle(positions=52, periods=7))
    """
    if frequency.table:
        return (Cycle(frequency.season),) if frequency.season > 1 else ()
    return _CYCLES[frequency]


@dataclass(frozen=True)
class SharedSeason:
    """What the season of a single series is drawn towards, learnt from all series.

    - `shape` [position]: the deviation from 1 that they share.
    - `share`, `spread`: the mean and the variance of the factors by which series follow it.
    - `own`: the mean credibility of the series' own deviations.
    """

    shape: tuple[float, ...]
    share: float
    spread: float
    own: float

    def factors(self, units: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The season of each series of `units` [series, period]: float64 [series, position] with the mean 1.

        `positions` [period] are those of the periods. A series without known periods has the shared season.
        """
        following, repeated = self.parts(relative_deviations(units, len(self.shape)), positions)
        credibility = repeated.credibility()
        weight = np.where(credibility > 0, (credibility + self.own) / 2, 0)
        factors = np.maximum(1 + following + weight[:, None] * repeated.mean, SMALLEST)
        return factors / factors.mean(axis=1, keepdims=True)

    def parts(self, deviations: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, Repeated]:
        """How far each series follows the shape [series, position], and what repeats beyond that.

        `deviations` [series, period] are those of `relative_deviations`.
        """
        following = self._following(deviations, positions)[:, None] * np.array(self.shape)
        return following, Repeated.of(deviations - following[:, positions], positions, len(self.shape))

    def _following(self, deviations: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The factor by which each series follows the shape, drawn towards the mean of all [series]."""
        slope, variance = slopes(deviations, np.array(self.shape)[positions])
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (slope * self.spread + self.share * variance) / (self.spread + variance)
        return np.clip(np.where(np.isfinite(drawn), drawn, self.share), 0, LARGEST_SHARE)


def learn_shared_season(blocks: Iterable[np.ndarray], positions: np.ndarray, length: int) -> SharedSeason:
    """The shared season of `length` positions, learnt from `blocks` of units [series, period]."""
    deviations_of_blocks = [relative_deviations(units, length) for units in blocks]
    above, below, count = (np.zeros(len(positions)) for _ in range(3))
    for deviations in deviations_of_blocks:
        known = ~np.isnan(deviations)
        variance = np.where(known, deviations, 0).var(axis=1) + NOISE
        above += (np.nan_to_num(deviations) / variance[:, None]).sum(axis=0)
        below += (known / variance[:, None]).sum(axis=0)
        count += known.sum(axis=0)
    n_series = sum(map(len, deviations_of_blocks))
    enough = (count >= FEWEST_SERIES) & (count >= LEAST_KNOWN * n_series)
    mean = np.where(enough, above / np.where(enough, below, 1), np.nan)[None]
    repeated = Repeated.of(mean, positions, length)
    shape = repeated.credibility()[0] * repeated.mean[0]
    shape -= shape.mean()
    share, spread = _followers(deviations_of_blocks, shape, positions)
    season = SharedSeason(tuple(shape.tolist()), share, spread, 0.0)
    return replace(season, own=_own(deviations_of_blocks, season, positions))


FEWEST_SERIES, LEAST_KNOWN = 5, 0.2
"""A period counts for the shared season where so many series are known, and this share of all."""


def _followers(blocks: Sequence[np.ndarray], shape: np.ndarray, positions: np.ndarray) -> tuple[float, float]:
    """The mean of the factors by which series follow `shape`, and their variance beyond that of their estimates."""
    if not shape.any():
        return 0.0, 0.0
    parts = [slopes(deviations, shape[positions]) for deviations in blocks]
    slope, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
    known = np.isfinite(variance)
    if not known.any():
        return 1.0, 0.0
    slope, variance = slope[known], variance[known]
    weight = 1 / (variance + np.median(variance))
    mean = float(np.average(slope, weights=weight))
    return mean, max(float(np.average((slope - mean) ** 2 - variance, weights=weight)), 1e-6)


def _own(blocks: Sequence[np.ndarray], season: SharedSeason, positions: np.ndarray) -> float:
    """The mean credibility of what the deviations of single series have beyond the shared season."""
    repeated = [season.parts(deviations, positions)[1] for deviations in blocks]
    of_series = np.concatenate([each.credibility()[each.enough] for each in repeated])
    return float(of_series.mean()) if len(of_series) else 0.0


@dataclass(frozen=True)
class Repeated:
    """What repeats of the deviations of each series at the positions of a cycle.

    `mean` [series, position] is their mean, 0 where none is known. `signal` [series] estimates the variance of the
    season, `noise` that of one deviation around it. `count` [series] is the mean number of deviations at a position.
    Where `enough` is false, too few positions are known twice.
    """

    mean: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    count: np.ndarray
    enough: np.ndarray

    @classmethod
    def of(cls, deviations: np.ndarray, positions: np.ndarray, length: int) -> Repeated:
        """What repeats of `deviations` [series, period], NaN where not known."""
        at = (positions[:, None] == np.arange(length)).astype(np.float64)  # [period, position]
        known = (~np.isnan(deviations)).astype(np.float64)
        values = np.nan_to_num(deviations)
        count, total, squares = known @ at, values @ at, (values**2) @ at
        pairs = (count * np.maximum(count - 1, 0)).sum(axis=1)
        signal = (total**2 - squares).sum(axis=1) / np.maximum(pairs, 1)
        within = (squares - total**2 / np.maximum(count, 1)).sum(axis=1)
        noise = within / np.maximum(np.maximum(count - 1, 0).sum(axis=1), 1)
        mean = total / np.maximum(count, 1)
        return cls(mean, np.maximum(signal, 0), noise, count.mean(axis=1), pairs >= length / 2)

    def credibility(self) -> np.ndarray:
        """The season's share of the variance of the mean deviations, from 0 to 1 [series]."""
        variance = self.signal + self.noise / np.maximum(self.count, 1)
        return np.where(self.enough & (self.signal > 0), self.signal / np.maximum(variance, 1e-12), 0)


def slopes(deviations: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slope of each series' regression on `shape` [period] through 0, and its variance; infinite where unknown."""
    known = ~np.isnan(deviations)
    values, shapes = np.nan_to_num(deviations), known * shape
    size, count = (shapes**2).sum(axis=1), known.sum(axis=1)
    slope = (values * shapes).sum(axis=1) / np.maximum(size, 1e-12)
    residual = ((values - slope[:, None] * shapes) ** 2).sum(axis=1)
    variance = CORRELATION * residual / np.maximum(count - 1, 1) / np.maximum(size, 1e-12)
    return slope, np.where((size > 0) & (count > 1), variance, np.inf)


def relative_deviations(units: np.ndarray, length: int) -> np.ndarray:
    """Units over their level, less the mean of that: float64 [series, period], NaN where not known.

    The level is the mean of the `length` periods around; within half a cycle of the ends it goes on in a line.
    """
    level = _level(units, length)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(level > 0, units / level, np.nan)
    count = (~np.isnan(ratio)).sum(axis=1, keepdims=True)
    return ratio - np.nansum(ratio, axis=1, keepdims=True) / np.maximum(count, 1)


def _level(units: np.ndarray, length: int) -> np.ndarray:
    """The centred moving average, continued by half a cycle at both ends: [series, period], NaN beyond."""
    mean = _centred_mean(units, length)
    known = ~np.isnan(mean)
    periods, series = np.arange(units.shape[1]), np.arange(len(units))
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    last = np.where(known.any(axis=1), units.shape[1] - 1 - known[:, ::-1].argmax(axis=1), 0)
    inner = np.clip(np.maximum.accumulate(np.where(known, periods, -1), axis=1), first[:, None], last[:, None])
    half = max(length // 2, 1)
    early, late = np.minimum(first + half, last), np.maximum(last - half, first)
    rise = _rise(mean, series, first, early)[:, None] * np.maximum(first[:, None] - periods, 0)
    fall = _rise(mean, series, late, last)[:, None] * np.maximum(periods - last[:, None], 0)
    level = np.take_along_axis(mean, inner, axis=1)
    continued = level - rise + fall
    near = (periods <= last[:, None] + half + 1) & (periods >= first[:, None] - half - 1)
    return np.where(near, np.where(continued > LEAST_LEVEL * level, continued, np.nan), np.nan)


LEAST_LEVEL = 0.2
"""A level that falls below this share of the last mean is not continued."""


def _rise(mean: np.ndarray, series: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The mean rise in a period between two periods of each series [series]; 0 where they are the same."""
    rise = (mean[series, end] - mean[series, begin]) / np.maximum(end - begin, 1)
    return np.nan_to_num(rise)


def _centred_mean(units: np.ndarray, length: int) -> np.ndarray:
    """The mean of the `length` periods around each, of which most must be known: [series, period], else NaN.

    For an even length the two outermost periods count half (FPP3, section 3.3).
    """
    half = length // 2
    if units.shape[1] < 2 * half + 1:
        return np.full(units.shape, np.nan)
    known = ~np.isnan(units)
    total, count = _moving_sum(np.nan_to_num(units), length), _moving_sum(known.astype(np.float64), length)
    mean = np.full(units.shape, np.nan)
    enough = count >= WHOLE_CYCLE * length
    mean[:, half : units.shape[1] - half] = np.where(enough, total / np.where(enough, count, 1), np.nan)
    return mean


def _moving_sum(values: np.ndarray, length: int) -> np.ndarray:
    """The weighted sums of `_centred_mean`, one for each place where the window fits."""
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1, dtype=np.float64)], axis=1)
    windows = sums[:, length:] - sums[:, :-length]
    return windows if length % 2 else (windows[:, :-1] + windows[:, 1:]) / 2


def in_buckets(units: np.ndarray, periods: int) -> np.ndarray:
    """The means of each `periods` periods, counted back from the last: [series, bucket], NaN where most are unknown."""
    if periods == 1:
        return units
    whole = units.shape[1] // periods * periods
    buckets = units[:, units.shape[1] - whole :].reshape(len(units), -1, periods)
    count = (~np.isnan(buckets)).sum(axis=2)
    mean = np.nansum(buckets, axis=2) / np.maximum(count, 1)
    return np.where(2 * count > periods, mean, np.nan)


def bucket_positions(positions: np.ndarray, periods: int) -> np.ndarray:
    """The position of the middle of each of `in_buckets` [bucket], of the `positions` of the periods [period]."""
    whole = len(positions) // periods * periods
    return positions[len(positions) - whole :].reshape(-1, periods)[:, periods // 2]
