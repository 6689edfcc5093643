"""The findings about series that could not be fitted."""

from __future__ import annotations

from collections.abc import Mapping

from foresell.core.finding import Finding, Severity
from foresell.core.panel import Panel
from foresell.models.statistical.series import SeriesOutcome

FALLBACK = "they are forecast by the seasonal naive"

FAILURES = {
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
"""The severity, the description and the advice by code."""

LASTING_FAILURES = ("fit-failed", "fit-too-slow")
"""Failures after which a series is not fitted again when the model forecasts at a later cutoff."""


def findings(model: str, target: Panel, failures: Mapping[int, SeriesOutcome]) -> tuple[Finding, ...]:
    """One finding for each code of failure; `failures` are the outcomes by row of the panel `target`."""
    result = []
    for code, (severity, description, advice) in FAILURES.items():
        rows = [row for row, outcome in sorted(failures.items()) if outcome.failure == code]
        if rows:
            names = [" / ".join(map(str, target.series.select(target.keys).row(row))) for row in rows[:5]]
            details = [failures[row].detail for row in rows[:5]]
            examples = tuple(
                f"{name}: {detail}" if detail else name for name, detail in zip(names, details, strict=True)
            )
            message = f"{len(rows)} series {description.format(total=target.n_series)}; {FALLBACK}"
            result.append(Finding(code, severity, model, len(rows), message, examples, advice))
    return tuple(result)
