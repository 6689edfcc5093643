"""The peers of `benchmarks/more.py`, the way their users run them, on one table of tidy sales.

    python benchmarks/more_peers.py TABLE.parquet TASK.json OUT.parquet

TABLE has ``unique_id``, ``ds``, ``y`` (null in the periods ahead and where it is not known) and covariates. TASK has
``season``, ``freq``, ``horizon``, ``statics``, ``ahead``, and ``lightgbm``: the options of mlforecast's model, null for
those of statsforecast. Periods of the history that are not known are interpolated, and forecasts are not below 0.

- statsforecast: SeasonalNaive, AutoETS, AutoTheta and MSTL. A season of more than 24 periods is none to AutoETS and
  AutoTheta, as in the published scores of these sets; MSTL takes it off before its own AutoETS.
- mlforecast: LightGBM on all series together; lags, rolling means and deviations, the time of the year, the attributes
  and covariates, on logarithms or scaled by series, in levels or differences, as TASK says.

Needs the packages of benchmarks/requirements.lock.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LONG_SEASON = 24


def filled(table: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Every period of every series from its first to its last row; what is not known is interpolated."""
    parts = []
    for _, series in table.groupby("unique_id", sort=False):
        days = pd.date_range(series["ds"].min(), series["ds"].max(), freq=freq)
        whole = series.set_index("ds").reindex(days).rename_axis("ds").reset_index()
        whole["unique_id"] = series["unique_id"].iloc[0]
        whole["y"] = whole["y"].interpolate(limit_direction="both")
        parts.append(whole)
    return pd.concat(parts, ignore_index=True)


def statistical(past: pd.DataFrame, task: dict[str, Any]) -> pd.DataFrame:
    """The forecasts of statsforecast, a column for each model, and the mean of AutoETS and AutoTheta."""
    from statsforecast import StatsForecast
    from statsforecast.models import MSTL, AutoETS, AutoTheta, SeasonalNaive

    season = task["season"]
    short = season if season <= LONG_SEASON else 1
    models = [SeasonalNaive(season), AutoETS(short), AutoTheta(short), MSTL(season)]
    forecaster = StatsForecast(models=models, freq=task["freq"], n_jobs=1, fallback_model=SeasonalNaive(season))
    made = forecaster.forecast(df=past[["unique_id", "ds", "y"]], h=task["horizon"]).reset_index(drop=True)
    made["SeasonalNaive"] = made["SeasonalNaive"].fillna(made["AutoETS"])  # a series younger than a season
    made["ETS and Theta"] = (made["AutoETS"] + made["AutoTheta"]) / 2
    return made


def lightgbm(past: pd.DataFrame, future: pd.DataFrame, task: dict[str, Any]) -> pd.DataFrame:
    """The forecast of LightGBM through mlforecast."""
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd
    from mlforecast.target_transforms import Differences, LocalStandardScaler

    options, season, statics = task["lightgbm"], task["season"], task["statics"]
    short, long = {24: (24, 168), 12: (6, 12), 52: (4, 13)}.get(season, (7, 28))
    shortest = past.groupby("unique_id").size().min()
    lags = [lag for lag in sorted({1, 2, 3, 4, short, long, season, 2 * season}) if lag < 0.6 * shortest]
    transforms: list[Any] = [Differences([1])] if options["differences"] else []
    if not options["logarithm"]:
        transforms.append(LocalStandardScaler())
    past = past.copy()
    if options["logarithm"]:
        past["y"] = np.log1p(past["y"])
    parts = {24: ["hour", "dayofweek"], 12: ["month"], 52: ["week", "month"]}.get(season, ["dayofweek", "month"])
    model = lightgbm.LGBMRegressor(
        n_estimators=options["trees"], num_leaves=31, learning_rate=0.05, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.8, min_data_in_leaf=20, n_jobs=2, verbosity=-1, seed=1,
    )  # fmt: skip
    forecaster = MLForecast(
        models={"mlforecast": model},
        freq=task["freq"],
        lags=lags,
        lag_transforms={1: [RollingMean(short), RollingStd(short), RollingMean(long)]},
        date_features=parts if options["calendar"] else None,
        target_transforms=transforms or None,
        num_threads=2,
    )
    for column in statics:
        past[column] = past[column].astype("category")
    forecaster.fit(past, static_features=statics)
    made = forecaster.predict(task["horizon"], X_df=future if task["ahead"] else None)
    if options["logarithm"]:
        made["mlforecast"] = np.expm1(made["mlforecast"])
    return made


def main(file: Path, task: dict[str, Any], out: Path) -> None:
    warnings.simplefilter("ignore")
    table = pd.read_parquet(file)
    table["ds"] = pd.to_datetime(table["ds"])
    future = table[table["ds"] > pd.Timestamp(task["cutoff"])][["unique_id", "ds", *task["ahead"]]]
    past = filled(table[table["ds"] <= pd.Timestamp(task["cutoff"])], task["freq"])
    # Series that end before the cutoff: their last value goes on, so that all are asked the same periods.
    last = past["ds"].max()
    ends = past.groupby("unique_id")["ds"].max()
    short = ends[ends < last]
    if len(short):
        more = [
            pd.DataFrame({"unique_id": name, "ds": pd.date_range(end, last, freq=task["freq"])[1:]})
            for name, end in short.items()
        ]
        past = pd.concat([past, *more]).sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    columns = [column for column in past.columns if column not in ("unique_id", "ds")]
    past[columns] = past.groupby("unique_id")[columns].ffill()
    past[columns] = past.groupby("unique_id")[columns].bfill()
    if task["ahead"]:
        cells = pd.MultiIndex.from_product(
            [past["unique_id"].unique(), pd.date_range(last, periods=task["horizon"] + 1, freq=task["freq"])[1:]],
            names=["unique_id", "ds"],
        )
        future = future.set_index(["unique_id", "ds"]).reindex(cells).reset_index()
        known = past.groupby("unique_id")[task["ahead"]].last()
        for column in task["ahead"]:
            future[column] = future.groupby("unique_id")[column].ffill()
            future[column] = future[column].fillna(future["unique_id"].map(known[column]))
    made = lightgbm(past, future, task) if task["lightgbm"] else statistical(past, task)
    models = [column for column in made.columns if column not in ("unique_id", "ds")]
    made[models] = made[models].clip(lower=0)
    made.to_parquet(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
