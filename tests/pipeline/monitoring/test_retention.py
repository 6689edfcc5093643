"""Kept forecasts that nothing reads any more make room; what they came to stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.adjust.reconciliation import all_levels
from foresell.core.forecasts import Forecasts
from foresell.pipeline.matured_forecasts import history_of, kept_frame, naive_forecast
from foresell.pipeline.monitoring.monitor import monitor, update_and_take_snapshot
from foresell.pipeline.monitoring.retention import expired
from foresell.pipeline.project import Project
from foresell.pipeline.results import Results
from foresell.store.history import KeptForecast

LAST, HORIZON = date(2025, 12, 28), 7  # of the sample's sales


@pytest.fixture
def seen(done_shop: Path, change_settings) -> Callable[..., Project]:
    """The project with forecasts made so many days before the last sale, as it stands when sales are known `until`."""
    project = Project(done_shop)
    results = project.results
    assert results.panel.cutoff == LAST
    shutil.rmtree(done_shop / "results" / "history")  # the forecast that the shop itself has made

    def make(*back: int, until: date = LAST, model: str = "a", **monitoring: object) -> Project:
        keep_forecasts(results, back, model)
        change_settings(done_shop, data={"until": until.isoformat()}, monitoring={"days": 14, **monitoring})
        project = Project(done_shop)
        project.run("check")
        return project

    return make


def keep_forecasts(results: Results, back: tuple[int, ...], model: str) -> None:
    """What seasonal naive would have said then, kept as forecasts of a model."""
    for days in back:
        past = results.panel.until(LAST - timedelta(days=days))
        forecasts = Forecasts(all_levels(naive_forecast(past, HORIZON), past.series, results.hierarchy))
        frame = kept_frame(past, results.hierarchy, forecasts, whole=True)
        history_of(results).keep_forecast(frame, past.cutoff, model)


def prune(project: Project) -> list[KeptForecast]:
    """Removes what `expired` names, as `monitor` does."""
    removed = expired(update_and_take_snapshot(project))
    for forecast in removed:
        history_of(project.results).drop_forecast(forecast)
    return removed


def there(project: Project) -> list[int]:
    """How many days before the last sale the forecasts were made that are kept."""
    return [(LAST - forecast.cutoff).days for forecast in history_of(project.results).forecasts()]


def recorded(project: Project) -> dict[int, int]:
    """Of how many days of each forecast the history knows what came of it."""
    daily = history_of(project.results).table("accuracy")
    days = daily.group_by("cutoff").agg(pl.col("date").n_unique()).sort("cutoff")
    return {(LAST - cutoff).days: count for cutoff, count in days.iter_rows()}


def test_forecasts_make_room_whose_last_day_lies_long_ago(seen):
    project = seen(60, 28, 27, 8, 3, keep=20)
    before = update_and_take_snapshot(project).daily
    # The last day of the forecast of 28 days ago lies 21 days before the last sale, that of the next 20.
    assert [(LAST - forecast.cutoff).days for forecast in prune(project)] == [60, 28]
    assert there(project) == [27, 8, 3]
    assert len(list((history_of(project.results).root / "forecasts").iterdir())) == 3  # nor are empty folders left
    assert update_and_take_snapshot(project).daily.equals(before)
    assert recorded(project) == {60: 7, 28: 7, 27: 7, 8: 7, 3: 3}
    assert prune(project) == []


def test_what_the_newest_days_are_judged_by_stays_however_short_the_setting(seen):
    project = seen(21, 20, keep=1)
    prune(project)
    assert there(project) == [20]  # its last day is the first of the newest 14


def test_all_are_kept_where_the_settings_say_so(seen):
    project = seen(60, 3, keep=None)
    assert prune(project) == []
    assert there(project) == [60, 3]


def test_what_is_not_in_the_history_stays(seen):
    project = seen(60, 3, keep=20)
    root = history_of(project.results).root / "forecasts"
    before_all = root / "cutoff=2025-01-01"  # the sales of its days are not known
    before_all.mkdir()
    kept = history_of(project.results).forecasts()[0]
    kept.read().with_columns(pl.col("date") - timedelta(days=302)).write_parquet(before_all / "a.parquet")
    prune(project)
    assert there(project) == [361, 3]


def test_days_that_came_in_while_nobody_looked_join_the_history(seen):
    project = seen(60, until=LAST - timedelta(days=56))
    assert update_and_take_snapshot(project).daily["date"].n_unique() == 4
    project = seen(50, 40, 3, until=LAST)  # of a model that is known, but out of the newest days
    assert not update_and_take_snapshot(project).daily.is_empty()
    assert recorded(project) == {60: 7, 50: 7, 40: 7, 3: 3}


def test_a_look_makes_room_and_says_the_same_the_second_time(seen):
    project = seen(60, 50, 8, 3, keep=20)
    first = monitor(project)
    assert there(project) == [8, 3]
    assert first.summary.forecasts_kept == 2
    assert monitor(Project(project.folder)).to_dict() == first.to_dict()
