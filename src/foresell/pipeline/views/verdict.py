"""May the forecast and the plans be planned with? One sentence, and the reasons for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foresell.core.finding import Severity
from foresell.core.frequency import calendar_day, date_of_text
from foresell.core.words import change_of, columns, many, number, share, span
from foresell.pipeline.exceptions.data_exceptions import data_findings
from foresell.pipeline.exceptions.deviations import Deviations, is_about_accuracy
from foresell.pipeline.exceptions.outlook import PERIODS, period_words
from foresell.pipeline.exceptions.plan_exceptions import planned_kinds
from foresell.pipeline.exceptions.sales_exceptions import one_a_group, sentence
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, CombineSummary, ForecastSummary

NO, OPEN, CARE, YES = "no", "open", "care", "yes"
"""The kinds of reasons, the gravest first; the verdict is of the gravest kind among them."""

WORDS = {
    NO: "No, do not plan with this",
    OPEN: "It cannot be judged yet",
    CARE: "Yes, but look at this first",
    YES: "Yes, plan with this",
}

COVERAGE_OFF = 0.1
"""Ranges that hold by so much more or less than they promise are named."""


@dataclass(frozen=True)
class Reason:
    """A reason: its kind, and a sentence that says what to do where something can be done."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The verdict: its kind, a sentence with the gravest reason, and all reasons, the gravest first."""

    kind: str
    sentence: str
    reasons: tuple[Reason, ...]


def verdict(results: Results, seen: Deviations | None, today: date) -> Verdict:
    """The verdict on the newest results, as on a day."""
    reasons = tuple(_reasons(results, seen, today))
    ranked = sorted(reasons, key=lambda reason: (NO, OPEN, CARE, YES).index(reason.kind))
    first = ranked[0]
    return Verdict(first.kind, f"{WORDS[first.kind]}: {_lower(first.sentence)}", tuple(ranked))


def _lower(text: str) -> str:
    """A sentence that goes on after a colon; names in capitals stay."""
    return text if text[1:2].isupper() or text[1:2].isdigit() else text[:1].lower() + text[1:]


def _reasons(results: Results, seen: Deviations | None, today: date) -> Iterator[Reason]:
    """The reasons; of one kind the most important first."""
    checked, forecast = results.find_summary(CheckSummary), results.find_summary(ForecastSummary)
    if checked is None:
        yield Reason(NO, "Nothing is read yet. Read the sales and forecast with: foresell run")
        return
    if forecast is None:
        yield Reason(NO, "There is no forecast yet. Make it with: foresell run")
    else:
        yield from _age(results, forecast, today)
        yield from _accuracy(results, seen)
        yield from _coverage(results)
        yield from (Reason(CARE, _ended(text)) for text in forecast.warnings_found)
    yield from _data(results, checked, seen)
    yield from _plans(results)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _age(results: Results, forecast: ForecastSummary, today: date) -> Iterator[Reason]:
    frequency, sales_until = results.panel.frequency, results.panel.cutoff
    last = date_of_text(forecast.last)
    if last <= sales_until:
        yield Reason(NO, "Sales have come in for all that was forecast. Forecast again with: foresell run")
        return
    length = timedelta(days=frequency.days)
    sales, made, ends = (period_words(when, frequency) for when in (sales_until, forecast.cutoff, last))
    if calendar_day(last + length) <= today:
        yield Reason(NO, f"The forecast ends with {ends}, which has passed. Bring newer sales, then: foresell run")
    else:
        if calendar_day(sales_until + (PERIODS.get(frequency, 1) + 1) * length) < today:
            yield Reason(CARE, f"The last sales are of {sales}. Bring newer ones, then: foresell run")
        yield Reason(YES, f"The forecast reaches to {ends} and knows the sales up to {made}.")
    if forecast.cutoff < sales_until:
        yield Reason(
            CARE,
            f"The forecast was made from sales up to {made}, and sales up to {sales} have come in since. Forecast "
            "again with: foresell run",
        )


def _accuracy(results: Results, seen: Deviations | None) -> Iterator[Reason]:
    if seen is None:
        yield Reason(
            OPEN,
            "No sales have come in yet for what was forecast, so only the backtest tells how far it is off. When they "
            "have, compare them with: foresell monitor",
        )
        return
    if seen.stopped:
        yield Reason(NO, f"The newest data could not be used: {_ended(seen.stopped)}")
        return
    if not seen.monitored:
        yield Reason(
            OPEN, "What is usual is not known, because nothing watches the forecasts. Do so with: foresell monitor"
        )
    elif seen.as_of is not None and seen.as_of < results.panel.cutoff:
        known = period_words(seen.as_of, results.panel.frequency)
        yield Reason(OPEN, f"Monitoring knows the sales up to {known}; newer ones have come in. Run: foresell monitor")
    yield from _judged(seen)


def _judged(seen: Deviations) -> Iterator[Reason]:
    total, alarms = seen.total, one_a_group(seen.alarms)
    grave = any(finding.severity == Severity.ERROR and is_about_accuracy(finding) for finding in seen.findings)
    if alarms:
        rest = f" {many(len(alarms) - 1, 'more group')} outside what is usual." if len(alarms) > 1 else ""
        yield Reason(NO if grave else CARE, f"{sentence(alarms[0], seen)}{rest}")
    if total is None or seen.first is None or seen.last is None:
        if seen.monitored:
            yield Reason(OPEN, "Monitoring has found too few sales since the forecast, or no backtest, to judge it by.")
        return
    if total.blind:
        yield Reason(
            OPEN,
            "The backtest shows too little of what is usual: of all sales, hardly any fall would be noticed. Give it "
            "more windows with the setting 'backtest.windows'.",
        )
    elif seen.monitored and not alarms:
        yield Reason(
            YES,
            f"Sales are as forecast, within what is usual: {number(total.units)} units on "
            f"{span(seen.first, seen.last)}, {number(total.forecast)} forecast "
            f"({change_of(total.units, total.forecast)}).",
        )


def _coverage(results: Results) -> Iterator[Reason]:
    """How often the widest ranges held in the backtest: of all sales, and of the single series."""
    combined = results.find_summary(CombineSummary)
    rows = [row for row in combined.ranges if row["by"] == "all"] if combined is not None else []
    if not rows:
        return
    widest = max(row["nominal"] for row in rows)
    judged = [row for row in rows if row["nominal"] == widest and row["coverage"] is not None]
    off = sorted(judged, key=lambda row: -abs(row["coverage"] - widest))
    for row in off[:1]:
        if abs(row["coverage"] - widest) > COVERAGE_OFF:
            level = "all sales" if row["level"] == "total" else columns(row["level"])
            held = f"of {level} held {share(row['coverage'])} of what was sold"
            yield Reason(CARE, f"In the backtest, the ranges of {share(widest)} {held}.")
        else:
            yield Reason(YES, f"In the backtest, the ranges of {share(widest)} held about as often as they promise.")


def _data(results: Results, checked: CheckSummary, seen: Deviations | None) -> Iterator[Reason]:
    findings = data_findings(results, seen)
    for severity, kind in ((Severity.ERROR, NO), (Severity.WARNING, CARE)):
        some = [finding for finding in findings if finding.severity == severity]
        if some:
            rest = f", and {many(len(some) - 1, f'more {severity}')}" if len(some) > 1 else ""
            yield Reason(kind, f"In {some[0].where}: {some[0].message}{rest}.")
    if checked.quarantined:
        yield Reason(CARE, f"{many(checked.quarantined, 'bad row')} were put in quarantine and are not in the sales.")
    if not findings:
        yield Reason(YES, "Nothing is wrong with the data.")


def _plans(results: Results) -> Iterator[Reason]:
    kinds = planned_kinds(results)
    if not kinds:
        yield Reason(CARE, "There is no plan yet. Make the orders with: foresell plan")
    old = [kind for kind in kinds if _is_old(results, kind)]
    if old:
        yield Reason(CARE, f"{_named(old)} made from earlier sales. Make it again with: foresell plan {old[0]}")
    fresh = [kind for kind in kinds if kind not in old]
    if fresh:
        yield Reason(YES, f"{_named(fresh)} made from the newest sales.")


def _named(kinds: Sequence[str]) -> str:
    return f"The plan{'s' if len(kinds) > 1 else ''} of {', '.join(kinds)} {'were' if len(kinds) > 1 else 'was'}"


def _is_old(results: Results, kind: str) -> bool:
    kept = results.history.plans(kind)
    return bool(kept) and kept[-1].cutoff < results.panel.cutoff
