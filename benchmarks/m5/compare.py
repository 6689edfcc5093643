"""M5: foresell's fast setting beside mlforecast, on the same files, in the same run.

    python benchmarks/m5/compare.py --data ../shared/data/m5 --peer-python PEER/bin/python

Each window is a process of its own for either side: files as downloaded in, forecasts of 28 days out; foresell's are
reconciled and have quantiles for all levels, mlforecast's are means of the single series. The window of d_1913 is
scored with the official weights and scales, the others with those that the files up to the cutoff give. Writes
results.json, in which rows of other windows are kept, and RESULTS.md beside this file. PEER is a virtual environment
with benchmarks/requirements.lock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measure import measure

from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.segments import segments
from foresell.evaluate.weights import compute_weights, read_weights, weights_from_table
from foresell.onboarding.presets import apply

HERE = Path(__file__).resolve().parent
HORIZON, OFFICIAL = 28, 1913
SIDES = {"foresell": HERE / "foresell_job.py", "mlforecast": HERE / "mlforecast_job.py"}


def run(side: str, python: str, data: Path, cutoff: int, folder: Path) -> tuple[pl.DataFrame, dict[str, float]]:
    """One side's forecasts after d_`cutoff`, and what they cost."""
    out = folder / f"{side}_{cutoff}.parquet"
    cost = measure([python, str(SIDES[side]), str(data), str(cutoff), str(out)], out.with_suffix(".log"))
    return pl.read_parquet(out), asdict(cost)


def cube(frame: pl.DataFrame, panel: Panel, cutoff: int) -> np.ndarray:
    """The means as [series, step]; a series that a side left out counts as 0."""
    numbered = panel.series.select(panel.keys).with_row_index("row")
    keys = [pl.col(key).cast(pl.String) for key in panel.keys]
    rows = frame.with_columns(*keys, pl.col("date").cast(pl.Date)).join(numbered, on=list(panel.keys))
    step = (rows["date"].to_numpy().astype("datetime64[D]") - panel.dates[cutoff]).astype(int)
    mean = np.zeros((panel.n_series, HORIZON), np.float32)
    mean[rows["row"].to_numpy(), step] = rows["mean"].to_numpy()
    return mean


def window_of(panel: Panel, hierarchy: Hierarchy, cutoff: int, official: Path) -> EvaluationWindow:
    """The truth after d_`cutoff`, with the official weights where they are for it."""
    day = cutoff - 1
    if cutoff == OFFICIAL:
        weights = weights_from_table(read_weights(official), panel.series, hierarchy, panel.until(day).cutoff, True)
    else:
        weights = compute_weights(panel, hierarchy, [day])[0]
    return EvaluationWindow.of(panel, day, HORIZON, hierarchy, weights, segments(panel.until(day), ()))


def compare(data: Path, cutoffs: list[int], pythons: dict[str, str], folder: Path) -> list[dict[str, object]]:
    """One row for each window and side: WRMSSE of all levels and of each, and what it cost."""
    settings = parse_settings(apply("m5", str(data), Path()).settings)
    found = []
    for cutoff in cutoffs:
        for side, python in pythons.items():
            frame, cost = run(side, python, data, cutoff, folder)
            panel = read_sales(settings, Path()).panel  # read anew, so that it takes no memory while a side runs
            hierarchy = Hierarchy.of(panel.keys, settings.levels)
            levels = window_of(panel, hierarchy, cutoff, data / "wrmsse_d1913.parquet").score(
                cube(frame, panel, cutoff)
            )
            scores = dict(zip(levels["levels"]["level"], levels["levels"]["wrmsse"], strict=True))
            found.append({"cutoff": cutoff, "side": side, **cost, "wrmsse": scores})
            print(
                f"d_{cutoff} {side}: WRMSSE {scores['all']:.4f}, {cost['wall_seconds']:.0f} s, {cost['peak_gb']:.2f} GB"
            )
            del panel
    return found


def report(found: list[dict], sides: list[str]) -> str:
    """The table of the README: WRMSSE by window, and time and memory as ratios to the peer."""
    by = {(row["cutoff"], row["side"]): row for row in found}
    cutoffs = sorted({row["cutoff"] for row in found})
    there = [(cutoff, side) for cutoff in cutoffs for side in sides if (cutoff, side) in by]
    lines = ["# M5: the fast setting beside mlforecast", "", "Made by `benchmarks/m5/compare.py`.", ""]
    lines += ["| WRMSSE of the 28 days after | " + " | ".join(sides) + " |", "|---|" + "---|" * len(sides)]
    for cutoff in cutoffs:
        scores = [f"{by[cutoff, side]['wrmsse']['all']:.4f}" if (cutoff, side) in by else "" for side in sides]
        lines.append(f"| d_{cutoff}{' (official weights)' if cutoff == OFFICIAL else ''} | {' | '.join(scores)} |")
    both = [cutoff for cutoff in cutoffs if all((cutoff, side) in by for side in SIDES)]
    if both:
        lines += ["", f"| foresell / mlforecast, median of {len(both)} windows | ratio |", "|---|---|"]
        for name, words in (("wall_seconds", "time"), ("cpu_seconds", "processor time"), ("peak_gb", "peak memory")):
            ratios = [by[cutoff, "foresell"][name] / by[cutoff, "mlforecast"][name] for cutoff in both]
            lines.append(f"| {words} | {statistics.median(ratios):.2f} |")
    lines += ["", "| level | " + " | ".join(f"{side} d_{cutoff}" for cutoff, side in there) + " |"]
    lines.append("|---|" + "---|" * len(there))
    for level in list(found[0]["wrmsse"])[1:]:
        cells = [f"{by[each]['wrmsse'][level]:.3f}" for each in there]
        lines.append(f"| {level} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def merged(old: Path, found: list[dict]) -> list[dict]:
    """What was found, beside the rows of other windows and sides that the file has."""
    done = {(row["cutoff"], row["side"]) for row in found}
    kept = json.loads(old.read_text()) if old.exists() else []
    rows = [*found, *(row for row in kept if (row["cutoff"], row["side"]) not in done)]
    return sorted(rows, key=lambda row: (row["cutoff"], row["side"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the M5 files")
    parser.add_argument("--cutoffs", type=int, nargs="+", default=[1857, 1885, 1913], help="days d_N to forecast after")
    parser.add_argument(
        "--peer-python", help="Python of an environment with mlforecast; without it foresell runs alone"
    )
    parser.add_argument("--only-peer", action="store_true", help="leave foresell out, where rolling.py has run it")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.json and RESULTS.md go")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)  # before hours of work
    pythons = {} if arguments.only_peer else {"foresell": sys.executable}
    if arguments.peer_python:
        pythons["mlforecast"] = arguments.peer_python
    with tempfile.TemporaryDirectory() as folder:
        found = compare(arguments.data.resolve(), arguments.cutoffs, pythons, Path(folder))
    rows = merged(arguments.out / "results.json", found)
    (arguments.out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "RESULTS.md").write_text(report(rows, list(SIDES)))
    print(report(rows, list(SIDES)))


if __name__ == "__main__":
    main()
