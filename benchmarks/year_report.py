"""What `benchmarks/year.py` writes: what was planted, found and retrained, and the errors of all lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from markdown_table import table
from year_errors import errors
from year_events import BEGIN, EVENTS, SIZE, Event
from year_records import AGE, FINDINGS, FROZEN, SETTINGS, Life, Look, Year

from foresell.core.finding import Finding, Severity
from foresell.core.settings import Monitoring
from foresell.monitor.codes import CODES

LATER = timedelta(days=91)
"""So long after it began a finding may be about an event, and a retraining an answer to it."""

Alarm = tuple[str, str]  # code, where


def report(years: Sequence[Year], every: int, weeks: int) -> str:
    """The page in Markdown."""
    until = BEGIN + timedelta(days=7 * weeks)
    events = [each for each in EVENTS if each.first <= until]
    parts = [
        "# A simulated year, with and without the loop",
        _head(years, every, weeks),
        "## What was planted, when it was found, what was retrained",
        _summary(years, events),
        "### In each year",
        _found(years, events),
        "## Errors with and without the loop",
        errors(years, events, weeks),
        "## Every retraining",
        _retrained(years),
        "## The quiet time",
        _quiet(years),
        "## Every finding of monitoring",
        "By the looks of all years; findings of the data's validation and remarks are left out.",
        _all(years),
    ]
    return "\n\n".join(parts) + "\n"


def _head(years: Sequence[Year], every: int, weeks: int) -> str:
    models = ", ".join(each["name"] for each in SETTINGS["models"])  # type: ignore[attr-defined]
    windows = SETTINGS["backtest"]["windows"]  # type: ignore[index]
    week = "week" if every == 1 else f"{every} weeks"
    minutes = np.median([life.seconds for year in years for life in year.lives.values()]) / 60
    return (
        f"Made by `benchmarks/year.py --first {years[0].seed} --seeds {len(years)} --every {every} --weeks {weeks}`. A "
        f"sample retailer of each seed ({SIZE['stores']} stores, one of them new, {SIZE['items']} items, "
        f"{SIZE['days']} days), of which the last {weeks} weeks are lived through: sales come in every {week}. Models: "
        f"{models}; {windows} windows in the backtest, no totals, all else as it is by default. A life took "
        f"{minutes:.0f} minutes (median) beside another.\n\n"
        f"- **{FROZEN}**: the first champion stays and forecasts from the fresh sales; `monitor` is asked.\n"
        f"- **{FINDINGS}**: `retrain` is asked at every look; no age asks for it, findings alone do.\n"
        f"- **{AGE}**: the same with 'monitoring.max_age' at its default, {Monitoring().max_age} days."
    )


def alarms(look: Look) -> dict[Alarm, Finding]:
    """The warnings and errors of monitoring at a look."""
    wanted = (each for each in look.findings if each.code in CODES and each.severity != Severity.INFO)
    return {(each.code, each.where): each for each in wanted}


def new_alarms(life: Life) -> list[tuple[date, Alarm, Finding]]:
    """Each alarm at the look at which it comes up: the look before did not have it."""
    found, before = [], set[Alarm]()
    for look in life.looks:
        now = alarms(look)
        found += [(look.last, alarm, each) for alarm, each in now.items() if alarm not in before]
        before = set(now)
    return found


def first_found(life: Life, event: Event) -> tuple[date, Finding] | None:
    """The first alarm after the event began that names it: by code, place and, where it is of groups, its groups."""
    for last, (code, where), each in new_alarms(life):
        if not event.first <= last <= event.first + LATER or code not in event.codes or where not in event.places:
            continue
        said = " ".join((each.message, *each.examples))
        names = [name for values in event.where.values() for name in values]
        if not names or where not in event.named or any(name in said for name in names):
            return last, each
    return None


def first_retrained(life: Life, event: Event) -> Look | None:
    """The first look after the event began, not too late, at which a training was judged."""
    looks = (look for look in life.looks if event.first < look.last <= event.first + LATER)
    return next((look for look in looks if look.retrained), None)


def _keys(look: Look) -> list[str]:
    """What asked for a retraining, in short."""
    assert look.retrained is not None  # only such are asked about
    reasons: list[dict[str, Any]] = look.retrained["reasons"]  # type: ignore[assignment]
    return [f"`{each['text'].partition(':')[0]}`" if each["kind"] == "finding" else each["kind"] for each in reasons]


def _kind(key: str) -> str:
    return "findings" if key.startswith("`") else key


def _decided(look: Look) -> dict[str, Any]:
    assert look.retrained is not None  # only such are asked about
    return look.retrained["decision"]  # type: ignore[return-value]


def _days(last: date, event: Event) -> int:
    return (last - event.first).days + 1


def _summary(years: Sequence[Year], events: Sequence[Event]) -> str:
    """One row for each event: how often and how soon it was found, and answered, in the median."""
    names = list(years[0].lives)
    rows = []
    for event in events:
        cells = [event.name, event.said, f"{event.first} to {event.last or 'the end'}"]
        for name in names:
            cells.append(_often([first_found(year.lives[name], event) for year in years], event))
        for name in names[1:]:
            cells.append(_answered([first_retrained(year.lives[name], event) for year in years], event))
        rows.append(cells)
    text = (
        "Found: the first look at which an alarm comes up that the look before did not have, and that names the event: "
        f"by its code, its level and, where it is about groups, a group that was touched; within {LATER.days} days. "
        "Days are from the beginning of the event to the last day of the sales at that look, medians over the years. "
        "An alarm that an event would explain may have come by chance: see the quiet time. Retraining: the first "
        "training after the event began that the gate judged, within as many days, whatever asked for it."
    )
    columns = ["event", "what", "was there", *(f"found, {name}" for name in names)]
    return f"{text}\n\n{table([*columns, *(f'retrained, {name}' for name in names[1:])], rows)}"


def _often(found: Sequence[tuple[date, Finding] | None], event: Event) -> str:
    there = [each for each in found if each is not None]
    if not there:
        return f"0 of {len(found)}"
    days = np.median([_days(last, event) for last, _ in there])
    by = Counter(f"{each.severity} `{each.code}` in {each.where}" for _, each in there)
    return f"{len(there)} of {len(found)}, {days:.0f} days; {_counted(by)}"


def _answered(looks: Sequence[Look | None], event: Event) -> str:
    there = [each for each in looks if each is not None]
    if not there:
        return f"0 of {len(looks)}"
    days = np.median([_days(each.last, event) for each in there])
    promoted = sum(_decided(each)["decision"] == "promoted" for each in there)
    by = Counter(key for each in there for key in _keys(each))
    return f"{len(there)} of {len(looks)}, {days:.0f} days, {promoted} promoted; asked by {_counted(by)}"


def _counted(by: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in by.most_common())


def _found(years: Sequence[Year], events: Sequence[Event]) -> str:
    rows = []
    for event in events:
        for year in years:
            for name, life in year.lives.items():
                found, answer = first_found(life, event), first_retrained(life, event)
                said = "not found", ""
                if found is not None:
                    said = f"{found[0]}, {_days(found[0], event)} days", _named(found[1])
                done = "none", ""
                if answer is not None:
                    done = f"{answer.last}: {_decided(answer)['decision']}", ", ".join(_keys(answer))
                rows.append((event.name, year.seed, name, *said, *done))
    return table(("event", "seed", "life", "found", "by", "first retraining since", "asked by"), rows)


def _named(finding: Finding) -> str:
    return f"{finding.severity} `{finding.code}` in {finding.where}"


def _retrained(years: Sequence[Year]) -> str:
    rows, told = [], []
    for name in list(years[0].lives)[1:]:
        looks = [(year.seed, look) for year in years for look in year.lives[name].looks if look.retrained]
        asked = Counter(" and ".join(sorted({_kind(key) for key in _keys(look)})) for _, look in looks)
        decided = Counter(_decided(look)["decision"] for _, look in looks)
        each_year = len(looks) / len(years)
        told.append(f"- {name}: {each_year:.1f} a retailer, asked by {_counted(asked)}; {_counted(decided)}.")
        for seed, look in looks:
            made = _decided(look)
            rows.append(
                (name, seed, look.last, ", ".join(_keys(look)), made["decision"], made["compared"], made["reason"])
            )
    columns = ("life", "seed", "sales until", "asked by", "decision", "compared with the champion", "why")
    return "\n".join(told) + ("\n\n" + table(columns, rows) if rows else "")


def _quiet(years: Sequence[Year]) -> str:
    until = EVENTS[0].first
    rows = []
    for name in years[0].lives:
        looks = [look for year in years for look in year.lives[name].looks if look.last < until]
        raised = [each for each in looks if alarms(each)]
        asked = [each for each in looks if each.retrained]
        for_findings = sum("findings" in map(_kind, _keys(each)) for each in asked)
        said = Counter(f"`{code}` in {where}" for each in raised for code, where in alarms(each))
        rows.append((name, len(looks), len(raised), len(asked), for_findings, _counted(said) or "none"))
    columns = ("life", "looks", "with an alarm", "retrained", "of these for a finding", "alarms")
    text = (
        f"Up to {until - timedelta(days=1)} nothing was planted, so every alarm is a false one, though "
        "forecasts may lean by themselves, and a retraining that it asks for is in vain."
    )
    return f"{text}\n\n{table(columns, rows)}"


def _all(years: Sequence[Year]) -> str:
    seen: dict[Alarm, dict[str, list[date]]] = {}
    names = list(years[0].lives)
    for year in years:
        for name, life in year.lives.items():
            for look in life.looks:
                for alarm in alarms(look):
                    seen.setdefault(alarm, {}).setdefault(name, []).append(look.last)
    rows = [
        (f"`{code}`", where, *(_when(by.get(name, [])) for name in names))
        for (code, where), by in sorted(seen.items(), key=lambda each: min(min(days) for days in each[1].values()))
    ]
    return table(("code", "where", *(f"looks, {name}" for name in names)), rows)


def _when(days: list[date]) -> str:
    if not days:
        return "never"
    return f"{len(days)}: {min(days)}" + (f" to {max(days)}" if len(days) > 1 else "")
