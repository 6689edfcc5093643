"""The view of the first page: the verdict with its reasons, what changed, and the next days by group."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.project import Project
from foresell.pipeline.views import show

DAY = date(2025, 12, 29)  # the day after the last sales of the sample


def test_without_results_it_says_what_makes_them(shop) -> None:
    shown = show(Project(shop), "today")
    assert shown.verdict.kind == "no"
    assert shown.verdict.sentence.endswith("Read the sales and forecast with: foresell run")
    assert shown.levels == []


def test_what_has_no_sales_yet_cannot_be_judged(done_shop) -> None:
    project = Project(done_shop)
    shown = show(project, "today", today=DAY)
    assert shown.verdict.kind == "open"
    assert shown.verdict.sentence.startswith("It cannot be judged yet: no sales have come in yet")
    assert "foresell monitor" in shown.worst_note
    assert any("There is no plan yet" in reason.sentence for reason in shown.verdict.reasons)


def test_a_forecast_that_has_passed_is_not_planned_with(done_shop) -> None:
    shown = show(Project(done_shop), "today", today=DAY + timedelta(days=7))
    assert shown.verdict.sentence.startswith("No, do not plan with this: the forecast ends with 4 Jan 2026")


def test_the_next_days_by_group(done_shop) -> None:
    project = Project(done_shop)
    shown = show(project, "today", today=DAY, level="store")
    forecasts = project.results.forecasts.filter(pl.col("level") == "store")
    expected = forecasts.group_by("store").agg(pl.col("mean").cast(pl.Float64).sum()).sort("mean", descending=True)
    assert shown.table["store"].to_list() == expected["store"].to_list()
    assert shown.table["units_ahead"].to_list() == pytest.approx(expected["mean"].to_list(), rel=1e-3)
    assert shown.days["before"].sum() == pytest.approx(shown.table["units_before"].sum())
    assert shown.last_year == ""  # the sample has 200 days
    one = show(project, "today", today=DAY, level="store", search=expected["store"][0].lower())
    assert one.table.height == 1
    with pytest.raises(UsageError, match="the levels are total, store"):
        show(project, "today", level="region")


def test_what_changed_since_the_forecast_and_the_plan_before(done_shop) -> None:
    project = Project(done_shop)
    history = project.results.history
    (kept,) = history.forecasts()
    before = kept.read().drop("made")
    history.keep_forecast(before.with_columns(pl.col("mean") / 2), kept.cutoff - timedelta(days=1), "before")
    folder = project.results.root / "plan"
    folder.mkdir()
    (folder / "orders.html").touch()
    pl.DataFrame({"unit": ["units"] * 3, "change": [5.0, -2.0, None]}).write_parquet(folder / "orders.parquet")
    shown = show(project, "today", today=DAY)
    assert "(+100 %)" in shown.changes[0]
    assert shown.changes[1] == "The plan of orders has changed in 2 lines of 3: 5 units more, 2 less."
    assert shown.changed["change"].to_list() == pytest.approx([1.0] * shown.changed.height, rel=1e-3)


def test_a_fallen_store_is_the_worst_and_why_to_look_first(come_in) -> None:
    project = come_in(factor=0.4)
    project.run("check")
    shown = show(project, "today", today=date(2025, 12, 22))
    assert shown.worst["group"][0] == "all sales"
    assert [reason.kind for reason in shown.verdict.reasons].count("no") == 1  # its seven days have passed
    assert any(reason.kind == "care" and "All sales" in reason.sentence for reason in shown.verdict.reasons)
