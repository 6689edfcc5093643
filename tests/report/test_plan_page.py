"""The page of a plan."""

from __future__ import annotations

from datetime import date

import polars as pl

from foresell.core.finding import Finding, Severity
from foresell.decide.plan import Plan, common_form
from foresell.report.page import render_plan_page
from foresell.report.plan_page import MOST_LINES, PlanPage

DAY = date(2026, 11, 30)


def page(n: int, **columns: object) -> str:
    given = {
        "date": DAY,
        "action": "order",
        "quantity": 3.0,
        "money": 2.0,
        "cost": 5.0,
        "reason": "demand 3",
        **columns,
    }
    table = pl.DataFrame({"row": range(n)}).with_columns(
        (values if isinstance(values, pl.Series) else pl.lit(values)).alias(name) for name, values in given.items()
    )
    lines = common_form(pl.DataFrame({"item": [f"<item> {row}" for row in range(n)]}), table)
    finding = Finding("stock-unknown", Severity.ERROR, "orders", 2, "No stock", ("a",), "Count it.")
    plan = Plan(kind="orders", lines=lines, headline=("Order 3.",), findings=(finding,))
    return render_plan_page(PlanPage(plan, "shop & co", DAY, "1.0"))


def test_the_page_has_headline_findings_lines_and_their_total() -> None:
    text = page(3)
    assert "Plan of orders: shop &amp; co" in text
    assert "Order 3." in text
    assert "stock-unknown" in text
    assert "&lt;item&gt; 2" in text
    assert "<item>" not in text
    assert '<td class="num">6</td><td class="num">15</td>' in text
    assert "Look at these first" not in text
    assert "http:" not in text
    assert "https:" not in text


def test_exceptions_come_first() -> None:
    text = page(3, binds=pl.Series(["", "pack", ""]), override=pl.Series([None, None, 4.0]))
    first, _, rest = text.partition('id="exceptions"')
    exceptions, _, lines = rest.partition('id="lines"')
    assert [f"item&gt; {row}" in exceptions for row in range(3)] == [False, True, True]
    assert [f"item&gt; {row}" in lines for row in range(3)] == [True, True, True]
    assert first.index("Look at these first") > 0


def test_a_long_plan_is_cut_and_says_so() -> None:
    text = page(MOST_LINES + 1)
    assert text.count("☐") == MOST_LINES
    assert "500 of 501" in text
    assert "Nothing has to be done" in page(2, quantity=0.0)
