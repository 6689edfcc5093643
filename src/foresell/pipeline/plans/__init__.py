"""The plans of a project, one file a kind: each reads its forecasts and tables, and returns a `decide.plan.Plan`.

A new kind is a file with a function ``plan(project, tables)`` and one entry in `KINDS`. `tables` is the section of the
settings that the entry names, with the changes of a what-if. Such a file takes its project as a
`pipeline.demand.ForecastProject`, because `Project` itself imports this room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from foresell.core.errors import UsageError
from foresell.decide.plan import Plan
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans import orders


@dataclass(frozen=True)
class Kind:
    """A kind of plan: its function, the section of the settings that the function reads, what it says."""

    plan: Callable[[ForecastProject, Any], Plan]
    section: str
    about: str


KINDS: dict[str, Kind] = {
    "orders": Kind(orders.plan, "orders", "what to order today, how much of it, why, and what it is worth"),
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
    return KINDS[kind].plan(project, replace(section, **changes))
