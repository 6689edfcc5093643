"""Every code that monitoring may report: what it means, how much it weighs, what to do about it.

The codes of the checks are declared with the checks (`checks.catalogue`). Here are those of what else is reported.
"""

from __future__ import annotations

from functools import partial

from foresell.core.finding import Code, Severity, finding_of
from foresell.monitor.checks.catalogue import CHECKS

NOTICES: dict[str, Code] = {
    "forecasts-missing": Code(
        Severity.WARNING,
        "Sales have come in for days, or series, that no forecast was made for.",
        "Forecast again with: foresell run",
    ),
    "few-windows": Code(
        Severity.INFO,
        "The backtest has too few windows to tell what is usual, so only what lies very far outside is found.",
        "Ask for more windows with 'backtest.windows' (six or more), or keep what is good now as a baseline with: "
        "foresell monitor --baseline",
    ),
    "log-unreadable": Code(
        Severity.WARNING,
        "The log of predictions cannot be read.",
        "Correct 'serving.log', or see what is wrong with its files.",
    ),
    "nothing-matured": Code(Severity.INFO, "No sales have come in yet for the days that were forecast.", ""),
    "challenger-promoted": Code(Severity.INFO, "A model was trained anew, and took the champion's place.", ""),
    "challenger-refused": Code(
        Severity.WARNING,
        "A model was trained anew, and the gate refused it: the champion stays.",
        "See the figures with: foresell models --verdicts. Where the refusal is not to stand: foresell promote --force",
    ),
}

CODES: dict[str, Code] = {
    **{code: kind for check in CHECKS.values() for code, kind in check.codes.items()},
    **NOTICES,
}

RETRAIN_CODES = frozenset(code for check in CHECKS.values() for code in check.retrain)
"""What a new training may mend, and what therefore asks for one: see `pipeline.retraining`."""

finding = partial(finding_of, CODES)
"""A finding of one of these codes, see `core.finding.finding_of`."""
