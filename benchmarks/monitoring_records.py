"""What `benchmarks/monitoring.py` measures: its windows, and the records of one look and of its bounds."""

from __future__ import annotations

from dataclasses import dataclass

HORIZON, WEEK, LOOKS = 28, 7, (7, 14, 21, 28)
REFERENCE, FRESH = 8, 6  # windows that tell what is usual, and windows that are looked at
FEWER = (3, 6, REFERENCE)  # the default of the backtest, what `few-windows` advises, and all
RATE = 0.01
SIZE = {"stores": 5, "items": 60}


@dataclass(frozen=True)
class Look:
    """One look at one window: which codes were found where, and how many."""

    seed: int
    scenario: str
    window: int
    days: int
    found: tuple[str, ...]


@dataclass(frozen=True)
class Bounds:
    """How far the total of four weeks may lie off its forecast (shares) where so many windows tell what is usual, and
    whether sales that are a fifth lower were found to be."""

    seed: int
    windows: int
    low: float
    high: float
    found: bool
