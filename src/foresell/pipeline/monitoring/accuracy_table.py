"""The table ``accuracy`` of ``results/monitor``: the figures of each forecast on the newest days, by node and step."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.monitor.accuracy import ALL, LEVEL, NODE, SEGMENT, figures
from foresell.pipeline.matured_forecasts import Matured, nominal_of
from foresell.pipeline.monitoring.logged_predictions import LoggedPredictions, logged_figures
from foresell.store.history import History

STEP = "step"
_SCORED = ("mae", "rmsse", "wrmsse")


def accuracy_table(
    history: History,
    newest: pl.DataFrame,
    matured: Sequence[Matured],
    predictions: LoggedPredictions,
    panel: Panel,
    settings: Settings,
) -> pl.DataFrame:
    """The figures of the day sums `newest` with those of each model's backtest, and the figures of the predictions that
    the API made. `graph.BESIDE` has the columns."""
    by_node = _by_node_and_step(newest, ["version", "model", "cutoff"])
    table = _with_backtest(_with_scores(by_node, matured), history)
    nominal = pl.lit(nominal_of(settings.output.quantiles), pl.Float64)
    batch = table.with_columns(source=pl.lit("batch"), nominal=nominal)
    if not predictions.daily.height:
        return batch
    logged = logged_figures(predictions.daily, panel).with_columns(nominal=pl.lit(settings.serving.range, pl.Float64))
    return pl.concat([batch, logged], how="diagonal_relaxed")


def _by_node_and_step(daily: pl.DataFrame, label: Sequence[str] = ()) -> pl.DataFrame:
    """The figures of every node, and of every step of each level; the latter have the ``part`` ``step``."""
    levels = daily.filter(pl.col("part") == LEVEL)
    steps = figures(levels, [*label, *NODE, STEP]).with_columns(part=pl.lit(STEP))
    return pl.concat([figures(daily, [*label, *NODE]), steps], how="diagonal_relaxed")


def _with_scores(table: pl.DataFrame, matured: Sequence[Matured]) -> pl.DataFrame:
    """The table with MAE, RMSSE and WRMSSE of levels, segments and steps, as `evaluate` computes them."""
    scored = [_scores(forecast) for forecast in matured if forecast.scores]
    if not scored:
        return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _SCORED)
    on = ["model", "cutoff", *NODE, STEP]
    return table.join(pl.concat(scored), on=on, how="left", nulls_equal=True, maintain_order="left")


def _with_backtest(table: pl.DataFrame, history: History) -> pl.DataFrame:
    """The table with WAPE, bias, coverage and value added of each model's backtest."""
    names = ("wape", "bias", "coverage", "value_added")
    before = []
    for model in table["model"].unique(maintain_order=True):
        daily = history.backtest(model)
        if daily is not None:
            renamed = (pl.col(name).alias(f"{name}_backtest") for name in names)
            before.append(_by_node_and_step(daily).select(pl.lit(model).alias("model"), *NODE, STEP, *renamed))
    if not before:
        return table.with_columns(pl.lit(None, pl.Float64).alias(f"{name}_backtest") for name in names)
    on = ["model", *NODE, STEP]
    return table.join(pl.concat(before), on=on, how="left", nulls_equal=True, maintain_order="left")


def _scores(forecast: Matured) -> pl.DataFrame:
    """MAE, RMSSE and WRMSSE of one forecast, by the nodes of the table ``accuracy``."""
    no_step = pl.lit(None, pl.Int16).alias(STEP)
    scores = forecast.scores
    tables = {
        LEVEL: scores["levels"].select(pl.col("level").alias("of"), pl.lit(ALL).alias("name"), no_step, *_SCORED),
        SEGMENT: scores["segments"].select(
            pl.col("by").alias("of"), pl.col("segment").alias("name"), no_step, *_SCORED
        ),
        STEP: scores["steps"].select(pl.col("level").alias("of"), pl.lit(ALL).alias("name"), STEP, *_SCORED),
    }
    label = pl.lit(forecast.kept.model).alias("model"), pl.lit(forecast.kept.cutoff).alias("cutoff")
    rows = [
        table.select(*label, pl.lit(part).alias("part"), pl.all()).with_columns(pl.col(_SCORED).cast(pl.Float64))
        for part, table in tables.items()
    ]
    return pl.concat(rows)
