"""Weights, scales and a score on the real M5 files, where they are to be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known, Panel
from foresell.evaluate.backtest import backtest
from foresell.evaluate.weights import compute_weights, read_weights, weights_from_table
from foresell.models import make

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "m5"
LEVELS = (
    *(("state_id",), ("store_id",), ("cat_id",), ("dept_id",)),
    *(("state_id", "cat_id"), ("state_id", "dept_id"), ("store_id", "cat_id"), ("store_id", "dept_id")),
    *(("item_id",), ("item_id", "state_id")),
)
HIERARCHY = Hierarchy.of(("item_id", "store_id"), LEVELS)
CUTOFF = 1912  # d_1913

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.exists(), reason="the M5 files are not beside the project, in ../shared/data/m5"),
]


@pytest.fixture(scope="module")
def panel():
    sales = pl.read_csv(FOLDER / "sales_train_evaluation.csv.gz")
    days = [column for column in sales.columns if column.startswith("d_")]
    units = np.empty((sales.height, len(days)), np.float32)
    for place, day in enumerate(days):
        units[:, place] = sales[day].to_numpy()
    calendar = pl.read_csv(FOLDER / "calendar.csv", try_parse_dates=True)
    series = sales.select("item_id", "store_id", "dept_id", "cat_id", "state_id")
    weeks = calendar["wm_yr_wk"].unique(maintain_order=True)
    price = np.full((series.height, len(weeks)), np.nan, np.float32)
    cells = (
        pl.read_csv(FOLDER / "sell_prices.csv.gz")
        .join(pl.DataFrame({"wm_yr_wk": weeks}).with_row_index("week"), on="wm_yr_wk")
        .join(series.with_row_index("row"), on=["store_id", "item_id"])
    )
    price[cells["row"].to_numpy(), cells["week"].to_numpy()] = cells["sell_price"].to_numpy()
    week_of_day = np.searchsorted(weeks.to_numpy(), calendar["wm_yr_wk"].to_numpy())
    dates = calendar["date"].to_numpy().astype("datetime64[D]")
    return Panel(series, HIERARCHY.bottom, dates, units, {"price": Known.of_each(price[:, week_of_day])})


def test_computed_weights_and_scales_are_the_official_ones(panel):
    computed = compute_weights(panel, HIERARCHY, [CUTOFF])[0]
    table = read_weights(FOLDER / "wrmsse_d1913.parquet")
    official = weights_from_table(table, panel.series, HIERARCHY, panel.until(CUTOFF).cutoff, is_last=True)
    for number in range(12):
        np.testing.assert_allclose(computed.weight[number] / 12, official.weight[number], rtol=1e-5, atol=1e-12)
    # Below level 9 these files hold rebuilt days before d_1495, so scales differ there.
    for number in range(9):
        np.testing.assert_allclose(computed.scale[number], official.scale[number], rtol=1e-6)


def test_seasonal_naive_scores_as_it_is_known_to(panel):
    models = {"seasonal_naive": make("seasonal_naive")}
    weights = FOLDER / "wrmsse_d1913.parquet"
    tested = backtest(panel, models, 28, [CUTOFF], HIERARCHY, weights=weights, forecast_sink=lambda frame: None)
    # 0.847 is published for the 28 days after these.
    assert 0.8 < tested.leaderboard()["wrmsse"].item() < 0.9
    assert set(tested.levels["weights"]) == {"file"}
