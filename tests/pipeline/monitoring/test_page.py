"""The page of accuracy of a project: what monitoring computed stands on it, whatever came in."""

from __future__ import annotations

import html
import re
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from foresell.core.words import change, day, number, share
from foresell.monitor.check_results import run_checks
from foresell.monitor.checks.check import Topic
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.monitoring import monitor as monitoring
from foresell.pipeline.monitoring.history_update import Versions, update_day_sums
from foresell.pipeline.monitoring.monitor import monitor, update_and_take_snapshot
from foresell.pipeline.monitoring.page import snapshot_page, stopped_page
from foresell.pipeline.monitoring.snapshot import take_snapshot
from foresell.pipeline.project import Project

pytestmark = pytest.mark.usefixtures("drift_only_where_asked")

CUTOFF = date(2025, 12, 14)


def text_of(result) -> str:
    """The words of a page, without its tags."""
    source = result.page.read_text(encoding="utf-8")
    plain = html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", source, flags=re.DOTALL))
    return re.sub(r"\s+", " ", plain)


def page_of(project: Project):
    """What the checks of a project came to, and its page."""
    snapshot = update_and_take_snapshot(project)
    checks = run_checks(snapshot.check_data("not looked for"))
    return checks, snapshot_page("shop", snapshot, checks, checks.about(Topic.ACCURACY), [])


def test_a_quiet_look_says_so_with_its_figures(come_in):
    result = monitor(come_in())
    text = text_of(result)
    version = result.summary.to_dict()["judged"]["version"]
    assert f"The forecast of 14 Dec 2025 by version {version} was compared with the sales of 15 to 21 Dec 2025" in text
    assert "no figure lies outside what is usual" in text
    assert "Error by week" in text
    for row in result.summary.to_dict()["figures"]:
        of = row["level"].replace(" x ", " × ")
        assert f"{of} {share(row['wape'])} " in text
        assert f"{of} {share(row['coverage'])} " in text
    (check,) = [c for c in result.summary.to_dict()["checks"] if (c["figure"], c["of"]) == ("bias", "total")]
    assert f" {change(1 / 2.718281828459045 ** check['high'] - 1)} to " in text
    groups = result.tables["accuracy"].filter((pl.col("part") == "group") & (pl.col("of") == "store"))
    for row in groups.iter_rows(named=True):
        assert f"{share(row['wape'])} {share(row['wape_backtest'])} {number(row['units'])} " in text


def test_a_shift_is_on_top_with_what_to_do(come_in):
    result = monitor(come_in(factor=0.3))
    text = text_of(result)
    assert "✕ Do not plan by these forecasts unseen" in text
    worst = result.findings[0]
    assert worst.code in text[text.index("Description and advice") :]
    assert text.index("What to do: Look for what changed") < text.index("Findings Findings about")
    assert "◆ outside" in text
    assert re.search(r"Bias of all sales \+\d+ % More was forecast than sold; usual is \S+ %. ▲ outside", text)


def test_before_anything_has_matured_it_says_when(come_in):
    text = text_of(monitor(come_in(CUTOFF)))
    assert "… Not to be judged yet" in text
    assert f"can be judged when those of {CUTOFF + timedelta(days=7)} are" in text
    assert "Figures by level" not in text


def test_data_that_cannot_be_used_leave_what_was_known(come_in):
    project = come_in()
    monitor(project)
    path = project.folder.parent / "data" / "sales.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("units", "pieces", 1), encoding="utf-8")
    text = text_of(monitor(Project(project.folder)))
    assert "✕ The newest data cannot be used" in text
    assert "The figures below were known before: sales up to 21 Dec 2025." in text
    assert "missing-columns" in text
    assert "All sales" in text


def test_data_that_cannot_be_used_before_anything_was_known(shop):
    content = stopped_page(Project(shop), "no column", [])
    assert (content.days, content.marks, content.decided) == (None, (), ())


def test_a_page_that_cannot_be_drawn_leaves_the_old_one(come_in, monkeypatch):
    project = come_in()
    result = monitor(project)
    before = result.page.read_bytes()

    def broken(content) -> str:
        raise KeyError(content.title)

    monkeypatch.setattr(monitoring, "render_monitor_page", broken)
    with pytest.raises(KeyError):
        monitor(Project(project.folder))
    assert result.page.read_bytes() == before
    assert not list(result.folder.glob(".*.part"))


def test_the_worst_group_comes_first(come_in):
    project = come_in()
    path = project.folder.parent / "data" / "sales.csv"
    sales = pl.read_csv(path, try_parse_dates=True)
    worst = sales["store"].max()
    more = (pl.col("date") > CUTOFF) & (pl.col("store") == worst)
    units = pl.when(more).then(pl.col("units") * 4).otherwise(pl.col("units"))
    sales.with_columns(units.alias("units")).write_csv(path)
    project.run("check")
    checks, content = page_of(project)
    (stores,) = [division for division in content.divisions if division.what == "store"]
    by_store = {c.name: c for c in checks.data.judgements if (c.figure, c.part, c.of) == ("bias", "group", "store")}
    (first, other) = stores.places
    assert (first.name, first.outside, other.outside) == (worst, True, False)
    # The other store is as usual beside itself, although it stands far below a total that rose.
    rest = other.units / other.forecast
    assert first.figures["bias"].value == pytest.approx(first.forecast / first.units * rest - 1, abs=0.05)
    assert abs(other.figures["bias"].value) < 0.1 < by_store[other.name].value * -1
    (finding,) = [f for f in checks.about(Topic.ACCURACY) if (f.code, f.where) == ("bias-shifted", "store")]
    assert f"{worst}: " in finding.message


def test_steps_stand_beside_those_of_the_backtest(come_in):
    project = come_in()
    project.run("check")
    _, content = page_of(project)
    (kept,) = history_of(project.results).forecasts()
    daily = history_of(project.results).backtest(kept.model)
    total = next(step for step in content.steps if step.level == "total")
    assert total.steps == tuple(range(1, 8))
    rows = daily.filter((pl.col("part") == "level") & (pl.col("of") == "total") & (pl.col("step") == 3))
    assert total.before[2] == pytest.approx(100 * rows["error"].sum() / rows["units"].sum())


def test_a_new_champion_is_marked_where_its_forecasts_begin(come_in):
    """Another version is promoted and forecasts from the middle of the week on; a third is refused."""
    project = come_in()
    project.run("check")
    history = history_of(project.results)
    (kept,) = history.forecasts()
    later = kept.cutoff + timedelta(days=3)
    frame = kept.read().filter(pl.col("date") > later).with_columns(step=(pl.col("step") - 3).cast(pl.Int16))
    history.keep_forecast(frame, later, "another")
    rows = [
        {"run": str(number), "when": datetime(2026, 1, number), "verdict": verdict, "version": version, "reason": "<b>"}
        for number, verdict, version in ((1, "promoted", "2"), (2, "refused", "3"))
    ]
    history.put("promotions", pl.DataFrame(rows), ["when"])
    versions = Versions({kept.model: "1", "another": "2"})
    forecasts = update_day_sums(project.results, versions, lambda done, doing: None)
    snapshot = take_snapshot(project.results, versions, forecasts)
    content = snapshot_page("shop", snapshot, run_checks(snapshot.check_data("not looked for")), [], [])
    assert [(mark.day, mark.text) for mark in content.marks] == [(later + timedelta(days=1), "version 2")]
    decisions = [(decision.version, decision.verdict) for decision in content.decided]
    assert decisions == [("3", "refused"), ("2", "promoted")]
    assert content.days.dates[0].astype(object) == kept.cutoff + timedelta(days=1)
    assert day(later) not in {mark.text for mark in content.marks}


@pytest.mark.usefixtures("evidently")
def test_drift_of_inputs_has_a_link_to_its_page(come_in):
    result = monitor(come_in())
    source = result.page.read_text(encoding="utf-8")
    assert ('href="drift.html"' in source) == (result.folder / "drift.html").exists()
    assert "Drift of inputs and predictions" in source
