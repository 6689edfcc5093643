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
