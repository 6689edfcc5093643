"""How long orders take that vendors and a budget limit together, and how near they are to the best.

    python benchmarks/joint_orders.py
    python benchmarks/joint_orders.py --stores 50 --items 3000 --vendors 200 --write benchmarks/JOINT_ORDERS.md

The demand is made up, block by block, as a project draws its sample paths block by block: gamma-Poisson, most series
slow, a lead time of 5 periods and a review of 2. Of four vendors one asks for a minimum in money, one for full trucks,
one has price breaks, and one asks for nothing. Seconds are those of the processor, so other work on the machine matters
little; those that the paths take are not counted.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from markdown_table import table

from foresell.decide.allocation.shares import allocation
from foresell.decide.stock import LostSalesPaths
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.faults import decide
from foresell.decide.stock.gain_curves import GainCurves, gain_curves, joined_curves
from foresell.decide.vendors.limited_orders import limited_orders
from foresell.decide.vendors.terms import Measure, PriceBreak, VendorTerms

BLOCK = 3000  # series whose paths are in memory at a time


class Stopwatch:
    """Processor seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.begun = time.process_time()

    def lap(self, name: str) -> None:
        """Adds the seconds since the last lap to those of `name`."""
        now = time.process_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self.begun
        self.begun = now


class Retailer:
    """A made-up retailer; series are store by store."""

    def __init__(self, asked: argparse.Namespace):
        rng = np.random.default_rng(asked.seed)
        self.asked, self.n = asked, asked.stores * asked.items
        self.level = rng.gamma(0.6, 4, self.n).astype(np.float32)
        self.item = np.tile(np.arange(asked.items), asked.stores)
        cost = rng.gamma(4, 1.5, asked.items)[self.item]
        self.costs = CostRates(cost, 0.25 / 364 * cost, 0.4 * cost, cost, np.zeros(self.n))
        self.pack = rng.choice([1.0, 6.0, 12.0], asked.items)[self.item]
        self.vendor = (self.item * 7919) % asked.vendors
        self.on_hand = rng.poisson(3 * self.level).astype(float)

    def situation(self, rows: np.ndarray) -> Situation:
        """What the orders of some series are decided from, with their paths."""
        asked, level = self.asked, self.level[rows]
        rng = np.random.default_rng((asked.seed, int(rows[0])))
        paths = np.empty((asked.paths, len(rows), asked.steps), np.float32)
        for path in range(asked.paths):
            busy = level * rng.gamma(4, 0.25, len(rows)).astype(np.float32)
            paths[path] = rng.poisson(busy[:, None], (len(rows), asked.steps))
        return Situation.of(
            paths, self.on_hand[rows], self.costs.part(rows), lead_periods=5, review_periods=2, pack=self.pack[rows]
        )

    def vendors(self, wanted: np.ndarray) -> list[VendorTerms]:
        """Terms that bind for many vendors, in view of what their series want."""
        terms = []
        for number in range(self.asked.vendors):
            mine = self.vendor == number
            units, money = float(wanted[mine].sum()), float((wanted * self.costs.unit)[mine].sum())
            breaks = (PriceBreak(0.9 * money, 0.01), PriceBreak(1.2 * money, 0.03))
            kinds = (
                VendorTerms(minimum=money * (0.8 + number % 5 / 10)),
                VendorTerms(truck=max(units / 3.4, 1.0), truck_fill=0.95),
                VendorTerms(breaks=breaks),
                VendorTerms(),
            )
            terms.append(kinds[number % 4])
        return terms


def decided(retailer: Retailer, watch: Stopwatch) -> tuple[np.ndarray, GainCurves]:
    """The order of every series by itself, and the curves by which series compete."""
    wanted, parts = np.empty(retailer.n), []
    beyond = retailer.vendor % 4 != 3
    for start in range(0, retailer.n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, retailer.n))
        case = retailer.situation(rows)
        watch.lap("paths")
        wanted[rows] = decide(LostSalesPaths(), case).order
        watch.lap("orders of single series")
        parts.append(gain_curves(case, wanted[rows], beyond[rows]))
        watch.lap("curves of gain")
    curves = joined_curves(parts)
    watch.lap("curves of gain")
    return wanted, curves


def document(asked: argparse.Namespace) -> str:
    """The page."""
    watch = Stopwatch()
    retailer = Retailer(asked)
    watch.lap("paths")
    wanted, curves = decided(retailer, watch)
    vendors = retailer.vendors(wanted)
    loads: dict[Measure, np.ndarray] = {"money": retailer.costs.unit, "units": np.ones(retailer.n)}
    money = float(wanted @ retailer.costs.unit)
    watch.lap("paths")
    by_vendors = limited_orders(curves, loads, vendors, retailer.vendor)
    watch.lap("vendors' terms")
    joint = limited_orders(curves, loads, vendors, retailer.vendor, 0.7 * money)
    watch.lap("vendors' terms and a budget")
    stock = 0.7 * np.bincount(retailer.item, wanted, minlength=asked.items)
    shares = allocation(curves_up_to(curves), retailer.item, np.floor(stock))
    watch.lap("allocation of scarce items")
    rows = [[name, f"{seconds:.1f}"] for name, seconds in watch.seconds.items() if name != "paths"]
    total = sum(seconds for name, seconds in watch.seconds.items() if name != "paths")
    rows.append(["together", f"{total:.1f}"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    limits = [
        [name, f"{each.paid:,.0f}", f"{each.gain:,.0f}", f"{each.gap:.4%}"]
        for name, each in (("vendors' terms", by_vendors.joint), ("vendors' terms and a budget", joint.joint))
    ]
    limits.append(["allocation of scarce items", "", f"{shares.gain:,.0f}", f"{shares.gap:.4%}"])
    text = (
        f"Made by `benchmarks/joint_orders.py`. {asked.stores:,} stores x {asked.items:,} items, {asked.vendors:,} "
        f"vendors, {asked.steps} steps, {asked.paths} paths. The series want goods for {money:,.0f}; the budget is "
        f"{0.7 * money:,.0f}, and one more unit of money would gain {joint.joint.price:.3f}. Peak memory "
        f"{peak:.2f} GB. The {watch.seconds['paths']:.0f} seconds in which the demand is made up are not counted."
    )
    return "\n\n".join(
        [
            "# Orders that vendors and a budget limit together",
            text,
            table(["", "processor seconds"], rows),
            "The gap is how much the best orders could gain more, by the bound of the linear programme or of HiGHS.",
            table(["", "paid", "gain", "gap"], limits) + "\n",
        ]
    )


def curves_up_to(curves: GainCurves) -> GainCurves:
    """The curves without what lies beyond the orders of the series."""
    return curves.part(np.flatnonzero(curves.gain > 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=int, default=50)
    parser.add_argument("--items", type=int, default=3000)
    parser.add_argument("--vendors", type=int, default=200)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="the document to write")
    asked = parser.parse_args()
    text = document(asked)
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
