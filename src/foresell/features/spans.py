"""The lags and windows of features, in periods of the panel, for each frequency of sales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foresell.core.frequency import Frequency


@dataclass(frozen=True)
class Spans:
    """Lengths in days (periods). Trends compare `short`, `middle` and `long`; `year` is in whole seasons."""

    season: int
    year: int
    short: int
    middle: int
    long: int
    lags: tuple[int, ...]
    target_lags: tuple[int, ...]
    windows: tuple[int, ...]
    half_lives: tuple[int, ...]
    seasons: tuple[int, ...]  # numbers of the same weekdays (weeks of the year, months) that means are taken over


SPANS = {
    Frequency.HOUR: Spans(
        season=24,
        year=8736,
        short=24,
        middle=168,
        long=672,
        lags=(1, 2, 3, 4, 6, 12, 24, 48, 72, 96, 120, 144, 168, 336, 504, 672, 8736),
        target_lags=(24, 48, 72, 168, 336, 504, 672, 8736),
        windows=(3, 6, 12, 24, 72, 168, 336, 672, 2184),
        half_lives=(3, 12, 24, 72, 168),
        seasons=(1, 2, 3, 7, 14, 28),
    ),
    Frequency.DAY: Spans(
        season=7,
        year=364,
        short=7,
        middle=28,
        long=91,
        lags=(1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35, 42, 56, 84, 364),
        target_lags=(7, 14, 28, 35, 42, 56, 364),
        windows=(7, 14, 28, 56, 91, 182, 365),
        half_lives=(3, 7, 14, 28, 91),
        seasons=(1, 2, 4, 8, 13, 26, 52),
    ),
    Frequency.WEEK: Spans(
        season=52,
        year=52,
        short=4,
        middle=8,
        long=26,
        lags=(1, 2, 3, 4, 5, 6, 8, 13, 26, 52),
        target_lags=(4, 8, 13, 26, 52),
        windows=(2, 4, 8, 13, 26, 52, 104),
        half_lives=(2, 4, 8, 26),
        seasons=(1, 2, 3),
    ),
    Frequency.MONTH: Spans(
        season=12,
        year=12,
        short=3,
        middle=6,
        long=12,
        lags=(1, 2, 3, 4, 5, 6, 12),
        target_lags=(3, 6, 12, 24),
        windows=(2, 3, 6, 12, 24, 36),
        half_lives=(1, 3, 6, 12),
        seasons=(1, 2, 3),
    ),
    Frequency.QUARTER: Spans(
        season=4,
        year=4,
        short=2,
        middle=4,
        long=8,
        lags=(1, 2, 3, 4, 8),
        target_lags=(1, 2, 4, 8),
        windows=(2, 4, 8, 12),
        half_lives=(1, 2, 4),
        seasons=(1, 2, 3),
    ),
    Frequency.YEAR: Spans(
        season=1,
        year=1,
        short=2,
        middle=3,
        long=5,
        lags=(1, 2, 3),
        target_lags=(1, 2, 3),
        windows=(2, 3, 5),
        half_lives=(1, 2, 3),
        seasons=(1, 2, 3),
    ),
}


def spans_of(frequency: Frequency) -> Spans:
    """The lengths for periods of this frequency; of a table, whole years are as long as its years.

    >>> import numpy as np
    >>> from foresell.core.calendars.period_table import PeriodTable
    >>> weeks = PeriodTable(np.arange("2024-01-01", "2026-01-01", 28, dtype="datetime64[D]"))
    >>> spans_of(Frequency.MONTH.with_table(weeks)).target_lags
    (3, 6, 13, 26)
    """
    spans = SPANS[frequency]
    if frequency.year == spans.year:
        return spans

    def scaled(periods: Any) -> Any:
        if isinstance(periods, tuple):
            return tuple(dict.fromkeys(map(scaled, periods)))
        years, rest = divmod(periods, spans.year)
        return periods if rest else years * frequency.year

    lengths = {name: scaled(value) for name, value in vars(spans).items() if name != "seasons"}
    return replace(spans, **lengths)
