"""Files with a column for each day or month."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer


def data_of(proposal: Proposal) -> dict:
    return proposal.settings["data"]


def doubts(proposal: Proposal) -> str:
    return " ".join(proposal.doubts)


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
def test_a_column_for_each_date(propose, tmp_path, text):
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(150)]
    frame = pl.DataFrame({"item": ["a", "b"], "kind": ["x", "y"], **{day.strftime(text): [1, 2] for day in days}})
    proposal = propose(frame, tmp_path)
    data = data_of(proposal)
    assert (data["layout"], data["day_prefix"], data["date_format"]) == ("wide", "", text)
    assert (data["keys"], data["frequency"], proposal.settings["horizon"]) == (["item"], "D", 28)


def test_a_column_for_each_month(propose, tmp_path):
    months = pl.date_range(date(2019, 1, 1), date(2023, 12, 1), "1mo", eager=True).dt.to_string("%Y-%m")
    proposal = propose(pl.DataFrame({"sku": ["a", "b"], **{month: [1, 2] for month in months}}), tmp_path)
    data = data_of(proposal)
    assert (data["layout"], data["date_format"], data["frequency"]) == ("wide", "%Y-%m", "M")
    assert proposal.settings["horizon"] == 12


MONTHS = ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")


@pytest.mark.parametrize(
    ("heads", "date_format", "frequency"),
    [
        (
            [f"{month}-{year}" for year in (19, 20) for month in MONTHS],
            "%b-%y",
            "M",
        ),
        ([f"Q{quarter} {year}" for year in range(2015, 2020) for quarter in (1, 2, 3, 4)], "quarter", "Q"),
        ([str(year) for year in range(2000, 2024)], "year", "Y"),
        ([f"Sales 2023-{month:02d}" for month in range(1, 13)], "%Y-%m", "M"),
    ],
)
def test_columns_named_by_periods_without_their_totals(tmp_path, heads, date_format, frequency):
    items = pl.DataFrame({"item": ["a", "b"]}).with_columns(
        (pl.int_range(2) + 3 + place).alias(head) for place, head in enumerate(heads)
    )
    frame = pl.concat([items, items.select(pl.lit("Total").alias("item"), pl.col(heads).sum()).head(1)])
    frame.with_columns(pl.sum_horizontal(heads).alias("Total")).write_csv(tmp_path / "wide.csv")
    proposal = infer("wide.csv", tmp_path)
    data = data_of(proposal)
    assert (data["date_format"], data["frequency"], data["keys"]) == (date_format, frequency, ["item"])
    assert any(reason.conclusion == "Total" for reason in proposal.reasons)
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.units.sum() == items.select(pl.sum_horizontal(heads)).sum().item()


def test_a_row_for_each_month_and_a_column_for_each_year_is_refused(tmp_path):
    years = {str(year): range(12) for year in range(2015, 2024)}
    pl.DataFrame(
        {"month": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], **years}
    ).write_csv(tmp_path / "years.csv")
    with pytest.raises(UsageError, match="a row for each month"):
        infer("years.csv", tmp_path)


def test_months_named_after_a_word_are_the_columns_of_a_wide_table(tmp_path):
    months = [f"Units {month} {year}" for year in (2022, 2023) for month in ("Jan", "Feb", "Mar", "Apr")]
    (tmp_path / "sales.csv").write_text(f"item,{','.join(months)}\nA,1,2,3,4,5,6,7,8\nB,8,7,6,5,4,3,2,1\n")
    proposal = infer(str(tmp_path / "sales.csv"))
    assert proposal.settings["data"]["day_prefix"] == "Units "
    assert proposal.settings["data"]["date_format"] == "%b %Y"
