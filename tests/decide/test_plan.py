"""The common form of plans."""

from __future__ import annotations

from datetime import date

import polars as pl

from foresell.decide.plan import COMMON, Plan, common_form


def lines(**columns: object) -> pl.DataFrame:
    return common_form(pl.DataFrame({"site": ["A", "B", "C"]}), pl.DataFrame(columns))


def test_every_plan_has_the_common_columns_of_their_types_after_the_keys() -> None:
    frame = lines(money=[1, None, 5], date=[date(2026, 1, 5)] * 3, extra=[1, 2, 3], reason=["a", None, "c"])
    assert frame.columns == ["site", *COMMON, "extra"]
    assert {name: frame.schema[name] for name in COMMON} == {name: kind for name, (kind, _) in COMMON.items()}
    assert frame["site"].to_list() == ["C", "A", "B"]  # by money at risk; where it is unknown, last
    assert frame["reason"].to_list() == ["c", "a", ""]


def test_a_key_that_is_named_like_a_column_keeps_its_values() -> None:
    frame = common_form(pl.DataFrame({"unit": ["A"], "site": ["X"]}), pl.DataFrame({"quantity": [3], "size": [1]}))
    assert frame["unit_key"].to_list() == ["A"]
    assert frame["unit"].to_list() == ["units"]
    assert Plan(kind="orders", lines=frame, headline=()).keys == ("unit_key", "site")


def test_a_plan_without_lines_has_none() -> None:
    frame = common_form(pl.DataFrame(schema={"site": pl.String}), pl.DataFrame(schema={"quantity": pl.Float64}))
    assert frame.height == 0
    assert frame.columns == ["site", *COMMON]


def test_lines_with_nothing_to_do_are_not_worth_showing() -> None:
    plan = Plan(kind="orders", lines=lines(quantity=[0.0, 3.0, None]), headline=())
    assert plan.worth_showing()["site"].to_list() == ["B"]
    assert plan.is_decided
    undecided = Plan(kind="orders", lines=lines(quantity=[None, None, None]), headline=())
    assert undecided.worth_showing().height == 3
    assert not undecided.is_decided
