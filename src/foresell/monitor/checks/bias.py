"""Bias: are more, or fewer, units sold than were forecast?

The bias of the total is taken out of that of groups and segments, so that one cause raises one finding.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.finding import Code, Severity
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, SEGMENT
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure, capped, log_ratio, percent
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement

TOTAL = (BIAS, LEVEL, "total", ALL)
"""The bias of all sales, by figure and node."""


def _sentence(judgement: Judgement) -> str:
    relative = "," if judgement.part == LEVEL else ", with the bias of the total taken out,"
    return (
        f"{judgement.units:,.0f} units were sold where {judgement.forecast:,.0f} were forecast{relative} "
        f"{percent(judgement.value)} {days_of(judgement)}; usual is {percent(judgement.low or 0)} to "
        f"{percent(judgement.high or 0)}"
    )


FIGURE = Figure(
    name=BIAS,
    column="bias",
    value=log_ratio("units", "forecast"),
    read=lambda log: float(np.expm1(capped(-log))),
    judged_at=lambda part, of, bottom: part in (GROUP, SEGMENT) or of == "total",
    code=lambda judgement: "bias-shifted",
    sentence=_sentence,
    short=lambda judgement: f"{percent(judgement.value)} against the forecast",
    falling=True,
    beside_total=True,
    # A block varies at least as much as a Poisson count of its units.
    least_variance=lambda nominal: 1 / pl.max_horizontal(pl.col("forecast").mean(), pl.lit(1.0)),
)

CHECK = figure_check(
    FIGURE,
    "Is as much sold as was forecast?",
    {
        "bias-shifted": Code(
            Severity.WARNING,
            "More, or less, is sold than was forecast; the deviation is larger than any that the backtest explains.",
            RETRAIN,
        )
    },
)
