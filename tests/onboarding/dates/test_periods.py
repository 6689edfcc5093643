"""Dates and names of periods that no frequency has, and the table of periods that `init` writes for them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.errors import SettingsError, UsageError
from foresell.core.settings.reading import read_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding import settings_file
from foresell.onboarding.dates.periods import extended
from foresell.onboarding.roles import infer

FIRST = np.datetime64("2017-12-31")
WEEKS = np.tile([4, 4, 5], 24)
WEEKS[35] = 6  # the last period of the third year has the 53rd week
BEGINS = FIRST + 7 * np.append(0, np.cumsum(WEEKS))
NAMES = [f"P{number % 12 + 1:02d} FY{18 + number // 12}" for number in range(len(BEGINS))]
HALVES = [(year, half) for year in range(2012, 2023) for half in (1, 2)]


def sales(dates, column: str = "period") -> pl.DataFrame:
    """Two items on the dates or names, whose units differ."""
    texts = [str(text) for text in dates]
    return pl.DataFrame(
        {"item": ["a", "b"] * len(texts), column: np.repeat(texts, 2).tolist(), "units": range(1, 2 * len(texts) + 1)}
    )


def project(frame: pl.DataFrame, folder, **by_hand):
    """The settings that `init` writes for the sales, the panel that `check` reads by them, and the doubts."""
    frame.write_csv(folder / "sales.csv")
    proposal = infer("sales.csv", folder, None, by_hand)
    path = settings_file.write(proposal, folder / "shop", "sales.csv")
    settings = read_settings(path)
    return settings, read_sales(settings, path.parent).panel, " ".join(proposal.doubts)


@pytest.mark.parametrize(
    ("dates", "column", "which", "first"),
    [
        (BEGINS[1:61] - 1, "period_end", "last days of periods (the name says so)", BEGINS[0]),
        (BEGINS[:60], "week start", "first days of periods (the name says so)", BEGINS[0]),
        (BEGINS[1:61] - 1, "period", "last days of periods (they are Saturdays)", BEGINS[0]),
        (BEGINS[:60], "period", "first days of periods (they are Sundays)", BEGINS[0]),
        (FIRST + 28 * np.arange(60), "period", "first days", FIRST),
        (FIRST + 91 * np.arange(30), "period", "first days", FIRST),
        (FIRST + 14 * np.arange(60), "period", "first days", FIRST),
        (FIRST + 14 * np.arange(1, 60) - 1, "fortnight_ending", "last days", FIRST),
        (FIRST + 364 * np.arange(7), "period", "first days", FIRST),
        ([f"{year}-{6 * half - 5:02d}-01" for year, half in HALVES], "period", "first days", "2012-01-01"),
        ([f"{year}-{('06-30', '12-31')[half - 1]}" for year, half in HALVES], "period", "last days", "2012-01-01"),
        (np.arange("2015-01", "2022-01", 2, "datetime64[M]").astype("datetime64[D]"), "day", "first", "2015-01-01"),
    ],
)
def test_a_table_of_periods_is_written_for_dates_that_no_frequency_has(tmp_path, dates, column, which, first):
    frame = sales(dates, column)
    settings, panel, doubts = project(frame, tmp_path)
    assert settings.data.periods == "periods.csv"
    assert panel.units.sum() == frame["units"].sum()
    assert [str(day) for day in panel.dates[: panel.n_days]] == [str(day) for day in dates]
    assert which in doubts
    table = panel.frequency.table
    assert str(table.begins[0]) == str(first)
    assert len(table) == panel.n_days + settings.horizon + table.season


def test_periods_of_one_length_may_be_missing_in_the_sales(tmp_path):
    frame = sales(np.delete(FIRST + 28 * np.arange(60), [10, 30]))
    _, panel, _ = project(frame, tmp_path)
    assert (panel.n_days, panel.units.sum()) == (60, frame["units"].sum())


def test_the_rows_ahead_repeat_the_lengths_of_most_years():
    ahead = extended(PeriodTable(BEGINS[:61]), 12)
    assert (np.diff(ahead.begins[-13:]).astype(int) // 7).tolist() == [4, 4, 5] * 4


@pytest.mark.parametrize("written", ["{year}H{half}", "S{half} {year}", "{half}H{year}", "{year}-h{half}"])
def test_names_of_half_years_are_read(tmp_path, written):
    frame = sales([written.format(year=year, half=half) for year, half in HALVES])
    settings, panel, _ = project(frame, tmp_path)
    assert (settings.data.frequency, panel.frequency.season, panel.n_days) == ("Q", 2, 22)
    assert panel.units.sum() == frame["units"].sum()
    assert [str(day) for day in panel.dates[:3]] == ["2012-01-01", "2012-07-01", "2013-01-01"]


@pytest.mark.parametrize("text", ["{name}", "{number}", "{begin}"])
def test_a_table_of_the_user_gives_the_names_their_days(tmp_path, text):
    of = [{"name": name, "number": 1 + number, "begin": BEGINS[number]} for number, name in enumerate(NAMES)]
    names = [text.format(**parts) for parts in of] if text != "{begin}" else NAMES
    pl.DataFrame({"begin": BEGINS, "name": names}).write_csv(tmp_path / "calendar.csv", separator=";")
    frame = sales([text.format(**parts) for parts in of[:60]])
    settings, panel, doubts = project(frame, tmp_path, periods="calendar.csv")
    assert settings.data.periods == "../calendar.csv"
    assert panel.units.sum() == frame["units"].sum()
    assert panel.dates[:60].tolist() == BEGINS[:60].tolist()
    assert "periods" not in doubts


@pytest.mark.parametrize("by_hand", [{}, {"date": "fiscal year, period"}])
def test_a_year_and_a_number_in_two_columns_name_a_period(tmp_path, by_hand):
    parts = [(2018 + number // 13, 1 + number % 13) for number in range(70)]
    begins = FIRST + 28 * np.arange(len(parts))
    names = [f"{year} {number}" for year, number in parts]
    pl.DataFrame({"begin": begins, "name": names}).write_csv(tmp_path / "calendar.csv")
    frame = sales([year for year, _ in parts[:52]], "fiscal year").with_columns(
        period=pl.Series(np.repeat([number for _, number in parts[:52]], 2))
    )
    settings, panel, _ = project(frame, tmp_path, periods="calendar.csv", **by_hand)
    assert (settings.data.date, settings.data.keys) == (("fiscal year", "period"), ("item",))
    assert panel.units.sum() == frame["units"].sum()
    assert panel.dates[:52].tolist() == begins[:52].tolist()
    assert panel.frequency.season == 13


def test_names_of_periods_may_be_columns(tmp_path):
    pl.DataFrame({"begin": BEGINS, "name": NAMES}).write_csv(tmp_path / "calendar.csv")
    wide = pl.DataFrame(
        {"item": ["a", "b"]} | {name: [number + 1, number + 2] for number, name in enumerate(NAMES[:40])}
    )
    settings, panel, _ = project(wide, tmp_path, periods="calendar.csv")
    assert settings.data.layout == "wide"
    assert panel.units[0].tolist() == [float(number + 1) for number in range(40)]
    assert panel.dates[:40].tolist() == BEGINS[:40].tolist()


def test_periods_that_are_missing_in_the_sales_want_a_table(tmp_path):
    lacking = sales(np.delete(BEGINS[:60], 30))
    with pytest.raises(UsageError, match="a table of the periods as 'periods'"):
        project(lacking, tmp_path)
    pl.DataFrame({"begin": BEGINS}).write_csv(tmp_path / "calendar.csv")
    _, panel, _ = project(lacking, tmp_path, periods="calendar.csv")
    assert panel.n_days == 60
    assert panel.units.sum() == lacking["units"].sum()


def test_a_table_that_lacks_a_53rd_week_is_refused(tmp_path):
    even = FIRST + 7 * np.append(0, np.cumsum(np.tile([4, 4, 5], 28)))
    pl.DataFrame({"begin": even}).write_csv(tmp_path / "calendar.csv")
    with pytest.raises(UsageError, match=r"24 of 60 dates .* whole weeks away from the first days"):
        project(sales(BEGINS[:60]), tmp_path, periods="calendar.csv")


def test_another_table_in_the_folder_is_not_replaced(tmp_path):
    project(sales(BEGINS[:60]), tmp_path)
    table = tmp_path / "shop/periods.csv"
    sales(BEGINS[:60]).write_csv(tmp_path / "sales.csv")
    proposal = infer("sales.csv", tmp_path)
    settings_file.write(proposal, tmp_path / "shop", "sales.csv", force=True)
    table.write_text("begin\n2018-01-01\n")
    with pytest.raises(UsageError, match="already there and differs"):
        settings_file.write(proposal, tmp_path / "shop", "sales.csv", force=True)
    assert table.read_text() == "begin\n2018-01-01\n"


def test_a_table_without_first_days_is_refused(tmp_path):
    pl.DataFrame({"begin": ["soon", *map(str, BEGINS)]}).write_csv(tmp_path / "calendar.csv")
    with pytest.raises(SettingsError, match="cannot be read in full"):
        project(sales(BEGINS[:60]), tmp_path, periods="calendar.csv")
