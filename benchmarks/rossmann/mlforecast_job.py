"""The peer: the Rossmann file through mlforecast and LightGBM, the way their users do it.

    python benchmarks/rossmann/mlforecast_job.py rossmann.parquet CUTOFF OUT.parquet

One global model over the whole history: lags 1, 7, 14, 21 and 28, rolling means, means of the same weekday, promotion
and holidays of the days ahead, the store and what describes it; recursive forecast of 42 days after CUTOFF. Days on
which a store was closed are filled with its last sales on that weekday, so that lags mean something, and are not
learnt from. Needs the packages of benchmarks/requirements.lock.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean, SeasonalRollingMean

HORIZON = 42
AHEAD = ["Promo", "StateHoliday", "SchoolHoliday"]
STORE = ["StoreType", "Assortment", "CompetitionDistance", "Promo2"]


def read(file: Path, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every day of every store to the cutoff, with `y` empty where it was closed, and the days ahead."""
    sales = pd.read_parquet(file).rename(columns={"Store": "unique_id", "Date": "ds", "Sales": "y"})
    about = sales[["unique_id", *STORE]].drop_duplicates("unique_id")
    days = pd.date_range(sales["ds"].min(), cutoff + pd.Timedelta(days=HORIZON))
    cells = pd.MultiIndex.from_product([about["unique_id"], days], names=["unique_id", "ds"])
    table = sales.set_index(["unique_id", "ds"])[["y", *AHEAD]].reindex(cells).reset_index()
    table["StateHoliday"] = table["StateHoliday"].map({"0": 0, "a": 1, "b": 2, "c": 3})
    table = table[table["ds"] >= table["unique_id"].map(sales.groupby("unique_id")["ds"].min())]
    table = table.merge(about, on="unique_id").astype({"StoreType": "category", "Assortment": "category"})
    table["store"] = table["unique_id"].astype("category")
    return table[table["ds"] <= cutoff], table[table["ds"] > cutoff]


def filled(table: pd.DataFrame) -> pd.Series:
    """The sales, on closed days those of the last (or next) such weekday, or of the day before where there is none."""
    weekday = table.groupby([table["unique_id"], table["ds"].dt.dayofweek])["y"]
    store = table["unique_id"]
    units = weekday.ffill().fillna(weekday.bfill())
    units = units.fillna(units.groupby(store).ffill())
    return units.fillna(units.groupby(store).bfill())


def main(file: Path, cutoff: pd.Timestamp, out: Path) -> None:
    past, ahead = read(file, cutoff)
    opened = past[["unique_id", "ds"]].assign(opened=past["y"].notna())
    past = past.assign(y=np.log1p(filled(past)))
    model = lightgbm.LGBMRegressor(
        n_estimators=200,
        num_leaves=63,
        learning_rate=0.1,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        min_data_in_leaf=50,
        n_jobs=2,
        verbosity=-1,
        seed=1,
    )
    forecaster = MLForecast(
        models={"mean": model},
        freq="D",
        lags=[1, 7, 14, 21, 28],
        lag_transforms={
            1: [RollingMean(28), RollingMean(84)],
            7: [SeasonalRollingMean(7, 4), SeasonalRollingMean(7, 8)],
        },
        date_features=["dayofweek", "day", "month", "week"],
        num_threads=2,
    )
    rows = forecaster.preprocess(past, static_features=[*STORE, "store"]).merge(opened, on=["unique_id", "ds"])
    rows = rows[rows.pop("opened")]
    forecaster.fit_models(rows.drop(columns=["unique_id", "ds", "y"]), rows["y"])
    forecast = forecaster.predict(HORIZON, X_df=ahead[["unique_id", "ds", *AHEAD]])
    forecast["mean"] = np.expm1(forecast["mean"])
    forecast.rename(columns={"unique_id": "Store", "ds": "date"}).to_parquet(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), pd.Timestamp(sys.argv[2]), Path(sys.argv[3]))
