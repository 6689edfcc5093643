"""A project by the periods of a table, from the files to the forecasts."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import yaml

from foresell.pipeline.project import Project

BEGINS = np.datetime64("2019-12-29") + 7 * np.append(0, np.cumsum(np.tile([4, 4, 5], 24)))
NAMES = [f"P{number % 12 + 1:02d} FY{20 + number // 12}" for number in range(len(BEGINS))]
HISTORY, HORIZON = 48, 3


@pytest.fixture
def folder(tmp_path):
    """A project of two items whose files name their periods."""
    (tmp_path / "periods.csv").write_text(
        "begin,name\n" + "".join(f"{begin},{name}\n" for begin, name in zip(BEGINS, NAMES, strict=True))
    )
    rows = [f"{NAMES[n]},{item},{20 + n % 12 + 10 * (n % 3 == 2)}\n" for n in range(HISTORY) for item in ("a", "b")]
    (tmp_path / "sales.csv").write_text("period,item,units\n" + "".join(rows))
    tree = {
        "data": {"sales": "sales.csv", "keys": ["item"], "date": "period", "frequency": "M", "periods": "periods.csv"},
        "horizon": HORIZON,
        "models": [{"name": "seasonal_naive"}],
        "backtest": {"windows": 2},
        "tracking": {"enabled": False},
    }
    (tmp_path / "foresell.yaml").write_text(yaml.safe_dump(tree))
    return tmp_path


def test_forecasts_are_of_the_periods_ahead(folder):
    project = Project(folder)
    project.run("report")
    forecasts = pl.read_parquet(folder / "results/forecast/forecasts.parquet").filter(pl.col("level") == "item")
    assert forecasts["date"].unique().sort().to_list() == BEGINS[HISTORY : HISTORY + HORIZON].tolist()
    year_before = [20 + n % 12 + 10 * (n % 3 == 2) for n in range(HISTORY, HISTORY + HORIZON)]
    assert forecasts.filter(pl.col("item") == "a")["mean"].to_list() == pytest.approx(year_before, abs=0.01)
    assert NAMES[HISTORY] in (folder / "results/report/report.html").read_text()


def test_a_changed_table_makes_the_check_out_of_date(folder):
    project = Project(folder)
    project.run("check")
    assert {step.step: step.state for step in project.status()}["check"] == "up to date"
    text = (folder / "periods.csv").read_text()
    (folder / "periods.csv").write_text(text.replace(f"{BEGINS[20]}", f"{BEGINS[20] + 1}"))
    assert {step.step: step.state for step in Project(folder).status()}["check"] == "out of date"
