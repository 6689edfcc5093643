"""Reads a folder of difficult sales files as a user would, and compares what was read with the truth beside each file.

python benchmarks/cases.py PATH [NAME ...]

PATH holds one folder a case: a file (or several) and ``truth.txt`` with lines such as ``units: 46728``. Each case
goes through `foresell init` and `foresell check`. It is right where all figures of the truth are met, a refusal where
foresell stops with one paragraph, else wrong. NAME limits the cases to those whose names begin so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from foresell.apps.cli import main as foresell
from foresell.core.panel import Panel
from foresell.pipeline.project import Project

LONGEST_REFUSAL = 1_000  # characters; a longer one is no paragraph that anyone reads
FIGURES: dict[str, Callable[[Panel], object]] = {
    "units": lambda panel: round(float(np.nansum(panel.units, dtype=np.float64))),
    "series": lambda panel: panel.n_series,
    "periods": lambda panel: panel.n_days,
    "first": lambda panel: panel.dates[0],
    "last": lambda panel: panel.cutoff,
    "frequency": lambda panel: str(panel.frequency),
}
SAME_FIGURE = {"units_net": "units", "net": "units"}


@dataclass(frozen=True)
class Outcome:
    """What became of one case: the verdict, why, and all that foresell printed."""

    verdict: str  # "right", "refusal" or "wrong"
    why: str
    printed: str


def truth_of(case: Path) -> dict[str, str]:
    """The figures of a case by name; empty where no truth is known."""
    path = case / "truth.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def sales_of(case: Path) -> str:
    """What a user would name as the sales: the only file, or the folder of several."""
    files = [path for path in case.iterdir() if path.name != "truth.txt"]
    if len(files) == 1:
        return str(files[0])
    return str(case / f"*{files[0].suffix}")


def outcome(case: Path, folder: Path) -> Outcome:
    """Reads the files of `case` into a project in `folder`, and compares the panel with the truth."""
    runner, printed = CliRunner(), ""
    for verb in (["init", str(folder), "--data", sales_of(case)], ["check", str(folder)]):
        result = runner.invoke(foresell, verb)
        printed += f"$ foresell {verb[0]}\n{result.output}\n"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return Outcome("wrong", f"{verb[0]} crashed: {result.exception!r}", printed)
        if result.exit_code:
            message = " ".join(result.output.split())
            short = len(message) <= LONGEST_REFUSAL and "fault" not in message
            return Outcome("refusal" if short else "wrong", f"{verb[0]}: {message[:LONGEST_REFUSAL]}", printed)
    differences = differences_from(truth_of(case), Project(folder).panel)
    return Outcome("wrong" if differences else "right", "; ".join(differences), printed)


def differences_from(truth: dict[str, str], panel: Panel) -> list[str]:
    """The figures of the panel that differ from the `truth`, in words."""
    differences = []
    for name, expected in truth.items():
        figure = FIGURES.get(SAME_FIGURE.get(name, name))
        if figure is None:
            continue
        actual = str(figure(panel))
        same = actual.startswith(expected) if "-" in expected else actual == str(expected).removesuffix(".0")
        if not same:
            differences.append(f"{name} {actual} where {expected} is right")
    return differences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="the folder of the cases")
    parser.add_argument("names", nargs="*", help="only cases whose names begin so")
    parser.add_argument("--output", action="store_true", help="show what foresell printed")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    for case in sorted(path for path in arguments.path.iterdir() if path.is_dir()):
        if arguments.names and not case.name.startswith(tuple(arguments.names)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = outcome(case, Path(folder) / "project")
        counts[result.verdict] += 1
        print(f"{case.name:30} {result.verdict:8} {result.why}", flush=True)
        if arguments.output:
            print(result.printed)
    print(", ".join(f"{verdict} {counts[verdict]}" for verdict in ("right", "refusal", "wrong")))
    sys.exit(1 if counts["wrong"] else 0)


if __name__ == "__main__":
    main()
