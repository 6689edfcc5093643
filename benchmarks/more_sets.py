"""The small public data sets of `benchmarks/more.py`: how each is read, what is asked about it, and how it is scored.

Every set is one tidy table: the `keys` and `attributes` of a series, ``date``, ``units``, and covariates. The last
`horizon` periods are asked about. With `back` = n the table ends n horizons earlier, so that choices can be made on
windows that are not reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

STOCKED_OUT = "stocked_out"
"""The column that is true where there was no stock, so that sales do not show what was wanted; not scored."""


@dataclass(frozen=True)
class DataSet:
    """One set: `read` makes its table from the folder of all data.

    `season` and `frequency` are what the peers are told; foresell is told nothing but the horizon. `ahead` are the
    covariates whose future is known, such as prices that the shop has planned.
    """

    name: str
    read: Callable[[Path], pl.DataFrame]
    keys: tuple[str, ...]
    horizon: int
    season: int
    frequency: str
    attributes: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()

    def split(self, data: Path, back: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The table until the cutoff, with the covariates of the periods ahead, and the truth of these periods.

        Series of fewer known periods than two horizons are left out, because some of the peers cannot forecast them.
        """
        table = self.read(data)
        dates = table["date"].unique().sort()
        end = len(dates) - back * self.horizon
        last, cutoff = dates[end - 1], dates[end - self.horizon - 1]
        table = table.filter(pl.col("date") <= last)
        begun = table.filter(pl.col("date") <= cutoff, pl.col("units").is_not_null())
        if STOCKED_OUT in table.columns:
            begun = begun.filter(~pl.col(STOCKED_OUT))
        enough = begun.group_by(self.keys).len().filter(pl.col("len") >= 2 * self.horizon)
        table = table.join(enough, on=self.keys, how="semi", maintain_order="left")
        ahead = pl.col("date") > cutoff
        truth = table.filter(ahead).select(*self.keys, "date", "units")
        hidden = table.with_columns(units=pl.when(ahead).then(None).otherwise(pl.col("units")))
        given = hidden if self.ahead else hidden.filter(~ahead)
        if STOCKED_OUT in table.columns:
            truth = truth.join(table.filter(pl.col(STOCKED_OUT)), on=[*self.keys, "date"], how="anti")
        return given, truth


def scores(forecast: pl.DataFrame, truth: pl.DataFrame, given: pl.DataFrame, keys: tuple[str, ...]) -> dict[str, float]:
    """The mean RMSSE of the series, WAPE and bias of all, of `forecast` (keys, ``date``, ``mean``).

    RMSSE is the root of the mean squared error over the mean squared step from one known period to the next in the
    history, as in `../shared/data/more`. Raises ValueError where a period with a truth has no forecast.
    """
    both = truth.filter(pl.col("units").is_not_null()).join(forecast, on=[*keys, "date"], how="left")
    if missing := both["mean"].null_count():
        raise ValueError(f"{missing} of {both.height} periods have no forecast")
    error = pl.col("mean") - pl.col("units")
    known = given.filter(pl.col("units").is_not_null()).sort("date")
    step = pl.col("units").cast(pl.Float64).diff()
    scale = known.group_by(keys).agg(scale=(step**2).mean()).filter(pl.col("scale") > 0)
    series = both.group_by(keys).agg(mse=(error**2).mean()).join(scale, on=keys)
    whole = both.select(wape=error.abs().sum() / pl.col("units").sum(), bias=error.sum() / pl.col("units").sum())
    return {"rmsse": float((series["mse"] / series["scale"]).sqrt().mean()), **whole.row(0, named=True)}  # type: ignore[arg-type]


def _jewelry(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "more" / "jewelry.parquet")


def _hospital(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "more" / "hospital.parquet")


def _orange_juice(data: Path) -> pl.DataFrame:
    columns = ("store", "product", "brand", "date", "units", "price", "deal", "feat")
    return pl.read_parquet(data / "more" / "orange_juice.parquet").select(columns)


def _m3(data: Path) -> pl.DataFrame:
    table = pl.read_parquet(data / "more" / "m3_monthly.parquet").rename({"value": "units"})
    return _ending_together(table, "1mo").select("series", "type", "date", "units")


def _m4_weekly(data: Path) -> pl.DataFrame:
    table = pl.read_parquet(data / "more" / "m4_weekly.parquet").rename({"value": "units"})
    return _ending_together(table, "1w").select("series", "date", "units")


def _m4_hourly(data: Path) -> pl.DataFrame:
    table = pl.read_parquet(data / "more" / "m4_hourly.parquet").rename({"value": "units"})
    return _ending_together(table, "1h").select("series", "date", "units")


def _ending_together(table: pl.DataFrame, period: str) -> pl.DataFrame:
    """The series with new dates, so that all end in one period: those of the competitions are partly made up."""
    last = table["date"].max()
    places = table.sort("date").with_columns(place=pl.int_range(pl.len()).over("series") - pl.len().over("series") + 1)
    steps = pl.DataFrame({"place": np.arange(1 - table.group_by("series").len()["len"].max(), 1)})  # type: ignore[operator]
    steps = steps.with_columns(date=pl.lit(last).dt.offset_by(pl.format("{}" + period[1:], "place")))
    return places.drop("date").join(steps, on="place").sort("series", "date")


def _vn2(data: Path) -> pl.DataFrame:
    """The sales that a week with stock shows. Zeros before a series' first sale are no sales yet."""
    keys = ["Store", "Product"]
    long = pl.read_csv(data / "vn2" / "sales.csv").unpivot(index=keys, variable_name="date", value_name="units")
    stock = pl.read_csv(data / "vn2" / "in_stock.csv").unpivot(index=keys, variable_name="date", value_name="in_stock")
    table = long.join(stock, on=[*keys, "date"]).with_columns(pl.col("date").str.to_date())
    table = table.join(pl.read_csv(data / "vn2" / "master.csv"), on=keys, maintain_order="left").sort(*keys, "date")
    table = table.filter((pl.col("units") > 0).cum_sum().over(keys) > 0)
    return table.with_columns(~pl.col("in_stock").alias(STOCKED_OUT)).drop("in_stock")


PLANNED = ("price", "deal", "feat")
"""What the shop of the orange juice plans ahead."""

PRODUCT = ("ProductGroup", "Division", "Department", "DepartmentGroup", "StoreFormat", "Format")
"""What describes a product and a store of VN2."""

SETS = {
    each.name: each
    for each in (
        DataSet("jewelry", _jewelry, ("item",), 8, 52, "W-SUN"),
        DataSet("orange juice", _orange_juice, ("store", "product"), 8, 52, "W-THU", ("brand",), PLANNED),
        DataSet("hospital", _hospital, ("item",), 6, 12, "MS", ("code",)),
        DataSet("m3 monthly", _m3, ("series",), 18, 12, "MS", ("type",)),
        DataSet("m4 weekly", _m4_weekly, ("series",), 13, 52, "W-MON"),
        DataSet("m4 hourly", _m4_hourly, ("series",), 48, 24, "h"),
        DataSet("vn2", _vn2, ("Store", "Product"), 8, 52, "W-MON", PRODUCT),
    )
}
"""All sets by name, with the horizons of the published scores."""
