"""Stock, open orders, terms and lots of the sample retailer, and their truth."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.decide.lead_times import LeadTimes
from foresell.synth import SampleFiles, make_retailer
from foresell.synth.retailer import END

KEYS = ["store", "item"]


def table(files: SampleFiles, name: str) -> pl.DataFrame:
    return pl.read_parquet(files.tables[name])


def test_each_series_that_was_on_sale_has_stock(retailer: SampleFiles, sales: pl.DataFrame) -> None:
    stock = table(retailer, "stock")
    assert_frame_equal(stock.select(KEYS).sort(KEYS), sales.select(KEYS).unique().sort(KEYS))
    assert stock["on_hand"].min() == 0
    assert (stock["on_hand"] > 0).mean() > 0.5


def test_what_was_sold_out_on_the_last_day_has_none(tmp_path: Path) -> None:
    files = make_retailer(tmp_path, stores=10, items=40, days=120, daily_truth=False)
    sales, stock = pl.read_csv(files.sales), pl.read_csv(files.tables["stock"])
    last = sales.filter(date=str(END), stocked_out=1)
    assert last.height
    assert stock.join(last, on=KEYS)["on_hand"].sum() == 0


def test_open_orders_are_whole_packs_due_within_the_lead_time(retailer: SampleFiles) -> None:
    orders = table(retailer, "open_orders").join(table(retailer, "terms"), on="item")
    assert orders["due"].min() > END
    assert ((orders["due"] - END).dt.total_days() <= orders["lead_days"]).all()
    assert (orders["units"] > 0).all()
    assert (orders["units"] % orders["pack"] == 0).all()


def test_nothing_is_on_order_of_what_is_off_sale(retailer: SampleFiles, series: pl.DataFrame) -> None:
    gone = series.filter("discontinued")
    assert gone.height
    assert not table(retailer, "open_orders").join(gone, on=KEYS, how="semi").height


def test_lots_add_up_to_the_stock_and_none_has_expired(retailer: SampleFiles) -> None:
    truth = pl.read_parquet(retailer.truth["terms"]).drop_nulls("shelf_days")
    lots = table(retailer, "lots").join(truth, on="item", how="left")
    assert lots["shelf_days"].null_count() == 0
    days = (lots["expires"] - END).dt.total_days()
    assert (days >= 1).all()
    assert (days < lots["shelf_days"]).all()
    perishable = table(retailer, "stock").join(truth, on="item", how="semi").filter(pl.col("on_hand") > 0)
    sums = lots.group_by(KEYS).agg(pl.col("units").sum().alias("on_hand").cast(pl.Int64))
    assert_frame_equal(sums.sort(KEYS), perishable.select(*KEYS, "on_hand").sort(KEYS))


def test_terms_make_sense(retailer: SampleFiles, sales: pl.DataFrame) -> None:
    terms = table(retailer, "terms")
    price = sales.filter(pl.col("date") > END - timedelta(days=60)).group_by("item").agg(pl.col("price").median())
    margin = (terms.join(price, on="item").select(1 - pl.col("unit_cost") / pl.col("price"))).to_series()
    assert margin.is_between(0.05, 0.6).mean() > 0.95
    assert terms.drop("shelf_days").null_count().sum_horizontal().item() == 0
    truth = pl.read_parquet(retailer.truth["terms"])
    same = ["item", "vendor", "order_cost", "shelf_days"]
    assert_frame_equal(terms.select(same), truth.select(same))
    assert (terms["lead_days"] + terms["review_days"]).max() <= 28  # the horizon that `init` proposes
    assert set(terms["pack"]) <= {1, 2, 4, 6, 12, 24}
    assert 0 < (terms["minimum"] > 0).mean() < 0.5


def test_vendors_ask_for_about_what_stores_order(retailer: SampleFiles) -> None:
    vendors, breaks = table(retailer, "vendors"), table(retailer, "price_breaks")
    terms = table(retailer, "terms")
    assert set(terms["vendor"]) == set(vendors["vendor"])
    sold = pl.read_parquet(retailer.truth["series"]).join(terms, on="item")
    orders = sold.group_by("vendor").agg(
        units=(pl.col("level") * pl.col("review_days")).sum(),
        cost=(pl.col("level") * pl.col("review_days") * pl.col("unit_cost")).sum(),
    )
    asked = vendors.join(orders, on="vendor").join(breaks.sort("from_money"), on="vendor", how="left")
    assert asked.select("minimum_money", "truck_units", "from_money").null_count().row(0) == (6, 6, 5)
    shares = asked.select(
        pl.col("minimum_money", "from_money") / pl.col("cost"), pl.col("truck_units") / pl.col("units")
    )
    for name in shares.columns:
        assert shares[name].drop_nulls().is_between(0.2, 2).all()


def test_late_vendors_are_late_and_the_others_are_not(retailer: SampleFiles) -> None:
    orders = pl.read_parquet(retailer.truth["open_orders"]).join(pl.read_parquet(retailer.truth["terms"]), on="item")
    assert_frame_equal(orders.select(*KEYS, "due", "units"), table(retailer, "open_orders"))
    late = orders.with_columns(
        late=(pl.col("arrives") - pl.col("due")).dt.total_days(),
        planted=pl.col("lead_days") - pl.col("stated_lead_days"),
    ).filter((pl.col("due") - pl.lit(END)).dt.total_days() > 2)  # an early one cannot arrive before the first day
    by_vendor = late.group_by("vendor").agg(pl.len(), pl.col("late").mean(), pl.col("planted", "lead_sd_days").first())
    error = (by_vendor["late"] - by_vendor["planted"]) / (by_vendor["lead_sd_days"] / by_vendor["len"].sqrt())
    assert error.abs().max() < 4
    assert (orders["lead_days"] >= orders["stated_lead_days"]).all()


def test_the_demand_ahead_is_that_of_the_model(retailer: SampleFiles, series: pl.DataFrame) -> None:
    ahead = pl.read_parquet(retailer.truth["ahead"])
    future = pl.read_parquet(retailer.tables["future"])
    assert_frame_equal(ahead.select("date", *KEYS), future.select("date", *KEYS))
    total = ahead.select(pl.col("demand", "expected").sum())
    assert total["demand"].item() == pytest.approx(total["expected"].item(), rel=0.03)
    assert ahead["date"].max() == END + timedelta(days=56)


def test_chunks_and_growth_change_no_stock(tmp_path: Path) -> None:
    small = {"days": 120, "end": date(2024, 3, 1), "format": "parquet"}
    few = make_retailer(tmp_path / "few", stores=2, items=6, **small)
    many = make_retailer(tmp_path / "many", stores=4, items=11, block_rows=1, **small)
    paths = {**{name: (f.tables[name]) for f in [few] for name in ("stock", "open_orders", "lots", "terms")}}
    for name, path in paths.items():
        keys = [key for key in KEYS if key in pl.read_parquet(path).columns]
        known = pl.read_parquet(many.tables[name]).join(
            pl.read_parquet(path).select(keys).unique(), on=keys, how="semi"
        )
        assert_frame_equal(known, pl.read_parquet(path))
    known = pl.read_parquet(many.truth["ahead"]).join(pl.read_parquet(few.truth["series"]), on=KEYS, how="semi")
    order = [*KEYS, "date"]
    assert_frame_equal(known.sort(order), pl.read_parquet(few.truth["ahead"]).sort(order))


def test_stock_differs_by_seed(tmp_path: Path) -> None:
    stocks = [
        pl.read_csv(make_retailer(tmp_path / str(seed), stores=2, items=6, days=120, seed=seed).tables["stock"])
        for seed in (1, 2)
    ]
    assert not np.array_equal(*(stock["on_hand"].to_numpy() for stock in stocks))


def test_centres_have_whole_packs_for_the_stores_that_they_supply(retailer: SampleFiles) -> None:
    centres, stock = table(retailer, "centres"), table(retailer, "centre_stock")
    assert set(centres["centre"]) == set(stock["centre"]) == set(table(retailer, "centre_capacity")["centre"])
    packs = stock.join(table(retailer, "terms"), on="item")
    assert packs.height == stock.height
    assert (packs["on_hand"] % packs["pack"] == 0).all()
    assert (stock["on_hand"] > 0).any()


def test_every_department_has_its_rate(retailer: SampleFiles) -> None:
    items = pl.read_parquet(retailer.tables["items"])
    assert set(items["department"]) <= set(table(retailer, "drivers")["department"])
    assert table(retailer, "profile")["share"].min() > 0


def test_the_lead_times_that_receipts_teach_are_the_true_ones(retailer: SampleFiles) -> None:
    receipts = table(retailer, "receipts")
    truth = pl.read_parquet(retailer.truth["terms"]).unique("vendor").sort("vendor")
    names = truth["vendor"].to_list()
    lead = (receipts["received"] - receipts["ordered"]).dt.total_days().to_numpy().astype(float)
    group = np.array([names.index(name) if name in names else len(names) for name in receipts["vendor"]])
    times = LeadTimes.learn(lead, group, len(names) + 1, np.arange(len(names)))
    error = np.abs(times.mean - truth["lead_days"].to_numpy()) / truth["lead_days"].to_numpy()
    assert error.max() < 0.35
    assert np.median(error) < 0.1
    assert (lead >= 0).all()
