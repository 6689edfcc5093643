"""What the neural network `lstm` adds to the ensemble.

    python benchmarks/neural.py --data ../shared/data --work FOLDER
    python benchmarks/neural.py --data ../shared/data --work FOLDER --back 1 --only jewelry --options '{"units": 64}'

Each set is a project that `foresell init` makes, with the models of `fast` and `lstm` beside them. Its backtest is done
once, and its models are combined with the network and without. The last of the windows end with the data. At each
cutoff the ensemble is the one that the windows before it would have chosen. What one fit of the network needs at the
last cutoff is measured in a process of its own. M5 is every tenth item in all stores. With `--back` n the data end n
horizons earlier: all choices about the network were made there. Projects are kept in FOLDER; one that is done is not
done again. Writes NEURAL.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import yaml
from markdown_table import table
from measure import measure
from more_sets import SETS

from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.configured_models import QUALITIES, models_of
from foresell.evaluate.backtest import TABLES, Backtest
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.onboarding.presets import apply
from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
NETWORK = "lstm"
M5, M5_HORIZON, M5_EVERY = "m5", 28, 10
WINDOWS = {M5: 4, "jewelry": 4, "orange juice": 4}
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
    return yaml.safe_load((folder / "init" / "foresell.yaml").read_text())


def until(name: str, asked: argparse.Namespace) -> str:
    """The last date of the data that end some horizons earlier."""
    if name == M5:
        dates = pl.read_csv(asked.data / "m5" / "calendar.csv")["date"].sort()[:1941]
        return str(dates[-1 - asked.back * M5_HORIZON])
    dates = SETS[name].read(asked.data)["date"].unique().sort()
    return str(dates[-1 - asked.back * SETS[name].horizon])


def project_of(name: str, asked: argparse.Namespace) -> Project:
    """The project of a set, with the network among its models."""
    folder = asked.work / name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / "settings.json"
    if not plain.exists():
        tree = m5_settings(asked.data, folder) if name == M5 else small_settings(name, asked.data, folder)
        plain.write_text(json.dumps(tree))
    tree = json.loads(plain.read_text())
    tree["backtest"] = {**tree.get("backtest", {}), "windows": WINDOWS[name]}
    if asked.back:
        tree["data"]["until"] = until(name, asked)
    models = [{"name": model.name} for model in QUALITIES["fast"]] + [{"name": NETWORK, "options": asked.options}]
    project = folder / f"project_{asked.back}"
    project.mkdir(exist_ok=True)
    (project / "foresell.yaml").write_text(yaml.safe_dump({**tree, "models": models}))
    return Project(project)


def without(project: Project) -> Backtest:
    """The scores of the backtest where the network is not among its models, with those of the ensemble."""
    results = project.results
    tested = results.scores("backtest")
    tables = {name: getattr(tested, name).filter(pl.col("model") != NETWORK) for name in TABLES if name != "weights"}
    return ensemble(results.panel, results.hierarchy, replace(tested, **tables), results.model_forecasts).scores


def scores(tested: Backtest, windows: int) -> pl.DataFrame:
    """The scores of every model in the last `windows`: WRMSSE of all levels, RMSSE of the single series, seconds."""
    levels = tested.levels
    cutoffs = levels["cutoff"].unique().sort()[-windows:]
    levels = levels.filter(pl.col("cutoff").is_in(cutoffs.implode()))
    single = levels.filter(level=levels["level"][-1]).select("model", "cutoff", "rmsse")
    seconds = tested.runs.select("model", "cutoff", seconds=pl.col("fit_seconds") + pl.col("forecast_seconds"))
    return (
        levels.filter(level=ALL_LEVELS)
        .select("model", "cutoff", "wrmsse")
        .join(single, on=["model", "cutoff"])
        .join(seconds, on=["model", "cutoff"], how="left")
    )


def fit_cost(folder: Path) -> dict[str, float]:
    """What a process takes that loads the panel, fits the network at the last cutoff and forecasts."""
    cost = folder / "cost.json"
    if not cost.exists():
        command = [sys.executable, str(Path(__file__).resolve()), "--fit", str(folder)]
        cost.write_text(json.dumps(asdict(measure(command, folder / "fit.log"))))
    return json.loads(cost.read_text())


def fit(project: Project) -> None:
    """One fit and forecast of the network of a project, at the last cutoff of its backtest."""
    settings, panel = project.settings, project.results.panel
    past = panel.until(panel.n_days - 1 - settings.horizon)
    models_of(settings)[NETWORK].fit(past, settings.horizon).forecast(past)


def section(name: str, project: Project, folder: Path) -> list[str]:
    """The lines about a set: models by score, and what the network costs."""
    windows = SCORED[name]
    whole, less = scores(project.results.scores(), windows), scores(without(project), windows)
    labelled = [(f"{ENSEMBLE} with `{NETWORK}`", whole, ENSEMBLE), (f"{ENSEMBLE} without", less, ENSEMBLE)]
    labelled += [(model, whole, model) for model in whole["model"].unique(maintain_order=True) if model != ENSEMBLE]
    rows = []
    for label, found, model in labelled:
        own = found.filter(model=model).sort("cutoff")
        means = [f"{own[score].mean():.4f}" for score in ("wrmsse", "rmsse")]
        rows.append(
            [label, *means, ", ".join(f"{value:.4f}" for value in own["wrmsse"]), f"{own['seconds'].mean():.1f}"]
        )
    (own, single), (other, other_single) = (map(float, row[1:3]) for row in rows[:2])
    best = min(float(row[1]) for row in rows[2:])
    cost = fit_cost(folder)
    panel = project.results.panel
    return [
        f"## {name}: {panel.n_series:,} series, {panel.n_days:,} periods",
        "",
        table(["forecast", "WRMSSE", "RMSSE of single series", "WRMSSE by window", "seconds a window"], rows),
        "",
        f"With the network its WRMSSE is {own / other - 1:+.1%} (RMSSE {single / other_single - 1:+.1%}), and",
        f"{own / best - 1:+.1%} beside the best single model. Loading the panel, one fit and its forecast took",
        f"{cost['wall_seconds']:.0f} s, {cost['cpu_seconds']:.0f} s of processor time and {cost['peak_gb']:.2f} GB.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with more/ and m5/")
    parser.add_argument("--work", type=Path, help="folder for the projects")
    parser.add_argument("--only", help="names of sets, with commas (default: all)")
    parser.add_argument("--back", type=int, default=0, help="how many horizons before the end of the data")
    parser.add_argument("--options", type=json.loads, default={}, help="options of the network, as JSON")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        return fit(Project(asked.fit))
    lines = ["# What the network adds", "", "Made by `benchmarks/neural.py`, which says how.", ""]
    for name in asked.only.split(",") if asked.only else list(WINDOWS):
        project = project_of(name, asked)
        project.run("combine")
        found = section(name, project, project.folder)
        print("\n".join(found), flush=True)
        lines += found
    if not asked.only and not asked.back:
        (HERE / "NEURAL.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
