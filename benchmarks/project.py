"""A whole project from its files to its report, as a user runs it: init with a preset, then run.

    python benchmarks/project.py --preset m5 --data ../shared/data/m5 --out benchmarks/m5/PROJECT.md
    python benchmarks/project.py --preset rossmann --data ../shared/data/rossmann --out benchmarks/rossmann/PROJECT.md

Writes what the run cost and the leaderboard of its backtest. Seconds are those of the machine it ran on: compare them
with each other, not with other machines.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

from measure import Cost, measure


def run(preset: str, data: Path, project: Path) -> Cost:
    """The cost of `foresell run` in a project made by `foresell init`."""
    foresell = str(Path(sys.executable).with_name("foresell"))
    measure([foresell, "init", str(project), "--preset", preset, "--data", str(data)], project.with_suffix(".init.log"))
    return measure([foresell, "run", str(project)], project.with_suffix(".run.log"))


def page(preset: str, cost: Cost, project: Path) -> str:
    """The cost of the run and of each step, and the leaderboard, as Markdown."""
    lines = [f"# The {preset} preset, from files to report", "", "Made by `benchmarks/project.py`.", ""]
    lines += [f"`foresell run`: {cost.wall_seconds:.0f} s, peak memory {cost.peak_gb:.2f} GB.", ""]
    lines += ["| step | share of the time |", "|---|---|"]
    steps = [(file.parent.name, json.loads(file.read_text())) for file in (project / "results").glob("*/step.json")]
    for name, step in sorted(steps, key=lambda each: -each[1]["seconds"]):
        lines.append(f"| {name} | {step['seconds'] / cost.wall_seconds:.0%} |")
    with (project / "results" / "backtest" / "leaderboard.csv").open() as file:
        board = list(csv.DictReader(file))
    columns = ("wrmsse", "improvement", "wape", "bias", "rmsse")
    lines += ["", f"Mean of {board[0]['windows']} windows:", "", "| model | " + " | ".join(columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for row in board:
        lines.append(f"| {row['model']} | " + " | ".join(f"{float(row[name]):.3f}" for name in columns) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True, help="m5, favorita or rossmann")
    parser.add_argument("--data", type=Path, required=True, help="folder with the competition's files")
    parser.add_argument("--out", type=Path, help="a Markdown file to write; printed only where not given")
    parser.add_argument("--keep", type=Path, help="make the project here and leave it, rather than in a passing folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        project = arguments.keep or Path(passing) / "project"
        text = page(arguments.preset, run(arguments.preset, arguments.data.resolve(), project), project)
    if arguments.out:
        arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
