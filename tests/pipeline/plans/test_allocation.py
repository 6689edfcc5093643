"""The allocation of centres' stock among the stores of a project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from foresell.core.errors import SettingsError
from foresell.core.settings import AllocationTables
from foresell.pipeline.plans import allocation, make_plan
from foresell.pipeline.plans.allocation import AllocationPlan
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose stores have two units of everything, and a centre for each item with five."""
    folder = tmp_path_factory.mktemp("allocation")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    shop = folder / "shop"
    path = shop / "foresell.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["orders"] = {"stock": "stock.csv", "terms": "terms.csv", "policy": "lost_sales"}
    tree["allocation"] = {"centres": "centres.csv", "centre_stock": "centre_stock.csv", "capacity": "capacity.csv"}
    path.write_text(yaml.safe_dump(tree))
    project = Project(shop)
    keys = project.panel.series.select(project.panel.keys)
    keys.with_columns(on_hand=pl.lit(2)).write_csv(shop / "stock.csv")
    (shop / "terms.csv").write_text("lead_days,review_days,price,unit_cost\n2,3,10,5\n")
    site, item = sites_and_items(project)
    keys.select(site).unique(maintain_order=True).with_columns(centre=pl.lit("DC1")).write_csv(shop / "centres.csv")
    keys.select(item).unique(maintain_order=True).select(pl.lit("DC1").alias("centre"), item, on_hand=5).write_csv(
        shop / "centre_stock.csv"
    )
    (shop / "capacity.csv").write_text("centre,units\nDC1,40\n")
    return project


def sites_and_items(project: Project) -> tuple[str, str]:
    """The two keys of the project, the one of items last."""
    keys = list(project.panel.keys)
    item = "item" if "item" in keys else keys[-1]
    return next(key for key in keys if key != item), item


def planned(project: Project, **changes: Any) -> AllocationPlan:
    plan = make_plan(project, "allocation", **changes)
    assert isinstance(plan, AllocationPlan)
    return plan


def test_no_centre_gives_more_than_it_has_and_the_reasons_add_up(project: Project) -> None:
    plan = planned(project)
    lines = plan.lines
    _, item = sites_and_items(project)
    given = lines.group_by(item).agg(pl.col("quantity").sum(), pl.col("wanted").sum(), pl.col("centre_left").first())
    assert (given["quantity"] <= 5).all()
    np.testing.assert_allclose(given["quantity"] + given["centre_left"], 5)
    assert (given["wanted"] > 5).any()
    scarce = given.filter(pl.col("wanted") >= 5)
    assert (scarce["quantity"] == 5).all()
    total = sum(
        lines[name] * sign
        for name, sign in (("demand", 1), ("safety_stock", 1), ("on_hand", -1), ("on_order", -1), ("surplus", 1),
                           ("rounding", 1), ("short", -1))
    )  # fmt: skip
    np.testing.assert_allclose(total, lines["quantity"], atol=1e-2)
    short = lines.filter(pl.col("short") > 0)
    assert (short["binds"] == "centre stock").all()
    assert (short["shadow_price"] > 0).all()
    assert "more are wanted and not there" in plan.headline[0]


def test_the_load_of_a_centre_has_a_probability_of_overload(project: Project) -> None:
    plan = planned(project)
    load = plan.load
    assert load["centre"].unique().to_list() == ["DC1"]
    assert load["date"].to_list() == project.panel.ahead(load.height).tolist()
    assert load["mean"][0] == pytest.approx(plan.lines["quantity"].sum())
    assert load["overload"].is_between(0, 1).all()
    assert plan.details()["load"] == load.to_dicts()
    assert plan.tables()["load"].equals(load)
    likely = load.filter(pl.col("overload") > 0.1).height
    assert sum(finding.count for finding in plan.findings if finding.code == "centre-overload") == likely


def test_fairness_is_a_share(project: Project) -> None:
    fair, best = planned(project, fairness=1.0), planned(project)
    assert fair.lines["quantity"].sum() <= best.lines["quantity"].sum()
    assert fair.lines["money"].sum() <= best.lines["money"].sum() + 1e-6


@pytest.mark.parametrize(
    ("stock", "code"),
    [("-3", "centre-stock-invalid"), ("", "centre-stock-invalid"), (None, "centre-stock-unknown")],
)
def test_a_stock_that_is_not_known_allocates_nothing_and_has_one_finding(
    project: Project, stock: str | None, code: str
) -> None:
    _, item = sites_and_items(project)
    lines = (project.folder / "centre_stock.csv").read_text().splitlines()
    first = lines[1].split(",")
    other = [] if stock is None else [",".join([*first[:-1], stock])]
    (project.folder / "other.csv").write_text("\n".join([lines[0], *other, *lines[2:]]) + "\n")
    plan = planned(project, centre_stock="other.csv")
    assert [finding.code for finding in plan.findings if finding.code.startswith("centre-stock")] == [code]
    of_item = plan.lines.filter(pl.col(item).cast(pl.String) == first[lines[0].split(",").index(item)])
    assert of_item.height > 0
    assert of_item["quantity"].null_count() == of_item.height
    assert (of_item["action"] == "undecided").all()
    assert plan.lines["quantity"].null_count() == of_item.height


def test_tables_that_are_missing_are_asked_for(project: Project) -> None:
    with pytest.raises(SettingsError, match="stock of the centres is not known"):
        allocation.plan(project, AllocationTables(centres="centres.csv"))
    with pytest.raises(SettingsError, match="not known which centre supplies which store"):
        allocation.plan(project, AllocationTables(centre_stock="centre_stock.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("centre,units\nDC1,many\n", "no capacity of 0 or more for DC1"),
        ("centre,units\nDC1,-4\n", "no capacity of 0 or more for DC1"),
        ("centre,units\nDC1,4\nDC1,40\n", "several rows for DC1"),
    ],
)
def test_a_capacity_that_cannot_be_read_is_refused(project: Project, text: str, message: str) -> None:
    (project.folder / "wrong.csv").write_text(text)
    with pytest.raises(SettingsError, match=message):
        planned(project, capacity="wrong.csv")


def test_a_capacity_of_a_centre_that_is_not_known_is_named(project: Project) -> None:
    (project.folder / "other.csv").write_text("centre,units\nDC7,4\n")
    findings = {finding.code: finding for finding in planned(project, capacity="other.csv").findings}
    assert findings["supply-unmatched"].examples == ("DC7",)


def test_a_plan_that_decides_nothing_does_not_say_that_all_is_there(project: Project) -> None:
    (project.folder / "none.csv").write_text(
        "centre,item,on_hand\nDC7,x,4\n".replace("item", sites_and_items(project)[1])
    )
    [sentence, *_] = planned(project, centre_stock="none.csv").headline
    assert "Nothing can be shared" in sentence
