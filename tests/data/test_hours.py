"""Sales files that are read by hour."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.dates.formats import to_date
from foresell.core.errors import SettingsError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales

FIVE = datetime(2024, 1, 13, 5)


def hours(first: datetime, last: datetime, zone: str | None = None) -> pl.DataFrame:
    """One unit in each hour, from `first` to `last` on the clock of London."""
    stamps = pl.datetime_range(first, last, "1h", eager=True, time_zone="UTC")
    stamps = stamps.dt.convert_time_zone(zone) if zone else stamps.dt.replace_time_zone(None)
    return pl.DataFrame({"store": "north", "date": stamps, "units": 1})


def read(frame: pl.DataFrame, folder: Path, suffix: str = "csv", **data: object) -> ValidatedSales:
    path = folder / f"sales.{suffix}"
    frame.write_parquet(path) if suffix == "parquet" else frame.write_csv(path)
    known = {"sales": path.name, "date": "date", "quantity": "units", "keys": ["store"], "frequency": "H"}
    return read_sales(parse_settings({"data": known | data, "horizon": 24}), folder, today=date(2025, 1, 1))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("13.01.2024 05:45", "%d.%m.%Y %H:%M"),
        ("01/13/2024 05:45 AM", "%m/%d/%Y %I:%M %p"),
        ("2024-01-13T05:45:59.123Z", "%Y-%m-%dT%H:%M:%S%.fZ"),
        ("2024-01-13 05:45:59 -0500", "%Y-%m-%d %H:%M:%S %z"),
        ("2024-01-13T05:45+01:00", "%Y-%m-%dT%H:%M%z"),
        ("2024-01-13 5", "%Y-%m-%d %H"),
        ("13 Januar 2024 05:45", "%d %B %Y %H:%M"),
        ("45304.24", "excel"),
        ("1705123800", "seconds since 1970-01-01"),
        ("13.01.2024 05:10", "%Y-%m-%d | %d.%m.%Y %H:%M"),
    ],
)
def test_the_hour_of_a_time_is_the_one_on_the_clock_that_is_written(text: str, written: str) -> None:
    assert to_date(pl.Series([text]), written, hourly=True).to_list() == [FIVE]
    assert to_date(pl.Series([text]), written).to_list() == [FIVE.date()]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_hours(tmp_path, suffix):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 1, 8, 23))
    sales = read(frame, tmp_path, suffix)
    assert sales.panel.to_frame().equals(frame.with_columns(pl.col("units").cast(pl.Float32)))
    assert not [entry for entry in sales.findings if entry.code == "gaps"]


def test_lines_with_minutes_are_added_up_by_hour(tmp_path):
    lines = pl.DataFrame(
        {
            "store": "north",
            "date": ["01.03.2024 09:05", "01.03.2024 09:59", "01.03.2024 11:30", "02.03.2024 09:00"],
            "units": [2, 3, 1, 4],
        }
    )
    panel = read(lines, tmp_path, layout="transactions").panel
    assert panel.dates[0] == np.datetime64("2024-03-01T09")
    assert panel.units[0, :4].tolist() == [5, 0, 1, 0]
    assert panel.units[0, -1] == 4


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_hour_shown_twice_is_added_up_and_the_one_left_out_is_not_known(tmp_path, suffix):
    frame = hours(datetime(2024, 3, 1), datetime(2024, 11, 10), "Europe/Berlin")
    if suffix == "csv":
        frame = frame.with_columns(pl.col("date").dt.to_string("%Y-%m-%dT%H:%M:%S%z"))
    sales = read(frame, tmp_path, suffix)
    units, twice = sales.panel.units[0], sales.panel.day_of("2024-10-27T02")
    missing = sales.panel.day_of("2024-03-31T02")
    assert units[twice - 1 : twice + 2].tolist() == [1, 2, 1]
    np.testing.assert_array_equal(units[missing - 1 : missing + 2], [1, np.nan, 1])
    assert np.nansum(units) == frame.height
    assert sales.quarantine.is_empty()


def test_a_row_twice_in_other_hours_is_a_bad_row(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 2, 1))
    sales = read(pl.concat([frame, frame[100:103]]), tmp_path)
    assert [entry.code for entry in sales.findings if entry.code == "duplicate-keys"] == ["duplicate-keys"]
    assert np.nansum(sales.panel.units) == frame.height


def test_hours_of_night_are_no_gaps(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 1, 28, 23)).filter(pl.col("date").dt.hour().is_between(8, 19))
    gap = frame.filter(pl.col("date") != datetime(2024, 1, 10, 12))
    assert not [entry for entry in read(frame, tmp_path).findings if entry.code == "gaps"]
    assert [entry.count for entry in read(gap, tmp_path).findings if entry.code == "gaps"] == [1]


def test_prices_and_events_of_a_day_hold_in_all_its_hours(tmp_path):
    frame = hours(datetime(2024, 1, 1, 5), datetime(2024, 1, 8, 23))
    pl.DataFrame({"store": "north", "day": ["2024-01-01", "2024-01-03"], "price": [2.0, 3.0]}).write_csv(
        tmp_path / "prices.csv"
    )
    pl.DataFrame({"date": ["2024-01-02", "2024-01-03"], "event": ["fair", None], "shut": [0, 1]}).write_csv(
        tmp_path / "days.csv"
    )
    prices = {"path": "prices.csv", "keys": ["store"], "date": "day", "price": "price"}
    flags = {"shut": {"by": "store", "columns": {"north": "shut"}}}
    calendar = {"path": "days.csv", "date": "date", "events": ["event"], "flags": flags}
    panel = read(frame, tmp_path, prices=prices, calendar=calendar).panel
    price, shut = (panel.known[name].on(slice(None))[0] for name in ("price", "shut"))
    third = slice(panel.day_of("2024-01-03T00"), panel.day_of("2024-01-04T00"))
    assert price[: third.start].tolist() == [2.0] * third.start
    assert set(price[third].tolist()) == {3.0}
    assert set(shut[third].tolist()) == {1.0}
    assert set(shut[third.start - 24 : third.start].tolist()) == {0.0}
    assert panel.events["event"].to_list() == ["fair"]


def test_until_keeps_all_hours_of_the_day(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 1, 8, 23))
    assert read(frame, tmp_path, until="2024-01-05").panel.cutoff == datetime(2024, 1, 5, 23)


def test_dates_without_a_time_are_refused(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 3, 8)).filter(pl.col("date").dt.hour() == 0)
    days = frame.with_columns(pl.col("date").dt.date())
    with pytest.raises(SettingsError, match="have no time of day, such as 2024-01-01"):
        read(days, tmp_path)
    with pytest.raises(SettingsError, match="written as %Y-%m-%d, without a time of day"):
        read(days, tmp_path, date_format="%Y-%m-%d")
    with pytest.raises(SettingsError, match="layout 'wide' has a column for each day"):
        read(days, tmp_path, layout="wide")


def test_until_may_name_an_hour(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 1, 8, 23))
    assert read(frame, tmp_path, until="2024-01-05 09:00").panel.cutoff == datetime(2024, 1, 5, 9)


def test_rows_known_ahead_without_a_time_are_refused(tmp_path):
    frame = hours(datetime(2024, 1, 1), datetime(2024, 1, 8, 23)).with_columns(promotion=0)
    ahead = pl.DataFrame({"store": "north", "date": ["2024-01-09", "2024-01-10"], "promotion": [1, 0]})
    ahead.write_csv(tmp_path / "future.csv")
    with pytest.raises(SettingsError, match=r"2 dates of future\.csv have no time of day"):
        read(frame, tmp_path, promotion="promotion", future="future.csv")
    by_hour = pl.datetime_range(datetime(2024, 1, 9), datetime(2024, 1, 9, 23), "1h", eager=True)
    pl.DataFrame({"date": by_hour}).with_columns(
        store=pl.lit("north"), promotion=(pl.col("date").dt.hour() == 9).cast(pl.Int8)
    ).write_csv(tmp_path / "future.csv")
    panel = read(frame, tmp_path, promotion="promotion", future="future.csv").panel
    assert np.flatnonzero(panel.known["promotion"].on(slice(None))[0]).tolist() == [panel.n_days + 9]
