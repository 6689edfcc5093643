"""What names a series, what merely tells rows apart, and what groups series."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.proposal import Proposal


def data_of(proposal: Proposal) -> dict:
    return proposal.settings["data"]


def doubts(proposal: Proposal) -> str:
    return " ".join(proposal.doubts)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("fecha", "tienda", "producto", "cantidad"), ["tienda", "producto"]),
        (("Date", "StoreID", "SKU", "Qty"), ["StoreID", "SKU"]),
        (("date", "magasin", "article", "quantite"), ["magasin", "article"]),
        (("ds", "location", "unique_id", "y"), ["location", "unique_id"]),
    ],
)
def test_names_in_other_languages_and_cases(daily, propose, tmp_path, names, keys):
    frame = daily().select(
        pl.col("date").alias(names[0]),
        pl.col("store").alias(names[1]),
        pl.col("item").alias(names[2]),
        pl.col("units").alias(names[3]),
    )
    data = data_of(propose(frame, tmp_path))
    assert (data["date"], data["quantity"], data["keys"]) == (names[0], names[3], keys)


def test_a_code_stays_and_its_description_goes(daily, propose, tmp_path):
    frame = daily().with_columns(pl.concat_str(pl.lit("Item no. "), "item").alias("item_name"))
    data = data_of(propose(frame, tmp_path))
    assert data["keys"] == ["store", "item"]
    assert data["attributes"] == ["item_name"]


def test_numeric_keys_and_a_running_number(daily, propose, tmp_path):
    frame = daily().with_columns(
        pl.col("store").str.slice(1).cast(pl.Int64).alias("store_nbr"),
        pl.col("item").str.slice(1).cast(pl.Int64).alias("item_nbr"),
    )
    frame = frame.select("date", "store_nbr", "item_nbr", "units").with_row_index("id")
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["keys"] == ["store_nbr", "item_nbr"]
    assert data_of(proposal)["layout"] == "long"
    assert "id" in {reason.conclusion for reason in proposal.reasons if reason.setting == "(not used)"}


def test_keys_that_only_the_values_tell(daily, propose, tmp_path):
    frame = daily().rename({"store": "alpha", "item": "beta"})
    proposal = propose(frame, tmp_path)
    assert set(data_of(proposal)["keys"]) == {"alpha", "beta"}
    assert "alpha" in doubts(proposal)
    assert "--keys" in doubts(proposal)


def test_receipts_are_transactions(daily, propose, tmp_path):
    frame = daily(days=60)
    lines = pl.concat([frame, frame.with_columns(units=pl.lit(-1, pl.Int64))]).with_row_index("n")
    lines = lines.with_columns((pl.col("n") // 3 + 10_000).alias("receipt_no")).drop("n")
    data = data_of(propose(lines, tmp_path))
    assert data["layout"] == "transactions"
    assert data["keys"] == ["store", "item"]
    assert data["absent"] == "zero"


def test_repeated_rows_without_receipts_are_transactions(daily, propose, tmp_path):
    frame = daily(days=60)
    data = data_of(propose(pl.concat([frame, frame.with_columns(units=pl.lit(2, pl.Int64))]), tmp_path))
    assert (data["layout"], data["keys"]) == ("transactions", ["store", "item"])


def test_a_time_of_day_means_transactions(daily, propose, tmp_path):
    frame = daily(days=60).with_columns(pl.concat_str("date", pl.lit(" 10:30:00")).alias("date"))
    data = data_of(propose(frame, tmp_path))
    assert (data["layout"], data["date_format"]) == ("transactions", "%Y-%m-%d %H:%M:%S")


def test_a_few_repeated_rows_are_faults(daily, propose, tmp_path):
    frame = daily()
    proposal = propose(pl.concat([frame, frame.head(5)]), tmp_path)
    assert data_of(proposal)["layout"] == "long"
    assert "transactions" in doubts(proposal)


def test_an_order_book(daily, propose, tmp_path):
    frame = daily(days=100).select(
        pl.col("date").alias("order_date"), pl.col("store").alias("customer"), pl.col("item").alias("product"),
        pl.col("units").alias("order_qty"),
    )  # fmt: skip
    lines = pl.concat([frame, frame]).with_row_index("n").with_columns((pl.col("n") // 2).alias("order_id")).drop("n")
    data = data_of(propose(lines, tmp_path))
    assert data["date"] == "order_date"
    assert data["quantity"] == "order_qty"
    assert data["keys"] == ["customer", "product"]
    assert data["layout"] == "transactions"


def test_customers_of_a_till_are_no_series(daily, propose, tmp_path):
    frame = daily(stores=300, items=2, days=10).rename(
        {"store": "CustomerID", "item": "StockCode", "units": "Quantity"}
    )
    lines = pl.concat([frame, frame]).with_row_index("n").with_columns((pl.col("n") // 2).alias("InvoiceNo")).drop("n")
    proposal = propose(lines, tmp_path)
    assert data_of(proposal)["keys"] == ["StockCode"]
    assert "CustomerID has 300 values" in doubts(proposal)


def test_numbers_and_descriptions_are_no_levels(daily, propose, tmp_path):
    frame = daily(stores=4).with_columns(
        pl.col("store").replace_strict({"S0": 100, "S1": 100, "S2": 250, "S3": 250}).alias("area_m2"),
        pl.col("store").replace_strict({"S0": 1, "S1": 1, "S2": 2, "S3": 2}).alias("cluster"),
        pl.col("item").replace_strict({"I0": "a", "I1": "a", "I2": "b", "I3": "b"}).alias("item_text"),
    )
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["attributes"] == ["area_m2", "cluster", "item_text"]
    assert proposal.settings["levels"] == [["cluster"], ["store"], ["item"]]


def test_place_attributes_stand_before_item_attributes_in_the_levels(daily, propose, tmp_path):
    frame = daily(stores=6, items=4).with_columns(
        pl.when(pl.col("store").is_in(["S0", "S1"])).then(pl.lit("CA")).otherwise(pl.lit("TX")).alias("state"),
        pl.when(pl.col("item").is_in(["I0", "I1"])).then(pl.lit("food")).otherwise(pl.lit("toys")).alias("category"),
    )
    proposal = propose(frame, tmp_path)
    expected = [["state"], ["store"], ["category"], ["store", "category"], ["item"]]
    assert proposal.settings["levels"] == expected
    assert data_of(proposal)["country"] == "US"


def test_no_keys_are_one_series(daily, propose, tmp_path):
    proposal = propose(daily(), tmp_path, overrides={"keys": ""})
    data = proposal.settings["data"]
    assert (data["keys"], data["layout"]) == (["series_id"], "transactions")
    assert not [question for question in proposal.questions if question.option == "keys"]


def coded(frame: pl.DataFrame, shortened: pl.Expr) -> pl.DataFrame:
    number = pl.col("item").str.slice(1)
    return frame.with_columns(pl.when(shortened).then("1" + number).otherwise("001" + number).alias("item"))


def test_zeros_that_a_spreadsheet_took_from_some_dates_do_not_count(daily, propose, tmp_path):
    proposal = propose(coded(daily(), pl.col("date").dt.day() % 2 == 0), tmp_path)
    assert proposal.settings["data"]["leading_zeros"] == "ignore"
    assert "In item, 10 and 0010, 11 and 0011, 12 and 0012, 13 and 0013 are one" in " ".join(proposal.doubts)
    panel = read_sales(parse_settings({**proposal.settings, "horizon": 1}), tmp_path).panel
    assert panel.n_series == 12
    assert sorted(panel.series["item"].unique()) == ["0010", "0011", "0012", "0013"]


def test_codes_that_differ_in_zeros_on_one_date_are_two_series(daily, propose, tmp_path):
    sales = pl.concat([coded(daily(), pl.lit(value)) for value in (True, False)])
    proposal = propose(sales, tmp_path)
    assert proposal.settings["data"]["leading_zeros"] == "keep"
    assert "say --leading-zeros ignore" in " ".join(proposal.doubts)
    assert "leading_zeros" not in propose(daily(), tmp_path).settings["data"]


def test_keys_that_are_often_blank_are_asked_about_and_the_option_works(daily, propose, tmp_path):
    blank = pl.when(pl.col("units") % 4 == 0).then(None).otherwise(pl.col("store")).alias("store")
    proposal = propose(daily().with_columns(blank), tmp_path)
    assert "22% of store is blank" in " ".join(proposal.doubts)
    assert "say --keys item to add up over store" in " ".join(proposal.doubts)
    settings = propose(daily().with_columns(blank), tmp_path, overrides={"keys": "item"}).settings
    assert read_sales(parse_settings({**settings, "horizon": 1}), tmp_path).panel.n_series == 4
