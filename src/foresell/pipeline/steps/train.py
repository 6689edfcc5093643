"""The step `train`: the models that have a weight, fitted on the whole history."""

from __future__ import annotations

from pathlib import Path

from foresell.ensemble.champion import fit
from foresell.ensemble.configured_models import models_of, totals_of
from foresell.evaluate.backtest import TOTALS
from foresell.pipeline.drivers import drivers_of
from foresell.pipeline.single_sales import fit_sales_models
from foresell.pipeline.summaries import TrainSummary
from foresell.pipeline.task import Task


def run(task: Task, folder: Path) -> TrainSummary:
    """Fits the models that have a weight on the whole history, and those of the upper levels where they have a say;
    and what there is beside them: the model of single sales, daily revenue."""
    settings, panel, combination = task.settings, task.panel, task.combination
    needed = [*combination.models, *([TOTALS] if combination.needs_totals else [])]
    parts = 1 + len(needed)
    seconds = dict(task.scores("backtest").runs.sort("cutoff").select("model", "fit_seconds").iter_rows())

    def tell(name: str) -> None:
        done = needed.index(name)
        left = sum(seconds.get(model, float("nan")) for model in needed[done:])
        task.tell(done + 1, parts, f"{name} on the whole history", left)

    sales_models = fit_sales_models(task, folder, lambda doing: task.tell(0, parts, doing))

    totals = totals_of(settings, panel, task.hierarchy)
    models = models_of(settings, task.steps.checkpoints(TrainSummary.step))
    champion = fit(panel, settings.horizon, models, totals, combination, tell)
    champion.save(folder / "model")
    drivers = drivers_of(champion, task.features)
    drivers.write_csv(folder / "drivers.csv")
    task.tell(parts, parts, "done")
    return TrainSummary(
        model=champion.name,
        models=list(champion.models),
        cutoff=panel.cutoff,
        drivers=drivers["feature"].head(5).to_list(),
        warnings_found=[f"{f.code} in {f.where}: {f.message}" for f in champion.findings],
        revenue=sales_models.revenue,
        transactions=sales_models.transactions,
    )
