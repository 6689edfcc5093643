"""What a person sees of a project: one file a view, each a typed record of tables and sentences, without a screen.

A view is a function of a project and a query. The pages of the dashboard, ``foresell show`` and the API ask here, so
that they show the same. Views read results and write nothing. A new view is a file, and one entry in `VIEWS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.settings.mismatch import mismatch
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.views import (
    approvals,
    exceptions,
    explanation,
    findings,
    forecast,
    freshness,
    groups,
    models,
    overrides,
    plan,
    plans,
    settings,
    steps,
    today,
    trust,
    what_if,
)


@dataclasses.dataclass(frozen=True)
class View:
    """A view: the function that answers, the record of what may be asked, and what it shows."""

    answer: Callable[[ForecastProject, Any], Any]
    query: type[msgspec.Struct]
    about: str


VIEWS: dict[str, View] = {
    "freshness": View(freshness.freshness, freshness.FreshnessQuery, "how old the sales, the forecast and plans are"),
    "findings": View(findings.findings, findings.FindingsQuery, "what was found in the data, and the bad rows"),
    "steps": View(steps.steps, steps.StepsQuery, "the state of each step"),
    "models": View(models.models, models.ModelsQuery, "the registered models, and how the gate judged one"),
    "settings": View(settings.settings, settings.SettingsQuery, "the settings with their defaults"),
    "plans": View(plans.plans, plans.PlansQuery, "which plans are made, and what the others need"),
    "plan": View(plan.shown_plan, plan.PlanQuery, "the newest plan of a kind, and what was decided about its lines"),
    "approvals": View(
        approvals.approvals, approvals.ApprovalsQuery, "the approved lines of a plan, and every decision"
    ),
    "overrides": View(overrides.overrides, overrides.OverridesQuery, "what people changed in plans, and why"),
    "override_scores": View(
        overrides.shown_override_scores, overrides.OverrideScoresQuery, "what the overrides of people added"
    ),
    "groups": View(groups.groups, groups.GroupsQuery, "the groups and series that some words name"),
    "hierarchy": View(groups.hierarchy, groups.HierarchyQuery, "what a group is part of, and its parts"),
    "forecast": View(forecast.forecast, forecast.ForecastQuery, "the forecast of a group beside its history"),
    "exceptions": View(
        exceptions.exceptions, exceptions.ExceptionsQuery, "what a planner should look at, the largest first"
    ),
    "today": View(today.today, today.TodayQuery, "may I plan with this, what changed, what is worst, the next days"),
    "why": View(explanation.why, explanation.WhyQuery, "the reasons that add up to a forecast"),
    "what_if": View(what_if.what_if, what_if.WhatIfQuery, "a forecast at another price or promotion"),
    "plan_what_if": View(what_if.plan_what_if, what_if.PlanWhatIfQuery, "a plan at another lead time or service"),
    "trust": View(trust.trust, trust.TrustQuery, "the scores of the models on the past"),
}
"""Every view by its name."""


def show(project: ForecastProject, name: str, **query: Any) -> Any:
    """The view of one of `VIEWS`, a frozen dataclass. Text is converted to what the query's fields are.

    Raises UsageError for a view or a field that does not exist and for a value that does not fit, and whatever the
    results raise that are not there.
    """
    if name not in VIEWS:
        raise UsageError(f"There is no view '{name}'; the views are {', '.join(VIEWS)}.")
    kind = VIEWS[name].query
    unknown = [field for field in query if field not in kind.__struct_fields__]
    if unknown:
        fields = ", ".join(kind.__struct_fields__) or "nothing"
        raise UsageError(f"The view {name} cannot be asked for {', '.join(unknown)}; it can be asked for {fields}.")
    try:
        asked = msgspec.convert(query, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"The view {name} cannot be shown: {mismatch(error, kind, query)}") from error
    return VIEWS[name].answer(project, asked)


def plain(view: Any) -> Any:
    """A view as plain data for JSON: tables become lists of objects, days and times ISO text, NaN null."""
    if isinstance(view, pl.DataFrame):
        return [plain(row) for row in view.to_dicts()]
    if dataclasses.is_dataclass(view) and not isinstance(view, type):
        return {field.name: plain(getattr(view, field.name)) for field in dataclasses.fields(view)}
    if isinstance(view, dict):
        return {str(name): plain(value) for name, value in view.items()}
    if isinstance(view, (list, tuple)):
        return [plain(value) for value in view]
    if isinstance(view, Path):
        return str(view)
    if isinstance(view, date):  # a datetime is one too
        return view.isoformat()
    if isinstance(view, float) and view - view != 0:
        return None
    return view
