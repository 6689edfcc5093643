"""Orders replayed on the backtest of a project, day by day: which policy would have cost least.

    python benchmarks/m5/orders.py --project PROJECT --series 3000 --write ORDERS.md

PROJECT has done `foresell run`. In each window of its backtest orders are decided with the paths that the windows
before it teach, so its first window is not played. An order is decided every day and arrives after `--lead` days; from
then on the days are scored. Costs follow from the last price by the assumptions of `foresell.decide.terms`. The
earlier half of the windows chooses the fractiles, the later one judges. Of more series than `--series`, so many are
drawn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from markdown_table import table as markdown_table

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.panel import Panel
from foresell.decide.contest import Contest, contest, with_fractiles
from foresell.decide.replay import Window
from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import Situation
from foresell.decide.terms import Terms, terms_of
from foresell.ensemble.backtest_ensemble import forecast_of
from foresell.pipeline.project import Project

FRACTILES = (0.8, 0.9, 0.95, 0.98, 0.985, 0.99, 0.995)
HEADS = [
    "holding a year",
    "pack",
    "best of the earlier windows",
    "cost in the later ones",
    "against tuned normal",
    "against textbook normal",
    "fill rate",
]
FAMILIES = ("lost_sales", "projected_stock", "fractile", "normal")


def windows(project: Project, rows: np.ndarray, terms: Terms, n_paths: int) -> Iterator[Window]:
    """The windows of the backtest but the first, the oldest first, of the series `rows`."""
    panel, hierarchy = project.panel, project.results.hierarchy
    tested = project.results.test_forecasts()
    cutoffs = tested["cutoff"].unique().sort().to_list()
    for cutoff in cutoffs[1:]:
        past = panel.until(cutoff)
        errors = tested.filter(pl.col("cutoff") < cutoff)
        ranges = Ranges.learn(errors, past, hierarchy)
        dependence = Dependence.learn(errors, past, hierarchy, ranges)
        mean = _in_order(tested.filter(pl.col("cutoff") == cutoff), panel, "mean").astype(np.float32)
        paths = SamplePaths.of(forecast_of(past, mean), past, hierarchy, ranges, dependence).draw(n_paths, rows)
        first = past.n_days
        demand = panel.units[rows, first : first + mean.shape[1]].astype(np.float64)
        yield _window(str(cutoff), demand, past.units[rows], paths, terms)


def _window(label: str, demand: np.ndarray, history: np.ndarray, paths: np.ndarray, terms: Terms) -> Window:
    """A window that begins with as much stock and on order as the mean of the last four weeks asks for."""
    horizon = paths.shape[2]
    lead, review = (int(periods.max()) for periods in (terms.lead_periods, terms.review_periods))
    daily = np.nan_to_num(np.nanmean(history[:, -28:], axis=1))
    on_order = np.zeros((len(demand), horizon))
    on_order[:, :lead] = np.round(np.outer(daily, np.arange(1, lead + 1))) - np.round(np.outer(daily, np.arange(lead)))
    start = Situation(
        paths[:1],
        np.ceil(2 * daily),
        on_order,
        terms.lead_periods,
        terms.review_periods,
        terms.costs,
        terms.pack,
        terms.minimum,
    )
    decisions = range(horizon - lead - review + 1)
    scored = np.arange(horizon) >= lead
    return Window(label, start, demand, partial(_from_step, paths), decisions, scored)


def _from_step(paths: np.ndarray, step: int) -> np.ndarray:
    """The paths of the days that are left after some of the window: forecasts as they were made at its cutoff."""
    return paths[:, :, step:]


def _in_order(table: pl.DataFrame, panel: Panel, column: str) -> np.ndarray:
    """A column of one window's forecasts as [series, step], in the order of the panel."""
    series = panel.series.select(panel.keys).with_row_index("row")
    keys = [pl.col(key).cast(panel.series.schema[key]) for key in panel.keys]
    placed = table.with_columns(keys).join(series, on=list(panel.keys)).sort("row", "step")
    return placed[column].to_numpy().reshape(panel.n_series, -1)


def _row(share: float, pack: float, result: Contest) -> list[str]:
    """One row of the page: the candidate against the fallback and against tuned normal safety stock."""
    best = result.standings[0]
    normal = next(standing for standing in result.standings if standing.family == "normal")
    return [
        f"{100 * share:.0f} %",
        f"{pack:g}",
        best.policy.name,
        f"{best.judged_cost:,.0f}",
        f"{100 * (best.judged_cost / normal.judged_cost - 1):+.1f} %",
        f"{100 * (best.judged_cost / result.fallback.judged_cost - 1):+.1f} %",
        f"{best.fill_rate:.3f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--series", type=int, default=3000)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--lead", type=float, default=7, help="lead time in days")
    parser.add_argument("--write", type=Path, help="the page to write")
    asked = parser.parse_args()
    project = Project(asked.project)
    panel = project.panel
    price = panel.known["price"].on(panel.n_days - 1)
    able = np.flatnonzero(price > 0)
    drawn = np.random.default_rng(1).permutation(able)[: asked.series]
    rows = np.sort(drawn)
    given = terms_of(price[rows], panel.frequency, lead_days=asked.lead)
    every = list(windows(project, rows, given, asked.paths))
    half = len(every) // 2
    lines = []
    for share in (0.25, 1.0):
        for pack in (1.0, 6.0):
            terms = terms_of(price[rows], panel.frequency, lead_days=asked.lead, holding_share_year=share, pack=pack)
            played = [replace(each, start=replace(each.start, costs=terms.costs, pack=terms.pack)) for each in every]
            families = {name: with_fractiles(POLICIES[name](), FRACTILES) for name in FAMILIES}
            result = contest(families, played[:half], played[half:])
            print(result.sentence(), flush=True)
            lines.append(_row(share, pack, result))
    text = (
        f"# Orders of {len(rows):,} series\n\nMade by `benchmarks/m5/orders.py`. {len(every)} windows, "
        f"{asked.paths} paths, a lead time of {asked.lead:g} days, reviewed every day.\n\n"
        + markdown_table(HEADS, lines)
    )
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
