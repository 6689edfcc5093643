"""Sample paths: what they cost, and how often ranges of sums held in the windows of a project.

    python benchmarks/paths.py
    python benchmarks/paths.py --project ../m5-best --from-window 6

Without a project: a panel of 30,490 series with counts like those of M5, for which 200 paths of 28 days are drawn in
blocks, added up over three levels and over 7, 14 and 28 days, and read at nine quantiles. Printed are processor seconds
and the memory that it took beyond the panel and its ranges.

With a project: the ensemble's forecasts that its backtest kept. Ranges and dependence of each window are learnt from
the windows that had ended by its cutoff. Beside the paths as learnt stand those whose days and series are independent.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.paths.sums import quantiles_of_sums
from foresell.adjust.ranges import Ranges
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.ensemble.sum_scores import coverage_of_sums, score_sums
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.weights import Weights
from foresell.pipeline.project import Project

HORIZON, DAYS, LEARNT_FROM = 28, 500, 2_000
NINE = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
HIERARCHY = Hierarchy.of(("item", "store"), (("store",), ("item",)))


def retailer(n_series: int) -> tuple[Panel, np.ndarray]:
    """A panel of counts whose means are spread as those of M5's items, and the means [series]."""
    random = np.random.default_rng(1)
    mean = np.exp(random.normal(-0.6, 1.2, n_series))
    units = np.empty((n_series, DAYS), np.float32)
    for start in range(0, n_series, 1000):
        part = mean[start : start + 1000, None]
        level = random.gamma(50, 1 / 50, (len(part), DAYS // 25)).repeat(25, axis=1)
        units[start : start + 1000] = random.negative_binomial(1.5, 1.5 / (1.5 + part * level))
    number = np.arange(n_series)
    series = pl.DataFrame({"item": number // 10, "store": [f"store {store}" for store in number % 10]})
    return Panel(series, ("item", "store"), period_range(np.datetime64("2023-01-02"), DAYS, Frequency.DAY), units), mean


def kept_forecasts(panel: Panel, mean: np.ndarray) -> pl.DataFrame:
    """Constant forecasts of the last four windows, as a backtest keeps them."""
    frames = []
    for day in range(DAYS - 1 - 4 * HORIZON, DAYS - HORIZON, HORIZON):
        past = panel.until(panel.dates[day].item())
        repeated = np.repeat(mean[:, None], HORIZON, axis=1).astype(np.float32)
        forecast = Forecast(panel.series, panel.keys, past.cutoff, past.ahead(HORIZON), repeated)
        actual = panel.units[:, day + 1 : day + 1 + HORIZON].reshape(-1)
        frames.append(forecast.to_polars().with_columns(actual=pl.Series(actual)))
    return pl.concat(frames)


def cost(n_series: int, n_paths: int) -> None:
    """Prints what the paths of so many series cost."""
    panel, mean = retailer(n_series)
    some = panel.part(np.arange(min(LEARNT_FROM, n_series)))
    errors = kept_forecasts(some, mean[: some.n_series])
    start = time.process_time()
    ranges = Ranges.learn(errors, some, HIERARCHY)
    learnt = time.process_time()
    dependence = Dependence.learn(errors, some, HIERARCHY, ranges)
    print(f"learnt from {some.n_series:,} series in 4 windows: ranges {learnt - start:.1f} s, ", end="")
    print(f"dependence {time.process_time() - learnt:.1f} s of processor time")
    means = np.repeat(mean[:, None], HORIZON, axis=1).astype(np.float32)
    forecast = Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(HORIZON), means)
    paths = SamplePaths.of(forecast, panel, HIERARCHY, ranges, dependence)
    groups = HIERARCHY.all_groups(panel.series)
    spans = [slice(at, at + days) for days in (7, 14, 28) for at in range(0, HORIZON, days)]
    before, start = _peak(), time.process_time()
    sums = paths.sums(groups, spans, n_paths)
    drawn = time.process_time()
    for of_level in sums:
        quantiles_of_sums(of_level, NINE, whole=True)
    print(
        f"{n_series:,} series x {HORIZON} days x {n_paths} paths, {len(spans)} sums on {len(groups)} levels: "
        f"{drawn - start:.1f} s of processor time, nine quantiles of each sum {time.process_time() - drawn:.1f} s; "
        f"{_peak() - before:.2f} GB more memory at the peak"
    )


def _peak() -> float:
    """The largest resident memory so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def coverage(folder: Path, first: int) -> None:
    """Prints the coverage of sums in the windows of a project's backtest, from the window number `first` on."""
    results = Project(folder).results
    panel, hierarchy, forecasts = results.panel, results.hierarchy, results.test_forecasts()
    tables: dict[str, list[pl.DataFrame]] = {"as learnt": [], "independent": []}
    for cutoff in forecasts["cutoff"].unique().sort()[first:]:
        past, now = panel.until(cutoff), forecasts.filter(pl.col("cutoff") == cutoff)
        mean = now["mean"].to_numpy().reshape(panel.n_series, -1)
        horizon = mean.shape[1]
        ended = [day for day in forecasts["cutoff"].unique() if panel.day_of(day) + horizon < past.n_days]
        earlier = forecasts.filter(pl.col("cutoff").is_in(ended))
        ranges = Ranges.learn(earlier, past, hierarchy)
        learnt = Dependence.learn(earlier, past, hierarchy, ranges)
        own = pl.col("size").is_not_null() & (pl.col("kind") == "noise")
        independent = Dependence(learnt.table.with_columns(variance=own.cast(pl.Float64)))  # no factor is shared
        window = _window(panel, past.n_days - 1, horizon, hierarchy)
        forecast = Forecast(panel.series, panel.keys, cutoff, past.ahead(horizon), mean)
        for name, dependence in (("as learnt", learnt), ("independent", independent)):
            scores = score_sums(window, SamplePaths.of(forecast, past, hierarchy, ranges, dependence))
            tables[name].append(scores.select(pl.lit(cutoff).alias("cutoff"), pl.all()))
        print(f"{cutoff}: learnt from {len(ended)} windows", flush=True)
    for name, frames in tables.items():
        _print(name, coverage_of_sums(pl.concat(frames)))


def _window(panel: Panel, day: int, horizon: int, hierarchy: Hierarchy) -> EvaluationWindow:
    """The actuals after `day`, without weights."""
    ones = tuple(np.ones(len(groups)) for groups in hierarchy.all_groups(panel.series))
    return EvaluationWindow.of(panel, day, horizon, hierarchy, Weights("none", ones, ones), pl.DataFrame())


def _print(name: str, table: pl.DataFrame) -> None:
    """The points off the nominal coverage, with their standard errors, and how many sums lie inside and on a bound."""
    print(f"\n{name}: percentage points off the promise, ± standard error; of single series inside / on the bound")
    lengths = table["days"].unique().sort().to_list()
    print("| level |", " | ".join(f"{days}: 50 % | 80 % | 90 % | 95 %" for days in lengths), "|")
    print("|---|" + "---|" * 4 * len(lengths))
    for level in table["level"].unique(maintain_order=True):
        rows = table.filter(level=level).sort("days", "nominal").iter_rows(named=True)
        cells = [f"{100 * (row['coverage'] - row['nominal']):+.1f} ± {100 * row['error']:.1f}" for row in rows]
        print(f"| {level} | {' | '.join(cells)} |")
    for row in table.filter(level=table["level"][-1], nominal=0.9).iter_rows(named=True):
        inside, on = row["open"], row["closed"] - row["open"]
        print(
            f"90 % of {row['days']}: {inside:.1%} strictly inside, {on:.1%} on a bound, {1 - row['closed']:.1%} outside"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, help="score the windows of this project")
    parser.add_argument("--from-window", type=int, default=1, help="the first window that is scored")
    parser.add_argument("--series", type=int, default=30_490)
    parser.add_argument("--paths", type=int, default=200)
    options = parser.parse_args()
    if options.project is None:
        cost(options.series, options.paths)
    else:
        coverage(options.project, options.from_window)


if __name__ == "__main__":
    main()
