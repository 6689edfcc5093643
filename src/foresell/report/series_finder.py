"""Every series of the report: what is expected of it next, beside what it sold, as data for a search on the page.

A row is a group of a level, from the total down to the single series. Of each the page has the sums of whole weeks (of
hours, days; of longer periods, each period), the newest week and the same week of last year. The single days are there
for the rows that sell most, as many as `MOST_VALUES` allows, so that the page stays small for any number of series.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, Level
from foresell.core.panel import Panel
from foresell.core.words import period, span

MOST_ROWS = 60_000
"""Of more rows only those with the largest forecast are on the page."""

MOST_VALUES = 300_000
"""How many single days of all rows are on the page."""

SHOWN = 8
"""How many groups of an upper level the table of the page shows without a search."""

TOTAL = "All sales"


@dataclass(frozen=True, eq=False)
class LevelRows:
    """The groups of one level, the largest forecast first.

    - `columns`: the columns of the level, as the user calls them. `names` [row][column]: the values.
    - `weeks` [row, week]: the forecast. `last` and `year` [row]: units sold in the newest week, and in the week a year
      before the first one; NaN where nothing is known.
    - `days` [row, step]: the forecast by period, for the first rows only.
    """

    columns: tuple[str, ...]
    names: list[tuple[str, ...]]
    weeks: np.ndarray
    last: np.ndarray
    year: np.ndarray
    days: np.ndarray


@dataclass(frozen=True, eq=False)
class SeriesFinder:
    """The rows of all levels, from the top down.

    `week` names a block of periods, such as ``7 days``. `spans` [week] and `periods` [step] say in words which periods
    they are. `left_out` rows are not on the page.
    """

    week: str
    levels: tuple[LevelRows, ...]
    spans: tuple[str, ...]
    periods: tuple[str, ...]
    left_out: int = 0

    @property
    def n_rows(self) -> int:
        return sum(len(level.names) for level in self.levels)

    @property
    def with_days(self) -> int:
        return sum(len(level.days) for level in self.levels)

    def to_json(self) -> Markup:
        """The rows as JSON that may stand in a script element: no text of the data can end it."""
        levels = [
            {
                "columns": level.columns,
                "texts": (texts := _vocabulary(level.names)),
                "names": _numbered(level.names, texts),
                "weeks": _numbers(level.weeks),
                "last": _numbers(level.last),
                "year": _numbers(level.year),
                "days": _numbers(level.days),
            }
            for level in self.levels
        ]
        plain = {"week": self.week, "spans": self.spans, "periods": self.periods, "levels": levels, "total": TOTAL}
        text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
        for sign in "<>&\u2028\u2029":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        return Markup(text.replace(" %", "\\u0020%"))  # the page keeps a percent sign on the line of its number


def periods_of_week(frequency: Frequency) -> int:
    """How many periods are summed up: seven days, 24 hours, or one longer period."""
    return frequency.season if frequency in (Frequency.HOUR, Frequency.DAY) else 1


def series_finder(panel: Panel, hierarchy: Hierarchy, forecasts: Mapping[Level, Forecast]) -> SeriesFinder:
    """The rows of all levels that have a forecast. Sales that are not known count as nothing sold."""
    frequency, values = panel.frequency, MOST_VALUES
    size = min(periods_of_week(frequency), next(iter(forecasts.values())).horizon)
    levels, left_out, room = [], 0, MOST_ROWS
    for groups in hierarchy.all_groups(panel.series):
        if (forecast := forecasts.get(groups.level)) is None:
            continue
        order = np.argsort(-np.nansum(forecast.mean, axis=1), kind="stable")
        left_out += max(len(order) - room, 0)
        order = order[:room]
        room -= len(order)
        with_days = min(len(order), values // forecast.horizon) if size > 1 else 0
        values -= with_days * forecast.horizon
        levels.append(_level_rows(panel, groups, forecast, order, size, with_days))
    dates = next(iter(forecasts.values())).dates
    starts = range(0, len(dates), size)
    spans = [
        span(dates[at], dates[min(at + size, len(dates)) - 1]) if size > 1 else period(dates[at], frequency)
        for at in starts
    ]
    week = f"{size} {frequency.noun}s" if size > 1 else frequency.noun
    return SeriesFinder(week, tuple(levels), tuple(spans), tuple(period(day, frequency) for day in dates), left_out)


def _level_rows(
    panel: Panel, groups: Groups, forecast: Forecast, order: np.ndarray, size: int, with_days: int
) -> LevelRows:
    names = [
        tuple("(none)" if value is None else str(value) for value in row)
        for row in (groups.frame.select(groups.level)[order].rows() if groups.level else [(TOTAL,)])
    ]
    mean = forecast.mean[order].astype(np.float64)
    newest = panel.n_days - size
    return LevelRows(
        columns=groups.level or ("total",),
        names=names,
        weeks=np.add.reduceat(mean, np.arange(0, forecast.horizon, size), axis=1),
        last=_sold(panel, groups, newest, size)[order],
        year=_sold(panel, groups, panel.n_days - panel.frequency.year, size)[order],
        days=mean[:with_days],
    )


def _sold(panel: Panel, groups: Groups, first: int, size: int) -> np.ndarray:
    """Units sold in `size` periods from `first` on, float64 [group]; NaN where no sales of a group are known."""
    if first < 0:
        return np.full(len(groups), np.nan)
    units = panel.units[:, first : min(first + size, panel.n_days)]
    known = groups.sum((~np.isnan(units)).any(axis=1).astype(np.float64))
    return np.where(known > 0, groups.sum(np.nan_to_num(units).sum(axis=1, dtype=np.float64)), np.nan)


def _vocabulary(names: list[tuple[str, ...]]) -> list[list[str]]:
    """The different texts of each column."""
    return [list(dict.fromkeys(column)) for column in zip(*names, strict=True)]


def _numbered(names: list[tuple[str, ...]], texts: list[list[str]]) -> list[list[int]]:
    """The number of each row's text, by column."""
    places = [{text: number for number, text in enumerate(column)} for column in texts]
    return [[place[text] for text in column] for place, column in zip(places, zip(*names, strict=True), strict=True)]


def _numbers(values: np.ndarray) -> list[object]:
    """Numbers to three digits, as `words.number` writes them; None where not known."""
    if values.ndim == 2:
        return [_numbers(row) for row in values]
    return [_short(value) for value in values.tolist()]


def _short(value: float) -> float | int | None:
    if not np.isfinite(value):
        return None
    short = float(f"{value:.3g}") if abs(value) < 100 else round(value)
    return int(short) if short == int(short) else short
