"""Features of a series' own sales as they stand at the cutoff."""

from __future__ import annotations

import numpy as np

from foresell.features.question import Feature, Question

LAGS = (1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35, 42, 56, 84, 364)
WINDOWS = (7, 14, 28, 56, 91, 182, 365)
HALF_LIVES = (3, 7, 14, 28, 91)
SEASONS = (1, 2, 4, 8, 13, 26, 52)


def history_features(season: int, year: int) -> list[Feature]:
    """Lags, windows, weighted means, same-weekday means, last year's window, zeros and age of daily, weekly or
    monthly series. `season` and `year` are in days (periods)."""
    return [
        *(_lag(days) for days in LAGS),
        *(_target_lag(days) for days in (season, 2 * season, 28, 35, 42, 56, year) if days > 1),
        *(_window_mean(days) for days in WINDOWS),
        *(_window_moment(days, 2) for days in WINDOWS),
        *(_window_moment(days, 3) for days in WINDOWS),
        *(_zero_share(days) for days in WINDOWS),
        *(_smoothed(days) for days in HALF_LIVES),
        *(_same_season_day(count, season) for count in SEASONS),
        *_last_year(year),
        *_ratios(season, year),
        _since_sale(),
        _age(),
    ]


def _lag(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.value(q.cutoffs - days + 1))

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
        return q.each(q.block.past.mean(q.cutoffs, days))

    return Feature(f"mean_{days}", "window", f"mean units of the last {days} days", "units", days - 1, of)


def _window_moment(days: int, order: int) -> Feature:
    name, word = {2: ("std", "standard deviation"), 3: ("skew", "skewness")}[order]

    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.moment(q.cutoffs, days, order))

    return Feature(f"{name}_{days}", "window", f"{word} of units over the last {days} days", "units", days - 1, of)


def _zero_share(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.zero_share(q.cutoffs, days))

    meaning = f"share of the last {days} days on which nothing was sold"
    return Feature(f"zeros_{days}", "intermittency", meaning, "units", days - 1, of)


def _smoothed(half_life: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.smoothed(q.cutoffs, half_life))

    meaning = f"exponentially weighted mean of units, the weight halving every {half_life} days"
    return Feature(f"smoothed_{half_life}", "window", meaning, "units", None, of)


def _same_season_day(count: int, season: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.block.past.season_mean(q.season_day, count, q.series)

    which = "weekday" if season == 7 else "season's day"
    meaning = f"mean units of the last {count} days of the same {which} as the day asked for"
    return Feature(f"same_day_{count}", "season", meaning, "units", count * season - 1, of)


def _last_year(year: int) -> list[Feature]:
    def window(days: int) -> Feature:
        half = days // 2

        def of(q: Question) -> np.ndarray:
            at = np.minimum(q.year_day + half, q.cutoff)
            return q.block.past.mean(at, days, q.series)

        meaning = f"mean units of the {days} days round the day asked for, one year earlier"
        return Feature(f"last_year_{days}", "season", meaning, "units", year + half, of)

    return [window(7), window(15), window(29)]


def _ratios(season: int, year: int) -> list[Feature]:
    """How the recent level compares with the longer one: the trend free of the series' size."""

    def ratio(short: int, long: int) -> Feature:
        def of(q: Question) -> np.ndarray:
            past = q.block.past
            return q.each(_safe_ratio(past.mean(q.cutoffs, short), past.mean(q.cutoffs, long)))

        meaning = f"mean units of the last {short} days over that of the last {long}"
        return Feature(f"trend_{short}_{long}", "trend", meaning, "units", long - 1, of)

    def growth() -> Feature:
        def of(q: Question) -> np.ndarray:
            past = q.block.past
            return q.each(_safe_ratio(past.mean(q.cutoffs, 28), past.mean(q.cutoffs - year, 28)))

        meaning = "mean units of the last 28 days over that of the same days a year ago"
        return Feature("growth_28", "trend", meaning, "units", year + 27, of)

    return [ratio(7, 28), ratio(28, 91), ratio(28, 365), growth()]


def _since_sale() -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.days_since_sale(q.cutoffs))

    return Feature("days_since_sale", "intermittency", "days since something was last sold", "units", None, of)


def _age() -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.each(q.block.past.age(q.cutoffs))

    return Feature("age", "age", "days since the series was first on sale", "units", None, of)


def _safe_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan).astype(np.float32)
