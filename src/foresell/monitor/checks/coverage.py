"""Coverage: do the ranges contain the same share of the actual sales as in the backtest?"""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.finding import Code, Severity
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.bounds import COVERAGE
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement


def _sentence(judgement: Judgement) -> str:
    bounds = f"{100 * max(judgement.low or 0, 0):.0f} % to {100 * min(judgement.high or 1, 1):.0f} %"
    coverage = f"{100 * judgement.value:.0f} % of what was sold lay in the range {days_of(judgement)}"
    return f"{coverage}, where {bounds} is usual"


def _least_variance(nominal: float | None) -> pl.Expr:
    """The variance of a binomial share, where n errors carry as much information as sqrt(n) independent ones (as in
    `adjust.ranges`). The share is taken to be at most the one that ranges promise: where every value was in its range
    so far, later ones need not be."""
    share = (pl.col("inside").sum() + 1) / (pl.col("ranged").sum() + 2)
    share = pl.min_horizontal(share, pl.lit(1.0 if nominal is None else nominal))
    return share * (1 - share) / pl.col("ranged").mean().sqrt()


FIGURE = Figure(
    name=COVERAGE,
    column="coverage",
    value=pl.when(pl.col("ranged") > 0).then(pl.col("inside") / pl.col("ranged")),
    read=lambda share: float(np.clip(share, 0, 1)),
    judged_at=lambda part, of, bottom: part == LEVEL,
    code=lambda judgement: "ranges-narrow" if judgement.value < judgement.expected else "ranges-wide",
    sentence=_sentence,
    short=lambda judgement: f"{100 * judgement.value:.0f} % in the range",
    varies_with_size=False,
    least_variance=_least_variance,
    is_blind=lambda expected, reach: reach >= expected / 2,  # half of what is usual would be within the bounds
    mild=frozenset({"ranges-wide"}),  # wide ranges cost money, but do no other harm
)

CHECK = figure_check(
    FIGURE,
    "Do the ranges hold what they promise?",
    {
        "ranges-narrow": Code(
            Severity.WARNING,
            "Ranges hold less than they promise; the gap is larger than any that the backtest explains.",
            "Do not set safety stock by these ranges. " + RETRAIN,
        ),
        "ranges-wide": Code(
            Severity.WARNING,
            "Ranges hold more than they promise; the gap is larger than any that the backtest explains. Stock set by "
            "them is larger than it need be.",
            RETRAIN,
        ),
    },
)
