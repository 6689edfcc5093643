"""Error: is the absolute error larger, as a share of what is sold (WAPE), than it was in the backtest?"""

from __future__ import annotations

import numpy as np

from foresell.core.finding import Code, Severity
from foresell.monitor.accuracy import LEVEL, SEGMENT
from foresell.monitor.bounds import ERROR
from foresell.monitor.checks.check import RETRAIN
from foresell.monitor.checks.figure import Figure, capped, log_ratio
from foresell.monitor.checks.figure_checks import days_of, figure_check
from foresell.monitor.checks.judging import Judgement


def _sentence(judgement: Judgement) -> str:
    usual, most = 100 * np.exp(judgement.expected), 100 * np.exp(min(judgement.high or 0, 9))
    return (
        f"WAPE {100 * np.exp(judgement.value):.1f} % {days_of(judgement)}, "
        f"usual are {usual:.1f} %, at most {most:.1f} %"
    )


FIGURE = Figure(
    name=ERROR,
    column="wape",
    value=log_ratio("error", "units"),
    read=lambda log: float(np.exp(capped(log))),
    judged_at=lambda part, of, bottom: part in (LEVEL, SEGMENT),
    code=lambda judgement: "error-grew",
    sentence=_sentence,
    short=lambda judgement: f"WAPE {100 * np.exp(judgement.value):.1f} %",
    sides=1,
)

CHECK = figure_check(
    FIGURE,
    "Is the error as small as in the backtest?",
    {"error-grew": Code(Severity.WARNING, "The error is larger than any that the backtest explains.", RETRAIN)},
)
