"""Stock that will run out, and lines with money at risk."""

from __future__ import annotations

import polars as pl

from foresell.decide.plan import common_form
from foresell.pipeline.exceptions.plan_exceptions import MOST_LINES, of_lines


def lines(count: int = 3) -> pl.DataFrame:
    keys = pl.DataFrame({"store": ["a"] * count, "item": [str(number) for number in range(count)]})
    columns = pl.DataFrame(
        {
            "action": ["order"] * count,
            "quantity": [12.0] * count,
            "money": [float(number) for number in range(count)],
            "reason": ["demand 12"] * count,
            "demand": [20.0] * count,
            "lost_units": [0.9] * (count - 1) + [6.0],
            "lost_margin": [2.0] * count,
        }
    )
    return common_form(keys, columns)


def test_stock_that_runs_out_and_money_at_risk() -> None:
    stock, *money = of_lines("orders", lines(), None)
    assert (stock.kind, stock.units, stock.money, stock.where) == ("stock_out", 6.0, 12.0, {"store": "a", "item": "2"})
    assert stock.level == "store x item"
    assert "demand of 6 units is expected to be lost in spite of the order of 12" in stock.sentence
    assert [(one.kind, one.money) for one in money] == [("plan", 2.0), ("plan", 1.0)]
    assert money[0].sentence == "a x 2: order 12 units (demand 12)."


def test_the_least_money_can_be_set() -> None:
    many = [one for one in of_lines("orders", lines(40), None) if one.kind == "plan"]
    assert len(many) == MOST_LINES
    assert [one.money for one in of_lines("orders", lines(40), 38.0) if one.kind == "plan"] == [39.0, 38.0]
