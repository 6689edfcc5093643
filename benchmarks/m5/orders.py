"""Orders replayed on the backtest of a project, day by day: which policy would have cost least.

    python benchmarks/m5/orders.py --project PROJECT --series 3000 --write benchmarks/m5/ORDERS.md

PROJECT has done `foresell run` on M5 (rolling.py makes one). In each window of its backtest orders are decided with the
paths that the windows before it teach, so its first window is not played. An order is decided every day and arrives
after seven days; from then on the days are scored. Costs follow from the last price by the assumptions of
`foresell.decide.terms`. The earlier windows choose the fractiles, the last two judge. Of more series than `--series`,
so many are drawn. Fresh goods are those of the departments FOODS, with a lead time of two days;
`--fresh` plays them alone.

`--keep FOLDER` keeps the draws of the paths there, so that a second run begins with the replays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from markdown_table import table as markdown_table

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.frequency import Frequency
from foresell.decide.contest import Contest, contest
from foresell.decide.replay import Ledger, Window, replay
from foresell.decide.stock import NormalSafetyStock
from foresell.decide.stock.contract import Policy
from foresell.decide.stock.own_history import cover_dispersion
from foresell.decide.terms import Terms, terms_of
from foresell.ensemble.backtest_ensemble import forecast_of
from foresell.pipeline.plans.order_contest import families_of, window_of
from foresell.pipeline.plans.supply import cover_periods
from foresell.pipeline.project import Project

FREQUENCY = Frequency.DAY

JUDGING = 2
"""So many windows judge."""

SHARES = (0.25, 1.0)
HEADS = [
    "holding a year", "pack", "policy", "forecasts", "cost", "holding", "lost sales", "fill rate",
    "against tuned normal", "standard error",
]  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """A window of some series: paths [path, series, step], the demand [series, step], the past [series, day]."""

    label: str
    paths: np.ndarray
    demand: np.ndarray
    history: np.ndarray

    def window(self, terms: Terms, conditional: bool) -> Window:
        """The window with these terms."""
        dispersion = cover_dispersion(self.history, cover_periods(terms))
        return window_of(self.label, self.paths, self.demand, dispersion, terms, conditional=conditional)

    def part(self, rows: np.ndarray) -> Draw:
        """The window of some of the series."""
        return Draw(self.label, self.paths[:, rows], self.demand[rows], self.history[rows])


def draws(project: Project, rows: np.ndarray, n_paths: int, keep: Path | None) -> Iterator[Draw]:
    """The windows of the backtest but the first, the oldest first, of the series `rows`."""
    panel, hierarchy, horizon = project.panel, project.results.hierarchy, project.settings.horizon
    tested = project.results.test_forecasts()
    for cutoff in tested["cutoff"].unique().sort().to_list()[1:]:
        file = keep / f"{cutoff}_{len(rows)}_{n_paths}.npz" if keep else None
        if file is None or not file.exists():
            past = panel.until(cutoff)
            errors = tested.filter(pl.col("cutoff") < cutoff)
            ranges = Ranges.learn(errors, past, hierarchy)
            dependence = Dependence.learn(errors, past, hierarchy, ranges)
            mean = tested.filter(pl.col("cutoff") == cutoff)["mean"].to_numpy().reshape(-1, horizon)
            forecast = forecast_of(past, mean.astype(np.float32))
            paths = SamplePaths.of(forecast, past, hierarchy, ranges, dependence).draw(n_paths, rows)
            demand = panel.units[rows, past.n_days : past.n_days + horizon].astype(np.float64)
            draw = Draw(str(cutoff), paths, demand, past.units[rows, -364:])
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                np.savez(file, paths=draw.paths, demand=draw.demand, history=draw.history)
            yield draw
        else:
            kept = np.load(file)
            yield Draw(str(cutoff), kept["paths"], kept["demand"], kept["history"])


@dataclass(frozen=True)
class Played:
    """A policy in the judging windows: cost by series, and the sums of its ledgers."""

    name: str
    forecasts: str
    cost: np.ndarray
    holding: float
    lost: float
    waste: float
    fill_rate: float

    @classmethod
    def of(cls, policy: Policy, windows: Sequence[Window], forecasts: str) -> Played:
        ledgers: list[Ledger] = [replay(policy, window) for window in windows]
        sold, lost = (sum(float(getattr(each, name).sum()) for each in ledgers) for name in ("sold", "lost_units"))
        return cls(
            policy.name,
            forecasts,
            np.stack([each.cost().sum(axis=1) for each in ledgers]),
            *(sum(float(getattr(each, name).sum()) for each in ledgers) for name in ("holding", "lost_sales", "waste")),
            sold / (sold + lost),
        )

    def against(self, other: Played) -> tuple[float, float]:
        """The saving as a share of the other's cost, and its standard error with series as independent."""
        saved = (other.cost - self.cost).sum(axis=0)
        total = other.cost.sum()
        return float(saved.sum() / total), float(np.sqrt(len(saved)) * saved.std(ddof=1) / total)


def settled(result: Contest, family: str) -> Policy:
    """The member of a family that was best in the earlier windows."""
    return next(standing.policy for standing in result.standings if standing.family == family)


def played(every: Sequence[Draw], terms: Terms, families: Sequence[str]) -> list[Played]:
    """Textbook and tuned normal safety stock on forecasts of the cutoffs, then all families on those of each day."""
    once, daily = ([draw.window(terms, conditional) for draw in every] for conditional in (False, True))
    earlier = len(every) - JUDGING
    tuned = settled(contest(families_of(["normal"]), once[:earlier], once[earlier:]), "normal")
    lines = [Played.of(policy, once[earlier:], "of the cutoff") for policy in (NormalSafetyStock(), tuned)]
    result = contest(families_of(families), daily[:earlier], daily[earlier:])
    for family in families:
        lines.append(Played.of(settled(result, family), daily[earlier:], "of the day"))
        print(terms.pack.max(), lines[-1].name, lines[-1].cost.sum(), lines[-1].against(lines[1]), flush=True)
    return lines


def rows_of(lines: Sequence[Played], share: float, pack: float) -> list[list[str]]:
    """The rows of a table; the second line is tuned normal safety stock."""
    rows = []
    for line in lines:
        saved, error = line.against(lines[1])
        rows.append(
            [f"{share:.0%}", f"{pack:g}", line.name, line.forecasts, f"{line.cost.sum():,.0f}", f"{line.holding:,.0f}",
             f"{line.lost:,.0f}", f"{line.fill_rate:.3f}", f"{-saved:+.1%}", f"{error:.1%}"]
        )  # fmt: skip
    return rows


def segments(every: Sequence[Draw], series: pl.DataFrame) -> dict[str, np.ndarray]:
    """The segments by name: bool [series] each, known before the judging windows."""
    history = every[-JUDGING].history
    daily = np.nan_to_num(np.nanmean(history[:, -56:], axis=1))
    sold = np.nanmean(history[:, -56:] > 0, axis=1)
    limits = [0, 0.3, 1, 3, np.inf]
    parts = {f"{low:g} to {high:g} units a day": (daily >= low) & (daily < high) for low, high in pairwise(limits)}
    parts |= {"sold on less than half of the days": sold < 0.5, "sold on half of the days or more": sold >= 0.5}
    for column in ("cat_id", "state_id"):
        values = series[column].cast(pl.String).to_numpy()
        parts |= {str(value): values == value for value in np.unique(values)}
    return parts


def segment_rows(parts: dict[str, np.ndarray], candidate: Played, others: Sequence[Played]) -> list[list[str]]:
    """One row a segment: how many series, and the candidate's cost against that of the others."""
    rows = []
    for name, part in parts.items():
        cells = []
        for other in others:
            mine, theirs = (replace(each, cost=each.cost[:, part]) for each in (candidate, other))
            saved, error = mine.against(theirs)
            cells += [f"{-saved:+.1%}", f"{error:.1%}"]
        rows.append([name, f"{int(part.sum()):,}", *cells])
    return rows


def fresh_rows(every: Sequence[Draw], price: np.ndarray, shelf: int, least_fill: float) -> list[list[str]]:
    """Fresh goods: normal safety stock, which knows no waste, against the quantity of least cost with waste; each as
    cheap as can be, and then with a least fill rate."""
    terms = terms_of(price, FREQUENCY, lead_days=2, shelf_days=shelf)
    windows = [draw.window(terms, True) for draw in every]
    earlier = len(windows) - JUDGING
    families = families_of(["normal", "perishable"])
    chosen: list[tuple[str, Policy]] = [("", NormalSafetyStock())]
    for least in (0.0, least_fill):
        result = contest(families, windows[:earlier], windows[earlier:], least_fill=least)
        chosen += [(f"{least:g}" if least else "", settled(result, family)) for family in families]
    rows, usual = [], None
    for asked, policy in chosen:
        line = Played.of(policy, windows[earlier:], "of the day")
        usual = usual or line
        saved, error = line.against(usual)
        rows.append(
            [asked, line.name, f"{line.cost.sum():,.0f}", f"{line.holding:,.0f}", f"{line.lost:,.0f}",
             f"{line.waste:,.0f}", f"{line.fill_rate:.3f}", f"{-saved:+.1%}", f"{error:.1%}"]
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--series", type=int, default=3000)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--lead", type=float, default=7, help="lead time in days")
    parser.add_argument("--shelf", type=int, default=5, help="shelf life of fresh goods in days")
    parser.add_argument("--fill", type=float, default=0.85, help="the least fill rate of fresh goods")
    parser.add_argument("--fresh", action="store_true", help="play fresh goods alone, and renew their part of the page")
    parser.add_argument("--keep", type=Path, help="the folder of the draws")
    parser.add_argument("--write", type=Path, help="the page to write")
    asked = parser.parse_args()
    project = Project(asked.project)
    panel = project.panel
    price = panel.known["price"].on(panel.n_days - 1)
    able = np.flatnonzero(price > 0)
    rows = np.sort(np.random.default_rng(1).permutation(able)[: asked.series])
    series, price = panel.series[rows], price[rows]
    every = list(draws(project, rows, asked.paths, asked.keep))
    foods = np.flatnonzero(series["cat_id"].cast(pl.String).to_numpy() == "FOODS")
    fresh = fresh_rows([draw.part(foods) for draw in every], price[foods], asked.shelf, asked.fill)
    fresh_text = FRESH.format(
        foods=len(foods), shelf=asked.shelf, fill=asked.fill,
        fresh=markdown_table(
            ["least fill rate", "policy", "cost", "holding", "lost sales", "waste", "fill rate", "against normal",
             "standard error"], fresh),
    )  # fmt: skip
    if asked.fresh:
        print(fresh_text)
        if asked.write:
            page = asked.write.read_text(encoding="utf-8")
            asked.write.write_text(page[: page.index(FRESH.split("\n")[0])] + fresh_text, encoding="utf-8")
        return
    table, by_segment = [], []
    for share in SHARES:
        for pack in (1.0, 6.0):
            terms = terms_of(price, FREQUENCY, lead_days=asked.lead, holding_share_year=share, pack=pack)
            families = ["normal", "own_history", *(["fractile", "lost_sales"] if pack == 1 else [])]
            lines = played(every, terms, families)
            table += rows_of(lines, share, pack)
            if pack == 1:
                parts = segments(every, series)
                by_segment += [[f"{share:.0%}", *row] for row in segment_rows(parts, lines[3], lines[1:3])]
    labels = [draw.label for draw in every]
    text = PAGE.format(
        series=len(rows), paths=asked.paths, lead=asked.lead, chosen=", ".join(labels[:-JUDGING]),
        judged=", ".join(labels[-JUDGING:]), table=markdown_table(HEADS, table),
        segments=markdown_table(
            ["holding a year", "segment", "series", "against tuned normal of the cutoff", "standard error",
             "against tuned normal of the day", "standard error"], by_segment),
    )  # fmt: skip
    text += fresh_text
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


PAGE = """# Orders of {series:,} series of M5, day by day

Made by `benchmarks/m5/orders.py`, which says how. {paths} sample paths, a lead time of {lead:g} days, an order a day.
Windows of 28 days after {chosen} chose the fractile of each policy; those after {judged} judged it. Forecasts *of the
cutoff* are those that the backtest made; forecasts *of the day* are the same ones, given what was sold since then
(`adjust.paths.conditional`). *Tuned normal* is normal safety stock with the best z of the earlier windows, on forecasts
of the cutoff.

{table}

## By segment

The cost of `own_history` on forecasts of the day, against tuned normal safety stock on those of the cutoff and on the
same ones.

{segments}

"""

FRESH = """## Fresh goods

{foods:,} series of food with a shelf life of {shelf} days, a lead time of 2 days and holding at 25 % a year, the oldest
sold first, on forecasts of the day. A unit that is thrown away costs what it was bought for. The first line is the
textbook's: normal safety stock at the critical fractile, which does not know of waste. The next two have the z and the
weight of a lost sale that cost least in the earlier windows, the last two those that cost least there with a fill rate
of {fill:g} or more.

{fresh}
"""

if __name__ == "__main__":
    main()
