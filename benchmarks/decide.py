"""How long orders take: every policy on many series, with packs.

    python benchmarks/decide.py
    python benchmarks/decide.py --series 30000 --steps 8 --paths 200 --pack 6 --write benchmarks/DECIDE.md

The demand is made up: negative binomial, most series slow, a lead time of 5 periods and a review of 2. Seconds are
those of the processor, so other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from markdown_table import table

from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.faults import decide


def situation(asked: argparse.Namespace) -> Situation:
    """The made-up series: paths [path, series, step], stock, open orders and terms."""
    rng = np.random.default_rng(asked.seed)
    n, steps = asked.series, asked.steps
    level = rng.gamma(0.6, 4, n).astype(np.float32)
    paths = np.empty((asked.paths, n, steps), np.float32)
    for path in range(asked.paths):
        busy = level * rng.gamma(4, 0.25, n).astype(np.float32)
        paths[path] = rng.poisson(busy[:, None], (n, steps))
    on_order = np.where(np.arange(steps) < 3, rng.poisson(level[:, None], (n, steps)), 0)
    costs = CostRates.of(n, holding=0.02, lost_margin=1.0, unit=2.0, waste=2.0, fixed=0.5)
    return Situation.of(
        paths,
        rng.poisson(3 * level).astype(float),
        costs,
        on_order=on_order,
        lead_periods=5,
        review_periods=2,
        pack=asked.pack,
        shelf_periods=6,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=30_000)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--pack", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="the document to write")
    asked = parser.parse_args()
    case = situation(asked)
    rows = []
    for name, policy in POLICIES.items():
        begun = time.process_time()
        orders = decide(policy(), case)
        seconds = time.process_time() - begun
        rows.append([f"`{name}`", f"{seconds:.1f}", f"{np.nansum(orders.order):,.0f}"])
        print(f"{name:12} {seconds:6.1f} s", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    paths = case.paths.nbytes / 1e9
    text = (
        f"# Orders of many series\n\nMade by `benchmarks/decide.py`. {asked.series:,} series, {asked.steps} steps, "
        f"{asked.paths} paths, packs of {asked.pack:g}, with the search for faults. Peak memory {peak:.1f} GB, of "
        f"which {paths:.1f} GB are the paths.\n\n" + table(["policy", "processor seconds", "units ordered"], rows)
    )
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
