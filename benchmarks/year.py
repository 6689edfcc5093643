"""Years in the life of a forecast, with and without the loop that watches it and keeps it fresh.

    python benchmarks/year.py --out benchmarks/sample/YEAR.md

A sample retailer of each seed (`year_events`), whose last year holds a price change, a new store, a wave of stock-outs
and a slow drift. Its project is trained on what came before, and promoted. Then it lives through that year three times:

- frozen: the first champion stays; `monitor` is asked and nobody listens.
- by findings: when new sales have come in, `retrain` is asked (which asks `monitor`), as a nightly job would; a
  champion may grow as old as it likes, so that only findings ask for a new one.
- by findings and age: the same with 'monitoring.max_age' as it is by default.

Each then forecasts from the fresh sales: the step `forecast`, which asks the champion. Errors are of these forecasts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from rates import FIRST_SEED
from year_events import BEGIN, KEYS, WEEKS, Retailer
from year_records import FROZEN, LIVES, SETTINGS, Life, Look, Year
from year_report import report

from foresell.core.hierarchy import level_name
from foresell.pipeline.lifecycle.promotion import promote
from foresell.pipeline.lifecycle.retraining import Retraining, retrain
from foresell.pipeline.monitoring.monitor import monitor
from foresell.pipeline.project import Project
from foresell.pipeline.results import read_findings


def begin(seed: int, place: Path) -> Year:
    """A project that knows the sales until the year begins, and its first champion."""
    shop, folder = Retailer(place / f"made-{seed}", seed), place / f"project-{seed}"
    shop.write(folder / "data", BEGIN)
    settings = {"data": _under(shop.settings(), "data"), **SETTINGS}
    _write_settings(folder, settings)
    project = Project(folder)
    project.run("forecast", "register")
    decision = promote(project)
    assert decision.serves, decision.change
    _say(seed, "the first champion is there")
    return Year(seed, shop.rows)


def _write_settings(folder: Path, settings: dict[str, object]) -> None:
    (folder / "foresell.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def _under(data: dict[str, object], folder: str) -> dict[str, object]:
    """The settings of the data with paths that begin with `folder`."""
    moved = {name: f"{folder}/{data[name]}" for name in ("sales", "future")}
    for name in ("items", "stores", "calendar"):
        table = dict(data[name])  # type: ignore[call-overload]
        moved[name] = table | {"path": f"{folder}/{table['path']}"}
    return data | moved


def live(seed: int, name: str, place: Path, every: int, weeks: int) -> Life:
    """One of the lives, in a copy of the project as the year begins: new sales come in every so many weeks."""
    shop, folder = Retailer(place / f"made-{seed}-{name}", seed), place / f"life-{seed}-{name.replace(' ', '-')}"
    shutil.copytree(place / f"project-{seed}", folder)
    settings = yaml.safe_load((folder / "foresell.yaml").read_text(encoding="utf-8"))
    _write_settings(folder, settings | {"monitoring": LIVES[name]})
    life, began = Life(name), time.perf_counter()
    life.forecasts.append(forecast(folder))
    for week in range(every, weeks + 1, every):
        last = BEGIN + timedelta(days=7 * week)
        shop.write(folder / "data", last)
        life.looks.append(look(name, folder, last))
        life.forecasts.append(forecast(folder))
        _say_look(seed, life)
    life.seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    return life


def look(name: str, folder: Path, last: date) -> Look:
    """What the job of one night does before it forecasts."""
    project = Project(folder)
    if name == FROZEN:
        return Look(last, list(monitor(project).findings))
    done = retrain(project)
    return Look(last, read_findings(project.results.folder("monitor")), _told(done))


def _told(done: Retraining) -> dict[str, object] | None:
    return done.to_dict() if done.decision is not None else None


def forecast(folder: Path) -> pl.DataFrame:
    """Forecasts from the newest sales, and keeps it: those of the single series."""
    project = Project(folder)
    project.run("forecast")
    bottom = project.forecasts.filter(pl.col("level").cast(pl.String) == level_name(project.panel.keys))
    return bottom.select(pl.col(KEYS).cast(pl.String), "cutoff", "date", "step", "mean")


def _say_look(seed: int, life: Life) -> None:
    done = life.looks[-1].retrained
    if done is not None:
        asked = "; ".join(each["text"].partition(":")[0] for each in done["reasons"])  # type: ignore[attr-defined]
        decision = done["decision"]["decision"]  # type: ignore[index]
        _say(seed, f"{life.name}, {life.looks[-1].last}: {decision}, asked by {asked}")


def _say(seed: int, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  seed {seed}, {text}", flush=True)


def years(seeds: range, place: Path, every: int, weeks: int, jobs: int) -> list[Year]:
    """The years of all seeds, lived through side by side."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:  # a fork hangs in the threads of Polars
        begun = [pool.submit(begin, seed, place) for seed in seeds]
        found = {made.seed: made for made in (job.result() for job in begun)}
        lived = {(seed, name): pool.submit(live, seed, name, place, every, weeks) for seed in seeds for name in LIVES}
        for (seed, name), job in lived.items():
            found[seed].lives[name] = job.result()
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--every", type=int, default=1, help="weeks between looks")
    parser.add_argument("--weeks", type=int, default=WEEKS, help="of the year that are lived through")
    parser.add_argument("--jobs", type=int, default=2, help="lives side by side")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):  # lives are side by side
        os.environ.setdefault(name, "1")
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    with tempfile.TemporaryDirectory(prefix="foresell-year-") as name:
        made = years(seeds, Path(name), arguments.every, arguments.weeks, arguments.jobs)
    text = report(made, arguments.every, arguments.weeks)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
