"""M5, window after window in one project, and the forecast of the 28 days after the data end.

    python benchmarks/m5/rolling.py --data ../shared/data/m5 --quality best --project PROJECT

A backtest of twelve windows, 28 days apart, the first one after d_1605, the last one d_1914..d_1941. In each window the
models know the sales up to its cutoff; the weights of the ensemble, the reconciliation and the ranges were learnt from
windows that had ended by then. The last five are scored by themselves: WRMSSE and WSPL of all levels (the official
weights and WRMSSE scales after d_1913, computed ones before), and how often ranges held. Choices were made on the odd
windows (d_1605, d_1661, ...), so those of the even ones are the fairer ones. Then the models are fitted on all sales,
and the forecast after d_1941 is written beside this file. PROJECT is kept, so that a run that was stopped goes on where
it was. mlforecast's scores come from results.json (compare.py). Writes ROLLING_QUALITY.md, and forecast_d1941.parquet
with its upper levels.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from datetime import date
from pathlib import Path

import polars as pl
from foresell_job import FIRST_DAY, QUANTILES, make_project, settings_of, write_forecasts

from foresell.core.words import blend, ways
from foresell.ensemble.range_backtest import coverage_by_segment
from foresell.evaluate.interval_scores import wspl
from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
LAST, SCORED = 1941, 5


def by_window(project: Project) -> pl.DataFrame:
    """WRMSSE of all levels by model, one column for each of the last cutoffs, as d_N."""
    levels = pl.read_parquet(project.results.folder("combine") / "levels.parquet").filter(level="all")
    day = (pl.col("cutoff") - FIRST_DAY).dt.total_days()
    last = sorted(levels["cutoff"].unique())[-SCORED:]
    return (
        levels.filter(pl.col("cutoff").is_in(last))
        .with_columns(window=pl.format("d_{}", day))
        .pivot(on="window", index="model", values="wrmsse")
    )


def window_number(cutoff: date) -> int:
    """The place of a window among those after d_1605, from 1; odd ones served to choose."""
    return ((cutoff - FIRST_DAY).days - 1605) // 28 + 1


def long_run_table(project: Project) -> list[str]:
    """The ensemble's WRMSSE of all levels, of levels 1 to 9 and of the items, and the total's bias: mean and standard
    error over odd, even and all windows."""
    folder = project.results.folder("combine")
    levels = pl.read_parquet(folder / "levels.parquet").filter(model="ensemble")
    names = levels["level"].unique(maintain_order=True).to_list()
    upper = levels.filter(pl.col("level").is_in(names[1:10]))
    parts = {
        "WRMSSE, all levels": levels.filter(level="all").select("cutoff", value="wrmsse"),
        "levels 1 to 9": upper.group_by("cutoff").agg(value=pl.col("wrmsse").mean()),
        "item x store": levels.filter(level=names[-1]).select("cutoff", value="wrmsse"),
        "total, bias": levels.filter(level="total").select("cutoff", value="bias"),
        "total, size of the bias": levels.filter(level="total").select("cutoff", value=pl.col("bias").abs()),
    }
    lines = ["| | odd windows | even windows | all | worst window |", "|---|---|---|---|---|"]
    for name, table in parts.items():
        odd = pl.col("cutoff").map_elements(lambda day: window_number(day) % 2 == 1, return_dtype=pl.Boolean)
        values = [table.filter(which)["value"].to_list() for which in (odd, ~odd, pl.lit(True))]
        worst = max(values[-1], key=abs)
        lines.append(f"| {name} | {' | '.join(map(mean_and_error, values))} | {worst:.4f} |")
    return lines


def mean_and_error(values: list[float]) -> str:
    """The mean with its standard error."""
    if len(values) < 2:
        return f"{values[0]:.4f}" if values else ""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values) / len(values) ** 0.5:.4f}"


def peer() -> dict[str, float]:
    """mlforecast's WRMSSE by window, where compare.py has run it."""
    try:
        found = json.loads((HERE / "results.json").read_text())
    except FileNotFoundError:
        return {}
    return {f"d_{row['cutoff']}": row["wrmsse"]["all"] for row in found if row["side"] == "mlforecast"}


def wrmsse_table(board: pl.DataFrame) -> list[str]:
    windows = board.columns[1:]
    lines = ["| WRMSSE after | " + " | ".join(windows) + " | mean |", "|---|" + "---|" * (len(windows) + 1)]
    rows = [(row["model"], [row[window] for window in windows]) for row in board.iter_rows(named=True)]
    theirs = peer()
    if all(window in theirs for window in windows):
        rows.append(("mlforecast", [theirs[window] for window in windows]))
    for name, values in sorted(rows, key=lambda row: sum(row[1])):
        lines.append(f"| {name} | {' | '.join(f'{each:.4f}' for each in values)} | {sum(values) / len(values):.4f} |")
    return lines


def wspl_by_window(project: Project) -> pl.DataFrame:
    """WSPL of the nine quantiles for each cutoff and level."""
    quantiles = pl.read_parquet(project.results.folder("combine") / "quantiles.parquet")
    return wspl(quantiles.filter(pl.col("probability").is_in(QUANTILES)))


def level_table(project: Project) -> list[str]:
    """WRMSSE, WSPL and coverage of the ensemble by level, as means over the scored windows."""
    folder = project.results.folder("combine")
    levels = pl.read_parquet(folder / "levels.parquet").filter(model="ensemble")
    last = sorted(levels["cutoff"].unique())[-SCORED:]
    wrmsse = dict(
        levels.filter(pl.col("cutoff").is_in(last)).group_by("level").agg(pl.col("wrmsse").mean()).iter_rows()
    )
    spl = dict(wspl_by_window(project).group_by("level").agg(pl.col("wspl").mean()).iter_rows())
    ranges = coverage_by_segment(pl.read_parquet(folder / "ranges.parquet")).filter(by="all")
    nominal = sorted(each for each in ranges["nominal"].unique() if each in (0.5, 0.8, 0.9, 0.95))
    lines = ["| level | WRMSSE | WSPL | " + " | ".join(f"{each:.0%} range held" for each in nominal) + " |"]
    lines.append("|---|" + "---|" * (2 + len(nominal)))
    for level in ("all", *levels["level"].unique(maintain_order=True).to_list()[1:]):
        found = dict(ranges.filter(level=level).select("nominal", "coverage").iter_rows())
        cells = [f"{found[each]:.1%}" if each in found else "" for each in nominal]
        lines.append(f"| {level} | {wrmsse[level]:.4f} | {spl[level]:.4f} | {' | '.join(cells)} |")
    return lines


def spl_by_window(project: Project) -> str:
    found = wspl_by_window(project).filter(level="all").select("cutoff", "wspl").sort("cutoff")
    return ", ".join(f"d_{(cutoff - FIRST_DAY).days} {value:.4f}" for cutoff, value in found.iter_rows())


def peak() -> float:
    """The most memory that this process stood at, GB; of all windows where none was left from an earlier call."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def page(project: Project, quality: str, windows: int) -> str:
    """The results as Markdown."""
    combined = json.loads((project.results.folder("combine") / "summary.json").read_text())
    steps = {step: project.results.record(step) for step in ("backtest", "combine", "train", "forecast")}
    seconds = {step: record.seconds for step, record in steps.items() if record}
    per_window = (seconds["backtest"] + seconds["combine"]) / windows
    lines = [f"# M5, window after window: {quality}", "", "Made by `benchmarks/m5/rolling.py`.", ""]
    lines += [*long_run_table(project), "", *wrmsse_table(by_window(project))]
    lines += ["", f"WSPL of the nine quantiles: {spl_by_window(project)}.", "", *level_table(project), ""]
    told = f"{blend(combined['weights'])}; reconciled by {ways(combined['reconciliation'])}"
    lines += [f"After d_{LAST}: {told}.", ""]
    lines += [
        f"A window took {per_window:.0f} s, tonight's fit {seconds['train']:.0f} s, on a machine with other work; "
        f"the last call's process stood at {peak():.1f} GB at most."
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the M5 files")
    parser.add_argument("--project", type=Path, required=True, help="where the project is made, or was begun")
    parser.add_argument("--quality", choices=("fast", "best"), default="best")
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--out", type=Path, default=HERE)
    asked = parser.parse_args()
    tree = settings_of(asked.data, LAST, asked.quality, asked.windows)
    tree["backtest"]["weights"] = str(asked.data.resolve() / "wrmsse_d1913.parquet")
    project = make_project(asked.project, tree)
    project.run("forecast")
    write_forecasts(project.forecasts, asked.out / f"forecast_d{LAST}.parquet")
    text = page(project, asked.quality, asked.windows)
    (asked.out / f"ROLLING_{asked.quality}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
