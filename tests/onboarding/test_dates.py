"""The column of dates and how its dates are written."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.core.errors import UsageError
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
