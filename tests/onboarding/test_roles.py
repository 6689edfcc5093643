"""Small files whose columns a reader would know at a glance; each expectation is stated by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def data_of(proposal: Proposal) -> dict:
    return proposal.settings["data"]


def doubts(proposal: Proposal) -> str:
    return " ".join(proposal.doubts)


def test_a_plain_long_file(daily, propose, tmp_path):
    proposal = propose(daily(), tmp_path)
    data = data_of(proposal)
    assert data["date"] == "date"
    assert data["quantity"] == "units"
    assert data["keys"] == ["store", "item"]
    assert data["layout"] == "long"
    assert data["frequency"] == "D"
    assert data["absent"] == "zero"
    assert data["country"] is None
    assert data["date_format"] == "%Y-%m-%d"
    assert (data["separator"], data["decimal"], data["encoding"]) == (",", ".", "utf-8")
    assert proposal.settings["horizon"] == 28
    assert proposal.settings["levels"] == [["store"], ["item"]]
    assert proposal.doubts == ()
    assert data["sales"] == str(tmp_path / "sales.csv")
    assert all(reason.why for reason in proposal.reasons)


@pytest.mark.parametrize("name", ["sales.parquet", "sales.csv"])
def test_columns_of_every_kind(daily, propose, tmp_path, name):
    frame = daily().with_columns(
        (pl.col("units") % 5 * 0.5 + 1).alias("unit_price"),
        (pl.col("date").dt.day() < 8).cast(pl.Int8).alias("on_promo"),
        (pl.col("units") == 23).cast(pl.Int8).alias("out_of_stock"),
        (pl.col("date").dt.weekday() < 7).cast(pl.Int8).alias("is_open"),
        (pl.col("date").dt.month() == 7).cast(pl.Int8).alias("school_holiday"),
        (pl.col("units") * 3 + 5).alias("customers"),
        pl.col("date").dt.weekday().alias("day_of_week"),
        pl.col("item").replace_strict({"I0": "food", "I1": "food", "I2": "toys", "I3": "toys"}).alias("category"),
        pl.lit("x").alias("source"),
    )
    frame = frame.with_columns((pl.col("units") * pl.col("unit_price")).alias("paid"))
    proposal = propose(frame, tmp_path, name)
    data = data_of(proposal)
    assert data["price"] == "unit_price"
    assert data["promotion"] == "on_promo"
    assert data["stocked_out"] == "out_of_stock"
    assert data["open"] == "is_open"
    assert data["known_ahead"] == ["school_holiday"]
    assert data["attributes"] == ["category"]
    unused = {reason.conclusion: reason.why for reason in proposal.reasons if reason.setting == "(not used)"}
    assert set(unused) == {"customers", "day_of_week", "source", "paid"}
    assert "known only after the sale" in unused["customers"]
    assert "quantity times price" in unused["paid"]
    assert "follows from the date" in unused["day_of_week"]
    assert "school_holiday" in doubts(proposal)
    assert proposal.settings["levels"] == [["store"], ["category"], ["store", "category"], ["item"]]


def test_every_column_is_accounted_for(daily, propose, tmp_path):
    frame = daily().with_columns(pl.col("units").reverse().alias("mystery"), pl.lit(None).alias("blank"))
    proposal = propose(frame, tmp_path, overrides={"quantity": "units"})
    reasons = " ".join(f"{reason.conclusion} {reason.why}" for reason in proposal.reasons)
    assert all(column in reasons for column in frame.columns)


def test_a_german_file(daily, tmp_path):
    frame = daily(days=60).select(
        pl.col("date").dt.to_string("%d.%m.%Y").alias("Datum"),
        pl.col("store").alias("Filiale"),
        pl.col("item").alias("Artikel"),
        pl.concat_str(pl.col("units"), pl.lit(",5")).alias("Menge"),
        pl.concat_str(pl.lit("1."), 100 + pl.col("units"), pl.lit(",90")).alias("Stückpreis"),
        pl.when(pl.col("units") > 20).then(pl.lit("ja")).otherwise(pl.lit("nein")).alias("Aktion"),
    )
    text = frame.write_csv(separator=";")
    (tmp_path / "absatz.csv").write_bytes(text.encode("cp1252"))
    proposal = infer("absatz.csv", tmp_path)
    data = data_of(proposal)
    assert (data["separator"], data["decimal"], data["encoding"]) == (";", ",", "cp1252")
    assert (data["date"], data["date_format"]) == ("Datum", "%d.%m.%Y")
    assert (data["quantity"], data["price"], data["promotion"]) == ("Menge", "Stückpreis", "Aktion")
    assert data["keys"] == ["Filiale", "Artikel"]
    assert data["country"] is None
    country = next(reason for reason in proposal.reasons if reason.setting == "data.country")
    assert "German" in country.why
    assert "Windows-1252" in doubts(proposal)
    parse_settings(proposal.settings)


@pytest.mark.parametrize(("step", "days", "each", "horizon"), [(1, 200, "D", 28), (7, 104, "W", 13), (7, 30, "W", 6)])
def test_days_and_weeks(daily, propose, tmp_path, step, days, each, horizon):
    proposal = propose(daily(step=step, days=days), tmp_path)
    assert (data_of(proposal)["frequency"], proposal.settings["horizon"]) == (each, horizon)


def test_months(propose, tmp_path):
    months = pl.date_range(date(2018, 1, 1), date(2023, 12, 1), "1mo", eager=True).alias("month")
    frame = pl.DataFrame({"item": ["a", "b"]}).join(months.to_frame(), how="cross").with_row_index("qty")
    for text in ("%Y-%m", "%Y-%m-%d", "%m/%Y"):
        proposal = propose(frame.with_columns(pl.col("month").dt.to_string(text)), tmp_path)
        assert data_of(proposal)["date_format"] == text
        assert (data_of(proposal)["frequency"], proposal.settings["horizon"]) == ("M", 12)


def test_day_first_and_month_first(daily, propose, tmp_path):
    frame = daily(days=100)
    for text in ("%d/%m/%Y", "%m/%d/%Y"):
        proposal = propose(frame.with_columns(pl.col("date").dt.to_string(text)), tmp_path)
        assert data_of(proposal)["date_format"] == text
        assert not proposal.doubts
    # Until the 12th both read every date; only daily spacing tells, and the doubt is said.
    for text in ("%d/%m/%Y", "%m/%d/%Y"):
        proposal = propose(
            daily(days=12, first=date(2024, 5, 1)).with_columns(pl.col("date").dt.to_string(text)), tmp_path
        )
        assert data_of(proposal)["date_format"] == text
        assert "--date-format" in doubts(proposal)


def test_missing_days_beside_zeros_are_unknown(daily, propose, tmp_path):
    frame = daily().with_columns(pl.when(pl.col("units") > 20).then(0).otherwise("units").alias("units"))
    holed = frame.filter(pl.col("date").dt.day() != 13)
    assert data_of(propose(holed, tmp_path))["absent"] == "unknown"


def test_missing_days_without_zeros_are_zeros(daily, propose, tmp_path):
    assert data_of(propose(daily().filter(pl.col("units") > 10), tmp_path))["absent"] == "zero"


def test_a_weekday_without_rows_is_closed(daily, propose, tmp_path):
    proposal = propose(daily().filter(pl.col("date").dt.weekday() != 7), tmp_path)
    assert data_of(proposal)["absent"] == "unknown"
    assert "Sunday" in next(reason.why for reason in proposal.reasons if reason.setting == "data.absent")


def test_sparse_sales_closed_on_sundays_stay_zero_with_a_doubt(daily, propose, tmp_path):
    sparse = daily().filter((pl.col("date").dt.weekday() != 7) & (pl.col("units") > 12))
    proposal = propose(sparse, tmp_path)
    assert data_of(proposal)["absent"] == "zero"
    assert "Sunday" in doubts(proposal)


def test_units_are_preferred_to_sales_and_money(daily, propose, tmp_path):
    frame = daily().with_columns((pl.col("units") * 2.5).alias("sales"), (pl.col("units") * 2.5).alias("revenue"))
    assert data_of(propose(frame, tmp_path))["quantity"] == "units"


def test_only_money_is_taken_with_a_doubt(daily, propose, tmp_path):
    proposal = propose(daily().rename({"units": "turnover"}), tmp_path)
    assert data_of(proposal)["quantity"] == "turnover"
    assert "money" in doubts(proposal)


def test_one_nameless_number_is_taken_with_a_doubt(daily, propose, tmp_path):
    proposal = propose(daily().rename({"units": "foo"}), tmp_path)
    assert data_of(proposal)["quantity"] == "foo"
    assert "foo" in doubts(proposal)


def test_two_nameless_numbers_are_not_guessed(daily, propose, tmp_path):
    frame = (
        daily()
        .with_columns((pl.col("units") * 1.5 + 0.25).alias("bar"), (pl.col("units") * 1.25).alias("foo"))
        .drop("units")
    )
    with pytest.raises(UsageError, match=r"foo.*--quantity"):
        propose(frame, tmp_path)
    assert data_of(propose(frame, tmp_path, overrides={"quantity": "foo"}))["quantity"] == "foo"


def test_no_date_names_the_columns(daily, propose, tmp_path):
    with pytest.raises(UsageError, match=r"store \(text\), item \(text\), units \(number\).*--date"):
        propose(daily(days=1).drop("date"), tmp_path)


def test_two_dates_are_a_doubt(daily, propose, tmp_path):
    frame = daily().with_columns(pl.col("date").dt.offset_by("3d").alias("delivery"))
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["date"] == "date"
    assert "delivery" in doubts(proposal)
    assert data_of(propose(frame, tmp_path, overrides={"date": "delivery"}))["date"] == "delivery"


def test_overrides_are_taken_as_said(daily, propose, tmp_path):
    frame = daily().with_columns(pl.col("units").alias("sold"), (pl.col("units") % 2).alias("flag"))
    overrides = {
        "quantity": "sold", "keys": "item, store", "promotion": "flag", "frequency": "D", "absent": "unknown",
        "country": "FR", "horizon": 14,
    }  # fmt: skip
    proposal = propose(frame, tmp_path, overrides=overrides)
    data = data_of(proposal)
    assert (data["quantity"], data["keys"], data["promotion"]) == ("sold", ["item", "store"], "flag")
    assert (data["absent"], data["country"], proposal.settings["horizon"]) == ("unknown", "FR", 14)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"date": "nope"}, "has no column nope. It has store, item, date, units"),
        ({"keys": ["store", "nix"]}, "no column nix"),
        ({"date": "store"}, "not recognised as dates: S0"),
        ({"quantity": "store"}, "not numbers"),
        ({"colour": "red"}, "'colour' cannot be set"),
    ],
)
def test_overrides_that_do_not_fit(daily, propose, tmp_path, overrides, message):
    with pytest.raises(UsageError, match=message):
        propose(daily(), tmp_path, overrides=overrides)


def test_a_yearless_number_is_no_date(daily, propose, tmp_path):
    frame = daily().with_columns((pl.col("units") * 10_000 + 20_000_000).alias("code"))
    assert data_of(propose(frame, tmp_path))["date"] == "date"


def test_dates_as_numbers(daily, propose, tmp_path):
    frame = daily().with_columns(pl.col("date").dt.to_string("%Y%m%d").cast(pl.Int64))
    for name in ("sales.csv", "sales.parquet"):
        data = data_of(propose(frame, tmp_path, name))
        assert (data["date"], data["date_format"]) == ("date", "%Y%m%d")


def test_a_country_column_of_one_value(daily, propose, tmp_path):
    assert data_of(propose(daily().with_columns(pl.lit("AT").alias("country")), tmp_path))["country"] == "AT"


@pytest.mark.parametrize(("column", "doubtful"), [("land", True), ("country", False)])
def test_a_country_that_may_be_a_state_is_a_doubt(daily, propose, tmp_path, column, doubtful):
    proposal = propose(daily().with_columns(pl.lit("BE").alias(column)), tmp_path)
    assert data_of(proposal)["country"] == "BE"
    assert ("say --country" in doubts(proposal)) == doubtful


def test_an_opposite_flag_is_not_used(daily, propose, tmp_path):
    proposal = propose(daily().with_columns((pl.col("units") % 2).alias("in_stock")), tmp_path)
    assert "stocked_out" not in data_of(proposal)
    assert "in_stock is the opposite" in doubts(proposal)


@pytest.mark.parametrize(("transactions", "form"), [(False, "csv"), (True, "parquet")])
def test_the_sample_retailer_is_understood_as_it_was_made(tmp_path, transactions, form):
    from foresell.synth.retailer import make_retailer

    sample = make_retailer(tmp_path, stores=4, items=20, days=400, transactions=transactions, format=form)
    data = infer(str(tmp_path)).settings["data"]
    given = sample.settings["data"]
    roles = ("keys", "date", "quantity", "price", "promotion", "stocked_out", "layout", "absent", "frequency")
    given = {"frequency": "D"} | given
    named = [role for role in roles if role in given]
    assert {role: data[role] for role in named} == {role: given[role] for role in named}
    assert data["future"] == str(tmp_path / given["future"])
    for table in ("items", "stores", "calendar"):
        assert data[table]["path"] == str(tmp_path / given[table]["path"])
    assert data["calendar"]["events"] == given["calendar"]["events"]


def test_the_sample_order_book_is_taken_by_month(tmp_path):
    from foresell.synth import make_manufacturer

    sample = make_manufacturer(tmp_path, customers=10, products=40)
    proposal = infer(str(tmp_path))
    data, given = proposal.settings["data"], sample.settings["data"]
    assert {role: data[role] for role in ("keys", "date", "quantity", "layout", "frequency")} == {
        role: given[role] for role in ("keys", "date", "quantity", "layout", "frequency")
    }
    assert data["prices"] == {**given["prices"], "path": str(tmp_path / given["prices"]["path"])}
    assert proposal.settings["horizon"] == 9  # three backtests of nine months in four years
    reason = next(each for each in proposal.reasons if each.setting == "data.frequency")
    assert "of the days and in" in reason.why
    assert data_of(infer(str(tmp_path), overrides={"frequency": "D"}))["frequency"] == "D"


@pytest.mark.skipif(not (SHARED / "m5").is_dir(), reason="the M5 files are not at ../shared/data/m5")
def test_the_m5_file_is_understood_without_its_preset():
    proposal = infer("sales_train_evaluation.csv.gz", SHARED / "m5")
    data = data_of(proposal)
    parse_settings(proposal.settings)
    assert (data["layout"], data["keys"]) == ("wide", ["item_id", "store_id"])
    assert data["attributes"] == ["dept_id", "cat_id", "state_id"]
    assert (data["prices"]["price"], data["prices"]["week"]) == ("sell_price", "wm_yr_wk")
    assert data["calendar"]["day"] == "d"
    assert data["calendar"]["flags"]["snap"]["columns"] == {"CA": "snap_CA", "TX": "snap_TX", "WI": "snap_WI"}
    assert data["country"] == "US"
    assert "--preset m5" in doubts(proposal)


@pytest.mark.skipif(not (SHARED / "rossmann").is_dir(), reason="the Rossmann file is not at ../shared/data/rossmann")
def test_the_rossmann_file_is_understood_without_its_preset():
    data = data_of(infer("rossmann.parquet", SHARED / "rossmann"))
    assert (data["date"], data["quantity"], data["keys"]) == ("Date", "Sales", ["Store"])
    assert (data["promotion"], data["open"], data["absent"]) == ("Promo", "Open", "unknown")
    assert data["known_ahead"] == ["StateHoliday", "SchoolHoliday"]
    assert {"StoreType", "Assortment", "CompetitionDistance", "Promo2"} <= set(data["attributes"])
