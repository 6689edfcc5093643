"""The plan of capacity of a project."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.settings import CapacityTables
from foresell.pipeline.plans import capacity
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shop, whose items two manufacturers make: the cheap one has too little capacity."""
    folder = tmp_path_factory.mktemp("capacity")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    project = Project(folder / "shop")
    items = project.panel.series["item"].unique(maintain_order=True).to_list()
    rows = [f"{item},cheap,2,1" for item in items] + [f"{item},dear,4,1" for item in items[1:]]
    (project.folder / "able.csv").write_text("item,manufacturer,cost,minimum_lot\n" + "\n".join(rows) + "\n")
    (project.folder / "room.csv").write_text("manufacturer,capacity\ncheap,20\ndear,1000\n")
    first = project.panel.ahead(1)[0]
    late = [f"dear,{first - 9 - day},{first - 9 - day + day % 2},10,1" for day in range(20)]
    (project.folder / "deliveries.csv").write_text("manufacturer,due,delivered,quantity,rejected\n" + "\n".join(late))
    return project


def tables(**given: object) -> CapacityTables:
    return CapacityTables(**{"capabilities": "able.csv", "capacities": "room.csv", **given})


def test_orders_keep_capacity_and_what_binds_has_a_price(project: Project) -> None:
    plan = capacity.plan(project, tables())
    lines = plan.lines
    assert lines.select(*plan.keys, "date", "action").is_unique().all()
    assert plan.keys == ("item", "manufacturer")
    ordered = lines.filter(pl.col("action") == "order")
    used = ordered.group_by("manufacturer", "date").agg(pl.col("quantity").sum())
    cheap = used.filter(pl.col("manufacturer") == "cheap")
    assert (cheap["quantity"] <= 20 + 1e-6).all()
    bound = ordered.filter(pl.col("binds") == "capacity")
    assert (bound["shadow_price"] > 0).all()
    assert bound.height
    assert (ordered["quantity"] >= 1 - 1e-6).all()
    np.testing.assert_allclose(ordered["cost"], ordered["quantity"] * ordered["manufacturer"].replace_strict(
        {"cheap": 2.0, "dear": 4.0}
    ))  # fmt: skip
    assert lines["money"].drop_nulls().is_sorted(descending=True)
    assert plan.details()["capacity"][0].keys() == {"manufacturer", "date", "capacity", "utilisation", "shadow_price"}
    assert not plan.findings
    assert "expected to cost" in plan.headline[0]
    assert set(ordered["assumed"]) == {"on_time, good, use, penalty, holding, stock"}


def test_the_record_of_deliveries_is_read(project: Project) -> None:
    plan = capacity.plan(project, tables(deliveries="deliveries.csv"))
    dear = plan.lines.filter(pl.col("manufacturer") == "dear")
    assert dear["on_time"].unique().to_list() == [0.5]
    assert dear["good"].unique().round(6).to_list() == [0.9]


def test_a_sweep_says_what_wrong_forecasts_would_cost(project: Project) -> None:
    plan = capacity.plan(project, tables(sweep=True, unmet_penalty=10.0))
    assert plan.sweep is not None
    assert plan.sweep.height == 15
    assert len(plan.details()["sweep"]) == 15
    assert plan.sweep["extra_cost"].max() > 0


def test_a_part_that_nobody_makes_and_capacity_that_is_not_given_are_reported(project: Project) -> None:
    item = project.panel.series["item"][0]
    (project.folder / "one.csv").write_text(f"item,manufacturer,cost\n{item},cheap,2\nother,cheap,2\n")
    day = project.panel.ahead(1)[0]
    (project.folder / "days.csv").write_text(f"manufacturer,date,capacity\ncheap,{day},5\ncheap,{day},6\n")
    plan = capacity.plan(project, tables(capabilities="one.csv", capacities="days.csv"))
    assert {finding.code: finding.count for finding in plan.findings} == {
        "supply-unmatched": 1,
        "capability-missing": project.panel.series["item"].n_unique() - 1,
        "capacity-missing": 6,
    }
    ordered = plan.lines.filter(pl.col("action") == "order")
    assert ordered["quantity"].sum() <= 11 + 1e-6
    unmet = plan.lines.filter(pl.col("action") == "unmet")
    assert (unmet["quantity"] <= unmet["unconstrained"] + 1e-6).all()
    assert set(unmet.filter(pl.col("binds") == "capability")["item"]) == set(project.panel.series["item"]) - {item}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("capabilities", "manufacturer,cost\ncheap,2\n", "no column item"),
        ("capabilities", "item,manufacturer,cost\nx,cheap,-2\n", "cost below 0"),
        ("capabilities", "item,manufacturer,cost\nother,cheap,2\n", "No row .* is about a part"),
        ("capacities", "manufacturer,capacity\ncheap,-1\n", "capacity below 0"),
        ("capacities", "manufacturer,capacity\ncheap,1\ncheap,2\n", "several rows for cheap"),
        ("capacities", "manufacturer,room\ncheap,1\n", "column room"),
        ("deliveries", "manufacturer,due,delivered,quantity\ncheap,2024-01-01,2024-01-01,0\n", "without a quantity"),
    ],
)
def test_tables_that_cannot_be_are_refused_with_what_to_do(
    project: Project, file: str, text: str, message: str
) -> None:
    (project.folder / "bad.csv").write_text(text)
    with pytest.raises(SettingsError, match=message):
        capacity.plan(project, tables(**{file: "bad.csv"}))


def test_a_plan_without_tables_says_which_are_missing(project: Project) -> None:
    with pytest.raises(SettingsError, match=r"capacity\.capabilities"):
        capacity.plan(project, CapacityTables())
    with pytest.raises(SettingsError, match=r"capacity\.part"):
        capacity.plan(project, tables(part="colour"))


def test_capacities_of_months_are_spread_over_the_days_of_the_forecast(project: Project) -> None:
    ahead = project.panel.ahead(7)
    months = sorted({str(day)[:7] for day in ahead})
    rows = [f"{name},{month}-01,{units}" for name, units in (("cheap", 310), ("dear", 3100)) for month in months]
    (project.folder / "months.csv").write_text("manufacturer,date,capacity\n" + "\n".join(rows) + "\n")
    plan = capacity.plan(project, tables(capacities="months.csv"))
    assert [finding.code for finding in plan.findings] == ["capacity-spread"]
    days = {month: int((np.datetime64(month) + 1).astype("datetime64[D]").astype(int)
                       - np.datetime64(month).astype("datetime64[D]").astype(int)) for month in months}  # fmt: skip
    cheap = [row["capacity"] for row in plan.details()["capacity"] if row["manufacturer"] == "cheap"]
    np.testing.assert_allclose(cheap, [310 / days[str(day)[:7]] for day in ahead])


def test_manufacturers_that_can_make_nothing_and_parts_without_a_cost_are_named(project: Project) -> None:
    (project.folder / "typo.csv").write_text("manufacturer,capacity\ncheap,20\ndear,1000\nDear,9\n")
    plan = capacity.plan(project, tables(capacities="typo.csv"))
    assert [(finding.code, finding.examples) for finding in plan.findings] == [("manufacturer-unknown", ("Dear",))]
    item = project.panel.series["item"][0]
    (project.folder / "free.csv").write_text(f"item,manufacturer,cost\n{item},cheap,\n")
    with pytest.raises(SettingsError, match=f"no cost, or a use of 0, for cheap {item}"):
        capacity.plan(project, tables(capabilities="free.csv"))
