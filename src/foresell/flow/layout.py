"""Where results lie in a project's folder: the one list that the help, the tests and the documents read."""

from __future__ import annotations

SETTINGS = "foresell.yaml"

DATABASE = "sqlite:///results/forecasts.sqlite"
"""Where forecasts are delivered when the settings name no database."""

FILES: dict[str, dict[str, str]] = {
    "check": {
        "panel/": "the sales as a cube and what is known ahead, as all later steps read them",
        "findings.json": "what was found in the data, worst first",
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
        "forecasts/": "every forecast made, beside what happened: MODEL-CUTOFF.parquet",
    },
    "train": {
        "model/": "the champion, fitted on the whole history",
        "ranges.parquet": "how its errors scatter, learnt from the backtest",
        "drivers.csv": "what the model goes by: feature, share, meaning",
    },
    "forecast": {
        "forecasts.parquet": "all levels in one table: level, the columns that levels are made of, cutoff, date, step, "
        "mean, quantiles (q050 is 5 %)"
    },
    "report": {"report.html": "one page that needs nothing else"},
    "delivery": {},
}
"""The files of each step under ``results/<step>/``. Each folder also has ``summary.json`` (what the command line
prints, as data) and ``step.json`` (from what, when, how long)."""

NEEDS: dict[str, tuple[str, ...]] = {
    "check": (),
    "features": ("check",),
    "backtest": ("check",),
    "train": ("check", "backtest"),
    "forecast": ("check", "backtest", "train"),
    "report": ("check", "features", "backtest", "train", "forecast"),
    "delivery": ("check", "backtest", "train", "forecast"),
}
"""The steps in the order of a whole run, and which others each needs. Delivery comes last: the report is there even
when a database is down."""
