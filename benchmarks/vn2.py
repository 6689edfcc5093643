"""The VN2 inventory competition, played with foresell's forecasts and policies.

    python benchmarks/vn2.py play --data ../shared/data/vn2 --work FOLDER --write benchmarks/VN2.md
    python benchmarks/vn2.py order --data ../shared/data/vn2 --state STATE.csv --sales SALES.csv \\
        --in-stock IN_STOCK.csv --out ORDER.csv

``play`` replays six orders from several starts in the known weeks, all policies on the same forecasts, and lets them
compete: the earlier starts choose the fractiles, the later ones judge. What won is written to vn2_choice.json.
``order`` decides the order of one week by it. SALES and IN_STOCK have the weeks that have become known, STATE the
columns of initial_state.csv. Forecasts are kept in FOLDER and used again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from markdown_table import table as markdown_table
from vn2_forecasts import HORIZON, MOST_PATHS, sample_paths
from vn2_policies import FourWeeks, WinnersRule, seasonal_moving_average
from vn2_weeks import KEYS, Weeks, read_state

from foresell.decide.contest import Contest, contest, with_fractiles
from foresell.decide.replay import Window, replay
from foresell.decide.stock import POLICIES, LostSalesPaths, NormalSafetyStock
from foresell.decide.stock.contract import CostRates, Policy, Situation
from foresell.decide.stock.faults import decide

STARTS = tuple(range(105, 150, 4))
"""The number of known weeks before the first order of each window."""

WEEKS, ORDERS, LEAD = 8, 6, 2
CHOICE = Path(__file__).with_name("vn2_choice.json")
"""The policy and the fractile that `play` chose, and the number of paths."""

FRACTILES = (0.6, 0.65, 0.7, 0.74, 0.78, 0.8, 0.82, 0.86, 0.9)
"""The fractiles that compete, beside the critical one of 0.833."""

ON_HAND, ON_ORDER = 1.2, 1.07
"""Stock on hand and on order at a start, in weeks of the last quarter's mean: as in initial_state.csv."""


def costs(n_series: int) -> CostRates:
    """The competition's costs: 0.2 for a unit left at the end of a week, 1 for a unit that was not there."""
    return CostRates.of(n_series, holding=0.2, lost_margin=1.0)


def situation(paths: np.ndarray, on_hand: np.ndarray, on_order: np.ndarray, weeks: Weeks) -> Situation:
    """What the orders of one week are decided from."""
    names = tuple(" x ".join(map(str, row)) for row in weeks.series.select(KEYS).iter_rows())
    terms = {"on_order": on_order, "lead_periods": LEAD, "names": names}
    return Situation.of(paths, on_hand, costs(weeks.n_series), **terms)  # type: ignore[arg-type]


def windows(weeks: Weeks, folder: Path, n_paths: int, seed: int, starts: tuple[int, ...] = STARTS) -> list[Window]:
    """The windows of `starts`, with the paths of each day of decision as they were known then."""

    @cache
    def paths(week: int) -> np.ndarray:
        return sample_paths(weeks.until(week), n_paths, seed, folder)

    return [_window(weeks, start, paths) for start in starts]


def own_forecasts(weeks: Weeks) -> list[Window]:
    """The same windows with the organisers' forecast, four weeks ahead."""

    def paths(week: int) -> np.ndarray:
        return seasonal_moving_average(weeks.units[:, :week], 4)[None].astype(np.float32)

    return [_window(weeks, start, paths) for start in STARTS]


def _window(weeks: Weeks, start: int, paths: Callable[[int], np.ndarray]) -> Window:
    """Eight weeks from `start`; the last six count, because nothing can be ordered for the first two."""
    recent = np.nan_to_num(np.nanmean(weeks.units[:, start - 13 : start], axis=1), nan=0.5)
    on_order = np.zeros((weeks.n_series, HORIZON))
    on_order[:, 1] = np.round(ON_ORDER * recent)
    opening = situation(
        np.zeros((1, weeks.n_series, HORIZON)), np.maximum(np.ceil(ON_HAND * recent), 1), on_order, weeks
    )
    scored = np.arange(WEEKS) >= LEAD
    demand = weeks.units[:, start : start + WEEKS]
    return Window(
        str(weeks.mondays[start]),
        opening,
        demand,
        lambda decision: paths(start + decision),
        range(ORDERS),
        scored,
    )


def families() -> dict[str, list[Policy]]:
    """The policies that compete, each with its critical fractile and others."""
    names = ("lost_sales", "projected_stock", "fractile", "normal")
    return {name: with_fractiles(POLICIES[name](), FRACTILES) for name in names}


def play(asked: argparse.Namespace) -> None:
    """Replays all windows, lets the policies compete, and writes the page and the choice."""
    weeks = Weeks.read(*(asked.data / name for name in ("sales.csv", "in_stock.csv", "master.csv")))
    if len(weeks.mondays) < STARTS[-1] + WEEKS:
        raise SystemExit(f"{asked.data} has {len(weeks.mondays)} weeks; expected {STARTS[-1] + WEEKS} or more.")
    every = windows(weeks, asked.work, asked.paths, asked.seed)
    half = len(every) // 2
    result = contest(families(), every[:half], every[half:])
    rows = _rows(result, every, own_forecasts(weeks))
    text = _page(asked, weeks, result, rows)
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    if asked.choose:
        _choose(result, every)


def _choose(result: Contest, every: list[Window]) -> None:
    """Writes the family that won, with the fractile that is best over all starts.

    `order` takes all paths, because more of them only make the fractiles steadier; `play` takes fewer to save time.
    """
    family = next(name for name, kind in POLICIES.items() if isinstance(result.winner, kind))
    policies = families()[family]
    costs = [sum(float(replay(policy, window).cost().sum()) for window in every) for policy in policies]
    for policy, cost in zip(policies, costs, strict=True):
        print(policy.name, f"{cost / len(every):,.0f}", flush=True)
    best = policies[int(np.argmin(costs))]
    choice = {"policy": family, "fractile": best.probability, "paths": MOST_PATHS}  # type: ignore[attr-defined]
    CHOICE.write_text(json.dumps(choice, indent=1) + "\n")


def _rows(result: Contest, every: list[Window], own: list[Window]) -> list[tuple[str, list[float]]]:
    """The cost of each policy in each window."""
    chosen = {standing.family: standing.policy for standing in result.standings}
    best = result.standings[0].family
    policies: list[tuple[str, Policy, list[Window]]] = [
        (f"{chosen[best].name}: won", chosen[best], every),
        *((f"{chosen[family].name}: by replay", chosen[family], every) for family in families() if family != best),
        ("paths, lost sales, critical fractile", LostSalesPaths(), every),
        ("winner's rule, critical fractile", WinnersRule(), every),
        ("normal safety stock, critical fractile (textbook)", NormalSafetyStock(), every),
        ("organisers: seasonal moving average, up to four weeks", FourWeeks(), own),
    ]
    return [
        (name, [float(replay(policy, window).cost().sum()) for window in played]) for name, policy, played in policies
    ]


def _page(asked: argparse.Namespace, weeks: Weeks, result: Contest, rows: list[tuple[str, list[float]]]) -> str:
    """The results as Markdown."""
    half = len(STARTS) // 2
    best = rows[0][1]
    lines = []
    for name, of_window in rows:
        earlier, later = (float(np.mean(part)) for part in (of_window[:half], of_window[half:]))
        ratio = np.sum(best[half:]) / np.sum(of_window[half:]) - 1
        lines.append([name, f"{earlier:,.0f}", f"{later:,.0f}", "" if of_window is best else f"{100 * ratio:+.1f} %"])
    starts = [
        [str(weeks.mondays[start]), *(f"{of_window[place]:,.0f}" for _, of_window in rows[:-1])]
        for place, start in enumerate(STARTS)
    ]
    return (
        "# VN2\n\nMade by `python benchmarks/vn2.py play --data ../shared/data/vn2 --work FOLDER --write "
        "benchmarks/VN2.md`.\n\nCost of the weeks 3 to 8 after a start, mean over the starts, on the same forecasts "
        f"but for the organisers' rule, which has its own; {asked.paths} sample paths. The {half} earlier starts chose "
        "the fractiles, the later ones judge; the last column compares the first row with the others there. Weeks in "
        "which a series was out of stock are not counted, because its demand is not known.\n\n"
        + markdown_table(["policy", "earlier starts", "later starts", "first row against it"], lines)
        + f"\n{result.sentence()}\n\n## By start\n\n"
        + markdown_table(["first week", *(name for name, _ in rows[:-1])], starts)
    )


def order(asked: argparse.Namespace) -> None:
    """Decides the order of one week."""
    master = asked.data / "master.csv"
    weeks = Weeks.read(asked.sales, asked.in_stock, master)
    on_hand, on_order = read_state(asked.state, weeks.series)
    choice = json.loads(CHOICE.read_text())
    policy = POLICIES[choice["policy"]](choice["fractile"])  # type: ignore[call-arg]
    paths = sample_paths(weeks, choice["paths"], asked.seed)
    orders = decide(policy, situation(paths, on_hand, on_order, weeks))
    for finding in orders.findings:
        print(finding)
    table = weeks.series.select(KEYS).with_columns(pl.Series("Order", orders.order).fill_nan(None).cast(pl.Int64))
    table.write_csv(asked.out)
    total = int(np.nansum(orders.order))
    print(
        f"{total:,} units of {int((orders.order > 0).sum())} series are ordered after {weeks.mondays[-1]}: {asked.out}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    playing = verbs.add_parser("play", help="replay all starts and let the policies compete")
    playing.add_argument("--work", type=Path, required=True, help="folder for the forecasts")
    playing.add_argument("--write", type=Path, help="the page to write")
    playing.add_argument("--choose", action="store_true", help="write what won to vn2_choice.json")
    playing.add_argument("--paths", type=int, default=400)
    playing.set_defaults(do=play)
    ordering = verbs.add_parser("order", help="decide the order of one week")
    for name in ("state", "sales", "in-stock", "out"):
        ordering.add_argument(f"--{name}", type=Path, required=True)
    ordering.set_defaults(do=order)
    for verb in (playing, ordering):
        verb.add_argument("--data", type=Path, required=True, help="folder with master.csv")
        verb.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    asked.do(asked)


if __name__ == "__main__":
    main()
