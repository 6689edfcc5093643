"""Where results lie in a project's folder: the one list that the help, the tests and the documents read."""

from __future__ import annotations

DATABASE = "sqlite:///results/forecasts.sqlite"
"""Where forecasts are delivered when the settings name no database."""

FILES: dict[str, dict[str, str]] = {
    "check": {
        "panel/": "the sales as a cube and what is known ahead, as all later steps read them",
        "findings.json": "what was found in the data, worst first",
        "lost_demand.parquet": "days out of stock: what was sold, what would have been, and the units lost (estimated)",
        "lost_demand.csv": "the same, added up for the groups of each level",
        "quarantine.csv": "bad rows: file, line, reason, text",
    },
    "features": {
        "catalogue.csv": "every feature there is for these data, and whether it is used",
        "findings.json": "covariates that no feature in use reads",
    },
    "backtest": {
        "leaderboard.csv": "one row for each model, the best first: means over the windows",
        "levels.parquet": "scores by model, cutoff and level",
        "segments.parquet": "scores by model, cutoff and segment of the single series",
        "steps.parquet": "scores by model, cutoff, level and step",
        "runs.parquet": "seconds that each fit and forecast took",
        "weights.parquet": "what the scores are weighed with: weight and scale by cutoff and level",
        "forecasts/": "every forecast made, beside what happened: MODEL-CUTOFF.parquet; totals-CUTOFF for upper levels",
    },
    "combine": {
        "leaderboard.csv": "the same as of the backtest, with the ensemble of the models",
        "levels.parquet": "likewise",
        "segments.parquet": "likewise",
        "steps.parquet": "likewise",
        "runs.parquet": "likewise",
        "weights.parquet": "likewise",
        "trials.csv": "the ways to blend the models and to bring totals into line, and their WRMSSE in each window",
        "combination.json": "the weights and the way that were chosen",
        "variances.parquet": "error variances of series and groups, where that way is MinT",
        "ranges.parquet": "coverage and width of ranges, learnt from earlier windows, by level, step and segment",
        "quantiles.parquet": "likewise for each quantile: how many actuals lie below, pinball loss, WSPL",
        "scatter.parquet": "how the ensemble's errors scatter, for tonight's ranges",
        "by_day.parquet": "how the ensemble erred by day, as sums: what `monitor` takes for usual",
        "metrics.json": "the ensemble's scores by level as plain numbers by name, such as DVC compares",
        "forecasts/": "the ensemble's forecasts beside what happened: ensemble-CUTOFF.parquet",
    },
    "train": {
        "model/": "the models that have a weight, fitted on the whole history, and how they are combined",
        "drivers.csv": "what they go by: feature, share, meaning",
        "transactions/": "what was learnt of single sales, where 'transactions' in foresell.yaml names a target",
        "revenue/": "daily revenue ahead by SARIMA, and how far it was off before; or why there is none",
    },
    "forecast": {
        "forecasts.parquet": "all levels in one table: level, the columns that levels are made of, cutoff, date, step, "
        "mean, quantiles (q050 is 5 %)"
    },
    "report": {"report.html": "one page that needs nothing else"},
    "record": {},
    "register": {},
    "delivery": {},
}
"""The files of each step under ``results/<step>/``. Each folder also has ``summary.json`` (what the command line
prints, as data) and ``step.json`` (from what, when, how long)."""

SOMETIMES = {"combine": ("variances.parquet",), "train": ("transactions/",)}
"""The files that a step leaves only where the settings, or what it found, ask for them."""

NEEDS: dict[str, tuple[str, ...]] = {
    "check": (),
    "features": ("check",),
    "backtest": ("check",),
    "combine": ("check", "backtest"),
    "train": ("check", "backtest", "combine"),
    "forecast": ("check", "backtest", "combine", "train"),
    "report": ("check", "features", "backtest", "combine", "train", "forecast"),
    "record": ("check", "backtest", "combine"),
    "register": ("check", "backtest", "combine", "record", "train"),
    "delivery": ("check", "backtest", "combine", "train", "forecast"),
}
"""The steps in the order of a whole run, and which others each needs. What goes elsewhere comes last: the report is
there even when a store or a database is down."""

CHAMPION_NEEDS: dict[str, tuple[str, ...]] = {"forecast": ("check",), "delivery": ("check", "forecast")}
"""What those need that need less where a champion forecasts, see `pipeline.forecaster`: it is trained already."""

TUNE = "tune"
"""What stands beside the steps: it is done when it is asked for, and changes the settings."""

TUNE_FILES = {
    "study.db": "the trials that are done, as an Optuna study in SQLite",
    "trials.csv": "one row for each: number, state, WRMSSE of each window, each option, seconds",
    "importance.csv": "how much each option matters for being among the best: option, importance",
    "best.json": "the best trial: its options, what they change, and whether that held in the backtest's windows",
}
"""The files that `tune` leaves under ``results/tune/``, beside ``summary.json``."""

MONITOR, HISTORY = "monitor", "history"
"""What `monitor` makes of the newest sales, and what is kept over time; neither is a step of a run."""

MONITOR_FILES = {
    "monitor.html": "all of it as one page: may the forecasts be planned with, what is off, since when, where",
    "findings.json": "what was found, worst first",
    "summary.json": "which forecasts were judged, their figures beside the backtest's, every check with its bounds",
    "accuracy.parquet": "error, bias, coverage, forecast value added by version, level, group, segment and step",
    "by_day.parquet": "the same forecasts by day, as sums: units, forecast, absolute errors, actuals in the range",
    "by_week.parquet": "the forecasts in use, week by week over all that was kept, beside what is usual of a week",
    "drift.json": "drift of inputs and predictions, column by column; where Evidently is installed",
    "drift.html": "the same as a page of Evidently",
    "baseline.json": "the figures that later ones are held against too; written with --baseline only",
}
"""The files that `monitor` leaves under ``results/monitor/``."""

HISTORY_FILES = {
    "forecasts/": "every forecast as it was made, with seasonal naive beside it: cutoff=DATE/MODEL.parquet; for "
    "'monitoring.keep' days of sales",
    "backtests/": "how the backtest of each model erred, by day: MODEL.parquet",
    "accuracy.parquet": "how each version did, by day: sums by level, group and segment",
    "findings.parquet": "what was found, by the last day of the sales at the time",
    "runs.parquet": "the runs that were recorded: backtests, trainings, searches for options",
    "versions.parquet": "the registered versions: trained when, from which data, their WRMSSE",
    "promotions.parquet": "which version became champion or was refused, when and why",
}
"""The tables under ``results/history/``; MODEL is the fingerprint of the training."""
