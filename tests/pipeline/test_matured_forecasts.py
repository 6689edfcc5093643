"""How a backtest erred by day, and how often its ranges held."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.evaluate.metrics import wape
from foresell.monitor.accuracy import DAILY, figures
from foresell.pipeline.matured_forecasts import history_of, nominal_of, with_coverage
from foresell.pipeline.project import Project
from foresell.store.tables import read_table

CUTOFF = date(2024, 3, 1)


def day(step: int, of: str = "total") -> dict[str, object]:
    row = {"cutoff": CUTOFF, "date": date(2024, 3, 1 + step), "step": step, "part": "level", "of": of, "name": "all"}
    return row | {"units": 5.0, "forecast": 4.0, "error": 1.0, "naive": 2.0, "points": 10.0, "inside": 0, "ranged": 0}


def held(step: int, nominal: float, coverage: float, by: str = "step") -> dict[str, object]:
    row = {"cutoff": CUTOFF, "level": "total", "by": by, "segment": str(step), "nominal": nominal, "points": 10}
    return row | {"coverage": coverage}


DAYS = pl.DataFrame([day(1), day(2), day(1, "store")], schema=DAILY)
TRIED = pl.DataFrame([held(1, 0.5, 0.4), held(1, 0.9, 0.8), held(1, 0.9, 0.1, by="all"), held(2, 0.9, 1.0)])


@pytest.mark.parametrize(
    ("nominal", "inside"),
    [
        (0.9, 8.0),  # as it was tried
        (0.7, 6.0),  # half way between 0.5 and 0.9, so between 0.4 and 0.8
        (0.95, 9.0),  # half way to the range that holds all
        (0.25, 2.0),  # half way from the range of nothing
    ],
)
def test_of_a_range_that_was_not_tried_the_coverage_lies_between_its_neighbours(nominal, inside):
    table = with_coverage(DAYS, TRIED, nominal)
    first = table.row(0, named=True)
    assert (first["inside"], first["ranged"]) == (pytest.approx(inside), 10.0)
    assert table.row(2, named=True)["ranged"] == 0  # nothing was tried of that level
    assert table.columns == DAYS.columns


def test_without_a_range_or_a_trial_nothing_is_said_of_coverage():
    assert with_coverage(DAYS, TRIED, None).equals(DAYS)
    assert with_coverage(DAYS, TRIED.clear(), 0.9).equals(DAYS)


def test_combine_leaves_how_the_ensemble_erred_by_day(done_shop):
    project = Project(done_shop)
    folder = project.results.folder("combine")
    by_day, tested = read_table(folder / "by_day.parquet"), project.results.test_forecasts()
    assert set(by_day["cutoff"]) == set(tested["cutoff"])
    wape_by_day = figures(by_day.filter(part="level", of="store x item"), ["part"])["wape"].item()
    assert wape_by_day == pytest.approx(float(wape(tested["actual"].to_numpy(), tested["mean"].to_numpy())), rel=1e-5)
    assert by_day["ranged"].sum() == 0


def test_what_is_kept_has_the_coverage_of_the_range_that_is_handed_out(done_shop, change_settings):
    change_settings(done_shop, output={"quantiles": [0.2, 0.5, 0.8]})
    project = Project(done_shop)
    outcome = project.run("forecast")["forecast"]
    kept = history_of(project.results).backtest(outcome.summary.training)
    held_60 = figures(kept.filter(part="level", of="total"), ["part"])["coverage"].item()
    ranges = read_table(project.results.folder("combine") / "ranges.parquet").filter(level="total", by="all")
    by = {
        row["nominal"]: row["coverage"] for row in ranges.group_by("nominal").agg(pl.col("coverage").mean()).to_dicts()
    }
    assert nominal_of((0.2, 0.5, 0.8)) == 0.6
    assert held_60 == pytest.approx(by[0.5] + (by[0.8] - by[0.5]) / 3)
