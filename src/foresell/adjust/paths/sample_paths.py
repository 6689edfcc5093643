"""Sample paths of the single series: units that may be sold on each day of the horizon, [path, series, step]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence, uneven
from foresell.adjust.paths.kernels import matrices
from foresell.adjust.paths.marginals import Marginals
from foresell.adjust.paths.sums import path_sums, quantiles_of_sums
from foresell.adjust.ranges import LevelRanges, Ranges, round_quantiles
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.keyed_random import fnv1a, key_hashes, mix, normals
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days

_MOST_SHARED = 0.8  # the largest part of the variance of a score that series share
_BLOCK = 128  # series at a time, whose draws fit into the processor's cache


@dataclass(frozen=True)
class SamplePaths:
    """Draws of what the series may sell on the days of a forecast; see `dependence` for how they hang together.

    `series` is the panel's table, `mean` float32 [series, step] the forecast, and `ranges` are those of the single
    series at its cutoff. The draws of a series depend on `seed`, the values of its keys and of the columns of the
    levels, and its own distributions: other series, and the blocks that they are drawn in, do not matter.
    """

    series: pl.DataFrame
    mean: np.ndarray
    ranges: LevelRanges
    hierarchy: Hierarchy
    dependence: Dependence
    frequency: Frequency
    seed: int = 1

    @classmethod
    def of(
        cls,
        forecast: Forecast,
        panel: Panel,
        hierarchy: Hierarchy,
        ranges: Ranges,
        dependence: Dependence,
        seed: int = 1,
    ) -> SamplePaths:
        """The paths of a forecast of the single series; `panel` ends at its cutoff."""
        of_series = ranges.of_level(hierarchy.bottom, panel, hierarchy, closed_days(panel, forecast.horizon))
        return cls(panel.series, forecast.mean, of_series, hierarchy, dependence, panel.frequency, seed)

    def draw(self, n_paths: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Paths of the series `rows`, all where not given: float32 [path, series, step]."""
        n_series = len(self.mean if rows is None else rows)
        paths = np.empty((n_paths, n_series, self.mean.shape[1]), np.float32)
        for start, units in self.blocks(n_paths, rows):
            paths[:, start : start + len(units)] = units.transpose(1, 0, 2)
        return paths

    def blocks(self, n_paths: int, rows: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """The paths of a few of the series `rows` at a time: where they begin in `rows`, and their units, float32
        [series, path, step]."""
        rows = np.arange(len(self.mean)) if rows is None else np.asarray(rows)
        for start in range(0, len(rows), _BLOCK):
            yield start, self._block(n_paths, rows[start : start + _BLOCK])

    def sums(
        self,
        levels: Sequence[Groups],
        spans: Sequence[slice],
        n_paths: int,
        rows: np.ndarray | None = None,
        known: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """The sums of the paths of the series `rows`, which `levels` group; see `sums.path_sums`."""
        return path_sums(self.blocks(n_paths, rows), levels, spans, (n_paths, self.mean.shape[1]), known)

    def demand_quantiles(
        self, groups: Groups, steps: slice, probabilities: Sequence[float], n_paths: int, rows: np.ndarray
    ) -> np.ndarray:
        """The quantiles of the sum over some steps of each group of the series `rows`: float32 [q, group].

        They are never negative, and whole where units are whole.
        """
        (sums,) = self.sums([groups], [steps], n_paths, rows)
        whole = self.ranges.whole
        return round_quantiles(quantiles_of_sums(sums[:, 0], probabilities, whole), whole).astype(np.float32)

    def _block(self, n_paths: int, rows: np.ndarray) -> np.ndarray:
        """The paths of a block of series: float32 [series, path, step]."""
        mean = self.mean[rows]
        marginals = Marginals.of(self.ranges, mean, rows)
        _, _, a = marginals.moments()
        loading = mean / np.maximum(a, 1e-6)  # of a factor with c = 1: [series, step]
        loading = np.minimum(loading, 1e3).astype(np.float64)
        of_kernels = sum(
            (factor.variances(rows) for factor in self._factors), np.zeros((len(rows), 1))
        )  # [series, kernel]
        shared = (
            of_kernels.sum(axis=1, keepdims=True) * loading**2
        )  # the part of the variance of a score: [series, step]
        loading *= np.sqrt(np.minimum(1, _MOST_SHARED / np.maximum(shared, 1e-9)))
        own = np.sqrt(1 - np.minimum(shared, _MOST_SHARED)).astype(np.float32)
        of_kernels = of_kernels * np.mean(loading**2, axis=1, keepdims=True)
        scores = self._own_factors(n_paths, rows, mean, of_kernels) * own[:, None, :]
        for factor in self._factors:
            size = (loading * np.sqrt(factor.variances(rows).sum(axis=1, keepdims=True))).astype(np.float32)
            scores += factor.draw(self.seed, n_paths, rows) * size[:, None, :]
        return marginals.units(scores)

    def _own_factors(self, n_paths: int, rows: np.ndarray, mean: np.ndarray, shared: np.ndarray) -> np.ndarray:
        """The series' own factors, with a variance of 1: float32 [series, path, step]. `shared` [series, kernel] is the
        part of the variance of their scores that they have in common with others."""
        shares = self.dependence.of_sizes(np.log(np.maximum(mean.mean(axis=1), 1e-6)))  # [series, kernel]
        own = np.maximum(shares - shared, 0)
        own[:, -1] = np.maximum(own[:, -1], 0.02)
        own /= own.sum(axis=1, keepdims=True)
        heavy = self.dependence.heavy(self.hierarchy.bottom)
        lower = [_cholesky(part, self._matrices) for part in uneven(own, self.dependence.kernels, heavy)]
        return _factors(self.seed, self._hashes[rows], n_paths, lower)

    @cached_property
    def _matrices(self) -> np.ndarray:
        return matrices(self.dependence.kernels, self.mean.shape[1])

    @cached_property
    def _hashes(self) -> np.ndarray:
        return key_hashes(self.series, self.hierarchy.bottom)

    @cached_property
    def _factors(self) -> list[_Factor]:
        """The factors of the upper levels that have a variance."""
        variances = {level: self.dependence.of_level(level) for level in self.hierarchy.levels[:-1]}
        return [
            _Factor.of(self.hierarchy.groups(self.series, level), variance, self.dependence, self._matrices)
            for level, variance in variances.items()
            if variance.sum() > 0
        ]


def _cholesky(shares: np.ndarray, of_kernels: np.ndarray) -> np.ndarray:
    """The Cholesky factors of mixtures of kernels with these `shares` [row, kernel]: float32 [row, step, step]."""
    correlation = np.einsum("sk,kij->sij", shares, of_kernels) + 1e-6 * np.eye(of_kernels.shape[1])
    return np.linalg.cholesky(correlation).astype(np.float32)


def _factors(seed: int, hashes: np.ndarray, n_paths: int, lower: Sequence[np.ndarray]) -> np.ndarray:
    """Gaussian processes over the days with these Cholesky factors: float32 [row, path, step].

    The first ones [row or 1, step, step] are those of three quarters of the paths, and the second those of the others,
    which are others for each key.
    """
    noise = normals(seed, hashes, n_paths, lower[0].shape[-1])
    usual, other = (noise @ factor.transpose(0, 2, 1) for factor in lower)
    turn = (np.arange(n_paths) + (hashes % np.uint64(4)).astype(np.int64)[:, None]) % 4 == 0
    return np.where(turn[:, :, None], other, usual)


@dataclass(frozen=True)
class _Factor:
    """The factor of a level: its variances c^2 [kernel], the relative deviations d of the groups [group], and the
    Cholesky factors of its correlation over the days, in most of the paths and in the others."""

    groups: Groups
    variance: np.ndarray
    deviation: np.ndarray
    lower: list[np.ndarray]

    @classmethod
    def of(cls, groups: Groups, variance: np.ndarray, dependence: Dependence, of_kernels: np.ndarray) -> _Factor:
        """The factor of the `groups` of a level; `of_kernels` are the matrices of the kernels [kernel, step, step]."""
        parts = uneven(variance / variance.sum(), dependence.kernels, dependence.heavy(groups.level))
        lower = [_cholesky(part[None], of_kernels) for part in parts]
        return cls(groups, variance, dependence.deviations(groups), lower)

    def variances(self, rows: np.ndarray) -> np.ndarray:
        """The variances relative to the squared mean of some series: [series, kernel]."""
        return self.deviation[self.groups.rows[rows], None] ** 2 * self.variance

    def draw(self, seed: int, n_paths: int, rows: np.ndarray) -> np.ndarray:
        """The factors of the groups of some series, with a variance of 1: float32 [series, path, step]."""
        joined, of_series = np.unique(self.groups.rows[rows], return_inverse=True)
        return _factors(seed, self._hashes[joined], n_paths, self.lower)[of_series]

    @cached_property
    def _hashes(self) -> np.ndarray:
        of_level = fnv1a([f"level {level_name(self.groups.level)}".encode()])
        return mix(key_hashes(self.groups.frame) ^ of_level)
