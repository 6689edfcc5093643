"""The search of `foresell tune` on a sample of M5: the cost of a trial, the best options, and their confirmation.

    python benchmarks/tune.py --data ../shared/data/m5 --trials 250 --study m5.db --confirm --out benchmarks/m5/TUNE.md

A call with fewer trials says how long 250 would take; the next one with the same --study goes on. The windows of the
search are cut after d_1717, d_1745 and d_1773, before all windows that are reported; --confirm compares the settings
and the best trial in those, on all series.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import polars as pl

from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.evaluate.search_study import PRUNED, Study
from foresell.evaluate.tuning import TuningWindows, confirm, sample_series
from foresell.models import make
from foresell.onboarding.presets import apply

SEARCHED, REPORTED = (1717, 1745, 1773), (1801, 1829, 1857, 1885, 1913)
HORIZON, WANTED, CORES = 28, 250, 2


@dataclass(frozen=True)
class SearchCost:
    """The cost of this call: seconds by the clock and of the processor, for its trials and for what all trials
    share."""

    trials: int
    wall: float
    cpu: float
    shared_wall: float
    shared_cpu: float


def search(trials: TuningWindows, study: Study, count: int) -> SearchCost:
    """Trials until there are `count`."""
    before, wall, cpu = len(study.trials), time.perf_counter(), time.process_time()
    for _ in trials.prepared.until(trials.cutoffs[0]).chunks():
        pass  # makes the features that all trials share
    shared = time.perf_counter() - wall, time.process_time() - cpu
    wall, cpu = time.perf_counter(), time.process_time()
    while len(study.trials) < count:
        done = study.run(lambda number, values: trials.window_errors(trials.model(number, values)), len(trials.cutoffs))
        shown = " ".join(f"{error:.4f}" for error in done.errors)
        print(f"trial {done.number}: {done.state} {shown} in {done.seconds:.0f} s", flush=True)
    return SearchCost(len(study.trials) - before, time.perf_counter() - wall, time.process_time() - cpu, *shared)


def results(trials: TuningWindows, study: Study, cost: SearchCost, panel: Panel) -> list[str]:
    """The search, its cost and its results, as Markdown."""
    states = [trial.state for trial in study.trials]
    best, first = study.best(), study.trials[0]
    assert best is not None
    lines = [
        "# The search for better options on a sample of M5",
        "",
        "Made by `benchmarks/tune.py`.",
        "",
        f"{len(states)} trials of LightGBM ({states.count(PRUNED)} stopped early) on {trials.panel.n_series:,} of "
        f"{panel.n_series:,} series, up to {trials.rows:,} rows a window, windows after d_"
        + ", d_".join(map(str, SEARCHED)) + ".",
        "",
    ]  # fmt: skip
    if cost.trials:
        whole = WANTED * cost.cpu / cost.trials + cost.shared_cpu
        lines += [
            f"The {cost.trials} trials of the last call took {cost.wall / cost.trials:.1f} s each by the clock and "
            f"{cost.cpu / cost.trials:.1f} s of the processor; the features that all share took "
            f"{cost.shared_wall:.0f} s, once. At this rate {WANTED} trials need {whole:,.0f} s of the processor, "
            f"{whole / CORES / 60:.0f} minutes on {CORES} cores that have nothing else to do.",
            "",
        ]
    lines += [
        f"WRMSSE in these windows: {first.error:.4f} with the default options, {best.error:.4f} with trial "
        f"{best.number}.",
        "",
        "| option | default | best |",
        "|---|---|---|",
    ]
    start = {option.name: getattr(trials.space.model, option.name) for option in trials.space.options}
    options = trials.space.written(best.values)
    lines += [f"| {name} | {_shown(start.get(name))} | {_shown(options.get(name))} |" for name in options]
    if importance := study.importance():
        lines += ["", "| option | importance |", "|---|---|"]
        lines += [f"| {name} | {part:.0%} |" for name, part in importance.items()]
    return lines


def _shown(value: object) -> str:
    return (", ".join(value) or "nothing") if isinstance(value, tuple) else "" if value is None else str(value)


def confirmation(table: pl.DataFrame) -> list[str]:
    """The settings and the best trial in the reported windows."""
    lines = ["", "In the reported windows, on all series:", "", "| window | default | best |", "|---|---|---|"]
    rows = zip(REPORTED, table["settings"], table["tuned"], strict=True)
    lines += [f"| d_{day} | {before:.4f} | {after:.4f} |" for day, before, after in rows]
    return [*lines, f"| mean | {fmean(table['settings'].to_list()):.4f} | {fmean(table['tuned'].to_list()):.4f} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the competition's files")
    parser.add_argument("--study", type=Path, required=True, help="the file that keeps the trials")
    parser.add_argument("--trials", type=int, default=WANTED, help="how many in all")
    parser.add_argument("--sample", type=int, default=2000, help="how many series")
    parser.add_argument("--confirm", action="store_true", help="also compare in the reported windows")
    parser.add_argument("--out", type=Path, help="a Markdown file to write; printed only where not given")
    arguments = parser.parse_args()
    settings = parse_settings(apply("m5", str(arguments.data.resolve()), Path()).settings)
    panel = read_sales(settings, Path()).panel
    hierarchy = Hierarchy.of(panel.keys, settings.levels)
    model = make("lightgbm", levels=settings.levels, seed=settings.seed)
    days = partial(map, lambda day: day - 1)  # d_1 is day 0
    part = sample_series(panel, arguments.sample, settings.seed)
    trials = TuningWindows.of(model, part, HORIZON, list(days(SEARCHED)), hierarchy)
    study = Study(arguments.study, f"m5-{arguments.sample}", trials.space.options, trials.space.start, settings.seed)
    lines = results(trials, study, search(trials, study, arguments.trials), panel)
    best = study.best()
    if arguments.confirm and best is not None:
        after = trials.space.written(best.values)
        lines += confirmation(
            confirm(panel, model, make("lightgbm", levels=settings.levels, seed=settings.seed, **after), HORIZON,
                    list(days(REPORTED)), hierarchy)
        )  # fmt: skip
    text = "\n".join(lines) + "\n"
    if arguments.out:
        arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
