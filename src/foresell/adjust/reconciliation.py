"""The reconciliation of forecasts of single series with forecasts of their sums.

Every method returns forecasts of the single series, and the forecasts of the upper levels are their sums. So the
result of every method is coherent, and so is every weighted mean of the results (Hollyman, Petropoulos and Tipping,
"Understanding forecast reconciliation", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name

LARGEST_FACTOR = 2.0
"""The series of a group are scaled by this factor at most, and by its inverse at least. Where a larger factor would be
needed, the forecasts of the sum and of the series contradict each other, and neither can be trusted alone."""

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


def scaled(mean: np.ndarray, groups: Groups, totals: np.ndarray) -> np.ndarray:
    """`mean` [series, step] scaled so that each group adds up to `totals` [group, step].

    This is the middle-out approach with forecast proportions, or top-down where the only group is the total (FPP3
    section 11.2). A group is scaled by `LARGEST_FACTOR` at most. A forecast of 0 stays 0.

    >>> groups = Groups(("shop",), pl.DataFrame({"shop": ["a"]}), np.array([0, 0], np.int32))
    >>> scaled(np.array([[1.0], [3.0]]), groups, np.array([[5.0]])).tolist()  # 5 / (1 + 3) of each
    [[1.25], [3.75]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.nan_to_num(totals / groups.sum(mean), nan=1.0, posinf=1.0)
    return mean * np.clip(factor, 1 / LARGEST_FACTOR, LARGEST_FACTOR).astype(mean.dtype)[groups.rows]


def min_trace(
    mean: np.ndarray,
    totals: Mapping[Level, np.ndarray],
    groups: Mapping[Level, Groups],
    variance: np.ndarray,
    variances: Mapping[Level, np.ndarray],
) -> np.ndarray:
    """`mean` reconciled with the `totals` of all levels at once, where series with larger error variances move more.

    This is MinT with variance scaling (Wickramasuriya, Athanasopoulos and Hyndman, "Optimal forecast reconciliation",
    2019, eq. 9 with a diagonal W): y + W S' (S W S' + R)^-1 (t - S y) for base forecasts `mean` y [series, step] with
    `variance` W [series] and `totals` t [group, step] of each level with `variances` R [group]. In this form the matrix
    to invert has only one row for each group. The result is never negative, and a forecast of 0 stays 0 because a
    closed day has no error.
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
    base_totals = np.concatenate([totals[level] for level in levels])
    gap = np.linalg.solve(matrix, base_totals - summing @ mean)
    moved = np.where(mean > 0, mean + spread.T @ gap, 0)
    return np.maximum(moved, 0).astype(mean.dtype)


def error_variance(errors: Sequence[np.ndarray], means: Sequence[np.ndarray]) -> np.ndarray:
    """The error variance of each series, from `errors` and `means` [series, step] of several windows: [series].

    A few weeks say little about one series. So its own mean squared error is averaged with a variance in proportion to
    its mean forecast, which counts like one more window.
    """
    squared = np.sum([(window**2).mean(axis=1) for window in errors], axis=0)
    size = np.mean([mean.mean(axis=1) for mean in means], axis=0)
    usual = squared.sum() / max(float(size.sum()) * len(errors), 1e-12) * size
    return np.maximum((squared + usual) / (len(errors) + 1), 1e-6)


def variance_inflation(errors: Sequence[np.ndarray], groups: Groups, variance: np.ndarray) -> float:
    """The error variance of the groups' sums over what it would be if the series' errors were independent, at least 1.

    `errors` [series, step] are those of several windows, `variance` [series] is that of `error_variance`.
    """
    of_sums = sum(float((groups.sum(window) ** 2).mean(axis=1).sum()) for window in errors) / max(len(errors), 1)
    return max(of_sums / max(float(variance.sum()), 1e-12), 1.0)


@dataclass(frozen=True)
class Reconciliation:
    """A weighted mean of methods of reconciliation; the `shares` of the methods sum to 1.

    A method is ``bottom_up``, ``top_down`` (scaled to the total), ``middle_out LEVEL`` (scaled to that level, such as
    ``middle_out store x dept``) or ``mint``. Only ``mint`` needs error variances: `variance` [series] and, by level,
    `variances` [group].
    """

    shares: Mapping[str, float]
    variance: np.ndarray | None = None
    variances: Mapping[Level, np.ndarray] | None = None

    def apply(self, mean: np.ndarray, totals: Mapping[Level, np.ndarray], groups: Mapping[Level, Groups]) -> np.ndarray:
        """The forecasts of the single series [series, step] reconciled with `totals` [group, step] of each level.

        Raises UsageError for a method whose level `totals` lacks.
        """
        result = np.zeros_like(mean)
        for method, share in self.shares.items():
            result += share * self._apply(method, mean, totals, groups)
        return result

    def _apply(
        self, method: str, mean: np.ndarray, totals: Mapping[Level, np.ndarray], groups: Mapping[Level, Groups]
    ) -> np.ndarray:
        """The forecasts [series, step] that a single method makes."""
        if method == BOTTOM_UP:
            return mean
        if method == MINT and self.variance is not None and self.variances is not None:
            return min_trace(mean, totals, groups, self.variance, self.variances)
        by_name = {method_of(level): level for level in totals}
        if method not in by_name:
            raise UsageError(
                f"The forecasts cannot be reconciled by '{method}': there are {first_five([BOTTOM_UP, *by_name])}."
            )
        level = by_name[method]
        return scaled(mean, groups[level], totals[level])


def method_of(level: Level) -> str:
    """The name of the method that scales to the sums of `level`.

    >>> method_of(()), method_of(("store", "dept"))
    ('top_down', 'middle_out store x dept')
    """
    return f"{MIDDLE_OUT} {level_name(level)}" if level else TOP_DOWN
