"""What `benchmarks/monitoring.py` writes: false alarms where nothing has changed, and what was found of what has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from monitoring_records import FEWER, FRESH, HORIZON, LOOKS, RATE, REFERENCE, SIZE, Bounds, Look
from rates import rate

from foresell.monitor.false_alarms import rate_of

Made = dict[str, list[tuple[list[Look], list[Bounds]]]]

TITLES = {"drawn": "Errors as a good model makes them", "moving_average": "A moving average"}
EXPECTED = {
    "level -20 %": ("bias-shifted level total",),
    "one store +10 %": ("bias-shifted group store",),
    "one store +30 %": ("bias-shifted group store",),
    "ranges 40 % too narrow": ("ranges-narrow",),
    "drift -1 % a week": ("slow-drift", "bias-shifted level total"),
}
WINDOWS_A_YEAR = 13  # of four weeks


def report(made: Made, seeds: range) -> str:
    """The page in Markdown."""
    windows = len(seeds) * FRESH
    head = (
        f"Made by `benchmarks/monitoring.py --first {seeds[0]} --seeds {len(seeds)}`, seeds that nothing was tuned on. "
        f"A sample retailer ({SIZE['stores']} stores, {SIZE['items']} items), {FRESH} windows of {HORIZON} days, each "
        f"looked at {len(LOOKS)} times, a week apart: {windows:,} windows and {windows * len(LOOKS):,} looks of each "
        f"champion, and {windows:,} looks for slow drift. What is usual is learnt from the {REFERENCE} windows before. "
        f"`monitoring.false_alarms` is {RATE:.0%}; of it {rate_of('whole', RATE):.2%} are for the checks of the whole, "
        f"{rate_of('parts', RATE):.2%} for those of parts and {rate_of('slow drift', RATE):.2%} for slow drift; "
        "the rest is for drift of inputs ([DRIFT.md](DRIFT.md)).\n\n"
        "In brackets the share, and the interval that holds the true one in 95 % of such counts (Wilson), which takes "
        "windows for independent: those of one retailer share what is usual, so it is somewhat narrow.\n\n"
        "Found: the finding that is meant, by then. Delay: days from the shift to the look that found it, over those "
        "that were found; looks are a week apart (four weeks for slow drift)."
    )
    return "\n".join(["# False alarms and detection", "", head, "", *(_champion(name, made[name]) for name in made)])


def _champion(name: str, made: Sequence[tuple[list[Look], list[Bounds]]]) -> str:
    """What came of one champion."""
    looks = [each for found, _ in made for each in found]
    bounds = [each for _, found in made for each in found]
    return "\n".join([f"## {TITLES[name]}", "", *_quiet(looks), "", *_planted(looks), "", *_fewer(bounds), ""])


def _quiet(looks: list[Look]) -> list[str]:
    checks, slow = _split([each for each in looks if each.scenario == "quiet"])
    lines = [
        "Nothing has changed:",
        "",
        "| days that have come in | looks | false alarms | allowed | at the whole | in parts |",
        "|---|---|---|---|---|---|",
    ]
    allowed = rate_of("whole", RATE) + rate_of("parts", RATE)
    for days in LOOKS:
        rows = [each for each in checks if each.days == days]
        whole, parts = (rate(sum(bool(_of(each, kind)) for each in rows), len(rows)) for kind in (True, False))
        false = rate(sum(bool(each.found) for each in rows), len(rows))
        lines.append(f"| {days} | {len(rows)} | {false} | {allowed:.2%} | {whole} | {parts} |")
    false = sum(bool(each.found) for each in slow)
    lines.append(f"| slow drift | {len(slow)} | {rate(false, len(slow))} | {rate_of('slow drift', RATE):.2%} | | |")
    windows = {(each.seed, each.window) for each in checks}
    wrong = {(each.seed, each.window) for each in [*checks, *slow] if each.found}
    lines += [
        "",
        f"In {rate(len(wrong), len(windows))} of {len(windows)} windows one of these looks at least raised a false "
        f"alarm. A quiet year has {WINDOWS_A_YEAR} of them, so that in "
        f"{WINDOWS_A_YEAR * len(wrong) / len(windows):.1f} of them a retraining would be asked for in vain.",
    ]
    return lines


def _planted(looks: list[Look]) -> list[str]:
    lines = [
        "A shift was planted:",
        "",
        "| planted | retailers | found after 7 days | 14 | 21 | 28 | in the end | median delay | any finding |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return lines + [_detected(name, [each for each in looks if each.scenario == name]) for name in EXPECTED]


def _detected(name: str, looks: list[Look]) -> str:
    first: dict[int, int] = {}
    any_: set[int] = set()
    for each in sorted(looks, key=lambda each: (each.window, each.days)):
        if each.found:
            any_.add(each.seed)
        if any(found.startswith(EXPECTED[name]) for found in each.found):
            first.setdefault(each.seed, each.window * HORIZON + each.days)
    seeds = len({each.seed for each in looks})
    by = [rate(sum(delay <= days for delay in first.values()), seeds) for days in LOOKS]
    delay = f"{np.median(list(first.values())):.0f} days" if first else "–"
    ends = f"{rate(len(first), seeds)} | {delay} | {rate(len(any_), seeds)}"
    return f"| {name} | {seeds} | {' | '.join(by)} | {ends} |"


def _fewer(bounds: list[Bounds]) -> list[str]:
    """What fewer windows of the backtest leave open."""
    lines = [
        "With fewer windows that tell what is usual, four weeks of the first window:",
        "",
        "| windows | the total may lie off by (medians) | a level of -20 % is found at the total |",
        "|---|---|---|",
    ]
    for windows in FEWER:
        rows = [each for each in bounds if each.windows == windows]
        low, high = (np.median([getattr(each, side) for each in rows]) for side in ("low", "high"))
        found = rate(sum(each.found for each in rows), len(rows))
        lines.append(f"| {windows} | {low:+.0%} to {high:+.0%} | {found} |")
    return lines


def _split(quiet: list[Look]) -> tuple[list[Look], list[Look]]:
    """Looks at the checks, and looks for slow drift: the last of each window."""
    checks: list[Look] = []
    slow: list[Look] = []
    seen: set[tuple[int, int, int]] = set()
    for each in quiet:
        key = (each.seed, each.window, each.days)
        (slow if key in seen else checks).append(each)
        seen.add(key)
    return checks, slow


def _of(look: Look, whole: bool) -> list[str]:
    bottom = {"level total", "level store x item"}
    return [each for each in look.found if (each.split(" ", 1)[1] in bottom) == whole]
