"""Time and peak memory of training and of a forecast on a large synthetic panel: what grows with the number of series.

    python benchmarks/blocks.py --out blocks.json
    python benchmarks/blocks.py --series 30000 --days 1000 --folder /tmp/panel

Makes a panel of stores and items with prices and promotions (once, where --folder is given), then runs each job as a
process of its own:

- ``train``: the models of `quality: fast` with equal weights, and the models of the totals, fitted on all days.
- ``forecast``: the saved champion's forecast of all series, of all levels and their quantiles.

Private memory is what a process holds itself; the panel is mapped from its files, and the system may drop those pages
at any time. So it is what must fit. Seconds are those of the machine it ran on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from measure import measure

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import BOTTOM_UP, Reconciliation, all_levels
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known, Panel
from foresell.core.settings import Features
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import Champion, fit
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import QUALITIES, TOTALS, make_models, make_totals
from foresell.evaluate.backtest import with_actuals
from foresell.models import make
from foresell.store.panels import load_panel, save_panel

HORIZON, STORES, BLOCK = 28, 10, 1000
LEVELS = (("store",), ("department",), ("store", "department"))
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def make_panel(n_series: int, n_days: int, seed: int = 1) -> Panel:
    """Items in ten stores, 20 items a department; Poisson sales with a week, a year, launches and promotions."""
    random = np.random.default_rng(seed)
    total, rows = n_days + HORIZON, np.arange(n_series)
    store, item = rows % STORES, rows // STORES
    names = {"store": store, "item": item, "department": item // 20 % 70}
    series = pl.DataFrame({name: [f"{name} {number}" for number in values] for name, values in names.items()})
    day = np.arange(total)
    season = (1 + 0.4 * np.sin(2 * np.pi * day / 7)) * (1 + 0.2 * np.sin(2 * np.pi * day / 365))
    units, price, promotion = (np.empty((n_series, length), np.float32) for length in (n_days, total, total))
    for start in range(0, n_series, BLOCK):
        part = slice(start, min(start + BLOCK, n_series))
        shape = (part.stop - part.start, total)
        promotion[part] = random.random(shape) < 0.05
        price[part] = np.round(random.uniform(1, 20, (shape[0], 1)) * (1 - 0.2 * promotion[part]), 2)
        level = random.lognormal(0, 1, (shape[0], 1))
        units[part] = random.poisson(level * season * (1 + promotion[part]))[:, :n_days]
        begin = np.where(random.random(shape[0]) < 0.2, random.integers(0, n_days, shape[0]), 0)
        units[part][np.arange(n_days) < begin[:, None]] = np.nan
    dates = np.datetime64("2022-01-01") + day
    known = {"price": Known.of_each(price), "promotion": Known.of_each(promotion)}
    return Panel(series, ("item", "store"), dates, units, known)


def ranges_of(panel: Panel, hierarchy: Hierarchy) -> Ranges:
    """Ranges that are learnt from the errors of a moving average in the last window."""
    past = panel.until(panel.cutoff - timedelta(HORIZON))
    return Ranges.learn(
        with_actuals("plain", make("moving_average").fit(past, HORIZON).forecast(past), panel), panel, hierarchy
    )


def train(panel: Panel, folder: Path) -> None:
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    models = make_models(QUALITIES["fast"], Features(), LEVELS, seed=1)
    totals = make_totals(TOTALS["fast"], None, panel, hierarchy, HORIZON, seed=1)
    method = Reconciliation({BOTTOM_UP: 0.5, "middle_out store x department": 0.5})
    combination = Combination(Blend.mean(list(models)), method)
    fit(panel, HORIZON, models, totals, combination).save(folder)


def forecast(panel: Panel, folder: Path) -> None:
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    champion, ranges = Champion.load(folder), Ranges.load(folder / "ranges.parquet")
    levels = all_levels(champion.forecast(panel), panel.series, hierarchy)
    forecasts = ranges.apply(levels, panel, hierarchy, QUANTILES)
    np.save(folder / "mean.npy", forecasts[panel.keys].mean)


JOBS: dict[str, Callable[[Panel, Path], None]] = {"train": train, "forecast": forecast}


@contextmanager
def private_peak() -> Iterator[list[float]]:
    """A list that has, at the end, the most private memory in GB that this process held; looked at every 10 ms."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            status = Path("/proc/self/status").read_text()
            peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e9)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def run_job(name: str, folder: Path) -> None:
    """One job in this process; writes its seconds and its private memory into ``job.json``."""
    panel = load_panel(folder / "panel")
    with private_peak() as peak:
        start = time.perf_counter()
        JOBS[name](panel, folder / "model")
        seconds = time.perf_counter() - start
    (folder / "job.json").write_text(json.dumps({"seconds": seconds, "private_gb": peak[0]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=30_000)
    parser.add_argument("--days", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, help="where the panel is made, or is from an earlier run")
    parser.add_argument("--out", type=Path, help="a JSON file to write the figures into")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        run_job(asked.job, asked.folder)
        return
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.folder or Path(passing)
        if not (folder / "panel" / "panel.json").exists():
            save_panel(make_panel(asked.series, asked.days), folder / "panel")
        panel = load_panel(folder / "panel")
        figures: dict[str, object] = {"series": panel.n_series, "days": panel.n_days}
        (folder / "model").mkdir(exist_ok=True)
        ranges_of(panel, Hierarchy.of(panel.keys, LEVELS)).save(folder / "model" / "ranges.parquet")
        for name in JOBS:
            command = [sys.executable, __file__, "--job", name, "--folder", os.fspath(folder)]
            cost = measure(command, folder / f"{name}.log")
            job = json.loads((folder / "job.json").read_text())
            figures[name] = {**job, "cpu_seconds": cost.cpu_seconds, "resident_gb": cost.peak_gb}
            print(name, figures[name], flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
