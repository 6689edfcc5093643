"""Forecast value added: is the error smaller than that of seasonal naive by as much as in the backtest?"""

from __future__ import annotations

import numpy as np

from foresell.core.finding import Code, Severity
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.bounds import SKILL
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure, capped, log_ratio, percent
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement


def _sentence(judgement: Judgement) -> str:
    return (
        f"the error is {percent(judgement.value)} against that of seasonal naive {days_of(judgement)}; usual is "
        f"{percent(judgement.expected)}"
    )


FIGURE = Figure(
    name=SKILL,
    column="value_added",
    value=log_ratio("error", "naive"),
    read=lambda log: float(-np.expm1(capped(log))),
    judged_at=lambda part, of, bottom: part == LEVEL and of in ("total", bottom),
    code=lambda judgement: "no-better-than-naive",
    sentence=_sentence,
    short=lambda judgement: f"error {percent(judgement.value)} against seasonal naive",
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
