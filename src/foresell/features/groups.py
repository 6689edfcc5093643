"""Features of the groups that a series belongs to: its store, its item, its category, the whole business.

The sales of a group are far less noisy than those of a series, so its trend and its sales a year ago say more. All
features but the mean are ratios, so that they do not depend on the size of the group.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.core.hierarchy import Level, level_name
from foresell.features.question import Feature, Question
from foresell.features.running_sums import Past, ratio
from foresell.features.spans import Spans


def group_features(levels: tuple[Level, ...], spans: Spans) -> list[Feature]:
    """Mean, trends, weekday profile and last year's sales of the groups of each level."""
    return [feature for level in levels for feature in (*_at_cutoff(level, spans), *_on_day(level, spans))]


def level_suffix(level: Level) -> str:
    """The end of the names of a level's features: ``total``, ``store``, ``store_category``."""
    return "_".join(level) or "total"


def _feature(level: Level, name: str, meaning: str, sees: int, of: Callable[[Question], np.ndarray]) -> Feature:
    words = f"the series' {level_name(level)}" if level else "all series together"
    full = f"{name}_of_{level_suffix(level)}"
    return Feature(full, "group", f"{meaning} of {words}", "units of the group", sees, of, group_level=level)


def _at_cutoff(level: Level, spans: Spans) -> list[Feature]:
    """The mean and the trends of the group at the cutoff."""
    short, middle, long, year = spans.short, spans.middle, spans.long, spans.year

    def feature(name: str, meaning: str, sees: int, of: Callable[[Past, np.ndarray], np.ndarray]) -> Feature:
        def rows(q: Question) -> np.ndarray:
            values = of(q.block.context.group_past(level), q.cutoffs)  # [cutoff, group]
            return values[q.place, q.group_rows(level)]

        return _feature(level, name, meaning, sees, rows)

    def trend(near: int, far: int) -> Feature:
        meaning = f"mean units of the last {near} days over that of the last {far},"
        sees = max(near, far) - 1
        return feature(
            f"trend_{near}_{far}", meaning, sees, lambda past, at: ratio(past.mean(at, near), past.mean(at, far))
        )

    def mean(past: Past, at: np.ndarray) -> np.ndarray:
        return past.mean(at, middle)

    def growth(past: Past, at: np.ndarray) -> np.ndarray:
        return ratio(past.mean(at, middle), past.mean(at - year, middle))

    return [
        feature(
            f"mean_{middle}", f"mean units of the last {middle} days", middle - 1, lambda p, at: p.mean(at, middle)
        ),
        trend(short, middle),
        trend(middle, long),
        trend(middle, year),
        feature("growth", f"last {middle} days over the same days a year ago", year + middle - 1, growth),
    ]


def _on_day(level: Level, spans: Spans) -> list[Feature]:
    """Earlier sales of the group on days like the target day: its recent weekdays, and its date a year ago."""
    middle, year = spans.middle, spans.year

    def feature(name: str, meaning: str, sees: int, of: Callable[[Past, Question, np.ndarray], np.ndarray]) -> Feature:
        def rows(q: Question) -> np.ndarray:
            return of(q.block.context.group_past(level), q, q.group_rows(level))

        return _feature(level, name, meaning, sees, rows)

    def weekday(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        return ratio(past.season_mean(q.season_day, 8, rows), past.mean(q.cutoff, 8 * spans.season, rows))

    def year_week(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        half = spans.short // 2
        target = past.mean(np.minimum(q.year_day + half, q.cutoff), 2 * half + 1, rows)
        return ratio(target, past.mean(q.cutoff - year, middle, rows))

    def year_day(past: Past, q: Question, rows: np.ndarray) -> np.ndarray:
        return ratio(past.value(q.year_day, rows), past.mean(q.cutoff - year, middle, rows))

    before = f"over the {middle} days before the cutoff's date a year ago,"
    features = [
        feature("year_week", f"the time round the day a year ago {before}", year + middle - 1, year_week),
        feature("year_day", f"the day a year ago {before}", year + middle - 1, year_day),
    ]
    if spans.season == 7:
        meaning = "the day's weekday over all days, last 8 weeks,"
        features.append(feature("weekday", meaning, 55, weekday))
    return features
