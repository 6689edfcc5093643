"""The orders ahead of a project, as vendors may expect them."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from foresell.core.errors import SettingsError
from foresell.core.settings import OrderTables, Sharing
from foresell.pipeline.plans import orders, sharing
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Seven days are forecast; four units on hand of every series, a lead time of one day, an order each day."""
    folder = tmp_path_factory.mktemp("sharing")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    path = folder / "shop" / "foresell.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["orders"] = {"stock": "stock.csv", "terms": "terms.csv", "policy": "normal"}
    path.write_text(yaml.safe_dump(tree))
    project = Project(folder / "shop")
    keys = project.panel.series.select(project.panel.keys)
    keys.with_columns(on_hand=pl.lit(4)).write_csv(path.parent / "stock.csv")
    (path.parent / "terms.csv").write_text("lead_days,review_days,pack\n1,1,1\n")
    return project


def test_days_ahead_by_item_with_ranges(project: Project) -> None:
    plan = sharing.plan(project, Sharing(by=("item",), days=1, firm_days=2))
    lines = plan.lines
    first = project.panel.ahead(1)[0].item()
    assert plan.keys == ("item",)
    assert lines.height == 6 * 7
    assert lines.select("item", "date", "action").is_unique().all()
    told = lines.drop_nulls("quantity")
    # The order of the last day would need demand after the forecast.
    assert told["date"].max() == first + timedelta(days=5)
    assert (told["low"] <= told["high"]).all()
    assert told.filter(pl.col("date") > first)["high"].sum() > told.filter(pl.col("date") > first)["low"].sum()
    assert set(lines.filter(status="firm")["date"]) == {first, first + timedelta(days=1)}
    assert lines.filter(pl.col("date") != first)["decided"].sum() == 0
    assert "units are firm" in plan.headline[0]


def test_the_first_day_is_the_plan_of_orders(project: Project) -> None:
    lines = sharing.plan(project, Sharing(days=1)).lines
    first = lines.filter(date=project.panel.ahead(1)[0].item()).sort(project.panel.keys)
    planned = orders.plan(project, project.settings.orders).lines.sort(project.panel.keys)
    np.testing.assert_allclose(first["quantity"], planned["quantity"])
    np.testing.assert_allclose(first["low"], first["high"])


def test_a_week_that_reaches_beyond_the_forecast_is_not_told(project: Project) -> None:
    plan = sharing.plan(project, Sharing())
    assert plan.lines["quantity"].null_count() == plan.lines.height
    assert not plan.is_decided
    assert "Forecast further ahead" in plan.headline[0]


def test_without_stock_there_are_no_orders_to_share(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from msgspec.structs import replace

    monkeypatch.setattr(project, "settings", replace(project.settings, orders=OrderTables()))
    with pytest.raises(SettingsError, match=r"orders\.stock"):
        sharing.plan(project, Sharing())


def test_a_column_that_the_series_do_not_have_is_refused(project: Project) -> None:
    with pytest.raises(SettingsError, match=r"'sharing\.by' has vendor, which the series do not have"):
        sharing.plan(project, Sharing(by=("vendor",)))


def test_it_is_a_plan_like_the_others(project: Project) -> None:
    plan = project.plan("sharing", days=1)
    assert plan.kind == "sharing"
    assert plan.lines["change"].null_count() == plan.lines.height  # there is no plan before
