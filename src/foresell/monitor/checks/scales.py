"""Checks on the scales that people read: WAPE, bias, coverage and value added, as in the table ``accuracy``.

Checks are made on logarithms (`bounds`), in which errors to either side are alike. What is read is

| figure | of a check | is read as |
|---|---|---|
| bias | log of units sold over units forecast | forecast over sales, less 1: above 0 too much was forecast |
| error | log of WAPE | WAPE |
| skill | log of the error over that of seasonal naive | value added: by what share it errs less |
| coverage | share in the range | the same, between 0 and 1 |
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foresell.monitor.bounds import BIAS, COVERAGE, ERROR, SKILL
from foresell.monitor.checks.judging import Check

READ_AS = {BIAS: "bias", ERROR: "wape", SKILL: "value_added", COVERAGE: "coverage"}
"""The column of the table ``accuracy`` that a figure is read as."""

_MOST = 50.0  # of a logarithm: beyond it a bound of few windows says nothing, and `exp` would run over


class Scaled(NamedTuple):
    """A check as it is read: its `value`, what is `usual`, the bounds; None on a side that is not judged."""

    value: float
    usual: float
    low: float | None
    high: float | None


def read_as(figure: str, value: float | None) -> float | None:
    """A value of a check on the scale that is read; None stays None.

    >>> round(read_as("bias", -0.2231), 3), round(read_as("error", -1.609), 3), round(read_as("skill", 0.0953), 3)
    (0.25, 0.2, -0.1)
    >>> read_as("coverage", 1.4), read_as("bias", None)
    (1.0, None)
    """
    if value is None:
        return None
    if figure == COVERAGE:
        return float(np.clip(value, 0, 1))
    if figure == ERROR:
        return float(np.exp(min(value, _MOST)))
    return float(np.expm1(min(-value, _MOST))) if figure == BIAS else float(-np.expm1(min(value, _MOST)))


def scaled(check: Check) -> Scaled:
    """A check with its bounds as they are read: what was a lower bound of more sold is an upper one of the bias."""
    value, usual = (read_as(check.figure, each) for each in (check.value, check.expected))
    low, high = (read_as(check.figure, each) for each in (check.low, check.high))
    assert value is not None
    assert usual is not None
    return Scaled(value, usual, high, low) if check.figure in (BIAS, SKILL) else Scaled(value, usual, low, high)
