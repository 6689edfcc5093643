"""Sales as one-hot and scaled columns: worked by hand, and what is said of what was filled in."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
import polars as pl
import pytest

from foresell.transactions.encoder import MOST_VALUES, Encoder

SALES = pl.DataFrame(
    {
        "date": [date(2025, 7, 4)] * 20 + [date(2025, 7, 6)] * 21,  # a Friday, Independence Day; a Sunday
        "shop": ["a"] * 20 + ["b"] * 20 + ["rare"],
        "price": [1.0] * 20 + [3.0] * 20 + [None],
    }
)


def columns_of(encoder: Encoder, rows: pl.DataFrame) -> list[dict[str, float]]:
    encoded = encoder.encode(rows).matrix
    return [dict(zip(encoder.names, map(float, row), strict=True)) for row in encoded]


def test_a_sale_worked_by_hand():
    encoder = Encoder.learn(SALES, ["date", "shop", "price"], "date", "US")
    (friday, other) = columns_of(
        encoder, pl.DataFrame({"date": ["2025-07-04", "2025-12-24"], "shop": ["b", "rare"], "price": [4.0, None]})
    )
    # Prices of 1 and 3, as many of each: mean 2, deviation 1. One sale had none.
    assert (friday["price"], friday["price not given"]) == (2.0, 0.0)
    assert {name for name, value in friday.items() if value} == {
        "Friday", "day of month", "holiday", "shop b", "shop how frequent", "price",
    }  # fmt: skip
    assert friday["day of month"] == pytest.approx(3 / 31)
    assert friday["shop how frequent"] == pytest.approx(1.0)
    assert other["shop any other"] == other["price not given"] == other["Wednesday"] == 1.0
    assert other["price"] == 0.0  # the median, 2, is the mean
    assert other["shop how frequent"] == pytest.approx(np.log(2) / np.log(21))


def test_what_is_not_given_and_what_is_new_is_named_row_by_row():
    encoder = Encoder.learn(SALES, ["date", "shop", "price"], "date")
    encoded = encoder.encode(
        pl.DataFrame({"shop": ["a", "new", None], "price": ["2", " 3.5 ", ""], "date": [None] * 3})
    )
    unknown_date = "date is not given: taken as 2025-07-06, the last training date"
    assert encoded.assumed[0] == [unknown_date]
    assert encoded.assumed[1] == [
        unknown_date,
        "shop 'new' was not in the training sales: taken as any other",
        "price 3.5 lies outside the training sales, 1 to 3",
    ]
    assert encoded.assumed[2][1] == "shop is not given"
    assert encoded.errors == {2: "price '' is no number"}


def test_a_value_that_is_rare_is_another_but_was_seen():
    encoded = Encoder.learn(SALES, ["shop"], "date").encode(pl.DataFrame({"shop": ["rare"]}))
    assert encoded.assumed == {}
    assert encoded.matrix[0].tolist()[:4] == [0, 0, 1, 0]


def test_dates_and_numbers_that_are_none_are_errors():
    encoder = Encoder.learn(SALES, ["date", "price"], "date")
    encoded = encoder.encode(pl.DataFrame({"date": ["4.7.2025", "2025-07-04"], "price": ["1", "cheap"]}))
    assert encoded.errors[0] == "date '4.7.2025' is no date; expected a date such as 2025-12-31"
    assert encoded.errors[1] == "price 'cheap' is no number"
    assert encoded.assumed == {}


def test_nan_is_how_pandas_says_that_nothing_is_given():
    encoder = Encoder.learn(SALES, ["shop", "price"], "date")
    encoded = encoder.encode(pl.DataFrame({"shop": [float("nan"), 1.5], "price": [float("nan"), 2.0]}))
    assert encoded.errors == {}
    assert encoded.assumed == {
        0: ["shop is not given", "price is not given: taken as 2, the median"],
        1: ["shop '1.5' was not in the training sales: taken as any other"],
    }


def test_numbers_name_things_as_text_does():
    sales = pl.DataFrame({"shop": ["7"] * 20 + ["8"] * 20})
    encoder = Encoder.learn(sales, ["shop"], "date")
    as_numbers = encoder.encode(pl.DataFrame({"shop": [7, 8]})).matrix
    assert (as_numbers == encoder.encode(pl.DataFrame({"shop": ["7 ", "8"]})).matrix).all()
    assert (as_numbers == encoder.encode(pl.DataFrame({"shop": [7.0, 8.0]})).matrix).all()


def test_of_many_values_the_most_frequent_have_columns():
    values = [f"v{place:03d}" for place in range(100) for _ in range(20 + place)]
    encoder = Encoder.learn(pl.DataFrame({"item": values}), ["item"], "date")
    assert len(encoder.names) == MOST_VALUES + 3
    assert encoder.names[0] == "item v099"
    assert encoder.encode(pl.DataFrame({"item": ["v000"]})).assumed == {}


def test_months_are_looked_at_after_two_years():
    def names(last: date) -> list[str]:
        return Encoder.learn(pl.DataFrame({"date": [date(2023, 1, 1), last]}), ["date"], "date").names

    assert "month 5" not in names(date(2024, 12, 29))
    assert "month 5" in names(date(2024, 12, 30))
    encoder = Encoder.learn(pl.DataFrame({"date": [date(2023, 1, 1), date(2024, 12, 30)]}), ["date"], "date")
    (may,) = columns_of(encoder, pl.DataFrame({"date": [date(2026, 5, 2)]}))
    assert [name for name, value in may.items() if value == 1] == ["Saturday", "month 5"]


def test_another_date_counts_from_the_sale():
    sales = pl.DataFrame({"date": [date(2025, 1, 1)] * 2, "wanted": [date(2025, 1, 3), date(2025, 1, 7)]})
    encoder = Encoder.learn(sales, ["wanted"], "date")  # 2 and 6 days: mean 4, deviation 2
    encoded = encoder.encode(pl.DataFrame({"date": ["2025-03-01"], "wanted": ["2025-03-09"]}))
    assert encoded.matrix.tolist() == [[2.0]]


def test_it_is_the_same_after_json():
    encoder = Encoder.learn(SALES, ["date", "shop", "price"], "date", "US")
    assert msgspec.json.decode(msgspec.json.encode(encoder), type=Encoder) == encoder
