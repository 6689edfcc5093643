"""New products and stock-outs on the sample retailer, whose truth is known.

    python benchmarks/sample.py --out benchmarks/sample/RESULTS.md

Launches: forecasts of several windows against the true expected demand, by how long a series has been known. The blend
weighs LightGBM and the launch model for each segment of age as `ensemble.blending` does, by what was sold in the
windows before; the truth is for scores only. Stock-outs: the same models with censored days as unknown and with
the units sold as their demand, and the estimated lost demand against the true one.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.ensemble.blending import error_products, least_error_weights
from foresell.evaluate.segments import age
from foresell.models import make
from foresell.models.lost_demand import lost_demand
from foresell.synth import make_retailer

SIZE = {"stores": 6, "items": 600, "days": 730, "seed": 1}
HORIZON, WINDOWS = 28, 12
LEVELS = (("category",), ("store",), ("store", "category"))
AGES = ("none yet", "new", "young", "old")
HAVE_LEVELS = MEMBERS = ("lightgbm", "launch")


@dataclass(frozen=True)
class Shop:
    """The panel, its stock-outs, and the truth: expected demand [series, day], NaN off sale."""

    panel: Panel
    stockouts: pl.DataFrame
    demand: pl.DataFrame
    expected: np.ndarray


def shop(folder: Path) -> Shop:
    """A sample retailer made in `folder`."""
    files = make_retailer(folder, **SIZE, format="parquet")
    loaded = read_sales(parse_settings(files.settings), files.folder, today=date(2030, 1, 1))
    panel, path = loaded.panel, files.truth["demand"]
    demand = pl.read_parquet(path / "*.parquet" if path.is_dir() else path)
    rows = demand.join(panel.series.select(panel.keys).with_row_index("row"), on=list(panel.keys), how="inner")
    days = (rows["date"].to_numpy().astype("datetime64[D]") - panel.dates[0]).astype(np.int64)
    expected = np.full(panel.units.shape, np.nan)
    expected[rows["row"].to_numpy(), days] = rows["expected"].to_numpy()
    return Shop(panel, loaded.stockouts, demand, expected)


def forecast(name: str, panel: Panel) -> np.ndarray:
    """The mean [series, step] by a model of the registry."""
    return make(name, **({"levels": LEVELS} if name in HAVE_LEVELS else {})).fit(panel, HORIZON).forecast(panel).mean


def ages(past: Panel) -> np.ndarray:
    """The segment of age of each series, those without any known day apart."""
    never = np.isnan(past.units).all(axis=1)
    return np.where(never, AGES[0], age(past.units, past.frequency))


def errors(mean: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The sums of absolute error, error and expected demand over the days on sale, for `shares`."""
    on_sale = ~np.isnan(expected)
    error = (mean - expected)[on_sale]
    return np.array([np.abs(error).sum(), error.sum(), expected[on_sale].sum()])


def shares(sums: np.ndarray) -> tuple[float, float]:
    """WAPE and bias from the sums of `errors`."""
    return sums[0] / sums[2], sums[1] / sums[2]


# ------------------------------------------------------------------------------------------------------- launches


@dataclass(frozen=True)
class LaunchWindow:
    """One window: forecasts by model [series, step], segments of age [series], units sold and true expected demand."""

    means: dict[str, np.ndarray]
    ages: np.ndarray
    sold: np.ndarray
    expected: np.ndarray


def windows(truth: Shop, models: tuple[str, ...]) -> list[LaunchWindow]:
    """Rolling windows, the last one ending with the history, oldest first."""
    last = truth.panel.n_days - 1
    tested = []
    for cutoff in range(last - WINDOWS * HORIZON, last, HORIZON):
        past, ahead = truth.panel.until(cutoff), slice(cutoff + 1, cutoff + 1 + HORIZON)
        means = {name: forecast(name, past) for name in models}
        tested.append(LaunchWindow(means, ages(past), truth.panel.units[:, ahead], truth.expected[:, ahead]))
        print(f"window {len(tested)} of {WINDOWS}", flush=True)
    return tested


def weights_of(before: list[LaunchWindow], segment: str) -> np.ndarray:
    """The weights of `MEMBERS` for a segment of age, from their errors on what was sold in the windows `before`."""
    products = np.zeros((len(MEMBERS), len(MEMBERS)))
    for window in before:
        sold = window.sold[window.ages == segment]
        means = np.stack([window.means[name][window.ages == segment] for name in MEMBERS])
        products += error_products(np.where(np.isnan(sold), 0, means - sold), np.ones(len(sold)))
    return least_error_weights(products)


def blended(tested: list[LaunchWindow]) -> dict[str, np.ndarray]:
    """Adds the blend to every window but the first few, which only tell the weights; returns the last weights."""
    for number, window in enumerate(tested[WINDOWS // 2 :], WINDOWS // 2):
        weights = {segment: weights_of(tested[:number], segment) for segment in AGES}
        of_series = np.array([weights[segment] for segment in window.ages])  # [series, member]
        means = np.stack([window.means[name] for name in MEMBERS], axis=1)  # [series, member, step]
        window.means["blend by age"] = np.einsum("sm,smt->st", of_series, means)
    return weights


def launches(truth: Shop) -> list[str]:
    """The table of forecast errors by segment of age."""
    models = ("seasonal_naive", "moving_average", "lightgbm", "launch")
    tested = windows(truth, models)
    weights = blended(tested)
    scored = tested[WINDOWS // 2 :]
    lines = ["| segment | series x windows | " + " | ".join(scored[0].means) + " | launch's share |"]
    lines.append("|---|---|" + "---|" * (len(scored[0].means) + 1))
    for segment in AGES:
        rows = [window.ages == segment for window in scored]
        on_sale = sum(
            int((~np.isnan(w.expected[part])).any(axis=1).sum()) for w, part in zip(scored, rows, strict=True)
        )
        cells = []
        for name in scored[0].means:
            total = sum(errors(w.means[name][part], w.expected[part]) for w, part in zip(scored, rows, strict=True))
            cells.append("{:.3f} ({:+.0%})".format(*shares(total)))
        lines.append(f"| {segment} | {on_sale} | " + " | ".join(cells) + f" | {weights[segment][-1]:.2f} |")
    return lines


# ------------------------------------------------------------------------------------------------------ stock-outs


def as_sold(truth: Shop) -> Panel:
    """The panel with the units sold on censored days taken as their demand."""
    panel = truth.panel
    rows = truth.stockouts.join(panel.series.select(panel.keys).with_row_index("row"), on=list(panel.keys))
    days = (rows["date"].to_numpy().astype("datetime64[D]") - panel.dates[0]).astype(np.int64)
    units = panel.units.copy()
    units[rows["row"].to_numpy(), days] = rows["sold"].to_numpy()
    return Panel(panel.series, panel.keys, panel.dates, units, panel.known, panel.events, country=panel.country)


def censoring(truth: Shop, models: tuple[str, ...], count: int = 3) -> list[str]:
    """The table of forecast errors with censored days as not known and as sold, over the last `count` windows."""
    sold, last = as_sold(truth), truth.panel.n_days - 1
    total: dict[tuple[str, str, str], np.ndarray] = {}
    for cutoff in range(last - count * HORIZON, last, HORIZON):
        recent = slice(cutoff + 1 - HORIZON, cutoff + 1)
        hit = (np.isnan(truth.panel.units[:, recent]) & ~np.isnan(sold.units[:, recent])).any(axis=1)
        old = ages(truth.panel.until(cutoff)) == "old"
        actual = truth.expected[:, cutoff + 1 : cutoff + 1 + HORIZON]
        for how, panel in (("not known", truth.panel), ("as sold", sold)):
            for name in models:
                mean = forecast(name, panel.until(cutoff))
                for which, part in (("all", old), ("empty shelf of late", old & hit)):
                    key = (which, name, how)
                    total[key] = total.get(key, np.zeros(3)) + errors(mean[part], actual[part])
    lines = ["| series | model | censored days not known | censored days as sold |", "|---|---|---|---|"]
    for which in ("all", "empty shelf of late"):
        for name in models:
            both = ("{:.3f} ({:+.1%})".format(*shares(total[which, name, how])) for how in ("not known", "as sold"))
            lines.append(f"| {which} | {name} | " + " | ".join(both) + " |")
    return lines


def losses(truth: Shop) -> list[str]:
    """The table of the estimated lost demand against the true one."""
    keys = [*truth.panel.keys, "date"]
    lost = lost_demand(truth.panel, truth.stockouts, LEVELS).join(truth.demand, on=keys, suffix="_true")
    both = lost.select(*truth.panel.keys, true=pl.col("demand") - pl.col("sold"), lost="lost", mean="expected_true")
    of_series = both.group_by(truth.panel.keys).agg(pl.sum("true", "lost"))
    whole = float(both["true"].sum())
    oracle = pl.Series(np.maximum(both["mean"].to_numpy() - lost["sold"].to_numpy(), 0))
    correlation = float(np.corrcoef(of_series["true"], of_series["lost"])[0, 1])
    return [
        "| measure | value |",
        "|---|---|",
        f"| days on which a shelf ran empty | {both.height:,} in {of_series.height:,} series |",
        f"| demand lost, true | {whole:,.0f} units |",
        f"| demand lost, estimated | {both['lost'].sum():,.0f} units ({both['lost'].sum() / whole - 1:+.1%}) |",
        f"| WAPE by day | {(both['true'] - both['lost']).abs().sum() / whole:.3f} |",
        f"| WAPE by day, were the true mean of each day known | {(both['true'] - oracle).abs().sum() / whole:.3f} |",
        f"| WAPE by series | {(of_series['true'] - of_series['lost']).abs().sum() / whole:.3f} |",
        f"| correlation by series | {correlation:.3f} |",
    ]


def page(truth: Shop) -> str:
    """The results as Markdown."""
    size = ", ".join(f"{name} {value}" for name, value in SIZE.items())
    return "\n".join(
        [
            "# New products and stock-outs on the sample retailer",
            "",
            f"Made by `benchmarks/sample.py`. A sample retailer ({size}); windows of {HORIZON} days.",
            "",
            "## New products",
            "",
            f"WAPE (and bias) against the true expected demand over the last {WINDOWS - WINDOWS // 2} windows, by how",
            "long a series had been known at the cutoff: not yet, at most 28 days, at most 182, longer. The blend's",
            f"weights come from what was sold in all windows before, {WINDOWS // 2} at least; the launch model's share",
            "in the last window's blend is beside it.",
            "",
            *launches(truth),
            "",
            "## Stock-outs: censored days",
            "",
            "WAPE (and bias) against the true expected demand over the last three windows, for series that had been",
            "known for more than half a year, and for those of them whose shelf ran empty in the last 28 days.",
            "",
            *censoring(truth, ("seasonal_naive", "moving_average", "lightgbm", "launch")),
            "",
            "## Stock-outs: demand lost",
            "",
            *losses(truth),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the Markdown file to write; without it the text is printed only")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = page(shop(Path(folder)))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
