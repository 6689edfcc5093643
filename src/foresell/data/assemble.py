"""From the cube of the files to the panel: what is known, what is zero, and what is known ahead."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_range, period_start
from foresell.core.panel import Known, Panel
from foresell.core.settings import Data, Settings
from foresell.data.cube import Cube
from foresell.data.price_table import ROWS_AT_ONCE, fill, read_prices
from foresell.data.revealing_covariates import days_untold, settle_telltales
from foresell.data.side_tables import Days, flags_of
from foresell.data.tables import Dialect


@dataclass
class Assembled:
    """The panel over the whole history; `ends` says for each covariate how many periods it is given for."""

    panel: Panel
    ends: dict[str, int] = field(default_factory=dict)
    absent: np.ndarray | None = None  # bool [series, day]: no row and yet on sale
    findings: list[Finding] = field(default_factory=list)


def assemble(cube: Cube, settings: Settings, base: Path, dialect: Dialect, days: Days | None) -> Assembled:
    """The panel of `cube` with prices, flags and events beside it.

    It reaches `settings.horizon` periods past the last sale; `data.until` cuts the units, not what is known ahead.
    Raises what reading the price table raises, and SettingsError where 'until' lies outside the history.
    """
    data, frequency = settings.data, Frequency(settings.data.frequency)
    total = cube.n_days + settings.horizon
    known = {name: Known.of_each(values) for name, values in cube.known.items()}
    findings = list(cube.findings)
    if data.prices is not None:
        known["price"], found = read_prices(data.prices, base, dialect, cube.series, days, cube.first, total, frequency)
        findings += found
    if data.calendar is not None and days is not None:
        known |= flags_of(data.calendar, days, cube.series, cube.first, total, frequency)
    ends = {name: _end(covariate.values) for name, covariate in known.items()}
    begin = _begin(cube.units, known.get("price"), wide=data.layout == "wide")
    of_rows = {name: values for name, values in cube.known.items() if known[name].values is values}
    untold = {name: days_untold(values, cube.units, begin, data.absent) for name, values in of_rows.items()}
    absent = settle_units(cube.units, begin, data.absent)
    telltales, found = settle_telltales(known, untold, settings.horizon, frequency)
    findings += found
    for name in of_rows.keys() - telltales - {"price"}:
        _settle_covariate(known[name].values, begin, ends[name], data.absent)
    if "price" in known and "price" not in telltales:
        fill(known["price"].values, _begin_of_rows(known["price"], begin))
    ends = {name: end for name, end in ends.items() if name not in telltales}
    panel = Panel(
        cube.series,
        tuple(data.keys),
        period_range(cube.first, total, frequency),
        cube.units,
        known,
        frequency=frequency,
        country=data.country,
        **({"events": days.events} if days is not None else {}),
    )
    return Assembled(_until(panel, data), ends, absent, findings)


def _end(values: np.ndarray) -> int:
    """The number of periods up to the last one that has a value in any row."""
    for period in range(values.shape[1] - 1, -1, -1):
        if not np.isnan(values[:, period]).all():
            return period + 1
    return 0


def _begin(units: np.ndarray, price: Known | None, wide: bool) -> np.ndarray:
    """The first period in which each series is on sale, int64 [series]; one after the last where it is not yet.

    With a price: from the first price on, or from the first sale should that be earlier. Without: a long table
    has a row from then on; a wide one, whose rows are always full, is taken to begin with the first sale.
    """
    n_days = units.shape[1]
    begin = np.empty(len(units), np.int64)
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        sold = _first(units[block] > 0, n_days)
        begin[block] = sold if wide else np.minimum(_first(~np.isneginf(units[block]), n_days), n_days)
        if price is not None:
            priced = _first(~np.isnan(price.values[price.rows[block]]), n_days)
            # One that is still to come begins with its price, too.
            coming = np.where(begin[block] == n_days, priced, begin[block])
            begin[block] = np.where(priced < n_days, np.minimum(priced, sold), coming)
    return begin


def _first(true: np.ndarray, otherwise: int) -> np.ndarray:
    return np.where(true.any(axis=1), true.argmax(axis=1), otherwise)


def settle_units(units: np.ndarray, begin: np.ndarray, absent: str) -> np.ndarray | None:
    """Settles in place what is not told: not known before `begin`, then zero or not known as `absent` says.

    Returns where a row is absent though the series is on sale, bool [series, day], where that is not known; else None.
    """
    days = np.arange(units.shape[1])
    gaps = np.zeros(units.shape, bool) if absent == "unknown" and np.isneginf(units).any() else None
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = units[start : start + ROWS_AT_ONCE]
        before = days < begin[start : start + ROWS_AT_ONCE, None]
        nothing = np.isneginf(block)
        block[before] = np.nan
        block[nothing & ~before] = 0.0 if absent == "zero" else np.nan
        if gaps is not None:
            gaps[start : start + ROWS_AT_ONCE] = nothing & ~before
    return gaps


def _begin_of_rows(known: Known, begin: np.ndarray) -> np.ndarray:
    """The first day on sale of any series that shares a row of the covariate: [row]. It has no price before."""
    first = np.full(len(known.values), known.values.shape[1])
    np.minimum.at(first, known.rows, begin)
    return first


def _settle_covariate(values: np.ndarray, begin: np.ndarray, end: int, absent: str) -> None:
    """Where an absent row means that nothing was sold, its covariates must not be missing: that would tell the sale.

    A flag is then 0; any other covariate is as it was before. Where absent means not known, they stay unknown.
    """
    if absent != "zero":
        return
    told = values[:, :end]
    if np.isin(told[~np.isnan(told)], (0.0, 1.0)).all():
        on_sale = np.arange(end) >= begin[:, None]
        told[np.isnan(told) & on_sale] = 0.0
    else:
        fill(told)


def _until(panel: Panel, data: Data) -> Panel:
    """The panel up to `data.until`: the last period that is over by then."""
    if data.until is None:
        return panel
    try:
        day = np.datetime64(data.until, "D")
    except ValueError as error:
        raise SettingsError(f"'until' is not a date: {data.until!r}. Write it as 2024-12-31.") from error
    following = period_start(np.array([day + 1]), panel.frequency)[0]  # the period that is not over on that day
    last = panel.day_of(following) - 1
    if last < 0:
        raise SettingsError(
            f"'until' is {data.until}, before the history begins ({panel.dates[0]}). Give a later date, or none."
        )
    return panel.until(min(last, panel.n_days - 1))


def attach(series: pl.DataFrame, keys: tuple[str, ...], table: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """The series with the attributes of a side table; a column that they have already is named ``prefix_column``."""
    taken = [name for name in table.columns if name in series.columns and name not in keys]
    table = table.rename({name: f"{prefix}_{name}" for name in taken})
    same = [pl.col(name).cast(series.schema[name], strict=False) for name in keys]
    return series.join(table.with_columns(same), on=list(keys), how="left", maintain_order="left")
