"""Forecasts of all levels that add up, and the ways to bring single series into line with forecasts of their sums.

All ways here end with forecasts of the single series; the upper levels are their sums, so every one is coherent, and
so is every weighted mean of them (Hollyman, Petropoulos and Tipping, "Understanding forecast reconciliation", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name

REACH = 2.0
"""How far the series of a group may be scaled either way. A larger factor says that the forecasts of the sum and of
the series see different things, and neither is then to be trusted alone."""

BOTTOM_UP, TOP_DOWN, MIDDLE_OUT, MINT = "bottom_up", "top_down", "middle_out", "mint"


def all_levels(forecast: Forecast, series: pl.DataFrame, hierarchy: Hierarchy) -> dict[Level, Forecast]:
    """The forecast of every level from the top down, each the sum of its single series (bottom-up, FPP3 section 11.2).

    `forecast` is that of the single series, in the order of `series`, the panel's table with the columns that the
    levels name. Quantiles do not add up and are left out above the single series. Raises UsageError where the two
    differ in number.
    """
    if forecast.series.height != series.height:
        raise UsageError(
            f"The forecast has {forecast.series.height} series and the panel {series.height}; "
            "add up a forecast with the panel that it was made from."
        )
    return {
        level: forecast if level == hierarchy.bottom else forecast.sum(hierarchy.groups(series, level))
        for level in hierarchy.levels
    }


def scaled(mean: np.ndarray, groups: Groups, wanted: np.ndarray) -> np.ndarray:
    """`mean` [series, step] scaled so that each group adds up to `wanted` [group, step], at most by `REACH` either way.

    Middle-out with forecast proportions, top-down where the one group is the total (FPP3 section 11.2). What is 0
    stays 0; a group all of whose series are 0 stays as it is.

    >>> groups = Groups(("shop",), pl.DataFrame({"shop": ["a"]}), np.array([0, 0], np.int32))
    >>> scaled(np.array([[1.0], [3.0]]), groups, np.array([[5.0]])).tolist()  # 5 / (1 + 3) of each
    [[1.25], [3.75]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.nan_to_num(wanted / groups.sum(mean), nan=1.0, posinf=1.0)
    return mean * np.clip(factor, 1 / REACH, REACH).astype(mean.dtype)[groups.rows]


def least_variance(
    mean: np.ndarray,
    totals: Mapping[Level, np.ndarray],
    groups: Mapping[Level, Groups],
    variance: np.ndarray,
    variances: Mapping[Level, np.ndarray],
) -> np.ndarray:
    """Single series moved as little as their error variances ask for, to agree best with all `totals` at once.

    MinT with variance scaling (Wickramasuriya, Athanasopoulos and Hyndman, "Optimal forecast reconciliation", 2019,
    eq. 9 with a diagonal W): y + W S' (S W S' + R)^-1 (t - S y) for base forecasts `mean` y [series, step] with
    `variance` W [series] and `totals` t [group, step] of each level with `variances` R [group]. Written so, the
    matrix to invert has one row for each group only. Never negative; what is 0 stays 0, for a closed day has no error.
    """
    from scipy.sparse import csr_matrix, vstack

    levels = list(totals)
    columns = np.arange(len(mean))
    summing = vstack(
        [
            csr_matrix((np.ones(len(mean)), (groups[level].rows, columns)), (len(groups[level]), len(mean)))
            for level in levels
        ],
        format="csr",
    )
    spread = summing.multiply(variance[None, :]).tocsr()  # S W [group, series]
    matrix = (spread @ summing.T).toarray() + np.diag(np.concatenate([variances[level] for level in levels]))
    wanted = np.concatenate([totals[level] for level in levels])
    gap = np.linalg.solve(matrix, wanted - summing @ mean)
    moved = np.where(mean > 0, mean + spread.T @ gap, 0)
    return np.maximum(moved, 0).astype(mean.dtype)


def error_variance(errors: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
    """The error variance of each series, from `errors` and `means` [series, step] of several windows: [series].

    Its own mean squared error, drawn towards what a series of its mean has by and large (variance in proportion to
    the mean), as if one window more had shown that: a few weeks say little about one series.
    """
    squared = np.sum([(each**2).mean(axis=1) for each in errors], axis=0)
    size = np.mean([mean.mean(axis=1) for mean in means], axis=0)
    usual = squared.sum() / max(float(size.sum()) * len(errors), 1e-12) * size
    return np.maximum((squared + usual) / (len(errors) + 1), 1e-6)


def going_together(errors: Sequence[np.ndarray], groups: Groups, variance: np.ndarray) -> float:
    """How many times larger the squared errors of the groups' sums are than if their series erred independently.

    `errors` [series, step] of several windows, `variance` [series]. At least 1.
    """
    found = sum(float((groups.sum(each) ** 2).mean(axis=1).sum()) for each in errors) / max(len(errors), 1)
    return max(found / max(float(variance.sum()), 1e-12), 1.0)


@dataclass(frozen=True)
class Reconciliation:
    """Which ways the single series are brought into line, and how much each counts: `shares` sum to 1.

    A way is ``bottom_up``, ``top_down`` (scaled to the total), ``middle_out LEVEL`` (scaled to that level, in words)
    or ``mint``. The last one needs error variances: `variance` [series] and `variances` by level [group], of the
    series that it was learnt on.
    """

    shares: Mapping[str, float]
    variance: np.ndarray | None = None
    variances: Mapping[Level, np.ndarray] | None = None

    def apply(self, mean: np.ndarray, totals: Mapping[Level, np.ndarray], groups: Mapping[Level, Groups]) -> np.ndarray:
        """The forecasts of the single series [series, step] in line with `totals`, one [group, step] for each level.

        Raises UsageError for a level that `totals` does not have.
        """
        result = np.zeros_like(mean)
        for way, share in self.shares.items():
            result += share * self.one(way, mean, totals, groups)
        return result

    def one(
        self, way: str, mean: np.ndarray, totals: Mapping[Level, np.ndarray], groups: Mapping[Level, Groups]
    ) -> np.ndarray:
        """The forecasts as a single one of the ways makes them."""
        if way == BOTTOM_UP:
            return mean
        if way == MINT and self.variance is not None and self.variances is not None:
            return least_variance(mean, totals, groups, self.variance, self.variances)
        by_name = {way_of(level): level for level in totals}
        if way not in by_name:
            raise UsageError(
                f"The forecasts cannot be reconciled by '{way}': there are {first_five([BOTTOM_UP, *by_name])}."
            )
        level = by_name[way]
        return scaled(mean, groups[level], totals[level])


def way_of(level: Level) -> str:
    """The name of scaling to the sums of `level`.

    >>> way_of(()), way_of(("store", "dept"))
    ('top_down', 'middle_out store x dept')
    """
    return f"{MIDDLE_OUT} {level_name(level)}" if level else TOP_DOWN
