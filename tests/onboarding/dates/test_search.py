"""The column of dates and how its dates are written."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.roles import infer


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d/%m/%y"])
def test_monthly_dates_with_the_day_or_the_month_first(daily, propose, tmp_path, written):
    months = daily(days=24, step=31, first=date(2022, 1, 1)).with_columns(pl.col("date").dt.month_start())
    proposal = propose(months.with_columns(pl.col("date").dt.strftime(written)), tmp_path)
    assert proposal.settings["data"]["date_format"] == written
    assert proposal.settings["data"]["frequency"] == "M"
    assert "--date-format" in " ".join(proposal.doubts)


def test_a_date_format_is_obeyed_or_refused(daily, propose, tmp_path):
    months = daily(days=24, step=31, first=date(2022, 1, 1)).with_columns(pl.col("date").dt.month_start())
    slashes = months.with_columns(pl.col("date").dt.strftime("%d/%m/%Y"))
    proposal = propose(slashes, tmp_path, overrides={"date_format": "%m/%d/%Y"})
    assert proposal.settings["data"]["date_format"] == "%m/%d/%Y"
    with pytest.raises(UsageError, match=r"are not written as %d\.%m\.%Y: 'date' holds 01/01/2022"):
        propose(slashes, tmp_path, overrides={"date_format": "%d.%m.%Y"})
    with pytest.raises(UsageError, match="are not written as"):
        propose(months, tmp_path, "sales.parquet", overrides={"date_format": "%d.%m.%Y"})


def test_an_option_without_a_use_is_refused(daily, propose, tmp_path):
    with pytest.raises(UsageError, match=r"--separator ; has no use for sales\.parquet"):
        propose(daily(), tmp_path, "sales.parquet", overrides={"separator": ";"})
    wide = daily().with_columns(pl.col("date").cast(pl.String)).pivot("date", index=["store", "item"], values="units")
    wide.write_csv(tmp_path / "wide.csv")
    with pytest.raises(UsageError, match="--quantity units has no use"):
        infer("wide.csv", tmp_path, overrides={"quantity": "units"})


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_date_of_a_timestamp_with_a_zone_is_the_local_one(daily, propose, tmp_path, zone):
    frame = daily().with_columns(pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone(zone))
    propose(frame, tmp_path, "sales.parquet")
    written = frame.with_columns(pl.col("date").dt.strftime("%Y-%m-%d %H:%M:%S%z"))
    assert propose(written, tmp_path).settings["data"]["frequency"] == "D"


@pytest.mark.parametrize("first", [date(2022, 1, 2), date(2022, 1, 3), date(2022, 1, 7)])
def test_weeks_keep_the_weekday_of_the_file(daily, propose, tmp_path, first):
    proposal = propose(daily(days=60, step=7, first=first), tmp_path)
    assert proposal.settings["data"]["frequency"] == "W"
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.dates[0].astype(object) == first
    assert panel.cutoff == first + timedelta(days=7 * 59)
    assert panel.dates[panel.n_days].astype(object) == first + timedelta(days=7 * 60)
    of_frame = Panel.from_frame(daily(days=60, step=7, first=first), frequency="W", keys=["store", "item"])
    assert (of_frame.dates == panel.dates[:60]).all()


def test_dates_that_end_weeks_are_asked_about(daily, propose, tmp_path):
    weeks = daily(days=60, step=7, first=date(2022, 1, 7)).rename({"date": "week_ending"})
    assert "end" in " ".join(propose(weeks, tmp_path).doubts)


def written(dates: list[object], **columns: list[object]) -> pl.DataFrame:
    """Two items with a row for each of `dates`, which are in the column ``when`` unless `columns` has them."""
    whens = columns or {"when": dates}
    frame = pl.DataFrame({name: pl.Series(values, strict=False) for name, values in whens.items()})
    parts = [frame.with_columns(item=pl.lit(item), units=pl.int_range(10, 10 + frame.height)) for item in ("A1", "B2")]
    return pl.concat(parts)


DAYS = [date(2023, 1, 2) + timedelta(days=day) for day in range(60)]
YEARS_OF_WEEKS = [(year, week) for year in (2021, 2022) for week in range(1, 53)]
QUARTERS = [(year, quarter) for year in range(2015, 2023) for quarter in (1, 2, 3, 4)]
GERMAN = ["Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"]
MIXED = [f"{d}" if d.day > 9 else f"{d:%d/%m/%Y}" for d in DAYS]
UNIX = [1672617600 + 86400 * day for day in range(60)]
MONTHS = [(year, month) for year in (2019, 2020, 2021) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("frame", "frequency", "date_format", "first"),
    [
        (written([f"{y}Q{q}" for y, q in QUARTERS]), "Q", "quarter", "2015-01-01"),
        (written([f"{q}Q{y - 2000}" for y, q in QUARTERS]), "Q", "quarter", "2015-01-01"),
        (written([f"KW {w:02d}/{y}" for y, w in YEARS_OF_WEEKS]), "W", "week", "2021-01-04"),
        (written([], Date=[44928 + day for day in range(60)]), "D", "excel", "2023-01-02"),
        (written([], Periode=[100 * year + month for year, month in MONTHS]), "M", "%Y%m", "2019-01-01"),
        (written([], Woche=[100 * y + w for y, w in YEARS_OF_WEEKS]), "W", "%G%V", "2021-01-04"),
        (written([], Jahr=list(range(1995, 2024))), "Y", "year", "1995-01-01"),
        (written([], year=[y for y, _ in MONTHS], month=[m for _, m in MONTHS]), "M", "year month", "2019-01-01"),
        (written([], Monat=GERMAN * 3, Jahr=[y for y, _ in MONTHS]), "M", "year month", "2019-01-01"),
        (written([], week=list(range(1, 53)) * 2, year=[2021] * 52 + [2022] * 52), "W", "year week", "2021-01-04"),
        (written([], timestamp=UNIX), "D", "seconds since 1970-01-01", "2023-01-02"),
        (written(MIXED), "D", "%d/%m/%Y | %Y-%m-%d", "2023-01-02"),
        (written([f"{d.day}. {GERMAN[d.month - 1]} {d.year}" for d in DAYS]), "D", "%d %b %Y", "2023-01-02"),
        (written([f"{d:%m/%d/%y} 6:52 PM" for d in DAYS]), "D", "%m/%d/%y %I:%M %p", "2023-01-02"),
    ],
)
def test_dates_that_have_one_meaning_are_read(propose, tmp_path, frame, frequency, date_format, first):
    for name in ("sales.csv", "sales.parquet"):
        data = propose(frame, tmp_path, name).settings["data"]
        assert (data["frequency"], data["date_format"]) == (frequency, date_format)
        panel = read_sales(parse_settings({"data": data}), tmp_path).panel
        assert str(panel.dates[0]) == first
        assert panel.units.sum() == frame["units"].sum()
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("frame", "message", "advice"),
    [
        (written([], ds=list(range(1, 61))), "counts periods from 1 to 60", "days since 2022-12-31"),
        (written([], week=list(range(1, 53))), "no column has the year", None),
        (written([f"H{half} {y % 100}" for y in range(2010, 2022) for half in (1, 2)]), "half-years", None),
        (written([f"{d:%d/%m/%Y}" if d.day % 3 else f"{d:%m/%d/%Y}" for d in DAYS]), "month first in others", None),
        (written([], period=[100 * y + p for y in (2021, 2022) for p in range(1, 14)]), "13 periods a year", None),
        (
            written([text if "/" not in text else f"early {text[:2]}" for text in MIXED]),
            "written in several ways",
            None,
        ),
    ],
)
def test_dates_without_one_meaning_are_refused_with_advice(propose, tmp_path, frame, message, advice):
    frame = frame.rename({"when": "date"}, strict=False)
    with pytest.raises(UsageError, match=message):
        propose(frame, tmp_path)
    if advice:
        data = propose(frame, tmp_path, overrides={"date": "ds", "date_format": advice}).settings["data"]
        assert str(read_sales(parse_settings({"data": data}), tmp_path).panel.dates[0]) == "2023-01-01"


def test_a_date_made_of_columns_that_the_user_names(propose, tmp_path):
    frame = written([], when_year=[y for y, _ in MONTHS], when_month=[m for _, m in MONTHS])
    data = propose(frame, tmp_path, overrides={"date": "when_month, when_year"}).settings["data"]
    assert data["date"] == ["when_year", "when_month"]
    with pytest.raises(UsageError, match="make no dates: 2019 10"):
        propose(frame, tmp_path, overrides={"date": "when_year, units"})


@pytest.mark.parametrize(
    ("written", "days", "step", "frequency", "doubts"),
    [
        ("%y/%m/%d", 24, 1, "D", True),
        ("%y-%m-%d", 90, 1, "D", False),
        ("%d.%m.%y", 90, 1, "D", False),
        ("%y.%m.%d", 36, 31, "M", False),
        ("%d-%m-%y", 36, 31, "M", False),
    ],
)
def test_a_year_of_two_digits_may_come_first(daily, propose, tmp_path, written, days, step, frequency, doubts):
    sales = daily(days=days, step=step, first=date(2021, 1, 1))
    sales = sales.with_columns(pl.col("date").dt.month_start()) if step > 1 else sales
    proposal = propose(sales.with_columns(pl.col("date").dt.strftime(written)), tmp_path)
    assert proposal.settings["data"]["date_format"] == written
    assert proposal.settings["data"]["frequency"] == frequency
    assert ("--date-format" in " ".join(proposal.doubts)) == doubts


@pytest.mark.parametrize(
    ("name", "text", "taken", "doubts"),
    [
        ("period", "{y}/{q}", "year quarter", True),
        ("quarter", "{q}-{y}", "year quarter", False),
        ("date", "{y}-0{q}", "%Y-%m", True),
    ],
)
def test_numbers_up_to_four_beside_a_year_are_quarters(propose, tmp_path, name, text, taken, doubts):
    written = [text.format(y=year, q=quarter) for year in range(2015, 2021) for quarter in range(1, 5)]
    sales = pl.DataFrame({name: written * 2, "item": ["A"] * 24 + ["B"] * 24, "qty": range(48)})
    proposal = propose(sales, tmp_path)
    assert proposal.settings["data"]["date_format"] == taken
    assert proposal.settings["data"]["frequency"] == ("Q" if taken == "year quarter" else "M") or doubts
    assert ("may be quarters or months" in " ".join(proposal.doubts)) == doubts


def test_dates_that_a_spreadsheet_changed_are_refused(daily, propose, tmp_path):
    sales = daily(days=120).with_columns(day=pl.col("date").dt.day(), text=pl.col("date").dt.strftime("%d/%m/%Y"))
    swapped = pl.col("date").dt.strftime("%Y-%d-%m")
    spoiled = sales.with_columns(pl.when(pl.col("day") <= 12).then(swapped).otherwise(pl.col("text")).alias("date"))
    with pytest.raises(UsageError, match="a spreadsheet had changed them"):
        propose(spoiled.drop("day", "text"), tmp_path)
    right = sales.with_columns(
        pl.when(pl.col("day") <= 12).then(pl.col("date").cast(pl.String)).otherwise(pl.col("text")).alias("date")
    )
    assert "spreadsheet" not in " ".join(propose(right.drop("day", "text"), tmp_path).doubts)


def test_rows_without_a_date_are_not_given_a_format(propose, tmp_path):
    days = [date(2024, 1, 1) + timedelta(number) for number in range(30)]
    texts = [text for day in days for text in (f"{day}", f"{day} Total")]
    with pytest.raises(UsageError, match="take them out of the file"):
        propose(pl.DataFrame({"date": texts, "qty": range(60)}), tmp_path)


@pytest.mark.parametrize("text", ["{:%d.%m.%Y} - {:%d.%m.%Y}", "{:%d.%m.}-{:%d.%m.%Y}", "{:%Y-%m-%d} to {:%Y-%m-%d}"])
def test_ranges_of_a_week_are_weeks(daily, propose, tmp_path, text):
    frame = daily(days=60, step=7, first=date(2022, 1, 3))
    ranges = [text.format(day, day + timedelta(days=6)) for day in frame["date"]]
    data = propose(frame.with_columns(week=pl.Series(ranges)).drop("date"), tmp_path).settings["data"]
    assert (data["date"], data["date_format"], data["frequency"]) == ("week", "range", "W")


@pytest.mark.parametrize("written", ["%m%y", "%y%m"])
def test_months_in_four_digits(daily, propose, tmp_path, written):
    frame = daily(days=30, step=31, first=date(2022, 1, 1))
    months = frame.with_columns(pl.col("date").dt.strftime(written).alias("month")).drop("date")
    data = propose(months, tmp_path).settings["data"]
    assert (data["date_format"], data["frequency"]) == (written, "M")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["date        item      qty", *(f"2024-01-{day:02d}  Tea     {day:>5}" for day in range(1, 20))],
            "fixed widths",
        ),
        (["date~item~qty", *(f"2024-01-{day:02d}~Tea~{day}" for day in range(1, 20))], "say --separator '~'"),
        (['"date,item,qty"', *(f'"2024-01-{day:02d},Tea,{day}"' for day in range(1, 20))], "take the quotes away"),
    ],
)
def test_a_single_column_is_refused_with_what_parts_its_fields(tmp_path, lines, message):
    (tmp_path / "sales.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=message):
        infer("sales.txt", tmp_path)


def test_the_separator_that_the_refusal_names_works(tmp_path):
    lines = ["date~item~qty", *(f"2024-01-{day:02d}~Tea~{day}" for day in range(1, 20))]
    (tmp_path / "sales.txt").write_text("\n".join(lines) + "\n")
    assert infer("sales.txt", tmp_path, overrides={"separator": "~"}).settings["data"]["separator"] == "~"


def test_a_month_and_the_day_in_it_in_two_columns_are_a_date(daily, propose, tmp_path):
    parts = {"Day": pl.col("date").dt.day(), "Month": pl.col("date").dt.strftime("%b %Y")}
    data = propose(daily().with_columns(**parts).drop("date"), tmp_path).settings["data"]
    assert (data["date"], data["date_format"], data["frequency"]) == (["Month", "Day"], "%b %Y %d", "D")
    assert data["keys"] == ["store", "item"]
