"""The plans of a project, one file a kind: each reads its forecasts and tables, and returns a `decide.plan.Plan`.

A new kind is a file with a function ``plan(project, tables)`` and one entry in `KINDS`. `tables` is the section of the
settings that the entry names, with the changes of a what-if. Such a file takes its project as a
`pipeline.demand.ForecastProject`, because `Project` itself imports this room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import polars as pl

from foresell.core.errors import SettingsError, UsageError
from foresell.core.frequency import calendar_day
from foresell.core.settings import Settings
from foresell.core.settings.mismatch import mismatch
from foresell.core.words import number
from foresell.decide.codes import finding
from foresell.decide.overrides import apply_overrides
from foresell.decide.plan import Plan
from foresell.decide.plan_changes import with_change, with_issued
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans import allocation, capacity, labour, markdown, orders, promotions, sharing
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.pipeline.step import setting


@dataclass(frozen=True)
class Kind:
    """A kind of plan: its function, the section of the settings that the function reads, what it says.

    `what_if` names settings of the section that a client of the API may change for one question. Files must not be
    among them. A plan cannot be made without the settings of `needs`; of several in an entry one is enough.
    """

    plan: Callable[[ForecastProject, Any], Plan]
    section: str
    about: str
    what_if: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()

    def missing(self, settings: Settings) -> list[str]:
        """The settings that this kind needs and that are not set, in words such as ``data.price or data.prices``."""
        return [" or ".join(names) for names in self.needs if not any(setting(settings, name) for name in names)]


KINDS: dict[str, Kind] = {
    "orders": Kind(
        orders.plan,
        "orders",
        "what to order today, how much of it, why, and what it is worth",
        ("policy", "budget", "service", "least_fill", "lead_days", "frozen_days", "least_gain"),
    ),
    "allocation": Kind(
        allocation.plan,
        "allocation",
        "what distribution centres give to which stores today",
        ("fairness",),
        (("orders.stock",), ("allocation.centre_stock",)),
    ),
    "markdown": Kind(
        markdown.plan,
        "markdown",
        "which stock sells too slowly, and at what lower price it is worth more",
        ("slow_weeks", "weeks", "least_gain_share", "change_cost"),
        (("orders.stock", "markdown.stock"), ("data.price", "data.prices")),
    ),
    "promotions": Kind(
        promotions.plan,
        "promotions",
        "what past campaigns earned, and which of the next ones to run",
        ("budget", "campaign_cost", "after_days"),
        (("data.promotion",), ("data.price", "data.prices")),
    ),
    "labour": Kind(
        labour.plan,
        "labour",
        "how many people each interval needs, who works when, what equipment is short",
        ("hours_a_day", "accepted_overload", "days_a_week"),
        (("labour.drivers", "labour.equipment"),),
    ),
    "capacity": Kind(
        capacity.plan,
        "capacity",
        "what to order from which manufacturer, and what capacity is worth",
        ("unmet_penalty", "sweep"),
        (("capacity.capabilities",), ("capacity.capacities",)),
    ),
    "sharing": Kind(
        sharing.plan,
        "sharing",
        "the orders that vendors may expect in the weeks ahead",
        ("days", "firm_days", "range"),
        (("orders.stock",),),
    ),
}
"""Every kind of plan by its name."""


def make_plan(project: ForecastProject, kind: str = "orders", **changes: Any) -> Plan:
    """The plan of one of `KINDS`, with `changes` of settings of its section for this time, such as ``policy="normal"``.

    Raises UsageError for a kind or a setting that does not exist, and whatever the kind raises.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no plan '{kind}'; the plans are {', '.join(KINDS)}.")
    section = getattr(project.settings, KINDS[kind].section)
    unknown = [name for name in changes if name not in section.__struct_fields__]
    if unknown:
        raise UsageError(
            f"The plan of {kind} has no setting {', '.join(unknown)}; it has {', '.join(section.__struct_fields__)}."
        )
    section = _changed(section, changes)
    plan = KINDS[kind].plan(project, section)
    plan = _settled(project, plan, getattr(section, "frozen_days", None), getattr(section, "least_gain", 0.0))
    return _within_budget(plan, getattr(section, "budget", None))


def _within_budget(plan: Plan, budget: float | None) -> Plan:
    """The plan with a finding where the overrides of people make it cost more than the budget, which then gives way."""
    cost = float(plan.lines["cost"].sum())
    if budget is None or cost <= budget * (1 + 1e-9) or not plan.lines["override"].count():
        return plan
    changed = plan.lines.filter(pl.col("override") != 0)
    message = f"With the overrides the plan costs {number(cost)}, more than the budget of {number(budget)}"
    names = (" ".join(map(str, row)) for row in changed.select(plan.keys).iter_rows())
    return plan.with_lines(plan.lines, [finding("override-over-budget", plan.kind, changed.height, message, names)])


def _changed(section: Any, changes: dict[str, Any]) -> Any:
    """The section of the settings with other values. Raises SettingsError for a value that does not fit."""
    try:
        return msgspec.convert({**msgspec.structs.asdict(section), **changes}, type(section))
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"The plan cannot be made with these settings: {mismatch(error, type(section), changes)}"
        ) from error


def _settled(project: ForecastProject, plan: Plan, frozen_days: int | None, least_gain: float) -> Plan:
    """The plan with issued quantities that stay, with the overrides, and with its change since the plan before.

    Quantities stay in plans whose settings know frozen days. A plan of today is compared with that of an earlier day,
    also where it is made again.
    """
    results = project.results
    cutoff, history = results.panel.cutoff, results.history
    earlier = [kept for kept in history.plans(plan.kind) if kept.cutoff <= cutoff]
    if frozen_days is not None:
        issued = earlier[-1].read() if earlier else None
        plan = with_issued(plan, issued, calendar_day(cutoff) + timedelta(days=frozen_days), least_gain)
    plan = apply_overrides(plan, OverrideLog(project.folder, results.root).overrides())
    before = [kept for kept in earlier if kept.cutoff < cutoff]
    return with_change(plan, before[-1].read() if before else None).sorted().summarised()
