"""Plans that are issued: their files and history, the overrides that they apply, and what stays as it was issued."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from foresell.core.errors import UsageError
from foresell.pipeline.plans import KINDS
from foresell.pipeline.plans.override_log import Change
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


@pytest.fixture
def project(done_shop: Path) -> Project:
    """A project with stock, whose policy is named, so that its plan needs no contest."""
    project = Project(done_shop)
    keys = project.panel.series.select(project.panel.keys)
    keys.with_columns(on_hand=pl.lit(3)).write_csv(done_shop / "stock.csv")
    (done_shop / "terms.csv").write_text("lead_days,review_days\n2,3\n")
    tree = yaml.safe_load((done_shop / "foresell.yaml").read_text())
    tree["orders"] = {"stock": "stock.csv", "terms": "terms.csv", "policy": "normal"}
    tree["output"] = {**tree.get("output", {}), "folder": "out"}
    (done_shop / "foresell.yaml").write_text(yaml.safe_dump(tree))
    return Project(done_shop)


def change(project: Project, how: str = "add", value: float = 12, **more: object) -> Change:
    line = project.plan().lines.filter(pl.col("quantity") > 0).row(0, named=True)
    where = {key: str(line[key]) for key in project.panel.keys}
    return Change(where, how, value, "event", "fair", "Ann", **more)  # type: ignore[arg-type]


def test_an_issued_plan_has_files_a_table_and_a_place_in_the_history(project: Project) -> None:
    plan = project.plan()
    issued = project.issue_plan(plan)
    assert [path.name for path in issued.files] == ["orders.csv", "orders.parquet", "orders.html", "orders.json"]
    assert pl.read_parquet(issued.files[1]).equals(plan.lines)
    assert show(project, "plan").headline == plan.headline
    assert issued.copy is not None
    assert pl.read_parquet(issued.copy).equals(plan.lines)
    project.issue_plan(plan)  # takes the place of the first
    with sqlite3.connect(project.folder / "results" / "forecasts.sqlite") as database:
        rows, units = database.execute("SELECT count(*), sum(quantity) FROM plan_orders").fetchone()
    assert (rows, units) == (plan.lines.height, pytest.approx(plan.lines["quantity"].sum()))
    assert [kept.cutoff for kept in project.results.history.plans("orders")] == [project.panel.cutoff]
    assert plan.lines["change"].null_count() == plan.lines.height


def test_an_override_changes_every_plan_of_its_days_and_survives_new_results(project: Project) -> None:
    before = project.plan()
    project.issue_plan(before)
    wanted = change(project, "replace", 0)
    added = project.overrides.add(wanted)
    line = project.plan().lines.filter(pl.col("override").is_not_null()).row(0, named=True)
    assert {key: str(line[key]) for key in project.panel.keys} == wanted.where
    assert line["override"] == -added.replaces
    assert line["quantity"] == line["units"] == line["cost"] == line["value"] == 0
    assert line["action"] == "none"
    changed = project.plan()
    assert changed.headline[0] != before.headline[0]
    assert f"{int(changed.lines['quantity'].sum()):,} units" in changed.headline[0]
    assert "People changed 1 line" in changed.headline[-1]
    before_line = before.lines.filter(pl.all_horizontal(pl.col(key) == line[key] for key in project.panel.keys))
    assert line["money"] == line["gain"] == 0  # that of no order
    assert line["lost_units"] > before_line["lost_units"][0]
    (project.folder / "results" / "plan" / "orders.parquet").unlink()
    assert project.plan().lines["override"].count() == 1
    project.overrides.withdraw(added.id, "Ann", "")
    assert project.plan().lines["override"].count() == 0
    assert [listed.override.id for listed in project.overrides.listed()] == [added.id]
    assert project.overrides.holding() == []


def test_overrides_that_make_no_sense_are_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="no plan of orders to change"):
        project.overrides.add(change(project))
    project.issue_plan(project.plan())
    day = project.panel.cutoff
    for wanted, message in (
        (change(project, first=day, until=day - timedelta(days=1)), "before it begins"),
        (change(project, until=date(2000, 1, 1)), "before"),
        (change(project, "replace", -1), "below 0"),
        (change(project, "add", float("nan")), "no quantity"),
        (Change({"item": "nothing"}, "add", 1, "event", "", "Ann"), "no item 'nothing'"),
        (Change({"colour": "red"}, "add", 1, "event", "", "Ann"), "no key colour"),
        (Change({}, "add", 1, "whim", "", "Ann"), "no reason 'whim'"),
    ):
        with pytest.raises(UsageError, match=message):
            project.overrides.add(wanted)
    assert not project.overrides.path.exists()


def test_issued_quantities_stay_where_a_change_is_worth_too_little(project: Project) -> None:
    first = project.plan()
    issued = first.with_lines(first.lines.with_columns(quantity=pl.col("quantity") + 1))
    project.issue_plan(issued)
    assert project.plan().lines["quantity"].equals(first.lines["quantity"])
    frozen = project.plan(frozen_days=1).lines
    assert frozen["frozen"].to_list() == [1.0] * frozen.height
    assert frozen["quantity"].sum() == issued.lines["quantity"].sum()
    assert (frozen["binds"] == "frozen").all()
    assert (project.plan(least_gain=1e9).lines["binds"] == "least gain").all()
    worth = first.lines["money"] - first.with_quantities(issued.lines["quantity"].to_numpy()).lines["money"]
    some = project.plan(least_gain=worth.median()).lines
    assert some["frozen"].count() == (worth < worth.median()).sum() > 0


def test_the_plan_before_tells_what_has_changed(project: Project) -> None:
    plan = project.plan()
    earlier = plan.lines.with_columns(quantity=pl.col("quantity") - 2, date=pl.col("date") - pl.duration(days=1))
    project.results.history.keep_plan(earlier, "orders", project.panel.cutoff - timedelta(days=1))
    assert project.plan().lines["change"].to_list() == [2.0] * plan.lines.height


def test_a_plan_or_setting_that_does_not_exist_is_refused(project: Project) -> None:
    with pytest.raises(UsageError, match=f"the plans are {', '.join(KINDS)}"):
        project.plan("wishes")
    with pytest.raises(UsageError, match="no setting colour"):
        project.plan("orders", colour="red")


def test_overrides_that_cost_more_than_the_budget_are_named(project: Project) -> None:
    project.issue_plan(project.plan())
    project.overrides.add(change(project, "replace", 10_000))
    assert not project.plan().findings
    found = project.plan(budget=50.0).findings
    assert [(finding.code, finding.count) for finding in found] == [("override-over-budget", 1)]
