"""Every check of monitoring. A new check is a file in this folder and an entry in `CHECKS`."""

from __future__ import annotations

from typing import Any

from foresell.monitor.checks import bias, coverage, error, input_drift, slow_drift, stock_outs, value_added
from foresell.monitor.checks.check import Check

CHECKS: dict[str, Check[Any]] = {
    check.name: check
    for check in (
        bias.CHECK,
        error.CHECK,
        value_added.CHECK,
        coverage.CHECK,
        slow_drift.CHECK,
        input_drift.CHECK,
        stock_outs.CHECK,
    )
}

FIGURES = tuple(check.figure for check in CHECKS.values() if check.figure is not None)
"""The figures that are judged, in the order in which they are reported."""
