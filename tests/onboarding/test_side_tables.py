"""Tables beside the sales: which are proposed, as what, and which are left out with a word."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.onboarding.roles import infer

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(200)]


def sales_frame() -> pl.DataFrame:
    keys = pl.DataFrame({"store": ["north", "south", "west"]}).join(
        pl.DataFrame({"item": ["a", "b", "c", "d"]}), how="cross"
    )
    frame = keys.join(pl.DataFrame({"date": DAYS}), how="cross").with_row_index("n")
    return frame.with_columns(units=pl.col("n") % 9 + 1, promotion=(pl.col("n") % 11 == 0).cast(pl.Int8)).drop("n")


@pytest.fixture
def folder(tmp_path) -> Path:
    sales_frame().write_csv(tmp_path / "sales.csv")
    return tmp_path


def settings_of(folder: Path):
    proposal = infer("sales.csv", folder)
    return parse_settings(proposal.settings), " ".join(proposal.doubts)


def test_items_and_stores_join_the_levels(folder):
    pl.DataFrame({"item": list("abcd"), "category": ["food", "food", "toys", "toys"]}).write_csv(
        folder / "products.csv"
    )
    pl.DataFrame({"store": ["north", "south", "west"], "region": ["N", "S", "S"]}).write_parquet(
        folder / "shops.parquet"
    )
    settings, _ = settings_of(folder)
    assert (settings.data.items.path, settings.data.items.keys) == (str(folder / "products.csv"), ("item",))
    assert (settings.data.stores.path, settings.data.stores.keys) == (str(folder / "shops.parquet"), ("store",))
    assert settings.levels == (("region",), ("store",), ("category",), ("store", "category"), ("item",))


def test_attributes_that_the_sales_have_too_are_not_taken_twice(folder):
    sales_frame().with_columns(
        pl.col("item").is_in(["a", "b"]).replace_strict({True: "food", False: "toys"}).alias("category")
    ).write_csv(folder / "sales.csv")
    pl.DataFrame({"item": list("abcd"), "category": ["food", "food", "toys", "toys"], "brand": list("xyxy")}).write_csv(
        folder / "items.csv"
    )
    settings, _ = settings_of(folder)
    assert settings.data.attributes == ("category",)
    assert settings.data.items.columns == ("brand",)


def test_prices_by_date(folder):
    prices = sales_frame().select("store", "item", "date", price=pl.col("units") / 4 + 1)
    prices.write_csv(folder / "prices.csv")
    settings, _ = settings_of(folder)
    assert settings.data.prices.keys == ("store", "item")
    assert (settings.data.prices.price, settings.data.prices.date, settings.data.prices.week) == ("price", "date", None)


def test_prices_by_a_week_that_nothing_explains_are_left_out(folder):
    frame = pl.DataFrame({"item": list("abcd")}).join(pl.DataFrame({"wk": [901, 902, 903]}), how="cross")
    frame.with_columns(price=pl.col("wk") / 100).write_csv(folder / "prices.csv")
    settings, doubts = settings_of(folder)
    assert settings.data.prices is None
    assert "prices.csv holds prices, but neither a date nor a week" in doubts


def test_a_future_table(folder):
    sales_frame().with_columns(pl.col("date").dt.offset_by("200d")).drop("units").write_csv(folder / "future.csv")
    settings, _ = settings_of(folder)
    assert settings.data.future == str(folder / "future.csv")


def test_a_calendar_with_events_and_flags(folder):
    pl.DataFrame({"date": DAYS}).with_columns(
        event=pl.when(pl.col("date").dt.day() == 1).then(pl.lit("market")),
        event_type=pl.when(pl.col("date").dt.day() == 1).then(pl.lit("local")),
        payday_north=(pl.col("date").dt.day() == 15).cast(pl.Int8),
        payday_south=(pl.col("date").dt.day() == 20).cast(pl.Int8),
    ).write_csv(folder / "calendar.csv")
    settings, _ = settings_of(folder)
    assert settings.data.calendar.date == "date"
    assert settings.data.calendar.events == ("event",)
    flag = settings.data.calendar.flags["payday"]
    assert (flag.by, flag.columns) == ("store", {"north": "payday_north", "south": "payday_south"})


def test_dates_written_otherwise_beside_the_sales_leave_the_format_open(folder):
    sales_frame().with_columns(pl.col("date").dt.to_string("%d.%m.%Y")).write_csv(folder / "sales.csv")
    settings, _ = settings_of(folder)
    assert settings.data.date_format == "%d.%m.%Y"
    pl.DataFrame({"date": DAYS}).with_columns(event=pl.lit("market")).write_csv(folder / "calendar.csv")
    settings, _ = settings_of(folder)
    assert settings.data.calendar is not None
    assert settings.data.date_format is None


def test_a_table_of_few_items_is_none_of_items(folder):
    pl.DataFrame({"item": ["a"], "from": ["2024-02-01"], "discount": [0.2]}).write_csv(folder / "campaigns.csv")
    settings, doubts = settings_of(folder)
    assert settings.data.items is None
    assert "campaigns.csv has rows for 1 of the 4 values of item that were looked at" in doubts


def test_what_has_nothing_in_common_is_left_alone(folder):
    pl.DataFrame({"employee": ["x"], "wage": [1]}).write_csv(folder / "staff.csv")
    (folder / "broken.csv").write_bytes(b"\x00\x01\x02")
    (folder / "notes.md").write_text("hello")
    settings, doubts = settings_of(folder)
    assert (settings.data.items, settings.data.stores, settings.data.calendar) == (None, None, None)
    assert "broken.csv, beside the sales, was left out" in doubts


def test_a_second_table_of_items_is_said(folder):
    for name, column in (("items.csv", "brand"), ("more_items.csv", "colour")):
        pl.DataFrame({"item": list("abcd"), column: list("xyxy")}).write_csv(folder / name)
    settings, doubts = settings_of(folder)
    assert settings.data.items.path == str(folder / "items.csv")
    assert "more_items.csv" in doubts


def test_a_price_list_is_preferred_to_the_prices_of_transaction_lines(folder):
    lines = sales_frame().with_columns(unit_price=pl.col("units") / 8 + 1, receipt_no=pl.lit("R") + pl.col("item"))
    pl.concat([lines, lines]).write_csv(folder / "sales.csv")
    sales_frame().select("store", "item", "date", price=pl.col("units") / 4 + 1).write_csv(folder / "prices.csv")
    settings, _ = settings_of(folder)
    assert (settings.data.layout, settings.data.price) == ("transactions", None)
    assert (settings.data.prices.price, settings.data.prices.date) == ("price", "date")
