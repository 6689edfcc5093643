"""The page of a plan, which a planner prints: what comes of it, what needs a look, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from foresell.core.words import number
from foresell.decide.plan import Plan

MOST_EXCEPTIONS, MOST_LINES = 25, 500
"""So many lines stand on the page; the files have all."""

COLUMNS = {"action": "Action", "quantity": "Quantity", "change": "Change", "money": "At risk", "cost": "Cost"}
"""The columns of the page between the keys and the reason, with their headings."""


@dataclass(frozen=True)
class PlanPage:
    """A plan of a project, made from sales until the day `as_of` by foresell `version`."""

    plan: Plan
    project: str
    as_of: date
    version: str

    @property
    def title(self) -> str:
        """The heading of the page."""
        return f"Plan of {self.plan.kind}: {self.project}"

    def to_do(self) -> pl.DataFrame:
        """The lines with something to do, those with most money at risk first."""
        return self.plan.worth_showing()

    def exceptions(self) -> pl.DataFrame:
        """Lines that people should look at: undecided ones, those that something binds, and those with an override."""
        odd = (pl.col("binds") != "") | pl.col("override").is_not_null() | pl.col("quantity").is_null()
        return self.plan.lines.filter(odd)

    def rows(self, lines: pl.DataFrame, most: int) -> list[dict[str, Any]]:
        """The first lines as texts: the keys as a list, the columns of `COLUMNS`, reason and what binds."""
        shown = lines.head(most).to_dicts()
        return [
            {
                **row,
                "keys": ["" if row[key] is None else str(row[key]) for key in self.plan.keys],
                "numbers": [self._text(row, name) for name in COLUMNS],
            }
            for row in shown
        ]

    def total(self, name: str) -> str:
        """The sum of a column over the lines with something to do."""
        return number(float(self.to_do()[name].sum()))

    def _text(self, row: dict[str, Any], name: str) -> str:
        if name == "quantity" and row[name] is not None:
            return f"{number(row[name])} {row['unit']}"
        if name == "change" and row[name] is not None and row[name] > 0:
            return f"+{number(row[name])}"
        return str(row[name]) if name == "action" else number(row[name])
