"""Groups whose forecast is far from the sales of last year, or from the forecast before, as exceptions.

What a group shares with one above it is said once: a store, and not each of its departments. A group within one that is
named is an exception too only where it moves to the other side, or half again as far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.words import change_of, number
from foresell.pipeline.exceptions.outlook import Outlook, Window, period_words
from foresell.pipeline.exceptions.planning_exception import PlanningException, value_text
from foresell.pipeline.exceptions.sales_exceptions import ALL_SALES

LIMIT_TOTAL, LIMIT_GROUP, LIMIT_SERIES = 0.1, 0.2, 0.5
"""By which share a forecast must differ at the top, at the levels between, and of single series."""

CHANCE = 3.0
"""And by so many roots of the units, because counts of a few units vary by as much."""

FURTHER = 1.5
"""A group within one that is named is named too where it differs by this multiple of the other's share."""

MOST = 200
"""So many of the largest differences of a level are exceptions."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is compared: the forecast `now`, what it is held against, and words for the sentence."""

    kind: str
    now: Window
    then: Window
    text: str  # with {now}, {then} and {change}


def comparisons(outlook: Outlook) -> Iterator[Comparison]:
    """The forecast of the next periods against last year, and that of all periods ahead against the one before."""
    if outlook.last_year is not None:
        when = outlook.ahead.words
        text = f"{{now}} units are forecast for {when}, where {{then}} were sold a year before ({{change}})."
        yield Comparison("last_year", outlook.ahead, outlook.last_year, text)
    if outlook.revised is not None and outlook.earlier is not None and outlook.earlier_cutoff is not None:
        text = (
            f"{{now}} units are forecast for {outlook.revised.words}, where the forecast of "
            f"{period_words(outlook.earlier_cutoff, outlook.panel.frequency)} said {{then}} ({{change}})."
        )
        yield Comparison("last_forecast", outlook.revised, outlook.earlier, text)


def limit_of(level: str, hierarchy: Hierarchy, limits: Mapping[str, float]) -> float:
    """By which share a forecast at a level must differ."""
    usual = LIMIT_TOTAL if level == "total" else LIMIT_GROUP
    return limits.get(level, LIMIT_SERIES if level == level_name(hierarchy.bottom) else usual)


def unlike_before(outlook: Outlook, limits: Mapping[str, float]) -> Iterator[PlanningException]:
    """The exceptions of all comparisons, those of higher levels first; `limits` are shares by level."""
    for comparison in comparisons(outlook):
        yield from _exceptions(outlook, comparison, limits)


def _exceptions(outlook: Outlook, of: Comparison, limits: Mapping[str, float]) -> Iterator[PlanningException]:
    hierarchy, series = outlook.results.hierarchy, outlook.panel.series
    now, then = of.now.sums(beside=of.then), of.then.sums(beside=of.now)
    gone = ~(np.nan_to_num(now) > 0) & ~(np.nan_to_num(_before(outlook)) > 0)  # what is no longer sold is no news
    now, then = np.where(gone, np.nan, now), np.where(gone, np.nan, then)
    named = np.zeros((2, len(now)))  # by side, the largest share by which a named group of each series differs
    for groups in hierarchy.all_groups(series):
        level = level_name(groups.level)
        units, base = _added(now, groups), _added(then, groups)
        difference = units - base
        share = np.divide(difference, base, out=np.zeros(len(groups)), where=base > 0)
        enough = CHANCE * np.sqrt(np.maximum(units, base))
        outside = (np.abs(share) > limit_of(level, hierarchy, limits)) & (np.abs(difference) > enough)
        for side in (0, 1):
            sign = 1 if side else -1
            known = np.full(len(groups), np.inf)
            np.minimum.at(known, groups.rows, np.where(np.isnan(then), np.inf, named[side]))
            known[np.isinf(known)] = 0
            chosen = outside & (sign * share > 0) & (np.abs(share) > FURTHER * known)
            named[side] = np.maximum(named[side], np.where(chosen, np.abs(share), 0)[groups.rows])
            outside = outside & ((sign * share < 0) | chosen)
        rows = np.flatnonzero(outside)
        rows = rows[np.argsort(-np.abs(difference[rows]), kind="stable")][:MOST]
        prices = outlook.money(groups)
        for row in rows.tolist():
            yield _exception(of, groups, row, float(units[row]), float(base[row]), float(prices[row]))


def _exception(of: Comparison, groups: Groups, row: int, now: float, then: float, price: float) -> PlanningException:
    where = {column: value_text(groups.frame[column][row]) for column in groups.level}
    name = " x ".join(where.values()) or ALL_SALES
    about = f"{level_name(groups.level)} {name}" if where else "All sales"
    text = of.text.format(now=number(now), then=number(then), change=change_of(now, then))
    return PlanningException(
        kind=of.kind,
        level=level_name(groups.level),
        group=name,
        where=where,
        sentence=f"{about}: {text}",
        units=abs(now - then),
        money=None if np.isnan(price) else abs(now - then) * price,
    )


def _before(outlook: Outlook) -> np.ndarray:
    """The last known sales of each series, NaN where there are none."""
    return np.full(outlook.panel.n_series, np.nan) if outlook.before is None else outlook.before.sums()


def _added(values: np.ndarray, groups: Groups) -> np.ndarray:
    return np.bincount(groups.rows, np.nan_to_num(values), len(groups))
