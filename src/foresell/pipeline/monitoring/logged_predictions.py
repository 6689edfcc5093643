"""Predictions that were asked for over HTTP, as the log kept them, joined with what was sold since.

Of several answers about one series and day by one version the last counts that was given before the day was over
(UTC): what is asked afterwards is no forecast. What was asked with another price or promotion than came true is a
what-if, and does not count either. A step counts from the day of asking (0 is the same day), so a step here is not
one from a cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import ForesellError
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.evaluate.metrics import naive_mse, rmsse
from foresell.monitor.accuracy import ALL, DAILY, LEVEL, NODE, figures
from foresell.serving.prediction_log.reader import read_predictions
from foresell.store.tables import is_remote

ENDPOINTS = ("/predict", "/predict_batch_csv")
LOG = "results/predictions"
LONGEST_AHEAD = 92  # days before a day that a prediction of it is looked for
NEAR = 0.005  # a price differs by at most so large a share from the one that came, where it is taken for the same

_SCHEMA = {"version": pl.String, **DAILY, "row": pl.Int64}


@dataclass(frozen=True)
class Answered:
    """Answers that count, one row for each version, series and day, as day sums; `others` were what-ifs or late."""

    daily: pl.DataFrame
    others: int = 0
    trouble: str = ""


def answered(place: str, base: Path, panel: Panel, first: int) -> Answered:
    """The answers in the log at `place` about the days from the index `first` on, beside what was sold.

    None where there is no log; where it cannot be read, `trouble` says why.
    """
    empty = pl.DataFrame(schema=_SCHEMA)
    where = place if is_remote(place) else str(base / place)
    if not is_remote(place) and not Path(where).is_dir():
        return Answered(empty)
    begun = panel.dates[first].astype(object) - timedelta(days=LONGEST_AHEAD)
    try:
        frame = read_predictions(where, begun, panel.cutoff).frame
    except ForesellError as error:
        return Answered(empty, trouble=str(error))
    needed = {"time", "endpoint", "version", "inputs", "outputs"}
    if frame.is_empty() or not needed <= set(frame.columns):
        return Answered(empty)
    asked = _asked(frame, panel)
    if asked is None:
        return Answered(empty)
    counted = asked.filter(pl.col("day").is_between(first, panel.n_days - 1))
    in_time = counted.filter((pl.col("ahead") >= 0) & _as_it_came(counted, panel))
    last = in_time.sort("time", maintain_order=True).unique(["version", "row", "day"], keep="last", maintain_order=True)
    return Answered(_day_sums(last, panel), counted.height - in_time.height)


def _asked(frame: pl.DataFrame, panel: Panel) -> pl.DataFrame | None:
    """Records about single series and days: ``row`` of the series, ``day`` index, ``ahead`` days asked before it."""
    rows = frame.filter(pl.col("endpoint").is_in(ENDPOINTS))
    inputs, outputs = (_fields(rows, name) for name in ("inputs", "outputs"))
    if inputs is None or outputs is None or "units" not in outputs.columns or "date" not in inputs.columns:
        return None
    if any(key not in inputs.columns for key in panel.keys):
        return None
    texts = [pl.col(key).cast(pl.String) for key in panel.keys]
    numbers = panel.series.select(panel.keys).with_row_index("row").with_columns(*texts, pl.col("row").cast(pl.Int64))
    told = inputs.with_columns(*texts, date=pl.col("date").cast(pl.String).str.slice(0, 10).str.to_date(strict=False))
    bounds = [
        pl.col(name).cast(pl.Float64, strict=False) for name in ("units_low", "units_high") if name in outputs.columns
    ]
    whole = pl.concat(
        [
            rows.select("time", pl.col("version").cast(pl.String)),
            told.select(*panel.keys, "date", *(name for name in ("price", "promotion") if name in told.columns)),
            outputs.select(pl.col("units").cast(pl.Float64, strict=False), *bounds),
        ],
        how="horizontal",
    )
    known = whole.drop_nulls(["units", "date"]).join(numbers, on=list(panel.keys), how="inner", maintain_order="left")
    days = [panel.day_of(when) for when in known["date"]]
    ahead = (pl.col("date") - pl.col("time").dt.date()).dt.total_days()
    length = {Frequency.DAY: 0, Frequency.WEEK: 6, Frequency.MONTH: 27}[panel.frequency]
    return known.with_columns(pl.Series("day", days, pl.Int64), ahead=ahead + length)


def _fields(rows: pl.DataFrame, column: str) -> pl.DataFrame | None:
    return rows[column].struct.unnest() if isinstance(rows.schema[column], pl.Struct) else None


def _as_it_came(rows: pl.DataFrame, panel: Panel) -> pl.Series:
    """Whether what was given of price and promotion is what came."""
    same = np.ones(rows.height, bool)
    series, day = rows["row"].to_numpy(), rows["day"].to_numpy()
    for name in ("price", "promotion"):
        if name in rows.columns and name in panel.known and rows.height:
            given = rows[name].cast(pl.Float64, strict=False).to_numpy()
            known = panel.known[name]
            came = known.values[known.rows[series], day].astype(np.float64)
            same &= ~(np.abs(given - came) > NEAR * np.maximum(np.abs(came), 1e-9))  # not given, not known: no what-if
    return pl.Series(same)


def _day_sums(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Each answer as a row of day sums, with the ``row`` of its series."""
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
    found = rows.select("version", "row", "date", cutoff=pl.col("time").dt.date(), step=pl.col("ahead")).with_columns(
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
    return found.filter(pl.Series(known)).select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())


def _naive(panel: Panel, series: np.ndarray, day: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """What was sold whole seasons before, on the newest such day before that of asking."""
    season = panel.frequency.season
    periods = ahead if panel.frequency == Frequency.DAY else np.zeros_like(ahead)
    back = day - season * (periods // season + 1)
    return np.where(back >= 0, panel.units[series, np.maximum(back, 0)], np.nan).astype(np.float64)


def asked_figures(daily: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Error, bias, coverage and value added of what was asked for, by version, and by version and step.

    RMSSE is the mean over the series, with scales of the history up to the first day asked about.
    """
    by = ["version", *NODE]
    found = figures(daily, by)
    scores = [
        (version, _rmsse(rows, panel)) for (version,), rows in daily.partition_by("version", as_dict=True).items()
    ]
    table = pl.DataFrame(scores, schema={"version": pl.String, "rmsse": pl.Float64}, orient="row")
    whole = found.join(table, on="version", how="left", maintain_order="left")
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
    found = rmsse(actual, forecast, scale)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
