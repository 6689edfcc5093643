"""The samples that drift is looked for in: rows of (window, series, cycle) from earlier windows and the newest days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, date_text, period_range
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.monitor.drift import deseasoning
from foresell.monitor.drift.deseasoning import (
    DAYS_KNOWN,
    PRICE,
    RAW,
    SOLD,
    UNITS,
    USUAL,
    Base,
    DriftWindow,
    Values,
    cycle_values,
    deseason,
    deseasoned_window,
)
from foresell.monitor.drift.distances import wasserstein
from foresell.monitor.drift.series_cycles import AGE, SERIES, SampleTables, attributes, drawn, season_groups

WINDOW = "window"
FORECAST, WIDTH = "forecast", "range_width"

CHURN = 1.6
"""Items are launched and dropped in all shops at once: a quarter of 40 series is not unusual, a tenth of 300 is."""


@dataclass(frozen=True)
class DriftColumn:
    """A column that is compared, and the figure of it that is shown.

    - `figure`: ``ratio`` is the sum of the column `of` over that of `to`, ``factor`` the exponential of the mean of
      `of`, ``mean`` the mean of `of`, ``mix`` the share of a category.
    - `least`: the smallest distance that matters, in the column's own units. It is `churn` over the root of the number
      of series where that is larger.
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
        """Whether the column is about forecasts, and not about their inputs."""
        return self.name in (FORECAST, WIDTH)


@dataclass(frozen=True)
class DriftSamples:
    """Rows of earlier windows (`reference`, with an int ``window``) and of the newest days (`current`).

    - `columns`: the columns to compare. `segments`: the columns that rows are grouped by.
    - `removed`: a phrase that says what was taken out of the values before they are compared.
    - `spans`: the first and last date of the newest days, and of the earlier ones.
    """

    reference: pl.DataFrame
    current: pl.DataFrame
    columns: tuple[DriftColumn, ...]
    segments: tuple[str, ...]
    removed: str
    spans: Mapping[str, tuple[str, str]]

    def joined_with(self, other: DriftSamples) -> DriftSamples:
        """The rows of both; a column that only one of them has is null in the rows of the other."""
        used = 1 + max(self.reference[WINDOW].to_list(), default=-1)
        windows = other.reference.with_columns(pl.col(WINDOW) + used)
        return DriftSamples(
            pl.concat([self.reference, windows], how="diagonal_relaxed"),
            pl.concat([self.current, other.current], how="diagonal_relaxed"),
            (*self.columns, *other.columns),
            tuple(dict.fromkeys((*self.segments, *other.segments))),
            self.removed,
            {**self.spans, **other.spans},
        )


def compare_sales(
    reference: Panel, current: Panel, *, days: int, levels: Sequence[Level], sample: int, seed: int
) -> DriftSamples:
    """Samples of the newest `days` of `current` after the cutoff of `reference`, the panel of the training.

    Both panels have the same keys and frequency, but may have different series. Where `current` has no days after the
    cutoff, the newest days of `reference` itself are compared. At most `sample` rows of each window are drawn, from
    series of all groups and volumes. Raises UsageError where the history is too short to know what is usual.
    """
    n_days = max(reference.day_of(current.cutoff) + 1, reference.n_days)
    window = deseasoning.newest(reference.n_days - 1, n_days, days, reference.frequency)
    past = reference.until(window.cutoff)
    per_series = max((window.stop - window.first) // past.frequency.week, 1)
    series, current_row = _all_series(past, current)
    rows = drawn(past, series, levels, max(sample // per_series, 1), seed)
    series, current_row = series[rows], current_row[rows]
    n_past = int((rows < past.n_series).sum())  # the rows are sorted, and those of the past come first
    past = past.part(rows[:n_past])
    groups = season_groups(series, past.keys, levels)
    windows, years = deseasoning.earlier(window, past.frequency)
    tables = SampleTables(past, series, levels)
    parts = [
        tables.frame(deseasoned_window(past, earlier, groups[:n_past], years), earlier).with_columns(
            pl.lit(number).alias(WINDOW)
        )
        for number, earlier in enumerate(windows)
    ]
    now = tables.frame(_current_values(past, current, current_row, window, groups, years), window)
    before = pl.concat(parts) if parts else now.clear().with_columns(pl.lit(0).alias(WINDOW))
    before, now = _without_noisy_seasons(before, now)
    covariates = [name for name in past.known if name in current.known]
    columns = _known_columns([*_measures(covariates), *_mixes(series)], before, now)
    return DriftSamples(
        before, now, columns, tables.segments, _removed(past, years), _spans(past, [*reversed(windows)], window)
    )


def compare_forecasts(
    panel: Panel,
    tested: Sequence[Forecast],
    newest: Forecast,
    *,
    levels: Sequence[Level],
    sample: int,
    seed: int,
) -> DriftSamples:
    """Samples of the `newest` forecast and of those `tested` at earlier cutoffs, with level and season taken out.

    All are forecasts of the single series of `panel`, in its order, with the same horizon and either no quantiles or
    two, the ends of a range. `panel` reaches at least to the newest forecast's cutoff.
    """
    cycle = panel.frequency.week
    forecasts = [*tested, newest]
    windows = [
        DriftWindow(day := panel.day_of(forecast.cutoff), day + 1, day + 1 + forecast.horizon) for forecast in forecasts
    ]
    years = min((deseasoning.earlier(window, panel.frequency)[1] for window in windows), default=0)
    rows = drawn(panel, panel.series, levels, max(sample // max(newest.horizon // cycle, 1), 1), seed)
    part = panel.part(rows)
    groups = season_groups(part.series, panel.keys, levels)
    tables, frames = SampleTables(part, part.series, levels), []
    for window, forecast in zip(windows, forecasts, strict=True):
        season = deseasoning.season(replace(part, known={}), window, groups, years)
        frames.append(_forecast_rows(tables, forecast, rows, window, groups, season))
    before = [frame.with_columns(pl.lit(number).alias(WINDOW)) for number, frame in enumerate(frames[:-1])]
    columns = (
        DriftColumn(FORECAST, "units forecast, against level and season", "ratio", "of_forecast", "to_forecast", 0.05),
        DriftColumn(WIDTH, "width of ranges, against the mean", "ratio", "of_width", "of_forecast", 0.1),
    )
    start = frames[-1].clear().with_columns(pl.lit(0).alias(WINDOW))
    reference = pl.concat([start, *before])
    return DriftSamples(
        reference,
        frames[-1],
        _known_columns(columns, reference, frames[-1]),
        tables.segments,
        _removed(panel, years),
        {"forecast": (date_text(newest.dates[0]), date_text(newest.dates[-1]))},
    )


def _all_series(past: Panel, current: Panel) -> tuple[pl.DataFrame, np.ndarray]:
    """The series of `past`, followed by those that only `current` has; and their rows in `current`, -1 if missing."""
    keys = list(past.keys)
    rows = current.series.with_row_index("__row")
    matched = past.series.select(keys).join(rows.select(*keys, "__row"), on=keys, how="left", maintain_order="left")
    new = rows.join(past.series.select(keys), on=keys, how="anti", maintain_order="left")
    shared = [name for name in past.series.columns if name in new.columns]
    series = pl.concat([past.series, new.select(shared)], how="diagonal_relaxed")
    return series, np.append(matched["__row"].fill_null(-1).to_numpy(), new["__row"].to_numpy()).astype(np.int64)


def _current_values(
    past: Panel, current: Panel, current_row: np.ndarray, window: DriftWindow, groups: np.ndarray, years: int
) -> Values:
    """The values of the newest days, season taken out; `current_row` [series] is the row of a series in `current`."""
    first = current.day_of(period_range(past.dates[0], window.first + 1, past.frequency)[window.first])
    days = slice(first, first + window.stop - window.first)
    missing = (current_row < 0)[:, None]
    units = np.where(missing, np.nan, current.units[current_row, days])
    known = {
        name: np.where(missing, np.nan, current.known[name].part(current_row).on(days))
        for name in past.known
        if name in current.known
    }
    base = Base.of(past, window.cutoff).with_unknown(len(current_row) - past.n_series)
    raw = cycle_values(units, known, base, past.frequency.week)
    seasons = deseasoning.season(past, window, groups[: past.n_series], years)
    if len(current_row) > past.n_series and seasons:
        # A group with new series only has no season of its own, and gets the mean season.
        n_new = max(int(groups.max()) + 1 - len(seasons[UNITS]), 0)
        seasons = {
            name: np.concatenate([season, np.repeat(season.mean(axis=0, keepdims=True), n_new, axis=0)])
            for name, season in seasons.items()
        }
    return deseason(raw, base, groups, seasons)


def _without_noisy_seasons(before: pl.DataFrame, now: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same rows, with a covariate's season put back where taking it out made the windows less alike.

    A few weeks of a year ago are partly season and partly chance. Where they are mostly chance, as with the promotions
    of a small assortment, taking them out only adds noise.
    """
    for raw in [name for name in before.columns if name.startswith(RAW) and before.height]:
        name, scatter = raw.removeprefix(RAW), []
        for column in (raw, name):
            rows = before.select(column, WINDOW).drop_nulls()
            window = rows[WINDOW].to_numpy()
            distances = wasserstein(rows[column].to_numpy(), window, int(window.max(initial=0)) + 2)[:-1]
            scatter.append(float(np.nansum(distances**2) * np.var(rows[column].to_numpy())))
        if scatter[0] <= scatter[1]:
            before, now = (side.with_columns(pl.col(raw).alias(name)) for side in (before, now))
    return before, now


def _forecast_rows(
    tables: SampleTables, forecast: Forecast, rows: np.ndarray, window: DriftWindow, groups: np.ndarray, season: Values
) -> pl.DataFrame:
    """A forecast as a table, as if it were sales; `rows` are the numbers of its series that were drawn.

    ``of_forecast`` and ``to_forecast`` are forecast and usual units by cycle. ``of_width`` is the width of ranges,
    summed over the cycle.
    """
    cycle = min(tables.panel.frequency.week, forecast.horizon)
    base = Base.of(tables.panel, window.cutoff)
    width = {} if forecast.quantiles is None else {WIDTH: np.ptp(forecast.quantiles[:, rows], axis=0)}
    values = deseason(cycle_values(forecast.mean[rows], width, base, cycle), base, groups, season)
    frame = tables.frame(values, window, attributes=False).drop(DAYS_KNOWN, RAW + DAYS_KNOWN)
    frame = frame.rename({UNITS: FORECAST, SOLD: "of_forecast", USUAL: "to_forecast"})
    if not width:
        return frame
    typical = pl.Series(base.typical)[frame[SERIES].to_numpy()]
    relative = (pl.col(WIDTH) + typical) / (pl.col("of_forecast") / cycle + typical)
    log = pl.when(relative > 0).then(relative.log()).fill_nan(None)  # a forecast of 0 has no relative width
    return frame.with_columns(log.alias(WIDTH), of_width=pl.col(WIDTH) * cycle).drop(RAW + WIDTH)


def _measures(known: Sequence[str]) -> list[DriftColumn]:
    columns = [
        DriftColumn(UNITS, "units sold, against level and season", "ratio", SOLD, USUAL, 0.05),
        DriftColumn(
            DAYS_KNOWN, "share of days whose sales are known", "mean", RAW + DAYS_KNOWN, least=0.03, churn=CHURN
        ),
    ]
    for name in known:
        if name == PRICE:
            columns.append(
                DriftColumn(PRICE, "price, against the series' own before", "factor", RAW + PRICE, least=0.02)
            )
        else:
            columns.append(DriftColumn(name, f"mean of {name}", "mean", RAW + name, least=0.03))
    return columns


def _mixes(series: pl.DataFrame) -> list[DriftColumn]:
    columns = [
        DriftColumn(name, f"mean of {name} of the series on sale", "mean", name)
        if series[name].dtype.is_float()
        else DriftColumn(name, f"share of each {name} in the series on sale", "mix", name)
        for name in attributes(series)
        if series[name].n_unique() > 1
    ]
    return [*columns, DriftColumn(AGE, "share of new series", "mix", AGE)]


def _known_columns(columns: Sequence[DriftColumn], before: pl.DataFrame, now: pl.DataFrame) -> tuple[DriftColumn, ...]:
    """The columns that have known values on both sides."""
    return tuple(
        column
        for column in columns
        if all(column.name in side.columns and side[column.name].null_count() < side.height for side in (before, now))
    )


def _spans(past: Panel, earlier: Sequence[DriftWindow], window: DriftWindow) -> dict[str, tuple[str, str]]:
    """The first and the last date of the newest days, and of all `earlier` windows where there are any."""
    dates = period_range(past.dates[0], window.stop, past.frequency)
    sides = {"current": [window], "reference": earlier}
    return {
        name: (date_text(dates[windows[0].first]), date_text(dates[windows[-1].stop - 1]))
        for name, windows in sides.items()
        if windows
    }


def _removed(panel: Panel, years: int) -> str:
    noun = "level and trend"
    if panel.frequency in (Frequency.DAY, Frequency.HOUR):
        noun = "level, trend and weekday" if panel.frequency == Frequency.DAY else "level, trend and hour of the week"
    if years:
        return f"{noun}, and the season by the same weeks of {years} year{'s' * (years > 1)} before"
    return f"{noun}; not the season, for which two years of history are needed"
