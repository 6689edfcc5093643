"""What the neural network `lstm` adds to the ensemble.

    python benchmarks/neural.py --data ../shared/data --work FOLDER
    python benchmarks/neural.py --data ../shared/data --work FOLDER --back 1 --only jewelry --options '{"units": 64}'

Each set is a project that `foresell init` makes, with the models of `fast`. To the forecasts of its backtest those of
the network are added, which is fitted at the same cutoffs, and all are combined with it and without. At each cutoff the
ensemble is the one that the windows before it would have chosen. Reported are the last horizon of the small sets, and
three windows of M5, of every tenth item in all stores: nothing was chosen there. With `--back` n the data of a small
set end n horizons earlier: choices were made with 1. Projects and forecasts are kept in FOLDER. Writes NEURAL.md.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from markdown_table import table
from measure import measure
from more_sets import SETS

from foresell.ensemble.backtest_ensemble import window_forecasts
from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.configured_models import BASELINES
from foresell.ensemble.selection import select_combination
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.evaluate.window_forecasts import WindowForecasts
from foresell.models import make
from foresell.onboarding.presets import apply
from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
NETWORK = "lstm"
M5, M5_HORIZON, M5_EVERY, M5_LAST = "m5", 28, 10, 1829
WINDOWS = {M5: 3, "jewelry": 4, "orange juice": 4}
SCORED = {M5: 3, "jewelry": 1, "orange juice": 1}
"""The last windows that count; those before them only teach the ensemble."""


def m5_settings(data: Path, folder: Path) -> dict:
    """The preset of M5 for every tenth item; the files of these are written to `folder`."""
    source, items = data / "m5", set()
    with (
        gzip.open(source / "sales_train_evaluation.csv.gz", "rt") as whole,
        gzip.open(folder / "sales_train_evaluation.csv.gz", "wt", compresslevel=1) as part,
    ):
        part.write(next(whole))
        for line in whole:
            item = line.split(",")[1].strip('"')
            if int(item[-3:]) % M5_EVERY == 0:
                items.add(item)
                part.write(line)
    prices = pl.read_csv(source / "sell_prices.csv.gz").filter(pl.col("item_id").is_in(list(items)))
    prices.write_csv(folder / "sell_prices.csv")
    shutil.copy(source / "calendar.csv", folder)
    return apply("m5", str(folder.resolve()), Path()).settings


def small_settings(name: str, data: Path, folder: Path) -> dict:
    """What `foresell init` writes for one of the sets of `more_sets`."""
    each, sales = SETS[name], folder / f"{name.replace(' ', '_')}.csv"
    each.read(data).write_csv(sales)
    ahead = ["--known-ahead", ",".join(each.ahead)] if each.ahead else []
    command = [sys.executable, "-m", "foresell", "init", str(folder / "init"), "--data", str(sales.resolve())]
    measure([*command, "--force", "--horizon", str(each.horizon), *ahead], folder / "init.log")
    tree = yaml.safe_load((folder / "init" / "foresell.yaml").read_text())
    tree["data"]["sales"] = str(sales.resolve())
    return tree


def until(name: str, asked: argparse.Namespace) -> str:
    """The last date of the data: of M5 d_1829, of a small set so many horizons before its end."""
    if name == M5:
        return str(pl.read_csv(asked.data / "m5" / "calendar.csv")["date"].sort()[M5_LAST - 1])
    dates = SETS[name].read(asked.data)["date"].unique().sort()
    return str(dates[-1 - asked.back * SETS[name].horizon])


def project_of(name: str, folder: Path, asked: argparse.Namespace) -> Project:
    """The project of a set in `folder`, whose models are combined."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "results" / "combine" / "step.json").exists():
        tree = m5_settings(asked.data, folder) if name == M5 else small_settings(name, asked.data, folder)
        tree["backtest"] = {**tree.get("backtest", {}), "windows": WINDOWS[name]}
        if name == M5 or asked.back:
            tree["data"]["until"] = until(name, asked)
        (folder / "foresell.yaml").write_text(yaml.safe_dump(tree))
        Project(folder).run("combine")
    return Project(folder)


def network_forecasts(folder: Path, cutoffs: Sequence[str], options: dict) -> tuple[list[np.ndarray], list[dict]]:
    """The network's forecast [series, step] at each cutoff, and what a process took that made it."""
    kept = folder / f"{NETWORK}-{hashlib.sha256(json.dumps(options).encode()).hexdigest()[:8]}"
    kept.mkdir(exist_ok=True)
    means, costs = [], []
    for cutoff in cutoffs:
        mean, cost = kept / f"{cutoff}.npy", kept / f"{cutoff}.json"
        if not cost.exists():
            job = [str(folder), cutoff, json.dumps(options), str(mean)]
            spent = measure([sys.executable, str(Path(__file__).resolve()), "--fit", *job], mean.with_suffix(".log"))
            cost.write_text(json.dumps(asdict(spent)))
        means.append(np.load(mean))
        costs.append(json.loads(cost.read_text()))
    return means, costs


def fit(folder: str, cutoff: str, options: str, out: str) -> None:
    """Fits the network of these options on a project's panel until `cutoff`, and keeps its forecast."""
    project = Project(Path(folder))
    past = project.results.panel.until(cutoff)
    np.save(out, make(NETWORK, **json.loads(options)).fit(past, project.settings.horizon).forecast(past).mean)


def scores(windows: Sequence[WindowForecasts], means: Sequence[np.ndarray]) -> np.ndarray:
    """WRMSSE of all levels and RMSSE of the single series of forecasts [series, step] of some windows: [window, 2]."""
    found = []
    for window, mean in zip(windows, means, strict=True):
        levels = window.evaluation.score(mean)["levels"]
        of_level = dict(zip(levels["level"], zip(levels["wrmsse"], levels["rmsse"], strict=True), strict=True))
        found.append([of_level[ALL_LEVELS][0], of_level[levels["level"][-1]][1]])
    return np.array(found)


def section(name: str, asked: argparse.Namespace) -> list[str]:
    """The lines about a set: models by score, and what the network costs."""
    folder = asked.work / f"{name.replace(' ', '_')}-{asked.back}"
    results = project_of(name, folder, asked).results
    panel, tested = results.panel, results.scores("backtest")
    plain = window_forecasts(panel, results.hierarchy, tested, results.model_forecasts)
    means, costs = network_forecasts(folder, [str(window.cutoff) for window in plain], asked.options)
    added = [replace(each, means={**each.means, NETWORK: mean}) for each, mean in zip(plain, means, strict=True)]
    forecasts = {f"{ENSEMBLE} with `{NETWORK}`": select_combination(added, BASELINES).means}
    forecasts[f"{ENSEMBLE} without"] = select_combination(plain, BASELINES).means
    forecasts |= {model: [window.means[model] for window in added] for model in added[0].means}
    last = slice(-SCORED[name], None)
    found = {label: scores(plain, each)[last] for label, each in forecasts.items()}
    seconds = dict(tested.runs.group_by("model").agg(pl.col("fit_seconds", "forecast_seconds").mean().sum()).select(
        "model", pl.sum_horizontal("fit_seconds", "forecast_seconds")).iter_rows())  # fmt: skip
    seconds[NETWORK] = float(np.mean([cost["wall_seconds"] for cost in costs]))
    rows = []
    for label, each in found.items():
        by_window = ", ".join(f"{wrmsse:.4f} / {rmsse:.4f}" for wrmsse, rmsse in each)
        cells = [f"{value:.4f}" for value in each.mean(axis=0)]
        rows.append([label, *cells, by_window, f"{seconds[label]:.1f}" if label in seconds else ""])
    with_it, without, *single = (each.mean(axis=0) for each in found.values())
    change, beside = with_it / without - 1, with_it[0] / min(each[0] for each in single) - 1
    spent = {name: float(np.mean([cost[name] for cost in costs])) for name in costs[0]}
    return [
        f"## {name}: {panel.n_series:,} series, {panel.n_days:,} periods",
        "",
        table(["forecast", "WRMSSE", "RMSSE of single series", "both by window", "seconds a window"], rows),
        "",
        f"With the network the ensemble's WRMSSE is {change[0]:+.1%} and its RMSSE {change[1]:+.1%}; its WRMSSE is",
        f"{beside:+.1%} beside the best single model. A process that fits the network and forecasts took, in all,",
        f"{spent['wall_seconds']:.0f} s, {spent['cpu_seconds']:.0f} s of processor time, {spent['peak_gb']:.2f} GB.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with more/ and m5/")
    parser.add_argument("--work", type=Path, help="folder for the projects")
    parser.add_argument("--only", help="names of sets, with commas (default: all)")
    parser.add_argument("--back", type=int, default=0, help="how many horizons before the end of the data")
    parser.add_argument("--options", type=json.loads, default={}, help="options of the network, as JSON")
    parser.add_argument("--fit", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        return fit(*asked.fit)
    lines = ["# What the network adds", "", "Made by `benchmarks/neural.py`, which says how.", ""]
    for name in asked.only.split(",") if asked.only else list(WINDOWS):
        found = section(name, asked)
        print("\n".join(found), flush=True)
        lines += found
    if not asked.only and not asked.back:
        (HERE / "NEURAL.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
