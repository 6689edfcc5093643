"""The dependence of errors over days and over series, learnt from a backtest.

Every series and day has a normal score z, and its units are the quantile of the probability of z: a Gaussian copula
(Nelsen, "An introduction to copulas", 2006). Scores are sums of independent factors:

    z = (sum over the upper levels of c mu / a f) + own factor

A factor f of a level is shared by all series of a group, such as a store: all that the store sells rises by a share c f
of the forecast mu. (a is the covariance of units and score, see `Marginals.moments`: the units rise by a times what the
score does.) The own factor of a series has the variance that is left. Every factor is a Gaussian process over the days
of the window; its correlation is a mixture of `kernels`. So the variance of what a group sells over some days is linear
in the variances c^2 of each level and kernel. They are found by non-negative least squares, so that

- single days of each level have the variance of its calibrated ranges, and
- sums over days, up to the whole window, have as much more as the errors of the backtest show.

**Few windows.** A level counts as its number of windows times the square root of its number of groups. Correlations of
a level are drawn towards those of all upper levels, and these towards `_USUAL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.backtest_errors import Window, windows_of
from foresell.adjust.paths.kernels import CONSTANT, DECAY, NOISE, SEASON, Kernel, kernels
from foresell.adjust.paths.marginals import Marginals, normal_scores
from foresell.adjust.ranges import LevelRanges, Ranges
from foresell.adjust.spread import LEAST
from foresell.core.errors import UnreadableFile
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days

_HALF_HEAVY = 100  # windows of groups from which the tails of lasting errors count as much as normal ones
_LEAST_NOISE = 0.02  # the smallest part of the variance of a factor that is independent from day to day
_MOST_GROUPS, _MOST_SERIES = 300, 6000  # of one level, and of the single series, whose errors are looked at
_SIZES = 6  # classes of the single series by their mean
_HALF_LEVEL, _HALF_ALL, _HALF_SIZE = (
    6,
    3,
    20,
)  # effective numbers of errors that count as much as what they are drawn to
_USUAL = {CONSTANT: 0.1, DECAY: 0.12, SEASON: 0.0, NOISE: 0.35}  # correlations before any error is known


@dataclass(frozen=True)
class Dependence:
    """The variances of all factors: `table` has one row for each level, size and kernel.

    - ``level``: in words; the single series' own factors have their level.
    - ``size``: null but for the single series: the logarithm of the mean a day.
    - ``kind``, ``length``: the kernel.
    - ``heavy``: of all kernels of a level, how heavy the tails of errors that last are, see `uneven`.
    - ``variance``: of an upper level c^2, relative to the squared mean of a group; of single series the share of the
      variance of the whole score z, shared factors included.
    """

    table: pl.DataFrame

    @classmethod
    def learn(cls, forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy, ranges: Ranges) -> Dependence:
        """Learns from the same table of forecasts as `ranges` did, see `Ranges.learn`."""
        windows = windows_of(forecasts, panel)
        horizon = windows[0].mean.shape[1]
        of = kernels(horizon, panel.frequency)
        at = [_AtCutoff.of(window, panel, hierarchy, ranges) for window in windows]
        groups = hierarchy.all_groups(panel.series)
        single = _series_shares(groups[-1], at, of)
        last = _series_moments(at[-1])
        correlations = _level_correlations(groups[:-1], at, of, horizon)
        shared = _shared_variances(groups, at, last, single, correlations, of)
        rows = [
            {"level": level_name(level.level), "size": None, "heavy": correlation.heavy, "kernel": number}
            | {"variance": float(value)}
            for level, correlation, values in zip(groups[:-1], correlations, shared, strict=True)
            for number, value in enumerate(values)
        ] + [
            {"level": level_name(hierarchy.bottom), "size": float(size), "heavy": single.heavy, "kernel": number}
            | {"variance": float(value)}
            for size, values in zip(single.sizes, single.shares, strict=True)
            for number, value in enumerate(values)
        ]
        table = pl.DataFrame(rows, schema_overrides={"size": pl.Float64})
        named = pl.DataFrame({"kind": [k.kind for k in of], "length": [k.length for k in of]}).with_row_index("kernel")
        return cls(table.with_columns(pl.col("kernel").cast(pl.UInt32)).join(named, on="kernel").drop("kernel"))

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels, in the order of the other properties."""
        pairs = self.table.select("kind", "length").unique(maintain_order=True)
        return tuple(Kernel(*pair) for pair in pairs.iter_rows())

    def of_level(self, level: Level) -> np.ndarray:
        """The variances c^2 of an upper level: [kernel]."""
        return self.table.filter(pl.col("size").is_null() & (pl.col("level") == level_name(level)))[
            "variance"
        ].to_numpy()

    def heavy(self, level: Level) -> float:
        """How heavy the tails of a level's lasting errors are, from 0 to 1."""
        return float(self.table.filter(pl.col("level") == level_name(level))["heavy"][0])

    def of_sizes(self, log_mean: np.ndarray) -> np.ndarray:
        """The shares of the kernels in the variance of the scores of series with these means: [series, kernel]."""
        rows = self.table.filter(pl.col("size").is_not_null())
        sizes = rows["size"].unique(maintain_order=True).to_numpy()
        shares = rows["variance"].to_numpy().reshape(len(sizes), -1)
        return np.stack([np.interp(log_mean, sizes, share) for share in shares.T], axis=1)

    def save(self, path: Path) -> None:
        """Writes one Parquet file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table.write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> Dependence:
        """Reads the file that `save` wrote. Raises UnreadableFile where it is missing or damaged."""
        try:
            return cls(pl.read_parquet(path, glob=False))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(f"{path} does not say how days and series depend on each other.") from error


@dataclass(frozen=True)
class _AtCutoff:
    """A window of the backtest and the ranges that each level has at its cutoff."""

    window: Window
    ranges: dict[Level, LevelRanges]

    @classmethod
    def of(cls, window: Window, panel: Panel, hierarchy: Hierarchy, ranges: Ranges) -> _AtCutoff:
        past = panel.until(panel.dates[window.day].item())
        closed = closed_days(past, window.mean.shape[1])
        return cls(window, {level: ranges.of_level(level, past, hierarchy, closed) for level in hierarchy.levels})

    def scores(self, groups: Groups, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The expected normal scores and the means of some groups: [group, step] each, NaN where not known."""
        window, ranges = self.window, self.ranges[groups.level]
        mean, actual, known = (
            _sums(groups, values, rows) for values in (window.mean, window.actual, window.known.astype(np.float32))
        )
        group, step = np.nonzero((known > 0) & ranges.is_open[rows] & (mean > LEAST))
        scores = np.full(mean.shape, np.nan)
        scores[group, step] = normal_scores(ranges, mean[group, step], rows[group], step, actual[group, step])
        return scores, np.where(np.isnan(scores), np.nan, mean)


def _sums(groups: Groups, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The sums of `values` [series, step] of some groups: float64 [group, step]."""
    if len(groups) == len(values):
        return values[np.argsort(groups.rows)[rows]].astype(np.float64)
    return groups.sum(values)[rows]


def _drawn(groups: Groups, most: int) -> np.ndarray:
    """Some of the groups, at most so many, drawn by their key."""
    hashes = key_hashes(groups.frame)
    return np.sort(np.argsort(hashes, kind="stable")[:most])


def _products(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the products of two days' scores by their distance, and the numbers of pairs: [step] each."""
    horizon = scores.shape[1]
    known, filled = ~np.isnan(scores), np.nan_to_num(scores)
    sums, pairs = np.zeros(horizon), np.zeros(horizon)
    for lag in range(horizon):
        sums[lag] = np.sum(filled[:, : horizon - lag] * filled[:, lag:])
        pairs[lag] = np.sum(known[:, : horizon - lag] & known[:, lag:])
    return sums, pairs


def uneven(shares: np.ndarray, of: tuple[Kernel, ...], heavy: float) -> tuple[np.ndarray, np.ndarray]:
    """The shares of the kernels in three quarters of the paths, and in the others: [..., kernel] each.

    Most forecasts have the right level, and a few are far off, so that sums over many days have heavier tails than
    those over few. With `heavy` t, the errors that last have 1 - t times their variance in three quarters of the paths
    and 1 + 3 t times in the others; noise takes what is left. So the variance of single days, and the mean correlation
    of two days, stay as they are. `shares` sum to 1, and the noise is the last.

    >>> few, many = uneven(np.array([0.2, 0.8]), (Kernel(CONSTANT), Kernel(NOISE)), 0.5)
    >>> few.round(3).tolist(), many.round(3).tolist()
    ([0.1, 0.9], [0.5, 0.5])
    """
    lasts = np.array([kernel.kind in (CONSTANT, DECAY) for kernel in of])
    lasting = np.maximum((shares * lasts).sum(axis=-1, keepdims=True), 1e-9)
    room = lasting + np.maximum(shares[..., -1:] - _LEAST_NOISE, 0)
    t = np.minimum(heavy, (room / lasting - 1) / 3)
    parts = []
    for factor in (1 - t, 1 + 3 * t):
        part = np.where(lasts, shares * factor, shares)
        part[..., -1] = 1 - part[..., :-1].sum(axis=-1)
        parts.append(part)
    return parts[0], parts[1]


def _heavy(scores: np.ndarray) -> tuple[float, int]:
    """How heavy the tails of lasting errors of a level are, from 0 to 1, and the number of windows of groups behind it.

    Of means over a window with normal distributions of one variance, the squared mean of the absolute values is 2 / pi
    of the mean of the squares; the less it is, the more the variances differ. `scores` are [group and window, step].
    """
    count = np.sum(~np.isnan(scores), axis=1)
    rows = scores[count >= scores.shape[1] / 2]
    if len(rows) < 2:
        return 0.0, 0
    means = np.nanmean(rows, axis=1)
    square = float(np.mean(means**2))
    lasting = 1 - float(np.nanmean(rows**2)) / rows.shape[1] / max(square, 1e-12)
    ratio = min(float(np.mean(np.abs(means)) ** 2) * np.pi / 2 / max(square, 1e-12), 1.0)
    heavy = np.sqrt(4 * (1 - ratio) / 3) / max(lasting, 0.2)
    return float(min(heavy, 1.0)) * len(rows) / (len(rows) + _HALF_HEAVY), len(rows)


@dataclass(frozen=True)
class _SeriesShares:
    """The share of each kernel in the variance of the scores of single series: `shares` [size, kernel]."""

    sizes: np.ndarray
    shares: np.ndarray
    heavy: float

    def of(self, log_mean: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(log_mean, self.sizes, share) for share in self.shares.T], axis=1)


def _series_shares(groups: Groups, at: Sequence[_AtCutoff], of: tuple[Kernel, ...]) -> _SeriesShares:
    """The shares of the kernels, by size of the mean."""
    rows = _drawn(groups, _MOST_SERIES)
    parts = [window.scores(groups, rows) for window in at]
    scores, mean = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    some = np.sum(~np.isnan(scores), axis=1) > 1
    if not some.any():
        return _SeriesShares(np.zeros(1), _usual(of)[None], 0.0)
    scores = scores[some]
    log_mean = np.log(np.nanmean(mean[some], axis=1))
    edges = np.quantile(log_mean, np.arange(1, _SIZES) / _SIZES)
    size = np.unique(np.searchsorted(edges, log_mean, side="right"), return_inverse=True)[1]
    n_windows = len(at)
    sizes, correlations, weights = [], [], []
    for number in range(size.max() + 1):
        own = scores[size == number]
        sums, pairs = _products(own)
        # An expected score varies less than the score itself, by a factor that is the mean of its square.
        squares, _ = _products(own**2)
        correlations.append(np.where(pairs > 0, sums / np.maximum(squares, 0.01 * pairs + 1e-9), 0))
        weights.append(n_windows * np.sqrt(len(own) / n_windows))
        sizes.append(float(np.median(log_mean[size == number])))
    usual = _usual(of) @ _by_distance(of, len(correlations[0]))
    total = np.sum(weights)
    together = (np.average(correlations, axis=0, weights=weights) * total + usual * _HALF_SIZE) / (total + _HALF_SIZE)
    shares = [
        _fit_kernels((weight * own + _HALF_SIZE * together) / (weight + _HALF_SIZE), of)
        for weight, own in zip(weights, correlations, strict=True)
    ]
    heavy = np.average([_heavy(scores[size == number])[0] for number in range(len(sizes))], weights=weights)
    return _SeriesShares(np.array(sizes), np.array(shares), float(heavy))


def _usual(of: tuple[Kernel, ...]) -> np.ndarray:
    """The shares of the kernels before any error is known: [kernel]."""
    shares = np.array([_USUAL[kernel.kind] for kernel in of])
    shares[-1] = 1 - shares[:-1].sum()
    return shares


def _by_distance(of: tuple[Kernel, ...], horizon: int) -> np.ndarray:
    """The correlation of each kernel by the distance of two days: [kernel, step]."""
    return np.stack([kernel.of(np.arange(horizon)) for kernel in of])


def _fit_kernels(correlation: np.ndarray, of: tuple[Kernel, ...]) -> np.ndarray:
    """The shares of the kernels that fit correlations by distance [step] best; they sum to 1: [kernel]."""
    from scipy.optimize import nnls

    horizon = len(correlation)
    weight = np.sqrt(np.arange(horizon, 0, -1))[1:]  # a window has fewer pairs of distant days
    shares, _ = nnls((_by_distance(of, horizon)[:-1, 1:] * weight).T, correlation[1:] * weight)
    shares /= max(shares.sum() / 0.95, 1.0)
    return np.append(shares, 1 - shares.sum())


@dataclass(frozen=True)
class _SeriesMoments:
    """The forecast mean of each series at the last cutoff [series], its variance, and a^2 of `Marginals.moments`."""

    mean: np.ndarray
    variance: np.ndarray
    a_squared: np.ndarray


def _series_moments(at: _AtCutoff) -> _SeriesMoments:
    """The moments of all single series, as means over some days of the window."""
    ranges = list(at.ranges.values())[-1]
    steps = np.arange(0, at.window.mean.shape[1], 4)
    parts = []
    for start in range(0, len(at.window.mean), 1024):
        rows = np.arange(start, min(start + 1024, len(at.window.mean)))
        mean = at.window.mean[np.ix_(rows, steps)].astype(np.float32)
        _, variance, a = Marginals.of(ranges, mean, rows, steps).moments()
        parts.append([mean.mean(axis=1), variance.mean(axis=1), (a**2).mean(axis=1)])
    return _SeriesMoments(*np.concatenate(parts, axis=1).astype(np.float64))


def _shared_variances(
    groups: list[Groups],
    at: Sequence[_AtCutoff],
    series: _SeriesMoments,
    single: _SeriesShares,
    correlations: Sequence[_LevelCorrelation],
    of: tuple[Kernel, ...],
) -> np.ndarray:
    """The variances c^2 of the factors of each upper level: [level, kernel]."""
    from scipy.optimize import nnls

    upper = groups[:-1]
    lengths = _lengths(at[-1].window.mean.shape[1])
    of_kernel = np.array(
        [[_mean_correlation(kernel, length) for length in lengths] for kernel in of]
    )  # [kernel, length]
    shares = single.of(np.log(np.maximum(series.mean, LEAST)))  # [series, kernel]
    own_days = series.variance - series.a_squared  # what is noise however scores are correlated
    own = series.a_squared[:, None] * (shares @ of_kernel) + own_days[:, None] / np.array(lengths)  # [series, length]
    equations, targets = [], []
    for level, correlation in zip(upper, correlations, strict=True):
        rows = _drawn(level, _MOST_GROUPS)
        variance = _level_variance(level, at[-1], rows)
        target = np.array([_mean_of(correlation.by_distance, length) for length in lengths])
        of_own = np.mean(level.sum(own)[rows] / variance[:, None], axis=0)
        pairs = [np.mean(_pairs(level, other, series.mean)[rows] / variance) for other in upper]
        for number in range(len(lengths)):
            weight = 1 / max(target[number], 0.25 / lengths[number])
            equations.append(np.outer(pairs, of_kernel[:, number]).reshape(-1) * weight)
            targets.append(max(target[number] - of_own[number], 0) * weight)
    # Of levels that explain the same, the penalty takes a bit of each.
    scale = np.sqrt(np.mean(np.square(equations), axis=0)) + 1e-12
    penalty = 0.05 * np.eye(len(scale))
    found, _ = nnls(
        np.concatenate([np.array(equations) / scale, penalty]), np.concatenate([targets, np.zeros(len(scale))])
    )
    return (found / scale).reshape(len(upper), len(of))


def _lengths(horizon: int) -> list[int]:
    """The lengths of the sums over days whose variances are to be right."""
    return sorted({1, 2, *(max(round(horizon / part), 1) for part in (8, 4, 2, 1))} & set(range(1, horizon + 1)))


def _mean_correlation(kernel: Kernel, length: int) -> float:
    return _mean_of(kernel.of(np.arange(length)), length)


def _mean_of(correlation: np.ndarray, length: int) -> float:
    """The mean correlation of two of `length` days, a day with itself included: the variance of their mean."""
    lags = np.arange(1, length)
    return float((length * correlation[0] + 2 * np.sum((length - lags) * correlation[1:length])) / length**2)


@dataclass(frozen=True)
class _LevelCorrelation:
    """The correlation of two days of a level by their distance [step], and the tails of errors that last."""

    by_distance: np.ndarray
    heavy: float


def _level_correlations(
    upper: list[Groups], at: Sequence[_AtCutoff], of: tuple[Kernel, ...], horizon: int
) -> list[_LevelCorrelation]:
    """The correlation of two days of each upper level by their distance [step], drawn to what is usual."""
    measured, weights, heavy = [], [], []
    for level in upper:
        scores = np.concatenate([window.scores(level, _drawn(level, _MOST_GROUPS))[0] for window in at])
        sums, pairs = _products(scores)
        products = np.where(pairs > 0, sums / np.maximum(pairs, 1), 0)
        measured.append(products / max(products[0], 0.25))
        weights.append(len(at) * np.sqrt(len(scores) / len(at)))
        heavy.append(_heavy(scores)[0])
    usual, total = _usual(of) @ _by_distance(of, horizon), np.sum(weights)
    together = (np.average(measured, axis=0, weights=weights) * total + usual * _HALF_ALL) / (total + _HALF_ALL)
    drawn = [
        (weight * own + _HALF_LEVEL * together) / (weight + _HALF_LEVEL)
        for weight, own in zip(weights, measured, strict=True)
    ]
    return [
        _LevelCorrelation(np.append(1.0, correlation[1:]), tails)
        for correlation, tails in zip(drawn, heavy, strict=True)
    ]


def _level_variance(level: Groups, at: _AtCutoff, rows: np.ndarray) -> np.ndarray:
    """The variance of single days of some groups by the level's ranges of 90 %, the mean over days: [group]."""
    steps = np.arange(0, at.window.mean.shape[1], 4)
    mean = level.sum(at.window.mean[:, steps])[rows].astype(np.float32)
    deviation = Marginals.of(at.ranges[level.level], mean, rows, steps).usual_deviation()
    return np.maximum((deviation**2).mean(axis=1), 1e-9)


def _pairs(level: Groups, shared: Groups, mean: np.ndarray) -> np.ndarray:
    """The products of the means of any two different series of a group of `level` that share a group of `shared`, added
    up: [group]."""
    cell, of_series = np.unique(level.rows.astype(np.int64) * len(shared) + shared.rows, return_inverse=True)
    sums = np.bincount(of_series, mean) ** 2 - np.bincount(of_series, mean**2)
    return np.bincount(cell // len(shared), sums, minlength=len(level))
