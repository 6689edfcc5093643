import polars as pl
import pytest

from foresell.synth import make_retailer

SIZE = {"stores": 4, "items": 40, "days": 150, "format": "parquet"}
CELL = ["store", "item", "date"]


@pytest.fixture(scope="module")
def receipts(tmp_path_factory):
    return make_retailer(tmp_path_factory.mktemp("receipts"), **SIZE, transactions=True)


@pytest.fixture(scope="module")
def lines(receipts):
    return pl.read_parquet(receipts.sales).with_columns(date=pl.col("time").dt.date())


@pytest.fixture(scope="module")
def cells(receipts):
    return pl.read_parquet(receipts.truth["demand"])


def test_sold_lines_add_up_to_the_units_of_the_daily_sales(tmp_path, lines):
    daily = pl.read_parquet(make_retailer(tmp_path, **SIZE).sales)
    sold = lines.filter(pl.col("quantity") > 0).group_by(CELL).agg(pl.col("quantity").sum())
    both = daily.join(sold, on=CELL, how="left")
    assert (both["units"] == both["quantity"].fill_null(0)).all()
    assert sold["quantity"].sum() == both["units"].sum()


def test_returns_net_out(lines, cells):
    net = lines.group_by(CELL).agg(pl.col("quantity").sum().alias("net"))
    both = cells.join(net, on=CELL, how="left")
    kept = pl.min_horizontal("demand", pl.col("stock").fill_null(2**31 - 1)) - pl.col("returned")
    assert both.select((pl.col("net").fill_null(0) == kept).all()).item()
    assert net.height == net.join(cells, on=CELL, how="semi").height
    assert both["returned"].sum() == -lines.filter(pl.col("quantity") < 0)["quantity"].sum() > 0


def test_what_comes_back_was_bought_at_that_price_up_to_a_fortnight_before(lines):
    back = lines.filter(pl.col("quantity") < 0).select(*CELL, "time", "price", paid=-pl.col("quantity"))
    bought = lines.filter(pl.col("quantity") > 0).select("store", "item", "price", bought="time", paid="quantity")
    pairs = back.join(bought, on=["store", "item", "price", "paid"])
    delay = (pl.col("time") - pl.col("bought")).dt.total_days()
    same_second = pl.col("time").dt.time() == pl.col("bought").dt.time()
    matched = pairs.filter(delay.is_between(1, 14) & same_second)
    assert matched.select(*CELL, "time").unique().height == back.select(*CELL, "time").unique().height


def test_the_share_that_comes_back_is_the_true_one(receipts, lines):
    items = pl.read_parquet(receipts.tables["items"])
    share = (
        lines.join(items, on="item")
        .group_by("department")
        .agg((pl.col("quantity") < 0).sum() / (pl.col("quantity") > 0).sum())
    )
    returned = dict(share.iter_rows())
    assert 0.001 < returned["fresh"] < 0.006
    assert returned["home"] > 2 * returned["fresh"]


def test_lines_are_numbered_and_in_order_of_time_within_a_series(lines):
    assert lines["line"].is_unique().all()
    assert lines["line"].is_sorted()
    ordered = lines.select((pl.col("time").diff().over("store", "item").dt.total_seconds() >= 0).fill_null(True).all())
    assert ordered.item()
    assert lines["time"].dt.hour().min() == 8
    assert lines["time"].dt.hour().max() == 20


def test_a_line_holds_a_few_units(lines):
    size = lines.filter(pl.col("quantity") > 0)["quantity"]
    assert size.min() == 1
    assert 1.1 < size.mean() < 1.5
