"""How near to their promise chance lets ranges come: what the coverages of ROLLING_QUALITY.md could have been.

    python benchmarks/m5/coverage.py --project PROJECT

PROJECT is what rolling.py made. The share of days that a level's range held is a mean over five windows, and windows
differ: a level of few groups errs on the same side for weeks. So were ranges right on the whole, some figures would
still be off. By how much is told by the windows themselves: their coverages are moved to the nominal mean, level by
level, and five windows are drawn with replacement, all levels of a window together, many times (a bootstrap by
cluster: Davison and Hinkley, "Bootstrap methods and their application", 1997, section 3.8). Residuals are stretched by
sqrt(n / (n - 1)), as a mean of n lies too near to its own windows. Writes COVERAGE_QUALITY.md beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
NOMINAL, SCORED, POINT = (0.5, 0.8, 0.9, 0.95), 5, 0.01
DRAWS = 20_000


def coverages(project: Project) -> tuple[list[str], np.ndarray]:
    """The levels, and how often their ranges held in the last windows [window, level, nominal]."""
    table = pl.read_parquet(project.results.folder("combine") / "ranges.parquet").filter(pl.col("by") == "all")
    last = sorted(table["cutoff"].unique())[-SCORED:]
    levels = table["level"].unique(maintain_order=True).to_list()
    rows = {row[:3]: row[3] for row in table.select("cutoff", "level", "nominal", "coverage").iter_rows()}
    return levels, np.array([[[rows[cutoff, level, each] for each in NOMINAL] for level in levels] for cutoff in last])


def by_chance(held: np.ndarray, draws: int = DRAWS) -> tuple[np.ndarray, np.ndarray]:
    """What would be seen of right ranges whose windows vary like `held` [window, level, nominal].

    How often each figure is within a point [level, nominal], and how many of all are in each draw [draw].

    >>> still = np.array([[[0.5, 0.8, 0.9, 0.95]]] * 2)  # no window is unlike another
    >>> [each.mean().item() for each in by_chance(still, 10)]
    [1.0, 4.0]
    """
    n = len(held)
    around = (held - held.mean(axis=0)) * np.sqrt(n / (n - 1))
    drawn = np.random.default_rng(1).integers(n, size=(draws, n))
    within = np.abs(around[drawn].mean(axis=1)) <= POINT  # [draw, level, nominal]
    return within.mean(axis=0), within.sum(axis=(1, 2))


def page(levels: list[str], held: np.ndarray, quality: str) -> str:
    """The results as Markdown."""
    off = np.round(held.mean(axis=0) - NOMINAL, 3)  # as printed
    chance, counted = by_chance(held)
    low, high = np.quantile(counted, (0.05, 0.95))
    within = int(np.sum(np.abs(off) <= POINT + 1e-9))
    lines = [f"# M5, coverage and chance: {quality}", "", "Made by `benchmarks/m5/coverage.py`.", ""]
    lines += [
        f"{within} of {off.size} ranges held within one percentage point of their promise, as means of {len(held)} "
        "windows. Of ranges that are right on the whole, with windows as unlike each other as these, "
        f"{counted.mean():.0f} would be expected ({low:.0f} to {high:.0f} in nine of ten cases)."
    ]
    lines += ["", "| level | " + " | ".join(f"{each:.0%} range" for each in NOMINAL) + " |", "|---|" + "---|" * 4]
    for level, misses, spread, odds in zip(levels, off, held.std(axis=0, ddof=1), chance, strict=True):
        cells = [f"{100 * a:+.1f} ± {100 * b:.1f} ({c:.0%})" for a, b, c in zip(misses, spread, odds, strict=True)]
        lines.append(f"| {level} | {' | '.join(cells)} |")
    lines += ["", "Percentage points off the promise; ± how much windows vary (standard deviation); in brackets how"]
    lines += ["often a right range would be within one point."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="the project that rolling.py made")
    parser.add_argument("--quality", choices=("fast", "best"), default="best")
    parser.add_argument("--out", type=Path, default=HERE)
    asked = parser.parse_args()
    text = page(*coverages(Project(asked.project)), asked.quality)
    (asked.out / f"COVERAGE_{asked.quality}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
