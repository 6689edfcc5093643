"""A year in the life of a forecast, with and without the loop that watches it and keeps it fresh.

    python benchmarks/year.py --out benchmarks/sample/YEAR.md

A sample retailer (`year_events`) whose last year holds a price change, a new store, a wave of stock-outs and a slow
drift. Its project is trained on what came before, and promoted. Then it lives through that year twice:

- with the loop: when new sales have come in, `retrain` is asked (which asks `monitor`), as a nightly job would.
- frozen: the first champion stays; `monitor` is asked and nobody listens.

Each then forecasts with its champion, from the fresh sales. Errors are of these forecasts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from year_events import BEGIN, HORIZON, KEYS, WEEKS, Retailer

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconcile import all_levels
from foresell.core.finding import Finding, Severity
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.flow.champion import Champion
from foresell.flow.forecasts import Forecasts
from foresell.flow.maturing import backtest_days, history_of, kept_frame, rounded
from foresell.flow.monitoring import monitor
from foresell.flow.project import Project
from foresell.flow.promotion import promote
from foresell.flow.retraining import Retrained, retrain
from foresell.flow.service.bundle import MODEL, SCATTER, read_manifest
from foresell.flow.service.source import registry_of
from foresell.flow.steps import Task, read_findings
from foresell.store.tables import write_table
from foresell.store.tracking import FINGERPRINT

LOOP, FROZEN = "with the loop", "frozen"
SETTINGS: dict[str, object] = {
    "horizon": HORIZON,
    "levels": [["store"], ["department"], ["category"], ["store", "department"]],
    "models": [
        {"name": "seasonal_naive"},
        {"name": "moving_average"},
        {"name": "lightgbm", "options": {"trees": 60, "leaves": 15}},
    ],
    "totals": {"reconciliation": "bottom_up"},
    "backtest": {"windows": 6},
    "monitoring": {"max_age": 91},
    "tracking": {"name": "shop"},
}
"""What differs from the defaults: models that learn in seconds, and a champion that may grow a quarter old."""


@dataclass
class Look:
    """What one look came to: the last day of the sales, what was found, and what was retrained."""

    last: date
    findings: list[Finding]
    retrained: dict[str, object] | None = None


@dataclass
class Life:
    """What came of a year: the looks, and the forecasts of the single series beside what was sold."""

    name: str
    looks: list[Look] = field(default_factory=list)
    forecasts: list[pl.DataFrame] = field(default_factory=list)
    first: str = ""
    seconds: float = 0.0


def begin(shop: Retailer, folder: Path) -> None:
    """A project that knows the sales until the year begins, and its first champion."""
    shop.write(folder / "data", BEGIN)
    settings = {"data": _under(shop.settings(), "data"), **SETTINGS}
    (folder / "foresell.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    project = Project(folder)
    project.run("forecast", "register")
    decision = promote(project)
    assert decision.serves, decision.change


def _under(data: dict[str, object], folder: str) -> dict[str, object]:
    """The settings of the data with paths that begin with `folder`."""
    moved = {name: f"{folder}/{data[name]}" for name in ("sales", "future")}
    for name in ("items", "stores", "calendar"):
        table = dict(data[name])  # type: ignore[call-overload]
        moved[name] = table | {"path": f"{folder}/{table['path']}"}
    return data | moved


def live(name: str, shop: Retailer, folder: Path, every: int) -> Life:
    """Lives through the year: new sales come in every so many weeks."""
    life, began = Life(name), time.perf_counter()
    forecast(folder, life)
    for week in range(every, WEEKS + 1, every):
        last = BEGIN + timedelta(days=7 * week)
        shop.write(folder / "data", last)
        life.looks.append(look(name, folder, last))
        forecast(folder, life)
        _say(life, began)
    life.seconds = time.perf_counter() - began
    return life


def look(name: str, folder: Path, last: date) -> Look:
    """What the job of one night does before it forecasts."""
    project = Project(folder)
    if name == FROZEN:
        return Look(last, list(monitor(project).findings))
    done = retrain(project)
    if done.decision is not None and done.decision.serves:
        keep_backtest(project)
    return Look(last, read_findings(project.results.folder("monitor")), _told(done))


def _told(done: Retrained) -> dict[str, object] | None:
    return done.to_dict() if done.decision is not None else None


def keep_backtest(project: Project) -> None:
    """Keeps how the backtest of the new champion erred: what is usual of it."""
    task = _task(project)
    record = task.results.record("train")
    assert record is not None  # it was just trained
    history_of(project.results).keep_backtest(backtest_days(task), record.fingerprint)


def forecast(folder: Path, life: Life) -> None:
    """Forecasts with the champion as it stands from the newest sales, and keeps it as the step `forecast` does.

    That step itself would train anew whenever there are new sales, and forecast with a model that nobody has judged.
    """
    project = Project(folder)
    task, registry = _task(project), registry_of(folder, project.settings)
    version = registry.champion()
    assert version is not None
    life.first = life.first or version.number
    bundle = registry.fetch(version.number, read_manifest)
    bottom = Champion.load(bundle / MODEL).forecast(task.panel)
    hierarchy = Hierarchy.of(task.panel.keys, project.settings.levels)
    ranges = Ranges.load(bundle / SCATTER)
    levels = all_levels(bottom, task.panel.series, hierarchy)
    asked = project.settings.output.quantiles
    made = Forecasts(ranges.apply(levels, task.panel, hierarchy, asked, rounded=False))
    frame = kept_frame(task.panel, hierarchy, made, ranges.whole)
    history_of(project.results).keep_forecast(frame, task.panel.cutoff, version.tags[FINGERPRINT])
    write_table(rounded(made, ranges.whole).to_frame(), project.results.folder("forecast") / "forecasts.parquet")
    life.forecasts.append(_bottom(bottom))


def _bottom(made: Forecast) -> pl.DataFrame:
    return made.to_frame().select(pl.col(KEYS).cast(pl.String), "cutoff", "date", "step", "mean")


def _task(project: Project) -> Task:
    return Task(project.settings, project.folder, project.results, lambda *told, **more: None)


def _say(life: Life, began: float) -> None:
    now = life.looks[-1]
    found = [each for each in now.findings if each.severity == Severity.ERROR]
    done = "" if now.retrained is None else f"; retrained: {now.retrained['decision']['decision']}"  # type: ignore[index]
    severe = ", ".join(f"{each.code} in {each.where}" for each in found) or "nothing severe"
    print(f"{time.perf_counter() - began:5.0f} s  {life.name}, {now.last}: {severe}{done}", flush=True)


def run(name: str, seed: int, place: Path, every: int) -> Life:
    """One of the two lives, in a copy of the project as the year begins."""
    folder = place / name.replace(" ", "-")
    shutil.copytree(place / "project", folder)
    return live(name, Retailer(place / f"made-{name}", seed), folder, every)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="weeks between looks")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):  # there are two lives side by side
        os.environ.setdefault(name, "1")
    from year_report import report

    with tempfile.TemporaryDirectory(prefix="foresell-year-") as name:
        place = Path(name)
        shop = Retailer(place / "made", arguments.seed)
        begin(shop, place / "project")
        print("the first champion is there", flush=True)
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # a fork hangs in the threads of Polars
            jobs = [pool.submit(run, each, arguments.seed, place, arguments.every) for each in (LOOP, FROZEN)]
            lives = {job.result().name: job.result() for job in jobs}
        text = report(lives[LOOP], lives[FROZEN], shop, arguments.seed, arguments.every, SETTINGS)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
