"""foresell on small public data sets of other kinds, by `init` and `run` alone, beside its peers.

    python benchmarks/more.py --data ../shared/data --peer-python PEER/bin/python --out FOLDER
    python benchmarks/more.py --data ../shared/data --peer-python PEER/bin/python --out FOLDER --back 1 --only hospital

One forecast of the last horizon of each set: RMSSE, mean over the series. The peers are those of
`more_peers.py`; PEER is a virtual environment with benchmarks/requirements.lock. `--back 1` asks one horizon earlier:
all choices about foresell's defaults were made there, or earlier. What a peer forecast is kept in FOLDER and used
again.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
from markdown_table import table as markdown_table
from measure import measure
from more_sets import SETS, STOCKED_OUT, DataSet, scores

LIGHTGBM = {
    "jewelry": {"logarithm": True, "differences": True, "calendar": True, "trees": 100},
    "orange juice": {"logarithm": True, "differences": False, "calendar": False, "trees": 300},
    "hospital": {"logarithm": True, "differences": True, "calendar": True, "trees": 100},
    "m3 monthly": {"logarithm": False, "differences": True, "calendar": False, "trees": 200},
    "m4 weekly": {"logarithm": False, "differences": True, "calendar": False, "trees": 200},
    "m4 hourly": {"logarithm": False, "differences": True, "calendar": True, "trees": 400},
    "vn2": {"logarithm": False, "differences": False, "calendar": True, "trees": 100},
}
"""The options of mlforecast's LightGBM: the best of `VARIANTS` one horizon before the reported one; those of M3 and M4,
where they were not searched, by experience."""

VARIANTS = [
    {"logarithm": logarithm, "differences": differences, "calendar": calendar, "trees": trees}
    for logarithm in (True, False)
    for differences in (True, False)
    for calendar in (True, False)
    for trees in (100, 300)
]


def foresell(each: DataSet, given: pl.DataFrame, folder: Path) -> tuple[pl.DataFrame, dict]:
    """The forecast that `init` and `run` make of the single series, and what both cost together."""
    project, sales = folder / "project", folder / f"{each.name.replace(' ', '_')}.csv"
    shutil.rmtree(project, ignore_errors=True)
    given.write_csv(sales)
    command = str(Path(sys.executable).with_name("foresell"))
    options = ["--known-ahead", ",".join(each.ahead)] if each.ahead else []
    begun = measure(
        [command, "init", str(project), "--data", str(sales), "--horizon", str(each.horizon), *options],
        folder / "init.log",
    )
    done = measure([command, "run", str(project)], folder / "run.log")
    cost = {name: value + asdict(begun)[name] for name, value in asdict(done).items()}
    table = pl.read_parquet(project / "results" / "forecast" / "forecasts.parquet")
    single = table.filter(pl.col("level") == " x ".join(each.keys))
    return single.select(*(pl.col(key).cast(pl.String) for key in each.keys), "date", "mean"), cost


def peers(
    each: DataSet, given: pl.DataFrame, cutoff: str, folder: Path, python: str, options: dict | None
) -> tuple[pl.DataFrame, dict]:
    """The forecasts of statsforecast's models, a column for each, or of mlforecast's LightGBM with `options`, and what
    they cost. Those of other options are kept apart."""
    name = "-".join(map(str, options.values())) if options else "statsforecast"
    table, task, out = (folder / f"{name}.{ending}" for ending in ("table.parquet", "json", "parquet"))
    if not out.exists():
        units = pl.col("units").cast(pl.Float64)
        if STOCKED_OUT in given.columns:
            units = pl.when(pl.col(STOCKED_OUT)).then(None).otherwise(units)
        given.select(
            pl.concat_str([pl.col(key).cast(pl.String) for key in each.keys], separator="|").alias("unique_id"),
            pl.col("date").alias("ds"),
            units.alias("y"),
            *(pl.col(column).cast(pl.String) for column in each.attributes),
            *(pl.col(column).cast(pl.Float64) for column in each.ahead),
        ).write_parquet(table)
        asked = {
            "season": each.season, "freq": each.frequency, "horizon": each.horizon, "cutoff": cutoff,
            "statics": list(each.attributes), "ahead": list(each.ahead), "lightgbm": options,
        }  # fmt: skip
        task.write_text(json.dumps(asked))
        script = str(Path(__file__).with_name("more_peers.py"))
        cost = measure([python, script, str(table), str(task), str(out)], folder / f"{name}.log")
        (folder / f"{name}.cost.json").write_text(json.dumps(asdict(cost)))
    made = pl.read_parquet(out)
    keys = pl.col("unique_id").str.split_exact("|", len(each.keys) - 1).struct.rename_fields(list(each.keys))
    dates = pl.col("ds").cast(given.schema["date"]).alias("date")
    return made.select(keys.alias("keys"), dates, pl.exclude("unique_id", "ds")).unnest("keys"), json.loads(
        (folder / f"{name}.cost.json").read_text()
    )


def compare(each: DataSet, asked: argparse.Namespace) -> dict:
    """The scores and costs of foresell and its peers on one set, as plain data."""
    folder = asked.out / each.name.replace(" ", "_") / str(asked.back)
    folder.mkdir(parents=True, exist_ok=True)
    given, truth = each.split(asked.data, asked.back)
    cutoff = given.filter(pl.col("units").is_not_null())["date"].max()
    strings = [pl.col(key).cast(pl.String) for key in each.keys]
    truth, texts = truth.with_columns(strings), given.with_columns(strings)
    seen = texts.filter(~pl.col(STOCKED_OUT)) if STOCKED_OUT in texts.columns else texts

    def score(forecast: pl.DataFrame) -> dict[str, float]:
        return scores(forecast.with_columns(pl.col("date").cast(truth.schema["date"])), truth, seen, each.keys)

    if asked.variants:
        for options in VARIANTS:
            made, _ = peers(each, given, str(cutoff), folder, asked.peer_python, options)
            print(each.name, options, round(score(made.rename({"mlforecast": "mean"}))["rmsse"], 4), flush=True)
        return {}
    found, costs = {}, {}
    for side, options in (("statsforecast", None), ("mlforecast", LIGHTGBM[each.name])):
        made, costs[side] = peers(each, given, str(cutoff), folder, asked.peer_python, options)
        for name in made.columns[len(each.keys) + 1 :]:
            found[name] = score(made.select(*each.keys, "date", mean=name))
    if not asked.peers_only:
        forecast, costs["foresell"] = foresell(each, given, folder)
        found["foresell"] = score(forecast)
    result = {"set": each.name, "back": asked.back, "scores": found, "costs": costs}
    (folder / "result.json").write_text(json.dumps(result, indent=1))
    print(each.name, {name: round(value["rmsse"], 4) for name, value in found.items()}, flush=True)
    return result


def page(results: list[dict], back: int) -> str:
    """The table of RMSSE by set and method, with the geometric mean over the sets, as Markdown."""
    methods = list(results[0]["scores"])
    ratios = {}
    for method in methods:
        values = pl.Series([each["scores"][method]["rmsse"] for each in results])
        ratios[method] = float(values.log().mean())  # type: ignore[arg-type]
    order = sorted(methods, key=ratios.__getitem__)
    best = min((method for method in methods if method != "foresell"), key=ratios.__getitem__)
    rows = [[each["set"], *(f"{each['scores'][method]['rmsse']:.3f}" for method in order)] for each in results]
    rows.append(["geometric mean over " + best, *(f"{math.exp(ratios[m] - ratios[best]):.3f}" for m in order)])
    when = "of the last horizon" if not back else f"of the horizon that ended {back} horizons earlier"
    return (
        f"# Small public data sets\n\nMade by `benchmarks/more.py`. RMSSE of one forecast {when}, mean over series.\n\n"
        + markdown_table(["set", *order], rows)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with more/ and vn2/")
    parser.add_argument("--peer-python", default=sys.executable, help="Python with the peers (default: this one)")
    parser.add_argument("--only", help="names of sets, with commas (default: all)")
    parser.add_argument("--back", type=int, default=0, help="how many horizons before the reported one")
    parser.add_argument("--variants", action="store_true", help="try the options of mlforecast's LightGBM only")
    parser.add_argument("--peers-only", action="store_true", help="without foresell")
    parser.add_argument("--out", type=Path, required=True, help="folder for the projects, forecasts and MORE.md")
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(SETS)
    results = [compare(SETS[name], asked) for name in names]
    if not asked.variants and not asked.peers_only:
        text = page(results, asked.back)
        (asked.out / "MORE.md").write_text(text)
        print(text)


if __name__ == "__main__":
    main()
