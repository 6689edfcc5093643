"""The forecast of a group: sums of what was sold and forecast, by any period, with honest ranges."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.pipeline.demand import forecasts_with_paths
from foresell.pipeline.project import Project
from foresell.pipeline.views import plain, show
from foresell.pipeline.views.periods import Periods
from foresell.pipeline.views.series_groups import group_name, read_where, where_text


@pytest.fixture(scope="module")
def project(_shop) -> Project:
    return Project(_shop / "shop")


def test_weeks_begin_on_monday_and_know_what_is_not_known() -> None:
    dates = np.arange("2024-03-01", "2024-03-06", dtype="datetime64[D]")  # Friday to Tuesday
    weeks = Periods.of(dates, Frequency.DAY, "week")
    assert weeks.first.astype(str).tolist() == ["2024-02-26", "2024-03-04"]
    assert weeks.size.tolist() == [3, 2]
    assert weeks.sums(np.array([1, 2, np.nan, np.nan, np.nan]))[0] == 3
    assert np.isnan(weeks.sums(np.array([1, 2, 4, np.nan, np.nan]))[1])
    with pytest.raises(UsageError, match="only by"):
        Periods.of(dates, Frequency.DAY, "year")


def test_a_group_is_written_as_in_an_address() -> None:
    where = {"store": "S & Söhne", "item": "a=b"}
    assert read_where(where_text(where)) == where
    assert group_name(where) == "S & Söhne · a=b"
    with pytest.raises(UsageError, match="names no group"):
        read_where("S1")


def test_words_find_groups_and_series(project) -> None:
    found = show(project, "groups", text="S001")
    assert found.groups.row(0)[:3] == ("store=S001", "S001", "store")
    both = show(project, "groups", text=f"s002 {project.panel.series['item'][0]}")
    assert both.groups["name"].to_list() == [f"S002 · {project.panel.series['item'][0]}"]
    assert show(project, "groups", text="nowhere at all").groups.is_empty()


def test_the_way_up_and_down(project) -> None:
    shown = show(project, "hierarchy", where="store=S001")
    assert shown.parents["name"].to_list()[0] == "All series"
    assert shown.children["units"].is_sorted(descending=True)
    assert shown.children["units"].sum() == pytest.approx(shown.units)
    assert shown.children["share"].sum() == pytest.approx(1)
    with pytest.raises(UsageError, match="can be by"):
        show(project, "hierarchy", where="store=S001", by="store")


def test_days_and_weeks_are_sums_of_the_tables(project) -> None:
    panel, table = project.panel, project.forecasts.filter(pl.col("level") == "store", pl.col("store") == "S001")
    rows = np.flatnonzero((panel.series["store"] == "S001").to_numpy())
    by_day = show(project, "forecast", where="store=S001")
    assert by_day.forecast["units"].to_list() == pytest.approx(table["mean"].to_list())
    assert by_day.history["units"][-1] == np.nansum(panel.units[rows, -1])
    assert by_day.forecast["last_year"].is_nan().all() == (panel.n_days < 364)
    by_week = show(project, "forecast", where="store=S001", by="week")
    begin = by_week.forecast["date"][0]
    assert begin.weekday() == 0
    so_far = by_day.history.filter(pl.col("date") >= begin)["units"].sum()
    first = table.filter(pl.col("date") < pl.lit(begin).dt.offset_by("1w"))["mean"].sum()
    assert by_week.forecast["units"][0] == pytest.approx(so_far + first)
    ends = by_week.forecast["date"][-1], date.fromordinal(by_day.forecast["date"][-1].toordinal())
    assert by_week.forecast["whole"][-1] == ((ends[1] - ends[0]).days == 6)


def test_the_range_of_a_sum_is_that_of_its_paths(done_shop) -> None:
    project = Project(done_shop)
    shown = show(project, "forecast", where="store=S001")
    quantiles = (0.5 - shown.probability / 2, 0.5 + shown.probability / 2)
    table = forecasts_with_paths(project).demand(where={"store": "S001"}, quantiles=quantiles, n=400)
    assert [shown.soon.low, shown.soon.high] == pytest.approx(table.row(0)[-2:], rel=1e-6)
    assert shown.soon.high - shown.soon.low < (shown.forecast["high"] - shown.forecast["low"]).sum()


def test_earlier_forecasts_stand_beside_what_came(project) -> None:
    shown = show(project, "forecast")
    assert "backtest" in shown.earlier_note
    row = shown.earlier.row(0, named=True)
    tests = project.results.test_forecasts().filter(
        pl.col("cutoff") == row["made_after"], pl.col("date") == row["date"]
    )
    assert row["forecast"] == pytest.approx(tests["mean"].sum(), rel=1e-5)
    assert row["sold"] == tests["actual"].fill_nan(0).sum()


def test_the_views_are_plain_data(project) -> None:
    for name in ("forecast", "groups", "hierarchy"):
        assert json.dumps(plain(show(project, name)), allow_nan=False)


def test_hours_add_up_to_days(hourly_shop) -> None:
    shown = show(Project(hourly_shop / "shop"), "forecast", where="store=a", by="day")
    assert shown.periods == ["hour", "day", "week"]
    assert shown.history["units"][-1] == 9 * 10 + 15
    assert shown.forecast["days"].to_list() == [24, 24]
    assert shown.forecast["whole"].all()


def test_no_group_and_no_forecast(project, shop) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        show(project, "forecast", where="store=nowhere")
    with pytest.raises(UsageError, match="foresell run"):
        show(Project(shop), "groups")
