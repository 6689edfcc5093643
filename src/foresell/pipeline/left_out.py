"""What a project leaves out because the packages for it are not installed, though nobody switched it off."""

from __future__ import annotations

from foresell.core.extras import EXTRAS, install_command, missing
from foresell.core.words import listed
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import TrainSummary
from foresell.transactions.revenue import NOT_INSTALLED


def extras_left_out(results: Results) -> list[str]:
    """The extras that the settings and the data have a use for and that are not installed; imports none of them."""
    settings, train = results.settings, results.find_summary(TrainSummary)
    revenue = getattr(train, "revenue", None)
    wanted = {
        "mlflow": settings.tracking.enabled and settings.tracking.uri is None,
        "statistical": revenue is not None and revenue.reason == NOT_INSTALLED,
        "xgboost": settings.transactions is not None and "xgboost" in settings.transactions.models,
    }
    return [extra for extra, is_wanted in wanted.items() if is_wanted and missing(extra)]


def left_out_text(extras: list[str]) -> str:
    """What is left out, and the command that brings it on a line of its own; empty where nothing is."""
    if not extras:
        return ""
    uses = listed([f"{extra} ({EXTRAS[extra].used_for})" for extra in extras])
    return f"Not installed, so left out: {uses}. Install with:\n    {install_command(*extras)}"
