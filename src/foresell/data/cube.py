"""Rows of sales laid out as a cube: duplicates found, days summed into periods, every value in its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from foresell.core.errors import FindingsStop
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_index, period_range, period_start
from foresell.core.settings import Data
from foresell.data.codes import finding
from foresell.data.rows import DATE, GIVEN, KNOWN, SOLD, UNITS, Membership, SalesRows, like, summed, truth
from foresell.data.tables import FILE, ROW
from foresell.data.values import NULL_WORDS, YES_NO

SERIES, CELL = "__series", "__cell"
STRAY_DAYS = 730  # rows that lie so long before the others …
STRAY_SHARE = 0.001  # … and are so few are slips
ABSENT = -np.inf  # in `Cube.units`: the table has no row for this series and period


@dataclass
class Cube:
    """The sales as they stand in the files, before it is settled what an absent row means.

    - `series`: keys, sorted by them, then attributes.
    - `first`: the first date; `n_days` periods of history from there.
    - `units`: float32 [series, day]: NaN = not known, ABSENT = no row.
    - `known`: covariates, float32 [series, day + ahead], NaN where no row says anything.
    - `bad`: rows that proved bad only when seen together, as in `SalesRows.bad`.
    - `stockouts`: the cells whose units are not known because the shelf ran empty: keys, ``date``, ``sold``.
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


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its categories as plain text."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def match(frame: pl.DataFrame, table: pl.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """The row of `table` that each row of `frame` belongs to by `keys`, -1 where there is none: int32 [row]."""
    numbered = like(table.select(keys), frame).with_row_index(SERIES)
    found = frame.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left")[SERIES]
    return found.cast(pl.Int32).fill_null(-1).to_numpy()


def cube_of(
    rows: SalesRows, future: SalesRows | None, data: Data, horizon: int, where: str, members: Sequence[Membership] = ()
) -> Cube:
    """The cube of long rows and of the rows known ahead. Raises FindingsStop when nothing is left to forecast.

    A series that only the rows known ahead name is still to be launched, where `members` or the sales know its keys.
    """
    frequency = Frequency(data.frequency)
    bad, findings = [], []
    frame = rows.frame
    if frame.is_empty() or not frame[GIVEN].any():
        raise no_sales(rows, where, data.quantity)
    frame, stray = _without_strays(frame)
    bad.append(stray)
    series = as_text(frame.select(data.keys).unique())
    if future is not None and not future.frame.is_empty():
        coming = _coming(as_text(future.frame.select(data.keys).unique()), series, members)
        series = pl.concat([series, coming])
        findings += _told_of(coming, data.future or "")
    series = series.sort(data.keys)
    frame = frame.with_columns(pl.Series(SERIES, match(frame, series, data.keys))).drop(data.keys)
    frame = frame.filter(pl.col(DATE) >= frame.filter(pl.col(GIVEN))[DATE].min())
    if data.layout == "long":
        frame, doubled = _without_duplicates(frame)
        bad.append(doubled)
    if future is not None and not future.frame.is_empty():
        frame, more = _with_future(frame, future.frame, series, data.keys, data.future or "")
        findings += more
    frame, coded, more = _coded(frame)
    findings += more
    first, n_days, frame, more = _periods(frame, frequency, where, coded)
    findings += more
    units, known = _fill(frame, series.height, n_days, n_days + horizon)
    stockouts = _stockouts(frame, series, n_days, period_range(first, n_days, frequency)) if SOLD in frame else None
    return Cube(series, first, units, known, bad, findings, stockouts)


def _stockouts(frame: pl.DataFrame, series: pl.DataFrame, n_days: int, dates: np.ndarray) -> pl.DataFrame:
    """The cells on which the shelf ran empty, in order of series and date: keys, ``date``, ``sold``."""
    empty = frame.filter(pl.col(SOLD).is_not_null(), pl.col(CELL).is_between(0, n_days - 1)).sort(SERIES, CELL)
    return series[empty[SERIES].to_numpy()].with_columns(
        date=pl.Series(dates[empty[CELL].to_numpy()]), sold=empty[SOLD].cast(pl.Float32)
    )


def no_sales(rows: SalesRows, where: str, quantity: str) -> FindingsStop:
    """The error that no row is left, with what was wrong with them."""
    reasons = rows.bad.group_by("reason").len().sort("len", descending=True) if rows.bad.height else pl.DataFrame()
    told = (
        ", ".join(f"{count:,} with {reason}" for reason, count in reasons.iter_rows()) if reasons.height else "none bad"
    )
    message = f"{where} has no row with a quantity in '{quantity}' that can be used: {rows.count:,} rows, {told}"
    found = finding("no-sales", where, rows.count, message)
    return FindingsStop(f"{message}. {found.advice}", (found,))


def _without_strays(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows without a handful that lies years before all others (a year typed wrong, a date of 1970)."""
    counts = frame.group_by(DATE).len().sort(DATE)
    days = counts[DATE].to_physical().to_numpy()
    breaks = np.flatnonzero(np.diff(days) > STRAY_DAYS)
    before = counts["len"].cum_sum().to_numpy()[breaks]
    few = breaks[before <= STRAY_SHARE * frame.height]
    start = counts[DATE][int(few[-1]) + 1] if len(few) else counts[DATE][0]
    return frame.filter(pl.col(DATE) >= start), faulty(frame.filter(pl.col(DATE) < start), "stray-dates")


def faulty(frame: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Rows as `SalesRows.bad` holds them."""
    return frame.select(ROW, pl.lit(reason).alias("reason"), pl.lit("").alias("column"), FILE)


def _without_duplicates(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row for each series and day. Copies that agree leave one; where they differ, that value is not known."""
    day = frame[DATE].to_physical().to_numpy().astype(np.int64)
    span = int(day.max() - day.min()) + 1
    cell = frame[SERIES].to_numpy() * span + (day - day.min())
    owner = np.full((int(frame[SERIES].max()) + 1) * span, -1, np.int32)  # type: ignore[operator, arg-type]
    owner[cell] = np.arange(len(cell), dtype=np.int32)
    hidden = owner[cell] != np.arange(len(cell), dtype=np.int32)
    if not hidden.any():
        return frame, faulty(frame.head(0), "duplicate-keys")
    shared = np.isin(cell, np.unique(cell[hidden]))
    copies = frame.filter(pl.Series(shared)).with_columns(pl.Series(CELL, cell[shared])).sort(CELL, FILE, ROW)
    values = [name for name in copies.columns if name in (UNITS, SOLD) or name.startswith(KNOWN)]
    alone = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in values]
    rest = [pl.col(name).first() for name in copies.columns if name not in (*values, CELL, GIVEN)]
    merged = copies.group_by(CELL, maintain_order=True).agg(*alone, *rest, pl.col(GIVEN).any())
    same = pl.all_horizontal(pl.col(name).n_unique().over(CELL) == 1 for name in values)
    first = pl.int_range(pl.len()).over(CELL) == 0
    doubled = faulty(copies.filter(~(same & first)), "duplicate-keys")
    return pl.concat([frame.filter(pl.Series(~shared)), merged.select(frame.columns)]), doubled


def _coming(ahead: pl.DataFrame, series: pl.DataFrame, members: Sequence[Membership]) -> pl.DataFrame:
    """The series of `ahead` that have no sales and are no slips: a side table lists their keys, or sales have them."""
    coming = ahead.cast(series.schema, strict=False).join(series, on=series.columns, how="anti", nulls_equal=True)
    for member in members:
        coming = coming.join(like(member.frame, coming), on=list(member.keys), how="semi")
    listed = {key for member in members for key in member.keys}
    for key in (name for name in series.columns if name not in listed):
        coming = coming.filter(pl.col(key).is_in(series[key].implode()))
    return coming


def _told_of(coming: pl.DataFrame, where: str) -> list[Finding]:
    """The finding that series are still to be launched."""
    if coming.is_empty():
        return []
    shown = (" ".join(map(str, row)) for row in coming.sort(coming.columns).head(5).iter_rows())
    message = f"{coming.height:,} series have no sales yet and are taken for launches to come"
    return [finding("launches-ahead", where, coming.height, message, shown)]


def _with_future(
    frame: pl.DataFrame, future: pl.DataFrame, series: pl.DataFrame, keys: Sequence[str], where: str
) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows of the sales with those known ahead before them, so that where both speak the sales prevail."""
    rows = match(future, series, keys)
    findings = []
    if (strange := int((rows < 0).sum())) > 0:
        names = as_text(future.filter(pl.Series(rows < 0)).select(keys).unique()).sort(keys)
        message = f"{strange:,} rows are for {names.height:,} series that have no sales"
        findings.append(
            finding(
                "unknown-series",
                where,
                strange,
                message,
                (" ".join(map(str, row)) for row in names.head(5).iter_rows()),
            )
        )
    ahead = future.with_columns(
        pl.Series(SERIES, rows),
        pl.lit(False).alias(GIVEN),
        *(pl.lit(None, frame.schema[name]).alias(name) for name in (UNITS, SOLD) if name in frame.columns),
    )
    ahead = ahead.filter(pl.col(SERIES) >= 0, pl.col(DATE) >= frame[DATE].min())
    ahead = ahead.join(frame.select(SERIES, DATE), on=[SERIES, DATE], how="anti")
    known = [name for name in ahead.columns if name.startswith(KNOWN)]
    once = ahead.sort(SERIES, DATE, *known).unique([SERIES, DATE], keep="first", maintain_order=True)
    if extra := ahead.height - once.height:
        findings.append(finding("repeated-entries", where, extra, f"{extra:,} rows repeat a series and day"))
    ahead = once
    mixed = [name for name in frame.columns if name in ahead.columns and frame.schema[name] != ahead.schema[name]]
    text = [pl.col(name).cast(pl.String) for name in mixed]
    return pl.concat([ahead.with_columns(text).select(frame.columns), frame.with_columns(text)]), findings


def _coded(frame: pl.DataFrame) -> tuple[pl.DataFrame, set[str], list[Finding]]:
    """Covariates as numbers: numbers as they are, yes and no as 1 and 0, other texts by their place in sorted order.

    Names the columns of such texts, too.
    """
    findings, columns, coded = [], [], set()
    for name in (each for each in frame.columns if each.startswith(KNOWN)):
        values, texts = numbers_of(frame[name])
        columns.append(values.alias(name))
        if texts:
            plain = name.removeprefix(KNOWN)
            coded.add(name)
            shown = [f"{code} = {text!r}" for code, text in enumerate(texts)]
            message = f"the texts of the covariate became the numbers 0 to {len(texts) - 1}"
            findings.append(finding("coded-text", f"column {plain}", len(texts), message, shown))
    return frame.with_columns(columns), coded, findings


def numbers_of(values: pl.Series) -> tuple[pl.Series, list[str]]:
    """A covariate as Float32, and its texts in the order of their codes where it had to be coded.

    >>> numbers_of(pl.Series(["b", "a", None, "b"]))[0].to_list(), numbers_of(pl.Series(["no", "yes"]))[0].to_list()
    ([1.0, 0.0, None, 1.0], [0.0, 1.0])
    """
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return values.cast(pl.Float32).fill_nan(None), []
    texts = values.cast(pl.String).cast(pl.Categorical)
    found = texts.drop_nulls().unique().cast(pl.String)
    found = found.filter(~found.str.strip_chars().is_in(("", *NULL_WORDS))).sort()
    numbers = found.str.strip_chars().cast(pl.Float32, strict=False)
    coded: list[str] = []
    if numbers.null_count() or numbers.is_infinite().any():
        if found.str.strip_chars().str.to_lowercase().is_in(list(YES_NO)).all():
            numbers = truth(found).cast(pl.Float32)
        else:
            numbers, coded = pl.Series(np.arange(len(found), dtype=np.float32)), found.to_list()
    table = pl.DataFrame({"text": found.cast(pl.Categorical), "number": numbers})
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["number"], coded


# ------------------------------------------------------------------------------------------------------- periods


def _periods(
    frame: pl.DataFrame, frequency: Frequency, where: str, coded: set[str]
) -> tuple[np.datetime64, int, pl.DataFrame, list[Finding]]:
    """The first date, the number of periods of history, and one row for each series and period (CELL is the period)."""
    dates = frame[DATE].to_numpy().astype("datetime64[D]")
    given = frame[GIVEN].to_numpy()
    origin = period_start(dates[given].min(keepdims=True), frequency)[0]
    period = period_index(dates, origin, frequency)
    n_days = int(period[given].max()) + 1
    if frequency == Frequency.DAY:
        return origin, n_days, frame.with_columns(pl.Series(CELL, period)), []
    begin, end = whole_periods(np.unique(dates[given]), origin, frequency)
    findings = []
    if (cut := begin + n_days - end) > 0:
        message = f"{cut} {frequency.noun}{'s are' if cut > 1 else ' is'} not whole, at the edge of the history"
        findings.append(finding("partial-periods", where, cut, message))
    frame = frame.with_columns(pl.Series(CELL, period - begin)).filter(pl.col(CELL) >= 0)
    names = [name for name in frame.columns if name.startswith(KNOWN)]
    known = [pl.col(name).max() if name in coded else pl.col(name).mean() for name in names]
    folded = frame.group_by(SERIES, CELL).agg(*summed(frame.columns, pl.Float32), *known)
    return period_range(origin, begin + 1, frequency)[-1], end - begin, folded, findings


def whole_periods(dates: np.ndarray, origin: np.datetime64, frequency: Frequency) -> tuple[int, int]:
    """The first whole period and the one after the last whole one, of the `dates` (sorted) on which anything is told.

    The first and last period count as whole when they begin as early and end as late as some period between them:
    a shop that is closed on Sundays has whole weeks, too. Where each period has one date only, they are all whole.
    """
    period = period_index(dates, origin, frequency)
    last = int(period[-1])
    if last < 2 or len(np.unique(period)) == len(dates):
        return 0, last + 1
    starts = np.searchsorted(period, np.arange(last + 1))
    ends = np.searchsorted(period, np.arange(last + 1), side="right")
    bounds = period_range(origin, last + 2, frequency)
    there = np.flatnonzero(ends > starts)
    inner = there[(there > 0) & (there < last)]
    if not len(inner):
        return 0, last + 1
    late = (dates[starts[inner]] - bounds[inner]).max()
    early = (bounds[inner + 1] - dates[ends[inner] - 1]).max()
    begin = int(dates[0] - bounds[0] > late)
    return begin, last + 1 - int(bounds[last + 1] - dates[-1] > early)


def _fill(frame: pl.DataFrame, n_series: int, n_days: int, total: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every value in its cell: units [series, day] and covariates [series, day + ahead]."""
    frame = frame.filter(pl.col(CELL) < total)
    cell = frame[SERIES].to_numpy().astype(np.int64) * total + frame[CELL].to_numpy()
    known = {}
    for name in (each for each in frame.columns if each.startswith(KNOWN)):
        values = np.full((n_series, total), np.nan, np.float32)
        values.reshape(-1)[cell] = frame[name].cast(pl.Float32).to_numpy()
        known[name.removeprefix(KNOWN)] = values
    past = (frame[CELL] < n_days).to_numpy()
    units = np.full((n_series, n_days), ABSENT, np.float32)
    units[frame[SERIES].to_numpy()[past], frame[CELL].to_numpy()[past]] = frame[UNITS].cast(pl.Float32).to_numpy()[past]
    return units, known
