"""Days out of stock by block, as they stand in the sales file; a wave of them is told, and the usual is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.monitor.checks import stock_outs
from foresell.monitor.checks.check import CheckData
from foresell.monitor.false_alarms import rate_of
from foresell.pipeline.monitoring.monitor import monitor, update_and_take_snapshot
from foresell.pipeline.project import Project

pytestmark = pytest.mark.usefixtures("drift_only_where_asked")

CUTOFF = date(2025, 12, 14)


def data_of(project: Project) -> CheckData:
    return update_and_take_snapshot(project).check_data("not looked for")


def sales_of(project: Project) -> pl.DataFrame:
    sales = pl.read_csv(project.folder.parent / "data" / "sales.csv", try_parse_dates=True)
    return sales.with_columns(pl.col("stocked_out").cast(pl.Boolean))


@pytest.fixture
def wave(come_in):
    """The sales of a week later, with most of one store's shelves empty in that week."""
    project = come_in()
    sales = sales_of(project)
    store = sales["store"][0]
    hit = (pl.col("date") > CUTOFF) & (pl.col("store") == store) & (pl.col("item") != sales["item"][0])
    empty = sales.with_columns(stocked_out=pl.col("stocked_out") | hit, units=pl.when(hit).then(0).otherwise("units"))
    empty.with_columns(pl.col("stocked_out").cast(pl.Int8)).write_csv(project.folder.parent / "data" / "sales.csv")
    return Project(project.folder), store


def test_the_counts_are_those_of_the_file(come_in):
    project = come_in()
    project.run("check")
    last, first = project.panel.cutoff, project.panel.n_days - 28
    counts = stock_outs.day_counts(replace(data_of(project), block=7, first=first))["store"]
    assert counts.out.shape == counts.on_sale.shape == (len(counts.names), 1 + min(first, 364) // 7)
    sales = sales_of(project).filter(pl.col("date") <= last)
    newest = sales.filter((pl.col("date") > last - timedelta(days=7)) & pl.col("stocked_out"))
    before_that = last - timedelta(days=28)
    block = pl.col("date").is_between(before_that - timedelta(days=6), before_that)
    before = sales.filter(block & pl.col("stocked_out"))
    for number, name in enumerate(counts.names):
        assert counts.out[number, -1] == newest.filter(pl.col("store") == name).height
        assert counts.out[number, -2] == before.filter(pl.col("store") == name).height
    assert (counts.out <= counts.on_sale).all()
    assert counts.out.sum() > 0


def test_a_wave_is_told_in_the_first_week(wave):
    project, store = wave
    (finding,) = [candidate for candidate in monitor(project).findings if candidate.code == "stock-outs-rose"]
    assert any(f"store {store}" in text for text in (finding.message, *finding.examples))


def test_a_usual_week_is_not(come_in):
    assert "stock-outs-rose" not in {finding.code for finding in monitor(come_in()).findings}


def test_without_a_stock_out_there_is_nothing_to_look_at(come_in):
    project = come_in()
    project.run("check")
    data = data_of(project)
    assert stock_outs.day_counts(replace(data, lost=data.lost.clear())) == {}


def test_it_spends_its_share_of_the_false_alarms(come_in, monkeypatch):
    spent = []
    monkeypatch.setattr(stock_outs, "rises", lambda levels, rate: spent.append(rate) or [])
    project = come_in()
    monitor(project)
    assert spent == [rate_of("stock-outs", project.settings.monitoring.false_alarms)]
    assert np.isclose(sum(spent), 0.0005)
