"""The record of a run: its settings, its origin (data, code, commit), its tables and drawings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from foresell.core.settings import Settings
from foresell.core.version import VERSION
from foresell.ensemble.champion import ENSEMBLE
from foresell.evaluate.calibration import calibration
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.pipeline.code_fingerprint import code_fingerprint
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, TrainSummary
from foresell.pipeline.task import write_json
from foresell.report import charts
from foresell.report.chart_file import standalone
from foresell.store.settings_file import SETTINGS, plain_settings

SCORES = "scores"
TABLES = (
    "leaderboard.csv",
    "levels.parquet",
    "segments.parquet",
    "steps.parquet",
    "runs.parquet",
    "ranges.parquet",
    "sums.parquet",
    "quantiles.parquet",
    "trials.csv",
    "combination.json",
)
"""The files of the step `combine` that are recorded under ``scores/``."""

MOST_DRIVERS = 12  # that are drawn


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested plain data as parameters named by their paths; lists of plain values stay whole.

    >>> flat({"horizon": 28, "models": [{"name": "ets"}], "levels": [["store"]], "champion": None})
    {'horizon': 28, 'models.0.name': 'ets', 'levels': [['store']]}
    """
    parameters: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            parameters |= flat(value, f"{path}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            parameters |= flat({str(index): item for index, item in enumerate(value)}, f"{path}.")
        elif value is not None:
            parameters[path] = value
    return parameters


def origin(results: Results) -> dict[str, str]:
    """The origin of a run as tags: the data, foresell's version and code, the commit of the project."""
    checked = results.summary(CheckSummary)
    tags = {
        "foresell.data": checked.panel,
        "foresell.data_first": checked.first,
        "foresell.data_last": checked.last,
        "foresell.version": VERSION,
        "foresell.code": code_fingerprint(),
        "mlflow.source.name": results.base.resolve().name,
    }
    return tags | commit(results.base)


def commit(folder: Path) -> dict[str, str]:
    """The git commit of `folder` as tags, and whether its files differ from it; empty without git."""
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return {}
    changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no", "--", "."))
    return {"mlflow.source.git.commit": head, "foresell.git_changed": str(changed).lower()}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        process = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None


def write_settings(settings: Settings, folder: Path) -> None:
    """Writes all settings, defaults included: as YAML for people, as JSON for programs."""
    tree = plain_settings(settings)
    write_json(folder / "settings.json", tree)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    (folder / SETTINGS).write_text(text, encoding="utf-8")


def write_scores(results: Results, folder: Path) -> None:
    """Copies the tables of the step `combine` into ``scores/`` and draws them into ``plots/``."""
    (folder / SCORES).mkdir(exist_ok=True)
    for name in TABLES:
        shutil.copy(results.folder("combine") / name, folder / SCORES / name)
    _draw(folder, dict(_score_plots(results)))


def write_drivers(results: Results, folder: Path) -> None:
    """Writes the summary of the step `train` and its table of drivers, and draws the drivers."""
    write_json(folder / "training.json", results.summary(TrainSummary).to_dict())
    table = results.folder("train") / "drivers.csv"
    shutil.copy(table, folder / "drivers.csv")
    drivers = pl.read_csv(table, glob=False, schema_overrides={"share": pl.Float64}).head(MOST_DRIVERS)
    if drivers.height:
        shares = (100 * drivers["share"]).to_list()
        chart = charts.columns(drivers["feature"].to_list(), shares, "% of what the models go by", "drivers")
        _draw(folder, {"drivers": chart})


def draw_trials(trials: pl.DataFrame, folder: Path) -> None:
    """Draws the WRMSSE of each complete trial of a search, and the best WRMSSE up to it."""
    complete = trials.filter(pl.col("wrmsse").is_not_null())
    if complete.height < 2:
        return
    numbers = complete["number"].cast(pl.Float64).to_list()
    series = {
        "the best so far": (numbers, complete["wrmsse"].cum_min().to_list()),
        "each trial": (numbers, complete["wrmsse"].to_list()),
    }
    _draw(folder, {"trials": charts.lines(series, "WRMSSE", "trial", "trials of the search")})


def _draw(folder: Path, plots: Mapping[str, Any]) -> None:
    (folder / "plots").mkdir(exist_ok=True)
    for name, chart in plots.items():
        (folder / "plots" / f"{name}.svg").write_text(standalone(chart), encoding="utf-8")


def _score_plots(results: Results) -> Iterator[tuple[str, Any]]:
    scores = results.scores()
    of_ensemble = scores.levels.filter(pl.col("model") == ENSEMBLE, pl.col("wrmsse").is_not_nan())
    by_level = of_ensemble.group_by("level", maintain_order=True).agg(pl.col("wrmsse").mean()).drop_nulls()
    if by_level.height:
        values = by_level["wrmsse"].to_list()
        yield "wrmsse_by_level", charts.columns(by_level["level"].to_list(), values, "WRMSSE", "WRMSSE by level")
    bottom = scores.steps.filter(pl.col("level") == scores.levels["level"][-1])
    if bottom["step"].n_unique() > 1:
        names = [ENSEMBLE, *(name for name in bottom["model"].unique(maintain_order=True) if name != ENSEMBLE)]
        by_step = bottom.group_by("model", "step").agg(pl.col("wrmsse").fill_nan(None).mean()).sort("step").drop_nulls()
        series = {
            name: (rows["step"].cast(pl.Float64).to_list(), rows["wrmsse"].to_list())
            for name in names
            if (rows := by_step.filter(model=name)).height
        }
        if series:
            yield "wrmsse_by_step", charts.lines(series, "WRMSSE", "step", "WRMSSE of the single series by step")
    counted = results.quantile_trials.filter(pl.col("level") != ALL_LEVELS)
    if counted.height:
        table = calibration(counted)
        ends = dict.fromkeys((table["level"][0], table["level"][-1]))
        lines = {
            name: (rows["probability"].to_list(), rows["observed"].to_list())
            for name in ends
            if (rows := table.filter(level=name)).height
        }
        yield "calibration", charts.diagonal(lines, "actuals below", "quantile", "calibration of quantiles")
