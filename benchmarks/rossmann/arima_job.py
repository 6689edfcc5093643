"""ARIMA store by store: statsforecast's AutoARIMA called directly, or foresell's `sarimax`.

    python benchmarks/rossmann/arima_job.py autoarima PANEL CUTOFF OUT.parquet --stores 200 --seed 1

PANEL is the folder that `foresell check` leaves. Both see the last 365 days of a store, season 7, and search its order
by AICc; days on which it was closed are filled with what the same weekdays beside them sold. AutoARIMA sees sales
alone, `sarimax` promotion and holidays too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.panel import Panel
from foresell.models import make
from foresell.models.statistical.history import filled
from foresell.store.panels import load_panel

HORIZON, SEASON, DAYS = 42, 7, 365


def chosen(n_series: int, count: int, seed: int) -> np.ndarray:
    """The rows of the stores drawn, in order; all where `count` is 0."""
    order = np.random.default_rng(seed).permutation(n_series)
    return np.sort(order[: count or n_series])


def autoarima(past: Panel, processes: int) -> np.ndarray:
    """The mean [series, step] by statsforecast."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA

    units = filled(past.units[:, -DAYS:].astype(np.float64), SEASON)
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(units)), units.shape[1]),
            "ds": np.tile(past.dates[past.n_days - units.shape[1] : past.n_days], len(units)),
            "y": units.reshape(-1),
        }
    ).filter(pl.col("y").is_not_nan())
    runner = StatsForecast([AutoARIMA(season_length=SEASON)], freq="1d", n_jobs=processes)
    found = runner.forecast(df=frame, h=HORIZON).sort("unique_id", "ds")
    return found["AutoARIMA"].to_numpy().reshape(len(units), HORIZON)


def sarimax(past: Panel, processes: int) -> np.ndarray:
    """The mean [series, step] by foresell."""
    return make("sarimax", days=DAYS, processes=processes).fit(past, HORIZON).forecast(past).mean


SIDES = {"autoarima": autoarima, "sarimax": sarimax}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=list(SIDES))
    parser.add_argument("panel", type=Path)
    parser.add_argument("cutoff", help="the last day that is known, such as 2015-06-19")
    parser.add_argument("out", type=Path)
    parser.add_argument("--stores", type=int, default=0, help="draw so many stores (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    panel = load_panel(asked.panel)
    past = panel.part(chosen(panel.n_series, asked.stores, asked.seed)).until(asked.cutoff)
    mean = SIDES[asked.side](past, asked.processes)
    stores = past.series["Store"].to_numpy()
    dates = np.tile(past.ahead(HORIZON), len(stores))
    pl.DataFrame({"Store": np.repeat(stores, HORIZON), "date": dates, "mean": mean.reshape(-1)}).write_parquet(
        asked.out
    )


if __name__ == "__main__":
    main()
