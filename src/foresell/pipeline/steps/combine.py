"""The step `combine`: how the forecasts of the models become one, and how far that one may be off."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.ranges import Ranges
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.range_backtest import backtest_ranges, coverage_by_segment
from foresell.ensemble.series_models import unmet_conditions
from foresell.ensemble.sum_scores import coverage_of_sums
from foresell.pipeline.ensemble_metrics import metrics
from foresell.pipeline.matured_forecasts import backtest_days
from foresell.pipeline.score_tables import write_forecasts, write_scores
from foresell.pipeline.summaries import CombineSummary
from foresell.pipeline.task import Task, write_json
from foresell.store.tables import write_table


def run(task: Task, folder: Path) -> CombineSummary:
    """Makes one forecast of the models', and learns from its errors how far to trust it."""
    settings, parts = task.settings, count()
    total = 5 + settings.backtest.windows // 2

    def tell(doing: str) -> None:
        task.tell(min(next(parts), total), total, doing)

    tested = ensemble(
        task.panel,
        task.hierarchy,
        task.scores("backtest"),
        task.model_forecasts,
        segments=settings.backtest.segments,
        champion=settings.champion,
        reconciliation=settings.totals.reconciliation,
        series_models=settings.series_models,
        progress=tell,
    )
    tested.combination.save(folder)
    tested.trials.write_csv(folder / "trials.csv")
    write_scores(tested.scores, folder)
    (folder / "forecasts").mkdir()
    for frame in tested.forecasts.partition_by("cutoff"):
        write_forecasts(frame, folder)
    range_tables = backtest_ranges(task.panel, task.hierarchy, tested, tell)
    for name, frame in range_tables.items():
        write_table(frame, folder / f"{name}.parquet")
    tell("how its errors scatter")
    errors = tested.comparable_forecasts(task.panel)
    ranges = Ranges.learn(errors, task.panel, task.hierarchy)
    ranges.save(folder / "scatter.parquet")
    Dependence.learn(errors, task.panel, task.hierarchy, ranges).save(folder / "dependence.parquet")
    by_day = backtest_days(task.panel, task.hierarchy, tested.forecasts, settings.backtest.segments)
    write_table(by_day, folder / "by_day.parquet")
    write_json(folder / "metrics.json", metrics(tested.scores, range_tables))
    return CombineSummary(
        best=ENSEMBLE,
        ranges=coverage_by_segment(range_tables["ranges"]).to_dicts(),
        sums=coverage_of_sums(range_tables["sums"]).to_dicts(),
        leaderboard=tested.scores.leaderboard().to_dicts(),
        final_wrmsse=tested.selection.final_wrmsse,
        weights=tested.combination.blend.weights.to_dicts(),
        reconciliation=dict(tested.combination.reconciliation.shares),
        series_models=tested.combination.series_by_model,
        warnings_found=unmet_conditions(settings.series_models, task.panel.series),
    )
