"""Features of a series' own sales up to the cutoff."""

from __future__ import annotations

import numpy as np

from foresell.features.question import Feature, Question
from foresell.features.running_sums import ratio
from foresell.features.spans import Spans


def history_features(spans: Spans) -> list[Feature]:
    """Lags, windows, weighted means, same-weekday means, last year's window, zeros and age, over the given spans."""
    return [
        *(_lag(days) for days in spans.lags),
        *(_target_lag(days) for days in spans.target_lags),
        *(_window_mean(days) for days in spans.windows),
        *(_window_moment(days, 2) for days in spans.windows),
        *(_window_moment(days, 3) for days in spans.windows),
        *(_zero_share(days) for days in spans.windows),
        *(_smoothed(days) for days in spans.half_lives),
        *(_same_season_day(count, spans.season) for count in spans.seasons),
        *_last_year(spans),
        *_trends(spans),
        _since_sale(),
        _age(),
    ]


def _lag(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.value(q.cutoffs - days + 1))

    meaning = f"units sold {days} days before the first day forecast"
    return Feature(f"lag_{days}", "lag", meaning, "units", days - 1, of)


def _target_lag(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        at = q.day - days
        values = q.block.past.value(np.minimum(at, q.cutoff), q.series)
        return np.where(at > q.cutoff, np.float32(np.nan), values)

    meaning = f"units sold {days} days before the day asked for, unknown when that lies after the cutoff"
    return Feature(f"target_lag_{days}", "lag", meaning, "units", days - 1, of)


def _window_mean(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.mean(q.cutoffs, days))

    return Feature(f"mean_{days}", "window", f"mean units of the last {days} days", "units", days - 1, of)


def _window_moment(days: int, order: int) -> Feature:
    name, word = {2: ("std", "standard deviation"), 3: ("skew", "skewness")}[order]

    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.moment(q.cutoffs, days, order))

    return Feature(f"{name}_{days}", "window", f"{word} of units over the last {days} days", "units", days - 1, of)


def _zero_share(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.zero_share(q.cutoffs, days))

    meaning = f"share of the last {days} days on which nothing was sold"
    return Feature(f"zeros_{days}", "intermittency", meaning, "units", days - 1, of)


def _smoothed(half_life: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.smoothed(q.cutoffs, half_life))

    meaning = f"exponentially weighted mean of units, the weight halving every {half_life} days"
    return Feature(f"smoothed_{half_life}", "window", meaning, "units", None, of)


def _same_season_day(count: int, season: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.block.past.season_mean(q.season_day, count, q.series)

    which = "weekday" if season == 7 else "season's day"
    meaning = f"mean units of the last {count} days of the same {which} as the day asked for"
    return Feature(f"same_day_{count}", "season", meaning, "units", count * season - 1, of)


def _last_year(spans: Spans) -> list[Feature]:
    def window(half: int) -> Feature:
        days = 2 * half + 1

        def of(q: Question) -> np.ndarray:
            return q.block.past.mean(np.minimum(q.year_day + half, q.cutoff), days, q.series)

        meaning = f"mean units of the {days} days round the day asked for, one year earlier"
        return Feature(f"last_year_{days}", "season", meaning, "units", max(spans.year + half, days - 1), of)

    return [window(half) for half in sorted({spans.short // 2, spans.short, spans.middle // 2})]


def _trends(spans: Spans) -> list[Feature]:
    """Ratios of recent means to longer ones, which do not depend on the size of the series."""

    def trend(short: int, long: int) -> Feature:
        def of(q: Question) -> np.ndarray:
            past = q.block.past
            return q.at_cutoff(ratio(past.mean(q.cutoffs, short), past.mean(q.cutoffs, long)))

        meaning = f"mean units of the last {short} days over that of the last {long}"
        return Feature(f"trend_{short}_{long}", "trend", meaning, "units", max(short, long) - 1, of)

    def growth(q: Question) -> np.ndarray:
        past = q.block.past
        return q.at_cutoff(ratio(past.mean(q.cutoffs, spans.middle), past.mean(q.cutoffs - spans.year, spans.middle)))

    meaning = f"mean units of the last {spans.middle} days over that of the same days a year ago"
    return [
        trend(spans.short, spans.middle),
        trend(spans.middle, spans.long),
        trend(spans.middle, spans.year),
        Feature("growth", "trend", meaning, "units", spans.year + spans.middle - 1, growth),
    ]


def _since_sale() -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.days_since_sale(q.cutoffs))

    return Feature("days_since_sale", "intermittency", "days since something was last sold", "units", None, of)


def _age() -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.at_cutoff(q.block.past.age(q.cutoffs))

    return Feature("age", "age", "days since the series was first on sale", "units", None, of)
