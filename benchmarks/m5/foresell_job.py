"""foresell's side: the M5 files as downloaded in, reconciled quantile forecasts of all levels out.

    python benchmarks/m5/foresell_job.py DATA CUTOFF OUT.parquet [--quality best] [--windows 4] [--keep PROJECT]

What `foresell init --preset m5` and `foresell run` do, with the sales up to d_CUTOFF (1941 is the last there is): reads
and validates the files, backtests the models of the quality on the windows before, combines them, learns ranges,
fits on all sales and forecasts the next 28 days. OUT.parquet has the single series: item_id, store_id, date, mean and
the nine quantiles of the M5 competition, q005 to q995 per mille; OUT_upper.parquet the eleven levels above, with the
columns level, state_id, store_id, cat_id, dept_id, item_id before those.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from foresell.core.forecast import quantile_column
from foresell.onboarding.presets import apply
from foresell.pipeline.progress import Progress
from foresell.pipeline.project import Project

FIRST_DAY = date(2011, 1, 28)  # the day before d_1
QUANTILES = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
BOTTOM = "item_id x store_id"


def settings_of(data: Path, cutoff: int, quality: str, windows: int) -> dict[str, Any]:
    """The settings of the preset, for this cutoff and quality."""
    tree = apply("m5", str(data.resolve()), Path()).settings
    tree["data"]["until"] = str(FIRST_DAY + timedelta(cutoff))
    tree |= {"quality": quality, "output": {"quantiles": list(QUANTILES)}}
    tree["backtest"] = {**tree["backtest"], "windows": windows}
    return tree


def make_project(folder: Path, tree: dict[str, Any]) -> Project:
    """A project with these settings in `folder`, told on the way."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "foresell.yaml").write_text(yaml.safe_dump(tree))
    started, last = time.perf_counter(), ""

    def say(progress: Progress) -> None:
        nonlocal last
        doing = f"{progress.step}: {progress.doing}"
        if doing != last:
            print(f"{time.perf_counter() - started:7.1f} s  {doing}", flush=True)
            last = doing

    return Project(folder, watch=say)


def write_forecasts(forecasts: pl.DataFrame, out: Path) -> None:
    """The table of the single series, and beside it that of the levels above."""
    values = ["date", "mean", *map(quantile_column, QUANTILES)]
    single = forecasts.filter(level=BOTTOM).select("item_id", "store_id", *values)
    upper = forecasts.filter(pl.col("level") != BOTTOM)
    single.write_parquet(out, compression_level=19)
    names = ["level", "state_id", "store_id", "cat_id", "dept_id", "item_id"]
    upper.select(*names, *values).write_parquet(out.with_stem(out.stem + "_upper"), compression_level=19)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("cutoff", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quality", choices=("fast", "best"), default="fast")
    parser.add_argument("--windows", type=int, default=4, help="windows of the backtest before the cutoff")
    parser.add_argument("--keep", type=Path, help="make the project here and leave it; go on where it was stopped")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        tree = settings_of(asked.data, asked.cutoff, asked.quality, asked.windows)
        project = make_project(asked.keep or Path(passing) / "project", tree)
        project.run("forecast")
        write_forecasts(project.forecasts, asked.out)


if __name__ == "__main__":
    sys.exit(main())
