"""The order command of VN2, run week by week over known weeks on files that grow, as it is run on hidden ones.

    python benchmarks/vn2_rehearsal.py --data ../shared/data/vn2 --work FOLDER --start 145

Each week `python benchmarks/vn2.py order` is given the sales and the stock flags that have become known, and the state
that the rules of the competition make of its orders. The cost is compared with what `play` makes of the same weeks:
they are equal, because both use the same forecasts and the same policy. WORK has the forecasts that `play` kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
from vn2 import CHOICE, LEAD, ORDERS, WEEKS, windows
from vn2_weeks import KEYS, STATE, Weeks

from foresell.decide.replay import Window, replay
from foresell.decide.stock import POLICIES

COMMAND = Path(__file__).with_name("vn2.py")


def ordered(data: Path, folder: Path, known_weeks: int, stock: np.ndarray, on_the_way: np.ndarray) -> np.ndarray:
    """What the command orders after `known_weeks`, with `stock` [series] and `on_the_way` [series, 2]."""
    files = {name: folder / f"{name}.csv" for name in ("sales", "in_stock", "state", "order")}
    for name in ("sales", "in_stock"):
        table = pl.read_csv(data / f"{name}.csv")
        table[:, : len(KEYS) + known_weeks].write_csv(files[name])
    state = np.column_stack([stock, on_the_way]).astype(np.int64)
    keys = pl.read_csv(files["sales"]).select(KEYS)
    keys.hstack(pl.DataFrame(state, list(STATE))).write_csv(files["state"])
    options = {"data": data, "out": files["order"], "in-stock": files["in_stock"]}
    options |= {"state": files["state"], "sales": files["sales"]}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, str(COMMAND), "order", *words], check=True)
    return pl.read_csv(files["order"])["Order"].to_numpy().astype(np.float64)


def rehearse(data: Path, folder: Path, start: int, window: Window) -> float:
    """The cost of the weeks that count, by the rules of the competition."""
    stock, on_the_way = window.start.on_hand.copy(), window.start.on_order[:, :2].copy()
    cost = 0.0
    for week in range(WEEKS):
        order = ordered(data, folder, start + week, stock, on_the_way) if week < ORDERS else np.zeros(len(stock))
        stock += on_the_way[:, 0]
        demand = window.demand[:, week]
        known = ~np.isnan(demand)
        demand = np.where(known, demand, 0)
        if week >= LEAD:
            rates = window.start.costs
            lost, left = np.maximum(demand - stock, 0), np.maximum(stock - demand, 0)
            cost += float((rates.lost_margin * lost + rates.holding * np.where(known, left, 0)).sum())
        stock = np.maximum(stock - demand, 0)
        on_the_way = np.column_stack([on_the_way[:, 1], order])
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the forecasts of play, and for the files")
    parser.add_argument("--start", type=int, default=145, help="weeks that are known before the first order")
    asked = parser.parse_args()
    weeks = Weeks.read(*(asked.data / name for name in ("sales.csv", "in_stock.csv", "master.csv")))
    choice = json.loads(CHOICE.read_text())
    window = windows(weeks, asked.work, choice["paths"], 1, (asked.start,))[0]
    policy = POLICIES[choice["policy"]](choice["fractile"])  # type: ignore[call-arg]
    replayed = float(replay(policy, window).cost().sum())
    folder = asked.work / "rehearsal"
    folder.mkdir(parents=True, exist_ok=True)
    cost = rehearse(asked.data, folder, asked.start, window)
    print(f"Week by week {cost:,.1f}, replayed {replayed:,.1f}: after {weeks.mondays[asked.start - 1]}")
    if abs(cost - replayed) > 0.05:
        raise SystemExit("They differ: expected the same cost.")


if __name__ == "__main__":
    main()
