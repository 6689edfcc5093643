"""Lays out rows of sales as a cube: removes duplicates, sums days into periods, puts every value into its cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.errors import FindingsStop, SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import (
    Frequency,
    period_anchor,
    period_index,
    period_name,
    period_range,
    uneven_weeks_advice,
)
from foresell.core.long_table.clock_changes import shown_twice
from foresell.core.settings import Data
from foresell.core.words import many_do
from foresell.data.column_conversion import FILE, ROW
from foresell.data.cube.cells import CELL, SERIES, Cube, as_text, fill_cells, repeated_cells, row_numbers
from foresell.data.cube.covariate_codes import encode_covariates
from foresell.data.cube.known_ahead import launch_findings, launches_to_come, with_future
from foresell.data.cube.partial_periods import partial_period_findings, whole_period_bounds
from foresell.data.finding_codes import finding
from foresell.data.sales_rows import (
    COVARIATE,
    DATE,
    HAS_QUANTITY,
    SOLD_BEFORE_STOCKOUT,
    UNITS,
    KnownKeys,
    SalesRows,
    sum_expressions,
)

# Rows that lie more than STRAY_DAYS before all others and are at most STRAY_SHARE of the rows have mistyped dates.
STRAY_DAYS = 730
STRAY_SHARE = 0.001
_HOUR = 3_600_000_000  # microseconds


def build_cube(
    rows: SalesRows,
    future: SalesRows | None,
    data: Data,
    frequency: Frequency,
    horizon: int,
    where: str,
    known_keys: Sequence[KnownKeys] = (),
) -> Cube:
    """The cube of the sales `rows` and of the rows known ahead (`future`). Raises FindingsStop where no sales are left.

    A series that only `future` names is a launch to come where `known_keys` or the sales have its keys.
    """
    bad, findings = [], []
    frame = rows.frame
    if frame.is_empty() or not frame[HAS_QUANTITY].any():
        raise no_sales_error(rows, where, data.quantity)
    if frame[UNITS].max() == 0:
        raise nothing_sold_error(rows, where, data.quantity)
    frame, stray = _without_stray_dates(frame)
    bad.append(stray)
    series = as_text(frame.select(data.keys).unique())
    if future is not None and not future.frame.is_empty():
        launches = launches_to_come(as_text(future.frame.select(data.keys).unique()), series, known_keys)
        series = pl.concat([series, launches])
        findings += launch_findings(launches, data.future or "")
    series = series.sort(data.keys)
    frame = frame.with_columns(pl.Series(SERIES, row_numbers(frame, series, data.keys))).drop(data.keys)
    frame = frame.filter(pl.col(DATE) >= frame.filter(pl.col(HAS_QUANTITY))[DATE].min())
    if frequency == Frequency.HOUR and data.layout != "transactions":
        frame = _with_hours_shown_twice(frame)
    if data.layout != "transactions":
        frame, doubled, in_earlier_file = _without_duplicates(frame)
        bad.append(doubled)
        findings += _repeated_rows_findings(in_earlier_file, where)
    if future is not None and not future.frame.is_empty():
        if frequency == Frequency.HOUR:
            _require_times(future.frame[DATE].unique().sort().to_numpy(), f"dates of {data.future}")
        frame, future_findings = with_future(frame, future.frame, series, data.keys, data.future or "")
        findings += future_findings
    frame, coded, covariate_findings = encode_covariates(frame, data.decimal)
    findings += covariate_findings
    first, n_days, frame, period_findings = _periods(frame, frequency, horizon, where, data.date_name, coded)
    findings += period_findings
    units, known = fill_cells(frame, series.height, n_days, n_days + horizon)
    stockouts = (
        _stockouts(frame, series, n_days, period_range(first, n_days, frequency))
        if SOLD_BEFORE_STOCKOUT in frame
        else None
    )
    return Cube(series, first, units, known, bad, findings, stockouts)


def _stockouts(frame: pl.DataFrame, series: pl.DataFrame, n_days: int, dates: np.ndarray) -> pl.DataFrame:
    """The cells with a stock-out, in order of series and date: keys, ``date``, ``sold``."""
    empty = frame.filter(pl.col(SOLD_BEFORE_STOCKOUT).is_not_null(), pl.col(CELL).is_between(0, n_days - 1)).sort(
        SERIES, CELL
    )
    return series[empty[SERIES].to_numpy()].with_columns(
        date=pl.Series(dates[empty[CELL].to_numpy()]), sold=empty[SOLD_BEFORE_STOCKOUT].cast(pl.Float32)
    )


def no_sales_error(rows: SalesRows, where: str, quantity: str) -> FindingsStop:
    """The error that no row has a usable quantity, with the number of bad rows by reason."""
    reasons = rows.bad.group_by("reason").len().sort("len", descending=True) if rows.bad.height else pl.DataFrame()
    counts = (
        ", ".join(f"{count:,} with {reason}" for reason, count in reasons.iter_rows()) if reasons.height else "none bad"
    )
    message = f"{where} has no row with a quantity in '{quantity}' that can be used: {rows.count:,} rows, {counts}"
    stop = finding("no-sales", where, rows.count, message)
    return FindingsStop(f"{message}. {stop.advice}", (stop,))


def nothing_sold_error(rows: SalesRows, where: str, quantity: str) -> FindingsStop:
    """The error that nothing was ever sold."""
    message = f"All quantities in '{quantity}' of {where} are 0 ({rows.count:,} rows), so nothing was ever sold"
    stop = finding("no-sales", where, rows.count, message)
    return FindingsStop(f"{message}. {stop.advice}", (stop,))


def _without_stray_dates(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without the few that lie years before all others (a mistyped year, a date of 1970); and those few."""
    counts = frame.group_by(DATE).len().sort(DATE)
    days = counts[DATE].dt.date().to_physical().to_numpy()
    breaks = np.flatnonzero(np.diff(days) > STRAY_DAYS)
    before = counts["len"].cum_sum().to_numpy()[breaks]
    few = breaks[before <= STRAY_SHARE * frame.height]
    start = counts[DATE][int(few[-1]) + 1] if len(few) else counts[DATE][0]
    return frame.filter(pl.col(DATE) >= start), bad_row_entries(frame.filter(pl.col(DATE) < start), "stray-dates")


def bad_row_entries(frame: pl.DataFrame, reason: str) -> pl.DataFrame:
    """The rows of `frame` as entries of `SalesRows.bad`."""
    return frame.select(ROW, pl.lit(reason).alias("reason"), pl.lit("").alias("column"), FILE)


def _with_hours_shown_twice(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows, those of the hour that a clock shows twice in autumn added up."""
    twice = pl.Series(shown_twice(frame[SERIES].to_numpy(), frame[DATE].to_numpy()))
    if not twice.any():
        return frame
    known = [pl.col(name).first() for name in frame.columns if name.startswith(COVARIATE) or name in (FILE, ROW)]
    rows = frame.filter(twice).group_by(SERIES, DATE, maintain_order=True)
    added = rows.agg(*sum_expressions(frame.columns, pl.Float32), pl.col(HAS_QUANTITY).any(), *known)
    return pl.concat([frame.filter(~twice), added.select(frame.columns).cast(frame.schema)])  # type: ignore[arg-type]


def _without_duplicates(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """One row for each series and day: one of several equal rows; a value in which rows differ becomes null.

    Also returns the bad rows, and the number of rows that equal one of an earlier file, which are no bad rows.
    """
    day = frame[DATE].to_physical().to_numpy().astype(np.int64)
    if frame.schema[DATE] != pl.Date:
        day //= _HOUR
    span = int(day.max() - day.min()) + 1
    cell = frame[SERIES].to_numpy() * span + (day - day.min())
    repeated = repeated_cells(cell, (int(frame[SERIES].max()) + 1) * span)  # type: ignore[operator, arg-type]
    if not repeated.any():
        return frame, bad_row_entries(frame.head(0), "duplicate-keys"), 0
    shared = np.isin(cell, np.unique(cell[repeated]))
    copies = frame.filter(pl.Series(shared)).with_columns(pl.Series(CELL, cell[shared])).sort(CELL, FILE, ROW)
    same = [name for name in copies.columns if name not in (FILE, ROW)]
    in_earlier_file = copies.select(pl.col(FILE) > pl.col(FILE).min().over(same)).to_series()
    copies = copies.filter(~in_earlier_file)
    values = [name for name in copies.columns if name in (UNITS, SOLD_BEFORE_STOCKOUT) or name.startswith(COVARIATE)]
    agreed = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in values]
    rest = [pl.col(name).first() for name in copies.columns if name not in (*values, CELL, HAS_QUANTITY)]
    merged = copies.group_by(CELL, maintain_order=True).agg(*agreed, *rest, pl.col(HAS_QUANTITY).any())
    identical = pl.all_horizontal(pl.col(name).n_unique().over(CELL) == 1 for name in values)
    first = pl.int_range(pl.len()).over(CELL) == 0
    doubled = bad_row_entries(copies.filter(~(identical & first)), "duplicate-keys")
    once = pl.concat([frame.filter(pl.Series(~shared)), merged.select(frame.columns)])
    return once, doubled, int(in_earlier_file.sum())


def _repeated_rows_findings(count: int, where: str) -> list[Finding]:
    """The finding that rows stand in several files."""
    message = f"{many_do(count, 'row', 'stand')} in an earlier file too, and count once"
    return [finding("repeated-rows", where, count, message)] if count else []


def _periods(
    frame: pl.DataFrame, frequency: Frequency, horizon: int, where: str, date_name: str, coded: set[str]
) -> tuple[np.datetime64, int, pl.DataFrame, list[Finding]]:
    """The first date, the number of periods of history, one row for each series and period (CELL), and findings."""
    dates = frame[DATE].to_numpy()
    has_quantity = frame[HAS_QUANTITY].to_numpy()
    sold_on = np.unique(dates[has_quantity])
    if frequency.table:
        frequency.table.require_dates(sold_on, horizon)
    if frequency.months and (uneven := uneven_weeks_advice(sold_on, date_name)):
        raise SettingsError(uneven)
    if frequency == Frequency.HOUR:
        _require_times(sold_on, f"dates of '{date_name}'")
    origin = period_name(sold_on[:1], frequency, period_anchor(sold_on, frequency))[0]
    period = period_index(dates, origin, frequency)
    n_days = int(period[has_quantity].max()) + 1
    if frequency in (Frequency.DAY, Frequency.HOUR):
        return origin, n_days, frame.with_columns(pl.Series(CELL, period)), []
    begin, end = whole_period_bounds(sold_on, origin, frequency)
    outside = has_quantity & ((period < begin) | (period >= end))
    left_out = float(frame[UNITS].filter(pl.Series(outside)).cast(pl.Float64).sum())
    edges = sold_on[(number := period_index(sold_on, origin, frequency)) < begin], sold_on[number >= end]
    findings = partial_period_findings(begin + n_days - end, edges, left_out, frequency, where)
    frame = frame.with_columns(pl.Series(CELL, period - begin)).filter(pl.col(CELL) >= 0)
    names = [name for name in frame.columns if name.startswith(COVARIATE)]
    known = [pl.col(name).max() if name in coded else pl.col(name).mean() for name in names]
    folded = frame.group_by(SERIES, CELL).agg(*sum_expressions(frame.columns, pl.Float32), *known)
    return period_range(origin, begin + 1, frequency)[-1], end - begin, folded, findings


def _require_times(dates: np.ndarray, what: str) -> None:
    """Raises SettingsError where hours are asked of `dates` (distinct) that have no time of day."""
    if len(dates) > 1 and not (dates.astype("datetime64[h]").astype(np.int64) % 24).any():
        raise SettingsError(
            f"'frequency' is H, hours, but the {len(dates):,} {what} have no time of day, such as "
            f"{dates[0].astype('datetime64[D]')}. Name the column that has it in 'date', or set the frequency D."
        )
