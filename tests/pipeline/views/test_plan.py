"""The views of plans: lines with their states, what is missing, approvals for who sends the orders, overrides."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.plans import KINDS
from foresell.pipeline.plans.approval_log import ApprovalLog
from foresell.pipeline.plans.override_log import Change
from foresell.pipeline.project import Project
from foresell.pipeline.views import plain, show
from foresell.pipeline.views.plan import parts_table

DAY = date(2024, 5, 6)


@pytest.fixture
def planned(planned_shop: Path) -> Project:
    return Project(planned_shop)


def put(project: Project, value: float, item: str = "nuts") -> str:
    change = Change({"store": "S1", "item": item}, "add", value, "event", "fair", "Ann")
    return project.overrides.add(change).id


def test_the_lines_with_most_money_at_risk_are_first(planned: Project) -> None:
    shown = show(planned, "plan")
    assert shown.lines["item"].to_list() == ["=tea", "nuts", "nuts"]
    assert shown.lines["state"].to_list() == ["to decide"] * 3
    assert (shown.matching, shown.matching_money, shown.matching_cost) == (3, 44.0, 72.0)
    assert (shown.headline, shown.day, shown.keys) == (("3 orders.",), DAY, ("store", "item"))
    assert shown.choices["binds"] == ("pack",)
    assert show(planned, "plan", show="all").matching == 4
    assert show(planned, "plan", most="1").lines.height == 1


@pytest.mark.parametrize(
    ("asked", "matching"),
    [
        ({"search": "s1 NUT"}, 1),
        ({"search": "(tea"}, 0),
        ({"where": "store=S2"}, 1),
        ({"where": '{"item": "nuts", "binds": "pack"}'}, 2),
        ({"state": "approved"}, 0),
    ],
)
def test_lines_are_searched_and_filtered(planned: Project, asked: dict[str, str], matching: int) -> None:
    assert show(planned, "plan", **asked).matching == matching


def test_a_question_that_makes_no_sense_is_refused(planned: Project) -> None:
    for asked, message in (
        ({"kind": "wishes"}, "the plans are orders"),
        ({"state": "eaten"}, "the states are to decide"),
        ({"where": "colour=red"}, "no column 'colour'"),
        ({"where": "red"}, "names no column"),
        ({"where": "{red"}, "no object"),
        ({"show": "some"}, "cannot be shown"),
    ):
        with pytest.raises(UsageError, match=message):
            show(planned, "plan", **asked)


def test_an_override_changes_the_line_at_once_and_the_new_plan_no_more(planned: Project) -> None:
    id = put(planned, 6.0)
    shown = show(planned, "plan", where="store=S1", search="nuts")
    line = shown.lines.row(0, named=True)
    assert shown.amended == 1
    assert (line["quantity"], line["cost"], line["override"]) == (18.0, 36.0, 6.0)
    assert line["reason"] == "demand 14 − on hand 3 + rounding 1 + override 6"
    lines = show(planned, "approvals", state="any").lines
    assert lines.filter(item="nuts", store="S1")["gain"].to_list() == [None]  # only a new plan can tell
    assert lines.filter(item="=tea")["gain"].to_list() == [30.0]
    # The plan made with it has the same, and without it the old quantity.
    path = planned.folder / "results" / "plan" / "orders.parquet"
    with_override = pl.read_parquet(path).with_columns(
        quantity=pl.when(pl.col("money") == 9).then(18.0).otherwise("quantity"),
        override=pl.when(pl.col("money") == 9).then(6.0),
        reason=pl.when(pl.col("money") == 9).then(pl.lit(line["reason"])).otherwise("reason"),
    )
    with_override.write_parquet(path)
    assert show(planned, "plan").amended == 0
    planned.overrides.withdraw(id, "Ann", "")
    shown = show(planned, "plan", where="store=S1", search="nuts")
    line = shown.lines.row(0, named=True)
    assert (line["quantity"], line["override"], shown.amended) == (12.0, None, 1)
    assert line["reason"] == "demand 14 − on hand 3 + rounding 1"


def test_an_approval_and_an_override_after_it(planned: Project) -> None:
    log = ApprovalLog(planned.folder)
    log.decide("orders", show(planned, "plan").lines, "approve", "Ann", "fine")
    approved = show(planned, "approvals")
    assert approved.lines["state"].to_list() == ["approved"] * 3
    assert approved.lines["decided_by"].to_list() == ["Ann"] * 3
    assert approved.decisions.select("verdict", "lines", "quantity", "who").row(0) == ("approve", 3, 40.0, "Ann")
    json.dumps(plain(approved), allow_nan=False)
    put(planned, 6.0)
    shown = show(planned, "plan")
    assert shown.states["changed since approved"] == 1
    assert show(planned, "approvals").lines.height == 2
    assert show(planned, "approvals", state="any").lines.height == 3


def test_a_plan_that_is_not_made_says_what_it_needs(planned: Project) -> None:
    shown = show(planned, "plan", kind="capacity")
    assert "capacity.capabilities, and capacity.capacities" in shown.missing
    assert "foresell plan capacity shop" in shown.missing
    assert show(planned, "approvals", kind="capacity").lines.is_empty()
    kinds = {row["kind"]: row for row in show(planned, "plans").kinds.to_dicts()}
    assert set(kinds) == set(KINDS)
    assert kinds["orders"]["made"] is not None
    assert kinds["markdown"]["needs"] == "orders.stock or markdown.stock, and data.price or data.prices"


def test_a_plan_of_an_earlier_foresell_is_not_taken_for_one(planned: Project) -> None:
    place = planned.folder / "results" / "plan"
    (place / "orders.json").unlink()
    assert show(planned, "plan").headline == ()
    pl.DataFrame({"item": ["tea"], "units": [1]}).write_parquet(place / "orders.parquet")
    assert "not made yet" in show(planned, "plan").missing


def test_targets_only_are_said_to_be_so(planned: Project) -> None:
    path = planned.folder / "results" / "plan" / "orders.parquet"
    lines = pl.read_parquet(path)
    lines.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("quantity", "money")).with_columns(
        target=pl.lit(5.0)
    ).write_parquet(path)
    shown = show(planned, "plan")
    assert not shown.has_quantities
    assert "orders.stock" in shown.missing
    assert shown.lines["target"].to_list() == [5.0] * 4
    assert shown.matching_money is None


def test_overrides_beside_the_plan(planned: Project) -> None:
    first, second = put(planned, 6.0), put(planned, 2.0)
    planned.overrides.withdraw(first, "Bob", "rain")
    shown = show(planned, "overrides", search="S1 nuts")
    assert shown.grid.select("plan", "override", "final").row(0) == (12.0, 2.0, 14.0)
    assert shown.holding["id"].to_list() == [second]
    assert shown.earlier.select("id", "ended").row(0) == (first, "withdrawn")
    assert shown.holding["lines"].to_list() == ["store S1, item nuts"]
    assert (shown.matching, shown.amended, shown.keys) == (1, 1, ("store", "item"))


def test_overrides_of_a_project_without_a_plan(shop: Path) -> None:
    project = Project(shop)
    assert show(project, "overrides").grid.is_empty()
    assert show(project, "override_scores").waiting == 0
    assert "foresell plan orders" in show(project, "plan").missing


def test_the_parts_of_a_reason_add_up_to_the_quantity() -> None:
    table = parts_table("demand 12.3 − on hand 5 + rounding 0.7", 8.0)
    assert table["amount"].to_list() == [12.3, -5.0, 0.7]
    assert parts_table("demand 12.3 − on hand 5.1", 7.25)["amount"].sum() == pytest.approx(7.25)
    assert parts_table("demand 12", 40.0).is_empty()
    assert parts_table("sells too slowly", 1.0).is_empty()
    assert parts_table("demand 12", None).is_empty()
