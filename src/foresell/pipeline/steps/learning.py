"""The steps that learn: the backtest of the models, how their forecasts become one, and the training for tonight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.core.errors import SettingsError
from foresell.core.settings import Settings
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.champion import ENSEMBLE, Champion, fit
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import models_of, totals_of
from foresell.ensemble.range_backtest import backtest_ranges, coverage_by_segment
from foresell.ensemble.selection import MEAN, WEIGHTED
from foresell.evaluate.backtest import TOTALS, Backtest, backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.features.question import Feature
from foresell.pipeline.matured_forecasts import backtest_days
from foresell.pipeline.progress import Pace
from foresell.pipeline.run_record import metrics
from foresell.pipeline.steps import transactions
from foresell.pipeline.task import Task, write_json
from foresell.store.tables import is_remote, write_table


def run_backtest(task: Task, folder: Path) -> dict[str, Any]:
    """The backtest: every model at every window, with all forecasts and scores written out."""
    settings, panel = task.settings, task.panel
    models, totals = models_of(settings), totals_of(settings, panel, task.hierarchy)
    _check_champion(settings, models)  # now, rather than when the backtest is done
    transactions.check(settings, task.base)
    (folder / "forecasts").mkdir()
    weights = settings.backtest.weights
    days = cutoffs(panel, settings.horizon, settings.backtest.windows, settings.backtest.every)
    pace = Pace([*models, *([TOTALS] if totals else [])], len(days))
    result = backtest(
        panel,
        models,
        settings.horizon,
        days,
        task.hierarchy,
        weights=None if weights is None else weights if is_remote(weights) else task.base / weights,
        totals=totals,
        segments=settings.backtest.segments,
        forecast_sink=lambda frame: _keep(frame, folder),
        progress=lambda done, total, doing: task.tell(done, total, doing, pace.left(done)),
    )
    _write(result, folder)
    return {
        "models": list(models),
        "totals": [] if totals is None else [list(level) for level in totals.levels],
        "windows": [str(cutoff) for cutoff in result.runs["cutoff"].unique().sort()],
    }


def _check_champion(settings: Settings, models: Iterable[str]) -> None:
    known = [*models, MEAN, WEIGHTED]
    if settings.champion is not None and settings.champion not in known:
        raise SettingsError(
            f"The champion '{settings.champion}' is not among {', '.join(known)}. Add it to 'models', or leave "
            "'champion' out to take the best."
        )


def _keep(frame: pl.DataFrame, folder: Path) -> None:
    write_table(frame, folder / "forecasts" / f"{frame['model'][0]}-{frame['cutoff'][0]}.parquet")


def _write(tested: Backtest, folder: Path) -> None:
    for name, frame in tested.tables().items():
        if name == "leaderboard":
            frame.write_csv(folder / "leaderboard.csv")
        else:
            write_table(frame, folder / f"{name}.parquet")


def run_combine(task: Task, folder: Path) -> dict[str, Any]:
    """Makes one forecast of the models', and learns from its errors how far to trust it."""
    settings, parts = task.settings, count()
    total = 5 + settings.backtest.windows // 2

    def tell(doing: str) -> None:
        task.tell(min(next(parts), total), total, doing)

    made = ensemble(
        task.panel,
        task.hierarchy,
        task.scores("backtest"),
        task.kept,
        segments=settings.backtest.segments,
        champion=settings.champion,
        reconciliation=settings.totals.reconciliation,
        progress=tell,
    )
    made.combination.save(folder)
    made.trials.write_csv(folder / "trials.csv")
    _write(made.scores, folder)
    (folder / "forecasts").mkdir()
    for frame in made.forecasts.partition_by("cutoff"):
        _keep(frame, folder)
    tried = backtest_ranges(task.panel, task.hierarchy, made, tell)
    for name, frame in tried.items():
        write_table(frame, folder / f"{name}.parquet")
    tell("how its errors scatter")
    Ranges.learn(made.comparable_forecasts(task.panel), task.panel, task.hierarchy).save(folder / "scatter.parquet")
    by_day = backtest_days(task.panel, task.hierarchy, made.forecasts, settings.backtest.segments)
    write_table(by_day, folder / "by_day.parquet")
    write_json(folder / "metrics.json", metrics(made.scores, tried))
    return {
        "best": ENSEMBLE,
        "ranges": coverage_by_segment(tried["ranges"]).to_dicts(),
        "leaderboard": made.scores.leaderboard().to_dicts(),
        "weights": made.combination.blend.weights.to_dicts(),
        "reconciliation": dict(made.combination.reconciliation.shares),
    }


def drivers_of(champion: Champion, features: Mapping[str, Feature]) -> pl.DataFrame:
    """What the models go by: ``feature``, ``share``, ``meaning``, the greatest share first."""
    meanings = pl.DataFrame(
        [(name, feature.meaning) for name, feature in features.items()],
        schema={"feature": pl.String, "meaning": pl.String},
        orient="row",
    )
    return champion.drivers().join(meanings, on="feature", how="left", maintain_order="left")


def train(task: Task, folder: Path) -> dict[str, Any]:
    """Fits the models that have a weight on the whole history, and those of the upper levels where they have a say;
    and what there is beside them: the model of single sales, daily revenue."""
    settings, panel = task.settings, task.panel
    combination = Combination.load(task.results.folder("combine"))
    needed = [*combination.blend.models, *([TOTALS] if combination.needs_totals else [])]
    parts = 1 + len(needed)
    last = dict(task.scores("backtest").runs.sort("cutoff").select("model", "fit_seconds").iter_rows())

    def tell(name: str) -> None:
        done = needed.index(name)
        left = sum(last.get(each, float("nan")) for each in needed[done:])
        task.tell(done + 1, parts, f"{name} on the whole history", left)

    beside = transactions.train_beside(task, folder, lambda doing: task.tell(0, parts, doing))

    totals = totals_of(settings, panel, task.hierarchy)
    champion = fit(panel, settings.horizon, models_of(settings), totals, combination, tell)
    champion.save(folder / "model")
    drivers = drivers_of(champion, task.features)
    drivers.write_csv(folder / "drivers.csv")
    task.tell(parts, parts, "done")
    return {
        "model": champion.name,
        "models": list(champion.models),
        "cutoff": panel.cutoff.isoformat(),
        "drivers": drivers["feature"].head(5).to_list(),
        "warnings_found": [f"{f.code} in {f.where}: {f.message}" for f in champion.findings],
        **beside,
    }
