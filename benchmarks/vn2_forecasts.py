"""foresell's sample paths of the VN2 series: feasts taken out, forecast in memory, feasts put in again.

Everything here reads the weeks until the cutoff only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import vn2_calendar
import vn2_trees
from vn2_weeks import KEYS, Weeks

import foresell
from foresell.models import make

HORIZON = 3
"""Weeks ahead: an order arrives at the beginning of the third."""

WINDOWS, MOST_PATHS = 12, 1600
"""Windows of the backtest that the distribution of errors is learnt from, and the sample paths that are kept."""

LARGE = 20.0
"""Units a week from which a series is forecast by smoothing alone; trees know few series of that size."""

SHARE_OF_SMALL_TREES = 0.4
"""The weight of the small trees (`vn2_trees`) beside foresell's LightGBM."""

LIFT_VARIATION = 0.25
"""How uncertain the lift of a feast is, as a coefficient of variation of the week's mean."""

TREES = {"trees": 60, "levels": (("Product",), ("ProductGroup",), ("Department",), ("Store",))}


def sample_paths(weeks: Weeks, n_paths: int, seed: int, folder: Path | None = None) -> np.ndarray:
    """The demand of the next `HORIZON` weeks as it may come: float32 [path, series, step].

    They are the paths of the smoothing model (TSB) with the errors of its backtest, brought to the mean of several
    models and to the feasts: small series have the mean of two LightGBM, large ones that of a fast and a slow TSB.
    Where a feast lifts the mean by half or more, its height has a coefficient of variation of `LIFT_VARIATION`.
    What the models forecast is kept in `folder`, where one is given.
    """
    kept = _kept(weeks, folder) if folder else _forecasts(weeks)
    rng = np.random.default_rng([seed, len(weeks.mondays)])
    tsb, lift = kept["tsb"], kept["lift"]  # [series, step]
    trees = kept["lightgbm"] + SHARE_OF_SMALL_TREES * (kept["small trees"][:, None] - kept["lightgbm"])
    mean = np.where(tsb[:, :1] < LARGE, trees, (tsb + kept["slow tsb"]) / 2)
    variation = LIFT_VARIATION * np.clip((lift - 1) / 0.5, 1e-3, 1)
    height = rng.gamma(1 / variation**2, variation**2, (n_paths, *mean.shape))
    ratio = lift * np.clip(mean / np.maximum(tsb, 1e-6), 0.2, 5)
    units = kept["paths"][:n_paths] * ratio * height
    return np.floor(units + rng.random(units.shape)).astype(np.float32)


def _forecasts(weeks: Weeks) -> dict[str, np.ndarray]:
    """The means of each model and the paths of TSB on sales without feasts, and the lift of the feasts.

    Sales without feasts are rounded at random, so that they stay whole.
    """
    n_weeks = weeks.units.shape[1]
    index = vn2_calendar.indices(weeks.units, weeks.series, vn2_calendar.shares(weeks.ahead(HORIZON)))
    plain = weeks.units / index[:, :n_weeks]
    rng = np.random.default_rng(n_weeks)
    panel = _panel(weeks, np.floor(plain + rng.random(plain.shape)))
    tested = foresell.backtest(panel, ["tsb"], horizon=HORIZON, windows=WINDOWS, totals=False)
    smoothed = foresell.forecast(panel, horizon=HORIZON, tested=tested, name="tsb")
    models = {"slow tsb": make("tsb", alpha=0.05, beta=0.05), "lightgbm": make("lightgbm", **TREES)}
    means = {name: foresell.forecast(panel, model, horizon=HORIZON).bottom.mean for name, model in models.items()}
    place = _rows(panel, weeks)
    means = {name: mean[place].astype(np.float64) for name, mean in (means | {"tsb": smoothed.bottom.mean}).items()}
    means["small trees"] = vn2_trees.forecast(plain, weeks.series)
    return means | {"paths": smoothed.paths(MOST_PATHS)[:, place].astype(np.float32), "lift": index[:, n_weeks:]}


def _kept(weeks: Weeks, folder: Path) -> dict[str, np.ndarray]:
    """The forecasts, from the folder where they were made before."""
    file = folder / f"forecasts-{weeks.mondays[-1]}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, **_forecasts(weeks))  # type: ignore[arg-type]
    with np.load(file) as kept:
        return dict(kept)


def _panel(weeks: Weeks, units: np.ndarray) -> foresell.Panel:
    n_series, n_weeks = units.shape
    keys = weeks.series.select(pl.col(KEYS).cast(pl.String))
    table = keys[np.repeat(np.arange(n_series), n_weeks)].with_columns(
        pl.Series("date", list(weeks.mondays) * n_series), pl.Series("units", units.ravel()).fill_nan(None)
    )
    attributes = weeks.series.select(pl.all().cast(pl.String))
    return foresell.Panel.from_frame(table, KEYS, attributes=attributes, frequency="W")


def _rows(panel: foresell.Panel, weeks: Weeks) -> np.ndarray:
    """The rows of the panel in the order of the files: int [series]. Raises ValueError for a series never in stock."""
    rows = panel.series.select(KEYS).with_row_index("row")
    keys = weeks.series.select(pl.col(KEYS).cast(pl.String))
    place = keys.join(rows, on=list(KEYS), how="left", maintain_order="left")["row"]
    if place.null_count():
        raise ValueError(f"{place.null_count()} series were never in stock, so nothing is known of their demand.")
    return place.to_numpy()
