"""What the neural network `lstm` adds to the ensemble: the same projects with and without it.

    python benchmarks/neural.py --data ../shared/data --work FOLDER
    python benchmarks/neural.py --data ../shared/data --work FOLDER --back 1 --only jewelry --options '{"units": 64}'

Each set is a project that `foresell init` makes, with the models of `fast`, and another one with `lstm` beside them.
Both do the backtest and combine the models; what they need is measured. The last of the windows end with the data. At
each cutoff the ensemble is the one that the windows before it would have chosen. M5 is every tenth item in all stores.
With `--back` n the data end n horizons earlier: all choices about the network were made there. Projects are kept in
FOLDER; one that is done is not done again. Writes NEURAL.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
import yaml
from markdown_table import table
from measure import measure
from more_sets import SETS

from foresell.ensemble.champion import ENSEMBLE
from foresell.ensemble.configured_models import QUALITIES
from foresell.evaluate.backtest import ALL_LEVELS
from foresell.onboarding.presets import apply
from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
NETWORK = "lstm"
M5, M5_HORIZON, M5_EVERY = "m5", 28, 10
WINDOWS = {M5: 6, "jewelry": 4, "orange juice": 4}
SCORED = {M5: 4, "jewelry": 1, "orange juice": 1}
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


def projects(name: str, asked: argparse.Namespace) -> dict[str, Path]:
    """The two projects of a set, without and with the network."""
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
    fast = [{"name": model.name} for model in QUALITIES["fast"]]
    sides = {}
    for side, models in {"without": [], "with": [{"name": NETWORK, "options": asked.options}]}.items():
        sides[side] = folder / f"{side}_{asked.back}"
        sides[side].mkdir(exist_ok=True)
        (sides[side] / "foresell.yaml").write_text(yaml.safe_dump({**tree, "models": fast + models}))
    return sides


def scores(project: Path, windows: int) -> pl.DataFrame:
    """The scores of every model in the last `windows`: WRMSSE of all levels, RMSSE of the single series, seconds."""
    levels = pl.read_parquet(project / "results" / "combine" / "levels.parquet")
    cutoffs = levels["cutoff"].unique().sort()[-windows:]
    levels = levels.filter(pl.col("cutoff").is_in(cutoffs.implode()))
    single = levels.filter(level=levels["level"][-1]).select("model", "cutoff", "rmsse")
    runs = pl.read_parquet(project / "results" / "backtest" / "runs.parquet")
    seconds = runs.select("model", "cutoff", seconds=pl.col("fit_seconds") + pl.col("forecast_seconds"))
    return (
        levels.filter(level=ALL_LEVELS)
        .select("model", "cutoff", "wrmsse")
        .join(single, on=["model", "cutoff"])
        .join(seconds, on=["model", "cutoff"], how="left")
    )


def compare(name: str, asked: argparse.Namespace) -> dict:
    """The scores and costs of the two projects of a set, without and with the network."""
    sides = {}
    for side, project in projects(name, asked).items():
        cost = project / "cost.json"
        if not cost.exists():
            command = [sys.executable, str(Path(__file__).resolve()), "--job", str(project)]
            cost.write_text(json.dumps(asdict(measure(command, project / "run.log"))))
        sides[side] = {"cost": json.loads(cost.read_text()), "scores": scores(project, SCORED[name])}
    return sides


def section(name: str, sides: dict) -> list[str]:
    """The lines about a set: models by score, and what both projects cost."""
    whole, without = sides["with"]["scores"], sides["without"]["scores"]
    labelled = [(f"{ENSEMBLE} with `{NETWORK}`", whole, ENSEMBLE), (f"{ENSEMBLE} without", without, ENSEMBLE)]
    labelled += [(model, whole, model) for model in whole["model"].unique(maintain_order=True) if model != ENSEMBLE]
    rows = []
    for label, found, model in labelled:
        own = found.filter(model=model).sort("cutoff")
        means = [f"{own[score].mean():.4f}" for score in ("wrmsse", "rmsse")]
        seconds = "" if own["seconds"].null_count() else f"{own['seconds'].mean():.1f}"
        rows.append([label, *means, ", ".join(f"{value:.4f}" for value in own["wrmsse"]), seconds])
    (own, single), (other, other_single) = (map(float, row[1:3]) for row in rows[:2])
    best = min(float(row[1]) for row in rows[2:])
    spent = {
        side: f"{cost['wall_seconds']:.0f} s ({cost['cpu_seconds']:.0f} s of processor time, {cost['peak_gb']:.2f} GB)"
        for side, cost in ((side, each["cost"]) for side, each in sides.items())
    }
    return [
        f"## {name}",
        "",
        table(["forecast", "WRMSSE", "RMSSE of single series", "WRMSSE by window", "seconds a window"], rows),
        "",
        f"With the network its WRMSSE is {own / other - 1:+.1%} (RMSSE {single / other_single - 1:+.1%}), and",
        f"{own / best - 1:+.1%} beside the best single model. The backtest took {spent['with']} with it and",
        f"{spent['without']} without.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with more/ and m5/")
    parser.add_argument("--work", type=Path, help="folder for the projects")
    parser.add_argument("--only", help="names of sets, with commas (default: all)")
    parser.add_argument("--back", type=int, default=0, help="how many horizons before the end of the data")
    parser.add_argument("--options", type=json.loads, default={}, help="options of the network, as JSON")
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        Project(asked.job).run("combine")
        return
    lines = ["# What the network adds", "", "Made by `benchmarks/neural.py`, which says how.", ""]
    for name in asked.only.split(",") if asked.only else list(WINDOWS):
        found = section(name, compare(name, asked))
        print("\n".join(found), flush=True)
        lines += found
    if not asked.only and not asked.back:
        (HERE / "NEURAL.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
