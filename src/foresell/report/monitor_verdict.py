"""The accuracy page in words: whether the forecasts can be used for planning, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foresell.core.finding import Finding, Severity, worst_first
from foresell.core.words import change, day, listed, many, name, share, span
from foresell.report.monitor_contents import (
    ADDED,
    BIAS,
    COVERAGE,
    ERROR,
    FigureRow,
    InputDrift,
    MeasuredFigure,
    MonitorPage,
)

FORMATS: dict[str, Callable[[float | None], str]] = {ERROR: share, BIAS: change, COVERAGE: share, ADDED: share}
TITLES = {
    ERROR: "Error (WAPE)",
    BIAS: "Bias of all sales",
    COVERAGE: "In the range",
    ADDED: "Value added",
}
OUTSIDE, FAR, WITHIN, UNJUDGED = "▲ outside", "▲▲ far outside", "✓ as usual", "· not judged"
BLIND = "… cannot be judged yet"
"""Labels that can be distinguished without colour."""

SHOWN = 8
"""How many groups or segments of a division are shown at first."""

REACH = 2.0
"""Bars of drift end at twice the threshold."""

_SIGNS = {"bad": "✕", "warned": "▲", "open": "…", "good": "✓"}


@dataclass(frozen=True)
class PageVerdict:
    """The verdict: its `kind` (``good``, ``warned``, ``bad``, or ``open`` where nothing can be judged yet), a short
    label, a sentence, and advice."""

    kind: str
    label: str
    sentence: str
    advice: str

    @property
    def sign(self) -> str:
        return _SIGNS[self.kind]


def verdict(of: MonitorPage) -> PageVerdict:
    """The verdict of the page: what was judged, whether anything is wrong, and what to do."""
    if of.stopped:
        known = f" The figures below were known before: sales up to {day(of.days.dates[-1])}." if of.days else ""
        return PageVerdict(
            "bad",
            "The newest data cannot be used",
            f"So nothing could be judged: {_counted(of.findings)} in what came in.{known}",
            "Correct what is listed under Findings, then: foresell monitor",
        )
    if of.judged is None:
        return _open(of)
    judged = (
        f"The forecast of {day(of.judged.cutoff)} by version {of.judged.version} was compared with the sales of "
        f"{span(of.judged.first, of.judged.last)} ({many(of.judged.days, of.frequency.noun)})"
    )
    worst, grave = _worst(of.accuracy), _worst([*of.inputs_found, *of.data])
    if worst == Severity.ERROR:
        label, kind = "Do not plan by these forecasts unseen", "bad"
        sentence = f"{judged}: {_counted(of.accuracy)}. {_first(of)}{_beside(of)}"
    elif worst == Severity.WARNING:
        label, kind = "Usable, but look at what is off", "warned"
        sentence = f"{judged}: the whole holds, with {_counted(of.accuracy)}. {_first(of)}{_beside(of)}"
    elif not any(figure.judged for place in of.levels for figure in place.figures.values()):
        label, kind = "Measured, but not judged", "open"
        sentence = f"{judged}. No backtest of that version was kept, so its usual figures are not known."
    elif grave is not None:
        label, kind = "Accuracy is as usual; what came in wants a look", "warned"
        sentence = f"{judged}: no figure lies outside what is usual.{_beside(of)}"
    elif any(figure.blind for *_, figure in tiles(of)):
        label, kind = "Nothing stands out, but not all of it can be judged yet", "open"
        sentence = f"{judged}: no figure lies outside what is usual.{_blind(of)}"
    else:
        label, kind = "Nothing is wrong", "good"
        sentence = f"{judged}: no figure lies outside what is usual.{_blind(of)}"
    return PageVerdict(kind, label, f"{sentence}{_newest(of)}", _advice(of))


def _open(of: MonitorPage) -> PageVerdict:
    """The verdict where nothing is judged. It says when a forecast can be judged."""
    grave = _worst([*of.inputs_found, *of.data])
    waiting = _sentence(of.waiting)
    if grave is not None:
        return PageVerdict("warned", "Not to be judged yet; what came in wants a look", waiting, _advice(of))
    return PageVerdict(
        "open",
        "Not to be judged yet",
        waiting,
        "Bring the sales when they are known, then: foresell monitor. Until then only the backtest shows its accuracy.",
    )


def _blind(of: MonitorPage) -> str:
    """A sentence with the number of figures that cannot be judged yet."""
    rows = [*of.levels, *(place for division in of.divisions for place in division.places)]
    judged = [figure for row in rows for figure in row.figures.values() if figure.judged]
    blind = sum(figure.blind for figure in judged)
    if not blind:
        return ""
    few = "the backtest has too few windows to show what is usual of them"
    return f" {blind} of {len(judged)} figures cannot be judged yet: {few}."


def _worst(findings: Sequence[Finding]) -> Severity | None:
    """The worst severity of the findings: error, warning, or None where there is neither."""
    severities = {finding.severity for finding in findings}
    return next((severity for severity in (Severity.ERROR, Severity.WARNING) if severity in severities), None)


def _counted(findings: Sequence[Finding]) -> str:
    """The number of errors and warnings, in words."""
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in Severity}
    shown = (Severity.ERROR, Severity.WARNING)
    return listed([many(counts[severity], str(severity)) for severity in shown if counts[severity]])


def _beside(of: MonitorPage) -> str:
    """A sentence with the number of findings that are not about accuracy."""
    others = [finding for finding in (*of.inputs_found, *of.data) if finding.severity != Severity.INFO]
    return f" There {'is' if len(others) == 1 else 'are'} {_counted(others)} in what came in." if others else ""


def _first(of: MonitorPage) -> str:
    """The message of the worst finding about accuracy, without the name of the forecast, which precedes it."""
    assert of.judged is not None
    about = f"version {of.judged.version}, forecast of {of.judged.cutoff}: "
    return _sentence(_most_important(of, of.accuracy).message.removeprefix(about))


def _most_important(of: MonitorPage, findings: Sequence[Finding]) -> Finding:
    """The most important finding: of the worst severity, a bias (it says which sales are off) before other figures,
    and one about all sales before one about a part of them."""
    places = [place.name for place in of.levels]
    worst = worst_first(findings)[0].severity
    return min(
        (finding for finding in findings if finding.severity == worst),
        key=lambda finding: (
            finding.code != "bias-shifted",
            places.index(finding.where) if finding.where in places else len(places),
        ),
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
    """The advice of the most important finding; without errors and warnings, nothing need be done."""
    worst = _worst(of.findings)
    if worst is None:
        return "Nothing need be done: plan by the forecasts."
    return _most_important(of, of.accuracy if _worst(of.accuracy) == worst else of.findings).advice


def tiles(of: MonitorPage) -> list[tuple[str, str, str, MeasuredFigure]]:
    """(label, value, sentence, figure) of the four figures for planners. Each is shown for the first level where it
    lies outside its bounds, else for its default level."""
    if not of.levels:
        return []
    top, bottom = of.levels[0], of.levels[-1]
    noun = of.frequency.noun
    figures = [
        (ERROR, top, f"Error by {noun}", "of what is sold, on average"),
        (BIAS, top, "Bias of all sales", ""),
        (COVERAGE, bottom, "In the range", ""),
        (ADDED, bottom, "Better than seasonal naive", ""),
    ]
    tiles = []
    for figure, default, label, more in figures:
        outside = (level for level in of.levels if figure in level.figures and level.figures[figure].outside)
        place = next(outside, default)
        measured = place.figures.get(figure)
        if measured is None or measured.value is None:
            continue
        parts = [more] if more else []
        if figure == BIAS:
            side = "more was forecast than sold" if measured.value > 0 else "less was forecast than sold"
            parts.append("as much was forecast as sold" if abs(measured.value) < 0.005 else side)
        if figure == COVERAGE and of.nominal is not None:
            parts.append(f"{share(of.nominal)} are promised")
        if measured.usual is not None:
            parts.append(f"usual is {FORMATS[figure](measured.usual)}")
        label += "" if figure == BIAS else f", {name(place.name)}"
        tiles.append((label, FORMATS[figure](measured.value), _sentence("; ".join(parts)), measured))
    return tiles


def figure_label(measured: MeasuredFigure) -> str:
    """The label of a figure: inside or outside its bounds, far outside, outside with a group, or not judged.

    >>> figure_label(MeasuredFigure(1.5, 0.0, -0.1, 0.1, judged=True, explained_by=("store S1",)))
    '▲ with store S1'
    """
    if not measured.judged:
        return UNJUDGED
    if measured.explained_by:
        others = f" and {len(measured.explained_by) - 1} more" if len(measured.explained_by) > 1 else ""
        return f"▲ with {name(measured.explained_by[0])}{others}"
    if measured.outside:
        return FAR if measured.far else OUTSIDE
    return BLIND if measured.blind else WITHIN


def row_label(place: FigureRow) -> str:
    """The label of a level, group or segment: that of its worst figure."""
    labels = [figure_label(figure) for figure in place.figures.values()]
    order = (FAR, OUTSIDE, "▲ with", WITHIN, BLIND)
    return next((label for worst in order for label in labels if label.startswith(worst)), UNJUDGED)


def bounds(measured: MeasuredFigure, figure: str) -> str:
    """The bounds of a figure in words; none where they exclude nothing that matters.

    >>> bounds(MeasuredFigure(0.1, 0.1, None, 0.25, judged=True), ERROR)
    'at most 25 %'
    >>> bounds(MeasuredFigure(0.1, 0.0, -0.05, 0.06, judged=True), BIAS), bounds(MeasuredFigure(0.1), BIAS)
    ('−5.0 % to +6.0 %', '–')
    """
    low, high = measured.low, measured.high
    form = FORMATS[figure]
    if measured.blind:
        return "–"
    if low is not None and high is not None:
        return f"{form(low)} to {form(high)}"
    if high is not None:
        return f"at most {form(high)}"
    return f"at least {form(low)}" if low is not None else "–"


def drifted(of: InputDrift) -> str:
    """A sentence with the share of columns that have drifted, and the allowed share.

    >>> drifted(InputDrift(share=0.5, allowed=0.3))
    '▲ 50 % of the columns have drifted; more than 30 % is an error.'
    """
    sign, verb = ("▲", "is") if of.share > of.allowed else ("✓", "would be")
    much = f"{share(of.share)} of the columns have" if of.share else "None of the columns has"
    return f"{sign} {much} drifted; more than {share(of.allowed)} {verb} an error."
