"""Time and peak memory of plans of orders: the first one of a project, the same again, and with other settings.

    python benchmarks/plans.py --project PROJECT --write benchmarks/PLANS.md

PROJECT has done `foresell run`; no step of it is done again. Draws and replays that earlier plans kept are removed
first. Each plan is made in a process of its own, in the order of the table, with the settings of the project but for
those named there. Seconds count the start of the process; those of the processor depend less on other work beside it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from markdown_table import table
from measure import measure

from foresell.pipeline.plans import make_plan
from foresell.pipeline.plans.kept_past import FOLDER
from foresell.pipeline.progress import Progress
from foresell.pipeline.views.finished_project import FinishedProject

PLANS = ("", "", "service=0.97", "budget=1000", "least_fill=0.95", "policy=normal")
"""The changes of settings, plan by plan."""


def plan(project: Path, change: str) -> None:
    """Makes one plan, and prints its headline."""
    finished = FinishedProject(project)
    finished.watch = _print
    name, _, value = change.partition("=")
    changes = {name: value if name == "policy" else float(value)} if change else {}
    print(*make_plan(finished, "orders", **changes).headline, sep="\n", flush=True)


def _print(progress: Progress) -> None:
    print(f"{progress.done:.0f}/{progress.total:.0f} {progress.doing}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a project that has done `foresell run`")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        plan(asked.project, asked.one)
        return
    results = FinishedProject(asked.project).results
    shutil.rmtree(results.root / FOLDER, ignore_errors=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, change in enumerate(PLANS):
            command = [sys.executable, __file__, "--project", str(asked.project), "--one", change]
            cost = measure(command, Path(folder) / f"{number}.log")
            what = change or ("again" if number else "first")
            rows.append([what, f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_gb:.2f}"])
            print(*rows[-1], flush=True)
    text = table(["plan", "seconds", "processor-seconds", "peak memory, GB"], rows)
    text = f"# Plans of {results.panel.n_series:,} series\n\nMade by `python benchmarks/plans.py`.\n\n{text}\n"
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
