"""Small files whose columns a reader would know at a glance; each expectation is stated by hand."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.settings import parse_settings
from foresell.data.proposal import Proposal
from foresell.data.roles import infer

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def daily(
    stores: int = 3, items: int = 4, days: int = 200, first: date = date(2024, 1, 1), step: int = 1
) -> pl.DataFrame:
    """store, item, date, units: one row for each, none without sales; the units differ by all three."""
    return (
        pl.DataFrame({"store": [f"S{n}" for n in range(stores)]})
        .join(pl.DataFrame({"item": [f"I{n}" for n in range(items)]}), how="cross")
        .join(pl.DataFrame({"date": [first + timedelta(days=step * n) for n in range(days)]}), how="cross")
        .with_row_index("n")
        .with_columns((pl.col("n").cast(pl.Int64) * 7 % 23 + 1).alias("units"))
        .drop("n")
    )


def propose(frame: pl.DataFrame, tmp_path: Path, name: str = "sales.csv", **options) -> Proposal:
    """What is inferred of `frame`, written as a file of that name; the settings must be valid."""
    frame.write_parquet(tmp_path / name) if name.endswith("parquet") else frame.write_csv(tmp_path / name)
    proposal = infer(name, tmp_path, **options)
    parse_settings(proposal.settings)
    return proposal


def data_of(proposal: Proposal) -> dict:
    return proposal.settings["data"]


def doubts(proposal: Proposal) -> str:
    return " ".join(proposal.doubts)


def test_a_plain_long_file(tmp_path):
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
def test_columns_of_every_kind(tmp_path, name):
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


def test_every_column_is_accounted_for(tmp_path):
    frame = daily().with_columns(pl.col("units").reverse().alias("mystery"), pl.lit(None).alias("blank"))
    proposal = propose(frame, tmp_path, overrides={"quantity": "units"})
    said = " ".join(f"{reason.conclusion} {reason.why}" for reason in proposal.reasons)
    assert all(column in said for column in frame.columns)


def test_place_attributes_stand_before_item_attributes_in_the_levels(tmp_path):
    frame = daily(stores=6, items=4).with_columns(
        pl.when(pl.col("store").is_in(["S0", "S1"])).then(pl.lit("CA")).otherwise(pl.lit("TX")).alias("state"),
        pl.when(pl.col("item").is_in(["I0", "I1"])).then(pl.lit("food")).otherwise(pl.lit("toys")).alias("category"),
    )
    proposal = propose(frame, tmp_path)
    expected = [["state"], ["store"], ["category"], ["store", "category"], ["item"]]
    assert proposal.settings["levels"] == expected
    assert data_of(proposal)["country"] == "US"


def test_a_german_file(tmp_path):
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


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("fecha", "tienda", "producto", "cantidad"), ["tienda", "producto"]),
        (("Date", "StoreID", "SKU", "Qty"), ["StoreID", "SKU"]),
        (("date", "magasin", "article", "quantite"), ["magasin", "article"]),
        (("ds", "location", "unique_id", "y"), ["location", "unique_id"]),
    ],
)
def test_names_in_other_languages_and_cases(tmp_path, names, keys):
    frame = daily().select(
        pl.col("date").alias(names[0]),
        pl.col("store").alias(names[1]),
        pl.col("item").alias(names[2]),
        pl.col("units").alias(names[3]),
    )
    data = data_of(propose(frame, tmp_path))
    assert (data["date"], data["quantity"], data["keys"]) == (names[0], names[3], keys)


def test_a_code_stays_and_its_description_goes(tmp_path):
    frame = daily().with_columns(pl.concat_str(pl.lit("Item no. "), "item").alias("item_name"))
    data = data_of(propose(frame, tmp_path))
    assert data["keys"] == ["store", "item"]
    assert data["attributes"] == ["item_name"]


def test_numeric_keys_and_a_running_number(tmp_path):
    frame = daily().with_columns(
        pl.col("store").str.slice(1).cast(pl.Int64).alias("store_nbr"),
        pl.col("item").str.slice(1).cast(pl.Int64).alias("item_nbr"),
    )
    frame = frame.select("date", "store_nbr", "item_nbr", "units").with_row_index("id")
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["keys"] == ["store_nbr", "item_nbr"]
    assert data_of(proposal)["layout"] == "long"
    assert "id" in {reason.conclusion for reason in proposal.reasons if reason.setting == "(not used)"}


def test_keys_that_only_the_values_tell(tmp_path):
    frame = daily().rename({"store": "alpha", "item": "beta"})
    proposal = propose(frame, tmp_path)
    assert set(data_of(proposal)["keys"]) == {"alpha", "beta"}
    assert "alpha" in doubts(proposal)
    assert "--keys" in doubts(proposal)


def test_receipts_are_transactions(tmp_path):
    frame = daily(days=60)
    lines = pl.concat([frame, frame.with_columns(units=pl.lit(-1, pl.Int64))]).with_row_index("n")
    lines = lines.with_columns((pl.col("n") // 3 + 10_000).alias("receipt_no")).drop("n")
    data = data_of(propose(lines, tmp_path))
    assert data["layout"] == "transactions"
    assert data["keys"] == ["store", "item"]
    assert data["absent"] == "zero"


def test_repeated_rows_without_receipts_are_transactions(tmp_path):
    frame = daily(days=60)
    data = data_of(propose(pl.concat([frame, frame.with_columns(units=pl.lit(2, pl.Int64))]), tmp_path))
    assert (data["layout"], data["keys"]) == ("transactions", ["store", "item"])


def test_a_time_of_day_means_transactions(tmp_path):
    frame = daily(days=60).with_columns(pl.concat_str("date", pl.lit(" 10:30:00")).alias("date"))
    data = data_of(propose(frame, tmp_path))
    assert (data["layout"], data["date_format"]) == ("transactions", "%Y-%m-%d %H:%M:%S")


def test_a_few_repeated_rows_are_faults(tmp_path):
    frame = daily()
    proposal = propose(pl.concat([frame, frame.head(5)]), tmp_path)
    assert data_of(proposal)["layout"] == "long"
    assert "transactions" in doubts(proposal)


def test_an_order_book(tmp_path):
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


def test_customers_of_a_till_are_no_series(tmp_path):
    frame = daily(stores=300, items=2, days=10).rename(
        {"store": "CustomerID", "item": "StockCode", "units": "Quantity"}
    )
    lines = pl.concat([frame, frame]).with_row_index("n").with_columns((pl.col("n") // 2).alias("InvoiceNo")).drop("n")
    proposal = propose(lines, tmp_path)
    assert data_of(proposal)["keys"] == ["StockCode"]
    assert "CustomerID has 300 values" in doubts(proposal)


@pytest.mark.parametrize(("step", "days", "each", "horizon"), [(1, 200, "D", 28), (7, 104, "W", 13), (7, 30, "W", 6)])
def test_days_and_weeks(tmp_path, step, days, each, horizon):
    proposal = propose(daily(step=step, days=days), tmp_path)
    assert (data_of(proposal)["frequency"], proposal.settings["horizon"]) == (each, horizon)


def test_months(tmp_path):
    months = pl.date_range(date(2018, 1, 1), date(2023, 12, 1), "1mo", eager=True).alias("month")
    frame = pl.DataFrame({"item": ["a", "b"]}).join(months.to_frame(), how="cross").with_row_index("qty")
    for text in ("%Y-%m", "%Y-%m-%d", "%m/%Y"):
        proposal = propose(frame.with_columns(pl.col("month").dt.to_string(text)), tmp_path)
        assert data_of(proposal)["date_format"] == text
        assert (data_of(proposal)["frequency"], proposal.settings["horizon"]) == ("M", 12)


def test_day_first_and_month_first(tmp_path):
    frame = daily(days=100)
    for text in ("%d/%m/%Y", "%m/%d/%Y"):
        proposal = propose(frame.with_columns(pl.col("date").dt.to_string(text)), tmp_path)
        assert data_of(proposal)["date_format"] == text
        assert not proposal.doubts
    # Until the 12th both read every date; only daily spacing tells, and the doubt is said.
    for text in ("%d/%m/%Y", "%m/%d/%Y"):
        proposal = propose(daily(days=12).with_columns(pl.col("date").dt.to_string(text)), tmp_path)
        assert data_of(proposal)["date_format"] == text
        assert "date_format" in doubts(proposal)


def test_missing_days_beside_zeros_are_unknown(tmp_path):
    frame = daily().with_columns(pl.when(pl.col("units") > 20).then(0).otherwise("units").alias("units"))
    holed = frame.filter(pl.col("date").dt.day() != 13)
    assert data_of(propose(holed, tmp_path))["absent"] == "unknown"


def test_missing_days_without_zeros_are_zeros(tmp_path):
    assert data_of(propose(daily().filter(pl.col("units") > 10), tmp_path))["absent"] == "zero"


def test_a_weekday_without_rows_is_closed(tmp_path):
    proposal = propose(daily().filter(pl.col("date").dt.weekday() != 7), tmp_path)
    assert data_of(proposal)["absent"] == "unknown"
    assert "Sunday" in next(reason.why for reason in proposal.reasons if reason.setting == "data.absent")


def test_sparse_sales_closed_on_sundays_stay_zero_with_a_doubt(tmp_path):
    sparse = daily().filter((pl.col("date").dt.weekday() != 7) & (pl.col("units") > 12))
    proposal = propose(sparse, tmp_path)
    assert data_of(proposal)["absent"] == "zero"
    assert "Sunday" in doubts(proposal)


def test_units_are_preferred_to_sales_and_money(tmp_path):
    frame = daily().with_columns((pl.col("units") * 2.5).alias("sales"), (pl.col("units") * 2.5).alias("revenue"))
    assert data_of(propose(frame, tmp_path))["quantity"] == "units"


def test_only_money_is_taken_with_a_doubt(tmp_path):
    proposal = propose(daily().rename({"units": "turnover"}), tmp_path)
    assert data_of(proposal)["quantity"] == "turnover"
    assert "money" in doubts(proposal)


def test_one_nameless_number_is_taken_with_a_doubt(tmp_path):
    proposal = propose(daily().rename({"units": "foo"}), tmp_path)
    assert data_of(proposal)["quantity"] == "foo"
    assert "foo" in doubts(proposal)


def test_two_nameless_numbers_are_not_guessed(tmp_path):
    frame = (
        daily()
        .with_columns((pl.col("units") * 1.5 + 0.25).alias("bar"), (pl.col("units") * 1.25).alias("foo"))
        .drop("units")
    )
    with pytest.raises(UsageError, match=r"foo.*--quantity"):
        propose(frame, tmp_path)
    assert data_of(propose(frame, tmp_path, overrides={"quantity": "foo"}))["quantity"] == "foo"


def test_no_date_names_the_columns(tmp_path):
    with pytest.raises(UsageError, match=r"store \(text\), item \(text\), units \(number\).*--date"):
        propose(daily(days=1).drop("date"), tmp_path)


def test_two_dates_are_a_doubt(tmp_path):
    frame = daily().with_columns(pl.col("date").dt.offset_by("3d").alias("delivery"))
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["date"] == "date"
    assert "delivery" in doubts(proposal)
    assert data_of(propose(frame, tmp_path, overrides={"date": "delivery"}))["date"] == "delivery"


def test_a_single_series_needs_a_name(tmp_path):
    with pytest.raises(UsageError, match="one column of one value"):
        propose(daily(1, 1).select("date", "units"), tmp_path)
    assert data_of(propose(daily(1, 1).select("date", "item", "units"), tmp_path))["keys"] == ["item"]


def test_overrides_are_taken_as_said(tmp_path):
    frame = daily().with_columns(pl.col("units").alias("sold"), (pl.col("units") % 2).alias("flag"))
    said = {
        "quantity": "sold", "keys": "item, store", "promotion": "flag", "frequency": "D", "absent": "unknown",
        "country": "FR", "horizon": 14,
    }  # fmt: skip
    proposal = propose(frame, tmp_path, overrides=said)
    data = data_of(proposal)
    assert (data["quantity"], data["keys"], data["promotion"]) == ("sold", ["item", "store"], "flag")
    assert (data["absent"], data["country"], proposal.settings["horizon"]) == ("unknown", "FR", 14)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"date": "nope"}, "has no column nope. It has store, item, date, units"),
        ({"keys": ["store", "nix"]}, "no column nix"),
        ({"date": "store"}, "not recognised as dates: S0"),
        ({"quantity": "store"}, "not numbers"),
        ({"colour": "red"}, "'colour' cannot be set"),
    ],
)
def test_overrides_that_do_not_fit(tmp_path, said, message):
    with pytest.raises(UsageError, match=message):
        propose(daily(), tmp_path, overrides=said)


def test_gzip_glob_and_folder(tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    frame = daily()
    for number, store in enumerate(("S0", "S1", "S2")):
        part = frame.filter(pl.col("store") == store)
        (parts / f"sales_{number}.csv.gz").write_bytes(gzip.compress(part.write_csv().encode()))
    for path in ("parts", "parts/sales_*.csv.gz"):
        proposal = infer(path, tmp_path)
        assert data_of(proposal)["keys"] == ["store", "item"]
        assert data_of(proposal)["sales"] == str(tmp_path / path)


def test_a_folder_with_one_sales_file_among_others(tmp_path):
    daily().write_csv(tmp_path / "sales.csv")
    pl.DataFrame({"item": ["I0", "I1"], "category": ["food", "toys"]}).write_csv(tmp_path / "items.csv")
    data = data_of(infer(str(tmp_path)))
    assert data["sales"] == str(tmp_path / "sales.csv")
    assert data["items"]["path"] == str(tmp_path / "items.csv")


def test_of_two_kinds_what_is_called_sales_is_taken(tmp_path):
    (tmp_path / "sales").mkdir()
    (tmp_path / "truth").mkdir()
    frame = daily()
    for number, store in enumerate(("S0", "S1", "S2")):
        frame.filter(pl.col("store") == store).write_parquet(tmp_path / "sales" / f"part-{number}.parquet")
    frame.rename({"units": "demand"}).write_parquet(tmp_path / "truth" / "demand.parquet")
    pl.DataFrame({"item": ["I0", "I1", "I2", "I3"], "kind": list("xxyy")}).write_parquet(tmp_path / "items.parquet")
    (tmp_path / "future").mkdir()
    data = data_of(infer(str(tmp_path)))
    assert data["sales"] == str(tmp_path / "sales")
    assert data["items"]["path"] == str(tmp_path / "items.parquet")


def test_numbers_and_descriptions_are_no_levels(tmp_path):
    frame = daily(stores=4).with_columns(
        pl.col("store").replace_strict({"S0": 100, "S1": 100, "S2": 250, "S3": 250}).alias("area_m2"),
        pl.col("store").replace_strict({"S0": 1, "S1": 1, "S2": 2, "S3": 2}).alias("cluster"),
        pl.col("item").replace_strict({"I0": "a", "I1": "a", "I2": "b", "I3": "b"}).alias("item_text"),
    )
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["attributes"] == ["area_m2", "cluster", "item_text"]
    assert proposal.settings["levels"] == [["cluster"], ["store"], ["item"]]


def test_cancelled_rows_are_a_doubt(tmp_path):
    proposal = propose(daily().with_columns((pl.col("units") == 1).cast(pl.Int8).alias("cancelled")), tmp_path)
    assert "Rows that cancelled marks count as sold" in doubts(proposal)


def test_a_folder_with_two_kinds_of_sales_is_not_guessed(tmp_path):
    daily().write_csv(tmp_path / "a.csv")
    daily().rename({"units": "qty"}).write_csv(tmp_path / "b.csv")
    with pytest.raises(UsageError, match="more than one kind looks like the sales"):
        infer(str(tmp_path))


def test_a_file_sorted_by_store_is_looked_at_to_its_end(tmp_path, monkeypatch):
    # The first rows show one store only, and the file goes on past them.
    monkeypatch.setattr("foresell.data.peek.HEAD_ROWS", 300)
    monkeypatch.setattr("foresell.data.peek.look.__defaults__", (300, None))
    frame = daily(stores=4, items=3, days=250).with_columns(pl.col("store").replace({"S0": "A"}).alias("region"))
    for name in ("sales.csv", "sales.parquet"):
        data = data_of(propose(frame, tmp_path, name))
        assert data["keys"] == ["store", "item"]
        assert data["frequency"] == "D"


def test_a_file_sorted_by_date_is_looked_at_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("foresell.data.peek.look.__defaults__", (30, None))
    frame = daily(stores=4, items=3, days=250, step=7).sort("date")
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["frequency"] == "W"
    assert proposal.settings["horizon"] == 13


def test_empty_and_binary_files(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        infer("empty.csv", tmp_path)
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04" + bytes(range(1, 256)))
    with pytest.raises(UnreadableFile, match="Excel"):
        infer("book.csv", tmp_path)
    with pytest.raises(UnreadableFile, match=r"no file nowhere\.csv"):
        infer("nowhere.csv", tmp_path)


def test_a_file_in_a_bucket(s3_endpoint):
    from foresell.data.files import s3_options

    daily().write_parquet("s3://roles/sales.parquet", storage_options=s3_options())
    daily().write_csv("s3://roles/sales.csv", storage_options=s3_options())
    for name in ("sales.parquet", "sales.csv"):
        data = data_of(infer(f"s3://roles/{name}"))
        assert data["sales"] == f"s3://roles/{name}"
        assert (data["date"], data["quantity"], data["keys"]) == ("date", "units", ["store", "item"])


def test_a_yearless_number_is_no_date(tmp_path):
    frame = daily().with_columns((pl.col("units") * 10_000 + 20_000_000).alias("code"))
    assert data_of(propose(frame, tmp_path))["date"] == "date"


def test_dates_as_numbers(tmp_path):
    frame = daily().with_columns(pl.col("date").dt.to_string("%Y%m%d").cast(pl.Int64))
    for name in ("sales.csv", "sales.parquet"):
        data = data_of(propose(frame, tmp_path, name))
        assert (data["date"], data["date_format"]) == ("date", "%Y%m%d")


def test_a_country_column_of_one_value(tmp_path):
    assert data_of(propose(daily().with_columns(pl.lit("AT").alias("country")), tmp_path))["country"] == "AT"


def test_an_opposite_flag_is_not_used(tmp_path):
    proposal = propose(daily().with_columns((pl.col("units") % 2).alias("in_stock")), tmp_path)
    assert "stocked_out" not in data_of(proposal)
    assert "in_stock is the opposite" in doubts(proposal)


# -- wide -------------------------------------------------------------------------------------------------------


def wide_files(folder: Path) -> None:
    names = [f"d_{day}" for day in range(1, 101)]
    rows = [
        ("A", "x", "food"),
        ("A", "y", "food"),
        ("B", "x", "toys"),
        ("B", "y", "toys"),
        ("C", "x", "toys"),
        ("C", "y", "toys"),
    ]
    frame = pl.DataFrame(rows, schema=["item", "store", "kind"], orient="row").with_row_index("id")
    frame = frame.with_columns(pl.concat_str("item", pl.lit("_"), "store").alias("id"))
    frame.with_columns((pl.lit(place) % 5).alias(name) for place, name in enumerate(names)).write_csv(
        folder / "sales.csv"
    )
    days = pl.date_range(date(2024, 1, 1), date(2024, 4, 29), "1d", eager=True)
    calendar = pl.DataFrame({"date": days, "d": [f"d_{n}" for n in range(1, len(days) + 1)]})
    calendar.with_columns(
        week=pl.col("date").dt.week(), event=pl.when(pl.col("date").dt.day() == 1).then(pl.lit("first"))
    ).write_csv(folder / "calendar.csv")
    prices = pl.DataFrame({"item": ["A", "B", "C"]}).join(pl.DataFrame({"week": range(1, 18)}), how="cross")
    prices.with_columns(sell_price=pl.lit(1.5) + pl.col("week") / 8).write_csv(folder / "prices.csv")


def test_a_wide_file_with_calendar_and_prices(tmp_path):
    wide_files(tmp_path)
    proposal = infer("sales.csv", tmp_path)
    data = data_of(proposal)
    parse_settings(proposal.settings)
    assert (data["layout"], data["day_prefix"], data["keys"]) == ("wide", "d_", ["item", "store"])
    assert data["attributes"] == ["kind"]
    calendar = {"path": str(tmp_path / "calendar.csv"), "date": "date", "day": "d", "week": "week", "events": ["event"]}
    assert data["calendar"] == calendar
    expected = {"path": str(tmp_path / "prices.csv"), "keys": ["item"], "price": "sell_price", "week": "week"}
    assert data["prices"] == expected
    assert data["frequency"] == "D"
    assert proposal.settings["horizon"] == 20


def test_a_wide_file_without_a_calendar(tmp_path):
    wide_files(tmp_path)
    (tmp_path / "calendar.csv").unlink()
    with pytest.raises(UsageError, match="d_1 to d_100, but no table beside it"):
        infer("sales.csv", tmp_path)


@pytest.mark.parametrize("text", ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d"])
def test_a_column_for_each_date(tmp_path, text):
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(150)]
    frame = pl.DataFrame({"item": ["a", "b"], "kind": ["x", "y"], **{day.strftime(text): [1, 2] for day in days}})
    proposal = propose(frame, tmp_path)
    data = data_of(proposal)
    assert (data["layout"], data["day_prefix"], data["date_format"]) == ("wide", "", text)
    assert (data["keys"], data["frequency"], proposal.settings["horizon"]) == (["item"], "D", 28)


def test_a_column_for_each_month(tmp_path):
    months = pl.date_range(date(2019, 1, 1), date(2023, 12, 1), "1mo", eager=True).dt.to_string("%Y-%m")
    proposal = propose(pl.DataFrame({"sku": ["a", "b"], **{month: [1, 2] for month in months}}), tmp_path)
    data = data_of(proposal)
    assert (data["layout"], data["date_format"], data["frequency"]) == ("wide", "%Y-%m", "M")
    assert proposal.settings["horizon"] == 12


# -- the sample retailer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transactions", "form"), [(False, "csv"), (True, "parquet")])
def test_the_sample_retailer_is_understood_as_it_was_made(tmp_path, transactions, form):
    from foresell.data.sample.retailer import make_retailer

    made = make_retailer(tmp_path, stores=4, items=20, days=400, transactions=transactions, format=form)
    found = infer(str(tmp_path)).settings["data"]
    given = made.settings["data"]
    roles = ("keys", "date", "quantity", "price", "promotion", "stocked_out", "layout", "absent", "frequency")
    given = {"frequency": "D"} | given
    named = [role for role in roles if role in given]
    assert {role: found[role] for role in named} == {role: given[role] for role in named}
    assert found["future"] == str(tmp_path / given["future"])
    for table in ("items", "stores", "calendar"):
        assert found[table]["path"] == str(tmp_path / given[table]["path"])
    assert found["calendar"]["events"] == given["calendar"]["events"]


def test_the_sample_order_book_is_taken_by_month(tmp_path):
    from foresell.data.sample import make_manufacturer

    made = make_manufacturer(tmp_path, customers=6, products=20)
    proposal = infer(str(tmp_path))
    data, given = proposal.settings["data"], made.settings["data"]
    assert {role: data[role] for role in ("keys", "date", "quantity", "layout", "frequency")} == {
        role: given[role] for role in ("keys", "date", "quantity", "layout", "frequency")
    }
    assert data["prices"] == {**given["prices"], "path": str(tmp_path / given["prices"]["path"])}
    assert proposal.settings["horizon"] == 9  # three backtests of nine months in four years
    reason = next(each for each in proposal.reasons if each.setting == "data.frequency")
    assert "of the days and in" in reason.why
    assert data_of(infer(str(tmp_path), overrides={"frequency": "D"}))["frequency"] == "D"


# -- real files -------------------------------------------------------------------------------------------------


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
