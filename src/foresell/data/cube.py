"""Lays out rows of sales as a cube: removes duplicates, sums days into periods, puts every value into its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
from foresell.data.finding_codes import finding
from foresell.data.number_formats import to_number
from foresell.data.partial_periods import partial_period_findings, whole_period_bounds
from foresell.data.sales_rows import (
    COVARIATE,
    DATE,
    HAS_QUANTITY,
    SOLD_BEFORE_STOCKOUT,
    UNITS,
    KnownKeys,
    SalesRows,
    distinct_keys_like,
    parse_yes_no,
    sum_expressions,
)
from foresell.data.values import NULL_WORDS, YES_NO

SERIES, CELL = "__series", "__cell"
# Rows that lie more than STRAY_DAYS before all others and are at most STRAY_SHARE of the rows have mistyped dates.
STRAY_DAYS = 730
STRAY_SHARE = 0.001
_HOUR = 3_600_000_000  # microseconds
ABSENT = -np.inf  # in `Cube.units`: the table has no row for this series and period


@dataclass
class Cube:
    """The sales as the files have them, before `panel_assembly` decides what an absent row means.

    - `series`: keys, sorted by them, then attributes.
    - `first`: the first date; `n_days` periods of history from there.
    - `units`: float32 [series, day]: NaN = unknown, ABSENT = no row.
    - `known`: covariates, float32 [series, day + ahead], NaN where no row has a value.
    - `bad`: rows that were found bad by comparing rows, as in `SalesRows.bad`.
    - `stockouts`: the cells whose units are unknown because of a stock-out: keys, ``date``, ``sold``.
    """

    series: pl.DataFrame
    first: np.datetime64
    units: np.ndarray
    known: dict[str, np.ndarray] = field(default_factory=dict)
    bad: list[pl.DataFrame] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stockouts: pl.DataFrame | None = None

    @property
    def n_days(self) -> int:
        return self.units.shape[1]

    def only(self, kept: np.ndarray) -> Cube:
        """The cube with the series of which `kept` [series] is true."""
        series = self.series.filter(pl.Series(kept))
        known = {name: values[kept] for name, values in self.known.items()}
        stockouts = self.stockouts
        if stockouts is not None:
            keys = [name for name in stockouts.columns if name in series.columns]
            stockouts = stockouts.join(series.select(keys), on=keys, how="semi", maintain_order="left")
        return replace(self, series=series, units=self.units[kept], known=known, stockouts=stockouts)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its Categorical columns as String."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def key_texts(keys: pl.DataFrame) -> list[str]:
    """The first five rows of keys as text, for the examples of a finding.

    >>> key_texts(pl.DataFrame({"store": ["S1"], "item": [7]}))
    ['S1 7']
    """
    return [" ".join(map(str, row)) for row in keys.head(5).iter_rows()]


def repeated_cells(cell: np.ndarray, n_cells: int) -> np.ndarray:
    """Whether a later row has the same cell: bool [row]. `cell` int64 [row] lies between 0 and `n_cells` - 1.

    >>> repeated_cells(np.array([0, 2, 0]), 3).tolist()
    [True, False, False]
    """
    rows = np.arange(len(cell), dtype=np.int32)
    last = np.full(n_cells, -1, np.int32)
    last[cell] = rows
    return last[cell] != rows


def row_numbers(frame: pl.DataFrame, table: pl.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """The number of the row of `table` that has the `keys` of each row of `frame`, -1 where none has: int32 [row]."""
    numbered = distinct_keys_like(table.select(keys), frame).with_row_index(SERIES)
    numbers = frame.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left")[SERIES]
    return numbers.cast(pl.Int32).fill_null(-1).to_numpy()


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
        launches = _launches(as_text(future.frame.select(data.keys).unique()), series, known_keys)
        series = pl.concat([series, launches])
        findings += _launch_findings(launches, data.future or "")
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
        frame, future_findings = _with_future(frame, future.frame, series, data.keys, data.future or "")
        findings += future_findings
    frame, coded, covariate_findings = _encode_covariates(frame, data.decimal)
    findings += covariate_findings
    first, n_days, frame, period_findings = _periods(frame, frequency, horizon, where, data.date_name, coded)
    findings += period_findings
    units, known = _fill_cells(frame, series.height, n_days, n_days + horizon)
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


def _launches(ahead: pl.DataFrame, series: pl.DataFrame, known_keys: Sequence[KnownKeys]) -> pl.DataFrame:
    """The series of `ahead` that have no sales, and each of whose keys a side table lists or other sales have."""
    launches = ahead.cast(series.schema, strict=False).join(series, on=series.columns, how="anti", nulls_equal=True)
    for table in known_keys:
        launches = launches.join(distinct_keys_like(table.frame, launches), on=list(table.keys), how="semi")
    listed = {key for table in known_keys for key in table.keys}
    for key in (name for name in series.columns if name not in listed):
        launches = launches.filter(pl.col(key).is_in(series[key].implode()))
    return launches


def _launch_findings(launches: pl.DataFrame, where: str) -> list[Finding]:
    """The finding that series are launches to come."""
    if launches.is_empty():
        return []
    message = f"{launches.height:,} series have no sales yet and are taken for launches to come"
    return [finding("launches-ahead", where, launches.height, message, key_texts(launches.sort(launches.columns)))]


def _with_future(
    frame: pl.DataFrame, future: pl.DataFrame, series: pl.DataFrame, keys: Sequence[str], where: str
) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows known ahead, then the rows of the sales. Where both have a series and day, the sales row is kept."""
    rows = row_numbers(future, series, keys)
    findings = []
    if (unknown := int((rows < 0).sum())) > 0:
        names = as_text(future.filter(pl.Series(rows < 0)).select(keys).unique()).sort(keys)
        message = f"{many_do(unknown, 'row', 'be')} for {names.height:,} series that have no sales"
        findings.append(finding("unknown-series", where, unknown, message, key_texts(names)))
    ahead = future.with_columns(
        pl.Series(SERIES, rows),
        pl.lit(False).alias(HAS_QUANTITY),
        *(
            pl.lit(None, frame.schema[name]).alias(name)
            for name in (UNITS, SOLD_BEFORE_STOCKOUT)
            if name in frame.columns
        ),
    )
    ahead = ahead.filter(pl.col(SERIES) >= 0, pl.col(DATE) >= frame[DATE].min())
    ahead = ahead.join(frame.select(SERIES, DATE), on=[SERIES, DATE], how="anti")
    known = [name for name in ahead.columns if name.startswith(COVARIATE)]
    distinct = ahead.sort(SERIES, DATE, *known).unique([SERIES, DATE], keep="first", maintain_order=True)
    if extra := ahead.height - distinct.height:
        findings.append(
            finding("repeated-entries", where, extra, f"{many_do(extra, 'row', 'repeat')} a series and day")
        )
    ahead = distinct
    mixed = [name for name in frame.columns if name in ahead.columns and frame.schema[name] != ahead.schema[name]]
    text = [pl.col(name).cast(pl.String) for name in mixed]
    return pl.concat([ahead.with_columns(text).select(frame.columns), frame.with_columns(text)]), findings


def _encode_covariates(frame: pl.DataFrame, decimal: str) -> tuple[pl.DataFrame, set[str], list[Finding]]:
    """Covariates as numbers: numbers as they are, yes and no as 1 and 0, other texts as their rank in sorted order.

    Also returns the names of the columns of such texts, and a finding for each.
    """
    findings, columns, coded = [], [], set()
    for name in (column for column in frame.columns if column.startswith(COVARIATE)):
        values, texts = encode_covariate(frame[name], decimal)
        columns.append(values.alias(name))
        if texts:
            plain = name.removeprefix(COVARIATE)
            coded.add(name)
            shown = [f"{code} = {text!r}" for code, text in enumerate(texts)]
            message = f"the texts of the covariate became the numbers 0 to {len(texts) - 1}"
            findings.append(finding("coded-text", f"column {plain}", len(texts), message, shown))
    return frame.with_columns(columns), coded, findings


def encode_covariate(values: pl.Series, decimal: str = ".") -> tuple[pl.Series, list[str]]:
    """A covariate as Float32, and its texts in the order of their numbers where the texts were encoded.

    >>> encode_covariate(pl.Series(["b", "a", None, "b"]))[0].to_list()
    [1.0, 0.0, None, 1.0]
    >>> encode_covariate(pl.Series(["no", "yes"]))[0].to_list(), encode_covariate(pl.Series(["5 %", "10 %"]))[1]
    ([0.0, 1.0], [])
    """
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return values.cast(pl.Float32).fill_nan(None), []
    texts = values.cast(pl.String).cast(pl.Categorical)
    distinct = texts.drop_nulls().unique().cast(pl.String)
    distinct = distinct.filter(~distinct.str.strip_chars().is_in(("", *NULL_WORDS))).sort()
    numbers = to_number(distinct.str.strip_chars(), decimal).cast(pl.Float32)
    encoded: list[str] = []
    if numbers.null_count() or numbers.is_infinite().any():
        if distinct.str.strip_chars().str.to_lowercase().is_in(list(YES_NO)).all():
            numbers = parse_yes_no(distinct).cast(pl.Float32)
        else:
            numbers, encoded = pl.Series(np.arange(len(distinct), dtype=np.float32)), distinct.to_list()
    table = pl.DataFrame({"text": distinct.cast(pl.Categorical), "number": numbers})
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["number"], encoded


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


def fold_periods(values: np.ndarray, period: np.ndarray, count: int, *, mean: bool = False) -> np.ndarray:
    """The sums (or means) of the known `values` [row, day] in each `period` [day]: float32 [row, period].

    NaN where no value of the period is known. Days whose period is not between 0 and `count` - 1 are ignored.
    """
    folded = np.full((len(values), count), np.nan, np.float32)
    for number in np.unique(period[(period >= 0) & (period < count)]):
        days = values[:, period == number]
        known = ~np.isnan(days)
        n_known = known.sum(axis=1)
        sums = np.where(known, days, 0).sum(axis=1, dtype=np.float64)
        folded[:, number] = np.where(n_known > 0, sums / np.maximum(n_known, 1) if mean else sums, np.nan)
    return folded


def _fill_cells(
    frame: pl.DataFrame, n_series: int, n_days: int, total: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The values in their cells: units [series, day] and covariates [series, day + ahead]."""
    frame = frame.filter(pl.col(CELL) < total)
    cell = frame[SERIES].to_numpy().astype(np.int64) * total + frame[CELL].to_numpy()
    known = {}
    for name in (column for column in frame.columns if column.startswith(COVARIATE)):
        values = np.full((n_series, total), np.nan, np.float32)
        values.reshape(-1)[cell] = frame[name].cast(pl.Float32).to_numpy()
        known[name.removeprefix(COVARIATE)] = values
    past = (frame[CELL] < n_days).to_numpy()
    units = np.full((n_series, n_days), ABSENT, np.float32)
    units[frame[SERIES].to_numpy()[past], frame[CELL].to_numpy()[past]] = frame[UNITS].cast(pl.Float32).to_numpy()[past]
    return units, known
