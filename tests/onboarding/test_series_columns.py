"""Tables with a row for each date and a column for each series."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.onboarding.roles import infer

DAYS = [date(2024, 1, 1) + timedelta(day) for day in range(120)]


def pivot(*names: str, **more: object) -> pl.DataFrame:
    """Whole numbers that differ from column to column, by day."""
    units = {name: [(day * (place + 3)) % 11 for day in range(len(DAYS))] for place, name in enumerate(names)}
    return pl.DataFrame({"day": DAYS, **units, **more})


def settings_of(frame: pl.DataFrame, folder, **overrides: object) -> tuple[dict, str]:
    """The settings of `data` that are proposed for the table, and what is in doubt."""
    frame.write_csv(folder / "sales.csv")
    proposal = infer(str(folder / "sales.csv"), overrides=overrides)
    return proposal.settings["data"], " ".join(proposal.doubts)


def test_numbers_beside_dates_that_do_not_repeat_are_series(tmp_path):
    data, doubts = settings_of(pivot("A100", "A101", "A102"), tmp_path)
    assert data["layout"] == "columns"
    assert data["date"] == "day"
    assert data["keys"] == ["item"]
    assert "quantity" not in data
    assert "ignored_columns" not in data
    assert "--layout long" in doubts


def test_columns_called_stores_are_stores(tmp_path):
    data, _ = settings_of(pivot("store_1", "store_2", "store_3"), tmp_path)
    assert (data["layout"], data["keys"]) == ("columns", ["store"])


def test_the_sum_and_what_describes_the_day_are_no_series(tmp_path):
    frame = pivot("A100", "A101", "A102")
    frame = frame.with_columns(pl.sum_horizontal("A100", "A101", "A102").alias("All together"))
    frame = frame.with_columns((pl.col("day").dt.weekday() == 7).cast(pl.Int8).alias("holiday"))
    data, _ = settings_of(frame, tmp_path)
    assert data["layout"] == "columns"
    assert sorted(data["ignored_columns"]) == ["All together", "holiday"]


@pytest.mark.parametrize(
    "names",
    [
        ("units", "customers", "temperature"),  # one series and what goes with it
        ("y", "A100", "A101"),
        ("item", "units", "colour"),
    ],
)
def test_other_tables_are_none_of_these(tmp_path, names):
    assert settings_of(pivot(*names), tmp_path)[0]["layout"] != "columns"


def test_two_columns_may_be_anything(tmp_path):
    with pytest.raises(UsageError, match="--layout columns"):
        settings_of(pivot("A100", "A101"), tmp_path)


def test_what_the_user_says_goes_first(tmp_path):
    data, doubts = settings_of(pivot("A100", "A101"), tmp_path, layout="columns", keys="product")
    assert (data["layout"], data["keys"]) == ("columns", ["product"])
    assert "--layout" not in doubts
    data, _ = settings_of(pivot("A100", "A101", "A102"), tmp_path, layout="long", quantity="A101")
    assert (data["layout"], data["quantity"]) == ("long", "A101")


def test_a_layout_that_the_table_does_not_have_is_refused(tmp_path):
    frame = pl.concat([pivot("A100", "A101", "A102")] * 2)
    with pytest.raises(UsageError, match="do not repeat"):
        settings_of(frame, tmp_path, layout="columns")


def test_columns_with_one_name_are_refused(tmp_path):
    text = pivot("Tea", "Milk", "Cola").write_csv().replace("Cola", "Tea", 1)
    (tmp_path / "sales.csv").write_text(text)
    with pytest.raises(UnreadableFile, match="several columns have: Tea"):
        infer(str(tmp_path / "sales.csv"))


def test_a_column_without_a_name_is_no_series(tmp_path):
    data, _ = settings_of(pivot("", "A101", "A102", "A103"), tmp_path)
    assert data["ignored_columns"] == [""]
