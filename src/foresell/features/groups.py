"""Features of the groups that a series belongs to: its store, its item, its category, the whole business.

A group's sales are far less noisy than a series' own, so its recent trend and what it did a year ago say more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.core.hierarchy import Level, level_name
from foresell.features.history import _safe_ratio
from foresell.features.past import Past
from foresell.features.question import Feature, Question


def group_features(levels: tuple[Level, ...], year: int) -> list[Feature]:
    """The features of every level; `year` is in days (periods)."""
    return [feature for level in levels for feature in _of_level(level, year)]


def _of_level(level: Level, year: int) -> list[Feature]:
    words, suffix = f"the series' {level_name(level)}", "_".join(level) if level else "total"
    if not level:
        words = "the total"

    def at_cutoff(name: str, meaning: str, sees: int, of: Callable[[Past, np.ndarray], np.ndarray]) -> Feature:
        def rows(q: Question) -> np.ndarray:
            values = of(q.block.context.group_past(level), q.cutoffs)  # [cutoff, group]
            return values[q.place, q.group_rows(level)]

        return Feature(f"{name}_of_{suffix}", "group", meaning.format(words), "units of the group", sees, rows)

    def at_day(name: str, meaning: str, sees: int, of: Callable[[Past, Question, np.ndarray], np.ndarray]) -> Feature:
        def rows(q: Question) -> np.ndarray:
            return of(q.block.context.group_past(level), q, q.group_rows(level))

        return Feature(f"{name}_of_{suffix}", "group", meaning.format(words), "units of the group", sees, rows)

    def weekday_profile(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        return _safe_ratio(past.season_mean(q.season_day, 8, rows), past.mean(q.cutoff, 56, rows))

    def year_index(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        target = past.mean(np.minimum(q.year_day + 3, q.cutoff), 7, rows)
        return _safe_ratio(target, past.mean(q.cutoff - year, 28, rows))

    def year_day(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        return _safe_ratio(past.value(q.year_day, rows), past.mean(q.cutoff - year, 28, rows))

    return [
        at_cutoff("mean_28", "mean units of the last 28 days of {}", 27, lambda p, c: p.mean(c, 28)),
        at_cutoff("trend_7_28", "last 7 days over last 28 days of {}", 27, lambda p, c: _trend(p, c, 7, 28)),
        at_cutoff("trend_28_91", "last 28 days over last 91 days of {}", 90, lambda p, c: _trend(p, c, 28, 91)),
        at_cutoff("trend_28_365", "last 28 days over last 365 days of {}", 364, lambda p, c: _trend(p, c, 28, 365)),
        at_cutoff(
            "growth_28",
            "last 28 days over the same days a year ago of {}",
            year + 27,
            lambda p, c: _safe_ratio(p.mean(c, 28), p.mean(c - year, 28)),
        ),
        at_day("weekday", "the day's weekday over the mean of the last 8 weeks of {}", 55, weekday_profile),
        at_day("year_week", "week round the day a year ago over the 28 days before, of {}", year + 27, year_index),
        at_day("year_day", "the day a year ago over the 28 days before it, of {}", year + 27, year_day),
    ]


def _trend(past: Past, cutoffs: np.ndarray, short: int, long: int) -> np.ndarray:
    return _safe_ratio(past.mean(cutoffs, short), past.mean(cutoffs, long))
