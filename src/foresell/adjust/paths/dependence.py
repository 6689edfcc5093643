"""The dependence of errors over days and over series, learnt from a backtest.

Every series and day has a normal score z, and its units are the quantile of the probability of z: a Gaussian copula
(Nelsen, "An introduction to copulas", 2006). Scores are sums of independent factors:

    z = (sum over the upper levels of c d mu / a f) + own factor

A factor f of a level is shared by all series of a group, such as a store: all that the store sells rises by a share
c d f of the forecast mu. Here d is the relative deviation of the group that its series would not have if they were
independent, by the ranges of its level, and c is the same for all groups of the level. (a is the covariance of units
and score, see `Marginals.moments`: the units rise by a times what the score does.) The own factor of a series has the
variance that is left. Every factor is a Gaussian process over the days of the window; its correlation is a mixture of
`kernels`. So the variance of what a group sells over some days is linear in the variances c^2 of each level and kernel.
They are found by non-negative least squares, so that

- single days of each level have the variance of its calibrated ranges, and
- sums over days, up to the whole window, have as much more as the errors of the backtest show.

**Few that are far off.** Most series have the right level and a few do not. The own factors have heavier tails for that
(`uneven`); correlations of upper levels are those that most groups show.

**Few windows.** A level counts as its number of windows times the square root of its number of groups. Correlations of
a level are drawn towards those of all upper levels, and these towards `_USUAL`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.backtest_errors import windows_of
from foresell.adjust.paths.kernels import CONSTANT, DECAY, Kernel, kernels
from foresell.adjust.paths.level_factors import GROUP, LevelDays, level_correlations, shared_variances
from foresell.adjust.paths.series_factors import series_moments, series_shares
from foresell.adjust.paths.window_scores import CutoffScores
from foresell.adjust.ranges import Ranges
from foresell.core.errors import UnreadableFile, first_five
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Panel

_COLUMNS = ("level", "size", "heavy", "variance", "kind", "length", "group")
_LEAST_NOISE = 0.02  # the smallest part of the variance of a factor that is independent from day to day


@dataclass(frozen=True)
class Dependence:
    """The variances of all factors: `table` has one row for each level, size and kernel, or group.

    Of factors:

    - ``level``: in words; the single series' own factors have their level.
    - ``size``: null but for the single series: the logarithm of the mean a day.
    - ``kind``, ``length``: the kernel.
    - ``heavy``: of single series, how heavy the tails of errors that last are, see `uneven`; 0 of upper levels.
    - ``variance``: of an upper level c^2; of single series the share of the variance of the whole score z, shared
      factors included.

    Of groups, where ``kind`` is ``group``: ``level``, the hash of the group's keys as ``group``, and d as ``variance``.
    """

    table: pl.DataFrame

    @classmethod
    def learn(cls, forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy, ranges: Ranges) -> Dependence:
        """Learns from the same table of forecasts as `ranges` did, see `Ranges.learn`."""
        windows = windows_of(forecasts, panel)
        horizon = windows[0].mean.shape[1]
        of = kernels(horizon, panel.frequency)
        at = [CutoffScores.of(window, panel, hierarchy, ranges) for window in windows]
        groups = hierarchy.all_groups(panel.series)
        single = series_shares(groups[-1], at, of)
        last = series_moments(at[-1])
        levels = [LevelDays.of(level, at[-1], last) for level in groups[:-1]]
        correlations = level_correlations(groups[:-1], at, of, horizon)
        shared = shared_variances(levels, last, single, correlations, of, horizon)
        rows = [
            {"level": level_name(level.level), "size": None, "heavy": 0.0, "kernel": number, "variance": float(value)}
            for level, values in zip(groups[:-1], shared, strict=True)
            for number, value in enumerate(values)
        ] + [
            {"level": level_name(hierarchy.bottom), "size": float(size), "heavy": single.heavy, "kernel": number}
            | {"variance": float(value)}
            for size, values in zip(single.sizes, single.shares, strict=True)
            for number, value in enumerate(values)
        ]
        table = pl.DataFrame(rows, schema_overrides={"size": pl.Float64})
        named = pl.DataFrame({"kind": [k.kind for k in of], "length": [k.length for k in of]}).with_row_index("kernel")
        factors = table.with_columns(pl.col("kernel").cast(pl.UInt32)).join(named, on="kernel").drop("kernel")
        return cls(pl.concat([factors, *(level.to_frame() for level in levels)], how="diagonal"))

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels, in the order of the other properties."""
        pairs = self.table.filter(pl.col("kind") != GROUP).select("kind", "length").unique(maintain_order=True)
        return tuple(Kernel(*pair) for pair in pairs.iter_rows())

    def of_level(self, level: Level) -> np.ndarray:
        """The variances c^2 of an upper level: [kernel]."""
        rows = self.table.filter(pl.col("level") == level_name(level), pl.col("kind") != GROUP)
        return rows.filter(pl.col("size").is_null())["variance"].to_numpy()

    def deviations(self, groups: Groups) -> np.ndarray:
        """The relative deviations d of the groups of an upper level: [group]; the median where a group is new."""
        known = self.table.filter(kind=GROUP, level=level_name(groups.level)).select("group", d="variance")
        wanted = pl.DataFrame({"group": key_hashes(groups.frame)})
        d = wanted.join(known, on="group", how="left", maintain_order="left")["d"]
        return d.fill_null(known["d"].median() if known.height else 1.0).to_numpy()

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
        """Reads the file that `save` wrote. Raises UnreadableFile where it is missing, damaged or outdated."""
        try:
            table = pl.read_parquet(path, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(
                f"{path} does not say how days and series depend on each other. Make it with: foresell backtest"
            ) from error
        missing = [name for name in _COLUMNS if name not in table.columns]
        if missing:
            raise UnreadableFile(
                f"{path} was made by another version, without {first_five(missing)}. Make it again: foresell backtest"
            )
        return cls(table)


def uneven(shares: np.ndarray, of: tuple[Kernel, ...], heavy: float) -> tuple[np.ndarray, np.ndarray]:
    """The shares of the kernels in three quarters of the paths, and in the others: [..., kernel] each.

    Most forecasts have the right level, and a few are far off, so that sums over many days have heavier tails than
    those over few. With `heavy` t, the errors that last have 1 - t times their variance in three quarters of the paths
    and 1 + 3 t times in the others; noise takes what is left. So the variance of single days, and the mean correlation
    of two days, stay as they are. `shares` sum to 1, and the noise is the last.

    >>> from foresell.adjust.paths.kernels import NOISE
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
