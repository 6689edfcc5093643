"""The pages in the order of the navigation: one file a page, whose function gets the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foresell.apps.dashboard.pages import (
    data,
    exceptions,
    forecast,
    models,
    overrides,
    plan,
    predict,
    today,
    trust,
    what_if,
    why,
)
from foresell.apps.dashboard.session import Session


@dataclass(frozen=True)
class PageEntry:
    """A page: its `path` in the address, its title and icon, the section of the navigation, its function."""

    path: str
    title: str
    icon: str
    section: str
    page: Callable[[Session], None]


MONDAY, REASONS, HOUSE = "Monday", "Reasons", "Models and data"
"""The sections of the navigation: what a planner does, why, and what stands behind it."""

PAGES: dict[str, PageEntry] = {
    entry.path: entry
    for entry in (
        PageEntry("today", "Today", ":material/today:", MONDAY, today.page),
        PageEntry("forecast", "Forecast", ":material/show_chart:", MONDAY, forecast.page),
        PageEntry("plan", "Plan", ":material/checklist:", MONDAY, plan.page),
        PageEntry("exceptions", "Exceptions", ":material/notification_important:", MONDAY, exceptions.page),
        PageEntry("why", "Why", ":material/help:", REASONS, why.page),
        PageEntry("what-if", "What if", ":material/tune:", REASONS, what_if.page),
        PageEntry("overrides", "Overrides", ":material/edit_note:", REASONS, overrides.page),
        PageEntry("trust", "Trust", ":material/verified:", REASONS, trust.page),
        PageEntry("models", "Models", ":material/deployed_code:", HOUSE, models.page),
        PageEntry("data", "Data and runs", ":material/database:", HOUSE, data.page),
        PageEntry("predict", "Predict", ":material/calculate:", HOUSE, predict.page),
    )
}
"""Every page by its path."""
