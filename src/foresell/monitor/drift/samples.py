"""What drift is looked for in: rows of (window, series, cycle) from before, and the same of the newest days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.frequency import period_range
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.monitor.drift import deseasoning
from foresell.monitor.drift.deseasoning import (
    CYCLE,
    DAYS_KNOWN,
    PRICE,
    SEEN,
    SOLD,
    UNITS,
    USUAL,
    Base,
    Values,
    Window,
    deseason,
    look,
    look_back,
)
from foresell.monitor.drift.distances import wasserstein
from foresell.monitor.drift.series_cycles import AGE, SERIES, SampleTables, attributes, drawn, season_groups

WINDOW = "window"
FORECAST, WIDTH = "forecast", "range_width"

CHURN = 1.6
"""Items come and go, in all shops at once: a quarter of 40 series is nothing unusual, a tenth of 300 is."""


@dataclass(frozen=True)
class Column:
    """A column that is compared, and what its figure is for people.

    `figure`: ``ratio`` is the sum of the column `of` over that of `to`; ``factor`` the exponent of the mean of `of`;
    ``mean`` the mean of `of`; ``mix`` the share of a category. `least` is how far the values must lie apart, in their
    own units, before that matters; or `churn` over the root of the number of series, where that is more.
    """

    name: str
    meaning: str
    figure: Literal["ratio", "factor", "mean", "mix"]
    of: str
    to: str = ""
    least: float = 0.0
    churn: float = 0.0

    @property
    def categorical(self) -> bool:
        return self.figure == "mix"

    @property
    def predicted(self) -> bool:
        """Whether it is about forecasts, and not about what they are made from."""
        return self.name in (FORECAST, WIDTH)


@dataclass(frozen=True)
class Compared:
    """Rows from before (`reference`, with an int ``window`` each) and of the newest days (`current`).

    `segments` are columns that rows are grouped by, `removed` says in words what was taken out of the values before
    they are compared, `spans` what was looked at: first and last date of the newest days and of those before.
    """

    reference: pl.DataFrame
    current: pl.DataFrame
    columns: tuple[Column, ...]
    segments: tuple[str, ...]
    removed: str
    spans: Mapping[str, tuple[str, str]]

    def beside(self, other: Compared) -> Compared:
        """Both as one: rows under rows, with nulls in the columns that only the other has."""
        used = 1 + max(self.reference[WINDOW].to_list(), default=-1)
        windows = other.reference.with_columns(pl.col(WINDOW) + used)
        return Compared(
            pl.concat([self.reference, windows], how="diagonal_relaxed"),
            pl.concat([self.current, other.current], how="diagonal_relaxed"),
            (*self.columns, *other.columns),
            tuple(dict.fromkeys((*self.segments, *other.segments))),
            self.removed,
            {**self.spans, **other.spans},
        )


def compare_sales(
    reference: Panel, current: Panel, *, days: int, levels: Sequence[Level], sample: int, seed: int
) -> Compared:
    """The newest `days` of `current` after the cutoff of `reference`, the panel that was learnt from.

    Both are panels of the same keys and frequency, which may differ in their series; where there is nothing after the
    cutoff the newest days of the reference itself are looked at. At most `sample` rows of each window are drawn, by
    series of all groups and volumes. Raises UsageError where the history is too short to tell what is usual.
    """
    n_days = max(reference.day_of(current.cutoff) + 1, reference.n_days)
    window = deseasoning.newest(reference.n_days - 1, n_days, days, reference.frequency)
    past = reference.until(window.cutoff)
    per_series = max((window.stop - window.first) // CYCLE[past.frequency], 1)
    there, where = _joined(past, current)
    rows = drawn(past, there, levels, max(sample // per_series, 1), seed)
    there, where = there[rows], where[rows]
    n_past = int((rows < past.n_series).sum())  # the rows are sorted, and those of the past come first
    past = past.part(rows[:n_past])
    groups = season_groups(there, past.keys, levels)
    windows, years = deseasoning.earlier(window, past.frequency)
    look_at = SampleTables(past, there, levels)
    parts = [
        look_at.frame(look_back(past, each, groups[:n_past], years), each).with_columns(pl.lit(number).alias(WINDOW))
        for number, each in enumerate(windows)
    ]
    now = look_at.frame(_of_current(past, current, where, window, groups, years), window)
    before = pl.concat(parts) if parts else now.clear().with_columns(pl.lit(0).alias(WINDOW))
    before, now = _as_seen(before, now)
    named = [name for name in past.known if name in current.known]
    columns = _of_series([*_measures(named), *_mixes(there)], before, now)
    return Compared(
        before, now, columns, look_at.segments, _removed(past, years), _spans(past, [*reversed(windows)], window)
    )


def compare_forecasts(
    panel: Panel,
    tested: Sequence[Forecast],
    newest: Forecast,
    *,
    levels: Sequence[Level],
    sample: int,
    seed: int,
) -> Compared:
    """The `newest` forecast of the single series against those `tested` at earlier cutoffs, season and level taken out.

    All are of the series of `panel`, in its order, with the same horizon and none or two quantiles: the ends of a
    range. `panel` reaches to the newest forecast's cutoff at least.
    """
    cycle = CYCLE[panel.frequency]
    all_of = [*tested, newest]
    windows = [Window(day := panel.day_of(each.cutoff), day + 1, day + 1 + each.horizon) for each in all_of]
    years = min((deseasoning.earlier(each, panel.frequency)[1] for each in windows), default=0)
    rows = drawn(panel, panel.series, levels, max(sample // max(newest.horizon // cycle, 1), 1), seed)
    part = panel.part(rows)
    groups = season_groups(part.series, panel.keys, levels)
    look_at, frames = SampleTables(part, part.series, levels), []
    for window, forecast in zip(windows, all_of, strict=True):
        season = deseasoning.season(replace(part, known={}), window, groups, years)
        frames.append(_of_forecast(look_at, forecast, rows, window, groups, season))
    before = [each.with_columns(pl.lit(number).alias(WINDOW)) for number, each in enumerate(frames[:-1])]
    columns = (
        Column(FORECAST, "units forecast, against level and season", "ratio", "of_forecast", "to_forecast", 0.05),
        Column(WIDTH, "width of ranges, against the mean", "ratio", "of_width", "of_forecast", 0.1),
    )
    start = frames[-1].clear().with_columns(pl.lit(0).alias(WINDOW))
    reference = pl.concat([start, *before])
    return Compared(
        reference,
        frames[-1],
        _of_series(columns, reference, frames[-1]),
        look_at.segments,
        _removed(panel, years),
        {"forecast": (str(newest.dates[0]), str(newest.dates[-1]))},
    )


def _joined(past: Panel, current: Panel) -> tuple[pl.DataFrame, np.ndarray]:
    """The series of the past, then the new ones of the current panel; and each one's row there, -1 where it is gone."""
    keys = list(past.keys)
    rows = current.series.with_row_index("__row")
    found = past.series.select(keys).join(rows.select(*keys, "__row"), on=keys, how="left", maintain_order="left")
    new = rows.join(past.series.select(keys), on=keys, how="anti", maintain_order="left")
    shared = [name for name in past.series.columns if name in new.columns]
    there = pl.concat([past.series, new.select(shared)], how="diagonal_relaxed")
    return there, np.append(found["__row"].fill_null(-1).to_numpy(), new["__row"].to_numpy()).astype(np.int64)


def _of_current(
    past: Panel, current: Panel, where: np.ndarray, window: Window, groups: np.ndarray, years: int
) -> Values:
    """What the newest days show: `where` [series] says in which row of the current panel a series stands."""
    first = current.day_of(period_range(past.dates[0], window.first + 1, past.frequency)[window.first])
    days = slice(first, first + window.stop - window.first)
    gone = (where < 0)[:, None]
    units = np.where(gone, np.nan, current.units[where, days])
    known = {
        name: np.where(gone, np.nan, current.known[name].part(where).on(days))
        for name in past.known
        if name in current.known
    }
    base = Base.of(past, window.cutoff).joined(len(where) - past.n_series)
    seen = look(units, known, base, CYCLE[past.frequency])
    seasons = deseasoning.season(past, window, groups[: past.n_series], years)
    if len(where) > past.n_series and seasons:  # a group of new series only has no season
        lacking = max(int(groups.max()) + 1 - len(seasons[UNITS]), 0)
        filler = {name: np.repeat(each.mean(axis=0, keepdims=True), lacking, axis=0) for name, each in seasons.items()}
        seasons = {name: np.concatenate([each, filler[name]]) for name, each in seasons.items()}
    return deseason(seen, base, groups, seasons)


def _as_seen(before: pl.DataFrame, now: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same, with covariates as they were seen where taking off the year before makes windows less alike.

    What happened in a few weeks a year ago is season in part and chance in part; where it is mostly chance, as with
    the promotions of a small range, it only adds noise.
    """
    for seen in [name for name in before.columns if name.startswith(SEEN) and before.height]:
        name, apart = seen.removeprefix(SEEN), []
        for each in (seen, name):
            rows = before.select(each, WINDOW).drop_nulls()
            window = rows[WINDOW].to_numpy()
            found = wasserstein(rows[each].to_numpy(), window, int(window.max(initial=0)) + 2)[:-1]
            apart.append(float(np.nansum(found**2) * np.var(rows[each].to_numpy())))
        if apart[0] <= apart[1]:
            before, now = (side.with_columns(pl.col(seen).alias(name)) for side in (before, now))
    return before, now


def _of_forecast(
    look_at: SampleTables, forecast: Forecast, rows: np.ndarray, window: Window, groups: np.ndarray, season: Values
) -> pl.DataFrame:
    """A forecast as rows, in its series of the numbers `rows`: as though it were what was sold.

    ``of_forecast`` and ``to_forecast`` are units by cycle, forecast and usual; ``of_width`` the width of ranges, added
    up over the cycle.
    """
    cycle = min(CYCLE[look_at.panel.frequency], forecast.horizon)
    base = Base.of(look_at.panel, window.cutoff)
    width = {} if forecast.quantiles is None else {WIDTH: np.ptp(forecast.quantiles[:, rows], axis=0)}
    values = deseason(look(forecast.mean[rows], width, base, cycle), base, groups, season)
    frame = look_at.frame(values, window, attributes=False).drop(DAYS_KNOWN, SEEN + DAYS_KNOWN)
    frame = frame.rename({UNITS: FORECAST, SOLD: "of_forecast", USUAL: "to_forecast"})
    if not width:
        return frame
    typical = pl.Series(base.typical)[frame[SERIES].to_numpy()]
    relative = (pl.col(WIDTH) + typical) / (pl.col("of_forecast") / cycle + typical)
    log = pl.when(relative > 0).then(relative.log()).fill_nan(None)  # a range of a forecast of nothing has no width
    return frame.with_columns(log.alias(WIDTH), of_width=pl.col(WIDTH) * cycle).drop(SEEN + WIDTH)


def _measures(known: Sequence[str]) -> list[Column]:
    found = [
        Column(UNITS, "units sold, against level and season", "ratio", SOLD, USUAL, 0.05),
        Column(DAYS_KNOWN, "share of days whose sales are known", "mean", SEEN + DAYS_KNOWN, least=0.03, churn=CHURN),
    ]
    for name in known:
        if name == PRICE:
            found.append(Column(PRICE, "price, against the series' own before", "factor", SEEN + PRICE, least=0.02))
        else:
            found.append(Column(name, f"mean of {name}", "mean", SEEN + name, least=0.03))
    return found


def _mixes(series: pl.DataFrame) -> list[Column]:
    found = [
        Column(name, f"mean of {name} of the series on sale", "mean", name)
        if series[name].dtype.is_float()
        else Column(name, f"share of each {name} in the series on sale", "mix", name)
        for name in attributes(series)
        if series[name].n_unique() > 1
    ]
    return [*found, Column(AGE, "share of new series", "mix", AGE)]


def _of_series(columns: Sequence[Column], before: pl.DataFrame, now: pl.DataFrame) -> tuple[Column, ...]:
    """Those columns that both sides know something of."""
    return tuple(
        each
        for each in columns
        if all(each.name in side.columns and side[each.name].null_count() < side.height for side in (before, now))
    )


def _spans(past: Panel, earlier: Sequence[Window], window: Window) -> dict[str, tuple[str, str]]:
    """The first and the last date of the newest days, and of all `earlier` windows where there are any."""
    dates = period_range(past.dates[0], window.stop, past.frequency)
    found = {"current": [window], "reference": earlier}
    return {name: (str(dates[of[0].first]), str(dates[of[-1].stop - 1])) for name, of in found.items() if of}


def _removed(panel: Panel, years: int) -> str:
    noun = {"D": "level, trend and weekday"}.get(str(panel.frequency), "level and trend")
    if years:
        return f"{noun}, and the season by the same weeks of {years} year{'s' * (years > 1)} before"
    return f"{noun}; not the season, for which two years of history are needed"
