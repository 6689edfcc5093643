"""All exceptions of a project, and what they could not be looked for in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from foresell.core.errors import UsageError, first_five
from foresell.core.hierarchy import level_name
from foresell.pipeline.exceptions.data_exceptions import data_exceptions
from foresell.pipeline.exceptions.deviations import Deviations, deviations
from foresell.pipeline.exceptions.outlook import Outlook, outlook
from foresell.pipeline.exceptions.plan_exceptions import plan_exceptions, planned_kinds
from foresell.pipeline.exceptions.planning_exception import PlanningException
from foresell.pipeline.exceptions.sales_exceptions import sales_exceptions
from foresell.pipeline.exceptions.unlike_before import limit_of, unlike_before
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, ForecastSummary


@dataclass(frozen=True)
class ExceptionSearch:
    """The `exceptions`, each once; what is `missing`, with what makes it; the `limits` in force, shares by level."""

    exceptions: tuple[PlanningException, ...] = ()
    missing: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)


def find_exceptions(results: Results, limits: Mapping[str, float], least_money: float | None = None) -> ExceptionSearch:
    """The exceptions of the newest results. `limits` are shares by level in place of the usual ones.

    Raises UsageError for a level that does not exist.
    """
    if results.find_summary(CheckSummary) is None:
        return ExceptionSearch(missing=("Nothing is read yet. Read the sales and forecast with: foresell run",))
    levels = [level_name(level) for level in results.hierarchy.levels]
    unknown = [level for level in limits if level not in levels]
    if unknown:
        raise UsageError(f"There is no level {first_five(unknown)} to set a limit for; there are {', '.join(levels)}.")
    forecast = results.find_summary(ForecastSummary) is not None
    ahead = outlook(results) if forecast else None
    seen = deviations(results)
    found: dict[str, PlanningException] = {}
    for one in _each(results, seen, ahead, limits, least_money):
        found.setdefault(one.id, one)
    return ExceptionSearch(
        tuple(found.values()),
        tuple(_missing(results, forecast, ahead, seen)),
        {level: limit_of(level, results.hierarchy, limits) for level in levels},
    )


def _each(
    results: Results,
    seen: Deviations | None,
    ahead: Outlook | None,
    limits: Mapping[str, float],
    least_money: float | None,
) -> Iterator[PlanningException]:
    yield from data_exceptions(results, seen)
    yield from sales_exceptions(results, seen, ahead)
    if ahead is not None:
        yield from unlike_before(ahead, limits)
    yield from plan_exceptions(results, least_money)


def _missing(results: Results, forecast: bool, ahead: Outlook | None, seen: Deviations | None) -> Iterator[str]:
    """What exceptions could not be looked for in, and the command that makes it."""
    if not forecast:
        yield "There is no forecast yet. Make it with: foresell run"
    elif ahead is None:
        yield "Sales have come in for all that was forecast. Forecast again with: foresell run"
    else:
        if ahead.last_year is None:
            yield "The history is too short to compare the forecast with last year."
        if ahead.earlier is None:
            yield "There is no earlier forecast of the same periods to compare with yet."
    if forecast and seen is None:
        yield "No sales have come in yet for what was forecast. When they have, compare them with: foresell monitor"
    elif seen is not None and not seen.monitored:
        yield "What is usual is not known, so only large deviations show. Learn it with: foresell monitor"
    if not planned_kinds(results):
        yield "There is no plan, so stock-outs ahead and money at risk are not known. Make it with: foresell plan"
