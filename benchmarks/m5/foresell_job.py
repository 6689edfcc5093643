"""foresell's side of the comparison: the M5 files as downloaded in, 28 days after a cutoff out.

    python benchmarks/m5/foresell_job.py DATA CUTOFF OUT.parquet

Reads and validates the files as `foresell init --preset m5` describes them, fits one LightGBM with its default options,
and writes the mean of every series and day.
"""

from __future__ import annotations

import sys
import time
from datetime import date, timedelta
from pathlib import Path

from foresell.core.settings import parse_settings
from foresell.data.inferring.presets import apply
from foresell.data.read import read
from foresell.models import make

FIRST_DAY = date(2011, 1, 28)  # the day before d_1


def main(data: Path, cutoff: int, out: Path) -> None:
    started = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - started:6.1f} s  {what}", flush=True)

    tree = apply("m5", str(data), Path()).settings
    tree["data"]["until"] = str(FIRST_DAY + timedelta(cutoff))
    settings = parse_settings(tree)
    panel = read(settings, Path()).panel
    say(f"read {panel.n_series} series of {panel.n_days} days")
    fitted = make("lightgbm", levels=settings.levels, seed=settings.seed).fit(panel, settings.horizon)
    say("fitted")
    forecast = fitted.forecast(panel)
    forecast.to_frame().select(*forecast.keys, "date", "mean").write_parquet(out)
    say("written")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
