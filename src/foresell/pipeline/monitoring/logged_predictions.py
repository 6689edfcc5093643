"""Predictions that the API made, read from its log and joined with the sales that came in since.

Of several predictions of one version for one series and day, the last one counts that was made before the day was over
(UTC), of hours before the hour was over; a later one is no forecast. A prediction for another price or promotion than
the actual one is a what-if, and does not count either. A step is counted from the day (or hour) of the request, for
which it is 0, not from a cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import ForesellError
from foresell.core.frequency import Frequency, calendar_day
from foresell.core.panel import Panel
from foresell.evaluate.metrics import naive_mse, rmsse
from foresell.monitor.accuracy import ALL, LEVEL, NODE, daily_schema, figures
from foresell.serving.prediction_log.reader import read_predictions
from foresell.store.tables import is_remote

ENDPOINTS = ("/predict", "/predict_batch_csv")
LOG = "results/predictions"
LONGEST_AHEAD = 92  # days; the log is searched for predictions made up to so long before the day they are about
LAST_DAY = {
    Frequency.HOUR: 0,
    Frequency.DAY: 0,
    Frequency.WEEK: 6,
    Frequency.MONTH: 27,
    Frequency.QUARTER: 89,
    Frequency.YEAR: 364,
}
"""The number of days after its first one that a period certainly ends."""
NEAR = 0.005  # prices that differ by at most this share are taken to be the same


def _schema(panel: Panel) -> dict[str, Any]:
    return {"version": pl.String, **daily_schema(panel.frequency.date_type), "row": pl.Int64}


@dataclass(frozen=True)
class LoggedPredictions:
    """The predictions that count, as day sums: `daily` has one row for each version, series and day.

    `left_out` is the number of predictions that were what-ifs or too late. `error` says why the log cannot be read.
    """

    daily: pl.DataFrame
    left_out: int = 0
    error: str = ""


def read_logged_predictions(place: str, base: Path, panel: Panel, first: int) -> LoggedPredictions:
    """The predictions in the log at `place` for the days from the index `first` on, joined with the actual sales.

    They are empty where there is no log. Where the log cannot be read, `error` says why.
    """
    empty = pl.DataFrame(schema=_schema(panel))
    where = place if is_remote(place) else str(base / place)
    if not is_remote(place) and not Path(where).is_dir():
        return LoggedPredictions(empty)
    since = calendar_day(panel.dates[first].astype(object)) - timedelta(days=LONGEST_AHEAD)
    try:
        frame = read_predictions(where, since, calendar_day(panel.cutoff)).frame
    except ForesellError as error:
        return LoggedPredictions(empty, error=str(error))
    needed = {"time", "endpoint", "version", "inputs", "outputs"}
    if frame.is_empty() or not needed <= set(frame.columns):
        return LoggedPredictions(empty)
    predictions = _predictions(frame, panel)
    if predictions is None:
        return LoggedPredictions(empty)
    in_range = predictions.filter(pl.col("day").is_between(first, panel.n_days - 1))
    forecasts = in_range.filter((pl.col("ahead") >= 0) & _with_actual_inputs(in_range, panel))
    last = forecasts.sort("time", maintain_order=True).unique(
        ["version", "row", "day"], keep="last", maintain_order=True
    )
    return LoggedPredictions(_day_sums(last, panel), in_range.height - forecasts.height)


def _predictions(frame: pl.DataFrame, panel: Panel) -> pl.DataFrame | None:
    """The predictions of single series and days; None where the log has none.

    ``row`` is the row of the series, ``day`` the index of the day, ``ahead`` how many days before it was asked.
    """
    rows = frame.filter(pl.col("endpoint").is_in(ENDPOINTS))
    inputs, outputs = (_fields(rows, name) for name in ("inputs", "outputs"))
    if inputs is None or outputs is None or "units" not in outputs.columns or "date" not in inputs.columns:
        return None
    if any(key not in inputs.columns for key in panel.keys):
        return None
    texts = [pl.col(key).cast(pl.String) for key in panel.keys]
    numbers = panel.series.select(panel.keys).with_row_index("row").with_columns(*texts, pl.col("row").cast(pl.Int64))
    inputs = inputs.with_columns(*texts, date=_named(pl.col("date").cast(pl.String), panel.frequency))
    bounds = [
        pl.col(name).cast(pl.Float64, strict=False) for name in ("units_low", "units_high") if name in outputs.columns
    ]
    whole = pl.concat(
        [
            rows.select("time", pl.col("version").cast(pl.String)),
            inputs.select(*panel.keys, "date", *(name for name in ("price", "promotion") if name in inputs.columns)),
            outputs.select(pl.col("units").cast(pl.Float64, strict=False), *bounds),
        ],
        how="horizontal",
    )
    known = whole.drop_nulls(["units", "date"]).join(numbers, on=list(panel.keys), how="inner", maintain_order="left")
    days = [panel.day_of(when) for when in known["date"]]
    ahead = (pl.col("date") - pl.col("time").dt.date()).dt.total_days()
    if panel.frequency == Frequency.HOUR:
        ahead = (pl.col("date") - _clock(pl.col("time"))).dt.total_hours()
    return known.with_columns(pl.Series("day", days, pl.Int64), ahead=ahead + LAST_DAY[panel.frequency])


def _named(texts: pl.Expr, frequency: Frequency) -> pl.Expr:
    """The dates, or hours, that a request named."""
    if frequency != Frequency.HOUR:
        return texts.str.slice(0, 10).str.to_date(strict=False)
    return (
        texts.str.slice(0, 13)
        .str.replace("T", " ", literal=True)
        .add(":00")
        .str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us")
    )


def _clock(time: pl.Expr) -> pl.Expr:
    """The hour of UTC in which a request was made."""
    return time.dt.replace_time_zone(None).dt.cast_time_unit("us").dt.truncate("1h")


def _fields(rows: pl.DataFrame, column: str) -> pl.DataFrame | None:
    return rows[column].struct.unnest() if isinstance(rows.schema[column], pl.Struct) else None


def _with_actual_inputs(rows: pl.DataFrame, panel: Panel) -> pl.Series:
    """Whether the price and promotion of each prediction are the actual ones, as far as both are known."""
    same = np.ones(rows.height, bool)
    series, day = rows["row"].to_numpy(), rows["day"].to_numpy()
    for name in ("price", "promotion"):
        if name in rows.columns and name in panel.known and rows.height:
            given = rows[name].cast(pl.Float64, strict=False).to_numpy()
            known = panel.known[name]
            actual = known.values[known.rows[series], day].astype(np.float64)
            same &= ~(np.abs(given - actual) > NEAR * np.maximum(np.abs(actual), 1e-9))  # False for NaN: no what-if
    return pl.Series(same)


def _day_sums(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Each prediction as a row of day sums, with the ``row`` of its series."""
    series, day = rows["row"].to_numpy(), rows["day"].to_numpy()
    actual = panel.units[series, day].astype(np.float64)
    naive = _naive(panel, series, day, np.maximum(rows["ahead"].to_numpy(), 0))
    known = ~np.isnan(actual) & ~np.isnan(naive)
    units = rows["units"].to_numpy()
    low, high = (
        rows[name].to_numpy() if name in rows.columns else np.full(rows.height, np.nan)
        for name in ("units_low", "units_high")
    )
    ranged = known & ~np.isnan(low) & ~np.isnan(high)
    hourly = panel.frequency == Frequency.HOUR
    cutoff = _clock(pl.col("time")) if hourly else pl.col("time").dt.date()
    sums = rows.select("version", "row", "date", cutoff=cutoff, step=pl.col("ahead")).with_columns(
        part=pl.lit("asked"),
        of=pl.lit(" x ".join(panel.keys)),
        name=pl.lit(ALL),
        units=actual,
        forecast=units,
        error=np.abs(units - actual),
        naive=np.abs(naive - actual),
        points=np.ones(rows.height),
        inside=np.where(ranged, (low <= actual) & (actual <= high), 0),
        ranged=ranged,
    )
    return sums.filter(pl.Series(known)).select(pl.col(name).cast(kind) for name, kind in _schema(panel).items())


def _naive(panel: Panel, series: np.ndarray, day: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Seasonal naive: the sales whole seasons earlier, on the newest such day before the day of the request."""
    season = panel.frequency.season
    periods = ahead if panel.frequency in (Frequency.DAY, Frequency.HOUR) else np.zeros_like(ahead)
    back = day - season * (periods // season + 1)
    return np.where(back >= 0, panel.units[series, np.maximum(back, 0)], np.nan).astype(np.float64)


def logged_figures(daily: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Error, bias, coverage and value added of logged predictions, by version, and by version and step.

    RMSSE is the mean over the series. Its scales are those of the history up to the first predicted day.
    """
    by = ["version", *NODE]
    scores = [
        (version, _rmsse(rows, panel)) for (version,), rows in daily.partition_by("version", as_dict=True).items()
    ]
    table = pl.DataFrame(scores, schema={"version": pl.String, "rmsse": pl.Float64}, orient="row")
    whole = figures(daily, by).join(table, on="version", how="left", maintain_order="left")
    parts = [whole, figures(daily, [*by, "step"]).with_columns(part=pl.lit("step"))]
    part = pl.when(pl.col("part") == "asked").then(pl.lit(LEVEL)).otherwise(pl.col("part"))
    return pl.concat(parts, how="diagonal_relaxed").with_columns(part.alias("part"), source=pl.lit("asked"))


def _rmsse(rows: pl.DataFrame, panel: Panel) -> float:
    first: date = rows["date"].min()  # type: ignore[assignment]
    series, place = np.unique(rows["row"].to_numpy(), return_inverse=True)
    day = np.array([panel.day_of(when) for when in rows["date"]])
    offset = day - day.min()
    actual, forecast = (np.full((len(series), int(offset.max()) + 1), np.nan) for _ in range(2))
    actual[place, offset], forecast[place, offset] = rows["units"].to_numpy(), rows["forecast"].to_numpy()
    scale = naive_mse(panel.units[series, : max(panel.day_of(first), 1)])
    by_series = rmsse(actual, forecast, scale)
    return float(np.nanmean(by_series)) if np.isfinite(by_series).any() else float("nan")
