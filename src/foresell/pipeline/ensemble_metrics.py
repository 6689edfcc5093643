"""The ensemble's scores as plain numbers by name, such as MLflow keeps and DVC compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.range_backtest import coverage_by_segment
from foresell.ensemble.sum_scores import coverage_of_sums
from foresell.evaluate.backtest import Backtest
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.evaluate.interval_scores import wspl
from foresell.evaluate.metrics import METRICS


def metrics(tested: Backtest, range_tables: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    """The ensemble's scores by level, means over the windows, and the WRMSSE of each model, from the tables of scores
    and those of `ensemble.range_backtest.backtest_ranges`.

    ``wrmsse`` and ``wspl`` are those of all levels together; ``wrmsse/total`` and so on those of a level,
    ``coverage_90/total`` the share of actuals in the range of 90 %, ``coverage_90_of_7/total`` that of sums over seven
    days, ``models/lightgbm/wrmsse`` that of a model.
    """
    scores = dict(_of_levels(tested.levels.filter(pl.col("model") == ENSEMBLE)))
    for row in tested.leaderboard().iter_rows(named=True):
        scores[f"models/{row['model']}/wrmsse"] = row["wrmsse"]
    for row in coverage_by_segment(range_tables["ranges"]).filter(by="all").iter_rows(named=True):
        promised = f"{100 * row['nominal']:g}/{row['level']}"
        scores |= {f"coverage_{promised}": row["coverage"], f"relative_width_{promised}": row["relative_width"]}
    for row in coverage_of_sums(range_tables["sums"]).iter_rows(named=True):
        scores[f"coverage_{100 * row['nominal']:g}_of_{row['days']}/{row['level']}"] = row["coverage"]
    wspl_rows = wspl(range_tables["quantiles"])
    for level, value in wspl_rows.group_by("level", maintain_order=True).agg(pl.col("wspl").mean()).iter_rows():
        scores["wspl" if level == ALL_LEVELS else f"wspl/{level}"] = value
    return {name: float(value) for name, value in scores.items() if value is not None and value == value}


def _of_levels(rows: pl.DataFrame) -> Iterator[tuple[str, float | None]]:
    means = rows.group_by("level", maintain_order=True).agg(pl.col(METRICS).cast(pl.Float64).fill_nan(None).mean())
    for row in means.iter_rows(named=True):
        for name in METRICS:
            yield (name if row["level"] == ALL_LEVELS else f"{name}/{row['level']}"), row[name]
