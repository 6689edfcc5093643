"""Forecast value added: is the error smaller than that of seasonal naive by as much as in the backtest?"""

from __future__ import annotations

import numpy as np

from foresell.core.finding import Code, Severity
from foresell.core.words import share
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.bounds import SKILL
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure, capped, log_ratio
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement


def _read(log: float) -> float:
    """The value added, of a log of the error over that of seasonal naive."""
    return float(-np.expm1(capped(log)))


def _sentence(judgement: Judgement) -> str:
    value, usual = (share(_read(log)) for log in (judgement.value, judgement.expected))
    return f"the value added over seasonal naive is {value} {days_of(judgement)}; usual is {usual}"


FIGURE = Figure(
    name=SKILL,
    column="value_added",
    value=log_ratio("error", "naive"),
    read=_read,
    judged_at=lambda part, of, bottom: part == LEVEL and of in ("total", bottom),
    code=lambda judgement: "no-better-than-naive",
    sentence=_sentence,
    short=lambda judgement: f"value added {share(_read(judgement.value))}",
    sides=1,
    falling=True,
    harmless=0.0,  # the forecasts still err less than seasonal naive
)

CHECK = figure_check(
    FIGURE,
    "Do the forecasts err less than seasonal naive?",
    {
        "no-better-than-naive": Code(
            Severity.WARNING,
            "The error of seasonal naive is smaller than that of the forecasts, which the backtest does not explain.",
            "Until the cause is clear, plan by what was sold a week (a season) ago. " + RETRAIN,
        )
    },
)
