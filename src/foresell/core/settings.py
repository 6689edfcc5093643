"""The settings: one frozen, typed tree, read from one YAML file. An unknown key is an error.

Paths are relative to the folder of the settings file, or ``s3://`` addresses. Secrets never stand here: the
credentials of buckets and databases come from the environment.
"""

from __future__ import annotations

import difflib
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from foresell.core.errors import SettingsError

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Probability = Annotated[float, Meta(gt=0, lt=1)]
Columns = tuple[str, ...]


class Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all settings share: they never change, and an unknown key is an error."""


class Table(Strict, frozen=True):
    """A side table with one row for each value of `keys`; its other columns become attributes of the series."""

    path: str
    keys: Columns
    columns: Columns | None = None  # attributes to take; all where not given


class Prices(Strict, frozen=True):
    """A table of prices by series (or part of its keys) and by date or by a week label that the calendar explains."""

    path: str
    keys: Columns
    price: str = "price"
    date: str | None = None
    week: str | None = None


class Calendar(Strict, frozen=True):
    """A table with one row a day: labels of days and weeks, named events, and flags that hold for some series.

    `flags` maps the name of a covariate to where it holds: ``{snap: {by: state_id, columns: {CA: snap_CA}}}``.
    """

    path: str
    date: str = "date"
    day: str | None = None
    week: str | None = None
    events: Columns = ()
    flags: dict[str, Flag] = {}


class Flag(Strict, frozen=True):
    """Which column of the calendar holds for which value of the series' column `by`."""

    by: str
    columns: dict[str, str]


class Data(Strict, frozen=True):
    """Where the sales are and what their columns mean."""

    sales: str
    keys: Columns
    layout: Literal["long", "transactions", "wide"] = "long"
    date: str = "date"
    quantity: str = "units"
    price: str | None = None
    promotion: str | None = None
    known_ahead: Columns = ()  # more columns of the sales table whose future is known
    attributes: Columns = ()  # columns of the sales table that are fixed for a series
    stocked_out: str | None = None  # a true value: the day's units are not what was asked for
    open: str | None = None  # a false value: the day is closed, its units are not known
    day_prefix: str = "d_"  # wide layout: what the names of the day columns begin with
    absent: Literal["zero", "unknown"] = "zero"  # a day without a row, once on sale: nothing sold, or not known
    future: str | None = None  # the same columns after the last sale, without the quantity
    items: Table | None = None
    stores: Table | None = None
    prices: Prices | None = None
    calendar: Calendar | None = None
    frequency: Literal["D", "W", "M"] = "D"
    country: str | None = None  # for public holidays, as an ISO code such as US or DE
    date_format: str | None = None  # such as %d.%m.%Y; found out where not given
    separator: str = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    max_bad_share: Share = 0.01  # the work stops when more than this share of the rows is bad
    until: str | None = None  # use the sales up to this date only


class Features(Strict, frozen=True):
    """Which features: `use` names features or groups of the catalogue (``default``, ``all``), less those of `drop`."""

    use: Columns = ("default",)
    drop: Columns = ()


class Model(Strict, frozen=True):
    """A model by its name in the registry, with its options."""

    name: str
    options: dict[str, Any] = {}


class Totals(Strict, frozen=True):
    """Models of the upper levels, and how the single series are brought into line with them."""

    levels: tuple[Columns, ...] | None = None  # those of large groups where not given; [] is the total alone
    models: tuple[Model, ...] | None = None  # their forecasts are averaged; those of the quality where not given
    reconciliation: str | None = None  # bottom_up, top_down, middle_out LEVEL, mint, combined; the best where not given


class Backtest(Strict, frozen=True):
    """Rolling-origin windows: `windows` cutoffs, `every` days apart (the horizon where not given)."""

    windows: Positive = 3
    every: Positive | None = None
    weights: str | None = None  # official WRMSSE weights and scales: level, key, weight, scale
    segments: Columns = ()  # series columns to score by, beside how much and how steadily a series sells


class Output(Strict, frozen=True):
    """Where results are delivered, beside the project's own folder."""

    quantiles: tuple[Probability, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)
    database: str | None = None  # sqlite:///file.db, duckdb:///file.duckdb or postgresql://…; table `forecasts`
    folder: str | None = None  # a further copy of the forecasts: a path or s3://


class Tracking(Strict, frozen=True):
    """Where runs and models are recorded (MLflow); credentials come from the environment."""

    enabled: bool = True
    uri: str | None = None  # sqlite:///file.db or http(s)://server; the project's results/mlflow.db where not given
    artifacts: str | None = None  # a folder or s3://; the project's results/mlflow where not given
    name: str | None = None  # of the registered model; that of the project's folder at its first run where not given


class Promotion(Strict, frozen=True):
    """What a challenger must show to take the champion's place, over the windows that both were tried on."""

    margin: Share = 0.005  # by so large a share its WRMSSE is lower
    tolerance: Share = 0.05  # by no larger a share is its WRMSSE higher at any level
    coverage: Share = 0.05  # its ranges hold within so much of what they promise, over all levels


class Transactions(Strict, frozen=True):
    """A regression of a column of single sales on others of their columns, beside the forecasts of series."""

    target: str
    inputs: Columns | None = None  # all columns that are known before the sale where not given
    allow: Columns = ()  # inputs to take though they are known only after the sale, such as the units sold
    path: str | None = None  # the table of single sales; data.sales where not given
    models: Columns = ("xgboost", "forest")  # the best of them is kept
    date: str | None = None  # data.date where not given


class Serving(Strict, frozen=True):
    """How the champion answers over HTTP. API keys come from the environment or a file, never from here."""

    log: str | None = None  # predictions as JSON lines: a folder or s3://; results/predictions where not given
    log_rows: Positive = 1000  # written when so many are waiting, or
    log_seconds: Annotated[float, Meta(gt=0)] = 5.0  # when one has waited so long
    range: Probability = 0.9  # how often the range of /predict holds
    max_body_mb: Annotated[float, Meta(gt=0)] = 1.0  # of a request, CSV uploads (which are streamed) excepted
    max_rate: Annotated[float, Meta(gt=0)] = 1000.0  # requests a second of one client
    origins: Columns = ()  # of web pages that may ask (CORS)


class Alerts(Strict, frozen=True):
    """Who is told of findings. ``${NAME}`` in an address is filled in from the environment."""

    webhook: str | None = None  # http(s):// address that takes a JSON body
    format: Literal["plain", "slack"] = "plain"  # of that body
    smtp: str | None = None  # smtp://user:${PASSWORD}@host:587; smtps:// for TLS from the start
    sender: str | None = None  # of e-mails
    receivers: Columns = ()
    severity: Literal["error", "warning", "info"] = "warning"  # findings from this on are told
    again_days: Positive = 7  # what has not changed is told again after so many days


class Monitoring(Strict, frozen=True):
    """How forecasts are watched, and when a new model is asked for."""

    days: Positive = 28  # the newest days whose sales have come in that are looked at
    false_alarms: Probability = 0.01  # how often a look, at accuracy and at drift together, may be wrong to alarm
    drifted_share: Share = 0.3  # of columns; more is a finding
    sample: Positive = 50_000  # rows that drift is looked for in, of each side
    retrain_on: Literal["warning", "error", "never"] = "warning"  # findings from this on ask for a new training
    max_age: Positive = 35  # days after which a champion is old
    every: Positive | None = None  # days between trainings, whatever is found; none where not given
    keep: Positive | None = 400  # days for which a forecast is kept as it was made; null: for ever
    alerts: Alerts = field(default_factory=Alerts)


class Settings(Strict, frozen=True):
    """Everything a project needs to know, as read from ``foresell.yaml``."""

    data: Data
    horizon: Positive = 28
    levels: tuple[Columns, ...] = ()  # between the total and the single series, which are always there
    features: Features = field(default_factory=Features)
    quality: Literal["fast", "best"] = "fast"  # which models are tried, of series and totals, where none are named
    models: tuple[Model, ...] | None = None
    totals: Totals = field(default_factory=Totals)
    champion: str | None = None  # a model, or a blend of them; the best of the backtest where not given
    backtest: Backtest = field(default_factory=Backtest)
    output: Output = field(default_factory=Output)
    tracking: Tracking = field(default_factory=Tracking)
    promotion: Promotion = field(default_factory=Promotion)
    transactions: Transactions | None = None
    serving: Serving = field(default_factory=Serving)
    monitoring: Monitoring = field(default_factory=Monitoring)
    seed: int = 1


def _explain(error: msgspec.ValidationError, source: str) -> str:
    """The error with the nearest correct key, where one was misspelled."""
    message = str(error)
    unknown = re.search(r"unknown field `(.+?)`", message)
    hint = ""
    if unknown:
        known = {name for kind in Strict.__subclasses__() for name in kind.__struct_fields__}
        near = difflib.get_close_matches(unknown.group(1), sorted(known), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
    where = message.replace("$.", "").replace("Object contains", "it contains")
    return f"The settings in {source} cannot be used: {where}.{hint}"


def parse_settings(tree: object, source: str = "the settings") -> Settings:
    """Settings from plain data, such as a parsed YAML file. Raises SettingsError with the place and the reason."""
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(error, source)) from error


def read_settings(path: str | Path) -> Settings:
    """Settings from a YAML file. Raises SettingsError when it is missing, not YAML, or does not fit."""
    import yaml

    path = Path(path)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no settings file {path}. Make one with: foresell init FOLDER --data SALES_FILE"
        ) from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        raise SettingsError(f"{path} is not valid YAML{line}: {getattr(error, 'problem', error)}.") from error
    return parse_settings(_dates_as_text(tree), str(path))


def _dates_as_text(tree: Any) -> Any:
    """YAML reads a date that stands without quotes as one; the settings have them as texts."""
    if isinstance(tree, dict):
        return {key: _dates_as_text(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_dates_as_text(value) for value in tree]
    return tree.isoformat() if isinstance(tree, date) else tree
