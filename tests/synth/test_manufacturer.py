import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.synth import make_manufacturer, manufacturer_size
from foresell.synth.manufacturer import END, expected_lines
from foresell.synth.order_book import OrderBook, buying_factor, make_customer, make_products

SMALL = {"customers": 6, "products": 15, "days": 400}
KEYS = ["customer", "product"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_manufacturer(tmp_path_factory.mktemp("book"), format="parquet")


@pytest.fixture(scope="module")
def orders(files):
    return pl.read_parquet(files.sales)


@pytest.fixture(scope="module")
def series(files):
    return pl.read_parquet(files.truth["series"])


@pytest.fixture(scope="module")
def months(files):
    return pl.read_parquet(files.truth["demand"])


def test_the_size_of_the_chunks_changes_no_byte(tmp_path):
    whole = make_manufacturer(tmp_path / "a", **SMALL)
    cut = make_manufacturer(tmp_path / "b", **SMALL, chunk_rows=1)
    assert whole.sales.read_bytes() == cut.sales.read_bytes()
    for name in ("series", "demand"):
        assert_frame_equal(pl.read_parquet(whole.truth[name]), pl.read_parquet(cut.truth[name]), check_exact=True)
    other = make_manufacturer(tmp_path / "c", **SMALL, seed=2)
    assert whole.sales.read_bytes() != other.sales.read_bytes()


def test_rows_and_series_are_those_of_the_orders(tmp_path):
    sample = make_manufacturer(tmp_path, **{**SMALL, "days": 180}, format="parquet")
    orders = pl.read_parquet(sample.sales)
    assert (sample.rows, sample.series) == (orders.height, orders.select(KEYS).n_unique())
    assert sample.series < pl.read_parquet(sample.truth["series"]).height  # some are never ordered in so short a time


def test_no_chunk_holds_more_than_asked_for_beside_one_customer(tmp_path):
    book = make_manufacturer(tmp_path, **SMALL, format="parquet", chunk_rows=100)
    parts = [pl.read_parquet(part) for part in sorted(book.sales.glob("part-*.parquet"))]
    assert len(parts) > 1
    for part in parts:
        last = part["customer"].unique(maintain_order=True)[-1]
        assert part.filter(pl.col("customer") != last).height < 100


def test_a_customers_orders_stay_what_they_are_when_the_book_grows(tmp_path):
    few = make_manufacturer(tmp_path / "few", customers=3, products=10, days=400)
    many = make_manufacturer(tmp_path / "many", customers=5, products=17, days=400)
    small, large = pl.read_csv(few.sales), pl.read_csv(many.sales)
    known = large.join(small, on=KEYS, how="semi")
    # Lines are numbered within their order, which more products make longer.
    assert_frame_equal(known.drop("line"), small.drop("line"), check_exact=True)
    assert known.select(KEYS).unique().height == small.select(KEYS).unique().height


def test_the_truth_adds_up_to_the_orders(orders, months):
    ordered = orders.group_by(*KEYS, month=pl.col("order_date").dt.truncate("1mo")).agg(
        pl.col("quantity").sum(), pl.len()
    )
    both = months.join(ordered, on=[*KEYS, "month"], how="left")
    assert (both["ordered"] == both["quantity"].fill_null(0)).all()
    assert (both["lines"] == both["len"].fill_null(0)).all()
    assert both["ordered"].sum() == orders["quantity"].sum()


def test_expected_is_the_mean_of_what_is_ordered(months):
    assert months["ordered"].sum() / months["expected"].sum() == pytest.approx(1, abs=0.03)
    by_product = months.group_by("product").agg(pl.col("ordered", "expected").sum())
    assert np.corrcoef(by_product["ordered"], by_product["expected"])[0, 1] > 0.98


def test_quantities_come_in_lots(files, orders):
    lots = orders.join(pl.read_parquet(files.tables["products"]), on="product")
    assert (lots["quantity"] % lots["lot_size"] == 0).all()
    assert lots["quantity"].min() > 0
    assert lots["lot_size"].min() > 1


def test_orders_have_numbered_lines_and_one_requested_date(orders):
    by_order = orders.group_by("order_id").agg(
        pl.col("customer", "order_date", "requested_date").n_unique(),
        pl.col("product").n_unique().alias("products"),
        pl.len(),
        pl.col("line").max().alias("last"),
    )
    assert by_order.select(pl.col("customer", "order_date", "requested_date").max()).row(0) == (1, 1, 1)
    assert (by_order["len"] == by_order["last"]).all()
    assert (by_order["len"] == by_order["products"]).all()
    wait = (orders["requested_date"] - orders["order_date"]).dt.total_days()
    assert 4 <= wait.min() <= wait.max() <= 42
    assert orders["order_date"].dt.weekday().max() == 5


def test_a_few_customers_are_large_and_series_are_lumpy(orders, months):
    size = orders.group_by("customer").agg(pl.col("quantity").sum())["quantity"].sort(descending=True)
    assert size.head(3).sum() > 0.5 * size.sum()
    assert 0.2 < (months["lines"] == 0).mean() < 0.7


def test_products_and_customers_come_and_go(orders, series):
    spans = orders.join(series, on=KEYS)
    assert (spans["order_date"] >= spans["first_date"]).all()
    assert (spans["order_date"] <= spans["last_date"]).all()
    assert (series["first_date"] > series["first_date"].min()).any()
    assert (series["last_date"] < END).any()
    last_order = orders.group_by("customer").agg(pl.col("order_date").max())
    assert last_order.filter(pl.col("order_date") < END - timedelta(days=120))["customer"].to_list()


def test_the_yearly_season_is_found(files, orders, series):
    truth = json.loads(files.truth["parameters"].read_text())["yearly"]
    family = orders.join(series.select(*KEYS, "family"), on=KEYS)
    for name in ("garden", "paint"):
        by_month = (
            family.filter(pl.col("family") == name)
            .group_by(pl.col("order_date").dt.month())
            .agg(pl.col("quantity").sum())
            .sort("order_date")["quantity"]
        )
        days = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]").astype("datetime64[M]").astype(int) % 12
        season = np.bincount(days, truth[name]) / np.bincount(days)
        assert np.corrcoef(by_month.to_numpy()[1:11], season[1:11])[0, 1] > 0.9


def test_buying_ahead_of_the_price_list_by_hand():
    days = np.array(["2024-12-03", "2024-12-04", "2024-12-31", "2025-01-01", "2025-02-11", "2025-02-12"])
    # 28 days before 1 January is 4 December; 42 days after it ends with 11 February.
    expected = [1.0, 1.35, 1.35, 0.78, 0.78, 1.0]
    assert buying_factor(days.astype("datetime64[D]")).tolist() == expected


def test_prices_are_the_price_list_less_the_customers_discount(files, orders):
    prices = pl.read_parquet(files.tables["price_list"])
    customers = pl.read_parquet(files.tables["customers"])
    listed = orders.join(customers, on="customer").join(
        prices, left_on=["product", pl.col("order_date").dt.truncate("1mo")], right_on=["product", "month"]
    )
    assert listed.height == orders.height
    paid = (listed["price"] * (1 - listed["discount"]) - listed["unit_price"]).abs()
    assert paid.max() <= 0.0051
    assert prices["month"].max() == date(END.year + 1, 12, 1)


def test_some_lines_are_cancelled(orders):
    assert orders["cancelled"].mean() == pytest.approx(0.025, abs=0.005)


def test_the_settings_name_files_and_columns_that_are_there(tmp_path):
    book = make_manufacturer(tmp_path, **SMALL)
    settings = parse_settings(book.settings).data
    columns = pl.read_csv(book.sales).columns
    assert {settings.date, settings.quantity, *settings.keys} <= set(columns)
    assert (tmp_path / settings.sales).exists()
    assert (tmp_path / settings.prices.path).exists()
    assert (tmp_path / settings.items.path).exists()
    assert (tmp_path / settings.stores.path).exists()


def test_a_size_is_found_for_a_number_of_lines(tmp_path):
    customers, products = manufacturer_size(20_000)
    book = OrderBook(customers, products, 4 * 365, END)
    lines = [expected_lines(book, make_products(book), make_customer(book, number)) for number in range(customers)]
    assert sum(lines) >= 20_000 > sum(lines[:-1])
    sample = make_manufacturer(tmp_path, customers=customers, products=products, format="parquet")
    assert sample.rows == pytest.approx(sum(lines), rel=0.03)


@pytest.mark.parametrize("change", [{"customers": 0}, {"products": 0}, {"days": 100}])
def test_impossible_sizes_are_usage_errors(tmp_path, change):
    with pytest.raises(UsageError, match="order book needs"):
        make_manufacturer(tmp_path, **{**SMALL, **change})


def test_those_who_make_the_products_have_capacity_and_a_record(files):
    tables = {
        name: pl.read_parquet(files.tables[name]) for name in ("capabilities", "capacities", "parts", "deliveries")
    }
    assert {path.parent.name for name, path in files.tables.items() if name in tables} == {"supply"}
    able = tables["capabilities"]
    assert able.select("product", "manufacturer").is_unique().all()
    assert set(able["product"]) == set(tables["parts"]["product"])
    assert able.group_by("product").len()["len"].min() >= 2
    dearest = able.group_by("product").agg(pl.col("cost").max()).join(tables["parts"], on="product")
    assert (dearest["penalty"] > dearest["cost"]).all()
    assert (tables["capacities"]["capacity"] > 0).all()
    assert tables["capacities"].height == 36
    assert tables["capacities"]["date"].min() == END + timedelta(days=1)
    late = (
        tables["deliveries"].group_by("manufacturer").agg((pl.col("delivered") <= pl.col("due")).mean().alias("seen"))
    )
    both = late.join(pl.read_parquet(files.truth["manufacturers"]), on="manufacturer")
    assert (both["seen"] - both["on_time"]).abs().max() < 0.12


def test_settings_of_the_order_book_name_the_tables_of_capacity(files):
    settings = parse_settings(files.settings)
    assert (files.folder / settings.capacity.capabilities).is_file()
    assert settings.capacity.part == "product"
