"""Lines of plans with the most money at risk, and stock that will run out, as exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from foresell.core.words import day, number
from foresell.pipeline.exceptions.planning_exception import PlanningException, value_text
from foresell.pipeline.plans.issue import FOLDER
from foresell.pipeline.results import Results
from foresell.store.tables import read_table

MOST_LINES = 20
"""So many lines of a plan are exceptions for their money, unless the least money is given."""

LEAST_LOST = 0.05
"""Stock runs out where this share of the demand, and a unit at least, is expected to go unmet."""

MOST_STOCK_OUTS = 500


def plan_exceptions(results: Results, least_money: float | None) -> Iterator[PlanningException]:
    """The exceptions of the newest plan of each kind."""
    for kind in planned_kinds(results):
        yield from of_lines(kind, read_table(results.root / FOLDER / f"{kind}.parquet"), least_money)


def planned_kinds(results: Results) -> list[str]:
    """The kinds of plans that were made; each has a page and a table."""
    pages = sorted((results.root / FOLDER).glob("*.html"))
    return [page.stem for page in pages if page.with_suffix(".parquet").exists()]


def of_lines(kind: str, lines: pl.DataFrame, least_money: float | None) -> Iterator[PlanningException]:
    """The exceptions of the lines of a plan of a kind."""
    keys = lines.columns[: lines.columns.index("date")]
    if {"lost_units", "demand"} <= set(lines.columns):
        yield from _stock_outs(kind, lines, keys)
    acting = (pl.col("money") > 0) & ~pl.col("action").is_in(["none", "undecided", ""])
    at_risk = lines.filter(acting).sort("money", descending=True, maintain_order=True)
    enough = pl.col("money") >= least_money if least_money is not None else pl.int_range(pl.len()) < MOST_LINES
    at_risk = at_risk.filter(enough)
    for row in at_risk.iter_rows(named=True):
        reason = f" ({row['reason']})" if row["reason"] else ""
        text = f"{row['action']} {number(row['quantity'])} {row['unit']}{reason}"
        units = row["quantity"] if row["unit"] == "units" else None
        yield _exception("plan", kind, row, keys, text, units, row["money"])


def _stock_outs(kind: str, lines: pl.DataFrame, keys: list[str]) -> Iterator[PlanningException]:
    least = pl.max_horizontal(pl.lit(1.0), LEAST_LOST * pl.col("demand"))
    lost = lines.filter(pl.col("lost_units") >= least).sort("lost_units", descending=True, maintain_order=True)
    for row in lost.head(MOST_STOCK_OUTS).iter_rows(named=True):
        until = row.get("covered_until")
        order = row["quantity"]
        what = "without an order" if not order else f"in spite of the order of {number(order)}"
        text = (
            f"demand of {number(row['lost_units'])} units"
            f"{f' up to {day(until)}' if until else ''} is expected to be lost {what}"
        )
        margin = row.get("lost_margin")
        money = None if margin is None else row["lost_units"] * margin
        yield _exception("stock_out", kind, row, keys, text, row["lost_units"], money)


def _exception(
    kind: str, plan: str, row: dict[str, Any], keys: list[str], text: str, units: float | None, money: float | None
) -> PlanningException:
    where = {key: value_text(row[key]) for key in keys}
    name = " x ".join(where.values())
    return PlanningException(
        kind=kind,
        level=" x ".join(keys) or "total",
        group=name,
        where=where,
        sentence=f"{name}: {text}.",
        units=units,
        money=money,
        subject=f"{plan} {row['action']}" if kind == "plan" else plan,
    )
