"""Columns that are known only after the sale are found by role, name and numbers; others are left in peace."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.transactions.late_columns import known_after

COUNT = 2000


@pytest.fixture(scope="module")
def sales() -> pl.DataFrame:
    """Sales with their pieces, price, discount (a share) and what is paid for them."""
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "shop": random.choice(["a", "b"], COUNT).astype(str),
            "taken": 1.0 + random.poisson(2, COUNT),
            "list_price": np.round(random.uniform(1, 40, COUNT), 2),
            "discount": random.choice([0.0, 0.1, 0.25], COUNT),
            "age": random.integers(18, 90, COUNT).astype(float),
            "temperature": np.round(random.normal(15, 8, COUNT), 1),
        }
    )
    paid = (pl.col("taken") * pl.col("list_price") * (1 - pl.col("discount"))).round(2)
    return frame.with_columns(paid=paid)


def test_what_has_nothing_to_do_with_the_sum_stays(sales):
    innocent = sales.drop("taken")
    assert known_after(innocent, "paid", None, ()) == {}
    assert known_after(sales.drop("paid"), "taken", "taken", ()) == {}


def test_factors_of_the_sum_are_found_and_prices_and_rates_spared(sales):
    assert known_after(sales, "paid", None, ()) == {"taken": "discount and list_price and taken give paid"}
    # A column that is allowed stays, and what gives nothing without it.
    assert known_after(sales, "paid", None, (), ["taken"]) == {}
    # A per cent does as a share does.
    assert "taken" in known_after(sales.with_columns(pl.col("discount") * 100), "paid", None, ())


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pl.col("paid"), "x gives paid"),
        (pl.col("paid") * 1.19 + 0.004, "x gives paid"),
        ((pl.col("paid") + 1).log(), "x gives paid"),
        (1000 / (pl.col("paid") + 5), "x gives paid"),
        (pl.col("paid") * pl.col("list_price"), "list_price and x give paid"),
        (pl.col("paid") - pl.col("age"), "age and x give paid"),
    ],
)
def test_the_target_under_another_name_is_found(sales, column, reason):
    refused = known_after(sales.drop("taken").with_columns(x=column), "paid", None, ["age", "list_price"])
    assert refused == {"x": reason}


def test_a_few_wrong_rows_hide_nothing(sales):
    wrong = pl.when(pl.int_range(pl.len()) % 40 == 0).then(pl.lit(0.01)).otherwise("paid")
    assert known_after(sales.with_columns(x=wrong).drop("taken"), "paid", None, ()) == {"x": "x gives paid"}


def test_the_quantity_and_its_copy_are_refused_when_revenue_is_asked(sales):
    table = sales.drop("discount").with_columns(pieces2=pl.col("taken") * 2)
    refused = known_after(table, "paid", "taken", ())
    assert refused == {"taken": "it is the quantity", "pieces2": "pieces2 gives taken"}


def test_revenue_is_refused_when_the_quantity_is_asked(sales):
    table = sales.with_columns(euros=pl.col("taken") * pl.col("list_price")).drop("paid")
    assert known_after(table, "taken", "taken", ["list_price"]) == {"euros": "euros and list_price give taken"}


def test_names_tell_of_numbers_only(sales):
    named = {"Units Sold": 1.0, "order_total": 2.0, "is_returned": 0.0, "net_weight": 1.0, "tax_rate": 0.2}
    random = np.random.default_rng(2)
    frame = sales.drop("taken").with_columns(pl.Series(name, random.random(COUNT)) for name in named)
    frame = frame.with_columns(sold=pl.lit("online"), delivered_on=pl.lit(date(2025, 1, 1)))
    refused = known_after(frame, "paid", None, ())
    assert list(refused) == ["Units Sold", "order_total", "is_returned", "delivered_on"]
    assert refused["delivered_on"] == "it is another date than that of the sale"
    assert known_after(frame, "paid", None, ["Units Sold", "order_total", "is_returned", "delivered_on"]) == {}


def test_a_sum_that_is_nearly_always_the_price_does_not_condemn_what_is_usually_the_same():
    random = np.random.default_rng(3)
    frame = pl.DataFrame(
        {
            "pieces": np.where(random.random(COUNT) < 0.95, 1.0, 3.0),
            "member": np.where(random.random(COUNT) < 0.95, 1.0, 2.0),
        }
    )
    assert known_after(frame, "pieces", "pieces", ()) == {}
