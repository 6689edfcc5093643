from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Panel
from foresell.models.launch.attribute_levels import (
    AGE,
    PRICE,
    AttributeLevels,
    RecentSales,
    bands,
    grouping_levels,
    learn_attribute_levels,
)

STORES, ITEMS = ("small", "large"), tuple(f"item {k}" for k in range(12))
OF_STORE = {"small": 0.5, "large": 1.5}


def shop(rows):
    """A panel of (store, item) with a kind for each item; only its series matter here."""
    kinds = ["food" if int(item.split()[1]) % 2 else "toys" for _, item in rows]
    frame = pl.DataFrame({"store": [store for store, _ in rows], "item": [item for _, item in rows], "kind": kinds})
    return Panel(frame, ("store", "item"), np.arange(3).astype("datetime64[D]"), np.zeros((len(rows), 3), np.float32))


ROWS = [(store, item) for store in STORES for item in ITEMS]
KINDS = np.array([3.0 if int(item.split()[1]) % 2 else 1.0 for _, item in ROWS])
STEADY = 1000.0  # days scatter hardly more than Poisson


def recent(sold, exposure, price=None):
    price = np.full(len(sold), np.nan) if price is None else price
    return RecentSales(sold, exposure, price, np.full(len(sold), "settled"))


def test_factors_multiply_and_reach_series_that_never_were():
    mean = 100 * np.array([OF_STORE[store] for store, _ in ROWS]) * KINDS
    seen = np.array([row != ("large", "item 1") for row in ROWS])
    panel = shop(ROWS)
    lately = recent(np.where(seen, mean * 50, 0), np.where(seen, 50.0, 0))
    learnt = learn_attribute_levels(panel, lately, [("store",), ("kind",), ("item",)], STEADY)
    expected = learnt.base * np.prod(list(learnt.of_groups(panel, lately).values()), axis=0)
    np.testing.assert_allclose(expected, mean, rtol=0.02)
    assert expected[ROWS.index(("large", "item 1"))] == pytest.approx(450, rel=0.02)


def test_a_group_that_rests_on_little_is_not_believed():
    # One item sold three times what was expected, in a single day of a slow item.
    sold, exposure = np.full(len(ROWS), 50.0), np.full(len(ROWS), 50.0)
    sold[0], exposure[0] = 3.0, 1.0
    learnt = learn_attribute_levels(shop(ROWS), recent(sold, exposure), [("item",)], STEADY)
    assert learnt.factors["item",]["item 0"] == pytest.approx(1, abs=0.1)
    # After fifty days it is.
    sold[[0, 12]], exposure[0] = 400.0, 50.0
    learnt = learn_attribute_levels(shop(ROWS), recent(sold, exposure), [("item",)], STEADY)
    assert learnt.factors["item",]["item 0"] / learnt.factors["item",]["item 1"] > 6


def test_days_that_scatter_say_less():
    random = np.random.default_rng(4)
    sold, exposure = np.tile(random.gamma(4, 25, len(ITEMS)), 2), np.full(len(ROWS), 4.0)

    def spread(daily):
        return np.var(
            list(
                learn_attribute_levels(shop(ROWS), recent(sold, exposure), [("item",)], daily).factors["item",].values()
            )
        )

    assert spread(0.5) < 0.7 * spread(STEADY)


def test_nothing_known_is_no_level():
    zero = np.zeros(len(ROWS))
    assert learn_attribute_levels(shop(ROWS), recent(zero, zero), [("item",)], STEADY).base == 0
    assert learn_attribute_levels(shop(ROWS), recent(zero, zero + 9), [("item",)], STEADY).base == 0


def test_the_price_within_a_kind_tells_sales():
    # Cheap goods of either kind sell twice as much; food costs ten times what toys do.
    cheap = np.arange(len(ROWS)) % 4 < 2
    price = np.where(cheap, 0.7, 1.1) * np.where(KINDS > 1, 10, 1)
    sold = np.where(cheap, 2000.0, 1000.0)
    learnt = learn_attribute_levels(shop(ROWS), recent(sold, np.full(len(ROWS), 50.0), price), [("kind",)], STEADY)
    assert learnt.priced == ("kind",)
    factors = learnt.factors[PRICE]
    low, high = (learnt.bands(shop(ROWS), price)[k] for k in (0, 2))
    assert low != high
    assert factors[low] / factors[high] == pytest.approx(2, rel=0.05)
    assert set(learnt.factors) == {("kind",), PRICE, AGE}


def test_unknown_groups_and_prices_count_as_average():
    learnt = learn_attribute_levels(shop(ROWS), recent(50 * KINDS, np.full(len(ROWS), 50.0)), [("kind",)], STEADY)
    stranger = shop([("new", "item 77")]).series.with_columns(kind=pl.lit("shoes"))
    panel = Panel(stranger, ("store", "item"), np.arange(3).astype("datetime64[D]"), np.zeros((1, 3), np.float32))
    factors = learnt.of_groups(panel, RecentSales(np.zeros(1), np.zeros(1), np.array([9.99]), np.array(["new"])))
    assert list(factors) == ["kind", "price_band", "age_class"]
    assert np.ravel(list(factors.values())).tolist() == [1.0, 1.0, 1.0]


def test_own_sales_count_more_with_each_day():
    levels = AttributeLevels(1.0, {}, (), {}, shape=2.0)
    days = np.array([0, 1, 7, 70.0, 700])
    # Expected 4 a day, sold 12 a day; a day's variance is 4 + 16 / 4 = twice its mean.
    ratio = levels.posterior(np.full(5, 4.0), recent(12 * days, days), daily=4.0)
    np.testing.assert_allclose(ratio, (2 + 6 * days) / (2 + 2 * days))
    assert (np.diff(ratio) > 0).all()


def test_columns_that_say_which_series_are_alike_coarse_first():
    series = pl.DataFrame(
        {
            "item": [f"i{k}" for k in range(12)],
            "name": [f"n{k}" for k in range(12)],
            "kind": ["a", "b"] * 6,
            "kind_text": ["A", "B"] * 6,
            "third": ["x", "y", "z"] * 4,
            "country": ["US"] * 12,
            "size": list(range(12)),
        }
    )
    # Left out: names of single series, one value for all, numbers, and the second of two that divide alike.
    assert grouping_levels(series) == [("kind",), ("third",)]
    assert grouping_levels(series, (("kind", "third"), ("item",))) == [("kind",), ("third",), ("kind", "third")]


def test_bands_at_their_limits():
    assert bands(np.array([0.49, 0.5, 0.79, 0.8, 1.24, 1.25, 2.0, np.nan])) == ["0", "1", "1", "2", "2", "3", "4", ""]


def test_they_come_back_from_json():
    lately = recent(50 * KINDS, np.full(len(ROWS), 50.0), KINDS)
    learnt = learn_attribute_levels(shop(ROWS), lately, [("kind",), ("store", "kind")], STEADY)
    assert AttributeLevels.from_dict(json.loads(json.dumps(learnt.to_dict()))) == learnt
