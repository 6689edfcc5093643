"""Blanks below merged cells: which are filled down unasked, which are asked about, and that the reader agrees."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from fixtures.workbook import write_workbook

from foresell.core.errors import SettingsError, UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.outline import infer_outline
from foresell.onboarding.roles import infer

HEADER = ["store", "item", "day", "units"]
DAYS = [date(2023, 1, 1) + timedelta(days=day) for day in range(60)]


def full(days: list[date] = DAYS) -> list[list]:
    return [
        [store, item, day, (number * 7 + len(item) + int(store[1])) % 11]
        for store in ("S1", "S2")
        for item in ("A1", "A22", "A333")
        for number, day in enumerate(days)
    ]


def outline(rows: list[list], columns: int = 2) -> list[list]:
    """The rows without what the row before has, from the first of the `columns` that differs on."""
    blanked, above = [], [None] * columns
    for row in rows:
        differs = next((place for place in range(columns) if row[place] != above[place]), columns)
        blanked.append([None if place < differs else cell for place, cell in enumerate(row)])
        above = row[:columns]
    return blanked


def csv(rows: list[list]) -> str:
    return "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in [HEADER, *rows]) + "\n"


def units_by_series(proposal, base) -> dict:
    panel = read_sales(parse_settings(proposal.settings), base, today=date(2024, 1, 1)).panel
    keys = panel.series.select(panel.keys).rows()
    return dict(zip(keys, panel.units.sum(axis=1).tolist(), strict=True))


def expected(rows: list[list]) -> dict:
    table = pl.DataFrame(rows, schema=HEADER, orient="row").group_by("store", "item").agg(pl.col("units").sum())
    return {(store, item): float(units) for store, item, units in table.rows()}


@pytest.mark.parametrize("name", ["sales.csv", "sales.xlsx", "sales.parquet"])
def test_an_outline_is_filled_down_and_each_series_keeps_its_units(tmp_path, name):
    path, rows = tmp_path / name, outline(full())
    if name.endswith("csv"):
        path.write_text(csv(rows))
    elif name.endswith("xlsx"):
        write_workbook(path, {"Sales": [HEADER, *rows]})
    else:
        pl.DataFrame(rows, schema=HEADER, orient="row").write_parquet(path)
    proposal = infer(str(path))
    assert proposal.settings["data"]["fill_down"] == ["store", "item"]
    assert "day begins anew at each of their 6 values, and nowhere else" in {reason.why for reason in proposal.reasons}
    assert units_by_series(proposal, tmp_path) == expected(full())


def test_keys_that_stand_once_for_both_columns_are_filled_down(tmp_path):
    rows = [[*row[:2], *row[2:]] if number % 60 == 0 else [None, None, *row[2:]] for number, row in enumerate(full())]
    (tmp_path / "sales.csv").write_text(csv(rows))
    assert units_by_series(infer("sales.csv", tmp_path), tmp_path) == expected(full())


def test_rows_of_totals_are_no_part_of_an_outline(tmp_path):
    totals = [["Total", None, None, sum(row[3] for row in full())]]
    (tmp_path / "sales.csv").write_text(csv(outline(full()) + totals))
    proposal = infer("sales.csv", tmp_path)
    assert proposal.settings["data"]["fill_down"] == ["store", "item"]
    assert units_by_series(proposal, tmp_path) == expected(full())


def test_lists_are_no_outline():
    frame = pl.DataFrame({"day": ["2024-01-01", "2024-01-02", "2024-01-03"], "tags": [["a"], None, None]})
    assert infer_outline(frame).columns == ()


def test_dates_that_stand_once_for_all_keys_are_filled_down(tmp_path):
    rows = sorted(full(), key=lambda row: row[2])
    dated = outline([[row[2], row[0], row[1], row[3]] for row in rows], columns=1)
    (tmp_path / "sales.csv").write_text(csv([[row[1], row[2], row[0], row[3]] for row in dated]))
    proposal = infer("sales.csv", tmp_path)
    assert proposal.settings["data"]["fill_down"] == ["day"]
    assert units_by_series(proposal, tmp_path) == expected(full())


def test_blanks_that_show_no_pattern_are_asked_about_and_stay(tmp_path):
    rows = [[None if number % 3 == 1 else row[0], *row[1:]] for number, row in enumerate(full())]
    (tmp_path / "sales.csv").write_text(csv(rows))
    proposal = infer("sales.csv", tmp_path)
    assert "fill_down" not in proposal.settings["data"]
    assert any("33% of store is blank" in doubt and "--fill-down store" in doubt for doubt in proposal.doubts)
    chosen = infer("sales.csv", tmp_path, overrides={"fill_down": "store"})
    assert units_by_series(chosen, tmp_path) == expected(full())


def test_attributes_with_blanks_are_no_outline():
    rows = [[*row, "seasonal" if number % 60 == 0 and number < 100 else None] for number, row in enumerate(full())]
    assert (
        infer_outline(pl.DataFrame(rows, schema=[*HEADER, "remark"], orient="row").cast({"day": pl.String})).columns
        == ()
    )


def test_a_value_does_not_reach_into_the_next_file(tmp_path):
    half = [row for row in full() if row[0] == "S1"]
    (tmp_path / "a.csv").write_text(csv(outline(half)))
    (tmp_path / "b.csv").write_text(csv([[None, None, *row[2:]] for row in half[:5]] + outline(full()[180:])))
    tree = {"sales": "*.csv", "keys": ["store", "item"], "date": "day", "fill_down": ["store", "item"]}
    read = read_sales(
        parse_settings({"data": tree | {"max_bad_share": 0.1}, "horizon": 2}), tmp_path, today=date(2024, 1, 1)
    )
    assert read.quarantine["line"].to_list() == [2, 3, 4, 5, 6]
    assert read.panel.units.sum() == sum(row[3] for row in full())


def test_a_measure_cannot_be_filled_down(tmp_path):
    (tmp_path / "sales.csv").write_text(csv(full()))
    tree = {"sales": "sales.csv", "keys": ["store", "item"], "date": "day", "fill_down": ["units"]}
    with pytest.raises(SettingsError, match="'fill_down' names units, but only keys"):
        read_sales(parse_settings({"data": tree, "horizon": 2}), tmp_path)


def test_lists_are_no_blanks():
    frame = pl.DataFrame(
        {"item": ["a", None, None], "day": ["2024-01-01", "2024-01-02", "2024-01-03"], "tags": [["x"]] * 3}
    )
    assert infer_outline(frame).columns in ((), ("item",))


@pytest.mark.parametrize("overrides", [{}, {"fill_down": ["year"]}])
def test_a_year_that_stands_once_above_its_months_is_filled_down(tmp_path, overrides):
    months = [(year, month) for year in (2021, 2022) for month in range(1, 13)]
    rows = [f"{year if month == 1 else ''},{month},{year % 7 + month}" for year, month in months]
    (tmp_path / "sales.csv").write_text("\n".join(["year,month,qty", *rows]) + "\n")
    proposal = infer(str(tmp_path / "sales.csv"), overrides=overrides)
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.units[0].tolist() == [year % 7 + month for year, month in months]


def sections(names: list[str], units: str = "") -> list[str]:
    """Lines with a name in place of the date above the days of each series."""
    return [line for name in names for line in (f"{name},{units}", *(f"{day},5" for day in DAYS))]


@pytest.mark.parametrize("units", ["", "300"])
def test_names_in_rows_of_their_own_are_refused(tmp_path, units):
    (tmp_path / "sales.csv").write_text("\n".join(["date,qty", *sections(["Tea", "Coffee", "Milk"], units)]) + "\n")
    with pytest.raises(UsageError, match=r"3 rows with a text in place of a date \(Tea, Coffee, Milk\)"):
        infer(str(tmp_path / "sales.csv"))


def test_a_header_that_comes_again_names_no_series(tmp_path):
    (tmp_path / "sales.csv").write_text("\n".join(["date,qty", *sections(["date"] * 3, "qty")]) + "\n")
    assert infer(str(tmp_path / "sales.csv")).settings["data"]["date"] == "date"
