"""Rossmann: RMSPE of the last six weeks, foresell beside mlforecast, AutoARIMA and seasonal naive, in one table.

    python benchmarks/rossmann/compare.py --data ../shared/data/rossmann --peer-python PEER/bin/python

foresell is `foresell init --preset rossmann` and `foresell run`, nothing changed: the last of its backtest's windows
is the one asked about, so its forecasts are read from there. mlforecast is a process of its own, in PEER, a virtual
environment with benchmarks/requirements.lock (or in this one). ARIMA takes seconds a store, so a draw of the stores is
fitted, and every row is scored on those stores too. Writes results.json and RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measure import measure
from project import run as run_project

HERE = Path(__file__).resolve().parent
HORIZON = 42
SINGLE = ("lightgbm", "launch", "moving_average", "seasonal_naive")
ARIMAS = ("sarimax", "autoarima")
WORDS = {
    "ensemble": "foresell: ensemble",
    "lightgbm": "foresell: lightgbm alone",
    "launch": "foresell: launch alone",
    "sarimax": "foresell: sarimax alone",
    "mlforecast": "mlforecast, LightGBM",
    "autoarima": "statsforecast, AutoARIMA",
    "moving_average": "moving average of 28 days",
    "seasonal_naive": "seasonal naive, 7 days",
}


NOTES = """\
- foresell's rows are what `foresell init --preset rossmann` and `foresell run` made: the last of the three windows of
  its backtest. The ensemble was learnt from the two windows before, and chosen by WRMSSE, which weighs stores and kinds
  of stores by their turnover: nothing was chosen by RMSPE.
- mlforecast learns the logarithm of sales, from open days, with promotions and holidays of the days ahead. That was the
  best of ten set-ups, by RMSPE on the six weeks before those scored.
- AutoARIMA and `sarimax` take seconds for every store, so they were fitted for {drawn} stores drawn at random (seed
  {seed}), on the last 365 days of each, season 7. AutoARIMA sees sales alone, `sarimax` promotions and holidays too.
- `foresell run` is more than one fit: four models and those of the upper levels in three windows, the ensemble on all
  sales, ranges for all levels, the report."""


def truth(file: Path) -> pl.DataFrame:
    """Store, date and what was sold in the last six weeks, on days with sales."""
    sales = pl.read_parquet(file).select("Store", pl.col("Date").cast(pl.Date).alias("date"), actual="Sales")
    return sales.filter(pl.col("date") > pl.col("date").max() - timedelta(HORIZON), pl.col("actual") > 0)


def kept(project: Path, cutoff: date) -> dict[str, pl.DataFrame]:
    """The forecasts of the window that the project's backtest and ensemble kept, by model."""
    results = project / "results"
    files = {name: results / "backtest" / "forecasts" / f"{name}-{cutoff}.parquet" for name in SINGLE}
    files["ensemble"] = results / "combine" / "forecasts" / f"ensemble-{cutoff}.parquet"
    return {name: pl.read_parquet(file) for name, file in files.items()}


def scores(forecast: pl.DataFrame, actual: pl.DataFrame) -> dict[str, float]:
    """RMSPE as the competition had it, WAPE and bias; a store and day without a forecast is an error.

    >>> day = {"Store": [1, 2], "date": [date(2015, 7, 1)] * 2}
    >>> found = scores(pl.DataFrame({**day, "mean": [9.0, 24]}), pl.DataFrame({**day, "actual": [10, 20]}))
    >>> [round(value, 3) for value in found.values()]  # sqrt((0.1 ** 2 + 0.2 ** 2) / 2), 5 / 30, 3 / 30
    [0.158, 0.167, 0.1]
    """
    days = forecast.select(pl.col("Store").cast(pl.Int64), pl.col("date").cast(pl.Date), "mean")
    both = actual.with_columns(pl.col("Store").cast(pl.Int64)).join(days, on=["Store", "date"], how="left")
    if missing := both["mean"].null_count():
        raise ValueError(f"{missing} of {both.height} days with sales have no forecast")
    error = pl.col("mean") - pl.col("actual")
    found = both.select(
        rmspe=((error / pl.col("actual")) ** 2).mean().sqrt(),
        wape=error.abs().sum() / pl.col("actual").sum(),
        bias=error.sum() / pl.col("actual").sum(),
    )
    return found.row(0, named=True)


def forecasts_of_peers(file: Path, cutoff: date, peer: str, panel: Path, draw: list[str], folder: Path) -> tuple:
    """The forecasts of mlforecast and of both ARIMAs, and what they cost."""
    commands = {"mlforecast": [peer, str(HERE / "mlforecast_job.py"), str(file), str(cutoff)]}
    commands |= {side: [sys.executable, str(HERE / "arima_job.py"), side, str(panel), str(cutoff)] for side in ARIMAS}
    made, costs = {}, {}
    for name, command in commands.items():
        out = folder / f"{name}.parquet"
        options = draw if name in ARIMAS else []
        costs[name] = asdict(measure([*command, str(out), *options], out.with_suffix(".log")))
        made[name] = pl.read_parquet(out)
        print(f"{name}: {costs[name]['cpu_seconds']:.0f} s of processor time", flush=True)
    return made, costs


def compare(file: Path, asked: argparse.Namespace, folder: Path) -> dict:
    """All scores and costs, as plain data."""
    actual = truth(file)
    cutoff = actual["date"].max() - timedelta(HORIZON)
    project = asked.project or folder / "project"
    costs = {} if asked.project else {"foresell": asdict(run_project("rossmann", file.parent, project))}
    forecasts = kept(project, cutoff)
    draw = ["--stores", str(asked.stores), "--seed", str(asked.seed)]
    panel = project / "results" / "check" / "panel"
    made, more = forecasts_of_peers(file, cutoff, asked.peer_python, panel, draw, folder)
    forecasts, costs = forecasts | made, costs | more
    some = actual.join(forecasts["autoarima"].select(pl.col("Store").cast(pl.Int64)).unique(), on="Store")
    found = {
        name: {"some": scores(each, some)} | ({} if name in ARIMAS else {"all": scores(each, actual)})
        for name, each in forecasts.items()
    }
    sizes = {"stores": actual["Store"].n_unique(), "days": actual.height, "drawn": some["Store"].n_unique()}
    return {"cutoff": str(cutoff), **sizes, "seed": asked.seed, "scores": found, "costs": costs}


def score_table(found: dict) -> list[str]:
    """A row for each forecast, the best on the stores drawn first."""
    lines = [f"| forecast | RMSPE of {found['stores']:,} stores | RMSPE of {found['drawn']:,} stores | WAPE | bias |"]
    lines.append("|---|---|---|---|---|")
    for name, each in sorted(found["scores"].items(), key=lambda item: item[1]["some"]["rmspe"]):
        whole = f"{each['all']['rmspe']:.4f}" if "all" in each else ""
        some = "{rmspe:.4f} | {wape:.3f} | {bias:+.1%}".format(**each["some"])
        lines.append(f"| {WORDS[name]} | {whole} | {some} |")
    return lines


def cost_table(costs: dict) -> list[str]:
    """Processor time and memory as ratios, of a whole project to one fit of the peer, and of the two ARIMAs."""
    lines = ["| ratio | processor time | peak memory |", "|---|---|---|"]
    pairs = (("foresell", "mlforecast", "`foresell run`, all of it, to one fit and forecast by mlforecast"),)
    pairs += (("sarimax", "autoarima", "foresell's `sarimax` with its regressors to AutoARIMA without"),)
    for ours, theirs, words in pairs:
        if ours in costs and theirs in costs:
            names = ("cpu_seconds", "peak_gb")
            ratios = [f"{costs[ours][name] / costs[theirs][name]:.2f}" for name in names]
            lines.append(f"| {words} | {' | '.join(ratios)} |")
    return lines


def page(found: dict) -> str:
    best = {name: each["all"]["rmspe"] for name, each in found["scores"].items() if "all" in each}
    against = best["ensemble"] / best["mlforecast"] - 1
    lines = [
        "# Rossmann: the last six weeks",
        "",
        f"Made by `benchmarks/rossmann/compare.py`. One forecast of {HORIZON} days after {found['cutoff']}, scored",
        f"on the {found['days']:,} days on which a store was open and sold, as in the Kaggle competition: RMSPE is the",
        "root of the mean squared error, each error a share of the day's sales. WAPE and bias are those of the stores",
        "that all forecasts are for.",
        "",
        *score_table(found),
        "",
        f"The RMSPE of foresell's ensemble is {abs(against):.0%} {'above' if against > 0 else 'below'} mlforecast's.",
        "",
        *NOTES.format(**found).splitlines(),
        "",
        *cost_table(found["costs"]),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with rossmann.parquet")
    parser.add_argument("--peer-python", default=sys.executable, help="Python with mlforecast (default: this one)")
    parser.add_argument("--stores", type=int, default=200, help="for how many stores ARIMA is fitted; 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="draws them")
    parser.add_argument("--project", type=Path, help="a project of the preset that has run; its cost is then not told")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.json and RESULTS.md go")
    asked = parser.parse_args()
    # Threads that wait for work must sleep: both sides then suffer less from what else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with tempfile.TemporaryDirectory() as folder:
        found = compare(asked.data.resolve() / "rossmann.parquet", asked, Path(folder))
    (asked.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (asked.out / "RESULTS.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
