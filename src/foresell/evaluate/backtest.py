"""The backtest: every model forecasts every window without the sales after its cutoff, and is scored on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.words import many, many_do
from foresell.evaluate.evaluation_window import ALL_LEVELS, EvaluationWindow
from foresell.evaluate.metrics import METRICS
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.weights import Weights, compute_weights, read_weights, weights_from_table
from foresell.models import prepare
from foresell.models.contract import Model, Progress
from foresell.models.upper_levels.totals import Totals

BENCHMARK = "seasonal_naive"
"""The model that the column ``improvement`` of the leaderboard compares with."""

TABLES = ("levels", "segments", "steps", "runs", "weights")
"""The tables of scores of a `Backtest`."""

TOTALS = "totals"
"""The name of the models of the upper levels in the tables."""

BacktestProgress = Callable[[float, int, str], None]
"""Called with the number of fits that are done, the number of all fits, and a description of the current one."""


@dataclass(frozen=True)
class Backtest:
    """The results of a backtest as tidy tables, with one row for each model and cutoff, and:

    - `levels`: for each level (``level`` in words; ``all`` is all of them together and has a WRMSSE only), with
      ``series`` (how many), ``points`` (known series x days) and ``weights`` (``computed`` or ``file``).
    - `segments`: for each segment of the single series: ``by`` (``steadiness``, ``volume`` or a column), ``segment``.
    - `steps`: for each level and ``step`` (from 1) after the cutoff.
    - `runs`: ``fit_seconds`` and ``forecast_seconds``.
    - `weights`: the weights of the WRMSSE, the same for all models: for each cutoff and level the ``weight`` and the
      ``scale`` of its series, in order.

    The first three have the columns `metrics.METRICS`. `forecasts` is the table of all forecasts (model, keys, cutoff,
    date, step, mean, actual). `totals` is that of the models of upper levels, with ``level`` and the columns of all
    levels in place of the keys. Both are None where a sink took the forecasts.
    """

    levels: pl.DataFrame
    segments: pl.DataFrame
    steps: pl.DataFrame
    runs: pl.DataFrame
    weights: pl.DataFrame
    forecasts: pl.DataFrame | None = None
    totals: pl.DataFrame | None = None

    def leaderboard(self, benchmark: str = BENCHMARK) -> pl.DataFrame:
        """One row for each model, best WRMSSE first: means over the windows.

        ``wrmsse`` is that of all levels together. ``improvement`` is the per cent by which it lies below that of
        `benchmark`, null where that model was not tested. ``improvement_error`` is the standard error of the mean of
        the windows' improvements, in per cent, null where there is one window: what may be chance. The other metrics
        are those of the single series. ``seconds`` is the time to fit and to forecast one window.
        """
        metrics = [metric for metric in METRICS if metric not in ("wrmsse", "mape_left_out")]
        single = self.levels.filter(pl.col("level") == self.levels["level"][-1])
        overall = self.levels.filter(pl.col("level") == ALL_LEVELS)
        board = (
            overall.group_by("model")
            .agg(pl.len().alias("windows"), pl.col("wrmsse").mean())
            .join(single.group_by("model").agg(pl.col(metrics).mean()), on="model")
            .join(
                self.runs.group_by("model").agg(seconds=(pl.col("fit_seconds") + pl.col("forecast_seconds")).mean()),
                on="model",
            )
        )
        reference = board.filter(pl.col("model") == benchmark)["wrmsse"]
        base = reference[0] if len(reference) else None
        improvement = 100 * (1 - pl.col("wrmsse") / pl.lit(base, pl.Float64))
        board = board.join(_improvement_errors(overall, benchmark), on="model", how="left")
        compared = (improvement.alias("improvement"), "improvement_error")
        return board.select("model", "windows", "wrmsse", *compared, *metrics, "seconds").sort(
            "wrmsse", "model", nulls_last=True
        )

    def forecasts_of(self, model: str, cutoff: date) -> pl.DataFrame:
        """The forecasts by `model` for one window; ``totals`` has those of the upper levels.

        Empty where a sink took them.
        """
        table = self.totals if model == TOTALS else self.forecasts
        if table is None:
            return pl.DataFrame()
        return table.filter((pl.col("model") == model) & (pl.col("cutoff") == cutoff))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables of scores by name, the leaderboard first."""
        return {"leaderboard": self.leaderboard(), **{name: getattr(self, name) for name in TABLES}}


def backtest(
    panel: Panel,
    models: Mapping[str, Model],
    horizon: int,
    cutoffs: Sequence[int],
    hierarchy: Hierarchy,
    *,
    weights: str | Path | pl.DataFrame | None = None,
    totals: Totals | None = None,
    segments: tuple[str, ...] = (),
    forecast_sink: Callable[[pl.DataFrame], None] | None = None,
    progress: BacktestProgress | None = None,
) -> Backtest:
    """Fits every model on the panel until each of `cutoffs` (see `cutoffs.cutoffs`) and scores its forecasts.

    - `models` are by the names that they have in the tables. A model prepares once what all windows share; models that
      differ only in how they learn share it (see `models.prepare`).
    - `weights` is a file or a table of WRMSSE weights and scales, see `weights.read_weights`. Without a column
      ``cutoff`` it serves the last window only. The other windows have weights computed from their past.
    - `totals` are models of the upper levels. Their forecasts of every window are collected as those of the model
      ``totals``, and are not scored.
    - `segments` are columns of the series to score by.
    - `forecast_sink` is called with the table of forecasts of each model and window. Without it the result has them.
    - `progress` is called with the number of fits that are done (a fraction while one runs), the number of all fits,
      and a description of the current one.

    Raises UsageError where there is nothing to test or the history ends before a window does, and DataError where
    the file of weights does not fit the hierarchy.
    """
    ordered = sorted(set(cutoffs))
    _check(panel, models, horizon, ordered)
    notify = progress or (lambda done, total, activity: None)
    total = len(ordered) * (len(models) + (totals is not None))
    notify(0, total, "weights and scales")
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    forecasts: list[pl.DataFrame] = []
    forecasts_of_totals: list[pl.DataFrame] = []
    past = panel.until(ordered[-1])
    prepared = prepare(models, past, horizon, ordered)
    sums = totals.sums(past) if totals else None
    prepared_totals = totals.prepare(sums, horizon, ordered) if totals and sums else None
    done = 0
    windows = evaluation_windows(panel, horizon, ordered, hierarchy, weights, segments)
    for day, window in zip(ordered, windows, strict=True):
        past = panel.until(day)
        cutoff = pl.lit(window.cutoff).alias("cutoff")
        frames["weights"].append(window.weights.to_frame(window.groups).select(cutoff, pl.all()))
        for name, model in models.items():
            part = _fit_progress(notify, done, total, f"{name} at {window.cutoff}")
            forecast, run = _run(name, model, past, horizon, prepared[name], part)
            for table, frame in {**window.score(forecast.mean), "runs": run}.items():
                frames[table].append(frame.select(pl.lit(name).alias("model"), cutoff, pl.all()))
            (forecast_sink or forecasts.append)(with_actuals(name, forecast, panel))
            done += 1
        if totals and sums:
            part = _fit_progress(notify, done, total, f"{TOTALS} at {window.cutoff}")
            forecast, run = _run(TOTALS, totals, sums.until(day), horizon, prepared_totals, part)
            frames["runs"].append(run.select(pl.lit(TOTALS).alias("model"), cutoff, pl.all()))
            table_of_totals = forecast.to_polars().select(pl.lit(TOTALS).alias("model"), pl.all())
            (forecast_sink or forecasts_of_totals.append)(table_of_totals)
            done += 1
    notify(total, total, "done")
    tables = {table: pl.concat(parts) for table, parts in frames.items()}
    return Backtest(**tables, forecasts=_concatenated(forecasts), totals=_concatenated(forecasts_of_totals))


def _improvement_errors(overall: pl.DataFrame, benchmark: str) -> pl.DataFrame:
    """The standard error of each model's mean improvement over `benchmark` in the same windows: ``model``,
    ``improvement_error``."""
    base = overall.filter(pl.col("model") == benchmark).select("cutoff", base="wrmsse")
    paired = overall.join(base, on="cutoff").group_by("model")
    error = (100 * (1 - pl.col("wrmsse") / pl.col("base"))).std() / pl.len().sqrt()
    return paired.agg(improvement_error=error)


def _concatenated(frames: list[pl.DataFrame]) -> pl.DataFrame | None:
    return pl.concat(frames) if frames else None


def _fit_progress(notify: BacktestProgress, done: int, total: int, activity: str) -> Progress:
    """The progress of one fit as a fraction of the whole backtest; it first names the `activity`."""
    notify(done, total, activity)
    return lambda part, of: notify(done + 0.95 * part / max(of, 1), total, activity)


def _check(panel: Panel, models: Mapping[str, Model], horizon: int, cutoffs: list[int]) -> None:
    if not models or not cutoffs or not panel.n_series:
        raise UsageError(
            f"A backtest of {many(len(models), 'model')} on {panel.n_series} series in {many(len(cutoffs), 'window')} "
            "has nothing to score; it takes at least one of each."
        )
    beyond = [cutoff for cutoff in cutoffs if not 0 <= cutoff < panel.n_days - horizon]
    if beyond:
        raise UsageError(
            f"{many_do(len(beyond), 'cutoff', 'leave')} no {many(horizon, panel.frequency.noun)} to score within the "
            f"history of {panel.n_days}: days {first_five(beyond)}. Use evaluate.cutoffs.cutoffs."
        )


def evaluation_windows(
    panel: Panel,
    horizon: int,
    cutoffs: list[int],
    hierarchy: Hierarchy,
    weights: str | Path | pl.DataFrame | None,
    segments: tuple[str, ...],
) -> Iterator[EvaluationWindow]:
    """The window of each of `cutoffs` with its actuals and weights, one at a time; parameters as for `backtest`.

    Raises UsageError where `weights` are for none of the windows.
    """
    table = read_weights(weights) if isinstance(weights, str | Path) else weights
    official: dict[int, Weights] = {}
    if table is not None:
        for cutoff in cutoffs:
            date_of_cutoff = panel.until(cutoff).cutoff
            of_window = weights_from_table(table, panel.series, hierarchy, date_of_cutoff, cutoff == cutoffs[-1])
            official |= {} if of_window is None else {cutoff: of_window}
        if not official:
            raise UsageError(
                f"The file of weights has none for these windows; it is for {first_five(table['cutoff'].unique())}. "
                "Move the windows there, or leave 'backtest.weights' out."
            )
    others = [cutoff for cutoff in cutoffs if cutoff not in official]
    computed = dict(zip(others, compute_weights(panel, hierarchy, others), strict=True)) if others else {}
    for cutoff in cutoffs:
        labels = segments_of(panel.until(cutoff), segments)
        yield EvaluationWindow.of(panel, cutoff, horizon, hierarchy, {**computed, **official}[cutoff], labels)


def _run(
    name: str, model: Model | Totals, past: Panel, horizon: int, prepared: Any, progress: Progress
) -> tuple[Forecast, pl.DataFrame]:
    """The forecast of a model that is fitted on `past` only, and a row of the seconds that fit and forecast took."""
    start = time.perf_counter()
    fitted = model.fit(past, horizon, prepared, progress)
    middle = time.perf_counter()
    forecast = fitted.forecast(past)
    end = time.perf_counter()
    expected = (past.n_series, horizon)
    if forecast.mean.shape != expected:
        raise UsageError(
            f"The model '{name}' made a forecast of shape {forecast.mean.shape}; expected [series, step] = {expected}."
        )
    return forecast, pl.DataFrame({"fit_seconds": [middle - start], "forecast_seconds": [end - middle]})


def with_actuals(name: str, forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """The forecast of the model `name` beside the actuals of `panel`: model, keys, cutoff, date, step, mean, actual.

    The table has one row for each series and step. Names are categories, which keeps it small.
    """
    first = panel.day_of(forecast.dates[0])
    actual = panel.units[:, first : first + forecast.horizon]
    names = [pl.col(key).cast(pl.Categorical) for key in forecast.keys if panel.series.schema[key] == pl.String]
    frame = replace(forecast, series=panel.series.select(forecast.keys).with_columns(names)).to_polars()
    return frame.select(
        pl.lit(name).cast(pl.Categorical).alias("model"),
        pl.all(),
        pl.Series("actual", actual.reshape(-1)).fill_nan(None),
    )
