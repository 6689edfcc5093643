"""The lives of `benchmarks/year.py`: their settings, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl
from year_events import HORIZON

from foresell.core.finding import Finding

FROZEN, FINDINGS, AGE = "frozen", "by findings", "by findings and age"
LIVES: dict[str, dict[str, object]] = {FROZEN: {}, FINDINGS: {"max_age": 10 * 365}, AGE: {}}
"""The lives, and how their settings of monitoring differ from the defaults."""

SETTINGS: dict[str, object] = {
    "horizon": HORIZON,
    "levels": [["store"], ["department"], ["category"], ["store", "department"]],
    "models": [
        {"name": "seasonal_naive"},
        {"name": "moving_average"},
        {"name": "lightgbm", "options": {"trees": 60, "leaves": 15}},
    ],
    "totals": {"reconciliation": "bottom_up"},
    "backtest": {"windows": 6},
    "tracking": {"name": "shop"},
}
"""What differs from the defaults in all lives: models that learn in seconds."""


@dataclass
class Look:
    """What one look came to: the last day of the sales, what was found, and what was retrained."""

    last: date
    findings: list[Finding]
    retrained: dict[str, object] | None = None


@dataclass
class Life:
    """What came of a year: the looks, and the forecasts of the single series."""

    name: str
    looks: list[Look] = field(default_factory=list)
    forecasts: list[pl.DataFrame] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Year:
    """The lives of one retailer, by name, and all that it will have sold."""

    seed: int
    rows: pl.DataFrame
    lives: dict[str, Life] = field(default_factory=dict)
