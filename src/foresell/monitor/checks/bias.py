"""Bias: is as much sold as was forecast? Above 0 too much was forecast, below 0 too little.

The bias of the total is taken out of that of groups and segments, so that one cause raises one finding.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.finding import Code, Severity
from foresell.core.words import change
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, SEGMENT
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure, capped, log_ratio
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement

TOTAL = (BIAS, LEVEL, "total", ALL)
"""The bias of all sales, by figure and node."""


def _read(log: float) -> float:
    """The bias, forecast over sales less 1, of a log of sales over forecast."""
    return float(np.expm1(capped(-log)))


def in_words(log: float) -> str:
    """The bias of a log of sales over forecast, with the sign that it has everywhere: + where too much was forecast.

    >>> in_words(0.0953), in_words(-0.2231)
    ('−9.1 %', '+25 %')
    """
    return change(_read(log))


def _sentence(judgement: Judgement) -> str:
    beside = "" if judgement.part == LEVEL else " beside the total"
    if judgement.beside is not None:
        beside = " beside all that is as usual"
    return (
        f"{judgement.units:,.0f} units were sold where {judgement.forecast:,.0f} were forecast {days_of(judgement)}, "
        f"a bias of {in_words(judgement.shown)}{beside}; usual is {in_words(judgement.high or 0)} to "
        f"{in_words(judgement.low or 0)}"
    )


FIGURE = Figure(
    name=BIAS,
    column="bias",
    value=log_ratio("units", "forecast"),
    read=_read,
    judged_at=lambda part, of, bottom: part in (GROUP, SEGMENT) or of == "total",
    code=lambda judgement: "bias-shifted",
    sentence=_sentence,
    short=lambda judgement: f"bias {in_words(judgement.shown)}",
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
