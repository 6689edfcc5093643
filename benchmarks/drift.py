"""How often drift is found that is not there, and how often that which is; and what it costs to look.

    python benchmarks/drift.py --out benchmarks/sample/DRIFT.md

Sample retailers of many seeds are looked at as they are, at several days of the year, and with a change planted in
their newest four weeks. The cost is that of 30,000 series and a window of 90 days, in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from measure import Cost, measure
from rates import FIRST_SEED, rate

from foresell.core.panel import Known, Panel
from foresell.core.settings import Monitoring, Settings, parse_settings
from foresell.data.sales_reader import read_sales
from foresell.monitor.checks import input_drift
from foresell.monitor.drift.detection import DriftResult
from foresell.monitor.drift.samples import compare_sales
from foresell.monitor.false_alarms import rate_of
from foresell.synth import make_retailer

STORES, ITEMS, DAYS = 5, 60, 4 * 365
WINDOW = 28
ENDS = {"four weeks to 28 December": 0, "the four weeks before": 28, "Easter": 252, "July": 168}
"""Days before the end of the sample at which quiet windows end."""

SERIES, LONG_WINDOW = 30_000, 90


def retailer(seed: int) -> tuple[Panel, Settings]:
    """The panel of a sample retailer, and its settings."""
    with tempfile.TemporaryDirectory() as place:
        sample = make_retailer(
            Path(place), stores=STORES, items=ITEMS, days=DAYS, seed=seed, daily_truth=False, format="parquet"
        )
        settings = parse_settings(sample.settings)
        return read_sales(settings, Path(place)).panel, settings


def look(learnt: Panel, current: Panel, settings: Settings, days: int = WINDOW) -> DriftResult:
    """Drift of `current` after the end of `learnt`, with the settings' own limits."""
    watched = settings.monitoring
    compared = compare_sales(
        learnt, current, days=days, levels=settings.levels, sample=watched.sample, seed=settings.seed
    )
    return input_drift.find_drift(compared, settings, rate_of("inputs", watched.false_alarms))


def _of_store(panel: Panel) -> np.ndarray:
    return np.flatnonzero(panel.series["store"] == panel.series["store"].sort()[0])


def _units_times(panel: Panel, rows: np.ndarray, factor: float) -> Panel:
    units = panel.units.copy()
    units[rows, -WINDOW:] *= factor
    return replace(panel, units=units)


def _covariate(panel: Panel, name: str, rows: np.ndarray, factor: float) -> Panel:
    values = panel.known[name].on(slice(None)).copy()
    values[rows, panel.n_days - WINDOW :] *= factor
    return replace(panel, known={**panel.known, name: Known.of_each(values)})


def _dearer(panel: Panel) -> Panel:
    rows = np.flatnonzero(panel.series["department"] == panel.series["department"].sort()[0])
    return _covariate(panel, "price", rows, 1.15)


PLANTED: dict[str, tuple[str, Callable[[Panel], Panel]]] = {
    "prices 15 % up in one department": ("price", _dearer),
    "no more promotions": ("promotion", lambda panel: _covariate(panel, "promotion", np.arange(panel.n_series), 0)),
    "a store is missing": ("days_known", lambda panel: _units_times(panel, _of_store(panel), np.nan)),
    "a store counts pieces, not dozens (x12)": ("units", lambda panel: _units_times(panel, _of_store(panel), 12)),
    "a store sells 40 % less": ("units", lambda panel: _units_times(panel, _of_store(panel), 0.6)),
}
"""What is planted: the column that it should be found in, and how."""


def quiet(seeds: range) -> pl.DataFrame:
    """One row for each seed and end: how many columns were found to have drifted, though nothing was planted."""
    rows = []
    for seed in seeds:
        panel, settings = retailer(seed)
        for name, before in ENDS.items():
            now = panel.until(panel.n_days - 1 - before)
            found = look(now.until(now.n_days - 1 - WINDOW), now, settings)
            drifted = sorted({each.where for each in input_drift.column_findings(found)})
            rows.append({"end": name, "seed": seed, "columns": drifted, "alarm": bool(drifted)})
            print(name, seed, drifted, flush=True)
    return pl.DataFrame(rows, schema_overrides={"columns": pl.List(pl.String)})


def planted(seeds: range) -> pl.DataFrame:
    """One row for each seed and change: whether it was found in its column, and the share of columns that drifted."""
    rows = []
    for seed in seeds:
        panel, settings = retailer(seed)
        learnt = panel.until(panel.n_days - 1 - WINDOW)
        for name, (column, change) in PLANTED.items():
            found = look(learnt, change(panel), settings)
            there = any(each.where == column for each in input_drift.column_findings(found))
            rows.append({"change": name, "column": column, "seed": seed, "found": there, "share": found.share})
            print(name, seed, [each.where for each in input_drift.column_findings(found)], flush=True)
    return pl.DataFrame(rows)


def large() -> Panel:
    """A panel of many series, in no time: three years of units by chance, prices that change now and then."""
    random = np.random.default_rng(1)
    n_days, day = 3 * 365, np.arange(3 * 365)
    number = np.arange(SERIES)
    series = pl.DataFrame(
        {
            "item": [f"item {each // 10}" for each in number],
            "store": [f"store {each % 10}" for each in number],
            "department": [f"department {each // 10 % 7}" for each in number],
        }
    )
    season = 1 + 0.3 * np.sin(2 * np.pi * day / 365)
    units = np.empty((SERIES, n_days), np.float32)
    for start in range(0, SERIES, 1000):
        level = random.gamma(0.7, 2, (1000, 1))
        units[start : start + 1000] = random.poisson(level * season)
    price = np.repeat(
        (random.gamma(4, 1, (SERIES, 1)) * np.cumprod(1 + 0.01 * random.random((SERIES, 36)), axis=1)), 31, 1
    )
    promotion = np.repeat(random.random((SERIES, 157)) < 0.1, 7, axis=1)
    known = {
        "price": Known.of_each(price[:, :n_days].astype(np.float32)),
        "promotion": Known.of_each(promotion[:, :n_days].astype(np.float32)),
    }
    dates = np.datetime64("2023-01-02") + day
    return Panel(series, ("item", "store"), dates, units, known)


def cost(page: Path) -> None:
    """Looks at the large panel once; beside it there is nothing in this process but the making of the panel."""
    panel = large()
    settings = parse_settings({"data": {"sales": "", "keys": ["item", "store"]}, "levels": [["store"], ["department"]]})
    if page.name != "none":
        look(panel.until(panel.n_days - 1 - LONG_WINDOW), panel, settings, LONG_WINDOW).write(page, ())


def text(silent: pl.DataFrame, loud: pl.DataFrame, spent: Cost, size: int) -> str:
    """The page of results."""
    seeds, allowed = silent["seed"].unique(), rate_of("inputs", Monitoring().false_alarms)
    lines = [
        "# Drift: false alarms, detection and cost",
        "",
        f"Made by `benchmarks/drift.py --first {seeds.min()} --seeds {len(seeds)}`, seeds that nothing was tuned on. "
        f"Sample retailers of {STORES} stores and {ITEMS} items, {DAYS // 365} years of history, the newest {WINDOW} "
        f"days looked at: {silent.height:,} looks at them as they are, {loud.height:,} with something planted. Of "
        f"`monitoring.false_alarms` a look at drift is given {allowed:.2%}; the rest is for accuracy "
        "([MONITORING.md](MONITORING.md)).",
        "",
        "In brackets the share, and the interval that holds the true one in 95 % of such counts (Wilson), which takes "
        "looks at one retailer at different times for independent.",
        "",
        "## Nothing planted",
        "",
        "| newest days | looks | with an alarm | columns |",
        "|---|---|---|---|",
    ]
    for (end,), part in [*silent.group_by("end", maintain_order=True), (("all",), silent)]:
        columns = ", ".join(part["columns"].explode().drop_nulls().to_list()) or "none"
        lines.append(f"| {end} | {part.height} | {rate(part['alarm'].sum(), part.height)} | {columns} |")
    lines += [
        "",
        "## PlantedFault in the newest days",
        "",
        "| change | looked for in | retailers | found |",
        "|---|---|---|---|",
    ]
    for (change, column), part in loud.group_by("change", "column", maintain_order=True):
        lines.append(f"| {change} | {column} | {part.height} | {rate(part['found'].sum(), part.height)} |")
    lines += [
        "",
        "## Cost",
        "",
        f"{SERIES:,} series, windows of {LONG_WINDOW} days, {size:,} rows a side shown to Evidently: "
        f"{spent.cpu_seconds:.0f} processor-seconds, at most {spent.peak_gb:.1f} GB in memory, the panel included.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Runs all of it, or, in a process of its own, what the cost is measured of."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--cost", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cost:
        cost(asked.cost)
        return
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, __file__, "--cost"]
        only_panel = measure([*command, "none"], Path(place) / "log")
        all_of_it = measure([*command, str(Path(place) / "page")], Path(place) / "log")
    spent = replace(all_of_it, cpu_seconds=all_of_it.cpu_seconds - only_panel.cpu_seconds)
    seeds = range(asked.first, asked.first + asked.seeds)
    page = text(quiet(seeds), planted(seeds), spent, Monitoring().sample)
    print(page)
    if asked.out:
        asked.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
