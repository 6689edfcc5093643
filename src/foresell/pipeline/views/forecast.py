"""The forecast of a group beside its history: by day, week or month, with ranges of these sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl

from foresell.core.panel import Panel
from foresell.core.words import many, span
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.views import forecast_table
from foresell.pipeline.views.forecast_table import SumRanges
from foresell.pipeline.views.periods import Periods, choices, shown_periods
from foresell.pipeline.views.series_groups import Group, finished, forecast_file, group_of

MOST_MARKED = 500  # series of which prices and promotions are read
_BLOCK = 2048  # series whose sales are read at a time


class ForecastQuery(msgspec.Struct, frozen=True):
    """The group, such as ``where=store=S1&item=tea``; `by` which period, such as ``week``."""

    where: str = ""
    by: str | None = None


@dataclass(frozen=True)
class Soon:
    """What is forecast for the first days, `words` says which, and what was sold in as many days before and in the
    same days of the year before; None or NaN where that is not known."""

    words: str
    units: float
    low: float
    high: float
    before: float
    last_year: float


@dataclass(frozen=True)
class GroupForecast:
    """The forecast of a group and what stands beside it; all units are sums over a period, called `by`.

    - `history`: ``date``, ``units``, ``last_year``. `forecast`: ``date``, ``units``, ``low``, ``high``, ``last_year``,
      ``days``, how many of the period the history and the forecast have, and ``whole``, whether these are all. Where
      some days of a period are sold already, these are part of the sum.
    - `earlier`: forecasts before this one beside what came: ``made_after``, ``date``, ``forecast``, ``low``, ``high``,
      ``sold``; `earlier_note` says what they are. NaN and null: not known.
    - `events`: ``date``, ``event``. `known_ahead`: ``date`` and the mean ``price`` and ``promotion`` of the series.
    - `probability` of the ranges; `range_note` says why there are none.
    """

    name: str
    series: int
    by: str
    periods: list[str]
    cutoff: date
    soon: Soon
    probability: float | None
    range_note: str
    forecast: pl.DataFrame
    history: pl.DataFrame
    earlier_note: str
    earlier: pl.DataFrame
    events: pl.DataFrame
    known_ahead: pl.DataFrame


def forecast(project: ForecastProject, query: ForecastQuery) -> GroupForecast:
    """The forecast of the group. Raises UsageError where nothing is forecast, for a group that is not there and for
    periods that days do not add up to."""
    results = finished(project)
    panel, group = results.panel, group_of(results, query.where)
    by = query.by or panel.frequency.noun
    own = forecast_table.of_group(results, group, forecast_file(results))
    horizon = own.height
    timeline = _Timeline.of(panel, group, horizon, by)
    ends = forecast_table.shown_range(results)
    bins, soon_steps = timeline.ahead_spans(), slice(0, min(panel.frequency.season, horizon))
    daily = by == panel.frequency.noun and own["low"].null_count() == 0
    ranges = forecast_table.sum_ranges(project, group, [soon_steps, *([] if daily else bins)])
    of_bins = (
        SumRanges(own["low"].to_numpy(), own["high"].to_numpy())
        if daily
        else SumRanges(ranges.low[1:], ranges.high[1:], ranges.why)
    )
    mean = own["mean"].to_numpy()
    earlier, note = forecast_table.earlier_forecasts(results, group, own["cutoff"][0])
    return GroupForecast(
        name=group.name,
        series=len(group.rows),
        by=by,
        periods=choices(panel.frequency),
        cutoff=panel.cutoff,
        soon=_soon(timeline, mean, soon_steps, ranges),
        probability=None if ends is None else round(ends[1] - ends[0], 6),
        range_note=ranges.why,
        forecast=timeline.forecast(mean, of_bins),
        history=timeline.history(),
        earlier_note=note,
        earlier=timeline.earlier(earlier),
        events=_events(panel, timeline.dates),
        known_ahead=_known_ahead(panel, group, timeline.dates) if len(group.rows) <= MOST_MARKED else pl.DataFrame(),
    )


@dataclass(frozen=True)
class _Timeline:
    """The days that are shown: `dates` [day], the last `horizon` of them ahead; what was sold on each and a year
    before, NaN where that is not known, float64 [day]; and the periods that they belong to."""

    panel: Panel
    by: str
    horizon: int
    dates: np.ndarray
    sold: np.ndarray
    last_year: np.ndarray
    periods: Periods

    @classmethod
    def of(cls, panel: Panel, group: Group, horizon: int, by: str) -> _Timeline:
        dates = np.concatenate([panel.dates[: panel.n_days], panel.ahead(horizon)])
        all_periods = Periods.of(dates, panel.frequency, by)
        wanted = int(all_periods.of_date[panel.n_days]) - shown_periods(by)
        begin = max(int(np.searchsorted(all_periods.of_date, wanted)), 0)
        year = panel.frequency.year
        far = max(begin - year, 0)
        units = np.concatenate([np.full(max(year - begin, 0), np.nan), _sold(panel, group.rows, far)])
        units = np.concatenate([units, np.full(horizon, np.nan)])  # from `year` before the first day shown
        shown = dates[begin:]
        periods = Periods.of(shown, panel.frequency, by)
        return cls(panel, by, horizon, shown, units[year:], units[: len(shown)], periods)

    @property
    def n_past(self) -> int:
        return len(self.dates) - self.horizon

    @property
    def first_ahead(self) -> int:
        """The period in which the first day ahead lies."""
        return int(self.periods.of_date[self.n_past])

    def ahead_spans(self) -> list[slice]:
        """The steps of each period from the first with a day ahead on."""
        steps = self.periods.of_date[self.n_past :] - self.first_ahead
        bounds = np.searchsorted(steps, np.arange(steps[-1] + 2))
        return [slice(int(begin), int(end)) for begin, end in pairwise(bounds)]

    def history(self) -> pl.DataFrame:
        past = slice(0, self.first_ahead)
        return pl.DataFrame(
            {
                "date": self.periods.first[past],
                "units": self.periods.sums(self.sold)[past],
                "last_year": self.periods.sums(self.last_year)[past],
            }
        )

    def forecast(self, mean: np.ndarray, ranges: SumRanges) -> pl.DataFrame:
        ahead = slice(self.first_ahead, None)
        so_far = np.nan_to_num(self.periods.sums(self.sold)[ahead])
        means = self.periods.sums(np.concatenate([np.full(self.n_past, np.nan), mean]))[ahead]
        days = self.periods.size[ahead]
        beyond = Periods.of(self.panel.ahead(self.horizon + 1), self.panel.frequency, self.by)
        whole = np.ones(len(days), bool)
        whole[-1] = beyond.of_date[self.horizon] != beyond.of_date[self.horizon - 1]
        return pl.DataFrame(
            {
                "date": self.periods.first[ahead],
                "units": so_far + means,
                "low": so_far + ranges.low,
                "high": so_far + ranges.high,
                "last_year": self.periods.sums(self.last_year)[ahead],
                "days": days,
                "whole": whole,
            }
        )

    def earlier(self, forecasts: pl.DataFrame) -> pl.DataFrame:
        """Earlier forecasts by period, without periods that they do not have whole."""
        at = pl.DataFrame({"date": self.dates, "__period": self.periods.of_date, "sold": self.sold}).head(self.n_past)
        day = forecasts.with_columns(pl.col("date").cast(at.schema["date"])).join(at, on="date")
        if self.by != self.panel.frequency.noun:
            day = day.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
        size = pl.DataFrame(
            {
                "__period": np.arange(len(self.periods.first)),
                "__size": self.periods.size,
                "__first": self.periods.first,
            }
        )
        sums = day.group_by("cutoff", "__period").agg(
            pl.col("mean", "sold").sum(), pl.col("low", "high").first(), pl.len().alias("__n")
        )
        whole = sums.join(size, on="__period").filter(pl.col("__n") == pl.col("__size"))
        return whole.sort("cutoff", "__first").select(
            made_after="cutoff", date="__first", forecast="mean", low="low", high="high", sold="sold"
        )


def _sold(panel: Panel, rows: np.ndarray, begin: int) -> np.ndarray:
    """What the series sold together from the day `begin` on, of what is known of them: float64 [day]."""
    total, known = np.zeros(panel.n_days - begin), np.zeros(panel.n_days - begin, bool)
    for start in range(0, len(rows), _BLOCK):
        units = panel.units[rows[start : start + _BLOCK], begin:]
        total += np.nansum(units, axis=0, dtype=np.float64)
        known |= ~np.isnan(units).all(axis=0)
    return np.where(known, total, np.nan)


def _soon(timeline: _Timeline, mean: np.ndarray, steps: slice, ranges: SumRanges) -> Soon:
    past, count = timeline.n_past, steps.stop
    ahead = timeline.dates[past : past + count]
    before = timeline.sold[max(past - count, 0) : past]
    return Soon(
        words=f"The next {many(count, timeline.panel.frequency.noun)}, {span(ahead[0], ahead[-1])}",
        units=float(mean[steps].sum()),
        low=float(ranges.low[0]),
        high=float(ranges.high[0]),
        before=float(before.sum()) if len(before) == count else np.nan,
        last_year=float(timeline.last_year[past : past + count].sum()),
    )


def _events(panel: Panel, dates: np.ndarray) -> pl.DataFrame:
    begin, end = dates[[0, -1]].astype("datetime64[D]").astype(object)
    return panel.events.filter(pl.col("date").cast(pl.Date).is_between(begin, end)).sort("date")


def _known_ahead(panel: Panel, group: Group, dates: np.ndarray) -> pl.DataFrame:
    """The mean price and promotion of the group's series on each day, where the data have them."""
    begin = int(np.searchsorted(panel.dates[: panel.n_days], dates[0]))
    columns = {}
    for name in ("price", "promotion"):
        if name in panel.known:
            known = panel.known[name]
            values = known.values[known.rows[group.rows], begin : begin + len(dates)]
            seen = ~np.isnan(values)
            total = np.where(seen, values, 0).sum(axis=0, dtype=np.float64)
            mean = np.full(len(dates), np.nan)
            mean[: len(total)] = np.divide(total, seen.sum(axis=0), out=np.full(len(total), np.nan), where=seen.any(0))
            columns[name] = mean
    return (
        pl.DataFrame({"date": pl.Series(dates, dtype=panel.frequency.date_type), **columns})
        if columns
        else pl.DataFrame()
    )
