"""The backtest: every model at every window, blind to what lies after the cutoff, and scored against it."""

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
from foresell.evaluate.metrics import METRICS
from foresell.evaluate.scores import ALL_LEVELS, Window
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.weights import Weights, compute_weights, given_weights, read_weights
from foresell.models import prepare
from foresell.models.contract import Model, Progress
from foresell.models.totals import Totals

BENCHMARK = "seasonal_naive"
TABLES = ("levels", "segments", "steps", "runs", "weights")
"""The tables of scores of a `Backtest`."""

TOTALS = "totals"
"""The name under which the models of the upper levels stand."""


@dataclass(frozen=True)
class Backtest:
    """What a backtest found, as tidy tables; one row for each model and cutoff, and:

    - `levels`: for each level (``level`` in words; ``all`` is all of them together and has a WRMSSE only), with
      ``series`` (how many), ``points`` (known series x days) and ``weights`` (``computed`` or ``file``).
    - `segments`: for each segment of the single series: ``by`` (``steadiness``, ``volume`` or a column), ``segment``.
    - `steps`: for each level and ``step`` (from 1) after the cutoff.
    - `runs`: ``fit_seconds`` and ``forecast_seconds``.
    - `weights`: what the scores are weighed with, the same for all models: for each cutoff and level the ``weight`` and
      the ``scale`` of its series, in order.

    The first three have the columns `metrics.METRICS`. Where they were not handed on, `forecasts` is the table of all
    forecasts (model, keys, cutoff, date, step, mean, actual), and `totals` that of the models of upper levels, with
    the columns ``level`` and those of all levels in the place of the keys.
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

        ``wrmsse`` is that of all levels together, ``improvement`` by how many per cent it lies below that of
        `benchmark` (null where that did not take part); the other metrics are those of the single series. ``seconds``
        is what it took to fit and to forecast one window.
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
        return board.select("model", "windows", "wrmsse", improvement.alias("improvement"), *metrics, "seconds").sort(
            "wrmsse", "model", nulls_last=True
        )

    def kept(self, model: str, cutoff: date) -> pl.DataFrame:
        """The forecasts by `model` of one window, ``totals`` for those of the upper levels; empty if none was kept."""
        table = self.totals if model == TOTALS else self.forecasts
        if table is None:
            return pl.DataFrame()
        return table.filter((pl.col("model") == model) & (pl.col("cutoff") == cutoff))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables of scores by name, the leaderboard first; each a list of plain rows with ``.to_dicts()``."""
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
    keep: Callable[[pl.DataFrame], None] | None = None,
    progress: Callable[[float, int, str], None] | None = None,
) -> Backtest:
    """Fits every model on the panel until each of `cutoffs` (see `windows.cutoffs`) and scores what it forecasts.

    `models` by the name they shall have in the tables. `weights` is a file (or table) of given WRMSSE weights and
    scales, see `weights.read_weights`: where it has no column ``cutoff`` it serves the last window only; windows it
    does not serve are weighed by what their past shows. Each model may prepare, once, what its windows share,
    and models that differ only in how they learn share that too.
    `totals` are models of upper levels, asked at every window too; their forecasts are kept as those of the model
    ``totals`` and not scored. `keep` takes each table of forecasts as it is made; without it they are collected.
    `progress` is told how many of how many fits are done, in parts too, and what is being done.

    Raises UsageError where there is nothing to test or the history ends before a window does, and DataError where
    the file of weights does not fit the hierarchy.
    """
    ordered = sorted(set(cutoffs))
    _check(panel, models, horizon, ordered)
    tell = progress or (lambda done, total, what: None)
    total = len(ordered) * (len(models) + (totals is not None))
    tell(0, total, "weights and scales")
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    kept: dict[bool, list[pl.DataFrame]] = {True: [], False: []}
    past = panel.until(ordered[-1])
    prepared = prepare(models, past, horizon, ordered)
    above = totals.sums(past) if totals else None
    prepared_above = totals.prepare(above, horizon, ordered) if totals and above else None
    done = 0
    for cutoff, window in zip(ordered, windows(panel, horizon, ordered, hierarchy, weights, segments), strict=True):
        past = panel.until(cutoff)
        label = (pl.lit(window.cutoff).alias("cutoff"),)
        found["weights"].append(window.weights.to_frame(window.groups).select(*label, pl.all()))
        for name, model in models.items():
            forecast, run = _run(name, model, past, horizon, prepared[name], _part(tell, done, total, name, window))
            for table, frame in {**window.score(forecast.mean), "runs": run}.items():
                found[table].append(frame.select(pl.lit(name).alias("model"), *label, pl.all()))
            (keep or kept[False].append)(beside_actual(name, forecast, panel))
            done += 1
        if totals and above:
            part = _part(tell, done, total, TOTALS, window)
            made, run = _run_totals(totals, above.until(cutoff), horizon, prepared_above, part)
            found["runs"].append(run.select(pl.lit(TOTALS).alias("model"), *label, pl.all()))
            (keep or kept[True].append)(made)
            done += 1
    tell(total, total, "done")
    tables = {table: pl.concat(frames) for table, frames in found.items()}
    forecasts, sums = (pl.concat(kept[of]) if kept[of] else None for of in (False, True))
    return Backtest(**tables, forecasts=forecasts, totals=sums)


def _part(
    tell: Callable[[float, int, str], None], done: int, total: int, name: str, window: Window
) -> Callable[[int, int], None]:
    """What a model tells while it is fitted, as a part of the whole; begins by saying which one it is."""
    what = f"{name} at {window.cutoff}"
    tell(done, total, what)
    return lambda some, of: tell(done + 0.95 * some / max(of, 1), total, what)


def _check(panel: Panel, models: Mapping[str, Model], horizon: int, cutoffs: list[int]) -> None:
    if not models or not cutoffs or not panel.n_series:
        raise UsageError(
            f"A backtest of {len(models)} models on {panel.n_series} series in {len(cutoffs)} windows has nothing to "
            "score; it takes at least one of each."
        )
    beyond = [cutoff for cutoff in cutoffs if not 0 <= cutoff < panel.n_days - horizon]
    if beyond:
        raise UsageError(
            f"{len(beyond)} cutoffs leave no {horizon} {panel.frequency.noun}s to score within the history of "
            f"{panel.n_days}: days {first_five(beyond)}. Use evaluate.windows.cutoffs."
        )


def windows(
    panel: Panel,
    horizon: int,
    cutoffs: list[int],
    hierarchy: Hierarchy,
    given: str | Path | pl.DataFrame | None,
    columns: tuple[str, ...],
) -> Iterator[Window]:
    """The truth of the window at each of `cutoffs`, one at a time; see `backtest` for the weights.

    Those that are given serve where they are for the window, computed ones elsewhere.
    """
    table = read_weights(given) if isinstance(given, str | Path) else given
    official: dict[int, Weights] = {}
    if table is not None:
        for cutoff in cutoffs:
            when = panel.until(cutoff).cutoff
            weights = given_weights(table, panel.series, hierarchy, when, cutoff == cutoffs[-1])
            official |= {} if weights is None else {cutoff: weights}
        if not official:
            raise UsageError(
                f"The file of weights has none for these windows; it is for {first_five(table['cutoff'].unique())}. "
                "Move the windows there, or leave 'backtest.weights' out."
            )
    others = [cutoff for cutoff in cutoffs if cutoff not in official]
    measured = dict(zip(others, compute_weights(panel, hierarchy, others), strict=True)) if others else {}
    for cutoff in cutoffs:
        segments = segments_of(panel.until(cutoff), columns)
        yield Window.of(panel, cutoff, horizon, hierarchy, {**measured, **official}[cutoff], segments)


def _run(
    name: str, model: Model, past: Panel, horizon: int, prepared: Any, progress: Progress
) -> tuple[Forecast, pl.DataFrame]:
    """The forecast of a model that saw nothing but the past, and how long it took."""
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


def _run_totals(
    totals: Totals, sums: Panel, horizon: int, prepared: Any, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The forecasts of the upper levels as a table, and how long they took."""
    start = time.perf_counter()
    fitted = totals.fit(sums, horizon, prepared, progress)
    middle = time.perf_counter()
    made = fitted.forecast(sums)
    end = time.perf_counter()
    runs = pl.DataFrame({"fit_seconds": [middle - start], "forecast_seconds": [end - middle]})
    return made.to_frame().select(pl.lit(TOTALS).alias("model"), pl.all()), runs


def beside_actual(name: str, forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """The forecast of the model `name` beside what happened by `panel`: model, keys, cutoff, date, step, mean, actual.

    One row for each series and step; names are categories, which keeps it small.
    """
    first = panel.day_of(forecast.dates[0])
    actual = panel.units[:, first : first + forecast.horizon]
    names = [pl.col(key).cast(pl.Categorical) for key in forecast.keys if panel.series.schema[key] == pl.String]
    frame = replace(forecast, series=panel.series.select(forecast.keys).with_columns(names)).to_frame()
    return frame.select(
        pl.lit(name).cast(pl.Categorical).alias("model"),
        pl.all(),
        pl.Series("actual", actual.reshape(-1)).fill_nan(None),
    )
