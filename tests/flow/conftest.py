"""A shop whose forecasts are watched: sales come in when a test lets them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.flow.project import Project

CUTOFF = date(2025, 12, 14)  # two weeks before the sample's last sales


@pytest.fixture(scope="session")
def _watched(_shop: Path, tmp_path_factory, change_settings) -> Path:
    """A shop that has forecast after `CUTOFF`, with two weeks of sales still to come; twelve windows tell what is
    usual."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "shop" / "results")
    change_settings(folder / "shop", data={"until": CUTOFF.isoformat()}, backtest={"windows": 12}, horizon=7)
    Project(folder / "shop").run("forecast")
    return folder


@pytest.fixture
def watched(_watched: Path, tmp_path: Path) -> Path:
    shutil.copytree(_watched, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


@pytest.fixture
def come_in(watched: Path, change_settings) -> Callable[..., Project]:
    """Lets sales until a day come in, those after the cutoff times a factor; the project as it then stands."""

    def bring(until: date = CUTOFF + timedelta(days=7), factor: float = 1.0) -> Project:
        path = watched.parent / "data" / "sales.csv"
        if factor != 1:
            sales = pl.read_csv(path, try_parse_dates=True)
            later = pl.col("date") > CUTOFF
            units = pl.when(later).then((pl.col("units") * factor).round().cast(pl.Int64)).otherwise(pl.col("units"))
            sales.with_columns(units.alias("units")).write_csv(path)
        change_settings(watched, data={"until": until.isoformat()})
        return Project(watched)

    return bring
