"""One exception: something at one place of a project that a planner should look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

KINDS: dict[str, str] = {
    "data": "Data",
    "sales": "Sold unlike the forecast",
    "last_year": "Forecast unlike last year",
    "last_forecast": "Forecast has changed",
    "stock_out": "Stock will run out",
    "plan": "Money at risk",
}
"""The kinds of exceptions, and what a planner calls them."""

DATA = "data"
"""The level of exceptions that are about files."""


@dataclass(frozen=True)
class PlanningException:
    """An exception.

    - `kind`: one of `KINDS`. `level`: the level in words, or `DATA`. `group`: its name.
    - `where`: the values of its columns, by which it can be looked up; empty where it is no group of series.
    - `subject`: what distinguishes it from others of the kind at this place, such as the kind of plan.
    - `sentence`: what happened. `units`, `money`: how much of it; None where that is not known.
    - `count`: how many rows or days, of findings. `grave`: whether the work stops for it.
    """

    kind: str
    level: str
    group: str
    where: Mapping[str, str]
    sentence: str
    units: float | None = None
    money: float | None = None
    subject: str = ""
    count: int | None = None
    grave: bool = False

    @cached_property
    def id(self) -> str:
        """A name that the same kind of exception at the same place has in every run."""
        place = [self.kind, self.subject, self.level, self.group, sorted(self.where.items())]
        return hashlib.sha256(json.dumps(place, ensure_ascii=False).encode()).hexdigest()[:10]

    @property
    def size(self) -> float | None:
        """By what growth is measured: the units, else the money, else the count."""
        return next((amount for amount in (self.units, self.money, self.count) if amount is not None), None)


def value_text(value: object) -> str:
    """The value of a key as text, that of a day as in a file.

    >>> value_text(date(2024, 5, 1)), value_text(7), value_text(None)
    ('2024-05-01', '7', 'none')
    """
    if value is None:
        return "none"
    return value.isoformat() if isinstance(value, date) else str(value)
