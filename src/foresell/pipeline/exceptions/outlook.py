"""The next periods of the forecast, series by series, beside the last ones, those of last year and an earlier forecast.

Only the single series are read; levels add up, so the sums of groups are made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, level_name
from foresell.core.panel import Panel
from foresell.core.words import day, many, period, span
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.store.history import KeptForecast
from foresell.store.panels import days_of
from foresell.store.tables import scan_table

PERIODS = {
    Frequency.HOUR: 24,
    Frequency.DAY: 7,
    Frequency.WEEK: 4,
    Frequency.MONTH: 3,
    Frequency.QUARTER: 2,
    Frequency.YEAR: 1,
}
"""How many of the next periods are looked at; of those of a table one."""


@dataclass(frozen=True, eq=False)
class Window:
    """Units of each series in some periods: float32 [series, period], NaN where they are not known."""

    units: np.ndarray
    dates: np.ndarray  # [period]
    frequency: Frequency

    @property
    def words(self) -> str:
        """The first and the last period."""
        if self.frequency in (Frequency.DAY, Frequency.HOUR):
            return span(self.dates[0], self.dates[-1])
        first, last = (period(when, self.frequency) for when in (self.dates[0], self.dates[-1]))
        return first if first == last else f"{first} to {last}"

    def sums(self, groups: Groups | None = None, beside: Window | None = None) -> np.ndarray:
        """The known units added up by series, or by group: float64, NaN where none is known.

        Only what is known in `beside` too is added, place by place.
        """
        known = ~np.isnan(self.units)
        if beside is not None:
            known = known & ~np.isnan(beside.units)
        units = np.where(known, self.units, 0).sum(axis=1, dtype=np.float64)
        counts = known.sum(axis=1)
        if groups is not None:
            units, counts = (np.bincount(groups.rows, of, len(groups)) for of in (units, counts))
        return np.where(counts > 0, units, np.nan)


@dataclass(frozen=True, eq=False)
class Outlook:
    """The next periods of the forecast, and what they are compared with; None where there is nothing to compare.

    - `ahead`: the forecast of the next periods after the last sales.
    - `before`: the sales of as many periods before: the last ones; of hours and of fewer days than a week, those a
      whole number of weeks earlier. `last_year`: the sales of the same periods a year before, in whole weeks.
    - `revised`, `earlier`: the newest forecast and the one before it, for all periods after the last sales of which
      both tell; `earlier_cutoff` is the last period of sales that the earlier one knew.
    - `price`: the last known price of each series, float64 [series], NaN where it is not known.
    """

    results: Results
    ahead: Window
    before: Window | None
    last_year: Window | None
    revised: Window | None
    earlier: Window | None
    earlier_cutoff: date | None
    price: np.ndarray

    @property
    def panel(self) -> Panel:
        return self.results.panel

    @property
    def title(self) -> str:
        """The next periods in words, such as ``the next 7 days``."""
        count, noun = self.ahead.units.shape[1], self.panel.frequency.noun
        return f"the next {noun}" if count == 1 else f"the next {many(count, noun)}"

    def money(self, groups: Groups) -> np.ndarray:
        """The mean price of a unit of each group, weighted by what is forecast: float64, NaN where none is known."""
        units = np.nan_to_num(self.ahead.sums())
        priced = np.where(np.isnan(self.price), 0, units)
        weight, value = (
            np.bincount(groups.rows, of, len(groups)) for of in (priced, priced * np.nan_to_num(self.price))
        )
        return np.divide(value, weight, out=np.full(len(groups), np.nan), where=weight > 0)


def outlook(results: Results) -> Outlook | None:
    """The outlook of the newest forecast; None where all of its periods have sales already.

    Raises UsageError where nothing was forecast.
    """
    forecast, panel = results.summary(ForecastSummary), results.panel
    table = results.folder("forecast") / "forecasts.parquet"
    usual = PERIODS.get(panel.frequency, 1)
    earlier = earlier_forecast(results, forecast)
    # All days ahead of many series take long to read; they are needed only beside an earlier forecast.
    cube = read_forecast(results, table, panel.cutoff, None if earlier else usual)
    if cube is None:
        return None
    count = min(usual, len(cube.dates))
    ahead = Window(cube.units[:, :count], cube.dates[:count], panel.frequency)
    start = int(np.searchsorted(panel.dates, ahead.dates[0]))
    week = panel.frequency.week  # what comes before is whole weeks earlier, so that weekdays agree
    year = panel.frequency.year
    old = None if earlier is None else read_forecast(results, earlier.path, panel.cutoff)
    revised, old = _in_common(cube, old)
    return Outlook(
        results=results,
        ahead=ahead,
        before=_sales(panel, start - -(-count // week) * week, count),
        last_year=_sales(panel, start - year, count) if year >= count and panel.frequency != Frequency.YEAR else None,
        revised=revised,
        earlier=old,
        earlier_cutoff=None if earlier is None or old is None else earlier.cutoff,
        price=_prices(panel),
    )


def period_words(when: date | np.datetime64, frequency: Frequency) -> str:
    """A period in words that fit into a sentence: a day without its weekday, a longer one by its name."""
    return day(when) if frequency in (Frequency.DAY, Frequency.HOUR) else period(when, frequency)


def earlier_forecast(results: Results, forecast: ForecastSummary) -> KeptForecast | None:
    """The forecast that was made from the sales before those of the newest one."""
    kept = [one for one in results.history.forecasts() if one.cutoff < forecast.cutoff]
    return kept[-1] if kept else None


def _in_common(new: Window, old: Window | None) -> tuple[Window | None, Window | None]:
    """Two forecasts for the periods that both have."""
    if old is None:
        return None, None
    dates, left, right = np.intersect1d(new.dates, old.dates, return_indices=True)
    if not len(dates):
        return None, None
    return replace(new, units=new.units[:, left], dates=dates), replace(old, units=old.units[:, right], dates=dates)


def read_forecast(results: Results, path: Path, after: date, count: int | None = None) -> Window | None:
    """The forecast of the single series in a table for the periods after a date, or the first `count` of them.

    None where it has none.

    Series of which the table tells nothing are NaN.
    """
    panel, hierarchy = results.panel, results.hierarchy
    later = pl.col("date") > pl.lit(after).cast(panel.frequency.date_type)
    rows = scan_table(path).filter((pl.col("level") == level_name(hierarchy.bottom)) & later)
    if count is not None:
        total = scan_table(path).filter((pl.col("level") == "total") & later).select("date").unique()
        last = total.sort("date").head(count).collect()["date"].max()
        rows = rows.filter(pl.col("date") <= pl.lit(last))
    keys = [pl.col(key).cast(panel.series.schema[key]) for key in panel.keys]
    table = rows.select(*keys, "date", "mean").collect()
    if table.is_empty():
        return None
    dates = table["date"].unique().sort().to_numpy().astype(panel.dates.dtype)
    numbers = panel.series.select(panel.keys).with_row_index("__series")
    placed = table.join(numbers, on=list(panel.keys), nulls_equal=True)
    cube = np.full((panel.n_series, len(dates)), np.nan, np.float32)
    places = np.searchsorted(dates, placed["date"].to_numpy().astype(panel.dates.dtype))
    cube[placed["__series"].to_numpy(), places] = placed["mean"].to_numpy()
    return Window(cube, dates, panel.frequency)


def _sales(panel: Panel, start: int, count: int) -> Window | None:
    """The sales of some periods; None where the history does not have all of them, or none is known."""
    if start < 0 or start + count > panel.n_days:
        return None
    days = slice(start, start + count)
    window = Window(days_of(panel.units, days), panel.dates[days], panel.frequency)
    return None if np.isnan(window.units).all() else window


def _prices(panel: Panel) -> np.ndarray:
    """The last known price of each series within a week, float64 [series]."""
    if "price" not in panel.known:
        return np.full(panel.n_series, np.nan)
    known = panel.known["price"]
    last = days_of(known.values, slice(max(panel.n_days - 8, 0), panel.n_days))
    prices = np.full(len(last), np.nan)
    for column in last.T:
        prices = np.where(np.isnan(column), prices, column)
    return prices[known.rows].astype(np.float64)
