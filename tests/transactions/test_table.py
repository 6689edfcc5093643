"""The table of single sales: columns in their types, a fair sample, sums by day, what is left out and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.settings import Data, Transactions
from foresell.synth import make_retailer
from foresell.transactions.table import check_columns, read_single_sales

DATA = Data(sales="sales.csv", keys=("shop",), layout="transactions", date="day", quantity="pieces", price="price")


def write(folder: Path, rows: str, header: str = "receipt;day;shop;pieces;price;card;wanted;note;euro") -> None:
    (folder / "sales.csv").write_text(f"{header}\n{rows}", encoding="utf-8")


def german(folder: Path) -> Data:
    """Sales as a German till writes them: 40 of them, one brought back, one without a sum, one with a bad date."""
    lines = [
        f"B{place};{1 + place % 28:02d}.03.2025;{place % 2 + 7};2;1.250,5;{'ja' if place % 3 else 'nein'};"
        f"{2 + place % 20:02d}.04.2025;;2501"
        for place in range(37)
    ]
    lines += ["B90;05.03.2025;7;-2;1.250,5;ja;06.04.2025;;-2501", "B91;05.03.2025;7;2;1.250,5;ja;06.04.2025;;"]
    lines += ["B92;35.03.2025;7;2;1.250,5;ja;06.04.2025;;2501"]
    write(folder, "\n".join(lines) + "\n")
    return Data(
        sales="sales.csv", keys=("shop",), layout="transactions", date="day", quantity="pieces", price="price",
        separator=";", decimal=",",
    )  # fmt: skip


def test_columns_come_in_their_types(tmp_path):
    read = read_single_sales(german(tmp_path), Transactions(target="euro"), tmp_path, 1)
    assert read.frame.schema == {
        "day": pl.Date, "shop": pl.String, "pieces": pl.Float64, "price": pl.Float64, "card": pl.Float64,
        "wanted": pl.Date, "euro": pl.Float64,
    }  # fmt: skip
    assert read.frame.row(0) == (date(2025, 3, 1), "7", 2.0, 1250.5, 0.0, date(2025, 4, 2), 2501.0)
    assert (read.rows, read.incomplete, read.returned, read.usable, read.frame.height) == (40, 2, 1, 37, 37)
    assert read.left_out == {"receipt": "it identifies single sales", "note": "it is empty"}
    # The sum of the day knows what was brought back: of 5 March there are two sales and one that came back.
    assert read.daily.filter(date=date(2025, 3, 5)).row(0) == (date(2025, 3, 5), 2501.0, 3)


def test_revenue_that_is_no_column_is_quantity_times_price(tmp_path):
    read = read_single_sales(german(tmp_path), Transactions(target="revenue"), tmp_path, 1)
    assert read.frame["revenue"].unique().to_list() == [2501.0]


def test_a_sample_is_fair_the_same_every_time_and_sums_know_all(tmp_path):
    make_retailer(tmp_path, stores=1, items=4, days=200, transactions=True)
    data = Data(sales="sales.csv", keys=("store", "item"), layout="transactions", date="time", quantity="quantity", price="price")  # fmt: skip # noqa: E501
    transactions = Transactions(target="revenue")
    whole = read_single_sales(data, transactions, tmp_path, 1)
    some, again, other = (read_single_sales(data, transactions, tmp_path, seed, most=300) for seed in (1, 1, 2))
    assert some.frame.height == 300 < whole.frame.height == some.usable
    assert some.frame.equals(again.frame)
    assert not some.frame.equals(other.frame)
    assert some.frame["time"].is_sorted() == whole.frame["time"].is_sorted()
    assert some.daily.equals(whole.daily)
    halves = whole.frame["time"].sort()[whole.frame.height // 2]
    assert 110 < (some.frame["time"] < halves).sum() < 190


def test_until_is_kept_to(tmp_path):
    from msgspec.structs import replace

    read = read_single_sales(replace(german(tmp_path), until="2025-03-09"), Transactions(target="euro"), tmp_path, 1)
    assert read.frame["day"].max() == date(2025, 3, 9)
    # 18 sales and one that came back in the first nine days, one without a sum, one without a date. The rest is later.
    assert (read.rows, read.incomplete, read.returned, read.usable) == (21, 2, 1, 18)


@pytest.mark.parametrize(
    ("transactions", "message"),
    [
        (Transactions(target="profit"), "target 'profit' .* is no column"),
        (Transactions(target="euro", inputs=("shop", "colour")), "names the column colour"),
        (Transactions(target="euro", allow=("colour",)), "names the column colour"),
        (Transactions(target="euro", date="time"), "names the column time"),
        (Transactions(target="euro", inputs=("shop", "euro")), "both the target and an input"),
    ],
)
def test_columns_that_are_not_there_are_said_at_once(tmp_path, transactions, message):
    with pytest.raises(SettingsError, match=message):
        check_columns(german(tmp_path), transactions, tmp_path)
