"""The peer: the M5 files through mlforecast and LightGBM, the way their users do it.

    python benchmarks/m5/mlforecast_job.py DATA CUTOFF OUT.parquet

One global model over the last 760 days, lags 1, 7, 14, 28, rolling means and deviations, price, events and pay days,
200 trees of 127 leaves, recursive forecast of 28 days after d_CUTOFF. Needs the packages of
benchmarks/requirements.lock.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lightgbm
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean, RollingStd

HORIZON, HISTORY = 28, 760
IDS = ["id", "item_id", "dept_id", "cat_id", "store_id", "state_id"]
DAILY = ["event_name_1", "snap_CA", "snap_TX", "snap_WI"]


def read(data: Path, cutoff: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The long table of the last days, and the covariates of the days ahead."""
    calendar = pd.read_csv(data / "calendar.csv", parse_dates=["date"])
    calendar["event_name_1"] = calendar["event_name_1"].astype("category")
    days = [f"d_{day}" for day in range(cutoff - HISTORY + 1, cutoff + 1)]
    sales = pd.read_csv(data / "sales_train_evaluation.csv.gz", usecols=IDS + days)
    prices = pd.read_csv(data / "sell_prices.csv.gz")
    for column in IDS[1:]:
        sales[column] = sales[column].astype("category")
    for column in ("item_id", "store_id"):
        prices[column] = prices[column].astype(sales[column].dtype)
    long = sales.melt(id_vars=IDS, value_vars=days, var_name="d", value_name="y")
    long = long.merge(calendar[["d", "date", "wm_yr_wk", *DAILY]], on="d").drop(columns="d")
    long = long.merge(prices, on=["store_id", "item_id", "wm_yr_wk"], how="left")
    long = long[long["sell_price"].notna()].drop(columns="wm_yr_wk")
    long = long.rename(columns={"id": "unique_id", "date": "ds"}).astype({"y": "float32", "sell_price": "float32"})
    ahead = calendar.iloc[cutoff : cutoff + HORIZON][["date", "wm_yr_wk", *DAILY]]
    keys = long[["unique_id", "item_id", "store_id"]].drop_duplicates()
    future = keys.merge(ahead, how="cross").merge(prices, on=["store_id", "item_id", "wm_yr_wk"], how="left")
    future = future.rename(columns={"date": "ds"}).astype({"sell_price": "float32"})
    future["sell_price"] = future.groupby("unique_id")["sell_price"].bfill().ffill()
    return long, future[["unique_id", "ds", "sell_price", *DAILY]]


def main(data: Path, cutoff: int, out: Path) -> None:
    long, future = read(data, cutoff)
    model = lightgbm.LGBMRegressor(
        n_estimators=200,
        num_leaves=127,
        learning_rate=0.05,
        objective="tweedie",
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        min_data_in_leaf=100,
        n_jobs=2,
        verbosity=-1,
        seed=1,
    )
    forecaster = MLForecast(
        models={"mean": model},
        freq="D",
        lags=[1, 7, 14, 28],
        lag_transforms={
            1: [RollingMean(7), RollingMean(28), RollingStd(7), RollingStd(28)],
            7: [RollingMean(7), RollingMean(28), RollingStd(28)],
            28: [RollingMean(7), RollingMean(28), RollingMean(90)],
        },
        date_features=["dayofweek", "day", "month", "year"],
        num_threads=2,
    )
    forecaster.fit(long, static_features=IDS[1:])
    forecast = forecaster.predict(HORIZON, X_df=future)
    names = forecast.pop("unique_id").str.removesuffix("_evaluation").str.rsplit("_", n=2)
    forecast["item_id"], forecast["store_id"] = names.str[0], names.str[1] + "_" + names.str[2]
    forecast.rename(columns={"ds": "date"}).to_parquet(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
