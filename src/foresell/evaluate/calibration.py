"""The calibration of quantiles: how often the actual lay below each of them, against their probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five

QUANTILE_COUNTS = ("level", "probability", "points", "share_below", "share_at_or_below")
"""The columns of the table that `count_below` makes."""


def count_below(level: str, actual: np.ndarray, quantiles: np.ndarray, probabilities: Sequence[float]) -> pl.DataFrame:
    """How often the actual lay below, and at or below, each quantile: one row for each probability.

    `actual` [series, step] in units, NaN where not known; `quantiles` [q, series, step]. The columns are
    `QUANTILE_COUNTS`; ``points`` is the number of known actuals. Raises UsageError where the shapes do not fit.

    >>> shares = count_below("total", np.array([[0.0, 2, 5, np.nan]]), np.array([[[1.0, 2, 3, 4]]]), [0.5])
    >>> shares.select("points", "share_below", "share_at_or_below").row(0)  # below: 0; at: 2; of three
    (3, 0.3333333333333333, 0.6666666666666666)
    """
    expected = (len(probabilities), *np.shape(actual))
    if np.shape(quantiles) != expected:
        raise UsageError(f"The quantiles have shape {np.shape(quantiles)}; expected [q, series, step] = {expected}.")
    known = ~np.isnan(actual)
    points = int(known.sum())
    rows = []
    for probability, quantile in zip(probabilities, quantiles, strict=True):
        below = np.sum(actual[known] < quantile[known]) / max(points, 1)
        at_or_below = np.sum(actual[known] <= quantile[known]) / max(points, 1)
        rows.append((level, float(probability), points, float(below), float(at_or_below)))
    kinds = (pl.String, pl.Float64, pl.Int64, pl.Float64, pl.Float64)
    return pl.DataFrame(rows, schema=dict(zip(QUANTILE_COUNTS, kinds, strict=True)), orient="row")


def calibration(counts: pl.DataFrame) -> pl.DataFrame:
    """The table `counts` of `count_below` with ``observed`` and ``off``: one row for each level and probability.

    A quantile of whole units is right where its probability lies between the share of actuals below it and the share
    at or below it, because many actuals equal it. On a series that sells on one day in ten, the median is 0 and nine
    tenths of the actuals are 0 too. ``observed`` is the share between these two that is nearest to the probability,
    and ``off`` is ``observed`` less the probability. Several rows of one level and probability, such as those of
    several windows, are averaged by their points. Czado, Gneiting and Held, "Predictive model assessment for count
    data", 2009, section 2.

    Raises UsageError where a column is missing.
    """
    missing = [name for name in QUANTILE_COUNTS if name not in counts.columns]
    if missing:
        raise UsageError(
            f"The table of quantiles has no column {first_five(missing)}; it has {', '.join(counts.columns)}."
        )
    shares = [(pl.col(name) * pl.col("points")).sum() / pl.col("points").sum() for name in QUANTILE_COUNTS[3:]]
    table = (
        counts.filter(pl.col("points") > 0)
        .group_by("level", "probability", maintain_order=True)
        .agg(*shares, pl.col("points").sum())
    )
    observed = pl.col("probability").clip(pl.col("share_below"), pl.col("share_at_or_below"))
    table = table.select(*QUANTILE_COUNTS, observed.alias("observed"))
    return table.with_columns(off=pl.col("observed") - pl.col("probability"))
