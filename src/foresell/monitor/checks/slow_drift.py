"""Slow drift: do the weeks together lean to one side, although no single week shows it? See `cusum`.

Each week is judged with the forecast that was in use when it began. Weeks up to the baseline's date do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from foresell.core.finding import Code, Finding, Severity, finding_of
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.checks import cusum
from foresell.monitor.checks.bias import TOTAL, in_words
from foresell.monitor.checks.check import RETRAIN, Budget, Check, CheckData, Topic

BUDGET = Budget("slow drift", 20)

CODES = {
    "slow-drift": Code(
        Severity.WARNING,
        "Week after week the forecasts lean to the same side. No single week shows it, but their cumulative sum does.",
        RETRAIN,
    )
}


def _run(data: CheckData, rates: Mapping[Budget, float]) -> cusum.CusumChart | None:
    """The chart of the cumulative sums; None where there is nothing to compare with."""
    usual = None if data.reference is None else data.reference.usual.get(TOTAL)
    if usual is None:
        return None
    total = data.daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total"))
    weeks = cusum.weeks_in_use(total, data.dates, data.block)
    if data.baseline is not None:
        weeks = [week for week in weeks if week.first > data.baseline.as_of]
        usual = usual.centred_on(data.baseline.known.get(TOTAL))
    return cusum.cusum_chart(weeks, usual, rates[BUDGET]) if weeks else None


def finding(chart: cusum.CusumChart) -> Finding | None:
    """The finding of a slow drift, where there is one; an error where the sum is far beyond its limit."""
    if chart.since is None:
        return None
    leaning = [week for week in chart.weeks if week.first >= chart.since]
    mean = float(np.mean([week.lean for week in leaning]))
    text = (
        f"the forecasts in use: since {chart.since} the {len(leaning)} weeks together lean to one side, by "
        f"a bias of {in_words(mean)} on average; their cumulative sum is {abs(chart.sums[-1]):.1f} "
        f"standard deviations, at most {chart.limits[-1]:.1f} are usual"
    )
    far = abs(chart.sums[-1]) > 2 * chart.limits[-1]
    examples = [f"week to {week.last}: bias {in_words(week.lean)}" for week in leaning[::-1]]
    severity = Severity.ERROR if far else Severity.WARNING
    return finding_of(CODES, "slow-drift", "total", len(leaning), text, examples, severity)


def _findings(data: CheckData, chart: cusum.CusumChart | None) -> list[Finding]:
    slow = None if chart is None else finding(chart)
    return [] if slow is None else [slow]


def _summary(chart: cusum.CusumChart | None) -> dict[str, Any]:
    if chart is None:
        return {"drift": None}
    weeks = [
        {"first": week.first, "last": week.last, "cutoff": week.cutoff, "lean": week.lean, "sum": total, "limit": limit}
        for week, total, limit in zip(chart.weeks, chart.sums, chart.limits, strict=True)
    ]
    return {"drift": {"since": chart.since, "weeks": weeks}}


CHECK = Check(
    "slow drift",
    "Do the weeks together lean to neither side?",
    Topic.ACCURACY,
    CODES,
    (BUDGET,),
    _run,
    _findings,
    retrain=frozenset(CODES),
    summary=_summary,
)
