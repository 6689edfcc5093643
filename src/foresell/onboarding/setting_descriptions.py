"""Every setting in words, with an example for those that have no default: what `foresell init` writes as comments."""

from __future__ import annotations

from typing import Any

_TABLE: dict[str, tuple[str, Any]] = {
    "path": ("the table: one row for each value of its keys", "items.csv"),
    "keys": ("its columns that the sales have too", ["item"]),
    "columns": ("columns to take; all where not given", ["category", "brand"]),
}
_STORES = {**_TABLE, "path": (_TABLE["path"][0], "stores.csv"), "keys": (_TABLE["keys"][0], ["store"])}
_STORES["columns"] = (_TABLE["columns"][0], ["region", "format"])
_PRICES = {
    "path": ("the table", "prices.csv"),
    "keys": ("its columns that the sales have too", ["store", "item"]),
    "price": ("its column of prices", "price"),
    "date": ("its column of dates, where prices are by date", "date"),
    "week": ("or its column of weeks, where a column of that name in the calendar explains them", "week"),
}
_CALENDAR = {
    "path": ("the table: one row for each date", "calendar.csv"),
    "date": ("its column of dates", "date"),
    "day": ("its column with the names of a wide table's day columns", "d"),
    "week": ("its column with the weeks of the prices", "week"),
    "events": ("its columns with names of events", ["event"]),
    "flags": (
        "columns of yes and no that hold for the series with a value",
        {"payday": {"by": "state", "columns": {"CA": "payday_CA", "TX": "payday_TX"}}},
    ),
}
_DATA = {
    "sales": (
        "The sales: a CSV (also gzipped) or Parquet file, a folder or pattern of them, or s3://BUCKET/KEY.",
        "sales.csv",
    ),
    "keys": ("The columns that name a series; with the date they name a row.", ["store", "item"]),
    "layout": (
        "long: a row for each series and date. transactions: lines to add up. wide: a column for each day.",
        "long",
    ),
    "date": ("The column of dates.", "date"),
    "quantity": ("The column to forecast: what was sold (returns negative, in transactions).", "units"),
    "price": ("The column of prices, in the sales table.", "price"),
    "promotion": ("The column that says whether (or how strongly) a series was promoted.", "promotion"),
    "known_ahead": (
        "More columns of the sales table that are known before the day, such as school holidays.",
        ["school_holiday"],
    ),
    "attributes": ("Columns of the sales table that are fixed for a series, such as its category.", ["category"]),
    "stocked_out": (
        "The column that is true where stock ran out: the day's units are less than was asked for.",
        "stocked_out",
    ),
    "open": ("The column that is false where the day was closed: its units are not known, rather than zero.", "open"),
    "day_prefix": ("Wide layout: what the names of the day columns begin with.", "d_"),
    "absent": (
        "A day without a row, once on sale: zero (nothing was sold) or unknown (closed, or not recorded).",
        "zero",
    ),
    "future": (
        "A table like the sales for the days to come, without the quantity: planned prices and promotions.",
        "future.csv",
    ),
    "items": ("A table of items; its columns become attributes of the series.", _TABLE),
    "stores": ("A table of stores; its columns become attributes of the series.", _STORES),
    "prices": ("A table of prices, where the sales table has none.", _PRICES),
    "calendar": ("A table of dates: events, and days that matter for some series.", _CALENDAR),
    "frequency": ("D for days, W for weeks, M for months.", "D"),
    "country": ("The country whose public holidays count, as a code such as US or DE.", "DE"),
    "date_format": ("How dates are written, such as %d.%m.%Y; found out where not given.", "%d.%m.%Y"),
    "separator": ("What stands between the columns of a text file.", ","),
    "decimal": ("The decimal mark: a point or a comma.", "."),
    "encoding": ("The encoding of text files: utf-8, cp1252 (Western Windows), utf-16 …", "utf-8"),
    "max_bad_share": ("The work stops when more than this share of the rows is bad.", 0.01),
    "until": ("Use the sales up to this date only.", "2025-12-31"),
}
_FEATURES = {
    "use": ("features or groups of them that `foresell features` lists; all takes every one", ["default"]),
    "drop": ("less these", ["last_year"]),
}
_MODEL = {
    "name": ("as `foresell train --help` lists them", "lightgbm"),
    "options": ("the model's own options", {}),
}
_TOTALS = {
    "models": ("as above; their forecasts are averaged", [{"name": "lightgbm"}]),
    "levels": ("those that have models; where not given, those of large groups", [["store"]]),
    "reconciliation": (
        "bottom_up, top_down, middle_out LEVEL, mint or combined; where not given, the best of the backtest",
        "mint",
    ),
}
_BACKTEST = {
    "windows": ("how many cutoffs, counted back from the last sale", 3),
    "every": ("periods between two cutoffs; the horizon where not given", 28),
    "weights": ("a file of official WRMSSE weights and scales: level, key, weight, scale", "weights.parquet"),
    "segments": ("columns of the series to score by, beside how much and how steadily they sell", ["category"]),
}
_OUTPUT = {
    "quantiles": ("the probabilities of the quantiles", [0.05, 0.25, 0.5, 0.75, 0.95]),
    "database": (
        "a database for the table `forecasts`: sqlite:///, duckdb:/// or postgresql://; where not given, "
        "sqlite:///results/forecasts.sqlite",
        "duckdb:///sales.duckdb",
    ),
    "folder": ("a further copy of the forecasts: a path or s3://BUCKET/PREFIX", "s3://bucket/forecasts"),
}

_TRACKING = {
    "enabled": ("false keeps no runs and no versions of the model", True),
    "uri": (
        "sqlite:///FILE or the address of an MLflow server; where not given, results/mlflow.db",
        "sqlite:///runs.db",
    ),
    "artifacts": ("a folder or s3://BUCKET/PREFIX; where not given, results/mlflow", "s3://bucket/models"),
    "name": (
        "of the registered model; where not given, that of this folder at the first run (with a server: always)",
        "shop",
    ),
}
_PROMOTION = {
    "margin": ("the challenger's WRMSSE is lower by this share at least", 0.005),
    "tolerance": ("at no level is it higher by more than this share", 0.05),
    "coverage": ("its ranges hold within so much of what they promise, over all levels", 0.05),
}
_TRANSACTIONS = {
    "target": ("the number to predict; revenue may be quantity times price", "revenue"),
    "inputs": ("columns to go by; where not given, all that are known before the sale", ["store", "item"]),
    "allow": ("inputs to take though they are known only after the sale", ["units"]),
    "path": ("the table of single sales; data.sales where not given", "receipts.csv"),
    "models": ("the best of them is kept", ["xgboost", "forest"]),
    "date": ("the column with the date; data.date where not given", "date"),
}
_SERVING = {
    "range": ("how often the range of /predict holds", 0.9),
    "log": ("predictions as JSON lines: a folder or s3://; where not given, results/predictions", "s3://bucket/log"),
    "log_rows": ("written when so many are waiting", 1000),
    "log_seconds": ("or when one has waited so long", 5.0),
    "max_body_mb": ("of a request; CSV uploads may be of any size", 1.0),
    "max_rate": ("requests a second of one client", 1000.0),
    "origins": ("web pages that may ask (CORS)", ["https://shop.example"]),
}
_ALERTS = {
    "webhook": "${SLACK_WEBHOOK}",
    "format": "slack",
    "smtp": "smtp://planner:${MAIL_PASSWORD}@mail.example:587",
    "sender": "foresell@example.com",
    "receivers": ["planning@example.com"],
    "severity": "warning",
    "again_days": 7,
}
_MONITORING = {
    "days": ("the newest days whose sales have come in that are looked at", 28),
    "false_alarms": ("how often a look, at accuracy and at drift together, may be wrong to alarm", 0.01),
    "drifted_share": ("more drifted columns than this share are an error", 0.3),
    "sample": ("rows that drift is looked for in", 50_000),
    "retrain_on": ("findings that ask `retrain` for a new training: warning and worse, error, or never", "warning"),
    "max_age": ("days of sales after which `retrain` takes the champion to be old", 35),
    "every": ("days of sales between trainings, whatever is found", 28),
    "keep": ("days of sales for which a forecast is kept as it was made; what came of it is kept for good", 400),
    "alerts": ("who is told of findings; ${NAME} comes from the environment", _ALERTS),
}

# A setting's words, then an example; for a part with settings of its own these, in the same form.
SETTINGS: dict[str, tuple[str, Any]] = {
    "data": ("Where the sales are and what their columns mean.", _DATA),
    "horizon": ("How many periods (days, weeks, months) to forecast.", 28),
    "levels": ("Levels to forecast and score, between the total and the single series.", [["store"], ["category"]]),
    "features": ("What the models may look at.", _FEATURES),
    "quality": ("Which models to try where none are named: fast, or best, which takes some ten times as long.", "best"),
    "models": ("The models to try.", _MODEL),
    "totals": ("Models of the upper levels, and how the single series are brought into line with them.", _TOTALS),
    "champion": (
        "What to forecast with: a model, or mean or weighted for all of them. Where not given, the best of the "
        "backtest.",
        "lightgbm",
    ),
    "backtest": ("How the models are tried out on the past.", _BACKTEST),
    "output": ("What a forecast holds, and where it is delivered beside this folder.", _OUTPUT),
    "tracking": ("Where runs and versions of the model are kept, by MLflow.", _TRACKING),
    "promotion": ("What a new version must show to become champion.", _PROMOTION),
    "transactions": ("A number of single sales to predict too, such as their revenue.", _TRANSACTIONS),
    "serving": ("How the champion answers over HTTP.", _SERVING),
    "monitoring": ("How forecasts are watched, and when a new model is asked for.", _MONITORING),
    "seed": ("The same seed gives the same forecasts.", 1),
}
