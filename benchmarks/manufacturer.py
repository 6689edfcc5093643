"""The sample manufacturer, whose customers order now and then: forecasts by month and by week, by steadiness.

    python benchmarks/manufacturer.py --out benchmarks/sample/MANUFACTURER.md

`foresell sample --kind manufacturer` makes the order book, `foresell init` looks at it (months are what it proposes;
for weeks it is told so), and `foresell run` does the rest, with more models and windows than it takes by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml
from measure import measure

from foresell.ensemble.range_backtest import coverage_by_segment
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.store.tables import read_table

SEED = 1
MODELS = ("seasonal_naive", "moving_average", "croston", "sba", "tsb", "adida", "ets", "theta", "launch", "lightgbm")
STEADINESS = ("smooth", "erratic", "intermittent", "lumpy")
METRICS = ("wrmsse", "wape", "bias")
SERIES, LEVELS = "all series", "all levels"


@dataclass(frozen=True)
class TimeGrid:
    """The periods of time: the option of `init`, the word for a period, and the number of windows tested."""

    option: str | None
    noun: str
    windows: int


GRIDS = (TimeGrid(None, "month", 3), TimeGrid("W", "week", 4))


def run(book: Path, project: Path, grid: TimeGrid) -> dict:
    """Runs a whole project on the order book and returns its settings."""
    frequency = ["--frequency", grid.option] if grid.option else []
    foresell, log = str(Path(sys.executable).with_name("foresell")), project.with_suffix(".log")
    measure([foresell, "init", str(project), "--data", str(book), *frequency], log)
    file = project / "foresell.yaml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree["models"] = [{"name": name} for name in MODELS]
    tree["backtest"]["windows"] = grid.windows
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    measure([foresell, "run", str(project)], log)
    return tree


def scores(project: Path) -> pl.DataFrame:
    """The means over the windows of each model's scores, for each segment of steadiness, all series and all levels."""
    combined = project / "results" / "combine"
    levels = read_table(combined / "levels.parquet")
    parts = [
        read_table(combined / "segments.parquet").filter(by="steadiness"),
        levels.filter(level=levels["level"][-1]).with_columns(segment=pl.lit(SERIES)),
        levels.filter(level=ALL_LEVELS).with_columns(segment=pl.lit(LEVELS)),
    ]
    columns = ("model", "segment", "series", *METRICS)
    both = pl.concat([part.select(columns) for part in parts], how="vertical_relaxed")
    return both.group_by("model", "segment").agg(pl.col("series", *METRICS).mean())


def score_table(table: pl.DataFrame, segments: list[str]) -> list[str]:
    """A row for each model, the best over all levels first: its WRMSSE, and three scores in each segment."""
    size = {row["segment"]: row["series"] for row in table.select("segment", "series").unique("segment").to_dicts()}
    cells = {(row["model"], row["segment"]): row for row in table.to_dicts()}
    heads = [f"{segment} ({size[segment]:.0f})" for segment in segments]
    lines = [f"| model | {LEVELS} | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(heads)]
    for model in table.filter(segment=LEVELS).sort("wrmsse")["model"].to_list():
        row = [cells[model, segment] for segment in segments]
        words = ["{wrmsse:.3f} · {wape:.2f} · {bias:+.0%}".format(**scores_of_segment) for scores_of_segment in row]
        lines.append(f"| {model} | {cells[model, LEVELS]['wrmsse']:.3f} | " + " | ".join(words) + " |")
    return lines


def range_table(project: Path, segments: list[str]) -> list[str]:
    """How much of what was sold lay in each range of the ensemble, by segment, and how wide the 90 % range was."""
    kept = coverage_by_segment(read_table(project / "results" / "combine" / "ranges.parquet"))
    bottom = kept.filter(level=kept["level"][-1])
    labelled = bottom.filter(pl.col("by").is_in(["all", "steadiness"])).with_columns(
        segment=pl.when(pl.col("by") == "all").then(pl.lit(SERIES)).otherwise("segment")
    )
    nominal = sorted(set(labelled["nominal"]) & {0.5, 0.8, 0.9, 0.95})
    cells = {(row["segment"], row["nominal"]): row for row in labelled.to_dicts()}
    lines = ["| segment | " + " | ".join(f"{each:.0%}" for each in nominal) + " | width of 90 % over the mean |"]
    lines.append("|---|" + "---|" * (len(nominal) + 1))
    for segment in segments:
        shares = [f"{cells[segment, each]['coverage']:.1%}" for each in nominal]
        lines.append(f"| {segment} | " + " | ".join(shares) + f" | {cells[segment, 0.9]['relative_width']:.1f} |")
    return lines


def section(book: Path, project: Path, grid: TimeGrid) -> list[str]:
    """The text and the tables of one way to cut time."""
    tree = run(book, project, grid)
    table = scores(project)
    present = set(table["segment"])
    segments = [SERIES, *(each for each in STEADINESS if each in present)]
    summary = json.loads((project / "results" / "combine" / "summary.json").read_text(encoding="utf-8"))
    weights = {name: share for name, share in summary["weights"][0].items() if name != "segment" and share}
    blend = ", ".join(f"{share:.0%} {name}" for name, share in sorted(weights.items(), key=lambda each: -each[1]))
    way = " and ".join(summary["reconciliation"]).replace("_", "-")
    windows, horizon = grid.windows, tree["horizon"]
    return [
        f"## By {grid.noun}: {windows} windows of {horizon} {grid.noun}s",
        "",
        *score_table(table, segments),
        "",
        f"What comes of all windows is an ensemble of {blend}, brought into line by {way}.",
        "",
        "What was sold lay in the ensemble's ranges of …",
        "",
        *range_table(project, segments),
        "",
    ]


def page(folder: Path) -> str:
    foresell, book = str(Path(sys.executable).with_name("foresell")), folder / "book"
    sample = [foresell, "sample", str(book), "--kind", "manufacturer", "--seed", str(SEED), "--format", "csv"]
    measure(sample, folder / "sample.log")
    lines = [
        "# The sample manufacturer, by steadiness",
        "",
        f"Made by `benchmarks/manufacturer.py`, from `foresell sample --kind manufacturer --seed {SEED}`: orders of",
        "customers who take a product now and then, in lots. First stands the WRMSSE of all levels together, by which",
        "the ensemble is chosen; then WRMSSE · WAPE · bias of the single series. All are means over the windows, so",
        "are the numbers of series in brackets. Segments are those of Syntetos, Boylan and Croston by the year before",
        "each cutoff; series that sold nothing in it are among all series only. Ranges are those of the later windows,",
        "learnt from the earlier ones.",
        "",
    ]
    for grid in GRIDS:
        lines += section(book, folder / grid.noun, grid)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a Markdown file to write; printed only where not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        text = page(Path(passing))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
