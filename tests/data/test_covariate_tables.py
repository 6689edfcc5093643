"""Tables of weather, prices of raw materials and the like: by date, and by any column of the series."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import FindingsStop, SettingsError
from foresell.core.frequency import Frequency
from foresell.data.cube.dated_values import frequency_of_dates
from foresell.models.upper_levels.totals import panel_of_sums

FIRST = date(2024, 1, 1)  # a Monday
DAYS = [FIRST + timedelta(days=n) for n in range(56)]
SERIES = (("N1", "tea", "north"), ("N1", "ice", "north"), ("S1", "tea", "south"))


def sales(days=DAYS) -> pl.DataFrame:
    rows = [(store, item, region, day, 1.0 + n % 3) for store, item, region in SERIES for n, day in enumerate(days)]
    return pl.DataFrame(rows, schema=["store", "item", "region", "date", "units"], orient="row")


@pytest.fixture
def read(load, tmp_path):
    """Reads the sales with one table of covariates, whose settings are the other arguments."""

    def read_with(table: str | pl.DataFrame, horizon: int = 2, data=None, days=DAYS, **settings):
        name = "weather.csv" if isinstance(table, str) else "weather.parquet"
        files = {"sales.csv": sales(days).write_csv(), name: table}
        tree = {"attributes": ["region"], "covariates": [{"path": name, **settings}]}
        return load(tmp_path, files, horizon, **tree, **(data or {}))

    return read_with


def by_day(count: int, **columns) -> pl.DataFrame:
    return pl.DataFrame({"date": [FIRST + timedelta(days=n) for n in range(count)], **columns})


def codes(result) -> list[str]:
    about_sales = ("short-history", "partial-periods")
    return [finding.code for finding in result.findings if finding.code not in about_sales]


@pytest.mark.parametrize("key", ["region", "store"])
def test_a_table_by_a_key_or_an_attribute_has_a_row_for_each_of_its_values(read, key):
    names = {"region": ("north", "south"), "store": ("N1", "S1")}[key]
    table = pl.concat([by_day(58, temperature=[n] * 58).with_columns(pl.lit(name).alias(key))
                       for n, name in enumerate(names)])  # fmt: skip
    panel = read(table.write_csv(), keys=[key]).panel
    by_series = dict(zip(panel.series["store"] + panel.series["item"], panel.known["temperature"].on(3), strict=True))
    assert by_series == {"N1tea": 0, "N1ice": 0, "S1tea": 1}
    assert len(panel.known["temperature"].values) == 2


def test_sums_have_the_mean_over_their_series(read):
    table = pl.concat([by_day(58, t=[value] * 58).with_columns(region=pl.lit(name))
                       for name, value in (("north", 3.0), ("south", 9.0))])  # fmt: skip
    panel = read(table.write_csv(), keys=["region"]).panel
    sums = panel_of_sums(panel, ((), ("region",)))
    by_region = dict(zip(sums.series["region"], sums.known["t"].on(57).tolist(), strict=True))
    assert by_region == {None: 5.0, "north": 3.0, "south": 9.0}


def test_columns_are_chosen_and_texts_left_out_unless_named(read):
    table = by_day(58, t=[1.0] * 58, wind=[2.0] * 58, sky=["sun", "rain"] * 29, dry=["yes", "no"] * 29).write_csv()
    result = read(table)
    assert set(result.panel.known) == {"t", "wind", "dry"}
    assert codes(result) == ["covariate-of-text"]
    assert result.panel.known["dry"].values[0, :3].tolist() == [1, 0, 1]
    result = read(table, columns=["sky"])
    assert set(result.panel.known) == {"sky"}
    assert codes(result) == ["coded-text"]
    with pytest.raises(SettingsError, match=r"'sky' of weather.csv has texts \(rain, sun\) by day, and the sales"):
        read(table, columns=["sky"], data={"frequency": "W"})


def months(days: list[date]) -> pl.DataFrame:
    return pl.DataFrame({"date": days, "cpi": [float(day.month) for day in days]})


@pytest.mark.parametrize(
    "days", [[date(2024, m, 1) for m in (1, 2, 3)], [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]]
)
def test_a_month_counts_on_each_of_its_days_whichever_of_them_names_it(read, days):
    result = read(months(days).write_csv())
    values = result.panel.known["cpi"].values[0]
    assert values.tolist() == [1] * 31 + [2] * 27
    assert codes(result) == ["covariate-periods"]
    weekly = read(months(days).write_csv(), data={"frequency": "W"}).panel.known["cpi"].values[0]
    assert weekly[4] == pytest.approx((3 * 1 + 4 * 2) / 7)  # the week of 29 January
    assert read(months(days).write_csv(), data={"frequency": "M"}, horizon=1).panel.known["cpi"].values[0, 0] == 1


def test_days_and_hours_are_averaged_over_longer_periods(read):
    table = by_day(70, t=[float(n) for n in range(70)]).write_csv()
    result = read(table, data={"frequency": "W"})
    assert result.panel.known["t"].values[0].tolist() == [3 + 7 * n for n in range(10)]
    assert codes(result) == ["covariate-periods"]
    hours = [datetime(2024, 1, 1) + timedelta(hours=n) for n in range(24 * 58)]
    by_hour = pl.DataFrame({"date": hours, "t": [float(hour.hour) for hour in hours]})
    for written in (by_hour, by_hour.write_csv(datetime_format="%d.%m.%Y %H:%M")):
        result = read(written)
        assert set(result.panel.known["t"].values[0].tolist()) == {11.5}
        assert codes(result) == ["covariate-periods"]


def test_hours_of_sales_have_those_of_the_table_or_its_days(load, tmp_path):
    hours = [datetime(2024, 1, 1) + timedelta(hours=n) for n in range(24 * 7 + 5)]
    rows = pl.DataFrame({"store": "N", "item": "tea", "date": hours[: 24 * 7], "units": [1.0] * (24 * 7)})
    weather = pl.DataFrame({"date": hours, "t": [float(n) for n in range(len(hours))]})
    days = by_day(8, w=[float(n) for n in range(8)])
    panel = load(
        tmp_path,
        {"sales.parquet": rows, "hours.parquet": weather, "days.csv": days.write_csv()},
        5,
        sales="sales.parquet",
        frequency="H",
        covariates=[{"path": "hours.parquet"}, {"path": "days.csv"}],
    ).panel
    np.testing.assert_array_equal(panel.known["t"].values[0], np.arange(len(hours)))
    np.testing.assert_array_equal(panel.known["w"].values[0], np.arange(len(hours)) // 24)


def test_weeks_named_by_other_weekdays_count_where_their_date_lies(read):
    sundays = pl.DataFrame({"date": [date(2023, 12, 31) + timedelta(7 * n) for n in range(11)], "i": list(range(11))})
    result = read(sundays.write_csv(), data={"frequency": "W"})
    assert result.panel.known["i"].values[0].tolist() == list(range(1, 11))
    assert codes(result) == ["covariate-periods"]
    assert "its dates are Sundays and the weeks of the sales are named by Mondays" in result.findings[-1].message
    daily = read(sundays.write_csv()).panel.known["i"].values[0]
    assert daily[[0, 5, 6, 12, 13]].tolist() == [0, 0, 1, 1, 2]  # from its date on


def test_what_is_known_of_the_past_only_is_warned_of_or_held_back_by_the_horizon(read):
    table = by_day(56, t=[float(n) for n in range(56)]).write_csv()
    result = read(table, horizon=3)
    assert codes(result) == ["known-ahead-ends-early"]
    assert "known_ahead: false" in result.findings[0].advice
    result = read(table, horizon=3, known_ahead=False)
    values = result.panel.known["t"].values[0]
    assert np.isnan(values[:3]).all()
    np.testing.assert_array_equal(values[3:], np.arange(56))
    assert codes(result) == []
    late = by_day(50, t=[float(n) for n in range(50)]).write_csv()  # six days late
    values = read(late, horizon=3, known_ahead=False).panel.known["t"].values[0]
    np.testing.assert_array_equal(values[9:], np.arange(50))


def test_gaps_repeated_rows_and_bad_numbers_are_named(read):
    rows = [f"{day};{n},5" for n, day in enumerate(by_day(58)["date"]) if n not in (4, 5)]
    rows[10] = rows[10].replace("12,5", "broken")
    result = read("\n".join(["date;t", *rows, "2024-01-02;3,5"]))
    values = result.panel.known["t"].values[0]
    assert np.isnan(values[[4, 5, 12]]).all()
    assert values[:3].tolist() == [0.5, 2.5, 2.5]
    findings = {finding.code: finding for finding in result.findings}
    assert set(findings) == {"covariate-gaps", "repeated-entries", "unparsable-numbers"}
    assert findings["covariate-gaps"].message == "'t' is not known in 3 of 56 days"
    assert findings["covariate-gaps"].examples == ("2024-01-05", "2024-01-06", "2024-01-13")


def test_series_without_rows_and_rows_without_series_are_named(read):
    table = pl.concat([by_day(58, t=[1.0] * 58).with_columns(region=pl.lit(name)) for name in ("north", "west")])
    result = read(table.write_csv(), keys=["region"])
    assert codes(result) == ["covariate-unmatched", "unknown-series"]
    assert result.findings[0].message == "1 of 3 series have a region for which it has no row"
    assert np.isnan(result.panel.known["t"].on(3)).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        ("date,t\n2024-01-01,1\n", {"keys": ["regoin"]}, "series do not have; they have store, item, region. Did you"),
        ("date,region,t\n2024-01-01,Nord,1\n", {"keys": ["region"]}, "first by region are Nord, and the series have"),
        ("date,region,t\n2024-01-01,north,1\n", {}, r"If the table is by it, write 'keys: \[region\]'"),
        ("date,price\n2024-01-01,1\n", {}, "prices have a table of their own, 'prices'"),
        ("date,t\n2019-01-01,1\n2019-01-02,1\n", {}, "the dates 2019-01-01 to 2019-01-02, and the sales 2024-01-01 to"),
        ("date\n2024-01-01\n", {}, "no column beside date that could be a covariate"),
        ("date,t\n", {}, "no row with a date that can be used"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_sales_is_refused_with_what_to_do(read, table, settings, message):
    with pytest.raises(SettingsError, match=message):
        read(table, **settings)


def test_keys_are_the_same_however_their_numbers_are_written(load, tmp_path):
    rows = sales().with_columns(store=pl.col("store").replace_strict({"N1": 1, "S1": 2}))
    table = pl.concat([by_day(58, t=[10.0 * n] * 58).with_columns(store=pl.lit(float(n)), size=pl.lit(n * 5))
                       for n in (1, 2)])  # fmt: skip
    stores = pl.DataFrame({"store": [1, 2], "size": [5.0, 10.0]})
    files = {"sales.csv": rows.write_csv(), "w.csv": table.write_csv(), "stores.csv": stores.write_csv()}
    for keys in (["store"], ["size"], ["size", "store"]):
        covariates = [{"path": "w.csv", "keys": keys, "columns": ["t"]}]
        tables = {"stores": {"path": "stores.csv", "keys": ["store"]}, "covariates": covariates}
        panel = load(tmp_path, files, **tables).panel
        values = dict(zip(panel.series["store"].cast(pl.String), panel.known["t"].on(5), strict=True))
        assert values == {"1": 10, "2": 20}


def test_a_missing_column_and_a_name_that_is_taken_are_refused(read, load, tmp_path):
    with pytest.raises(FindingsStop, match=r"no column 'temp'; it has 2 columns: date, t"):
        read("date,t\n2024-01-01,1\n", columns=["temp"])
    files = {"sales.csv": sales().write_csv(), "a.csv": "date,t\n2024-01-01,1\n", "b.csv": "date,t\n2024-01-01,1\n"}
    with pytest.raises(SettingsError, match=r"b.csv has the column t.* another table or the sales have it too"):
        load(tmp_path, files, covariates=[{"path": "a.csv"}, {"path": "b.csv"}])


def test_tables_without_rows_by_series_take_them_too(load, tmp_path):
    """A wide table has no columns for covariates."""
    wide = sales().pivot("date", index=["store", "item"], values="units")
    wide = wide.rename({str(day): f"d_{day}" for day in DAYS})
    files = {"sales.csv": wide.write_csv(), "w.csv": by_day(58, t=[1.0] * 58).write_csv()}
    files["calendar.csv"] = by_day(58, d=[f"d_{FIRST + timedelta(days=n)}" for n in range(58)]).write_csv()
    panel = load(
        tmp_path, files, layout="wide", calendar={"path": "calendar.csv", "day": "d"}, covariates=[{"path": "w.csv"}]
    ).panel
    assert panel.known["t"].values.tolist() == [[1.0] * 58]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2024-01-01"], Frequency.DAY),
        (["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-08"], Frequency.DAY),
        (["2024-01-05", "2024-01-12", "2024-01-19", "2024-01-26"], Frequency.WEEK),
        (["2024-01-15", "2024-02-15", "2024-03-14", "2024-04-15"], Frequency.MONTH),
        (["2023-12-31", "2024-03-31", "2024-06-30"], Frequency.QUARTER),
        (["2022-01-01", "2023-01-01", "2024-01-01"], Frequency.YEAR),
        (["2024-01-01T01", "2024-01-01T02"], Frequency.HOUR),
        (["2024-01-01", "2024-02-20", "2024-02-21", "2024-09-01"], Frequency.DAY),
    ],
)
def test_the_periods_of_dates_are_those_that_they_name_one_after_another(dates, expected):
    assert frequency_of_dates(np.array(dates, "datetime64[us]")) == expected
