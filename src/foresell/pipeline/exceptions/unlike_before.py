"""Groups whose forecast is far from the sales of last year, or from the forecast before, as exceptions.

What groups share is said once, at the level where it shows: a store, and neither its departments nor its region
(`group_search`). Of levels with many groups those are named that differ half again as far as the named groups they are
in, or to the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.words import change_of, number
from foresell.monitor.accuracy import ALL, GROUP
from foresell.pipeline.exceptions.group_search import named_groups, series_sums
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
    units, base = np.nan_to_num(now), np.nan_to_num(then)

    def reach(level: str, size: float) -> float:
        share = limit_of(level, hierarchy, limits)
        return max(float(np.log1p(share)), CHANCE / float(np.sqrt(max(size, 1.0))))

    sums = series_sums(outlook.results, units, base)
    alarms = {(one.of, one.name) for one in named_groups(sums, of.now.units.shape[1], reach) if one.alarm}
    shares = np.zeros((2, len(units)))  # by side, the largest share by which a named group of each series differs
    for groups in hierarchy.all_groups(series):
        level = level_name(groups.level)
        names = sums.places[GROUP, level][0] if (GROUP, level) in sums.places else None
        compared = _Compared.of(groups, units, base)
        if not groups.level:
            outside = np.array([("total", ALL) in alarms])
        elif names is not None:
            # Beside all sales, and by itself too: who sells as ever while others rise is no exception.
            outside = np.array([(level, name) in alarms for name in names])
            outside &= compared.share > limit_of(level, hierarchy, limits)
        else:
            enough = CHANCE * np.sqrt(np.maximum(compared.units, compared.base))
            outside = compared.share > limit_of(level, hierarchy, limits)
            outside &= (np.abs(compared.difference) > enough) & compared.beyond(groups, shares)
        compared.raise_shares(groups, outside, shares)
        rows = np.flatnonzero(outside)
        rows = rows[np.argsort(-np.abs(compared.difference[rows]), kind="stable")][:MOST]
        prices = outlook.money(groups)
        for row in rows.tolist():
            yield _exception(of, groups, row, float(compared.units[row]), float(compared.base[row]), float(prices[row]))


@dataclass(frozen=True, eq=False)
class _Compared:
    """The sums of the groups of a level: what is forecast, what it is held against, float64 [group]."""

    units: np.ndarray
    base: np.ndarray

    @classmethod
    def of(cls, groups: Groups, units: np.ndarray, base: np.ndarray) -> _Compared:
        return cls(*(np.bincount(groups.rows, values, len(groups)) for values in (units, base)))

    @property
    def difference(self) -> np.ndarray:
        difference: np.ndarray = self.units - self.base
        return difference

    @property
    def share(self) -> np.ndarray:
        """By which share of what it is held against each group differs, 0 where that is 0."""
        return np.divide(np.abs(self.difference), self.base, out=np.zeros(len(self.base)), where=self.base > 0)

    def beyond(self, groups: Groups, shares: np.ndarray) -> np.ndarray:
        """Whether each group differs by more than the named groups explain that all of its series are in."""
        known = np.full((2, len(groups)), np.inf)
        for side in (0, 1):
            np.minimum.at(known[side], groups.rows, shares[side])
        beyond: np.ndarray = self.share > FURTHER * np.where(self.difference > 0, known[1], known[0])
        return beyond

    def raise_shares(self, groups: Groups, outside: np.ndarray, shares: np.ndarray) -> None:
        """Notes the shares of the groups that are named, in `shares` [side, series]."""
        for side in (0, 1):
            named = outside & ((self.difference > 0) == bool(side))
            shares[side] = np.maximum(shares[side], np.where(named, self.share, 0)[groups.rows])


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
