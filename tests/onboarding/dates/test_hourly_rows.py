"""Whether `init` takes rows with times of day by hour."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales


def hourly(days: int = 30, first: int = 0, last: int = 23) -> pl.DataFrame:
    end = pl.Series([datetime(2024, 1, 1)]).dt.offset_by(f"{days}d").dt.offset_by("-1h")[0]
    stamps = pl.datetime_range(datetime(2024, 1, 1), end, "1h", eager=True)
    rows = pl.DataFrame({"date": stamps}).filter(pl.col("date").dt.hour().is_between(first, last))
    rows = rows.with_row_index("n").with_columns(units=pl.col("n") % 7 + 1).drop("n")
    return pl.concat([rows.select(pl.lit(store).alias("store"), "date", "units") for store in ("north", "south")])


@pytest.mark.parametrize("written", ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", None])
def test_a_row_for_each_hour_is_taken_by_hour(propose, tmp_path, written):
    frame = hourly()
    texts = frame if written is None else frame.with_columns(pl.col("date").dt.strftime(written))
    proposal = propose(texts, tmp_path, *(["sales.parquet"] if written is None else []))
    data = proposal.settings["data"]
    assert (data["frequency"], data["layout"], data["keys"]) == ("H", "long", ["store"])
    assert proposal.settings["horizon"] == 144
    assert [question.option for question in proposal.questions if "by hour" in question.text] == ["frequency"]
    assert "--frequency D" in " ".join(proposal.doubts)
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.to_frame().equals(frame.with_columns(pl.col("units").cast(pl.Float32)))


def test_rows_of_opening_hours_only_are_regular_too(propose, tmp_path):
    data = propose(hourly(first=9, last=18), tmp_path).settings["data"]
    assert (data["frequency"], data["absent"]) == ("H", "unknown")


def test_whole_hours_with_few_rows_are_a_question(propose, tmp_path):
    proposal = propose(hourly(days=90).sample(fraction=0.05, seed=1), tmp_path)
    assert (proposal.settings["data"]["frequency"], proposal.settings["data"]["layout"]) == ("D", "transactions")
    assert "--frequency H" in " ".join(proposal.doubts)
    settled = propose(hourly(days=90).sample(fraction=0.05, seed=1), tmp_path, overrides={"frequency": "H"})
    assert settled.settings["data"]["frequency"] == "H"
    assert not [question for question in settled.questions if question.option == "frequency"]


def test_receipts_with_minutes_stay_with_the_day_and_become_hours_when_asked(propose, tmp_path):
    lines = hourly(first=9, last=18).with_columns(pl.col("date").dt.offset_by("17m"))
    proposal = propose(lines, tmp_path)
    assert (proposal.settings["data"]["frequency"], proposal.settings["data"]["layout"]) == ("D", "transactions")
    data = propose(lines, tmp_path, overrides={"frequency": "H"}).settings["data"]
    assert (data["frequency"], data["layout"], data["absent"]) == ("H", "transactions", "zero")


def test_days_may_be_asked_of_hourly_rows(propose, tmp_path):
    data = propose(hourly(), tmp_path, overrides={"frequency": "D"}).settings["data"]
    assert (data["frequency"], data["layout"]) == ("D", "transactions")


def test_hours_of_dates_without_a_time_are_refused(daily, propose, tmp_path):
    with pytest.raises(UsageError, match="no time of day, so sales cannot be forecast by hour"):
        propose(daily(), tmp_path, overrides={"frequency": "H"})


@pytest.mark.parametrize(("clock", "written"), [("%H", "%H"), ("%H:%M", "%H:%M"), ("%I:%M %p", "%I:%M %p")])
def test_a_date_and_its_hour_in_two_columns(propose, tmp_path, clock, written):
    frame = hourly()
    columns = [pl.col("date").dt.strftime("%d.%m.%Y").alias("day"), pl.col("date").dt.strftime(clock).alias("hour")]
    proposal = propose(frame.select("store", *columns, "units"), tmp_path)
    data = proposal.settings["data"]
    assert (data["date"], data["date_format"]) == (["day", "hour"], f"%d.%m.%Y {written}")
    assert (data["frequency"], data["keys"], data["layout"]) == ("H", ["store"], "long")
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.to_frame().equals(frame.with_columns(pl.col("units").cast(pl.Float32)))


def test_dates_and_whole_numbers_of_hours_in_parquet(propose, tmp_path):
    frame = hourly()
    columns = [pl.col("date").dt.date().alias("day"), pl.col("date").dt.hour().alias("hour")]
    proposal = propose(frame.select("store", *columns, "units"), tmp_path, "sales.parquet")
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.to_frame().equals(frame.with_columns(pl.col("units").cast(pl.Float32)))


def test_the_time_of_receipts_beside_their_date_makes_hours_when_asked(propose, tmp_path):
    stamps = pl.col("date").dt.offset_by("17m")
    columns = [stamps.dt.strftime("%Y-%m-%d").alias("day"), stamps.dt.strftime("%H:%M").alias("time")]
    lines = hourly(first=9, last=18).select("store", *columns, "units")
    assert propose(lines, tmp_path).settings["data"]["date"] == "day"
    with pytest.raises(UsageError, match="--date day,time"):
        propose(lines, tmp_path, overrides={"frequency": "H", "date": "day"})
    for overrides in ({"frequency": "H"}, {"frequency": "H", "date": "day,time"}):
        data = propose(lines, tmp_path, overrides=overrides).settings["data"]
        assert (data["date"], data["frequency"], data["layout"]) == (["day", "time"], "H", "transactions")


def test_quarters_of_an_hour_are_a_question(propose, tmp_path):
    quarters = pl.concat([hourly().with_columns(pl.col("date").dt.offset_by(f"{at}m")) for at in (0, 15, 30, 45)])
    proposal = propose(quarters, tmp_path)
    assert proposal.settings["data"]["frequency"] == "D"
    assert "--frequency H" in " ".join(proposal.doubts)
    panel = read_sales(
        parse_settings(propose(quarters, tmp_path, overrides={"frequency": "H"}).settings), tmp_path
    ).panel
    assert panel.to_frame()["units"].sum() == quarters["units"].sum()
    assert panel.n_days == 30 * 24
