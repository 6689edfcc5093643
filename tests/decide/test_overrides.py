"""Overrides: what they change in a plan, and what is said where they change nothing."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.decide.overrides import How, Override, apply_overrides
from foresell.decide.plan import Plan, common_form

DAY = date(2026, 11, 30)


def plan() -> Plan:
    columns = pl.DataFrame({
        "date": [DAY] * 3, "action": ["order", "none", "undecided"], "quantity": [10.0, 0.0, None],
        "cost": [20.0, 0, None], "money": [9.0, 1, None], "reason": ["demand 10", "", ""],
    })  # fmt: skip
    return Plan(
        kind="orders",
        lines=common_form(pl.DataFrame({"site": [1, 1, 2], "item": ["a", "b", "a"]}), columns),
        headline=(),
    )


def override(
    how: How, value: float, *, kind: str = "orders", first: date = DAY, until: date = DAY, **where: str
) -> Override:
    return Override("o1", kind, where, how, value, first, until, "event", "", "Ann", "2026-11-30T08:00:00+00:00")


@pytest.mark.parametrize(("how", "value", "quantity"), [("add", -3, 7), ("replace", 4, 4), ("percent", 50, 15)])
def test_each_way_changes_the_lines_that_fit_and_the_reasons_add_up(how: How, value: float, quantity: float) -> None:
    changed = apply_overrides(plan(), [override(how, value, site="1", item="a")])
    line = changed.lines.row(0, named=True)
    assert (line["quantity"], line["override"], line["cost"]) == (quantity, quantity - 10, 2 * quantity)
    assert line["reason"] == f"demand 10 {'+' if quantity > 10 else '−'} override {abs(quantity - 10):g}"
    assert changed.lines["override"][1:].null_count() == 2
    assert not changed.findings


def test_later_overrides_change_what_earlier_ones_left() -> None:
    both = [override("replace", 4, item="a", site="1"), override("percent", 50, item="a", site="1")]
    assert apply_overrides(plan(), both).lines["quantity"][0] == 6
    assert apply_overrides(plan(), both[::-1]).lines["quantity"][0] == 4


def test_an_override_holds_on_its_days_and_for_its_kind_alone() -> None:
    late = override("add", 1, item="a", first=date(2026, 12, 1), until=date(2026, 12, 5))
    of_labour = override("add", 1, item="a", kind="labour")
    assert apply_overrides(plan(), [late, of_labour]).lines.equals(plan().lines)


def test_a_line_without_a_quantity_can_be_replaced_and_not_added_to() -> None:
    added = apply_overrides(plan(), [override("add", 5, site="2")])
    assert added.lines["quantity"][2] is None
    assert [finding.code for finding in added.findings] == ["override-undecided"]
    replaced = apply_overrides(plan(), [override("replace", 5, site="2")])
    assert replaced.lines.row(2, named=True)["quantity"] == 5
    assert replaced.lines.row(2, named=True)["override"] == 5
    assert replaced.lines["action"][2] == "as overridden"


def test_what_fits_no_line_or_takes_off_too_much_is_a_finding() -> None:
    changed = apply_overrides(plan(), [override("add", -30, item="a", site="1"), override("add", 1, item="z")])
    assert changed.lines["quantity"][0] == 0
    assert changed.lines["override"][0] == -10
    assert changed.lines["action"][0] == "none"
    assert {finding.code: finding.count for finding in changed.findings} == {
        "override-unmatched": 1,
        "override-below-zero": 1,
    }


def test_per_cent_of_whole_units_are_whole_units_and_of_hours_are_not() -> None:
    by_percent = [override("percent", 25, site="1", item="a")]
    assert apply_overrides(plan(), by_percent).lines["quantity"][0] == 13  # 12.5
    hours = plan().with_lines(plan().lines.with_columns(unit=pl.lit("hours")))
    assert apply_overrides(hours, by_percent).lines["quantity"][0] == 12.5


def test_the_headline_counts_the_lines_that_people_changed() -> None:
    nothing = [override("percent", 25, item="b")]
    assert apply_overrides(plan(), nothing).summarised().headline == ()
    changed = apply_overrides(plan(), [*nothing, override("add", -3, item="a", site="1")]).summarised()
    assert changed.headline == ("People changed 1 line, by −3 in all.",)
