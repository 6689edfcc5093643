"""Checks and drift as findings: what a person reads, grouped by what is wrong and at which level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from foresell.core.finding import Finding, Severity
from foresell.monitor.accuracy import ALL, LEVEL
from foresell.monitor.bounds import BIAS, COVERAGE, ERROR, SKILL, limit
from foresell.monitor.checks.cusum import Drift
from foresell.monitor.checks.judging import SIDES, Check, Reference
from foresell.monitor.checks.stockouts import Emptied
from foresell.monitor.codes import finding
from foresell.monitor.false_alarms import WHOLE

SEVERAL = 3
FEW = 6.0
"""Windows; with fewer of them bounds are so wide that hardly anything lies outside."""

TOTAL = (LEVEL, "total", ALL)

_WHERE = {BIAS: "bias-shifted", ERROR: "error-grew", SKILL: "no-better-than-naive"}


def percent(log: float) -> str:
    """A log ratio as a change.

    >>> percent(0.0953), percent(-0.2231)
    ('+10.0 %', '-20.0 %')
    """
    return f"{100 * np.expm1(log):+.1f} %"


def code_of(check: Check) -> str:
    """The code of a check's alarm."""
    if check.figure == COVERAGE:
        return "ranges-narrow" if check.value < check.expected else "ranges-wide"
    return _WHERE[check.figure]


def findings(checks: Sequence[Check], about: str, worst: Sequence[str] = ()) -> list[Finding]:
    """The alarms among `checks`, those of one code and level together.

    `about` says which forecasts they are about; `worst` are the single series that lean most, in words: the examples
    of what holds for a whole level.
    """

    def key(check: Check) -> tuple[str, str, str]:
        return code_of(check), check.part, check.of

    raised = sorted((each for each in checks if each.alarm), key=key)
    judged = [key(check) for check in checks]
    return [_finding(list(group), judged.count(name), about, worst) for name, group in groupby(raised, key)]


def emptied_finding(found: Sequence[Emptied], when: str) -> Finding | None:
    """Groups whose shelves run empty more often, as one finding; None where there are none. `when` says in which days.

    The worst is the one whose share rose most; the others are the examples.
    """
    if not found:
        return None

    def told(each: Emptied) -> str:
        return f"{each.level} {each.name}" if each.name != ALL else "all series"

    first, *others = sorted(found, key=lambda each: each.before - each.now)
    text = (
        f"{first.now:.1%} of the days of {told(first)} were out of stock {when}, {first.before:.1%} in the year "
        f"before; up to {first.most:.1%} would be usual"
    )
    examples = [f"{told(each)}: {each.now:.1%}, was {each.before:.1%}" for each in others[:5]]
    return finding("stock-outs-rose", "shelves", len(found), text, examples)


def _finding(raised: list[Check], judged: int, about: str, series: Sequence[str]) -> Finding:
    raised = sorted(raised, key=lambda each: -abs(each.score))
    worst, code = raised[0], code_of(raised[0])
    if worst.part == LEVEL:
        return finding(code, worst.of, 1, f"{about}: {said(worst)}", series, _severity(code, raised))
    text = f"{about}: {len(raised)} of {max(judged, len(raised))} {_parts(worst)}; {worst.name}: {said(worst)}"
    examples = [f"{each.name} {shown(each)}" for each in raised]
    return finding(code, _place(worst), len(raised), text, examples, _severity(code, raised))


def _severity(code: str, raised: Sequence[Check]) -> Severity:
    """An error where it holds for the whole, for several parts, or far outside; wide ranges cost money, no more."""
    if code == "ranges-wide":
        return Severity.WARNING
    severe = any(each.family == WHOLE or each.far for each in raised) or len(raised) >= SEVERAL
    return Severity.ERROR if severe else Severity.WARNING


def _place(check: Check) -> str:
    return check.of if check.part != "segment" else f"series by {check.of}"


def _parts(check: Check) -> str:
    return f"groups of {check.of}" if check.part != "segment" else f"segments by {check.of}"


def shown(check: Check) -> str:
    """The figure of a check, short.

    A bias is what was sold against what was forecast: -20 % where a fifth less was sold.
    """
    if check.figure == COVERAGE:
        return f"{100 * check.value:.0f} % in the range"
    if check.figure == SKILL:
        return f"error {percent(check.value)} against seasonal naive"
    if check.figure == ERROR:
        return f"WAPE {100 * np.exp(check.value):.1f} %"
    return f"{percent(check.value)} against the forecast"


def said(check: Check) -> str:
    """One check in a sentence: the figure, and what the backtest's windows leave open."""
    days = f"in {check.days} {'day' if check.days == 1 else 'days'}"
    low, high = check.low, check.high
    if check.figure == COVERAGE:
        bounds = f"{100 * max(low or 0, 0):.0f} % to {100 * min(high or 1, 1):.0f} %"
        return f"{100 * check.value:.0f} % of what was sold lay in the range {days}, where {bounds} is usual"
    if check.figure == ERROR:
        usual, most = 100 * np.exp(check.expected), 100 * np.exp(min(high or 0, 9))
        return f"WAPE {100 * np.exp(check.value):.1f} % {days}, usual are {usual:.1f} %, at most {most:.1f} %"
    if check.figure == SKILL:
        return (
            f"the error is {percent(check.value)} against that of seasonal naive {days}; usual is "
            f"{percent(check.expected)}"
        )
    beside = "," if check.part == LEVEL else ", the lean of the total taken out,"
    return (
        f"{check.units:,.0f} units were sold where {check.forecast:,.0f} were forecast{beside} "
        f"{percent(check.value)} {days}; usual is {percent(low or 0)} to {percent(high or 0)}"
    )


def drift_finding(found: Drift, about: str) -> Finding | None:
    """The finding of a slow drift, where there is one; an error where the sum is far beyond its limit."""
    if not found.found:
        return None
    leaning = [week for week in found.weeks if found.since is not None and week.first >= found.since]
    mean = float(np.mean([week.lean for week in leaning]))
    text = (
        f"{about}: since {found.since} the {len(leaning)} weeks together lean to one side, by {percent(mean)} sold "
        f"against the forecast on average; their cumulative sum is {abs(found.sums[-1]):.1f} standard deviations, at "
        f"most {found.limits[-1]:.1f} are usual"
    )
    far = abs(found.sums[-1]) > 2 * found.limits[-1]
    examples = [f"week to {week.last}: {percent(week.lean)}" for week in leaning[::-1]]
    severity = Severity.ERROR if far else Severity.WARNING
    return finding("slow-drift", "total", len(leaning), text, examples, severity)


def few_windows(reference: Reference, checks: Sequence[Check]) -> Iterator[Finding]:
    """Says so where the backtest is too short for bounds that are of use, and what that leaves open of the total."""
    if reference.windows < FEW:
        many = f"{reference.windows:g} windows that do not overlap tell"
        told = "1 window alone tells" if reference.windows == 1 else many
        yield finding("few-windows", "backtest", 1, f"{told} what is usual{_left_open(reference, checks)}")


def _left_open(reference: Reference, checks: Sequence[Check]) -> str:
    """How far the total may lie off and nobody is told, as it is and if there were `FEW` windows."""
    total = next((each for each in checks if (each.figure, each.node) == (BIAS, TOTAL)), None)
    if total is None:
        return ""
    known = reference.usual[(BIAS, *TOTAL)].at(total.forecast * reference.size / total.days)
    now, then = (
        limit(total.below, each.freedom, SIDES[BIAS]) * each.spread(total.days / reference.size)
        for each in (known, known.longer(FEW / reference.windows))
    )
    return (
        f", so that sales of {total.days} days may lie {_within(total.expected, now)} off their forecast unnoticed; "
        f"with {FEW:g} windows that vary as much, {_within(total.expected, then)}"
    )


def _within(centre: float, reach: float) -> str:
    """A range of log ratios in words.

    >>> _within(0.0, 0.2), _within(0.0, 3.0)
    ('-18.1 % to +22.1 %', 'almost anywhere')
    """
    if reach > np.log(10):
        return "almost anywhere"
    return f"{percent(centre - reach)} to {percent(centre + reach)}"
