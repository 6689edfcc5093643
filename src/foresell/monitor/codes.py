"""Every code that monitoring may report: its severity, its meaning, and advice.

The codes of the checks are declared with the checks (`checks.catalogue`). The other codes are declared here.
"""

from __future__ import annotations

from functools import partial

from foresell.core.finding import Code, Severity, finding_of
from foresell.monitor.checks.catalogue import CHECKS

NOTICES: dict[str, Code] = {
    "forecasts-missing": Code(
        Severity.WARNING,
        "Sales have come in for days or series for which no forecast was made.",
        "Forecast again with: foresell run",
    ),
    "few-windows": Code(
        Severity.INFO,
        "The backtest has too few windows to show what is usual, so only very large deviations are found.",
        "Ask for more windows with 'backtest.windows' (six or more), or keep what is good now as a baseline with: "
        "foresell monitor --baseline",
    ),
    "log-unreadable": Code(
        Severity.WARNING,
        "The log of predictions cannot be read.",
        "Correct the setting 'serving.log', or repair the files of the log.",
    ),
    "nothing-matured": Code(Severity.INFO, "No sales have come in yet for the days that were forecast.", ""),
    "challenger-promoted": Code(Severity.INFO, "A new model was trained, and became the champion.", ""),
    "challenger-refused": Code(
        Severity.WARNING,
        "A new model was trained, and the gate refused it. The champion stays.",
        "See the figures with: foresell models --verdicts. To promote it all the same: foresell promote --force",
    ),
}

CODES: dict[str, Code] = {
    **{code: kind for check in CHECKS.values() for code, kind in check.codes.items()},
    **NOTICES,
}

RETRAIN_CODES = frozenset(code for check in CHECKS.values() for code in check.retrain)
"""Findings that a new training may mend, and that therefore ask for one (`pipeline.lifecycle.retraining`)."""

finding = partial(finding_of, CODES)
"""A finding of one of these codes, see `core.finding.finding_of`."""
