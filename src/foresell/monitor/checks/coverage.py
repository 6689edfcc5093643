"""Coverage: do the ranges hold the share of what is sold that they held in the backtest?"""

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
    held = f"{100 * judgement.value:.0f} % of what was sold lay in the range {days_of(judgement)}"
    return f"{held}, where {bounds} is usual"


def _least_variance(nominal: float | None) -> pl.Expr:
    """The binomial's variance of errors that are worth the square root of their number (as in `adjust.ranges`), for
    ranges that hold at most what they promise: where all was inside so far, it need not stay so."""
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
    mild=frozenset({"ranges-wide"}),  # they cost money, no more
)

CHECK = figure_check(
    FIGURE,
    "Do the ranges hold what they promise?",
    {
        "ranges-narrow": Code(
            Severity.WARNING,
            "Ranges hold less than they promise, by more than the backtest's windows leave open.",
            "Do not set safety stock by these ranges. " + RETRAIN,
        ),
        "ranges-wide": Code(
            Severity.WARNING,
            "Ranges hold more than they promise, by more than the backtest's windows leave open: stock set by them is "
            "larger than it need be.",
            RETRAIN,
        ),
    },
)
