"""SARIMA over many daily series: foresell beside statsforecast called directly, on the same histories.

    python benchmarks/sarima.py --series 1000 --repeats 4
    python benchmarks/sarima.py --series 1000 --repeats 4 --data ../shared/data/m5

The series come from the sample retailer, or with --data from M5 (drawn at random, those that sold on at least half of
the days looked at). They are cut into as many parts as there are repeats, so that each repeat is about other series;
both sides do a part one after the other, and take turns in who begins. foresell fits and forecasts, its worker
processes included; statsforecast does `StatsForecast(n_jobs=2).forecast`. Both search the order by the same rules and
look at the same days. That their forecasts are the same is checked, and the program fails where they are not.

Writes sarima.json and SARIMA.md beside this file. Seconds are those of the machine it ran on, so look at the ratios.
Where other work shares the machine, that of processor time says more.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.models import make
from foresell.models.closed_days import closed_days
from foresell.models.statistical.history import filled
from foresell.onboarding.presets import apply
from foresell.synth import make_retailer

HERE = Path(__file__).resolve().parent
HORIZON, SEASON, PROCESSES = 28, 7, 2
CLOSE = 1e-5
"""How far apart two forecasts may be, as a share: foresell's are float32."""


def sample(series: int, days: int, folder: Path) -> Panel:
    """The sample retailer, with four times as many series as wanted: not all sell every day."""
    items = -(-series * 4 // 10)
    made = make_retailer(folder, stores=10, items=items, days=days + 60, format="parquet", daily_truth=False)
    return read_sales(parse_settings(made.settings), folder).panel


def pick(panel: Panel, series: int, days: int, seed: int) -> Panel:
    """That many series, at random, of those that were on sale all the time and sold on half of the days."""
    units = panel.units[:, -days:]
    steady = np.flatnonzero((units > 0).mean(axis=1) >= 0.5)
    steady = steady[~np.isnan(units[steady, 0]) & ~closed_days(panel, HORIZON)[steady].any(axis=1)]
    if len(steady) < series:
        raise SystemExit(
            f"Only {len(steady)} series sold on half of the last {days} days; ask for fewer with --series."
        )
    chosen = panel.part(np.random.default_rng(seed).permutation(steady)[:series])
    return Panel(chosen.series, chosen.keys, chosen.dates, chosen.units)


def foresell(panel: Panel, days: int) -> tuple[np.ndarray, int]:
    """The forecasts [series, step], and how many series fell back."""
    fitted = make("sarima", days=days, processes=PROCESSES).fit(panel, HORIZON)
    return fitted.forecast(panel).mean, sum(finding.count for finding in fitted.findings)


def statsforecast(panel: Panel, days: int) -> np.ndarray:
    """The forecasts [series, step] of AutoARIMA, the same rules for its search."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA

    units = filled(panel.units[:, -days:].astype(np.float64), SEASON)
    dates = panel.dates[panel.n_days - days : panel.n_days]
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(units)), days),
            "ds": np.tile(dates, len(units)),
            "y": units.reshape(-1),
        }
    )
    runner = StatsForecast([AutoARIMA(season_length=SEASON, approximation=None)], freq="1d", n_jobs=PROCESSES)
    forecasts = runner.forecast(df=frame, h=HORIZON).sort("unique_id", "ds")
    return np.maximum(forecasts["AutoARIMA"].to_numpy().reshape(len(units), HORIZON), 0)


def processor() -> float:
    """Processor seconds of this program so far, and of the processes that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def compare(panel: Panel, days: int, repeats: int) -> list[dict[str, float]]:
    """One row for each repeat: seconds of both sides, by the clock and of processors, and how far apart they are."""
    import_module("statsforecast.models")  # once, so that the first repeat does not pay for it
    parts = []
    for number, rows in enumerate(np.array_split(np.arange(panel.n_series), repeats)):
        part = panel.part(rows)
        row: dict[str, float] = {"series": len(rows)}
        forecasts = {}
        for side in (foresell, statsforecast)[:: 1 if number % 2 == 0 else -1]:
            start, used = time.perf_counter(), processor()
            forecasts[side.__name__] = side(part, days)
            row[side.__name__] = time.perf_counter() - start
            row[f"{side.__name__}_cpu"] = processor() - used
        mean, row["fell_back"] = forecasts["foresell"]
        apart = np.abs(mean - forecasts["statsforecast"]) / np.maximum(np.abs(mean), 1)
        row |= {"other": int((apart.max(axis=1) > CLOSE).sum()), "apart": float(apart.max())}
        parts.append(row)
        print({name: round(value, 7) for name, value in row.items()}, flush=True)
        if row["other"] > row["fell_back"]:
            raise SystemExit(f"{row['other']} series have other forecasts, though only {row['fell_back']} fell back.")
    return parts


def ratio(parts: list[dict[str, float]], suffix: str = "") -> float:
    """The median of foresell's seconds over that of statsforecast's."""
    ours, theirs = ([row[side + suffix] for row in parts] for side in ("foresell", "statsforecast"))
    return statistics.median(ours) / statistics.median(theirs)


def report(parts: list[dict[str, float]], days: int, source: str) -> str:
    """The ratios of medians and the repeats, as Markdown."""
    total = sum(int(row["series"]) for row in parts)
    alike = total - sum(int(row["other"]) for row in parts)
    apart = max(row["apart"] for row in parts)
    lines = [f"# SARIMA over {total:,} daily series", "", "Made by `benchmarks/sarima.py`.", ""]
    lines += [f"Series of the {source}, {days} days each, order parts for each by AICc, {HORIZON} days ahead,"]
    lines += [f"{PROCESSES} processes, statsforecast {version('statsforecast')}.", ""]
    lines += [f"| foresell / statsforecast called directly, medians of {len(parts)} | ratio |", "|---|---|"]
    lines += [f"| time | {ratio(parts):.2f} |", f"| processor time | {ratio(parts, '_cpu'):.2f} |", ""]
    lines += [f"The same forecasts for {alike:,} of {total:,} series; the largest difference is {apart:.1e}.", ""]
    columns = ("foresell, s", "statsforecast, s", "foresell, processor s", "statsforecast, processor s")
    lines += [f"| series | {' | '.join(columns)} | fell back |", "|---|" + "---|" * (len(columns) + 1)]
    for row in parts:
        seconds = [row[side + suffix] for suffix in ("", "_cpu") for side in ("foresell", "statsforecast")]
        lines.append(f"| {row['series']} | {' | '.join(f'{value:.1f}' for value in seconds)} | {row['fell_back']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000, help="how many series (default: 1000)")
    parser.add_argument("--days", type=int, default=365, help="how many days of each are looked at (default: 365)")
    parser.add_argument("--repeats", type=int, default=4, help="into how many parts they are cut (default: 4)")
    parser.add_argument("--data", type=Path, help="folder with the M5 files; the sample retailer where not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE, help="where sarima.json and SARIMA.md go")
    arguments = parser.parse_args()
    if arguments.data:
        panel = read_sales(parse_settings(apply("m5", str(arguments.data.resolve()), Path()).settings), Path()).panel
    else:
        with tempfile.TemporaryDirectory() as folder:
            panel = sample(arguments.series, arguments.days, Path(folder))
    chosen = pick(panel, arguments.series, arguments.days, arguments.seed)
    parts = compare(chosen, arguments.days, arguments.repeats)
    text = report(parts, arguments.days, "M5 data" if arguments.data else "sample retailer")
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(arguments, name) for name in ("series", "days", "repeats", "seed")}
    result = {"data": "m5" if arguments.data else "sample", **settings, "parts": parts}
    (arguments.out / "sarima.json").write_text(json.dumps(result, indent=1) + "\n")
    (arguments.out / "SARIMA.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
