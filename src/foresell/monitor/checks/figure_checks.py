"""What the checks of a single figure have in common. All figures are judged together (`judging`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from foresell.core.finding import Code, Finding, Severity, finding_of
from foresell.core.words import listed, many
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.checks.check import Budget, Check, CheckData, Topic
from foresell.monitor.checks.figure import Figure
from foresell.monitor.checks.judging import PARTS, WHOLE, Judgement

BUDGETS = Budget(WHOLE, 40), Budget(PARTS, 20)
"""All figures share these. The few judgements of the whole have a budget of their own, so that the many judgements of
the parts do not make them less sensitive."""

SEVERAL = 3
"""A finding is an error where so many groups or segments lie outside their bounds."""


def figure_check(figure: Figure, question: str, codes: Mapping[str, Code]) -> Check[list[Judgement]]:
    """The check of a figure. A new training may mend each of its `codes`."""

    def judgements(data: CheckData, rates: Mapping[Budget, float]) -> list[Judgement]:
        return [judgement for judgement in data.judgements if judgement.figure == figure.name]

    def findings(data: CheckData, judgements: list[Judgement]) -> list[Finding]:
        if data.judged is None:
            return []
        return figure_findings(figure, codes, judgements, data.judged.name, data.judged.worst)

    return Check(
        figure.name,
        question,
        Topic.ACCURACY,
        codes,
        BUDGETS,
        judgements,
        findings,
        retrain=frozenset(codes),
        figure=figure,
    )


def figure_findings(
    figure: Figure, codes: Mapping[str, Code], judgements: Sequence[Judgement], about: str, worst: Iterable[str] = ()
) -> list[Finding]:
    """The alarms among the judgements of a figure, as one finding for each code and level.

    `about` names the forecast. `worst` describes the single series with the largest errors, which are the examples of
    a finding about a whole level.
    """

    def key(judgement: Judgement) -> tuple[str, str, str]:
        return figure.code(judgement), judgement.part, judgement.of

    alarms = sorted((judgement for judgement in judgements if judgement.alarm), key=key)
    return [_finding(figure, codes, list(group), judgements, about, list(worst)) for _, group in groupby(alarms, key)]


def _finding(
    figure: Figure,
    codes: Mapping[str, Code],
    alarms: list[Judgement],
    judgements: Sequence[Judgement],
    about: str,
    series: Sequence[str],
) -> Finding:
    alarms = sorted(alarms, key=lambda alarm: -abs(alarm.score))
    worst, code = alarms[0], figure.code(alarms[0])
    titles = {alarm.title for alarm in alarms}
    explained = [judgement for judgement in judgements if titles & set(judgement.explained_by)]
    severity = _severity(figure, code, [*alarms, *explained])
    if worst.part == LEVEL:
        return finding_of(codes, code, worst.of, 1, f"{about}: {figure.sentence(worst)}", series, severity)
    judged = sum((one.part, one.of) == (worst.part, worst.of) for one in judgements)
    segment = worst.part == "segment"
    parts = f"segments by {worst.of}" if segment else f"groups of {worst.of}"
    text = f"{about}: {len(alarms)} of {judged} {parts}; {worst.name}: {figure.sentence(worst)}{_explains(explained)}"
    examples = [f"{alarm.name} {figure.short(alarm)}" for alarm in alarms]
    where = f"series by {worst.of}" if segment else worst.of
    return finding_of(codes, code, where, len(alarms), text, examples, severity)


def _explains(explained: Sequence[Judgement]) -> str:
    """What else lies outside for the same reason, in words."""
    parts = sum(judgement.part != LEVEL for judgement in explained)
    names = [many(parts, "other group or segment", "other groups and segments")] if parts else []
    names += ["all sales"] if len(explained) > parts else []
    return f"; {listed(names)} {'lies' if len(explained) == 1 else 'lie'} outside for this reason" if names else ""


def _severity(figure: Figure, code: str, outside: Sequence[Judgement]) -> Severity:
    """An error where what lies outside is about the whole, is several parts that do not explain each other, or lies
    far outside the bounds; else a warning."""
    if code in figure.mild:
        return Severity.WARNING
    alarms = sum(judgement.alarm for judgement in outside)
    severe = any(judgement.family == WHOLE or judgement.far for judgement in outside) or alarms >= SEVERAL
    return Severity.ERROR if severe else Severity.WARNING


def days_of(judgement: Judgement) -> str:
    """The number of days of a judgement, such as ``in 7 days``."""
    return f"in {judgement.days} {'day' if judgement.days == 1 else 'days'}"
