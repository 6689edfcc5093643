"""Builds the panel from the cube: decides which values are unknown, which are zero and which are known ahead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.country import check_country
from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, date_text, period_range
from foresell.core.long_table.clock_changes import left_out
from foresell.core.panel import Known, Panel
from foresell.core.settings import Data, Settings
from foresell.data.column_conversion import Dialect
from foresell.data.covariate_tables import read_covariates
from foresell.data.cube.cells import Cube
from foresell.data.cube.dated_values import Periods
from foresell.data.ended_series import ended_after
from foresell.data.gap_filling import ROWS_AT_ONCE, fill_gaps
from foresell.data.price_table import read_prices
from foresell.data.revealing_covariates import count_revealing_gaps, neutralise_revealing_covariates
from foresell.data.side_tables import CalendarDays, calendar_flags


@dataclass
class AssembledPanel:
    """The panel over the whole history, with facts that validation checks.

    `ends` has the number of periods up to the last known value of each covariate.
    """

    panel: Panel
    ends: dict[str, int] = field(default_factory=dict)
    absent: np.ndarray | None = None  # bool [series, day]: the series is on sale and has no row
    findings: list[Finding] = field(default_factory=list)


def assemble(
    cube: Cube, settings: Settings, frequency: Frequency, base: Path, dialect: Dialect, days: CalendarDays | None
) -> AssembledPanel:
    """The panel of `cube` with its prices, flags and events.

    The panel reaches `settings.horizon` periods past the last sale. `data.until` cuts the units, not what is known
    ahead. Raises what `read_prices` raises, and SettingsError where 'until' lies outside the history.
    """
    data = settings.data
    total = cube.n_days + settings.horizon
    known = {name: Known.of_each(values) for name, values in cube.known.items()}
    findings = list(cube.findings)
    if data.prices is not None:
        known["price"], price_findings = read_prices(
            data.prices, base, dialect, cube.series, days, cube.first, total, frequency
        )
        findings += price_findings
    if data.calendar is not None and days is not None:
        known |= calendar_flags(data.calendar, days, cube.series, cube.first, total, frequency)
    for table in data.covariates:
        periods = Periods(cube.first, cube.n_days, total, frequency)
        covariates, of_table = read_covariates(table, base, dialect, cube.series, periods, known)
        known |= covariates
        findings += of_table
    ends = {name: _known_periods(covariate.values) for name, covariate in known.items()}
    begin = _first_day_on_sale(cube.units, known.get("price"), wide=data.layout == "wide")
    # A calendar or a price table replaces a covariate of the sales table that has the same name.
    own_covariates = {name: values for name, values in cube.known.items() if known[name].values is values}
    revealing_gaps = {
        name: count_revealing_gaps(values, cube.units, begin, data.absent) for name, values in own_covariates.items()
    }
    absent = resolve_absent_rows(cube.units, begin, data.absent, _hours_left_out(cube, frequency))
    revealing, revealing_findings = neutralise_revealing_covariates(known, revealing_gaps, settings.horizon, frequency)
    findings += revealing_findings
    for name in own_covariates.keys() - revealing - {"price"}:
        _fill_covariate(known[name].values, begin, ends[name], data.absent)
    if "price" in known and "price" not in revealing:
        fill_gaps(known["price"].values, _first_day_of_rows(known["price"], begin))
    ends = {name: end for name, end in ends.items() if name not in revealing}
    if data.country is not None:
        check_country(data.country, "data.country")
    panel = Panel(
        cube.series,
        tuple(data.keys),
        period_range(cube.first, total, frequency),
        cube.units,
        known,
        frequency=frequency,
        country=data.country,
    )
    if days is not None:
        panel = replace(panel, events=days.events)
    panel = _until(panel, data)
    panel = replace(panel, ended_after=ended_after(panel.units, settings))
    return AssembledPanel(panel, ends, absent, findings)


def _known_periods(values: np.ndarray) -> int:
    """The number of periods up to the last one that has a value in any row."""
    for period in range(values.shape[1] - 1, -1, -1):
        if not np.isnan(values[:, period]).all():
            return period + 1
    return 0


def _first_day_on_sale(units: np.ndarray, price: Known | None, wide: bool) -> np.ndarray:
    """The first period in which each series is on sale, int64 [series]; the number of periods where none is.

    A series with prices is on sale from its first price on, or from its first sale if that is earlier. A series
    without prices is on sale from its first row on; in a wide table, whose rows are always full, from its first sale.
    """
    n_days = units.shape[1]
    begin = np.empty(len(units), np.int64)
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        sold = _first_true(units[block] > 0, n_days)
        begin[block] = sold if wide else np.minimum(_first_true(~np.isneginf(units[block]), n_days), n_days)
        if price is not None:
            priced = _first_true(~np.isnan(price.values[price.rows[block]]), n_days)
            # A series that is still to be launched begins with its price, too.
            launch = np.where(begin[block] == n_days, priced, begin[block])
            begin[block] = np.where(priced < n_days, np.minimum(priced, sold), launch)
    return begin


def _first_true(true: np.ndarray, otherwise: int) -> np.ndarray:
    """The first true day of each row of `true` [series, day], `otherwise` where none is: [series]."""
    return np.where(true.any(axis=1), true.argmax(axis=1), otherwise)


def _hours_left_out(cube: Cube, frequency: Frequency) -> np.ndarray:
    """The periods that no clock showed, when summer time began: bool [day]. Nothing is known of them."""
    if frequency != Frequency.HOUR:
        return np.zeros(cube.n_days, bool)
    with_rows = np.asarray((~np.isneginf(cube.units)).any(axis=0))
    return left_out(with_rows, period_range(cube.first, cube.n_days, frequency))


def resolve_absent_rows(
    units: np.ndarray, begin: np.ndarray, absent: str, unknown: np.ndarray | None = None
) -> np.ndarray | None:
    """Replaces ABSENT in `units` in place: NaN before `begin`, then zero or NaN as `absent` says.

    A row that is absent in one of the periods `unknown` [day] is NaN in any case.

    Where `absent` is "unknown", returns the cells in which a series on sale has no row, bool [series, day]; else None.
    """
    days = np.arange(units.shape[1])
    none = np.zeros(len(days), bool) if unknown is None else unknown
    without_row = np.zeros(units.shape, bool) if absent == "unknown" and np.isneginf(units).any() else None
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = units[start : start + ROWS_AT_ONCE]
        before = days < begin[start : start + ROWS_AT_ONCE, None]
        no_row = np.isneginf(block)
        block[before] = np.nan
        block[no_row & ~before] = 0.0 if absent == "zero" else np.nan
        block[no_row & none] = np.nan
        if without_row is not None:
            without_row[start : start + ROWS_AT_ONCE] = no_row & ~before
    return without_row


def _first_day_of_rows(known: Known, begin: np.ndarray) -> np.ndarray:
    """The first day on sale of any series that shares a row of the covariate: [row]. The row has no price before."""
    first = np.full(len(known.values), known.values.shape[1])
    np.minimum.at(first, known.rows, begin)
    return first


def _fill_covariate(values: np.ndarray, begin: np.ndarray, end: int, absent: str) -> None:
    """Fills the covariate in place where an absent row means that nothing was sold.

    A missing value would reveal there that nothing was sold. A flag becomes 0; any other covariate keeps its last
    value. Where absent means unknown, the covariate stays unknown.
    """
    if absent != "zero":
        return
    history = values[:, :end]
    if np.isin(history[~np.isnan(history)], (0.0, 1.0)).all():
        on_sale = np.arange(end) >= begin[:, None]
        history[np.isnan(history) & on_sale] = 0.0
    else:
        fill_gaps(history)


def _until(panel: Panel, data: Data) -> Panel:
    """The panel up to the last period that is over on the day `data.until`, or up to the hour that it names."""
    if data.until is None:
        return panel
    try:
        day = np.datetime64(data.until, "D")
    except ValueError as error:
        raise SettingsError(f"'until' is not a date: {data.until!r}. Write it as 2024-12-31.") from error
    if panel.frequency == Frequency.HOUR and len(data.until.strip()) > len("2024-12-31"):
        last = panel.day_of(data.until.strip())  # the hour in which the time lies
    else:
        last = panel.day_of(day + 1) - 1  # the period before the first one that is not over on that day
    if last < 0:
        raise SettingsError(
            f"'until' is {data.until}, before the history begins ({date_text(panel.dates[0])}). Give a later date, or "
            "none."
        )
    return panel.until(min(last, panel.n_days - 1))


def join_attributes(series: pl.DataFrame, keys: tuple[str, ...], table: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """The series with the attributes of a side table; a column that the series have too becomes ``prefix_column``."""
    taken = [name for name in table.columns if name in series.columns and name not in keys]
    table = table.rename({name: f"{prefix}_{name}" for name in taken})
    same_types = [pl.col(name).cast(series.schema[name], strict=False) for name in keys]
    return series.join(table.with_columns(same_types), on=list(keys), how="left", maintain_order="left")
