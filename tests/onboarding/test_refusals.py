"""Tables that are refused, and what the refusals advise."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales
from foresell.onboarding.roles import infer

DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def read(folder: Path, text: str, name: str = "sales.csv", **overrides) -> ValidatedSales:
    (folder / name).write_text(text)
    proposal = infer(name, folder, overrides=overrides)
    return read_sales(parse_settings({**proposal.settings, "horizon": 1}), folder)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Month,2021,2022,2023", *(f"{month},1,2,3" for month in MONTHS)],
         "a row for each year and a column for each month"),
        (["Item," + ",".join(f"2023-{m:02d} Qty,2023-{m:02d} Value" for m in range(1, 13)), "A" + ",1" * 24],
         "Keep one measure, the units sold, and name its columns by their dates alone, such as '2023-01'"),
        (["date,item,qty"], "has column names .* and no rows"),
        (["date,item,qty", *(f"{day},A," for day in DAYS)], "Formulas of a workbook have values only after"),
        (["receipt,date,item,price", *(f"{n // 2},{day},A,2.5" for n, day in enumerate(DAYS))],
         "if each row is one unit sold, add a column 'quantity'"),
        (["date,store,Tea,Milk", *(f"{day},{store},{day[-2:]},2{day[-1]}" for day in DAYS for store in "AB")],
         "with one row for each date and series"),
    ],
)  # fmt: skip
def test_the_refusal_says_what_to_do(tmp_path, lines, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, "\n".join(lines) + "\n")


def test_the_layout_that_the_refusal_of_months_by_years_names_works(tmp_path):
    rows = [f"{year},{','.join(map(str, range(1, 13)))}" for year in (2021, 2022, 2023)]
    assert read(tmp_path, "\n".join(["year," + ",".join(MONTHS), *rows]) + "\n").panel.n_days == 36


def test_rows_that_end_before_their_last_empty_fields_are_read(tmp_path):
    rows = [f"{day},{item},{number}{',1' if number % 9 == 0 else ''}" for number, (day, item) in
            enumerate((day, item) for day in DAYS for item in "AB")]  # fmt: skip
    sales = read(tmp_path, "date,item,qty,promo\n" + "\n".join(rows) + "\n")
    assert sales.quarantine.is_empty()
    assert sales.panel.units.sum() == sum(range(60))


def test_columns_without_a_name_are_no_series(tmp_path):
    rows = [f"{day},,{number},,{number + 1},,{number + 2}," for number, day in enumerate(DAYS)]
    sales = read(tmp_path, "date,,Tea,,Milk,,Salt,\n" + "\n".join(rows) + "\n")
    assert sales.panel.series["item"].to_list() == ["Milk", "Salt", "Tea"]


def test_files_of_a_folder_may_differ_in_their_separators(tmp_path):
    folder = tmp_path / "sales"
    folder.mkdir()
    for name, days, sign in (("a.csv", DAYS[:15], ","), ("b.csv", DAYS[15:], ";")):
        lines = [sign.join(["date", "item", "qty"]), *(sign.join([day, item, "2"]) for day in days for item in "AB")]
        (folder / name).write_text("\n".join(lines) + "\n")
    settings = parse_settings({**infer("sales", tmp_path).settings, "horizon": 1})
    assert read_sales(settings, tmp_path).panel.units.sum() == 120


@pytest.mark.parametrize(("written", "named"), [("0{:02d}.{}", "Period"), ("{:02d}.{}", "Monat"), ("{}.{}", "month")])
def test_months_that_look_like_numbers(tmp_path, written, named):
    years = (2022, 2023) if named != "Monat" else (22, 23)
    rows = [f"{written.format(month, year)},{item},5" for year in years for month in range(1, 13) for item in "AB"]
    panel = read(tmp_path, f"{named},item,qty\n" + "\n".join(rows) + "\n").panel
    assert (str(panel.dates[0]), str(panel.cutoff), str(panel.frequency)) == ("2022-01-01", "2023-12-01", "M")


def test_polish_names_and_codes_with_points(tmp_path):
    rows = [f"{day},{item},{number + 0.5},3" for day in DAYS for number, item in enumerate(["1.1", "1.2", "2.5"])]
    (tmp_path / "sales.csv").write_text("Data,Towar,Wartość netto,Ilość\n" + "\n".join(rows) + "\n")
    data = infer("sales.csv", tmp_path).settings["data"]
    assert (data["quantity"], data["keys"]) == ("Ilość", ["Towar"])


def test_apostrophes_before_dates_and_codes_are_no_part_of_them(tmp_path):
    rows = [f"'{day},'{item},'4" for day in DAYS for item in ("00123", "0456")]
    panel = read(tmp_path, "date,item,qty\n" + "\n".join(rows) + "\n").panel
    assert panel.series["item"].to_list() == ["00123", "0456"]
    assert pl.Series(panel.units.sum(axis=1)).to_list() == [120, 120]


def test_lists_in_a_table_without_dates_are_refused_as_such(tmp_path):
    frame = pl.DataFrame({"item": ["A", "B"], "tags": [[1, 2], [3]], "2021": [1, 2], "2022": [3, 4]})
    frame.write_parquet(tmp_path / "sales.parquet")
    with pytest.raises(UsageError, match="looks like a date"):
        infer("sales.parquet", tmp_path)
