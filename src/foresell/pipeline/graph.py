"""The graph of steps: every step of a project is declared here, once, as data.

The command line and its help, `status`, the tree of results in the documents, the fingerprints that say whether a step
is out of date, and the DVC stages are all made from `STEPS`. This file imports nothing heavy, so that help comes at
once: the function of a step is imported when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from foresell.pipeline.step import EVERY_SETTING, Reads, Step

_SCORES = {
    "levels.parquet": "scores by model, cutoff and level",
    "segments.parquet": "scores by model, cutoff and segment of the single series",
    "steps.parquet": "scores by model, cutoff, level and step",
    "runs.parquet": "seconds that each fit and forecast took",
    "weights.parquet": "what the scores are weighed with: weight and scale by cutoff and level",
}

_FORECASTS = (
    "core",
    "engine",
    "features",
    "models",
    "adjust",
    "ensemble.blending",
    "ensemble.champion",
    "ensemble.combination",
    "ensemble.series_models",
)
_EVALUATION = ("evaluate.evaluation_window", "evaluate.metrics", "evaluate.segments", "evaluate.weights")
_DAY_SUMS = ("evaluate.interval_scores", "monitor.accuracy", "pipeline.matured_forecasts")

_DECLARED = (
    Step(
        name="check",
        description="reads and validates the data, and lays them out as a panel",
        verb="check",
        reads=Reads(
            settings=("data", "horizon", "levels", "backtest.windows", "backtest.every", "output.escape_formulas"),
            inputs=(
                "data.sales",
                "data.future",
                "data.items.path",
                "data.stores.path",
                "data.prices.path",
                "data.calendar.path",
                "data.covariates.path",
                "data.periods",
            ),
            code=(
                "core",
                "data",
                "engine.local",
                "engine.protocol",
                "models.closed_days",
                "models.contract",
                "models.launch",
                "models.lost_demand",
                "models.option_checks",
                "store.panels",
            ),
        ),
        files={
            "panel/": "the sales as a cube and what is known ahead, as all later steps read them",
            "findings.json": "what was found in the data, worst first",
            "lost_demand.parquet": "days out of stock: what was sold, what would have been, and the units lost "
            "(estimated)",
            "lost_demand.csv": "the same, added up for the groups of each level",
            "quarantine.csv": "bad rows: file, line, reason, text",
        },
    ),
    Step(
        name="features",
        description="lists the features that the data allow, and which of them are used",
        verb="features",
        needs=("check",),
        reads=Reads(
            settings=("levels", "features", "models", "quality"),
            code=("core", "data", "engine", "features", "models", "ensemble.configured_models"),
        ),
        files={
            "catalogue.csv": "every feature there is for these data, and whether it is used",
            "findings.json": "covariates that no feature in use reads",
        },
    ),
    Step(
        name="backtest",
        description="tries every model on windows of the past",
        verb="backtest",
        needs=("check",),
        reads=Reads(
            settings=(
                "horizon",
                "levels",
                "features",
                "models",
                "quality",
                "totals.levels",
                "totals.models",
                "totals.reconciliation=bottom_up",
                "backtest",
                "seed",
            ),
            inputs=("backtest.weights",),
            code=(
                "core",
                "engine",
                "features",
                "models",
                "ensemble.configured_models",
                "evaluate.backtest",
                "evaluate.cutoffs",
                *_EVALUATION,
                "pipeline.score_tables",
            ),
        ),
        files={
            "leaderboard.csv": "one row for each model, the best first: means over the windows",
            **_SCORES,
            "forecasts/": "every forecast made, beside what happened: MODEL-CUTOFF.parquet; totals-CUTOFF for upper "
            "levels",
        },
    ),
    Step(
        name="combine",
        description="makes one forecast of the models', the ensemble; scores it and its ranges",
        verb="backtest",
        needs=("check", "backtest"),
        reads=Reads(
            settings=("champion", "series_models", "totals.reconciliation"),
            code=(
                "core",
                "adjust",
                "ensemble",
                "evaluate.window_forecasts",
                *_DAY_SUMS,
                "pipeline.ensemble_metrics",
                "pipeline.score_tables",
            ),
        ),
        files={
            "leaderboard.csv": "the same as of the backtest, with the ensemble of the models",
            **dict.fromkeys(_SCORES, "likewise"),
            "trials.csv": "the ways to blend the models and to bring totals into line, and their WRMSSE in each window",
            "combination.json": "the weights and the way that were chosen",
            "variances.parquet": "error variances of series and groups, where that way is MinT",
            "ranges.parquet": "coverage and width of ranges, learnt from earlier windows, by level, step and segment",
            "quantiles.parquet": "likewise for each quantile: how many actuals lie below, pinball loss, WSPL",
            "sums.parquet": "likewise of ranges of sums over several days, drawn from sample paths, by level",
            "scatter.parquet": "how the ensemble's errors scatter, for tonight's ranges",
            "dependence.parquet": "how its errors of different days and series depend on each other, for sample paths",
            "by_day.parquet": "how the ensemble erred by day, as sums: what `monitor` takes for usual",
            "metrics.json": "the ensemble's scores by level as plain numbers by name, such as DVC compares",
            "forecasts/": "the ensemble's forecasts beside what happened: ensemble-CUTOFF.parquet",
        },
        sometimes=("variances.parquet",),
    ),
    Step(
        name="train",
        description="fits on the whole history the models that have a weight",
        verb="train",
        needs=("check", "backtest", "combine"),
        reads=Reads(
            settings=("transactions",),
            code=("core", "ensemble", "transactions", "data.gap_filling", "pipeline.drivers", "pipeline.single_sales"),
        ),
        reads_where={
            "transactions": Reads(
                settings=("data", "serving.range"),
                inputs=("transactions.path", "data.sales"),
                code=("data", "onboarding.column_names", "onboarding.columns", "onboarding.table_sample"),
            )
        },
        files={
            "model/": "the models that have a weight, fitted on the whole history, and how they are combined",
            "drivers.csv": "what they go by: feature, share, meaning",
            "transactions/": "what was learnt of single sales, where 'transactions' in foresell.yaml names a target",
            "revenue/": "daily revenue ahead by SARIMA, and how far it was off before; or why there is none",
        },
        sometimes=("transactions/",),
    ),
    Step(
        name="forecast",
        description="forecasts all levels: mean and quantiles, in one table",
        verb="forecast",
        needs=("check", "backtest", "combine", "train"),
        needs_with_champion=("check",),
        asks_forecaster=True,
        reads=Reads(
            settings=("levels", "output.quantiles"),
            code=(*_FORECASTS, *_EVALUATION, *_DAY_SUMS, "pipeline.forecaster"),
        ),
        files={
            "forecasts.parquet": "all levels in one table: level, the columns that levels are made of, cutoff, date, "
            "step, mean, quantiles (q050 is 5 %)"
        },
        elsewhere="the forecast as it was made, in results/history",
    ),
    Step(
        name="report",
        description="writes the page for planners",
        verb="report",
        needs=("check", "features", "backtest", "combine", "train", "forecast"),
        asks_forecaster=True,
        reads=Reads(
            settings=(EVERY_SETTING,),
            results=("check/summary.json", "tune/summary.json"),
            code=(
                "core",
                "core.version",
                "core.words",
                "evaluate",
                "report",
                "serving.reason_facts",
                "serving.reasons",
                "pipeline.drivers",
                "pipeline.forecaster",
            ),
        ),
        files={"report.html": "one page that needs nothing else"},
    ),
    Step(
        name="record",
        description="keeps the backtest as a run in MLflow",
        verb="backtest",
        needs=("check", "backtest", "combine"),
        reads=Reads(settings=("tracking",)),
        elsewhere="a run in MLflow",
        records_only=True,
    ),
    Step(
        name="register",
        description="keeps the training as a run in MLflow, and its model as a version in the registry",
        verb="train",
        needs=("check", "backtest", "combine", "train", "record"),
        reads=Reads(settings=("tracking",)),
        elsewhere="a run in MLflow, a version in the registry",
        records_only=True,
    ),
    Step(
        name="delivery",
        description="hands the forecasts to the database, and a copy to a folder where one is set",
        verb="forecast",
        needs=("check", "backtest", "combine", "train", "forecast"),
        needs_with_champion=("check", "forecast"),
        asks_forecaster=True,
        reads=Reads(settings=("output.database", "output.folder")),
        elsewhere="the table forecasts of the database",
    ),
)

STEPS: dict[str, Step] = {step.name: step for step in _DECLARED}
"""The steps by name, in the order of a whole run. What goes elsewhere comes last: the report is there even when a store
or a database is down. Each leaves its files in ``results/<step>/``, beside ``summary.json`` (what the command line
prints, as data) and ``step.json`` (from what, when, how long)."""


def walk(wanted: tuple[str, ...] = (), champion: bool = False) -> Iterator[Step]:
    """The `wanted` steps (all where none is named) and those that they need, in the order in which they are done."""
    names = {need for name in wanted for need in (*STEPS[name].needs_of(champion), name)} or set(STEPS)
    return (step for name, step in STEPS.items() if name in names)


def steps_of(verb: str) -> tuple[str, ...]:
    """The steps that a verb of the command line does, in their order."""
    return tuple(name for name, step in STEPS.items() if step.verb == verb)


TUNE, MONITOR, HISTORY = "tune", "monitor", "history"

BESIDE: dict[str, dict[str, str]] = {
    TUNE: {
        "study.db": "the trials that are done, as an Optuna study in SQLite",
        "trials.csv": "one row for each: number, state, WRMSSE of each window, each option, seconds",
        "importance.csv": "how much each option matters for being among the best: option, importance",
        "best.json": "the best trial: its options, what they change, and whether that held in the backtest's windows",
    },
    MONITOR: {
        "monitor.html": "all of it as one page: may the forecasts be planned with, what is off, since when, where",
        "findings.json": "what was found, worst first",
        "summary.json": "which forecasts were judged, their figures beside the backtest's, every check with its bounds",
        "accuracy.parquet": "error, bias, coverage, forecast value added by version, level, group, segment and step",
        "by_day.parquet": "the same forecasts by day, as sums: units, forecast, absolute errors, actuals in the range",
        "by_week.parquet": "the forecasts in use, week by week over all that was kept, beside what is usual of a week",
        "drift.json": "drift of inputs and predictions, column by column; where Evidently is installed",
        "drift.html": "the same as a page of Evidently",
        "baseline.json": "the figures that later ones are held against too; written with --baseline only",
    },
    HISTORY: {
        "forecasts/": "every forecast as it was made, with seasonal naive beside it: cutoff=DATE/MODEL.parquet; for "
        "'monitoring.keep' days of sales",
        "backtests/": "how the backtest of each model erred, by day: MODEL.parquet",
        "accuracy.parquet": "how each version did, by day: sums by level, group and segment",
        "findings.parquet": "what was found, by the last day of the sales at the time",
        "runs.parquet": "the runs that were recorded: backtests, trainings, searches for options",
        "versions.parquet": "the registered versions: trained when, from which data, their WRMSSE",
        "promotions.parquet": "which version became champion or was refused, when and why",
    },
}
"""The files under ``results/`` of what is no step of a run: the search for options, which is done when it is asked for
and also leaves ``summary.json``; what `monitor` makes of the newest sales; and the tables that are kept over time, in
which MODEL is the fingerprint of the training."""
