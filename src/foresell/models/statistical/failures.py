"""What may keep a series from being fitted, as findings."""

from __future__ import annotations

from collections.abc import Mapping

from foresell.core.finding import Finding, Severity
from foresell.core.panel import Panel
from foresell.models.statistical.series import Outcome

FELL_BACK = "they are forecast by the seasonal naive"

TROUBLES = {
    "too-short": (
        Severity.INFO,
        "of {total} have fewer known periods than the model needs (two seasons, 10 at least)",
        "Nothing to do: a model that learns from all series together serves them better.",
    ),
    "constant": (
        Severity.INFO,
        "of {total} sold the same on every known day",
        "Nothing to do, unless that is a mistake in the data.",
    ),
    "fit-failed": (
        Severity.WARNING,
        "of {total} could not be fitted",
        "Look at these series; intermittent ones are better served by croston, sba or tsb.",
    ),
    "fit-too-slow": (
        Severity.WARNING,
        "of {total} took too long to fit",
        "Raise the model's option 'seconds', or lower 'days'.",
    ),
}
"""By code: severity, what is the matter, advice."""

LASTING = ("fit-failed", "fit-too-slow")
"""What is not tried again when a fitted model is asked at a later cutoff."""


def findings(model: str, target: Panel, troubles: Mapping[int, Outcome]) -> tuple[Finding, ...]:
    """One finding for each kind of trouble; `troubles` by row of the target."""
    found = []
    for code, (severity, matter, advice) in TROUBLES.items():
        rows = [row for row, outcome in sorted(troubles.items()) if outcome.trouble == code]
        if rows:
            names = [" / ".join(map(str, target.series.select(target.keys).row(row))) for row in rows[:5]]
            details = [troubles[row].detail for row in rows[:5]]
            examples = tuple(
                f"{name}: {detail}" if detail else name for name, detail in zip(names, details, strict=True)
            )
            message = f"{len(rows)} series {matter.format(total=target.n_series)}; {FELL_BACK}"
            found.append(Finding(code, severity, model, len(rows), message, examples, advice))
    return tuple(found)
