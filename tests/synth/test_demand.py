"""The truth: that it is consistent with the data, and that it can be found in them."""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import weekday
from foresell.synth import make_retailer
from foresell.synth.market import HOLIDAY_OFFSETS, public_holidays
from foresell.synth.prices import shelf_price
from foresell.synth.retailer import END


@pytest.fixture(scope="module")
def parameters(retailer):
    return json.loads(retailer.truth["parameters"].read_text())


def slow_dip(promotion: np.ndarray, dip: float) -> np.ndarray:
    """1 - dip * exp(-(days after the promotion - 1) / 4) for 13 days; walks through the days of one series."""
    out, since = np.ones(len(promotion)), 99
    for day, on in enumerate(promotion):
        since = 0 if on else since + 1
        if 0 < since < 14:
            out[day] = 1 - dip * np.exp(-(since - 1) / 4)
    return out


def plain_days(days: pl.DataFrame) -> pl.DataFrame:
    """Days on which nothing but week, year, trend and price moves demand, of series on sale throughout.

    No holiday near, no club day, and not the first fortnight, which may follow a promotion from before the history.
    `dip_factor` is what the days after a promotion are left with.
    """
    settled = days.filter(~pl.col("launched") & ~pl.col("discontinued") & (pl.col("store") != "S004"))
    parts = settled.sort("store", "item", "date").partition_by("store", "item", maintain_order=True)
    dips = [slow_dip(part["promotion"].to_numpy(), part["dip"][0]) for part in parts]
    cells = pl.concat(parts).with_columns(dip_factor=np.concatenate(dips))
    first = days["date"].min()
    felt = {day + timedelta(days=offset) for day in public_holidays("US", first, END) for offset in HOLIDAY_OFFSETS}
    club_day = (pl.col("date").dt.weekday() == 6) & (pl.col("date").dt.day() <= 7)
    return cells.filter(~pl.col("date").is_in(list(felt)) & ~club_day & (pl.col("date") >= first + timedelta(days=14)))


@pytest.fixture(scope="module")
def plain(days) -> pl.DataFrame:
    return plain_days(days)


def test_units_are_demand_as_far_as_the_shelf_reached(days):
    sold = pl.min_horizontal("demand", pl.col("stock").fill_null(2**31 - 1))
    assert days.select((pl.col("units") == sold).all()).item()
    assert (days["stocked_out"] == days["shelf_empty"]).all()
    censored = days["stocked_out"] == 1
    assert (days.filter(~censored)["units"] == days.filter(~censored)["demand"]).all()
    assert 0.005 < censored.mean() < 0.04
    assert (days.filter(censored)["units"] < days.filter(censored)["demand"]).mean() > 0.3


def test_a_series_has_rows_on_its_days_on_sale_and_on_no_other(days, series):
    spans = days.group_by("store", "item").agg(
        pl.col("date").min().alias("first"), pl.col("date").max().alias("last"), pl.len().alias("n")
    )
    sold_between = series.join(spans, on=["store", "item"], how="left")
    sold = sold_between.filter(pl.col("first").is_not_null())
    assert (sold["first"] == sold["first_date"]).all()
    assert (sold["last"] == sold["last_date"]).all()
    assert (sold["n"] == (sold["last"] - sold["first"]).dt.total_days() + 1).all()
    never = sold_between.filter(pl.col("first").is_null())
    assert never["first_date"].is_null().all()
    assert never["discontinued"].all()  # gone before its store opened
    assert sold.filter("discontinued")["last_date"].max() < END
    assert (sold.filter(~pl.col("discontinued"))["last_date"] == END).all()
    new = sold.filter(pl.col("first_date") > END - timedelta(days=56))
    assert new["launched"].all()
    assert new["item"].n_unique() == 4


def test_a_store_that_opened_late_has_nothing_before(retailer, days):
    stores = pl.read_parquet(retailer.tables["stores"])
    late = stores.filter(pl.col("opened").is_not_null())
    assert late["store"].to_list() == ["S004"]
    assert days.filter(pl.col("store") == "S004")["date"].min() == late["opened"].item()


def test_launched_items_take_off(days):
    launched = days.filter(pl.col("launched") & (pl.col("first_date") < END - timedelta(days=150)))
    age = (pl.col("date") - pl.col("first_date")).dt.total_days()
    early, late = (
        launched.filter(age.is_between(*range_))["demand"].sum() / launched.filter(age.is_between(*range_)).height
        for range_ in ((0, 6), (60, 120))
    )
    assert early < 0.7 * late


def test_expected_is_the_mean_and_dispersion_the_spread_of_demand(days):
    mean, dispersion, occurrence = pl.col("expected"), pl.col("dispersion"), pl.col("occurrence")
    variance = mean + mean**2 * ((1 + 1 / dispersion) / occurrence - 1)
    for kind in (pl.col("intermittent"), ~pl.col("intermittent")):
        summary = days.filter(kind).select(
            ratio=pl.col("demand").sum() / mean.sum(),
            # Standardised, so that large and small series weigh alike.
            spread=((pl.col("demand") - mean) ** 2 / variance).mean(),
        )
        assert summary["ratio"].item() == pytest.approx(1, abs=0.03)
        assert summary["spread"].item() == pytest.approx(1, abs=0.06)


def test_intermittent_items_mostly_sell_nothing(days):
    zero = days.group_by("intermittent").agg((pl.col("demand") == 0).mean().alias("share"))
    share = dict(zero.iter_rows())
    assert share[True] > 0.7
    assert share[False] < 0.2


def test_expected_is_made_of_the_truths_in_the_files(days, plain, parameters):
    """What the files say, divided out, leaves the item's unexplained ups and downs: alike in all its stores."""
    cells, first = plain, days["date"].min()
    date = cells["date"].to_numpy().astype("datetime64[D]")
    years = (date - np.datetime64(first)).astype(float) / 365.25
    of_year = (date - date.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    weekly, yearly = (
        np.array([parameters[name][category] for category in parameters[name]]) for name in ("weekly", "yearly")
    )
    kind = cells["category"].replace_strict({name: row for row, name in enumerate(parameters["weekly"])}).to_numpy()
    keep = of_year < 365  # the last day of a leap year is not in the table
    usual = cells["reference_price"].to_numpy() * np.exp(parameters["inflation_per_year"] * years)
    explained = (
        cells["level"].to_numpy()
        * np.exp(cells["trend_per_year"].to_numpy() * years)
        * weekly[kind, weekday(date)]
        * yearly[kind, np.minimum(of_year, 364)]
        * (cells["price"].to_numpy() / usual) ** -cells["elasticity"].to_numpy()
        * (1 + cells["promotion_uplift"].to_numpy() * cells["promotion"].to_numpy())
        * cells["dip_factor"].to_numpy()
    )
    week = (date - np.datetime64(first)).astype(int) // 7
    left = cells.select("item", wander=np.log(cells["expected"].to_numpy() / explained), week=week).filter(keep)
    spread = left.group_by("item", "week").agg((pl.col("wander").max() - pl.col("wander").min()).alias("spread"))
    assert spread["spread"].max() < 1e-3
    assert left["wander"].std() == pytest.approx(0.1, abs=0.02)


def test_the_weekly_profile_is_found_in_the_sales(plain, parameters):
    steady = plain.filter(~pl.col("intermittent") & (pl.col("stocked_out") == 0))
    # Each series counts by its own mean, so that no single large one decides.
    share = pl.col("units") / pl.col("units").mean().over("store", "item")
    shares = steady.with_columns(share=share, weekday=pl.col("date").dt.weekday() - 1)
    for category, truth in parameters["weekly"].items():
        of_category = shares.filter(pl.col("category") == category)
        profile = of_category.group_by("weekday").agg(pl.col("share").mean()).sort("weekday")["share"].to_numpy()
        np.testing.assert_allclose(profile / profile.mean(), truth, atol=0.05)


def without_season(values: np.ndarray, date: np.ndarray) -> np.ndarray:
    """What least squares on weekday, two yearly waves and a trend leave of `values` [day, column]."""
    angle = 2 * np.pi * (date.astype(int)[:, None] / 365.25) * [1, 2]
    trend = date.astype(float)[:, None] - date.astype(float).mean()
    season = np.hstack([trend, np.sin(angle), np.cos(angle), np.eye(7)[weekday(date)]])
    return values - season @ np.linalg.lstsq(season, values, rcond=None)[0]


def test_elasticity_uplift_and_dip_are_found_by_regression(tmp_path):
    """Log units on the true effects of price, promotion and stocking up: each should come out once, so 1."""
    files = make_retailer(tmp_path, stores=8, items=50, days=1095, format="parquet")
    series = pl.read_parquet(files.truth["series"]).filter(pl.col("level") > 8)
    days = pl.read_parquet(files.sales).join(series, on=["store", "item"])
    cells = plain_days(days).filter((pl.col("stocked_out") == 0) & (pl.col("units") > 0))
    left = []
    for part in cells.partition_by("store", "item"):
        effects = [
            -part["elasticity"].to_numpy() * np.log(part["price"].to_numpy()),
            np.log(1 + part["promotion_uplift"].to_numpy()) * part["promotion"].to_numpy(),
            np.log(part["dip_factor"].to_numpy()),
        ]
        values = np.column_stack([np.log(part["units"].to_numpy()), *effects])
        left.append(without_season(values, part["date"].to_numpy().astype("datetime64[D]")))
    both = np.vstack(left)
    assert len(left) >= 30
    effects = np.linalg.lstsq(both[:, 1:], both[:, 0], rcond=None)[0]
    np.testing.assert_allclose(effects[:2], 1, atol=0.1)
    assert effects[2] == pytest.approx(1, abs=0.25)


def test_prices_change_and_promotions_last_whole_weeks(sales):
    one = sales.filter(pl.col("store") == "S001").sort("item", "date")
    changes = one.filter(pl.col("promotion") == 0).group_by("item").agg(pl.col("price").n_unique())
    assert changes["price"].mean() > 2
    runs = one.with_columns(run=pl.col("promotion").rle_id().over("item"))
    first, last = one["date"].min(), one["date"].max()
    spans = (
        runs.filter(pl.col("promotion") == 1)
        .group_by("item", "run")
        .agg(pl.len(), pl.col("date").min().alias("from"), pl.col("date").max().alias("to"), pl.col("price").n_unique())
    )
    whole = spans.filter((pl.col("from") > first) & (pl.col("to") < last) & (pl.col("len") >= 7))
    assert set(whole["len"]) <= {7, 14}
    assert whole["price"].max() == 1
    assert 0.05 < sales["promotion"].mean() < 0.13


def test_shelf_prices_end_in_nine():
    price = np.linspace(0.2, 30, 500, dtype=np.float32)
    cents = shelf_price(price)
    assert (cents % 10 == 9).all()
    assert np.abs(cents / 100 - price).max() <= 0.0601
