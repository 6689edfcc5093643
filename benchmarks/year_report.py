"""What `benchmarks/year.py` writes: what was planted, found and retrained, and the errors of both lives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from year_events import BEGIN, EVENTS, HORIZON, KEYS, SIZE, WEEKS, Event, Retailer

from foresell.core.finding import Finding, Severity
from foresell.monitor.codes import CODES

if TYPE_CHECKING:
    from year import Life, Look

LATER = timedelta(days=91)
"""So long after it began a finding may be about an event."""

Alarm = tuple[str, str]  # code, where


def report(loop: Life, frozen: Life, shop: Retailer, seed: int, every: int, settings: dict[str, Any]) -> str:
    """The page in Markdown."""
    models = ", ".join(each["name"] for each in settings["models"])
    age, windows = settings["monitoring"]["max_age"], settings["backtest"]["windows"]
    head = (
        f"Made by `benchmarks/year.py --seed {seed} --every {every}`. A sample retailer ({SIZE['stores']} stores, one "
        f"of them new, {SIZE['items']} items, {SIZE['days']} days), of which the last {WEEKS} weeks are lived through: "
        f"sales come in every {_weeks(every)}. Models: {models}; {windows} windows in the backtest, "
        f"'monitoring.max_age' {age}, no totals, all else as it is by default. With the loop `retrain` is asked at "
        "every look; frozen, the first champion stays and forecasts from the fresh sales."
    )
    parts = [
        "# A simulated year, with and without the loop",
        head,
        "## What was planted and when it was found",
        _found(loop, frozen),
        "## What was retrained",
        _retrained(loop),
        "## Errors with and without the loop",
        _errors(loop, frozen, shop),
        "## The quiet time",
        _quiet(loop, frozen),
        "## Every finding of monitoring",
        "By the looks of both lives; findings of the data's validation and remarks are left out.",
        _all(loop, frozen),
    ]
    return "\n\n".join(parts) + "\n"


def _weeks(count: int) -> str:
    return "week" if count == 1 else f"{count} weeks"


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


def _found(loop: Life, frozen: Life) -> str:
    rows = []
    for event in EVENTS:
        span = f"{event.first} to {event.last or 'the end'}"
        said = [_said_of(life, event) for life in (loop, frozen)]
        rows.append((event.name, event.said, span, *said, _next(loop, event)))
    named = (
        "Found: the first look at which an alarm comes up that the look before did not have, and that names the event: "
        f"by its code, its level and, where it is about groups, a group that was touched; within {LATER.days} days. "
        "Days are from the beginning of the event to the last day of the sales at that look. An alarm that an event "
        "would explain may have come by chance: see the quiet time."
    )
    columns = ("event", "what", "was there", "found, with the loop", "found, frozen", "first retraining after it began")
    return f"{named}\n\n{_table(columns, rows)}"


def _said_of(life: Life, event: Event) -> str:
    found = first_found(life, event)
    if found is None:
        return "not found"
    last, each = found
    return f"{last}, {(last - event.first).days + 1} days: {each.severity} `{each.code}` in {each.where}"


def _next(loop: Life, event: Event) -> str:
    for look in loop.looks:
        if look.last > event.first and look.retrained:
            asked = ", ".join(sorted({each["kind"] for each in look.retrained["reasons"]}))
            return f"{look.last}, asked by {asked}: {look.retrained['decision']['decision']}"
    return "none"


def _retrained(loop: Life) -> str:
    rows = []
    for look in loop.looks:
        if look.retrained:
            made = look.retrained["decision"]
            asked = "; ".join(_short(each["text"]) for each in look.retrained["reasons"])
            rows.append((look.last, made["version"], asked, made["decision"], made["compared"], made["reason"]))
    columns = ("sales until", "version", "asked for by", "decision", "compared with the champion", "why")
    return _table(columns, rows) if rows else "Nothing was."


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


def _errors(loop: Life, frozen: Life, shop: Retailer) -> str:
    sold = shop.rows.filter((pl.col("date") > BEGIN) & (pl.col("stocked_out") == 0) & pl.col("units").is_not_null())
    beside = {each: _beside(life, sold) for each, life in (("loop", loop), ("frozen", frozen))}
    rows = []
    for number in range(4):
        begin = BEGIN + timedelta(days=1 + 7 * (WEEKS // 4) * number)
        last = begin + timedelta(days=7 * (WEEKS // 4) - 1)
        rows.append(_row(f"quarter {number + 1}, {begin} to {last}", beside, pl.col("date").is_between(begin, last)))
    rows.append(_row("the year", beside, pl.lit(True)))
    for event in EVENTS:
        rows.append(_row(f"{event.name}: what it touched, from {event.first} on", beside, event.rows()))
    columns = (
        "days",
        "WAPE, loop",
        "frozen",
        "change",
        "WAPE of the daily total, loop",
        "frozen",
        "bias, loop",
        "frozen",
    )
    text = (
        f"All forecasts up to {HORIZON} days ahead, made at every look by the champion of that day, against what was "
        "sold; days out of stock are not known and count on neither side. WAPE is of single series and days; of the "
        "daily total it is over the same series added up by forecast and day. Bias is forecast over sold."
    )
    return f"{text}\n\n{_table(columns, rows)}"


def _beside(life: Life, sold: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(life.forecasts).join(sold, on=[*KEYS, "date"])


def _row(name: str, beside: dict[str, pl.DataFrame], days: pl.Expr) -> tuple[str, ...]:
    found = {each: _figures(frame.filter(days)) for each, frame in beside.items()}
    (wape, total, bias), (wape_, total_, bias_) = found["loop"], found["frozen"]
    return (
        name,
        f"{wape:.3f}",
        f"{wape_:.3f}",
        f"{wape / wape_ - 1:+.1%}",
        f"{total:.3f}",
        f"{total_:.3f}",
        f"{bias:+.1%}",
        f"{bias_:+.1%}",
    )


def _figures(frame: pl.DataFrame) -> tuple[float, float, float]:
    """WAPE of series, WAPE of the daily total, bias."""
    units = float(frame["units"].sum())
    error = float((frame["mean"] - frame["units"]).abs().sum())
    days = frame.group_by("cutoff", "date").agg(pl.col("mean").sum(), pl.col("units").sum())
    total = float((days["mean"] - days["units"]).abs().sum())
    return error / units, total / units, float(frame["mean"].sum()) / units - 1


def _quiet(loop: Life, frozen: Life) -> str:
    until = EVENTS[0].first
    lines = [f"Up to {until - timedelta(days=1)}, before the first event, every alarm is a false one:", ""]
    rows = []
    for life in (loop, frozen):
        looks = [each for each in life.looks if each.last < until]
        raised = [each for each in looks if alarms(each)]
        severe = [each for each in looks if any(one.severity == Severity.ERROR for one in alarms(each).values())]
        asked = [each for each in looks if each.retrained]
        said = sorted({f"`{code}` in {where}" for each in raised for code, where in alarms(each)})
        rows.append((life.name, len(looks), len(raised), len(severe), len(asked), ", ".join(said) or "none"))
    columns = ("", "looks", "with an alarm", "with a severe one", "retrained", "alarms")
    return "\n".join(lines) + "\n" + _table(columns, rows)


def _all(loop: Life, frozen: Life) -> str:
    seen: dict[Alarm, dict[str, list[date]]] = {}
    for life in (loop, frozen):
        for look in life.looks:
            for alarm in alarms(look):
                seen.setdefault(alarm, {}).setdefault(life.name, []).append(look.last)
    rows = [
        (f"`{code}`", where, *(_when(by.get(life.name, [])) for life in (loop, frozen)))
        for (code, where), by in sorted(seen.items(), key=lambda each: min(min(days) for days in each[1].values()))
    ]
    return _table(("code", "where", "looks that had it, with the loop", "frozen"), rows)


def _when(days: list[date]) -> str:
    if not days:
        return "never"
    return f"{len(days)}: {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "")


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [f"| {' | '.join(columns)} |"]
    lines.append("|---" * lines[0].count(" | ") + "|---|")
    lines += [f"| {' | '.join(str(each).replace('|', '/') for each in row)} |" for row in rows]
    return "\n".join(lines)
