"""A plan beside the one before."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from foresell.decide.plan import Plan, common_form
from foresell.decide.plan_changes import with_change, with_issued

DAY = date(2026, 11, 30)


def plan(quantity: list[float | None], day: date = DAY, override: list[float | None] | None = None) -> Plan:
    columns = pl.DataFrame({
        "date": [day] * len(quantity), "action": "order", "quantity": quantity, "money": [3.0, 2.0, 1.0],
        "override": override or [None] * 3, "reason": "demand 1",
    }, schema_overrides={"override": pl.Float64})  # fmt: skip
    return Plan(kind="orders", lines=common_form(pl.DataFrame({"item": ["a", "b", "c"]}), columns), headline=())


def test_the_change_is_that_since_the_plan_before_by_keys() -> None:
    before = plan([5, None, 3], DAY - timedelta(days=1)).lines.with_columns(pl.col("item").cast(pl.Categorical))
    assert with_change(plan([7, 4, 3]), before).lines["change"].to_list() == [2, None, 0]
    assert with_change(plan([7, 4, 3]), None).lines["change"].null_count() == 3


def test_where_days_meet_lines_meet_by_day() -> None:
    before = pl.concat([plan([5, 5, 5], DAY - timedelta(days=1)).lines, plan([1, 2, 3]).lines])
    assert with_change(plan([7, 7, 7]), before).lines["change"].to_list() == [6, 5, 4]


def test_lines_that_are_there_twice_are_not_compared() -> None:
    before = pl.concat([plan([5, 5, 5]).lines, plan([1, 2, 3]).lines.filter(pl.col("item") == "a")])
    assert with_change(plan([7, 7, 7]), before).lines["change"].to_list() == [None, 2, 2]


def test_issued_quantities_stay_in_the_frozen_zone_without_their_overrides() -> None:
    issued = plan([10, 4, 3], override=[4, None, None]).lines
    held = with_issued(plan([7, 4, None]), issued, DAY + timedelta(days=1), 0).lines
    assert held["quantity"].to_list() == [6, 4, None]
    assert held["frozen"].to_list() == [-1, None, None]
    assert held["binds"].to_list() == ["frozen", "", ""]
    assert held["reason"][0] == "demand 1 − issued 1"
    free = with_issued(plan([7, 4, None]), issued, DAY, 0).lines
    assert free["quantity"].to_list() == [7, 4, None]
