"""Which files of a folder hold the sales, and what `init` says of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fixtures.workbook import write_workbook

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer


def proposed(folder: Path, files: dict[str, pl.DataFrame], only: str = "") -> Proposal:
    for name, frame in files.items():
        frame.write_csv(folder / name)
    return infer(str(folder / only))


def sales_of(proposal: Proposal) -> str:
    return Path(proposal.settings["data"]["sales"]).name


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("sales", "purchases"),
        ("actual", "budget"),
        ("shop", "stock"),
        ("sales", "sales_forecast"),
        ("orders", "Summary"),
    ],
)
def test_files_of_other_things_are_left_out_and_named(daily, tmp_path, name, other):
    frame = daily(days=30)
    proposal = proposed(tmp_path, {f"{name}.csv": frame, f"{other}.csv": frame.with_columns(pl.col("units") + 1)})
    assert sales_of(proposal) == f"{name}.csv"
    assert f"'{other}.csv' could hold the sales as well" in " ".join(proposal.doubts)


def test_a_file_of_another_thing_beside_several_of_sales_is_refused_by_name(daily, tmp_path):
    frame = daily(days=30)
    with pytest.raises(UsageError, match=r"other files \('budget.csv'\)"):
        proposed(tmp_path, {"jan.csv": frame, "feb.csv": frame, "budget.csv": frame})


def test_sheets_of_other_things_are_left_out_and_named(daily, tmp_path):
    frame = daily(days=30)
    rows = [frame.columns, *map(list, frame.rows())]
    book = write_workbook(tmp_path / "book.xlsx", {"Budget": rows, "Actual": rows})
    proposal = infer(str(book))
    assert sales_of(proposal) == "Actual"
    assert "'Budget' could hold the sales as well" in " ".join(proposal.doubts)


def test_a_workbook_beside_a_text_file_is_named(daily, tmp_path):
    frame = daily(days=30)
    write_workbook(tmp_path / "jan.xlsx", {"Jan": [frame.columns, *map(list, frame.rows())]})
    proposal = proposed(tmp_path, {"feb.csv": frame})
    assert sales_of(proposal) == "feb.csv"
    assert "save them in one format" in " ".join(proposal.doubts)


def test_an_empty_file_is_left_out_and_named(daily, tmp_path):
    (tmp_path / "empty.csv").write_text("\n")
    proposal = proposed(tmp_path, {"a.csv": daily(days=30)})
    assert sales_of(proposal) == "a.csv"
    assert "empty.csv, beside the sales, was left out" in " ".join(proposal.doubts)


def test_a_file_that_nothing_uses_is_named(daily, tmp_path):
    proposal = proposed(
        tmp_path, {"sales.csv": daily(days=30), "notes.csv": pl.DataFrame({"made": [1], "by": ["Ann"]})}
    )
    assert ("(not used)", "notes.csv") in [reason[:2] for reason in proposal.reasons]


@pytest.mark.parametrize("name", ["quantity", "Units"])
def test_files_whose_columns_differ_in_a_name_are_refused_with_the_names(daily, tmp_path, name):
    frame = daily(days=30)
    with pytest.raises(UsageError, match=rf"'a.csv': units; 'b.csv': {name}"):
        proposed(tmp_path, {"a.csv": frame, "b.csv": frame.rename({"units": name})})


def wide(year: int) -> pl.DataFrame:
    months = {
        f"{year}-{month:02d}": [month + len(item) + year % 7 for item in ("Tea", "Coffee")] for month in range(1, 13)
    }
    return pl.DataFrame({"Item": ["Tea", "Coffee"], **months})


def test_wide_files_of_several_years_are_one_table(tmp_path):
    proposal = proposed(tmp_path, {"2022.csv": wide(2022), "2023.csv": wide(2023)})
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    expected = np.hstack([wide(year).sort("Item").drop("Item").to_numpy() for year in (2022, 2023)])
    assert (panel.series["Item"].to_list(), panel.units.tolist()) == (["Coffee", "Tea"], expected.tolist())


def test_a_wide_file_of_another_year_is_no_table_of_items(tmp_path):
    proposal = proposed(tmp_path, {"2022.csv": wide(2022), "2023.csv": wide(2023)}, only="2022.csv")
    assert "items" not in proposal.settings["data"]
    assert "2023.csv has columns that are named by dates" in " ".join(proposal.doubts)


def test_wide_files_that_disagree_on_a_date_have_bad_rows(tmp_path):
    again = wide(2022).with_columns(pl.lit(99, pl.Int64).alias("2022-03"))
    proposal = proposed(tmp_path, {"a.csv": wide(2022), "b.csv": again})
    settings = parse_settings({"data": {**proposal.settings["data"], "max_bad_share": 1.0}, "horizon": 1})
    sales = read_sales(settings, tmp_path)
    assert sales.quarantine.height == 4
    assert np.isnan(sales.panel.units[:, 2]).all()
    assert np.isnan(sales.panel.units).sum() == 2
