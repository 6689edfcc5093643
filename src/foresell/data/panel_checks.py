"""Checks of the finished panel: empty periods, series without information, covariates that end too early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.frequency import (
    LONG_SILENCE,
    WEEKDAYS,
    Frequency,
    date_text,
    hour_of_week,
    period_range,
    weekday,
)
from foresell.core.long_table.clock_changes import left_out
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.core.words import many
from foresell.data.cube.cells import Cube, key_texts
from foresell.data.finding_codes import CODES, finding
from foresell.data.gap_filling import ROWS_AT_ONCE

CONSTANT_FROM = {
    Frequency.HOUR: 168,
    Frequency.DAY: 28,
    Frequency.WEEK: 12,
    Frequency.MONTH: 6,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 4,
}
"""The number of known periods, all of one value, from which a series counts as constant."""


_ADVICE_WHERE_UNKNOWN = (
    "Look for files or rows that are missing. As 'absent' is unknown, they do not count as without sales."
)
"""The advice about gaps where the setting that the general one names is already made."""


def empty_period_findings(cube: Cube, frequency: Frequency, absent: str, where: str) -> list[Finding]:
    """Periods between the first and the last sale in which no series has a row; `cube` still has ABSENT.

    Where `absent` is ``unknown``, a weekday that never has a row is one on which the stores are closed, and no gap.
    """
    empty = np.asarray(np.isneginf(cube.units).all(axis=0))
    dates = period_range(cube.first, cube.n_days, frequency)
    if frequency == Frequency.HOUR:
        empty &= ~_closing_hours(empty, dates) & ~left_out(~empty, dates)
    if absent == "unknown" and frequency == Frequency.DAY:
        of_week = weekday(dates)
        empty &= ~np.isin(of_week, [day for day in range(7) if empty[of_week == day].all()])
    if not (count := int(empty.sum())):
        return []
    dates = dates[empty]
    noun = frequency.noun
    message = f"{many(count, noun)} of {cube.n_days:,} {'has' if count == 1 else 'have'} no row in any series"
    if frequency == Frequency.DAY:
        commonest, count_of_it = Counter(weekday(dates).tolist()).most_common(1)[0]
        message += f", {count_of_it:,} of them a {WEEKDAYS[commonest]}" if count_of_it > 1 else ""
    gaps = finding("gaps", where, count, message, [date_text(when) for when in dates[:5]])
    return [replace(gaps, advice=_ADVICE_WHERE_UNKNOWN) if absent == "unknown" else gaps]


def _closing_hours(empty: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Whether each hour is one of the week in which mostly no series has a row: bool [hour]."""
    of_week = hour_of_week(hours)
    counts, rows = np.bincount(of_week, empty, 168), np.bincount(of_week, minlength=168)
    return (counts > 0.5 * rows)[of_week]


def similar_key_findings(series: pl.DataFrame, keys: Iterable[str], where: str) -> list[Finding]:
    """Keys that differ only in capital letters or in zeros before a number, such as TEA and Tea, or 00123 and 123.

    >>> similar_key_findings(pl.DataFrame({"item": ["TEA", "Tea", "Milk"]}), ["item"], "sales")[0].examples
    ('item: TEA, Tea',)
    """
    similar = []
    for name in keys:
        texts = series[name].unique().cast(pl.String).drop_nulls().sort()
        alike = texts.str.to_lowercase().str.replace(r"^0+(\d+)$", "$1")
        groups = pl.DataFrame({"text": texts, "alike": alike}).group_by("alike", maintain_order=True).agg("text")
        similar += [f"{name}: {', '.join(group)}" for group in groups["text"] if len(group) > 1]
    message = f"{len(similar):,} keys are written in several ways, with other capital letters or with zeros before them"
    return [finding("similar-keys", where, len(similar), message, similar[:5])] if similar else []


def missing_day_findings(absent: np.ndarray | None, panel: Panel, where: str) -> list[Finding]:
    """Days on which a series on sale has no row (`absent` [series, day]), where such days count as unknown."""
    if absent is None or not (count := int(absent.sum())):
        return []
    share = count / max(count + int((~np.isnan(panel.units)).sum()), 1)
    message = f"{many(count, panel.frequency.noun)} inside the life of their series have no row ({share:.1%})"
    worst = np.argsort(-absent.sum(axis=1), kind="stable")[:5]
    return [finding("missing-days", where, count, message, _names(panel, worst))]


def _names(panel: Panel, rows: Iterable[int]) -> list[str]:
    """The keys of the first five of `rows` as text."""
    return key_texts(panel.series.select(panel.keys)[[int(row) for row in rows][:5]])


def silent_series_findings(panel: Panel, where: str) -> list[Finding]:
    """Series that never change, that have ended, and others that stopped selling, those that never sold among them."""
    n = panel.n_series
    constant, dead, ended = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, bool)
    limit = panel.n_days if panel.ended_after is None else panel.ended_after
    for start in range(0, n, ROWS_AT_ONCE):
        units = panel.units[start : start + ROWS_AT_ONCE]
        known = ~np.isnan(units)
        rows = slice(start, start + len(units))
        sold = units > 0
        # The periods since the last sale; all periods where the series never sold.
        silent = np.where(sold.any(axis=1), sold[:, ::-1].argmax(axis=1), panel.n_days)
        ended[rows] = (silent >= limit) & (panel.n_days > limit) & known[:, : -limit or None].any(axis=1)
        dead[rows] = (silent >= LONG_SILENCE[panel.frequency]) & known.any(axis=1) & ~ended[rows]
        one_value = np.fmax.reduce(units, axis=1) == np.fmin.reduce(units, axis=1)
        constant[rows] = one_value & sold.any(axis=1) & (known.sum(axis=1) >= CONSTANT_FROM[panel.frequency])
    findings = []
    if count := int(constant.sum()):
        message = f"{many(count, 'series', 'series')} never change"
        findings.append(finding("constant-series", where, count, message, _names(panel, np.flatnonzero(constant))))
    if count := int(dead.sum()):
        fewest = many(LONG_SILENCE[panel.frequency], panel.frequency.noun)
        message = f"{many(count, 'series', 'series')} of {n:,} sold nothing for {fewest} or more up to {panel.cutoff}"
        findings.append(finding("dead-series", where, count, message, _names(panel, np.flatnonzero(dead))))
    if count := int(ended.sum()):
        silence = f"{many(limit, panel.frequency.noun)} or more up to {panel.cutoff}"
        message = f"{many(count, 'series', 'series')} of {n:,} sold nothing for {silence}, so they are forecast as 0"
        findings.append(finding("ended-series", where, count, message, _names(panel, np.flatnonzero(ended))))
    return findings


def short_history_findings(panel: Panel, settings: Settings, where: str) -> list[Finding]:
    """A finding where the windows of the backtest leave less than two seasons and a horizon to learn from."""
    days_between = settings.backtest.every or settings.horizon
    windows = settings.horizon + (settings.backtest.windows - 1) * days_between
    needed = windows + max(settings.horizon, 2 * min(panel.frequency.season, settings.horizon))
    if panel.n_days >= needed:
        return []
    noun = panel.frequency.noun
    message = (
        f"the history has {many(panel.n_days, noun)}; {settings.backtest.windows} windows of "
        f"{many(settings.horizon, noun)} need {needed:,}"
    )
    return [finding("short-history", where, needed - panel.n_days, message)]


def early_end_findings(panel: Panel, ends: dict[str, int], horizon: int) -> list[Finding]:
    """Covariates whose last known value (`ends` periods from the first) lies before the end of the horizon.

    A backtest knows such a covariate on the days that it forecasts, because those days are past. A forecast of coming
    days does not know it.
    """
    findings = []
    needed = panel.n_days + horizon
    for name, end in sorted(ends.items()):
        if end >= needed:
            continue
        noun = panel.frequency.noun
        until = f"ends with {date_text(panel.dates[end - 1])}" if end else "has no value at all"
        last = date_text(panel.ahead(horizon)[-1])
        message = (
            f"it {until}, {many(needed - end, noun)} before the horizon does ({last}): "
            "the backtest knew it, tonight's forecast cannot"
        )
        findings.append(finding("known-ahead-ends-early", f"covariate {name}", needed - end, message))
    return findings


def unused_covariate_findings(panel: Panel, used: Iterable[str]) -> list[Finding]:
    """Covariates of the panel that no feature reads; `used` has the names that the features in use read."""
    unused = sorted(set(panel.known) - set(used))
    return [finding("unused-covariate", f"covariate {name}", 1, "no feature in use reads it") for name in unused]


def tally_findings(tally: Counter, where: str) -> list[Finding]:
    """One finding for each code that `tally` counts a row for."""
    return [
        finding(code, where, count, f"{many(count, 'row')}: {CODES[code].meaning.rstrip('.')}")
        for code, count in sorted(tally.items())
        if count
    ]
