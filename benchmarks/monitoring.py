"""How often monitoring raises a false alarm, how often and how soon it finds a shift that was planted.

    python benchmarks/monitoring.py --out benchmarks/sample/MONITORING.md

Each seed is a sample retailer of its own, with two champions:

- drawn: the true expected demand, times errors as a good model makes them, drawn anew for each window: of all sales
  (`ERRORS`), of each of its weeks, of stores, categories and single series. So it is known that nothing changes.
- moving_average: the real model, with the real errors of a model that knows no season: large, and alike for weeks.

Forecasts get ranges learnt from the windows before. What is usual is learnt from the `REFERENCE` windows before the one
that is looked at. Each window is looked at when one, two, three and four weeks of it have come in. Shifts are planted
in the units sold when a window begins. Of a drift, the moving average follows what it has seen at its cutoff; the drawn
champion does not, as a model that goes by prices and calendar alone would not. One shift is looked at with fewer
windows that tell what is usual, too: `FEWER`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from monitoring_records import FEWER, FRESH, HORIZON, LOOKS, RATE, REFERENCE, SIZE, WEEK, Bounds, Look
from monitoring_report import report
from rates import FIRST_SEED

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import all_levels
from foresell.core.forecast import Forecast
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.evaluate.backtest import with_actuals
from foresell.evaluate.weights import Weights
from foresell.models import make
from foresell.monitor.accuracy import ALL, LEVEL
from foresell.monitor.bounds import BIAS
from foresell.monitor.check_results import judge, learn_reference
from foresell.monitor.checks import cusum
from foresell.monitor.checks.catalogue import FIGURES
from foresell.monitor.checks.judging import Reference
from foresell.monitor.false_alarms import rate_of
from foresell.pipeline.matured_forecasts import kept_frame, matured
from foresell.store.history import History, KeptForecast
from foresell.synth import make_retailer

LEARNT = 112  # days before the first window
LEVELS = (("store",), ("category",), ("store", "category"))
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWN, PLAIN = "drawn", "moving_average"
ERRORS = {"window": 0.03, "week": 0.02, "store": 0.02, "category": 0.03, "series": 0.15}
"""Standard deviations of the log errors of the drawn champion."""
TOTAL = (BIAS, LEVEL, "total", ALL)
CODE_OF = {figure.name: figure.code for figure in FIGURES}
NO_WEIGHTS = Weights("none", (), ())


class Shop:
    """A sample retailer, its windows, and what a champion forecasts for them."""

    def __init__(self, seed: int, folder: Path, champion: str):
        days = LEARNT + HORIZON * (REFERENCE + FRESH)
        files = make_retailer(folder / "data", **SIZE, days=days, seed=seed, format="parquet")
        self.panel: Panel = read_sales(parse_settings(files.settings), files.folder, today=date(2030, 1, 1)).panel
        self.seed, self.folder, self.champion = seed, folder, champion
        self.hierarchy = Hierarchy.of(self.panel.keys, LEVELS)
        first = self.panel.n_days - 1 - HORIZON * (REFERENCE + FRESH)
        self.cutoffs = [first + HORIZON * number for number in range(REFERENCE + FRESH)]
        self.expected = _expected(self.panel, files.truth["demand"])

    def forecast(self, panel: Panel, number: int) -> Forecast:
        """What the champion says of a window; the drawn one knows nothing of what was planted."""
        past = panel.until(self.cutoffs[number])
        if self.champion == PLAIN:
            return make(PLAIN).fit(past, HORIZON).forecast(past)
        random = np.random.default_rng([self.seed, number])
        error = random.normal(0, ERRORS["window"]) + np.repeat(random.normal(0, ERRORS["week"], HORIZON // WEEK), WEEK)
        each = random.normal(0, ERRORS["series"], past.n_series)
        for column in ("store", "category"):
            names, place = np.unique(past.series[column].to_numpy(), return_inverse=True)
            each += random.normal(0, ERRORS[column], len(names))[place]
        days = slice(past.n_days, past.n_days + HORIZON)
        mean = self.expected[:, days] * np.exp(error + each[:, None])
        return Forecast(past.series, past.keys, past.cutoff, past.ahead(HORIZON), mean.astype(np.float32))

    @cached_property
    def quiet(self) -> list[KeptForecast]:
        """The forecasts of all windows, where nothing was planted."""
        return [self.keep(self.panel, number, "quiet") for number in range(len(self.cutoffs))]

    def keep(self, panel: Panel, number: int, name: str, narrow: float = 1.0) -> KeptForecast:
        """Keeps the forecast of a window by a panel, as the step `forecast` does; `narrow` scales its ranges."""
        past = panel.until(self.cutoffs[number])
        made = Forecasts(all_levels(self.forecast(panel, number), past.series, self.hierarchy))
        ranges = self.ranges(number)
        if ranges is not None:
            made = Forecasts(ranges.apply(made.by_level, past, self.hierarchy, QUANTILES, rounded=False))
        if narrow != 1 and ranges is not None:
            made = Forecasts({level: _narrowed(each, narrow) for level, each in made.by_level.items()})
        history = History(self.folder / name)
        frame = kept_frame(past, self.hierarchy, made, True)
        path = history.keep_forecast(frame, past.cutoff, f"model{number}")
        return KeptForecast(past.cutoff, f"model{number}", path)

    @cached_property
    def errors(self) -> list[pl.DataFrame]:
        """The forecasts of the windows beside what was sold, where nothing was planted."""
        numbers = range(len(self.cutoffs))
        return [with_actuals(self.champion, self.forecast(self.panel, number), self.panel) for number in numbers]

    def ranges(self, number: int) -> Ranges | None:
        """Ranges learnt from the windows that had ended before a window, at most `REFERENCE`; None for the first."""
        before = self.errors[max(0, number - REFERENCE) : number]
        past = self.panel.until(self.cutoffs[number])
        return Ranges.learn(pl.concat(before), past, self.hierarchy) if before else None

    def days(self, kept: KeptForecast, panel: Panel, days: int = HORIZON) -> pl.DataFrame:
        """The day sums of a forecast when so many days of it have come in."""
        cutoff = panel.day_of(kept.cutoff)
        found = matured(kept, panel.until(cutoff + days), self.hierarchy, panel.n_days, NO_WEIGHTS)
        assert found is not None
        return found.daily.with_columns(model=pl.lit(kept.model))

    @cached_property
    def quiet_days(self) -> list[pl.DataFrame]:
        return [self.days(kept, self.panel) for kept in self.quiet]

    def reference(self, window: int, windows: int = REFERENCE) -> Reference:
        """What is usual before a fresh window, by so many windows before it."""
        daily = pl.concat(self.quiet_days[window + REFERENCE - windows : window + REFERENCE])
        return learn_reference(daily, WEEK, windows, QUANTILES[-1] - QUANTILES[0])

    def looks(self, scenario: str, panel: Panel, window: int, kept: KeptForecast) -> Iterator[Look]:
        """The checks of a fresh window, week after week."""
        reference = self.reference(window)
        bottom = level_name(self.panel.keys)
        for days in LOOKS:
            checks = judge(self.days(kept, panel, days), reference, bottom, RATE)
            found = {f"{CODE_OF[each.figure](each)} {each.part} {each.of}" for each in checks if each.alarm}
            yield Look(self.seed, scenario, window, days, tuple(sorted(found)))

    def bounds(self, panel: Panel, kept: KeptForecast, windows: int) -> Bounds:
        """What the bounds of the total are in the first fresh window, when all of it has come in."""
        checks = judge(self.days(kept, panel), self.reference(0, windows), level_name(self.panel.keys), RATE)
        (total,) = (each for each in checks if (each.figure, *each.node) == TOTAL)
        low, high = (float(np.expm1(each)) for each in (total.low, total.high))  # a bias has both
        return Bounds(self.seed, windows, low, high, total.alarm)

    def drift(self, scenario: str, daily: list[pl.DataFrame], window: int) -> Look:
        """Slow drift over the fresh windows up to one; what is usual is learnt before the first."""
        known = self.reference(0).usual[TOTAL]
        total = pl.concat(daily[: window + 1]).filter((pl.col("part") == LEVEL) & (pl.col("of") == "total"))
        ends = self.cutoffs[REFERENCE + window] + HORIZON
        dates = self.panel.dates[: ends + 1].astype(object).tolist()
        weeks = cusum.weeks_in_use(total, dates, WEEK)
        chart = cusum.cusum_chart(weeks, known, rate_of("slow drift", RATE))
        return Look(self.seed, scenario, window, HORIZON, ("slow-drift level total",) if chart.since else ())


def _narrowed(forecast: Forecast, narrow: float) -> Forecast:
    """The forecast with ranges that are that many times as wide round its median."""
    assert forecast.quantiles is not None  # they were put round it
    middle = forecast.quantiles[QUANTILES.index(0.5)]
    return forecast.with_quantiles(QUANTILES, middle + narrow * (forecast.quantiles - middle))


def _expected(panel: Panel, path: Path) -> np.ndarray:
    """The true expected demand, float64 [series, day], 0 off sale."""
    demand = pl.read_parquet(path / "*.parquet" if path.is_dir() else path)
    rows = demand.join(panel.series.select(panel.keys).with_row_index("row"), on=list(panel.keys), how="inner")
    days = (rows["date"].to_numpy().astype("datetime64[D]") - panel.dates[0]).astype(np.int64)
    inside = (days >= 0) & (days < panel.n_days)
    expected = np.zeros(panel.units.shape)
    expected[rows["row"].to_numpy()[inside], days[inside]] = rows["expected"].to_numpy()[inside]
    return expected


def changed(panel: Panel, first: int, factor: np.ndarray, seed: int) -> Panel:
    """The panel whose units from day `first` on are multiplied by `factor` [series, day or 1], drawn as whole units:
    more is Poisson beside what was sold, less is a binomial part of it."""
    random = np.random.default_rng(seed)
    units = np.array(panel.units)
    part = units[:, first:]
    known = ~np.isnan(part)
    sold = np.where(known, part, 0).astype(np.int64)
    wanted = np.broadcast_to(factor, part.shape)
    more = random.poisson(sold * np.maximum(wanted - 1, 0))
    less = random.binomial(sold, np.minimum(wanted, 1))
    units[:, first:] = np.where(known, np.where(wanted > 1, sold + more, less), np.nan)
    return replace(panel, units=units)


def run(seed: int, champion: str) -> tuple[list[Look], list[Bounds]]:
    """All scenarios of one seed and champion, and the bounds by fewer windows."""
    with tempfile.TemporaryDirectory(prefix="foresell-monitoring-") as place:
        shop = Shop(seed, Path(place), champion)
        found = list(_quiet(shop))
        begin = shop.cutoffs[REFERENCE] + 1
        kept = shop.quiet[REFERENCE]
        level = changed(shop.panel, begin, np.array([[0.8]]), seed)
        found += shop.looks("level -20 %", level, 0, kept)
        bounds = [shop.bounds(level, kept, windows) for windows in FEWER]
        store = shop.panel.series["store"].to_numpy()
        grown = np.where(store == np.unique(store)[seed % SIZE["stores"]], 1.1, 1.0)[:, None]
        found += shop.looks("one store +10 %", changed(shop.panel, begin, grown, seed), 0, kept)
        found += shop.looks("one store +30 %", changed(shop.panel, begin, 1 + 3 * (grown - 1), seed), 0, kept)
        narrow = shop.keep(shop.panel, REFERENCE, "narrow", narrow=0.6)
        found += shop.looks("ranges 40 % too narrow", shop.panel, 0, narrow)
        return found + list(_drifting(shop, begin)), bounds


def _quiet(shop: Shop) -> Iterator[Look]:
    for window in range(FRESH):
        yield from shop.looks("quiet", shop.panel, window, shop.quiet[REFERENCE + window])
        yield shop.drift("quiet", shop.quiet_days[REFERENCE:], window)


def _drifting(shop: Shop, begin: int) -> Iterator[Look]:
    """A drift of 1 % less a week, for as long as there are windows."""
    weeks = (np.arange(shop.panel.n_days - begin) // WEEK + 1)[None, :]
    panel = changed(shop.panel, begin, 0.99**weeks, shop.seed)
    daily: list[pl.DataFrame] = []
    for window in range(FRESH):
        kept = shop.keep(panel, REFERENCE + window, "drifting")
        daily.append(shop.days(kept, panel))
        yield from shop.looks("drift -1 % a week", panel, window, kept)
        yield shop.drift("drift -1 % a week", daily, window)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--jobs", type=int, default=max(1, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    with ProcessPoolExecutor(arguments.jobs) as pool:
        made = {champion: list(pool.map(partial(run, champion=champion), seeds)) for champion in (DRAWN, PLAIN)}
    text = report(made, seeds)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
