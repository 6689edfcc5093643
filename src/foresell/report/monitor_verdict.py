"""What a look at accuracy comes to, in words: may the forecasts be planned with, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foresell.core.finding import Finding, Severity, worst_first
from foresell.core.words import change, day, listed, many, name, share, span
from foresell.report.monitor_contents import ADDED, BIAS, COVERAGE, ERROR, Inputs, Measured, MonitorPage, Place

FORMATS: dict[str, Callable[[float | None], str]] = {ERROR: share, BIAS: change, COVERAGE: share, ADDED: share}
TITLES = {
    ERROR: "Error (WAPE)",
    BIAS: "Bias of all sales",
    COVERAGE: "In the range",
    ADDED: "Value added",
}
OUTSIDE, FAR, WITHIN, UNJUDGED = "▲ outside", "▲▲ far outside", "✓ as usual", "· not judged"
"""Verdicts that need no colour to be told apart."""

SHOWN = 8
"""Groups or segments of a division that are shown at once."""

LOOSE = 5.0
"""A bound of a bias beyond it says only that too little was sold in the backtest to tell."""

REACH = 2.0
"""Bars of drift end at twice the distance at which it begins."""

_SIGNS = {"bad": "✕", "warned": "▲", "open": "…", "good": "✓"}


@dataclass(frozen=True)
class Verdict:
    """How it stands (``good``, ``warned``, ``bad``, or ``open`` where nothing can be said yet), in a few words and a
    sentence, and what to do."""

    kind: str
    label: str
    sentence: str
    advice: str

    @property
    def sign(self) -> str:
        return _SIGNS[self.kind]


def verdict(of: MonitorPage) -> Verdict:
    """One sentence on what was judged and whether anything is wrong, and what to do."""
    if of.stopped:
        known = f" What is shown below was known before: sales up to {day(of.days.dates[-1])}." if of.days else ""
        return Verdict(
            "bad",
            "The newest data cannot be used",
            f"So nothing could be judged: {_counted(of.findings)} in what came in.{known}",
            "Mend what is listed under Findings, then: foresell monitor",
        )
    if of.judged is None:
        return _open(of)
    judged = (
        f"The forecast of {day(of.judged.cutoff)} by version {of.judged.version} was held against the sales of "
        f"{span(of.judged.first, of.judged.last)} ({many(of.judged.days, of.frequency.noun)})"
    )
    worst, grave = _worst(of.accuracy), _worst([*of.inputs_found, *of.data])
    if worst == Severity.ERROR:
        label, kind = "Do not plan by these forecasts unseen", "bad"
        sentence = f"{judged}: {_counted(of.accuracy)}. {_first(of)}{_beside(of)}"
    elif worst == Severity.WARNING:
        label, kind = "Usable, but look at what is off", "warned"
        sentence = f"{judged}: the whole holds, with {_counted(of.accuracy)}. {_first(of)}{_beside(of)}"
    elif not any(each.judged for place in of.levels for each in place.figures.values()):
        label, kind = "Measured, but not judged", "open"
        sentence = f"{judged}. No backtest of that version was kept, so there is nothing to tell what is usual."
    elif grave is not None:
        label, kind = "Accuracy is as usual; what came in wants a look", "warned"
        sentence = f"{judged}: no figure lies outside what is usual.{_beside(of)}"
    else:
        label, kind = "Nothing is wrong", "good"
        sentence = f"{judged}: no figure lies outside what is usual."
    return Verdict(kind, label, f"{sentence}{_newest(of)}", _advice(of))


def _open(of: MonitorPage) -> Verdict:
    """Nothing is judged: says when it can be."""
    grave = _worst([*of.inputs_found, *of.data])
    said = _sentence(of.waiting)
    if grave is not None:
        return Verdict("warned", "Not to be judged yet; what came in wants a look", said, _advice(of))
    return Verdict(
        "open",
        "Not to be judged yet",
        said,
        "Bring the sales when they are known, then: foresell monitor. Until then the backtest is what is known of it.",
    )


def _worst(findings: Sequence[Finding]) -> Severity | None:
    """The gravest severity above a remark; None where there is none."""
    there = {each.severity for each in findings}
    return next((each for each in (Severity.ERROR, Severity.WARNING) if each in there), None)


def _counted(findings: Sequence[Finding]) -> str:
    counts = {severity: sum(each.severity == severity for each in findings) for severity in Severity}
    return listed([many(counts[each], str(each)) for each in (Severity.ERROR, Severity.WARNING) if counts[each]])


def _beside(of: MonitorPage) -> str:
    """How many findings there are beside those of accuracy, in a sentence."""
    found = [each for each in (*of.inputs_found, *of.data) if each.severity != Severity.INFO]
    return f" There {'is' if len(found) == 1 else 'are'} {_counted(found)} in what came in." if found else ""


def _first(of: MonitorPage) -> str:
    """What the gravest finding about accuracy says; which forecast it is about was said before."""
    assert of.judged is not None
    about = f"version {of.judged.version}, forecast of {of.judged.cutoff}: "
    return _sentence(_gravest(of, of.accuracy).message.removeprefix(about))


def _gravest(of: MonitorPage, findings: Sequence[Finding]) -> Finding:
    """The finding that matters most: of the gravest, that about all sales before those about parts of them."""
    places = [place.name for place in of.levels]
    worst = worst_first(findings)[0].severity
    return min(
        (each for each in findings if each.severity == worst),
        key=lambda each: places.index(each.where) if each.where in places else len(places),
    )


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else text + "."


def _newest(of: MonitorPage) -> str:
    if of.newest is None:
        return ""
    newer = f"The newest forecast, that of {day(of.newest.cutoff)}"
    by = "" if of.judged and of.newest.version == of.judged.version else f" by version {of.newest.version}"
    return f" {newer}{by}, can be judged itself when the sales of {day(of.newest.when)} are known."


def _advice(of: MonitorPage) -> str:
    """What to do about the worst finding; nothing need be done where there is none above a remark."""
    worst = _worst(of.findings)
    if worst is None:
        return "Nothing need be done: plan by the forecasts."
    return _gravest(of, of.accuracy if _worst(of.accuracy) == worst else of.findings).advice


def tiles(of: MonitorPage) -> list[tuple[str, str, str, Measured]]:
    """(label, value, sentence, figure) of the four figures that a planner asks for first: at the first level
    where it lies outside, else where it is looked at first."""
    if not of.levels:
        return []
    top, bottom = of.levels[0], of.levels[-1]
    noun = of.frequency.noun
    asked = [
        (ERROR, top, f"Error by {noun}", "of what is sold, on average"),
        (BIAS, top, "Bias of all sales", ""),
        (COVERAGE, bottom, "In the range", ""),
        (ADDED, bottom, "Better than seasonal naive", ""),
    ]
    made = []
    for figure, usually, label, more in asked:
        place = next((each for each in of.levels if figure in each.figures and each.figures[figure].outside), usually)
        one = place.figures.get(figure)
        if one is None or one.value is None:
            continue
        value = FORMATS[figure](one.value)
        said = [more] if more else []
        if figure == BIAS:
            lean = "more was forecast than sold" if one.value > 0 else "less was forecast than sold"
            said.append("as much was forecast as sold" if abs(one.value) < 0.005 else lean)
        if figure == COVERAGE and of.nominal is not None:
            said.append(f"{share(of.nominal)} are promised")
        if one.usual is not None:
            said.append(f"usual is {FORMATS[figure](one.usual)}")
        label += "" if figure == BIAS else f", {name(place.name)}"
        made.append((label, value, _sentence("; ".join(said)), one))
    return made


def said(one: Measured) -> str:
    """How a figure stands, with a sign that needs no colour."""
    if not one.judged:
        return UNJUDGED
    return (FAR if one.far else OUTSIDE) if one.outside else WITHIN


def standing(place: Place) -> str:
    """How a level, group or segment stands by all its figures."""
    outside = [each for each in place.figures.values() if each.outside]
    if outside:
        return FAR if any(each.far for each in outside) else OUTSIDE
    return WITHIN if any(each.judged for each in place.figures.values()) else UNJUDGED


def bounds(one: Measured, figure: str) -> str:
    """Between what a figure may lie; a bias so many times as large as sales is no bound that is of use.

    >>> bounds(Measured(0.1, 0.1, None, 0.25, judged=True), ERROR)
    'at most 25 %'
    >>> bounds(Measured(0.1, 0.0, -0.05, 0.06, judged=True), BIAS), bounds(Measured(0.1), BIAS)
    ('−5.0 % to +6.0 %', '–')
    """
    say = FORMATS[figure]
    if figure == BIAS and one.high is not None and one.high > LOOSE:
        return "hardly bounded"
    if one.low is not None and one.high is not None:
        return f"{say(one.low)} to {say(one.high)}"
    if one.high is not None:
        return f"at most {say(one.high)}"
    return f"at least {say(one.low)}" if one.low is not None else "–"


def drifted(of: Inputs) -> str:
    """One sentence: how many columns have drifted, and how many may.

    >>> drifted(Inputs(share=0.5, allowed=0.3))
    '▲ 50 % of the columns have drifted; more than 30 % is an error.'
    """
    sign, verb = ("▲", "is") if of.share > of.allowed else ("✓", "would be")
    much = f"{share(of.share)} of the columns have" if of.share else "None of the columns has"
    return f"{sign} {much} drifted; more than {share(of.allowed)} {verb} an error."
