"""How many people each interval needs: the newsvendor, with people in the place of units.

A person costs the wage whether there is work or not; work that nobody is there for costs overtime at first, and what is
lost with it beyond that. The expected cost is convex in the number of people, so that one more is worth it as long as
what it saves is more than its wage (Porteus, "Foundations of stochastic inventory theory", chapter 1, for the
newsvendor).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.words import many

_MOST_AT_A_TIME = 2_000_000  # hours in memory at a time


@dataclass(frozen=True)
class LabourCosts:
    """What an hour costs, in money: float64 [cell] each.

    - `wage`: of a person who is there.
    - `overtime`: of an hour of work beyond what the people who are there do, for the first `overtime_hours` of a cell.
    - `short`: of each hour beyond those.
    """

    wage: np.ndarray
    overtime: np.ndarray
    overtime_hours: np.ndarray
    short: np.ndarray

    @classmethod
    def of(
        cls,
        cells: int,
        *,
        wage: float | np.ndarray,
        short: float | np.ndarray,
        overtime: float | np.ndarray | None = None,
        overtime_hours: float | np.ndarray = 0.0,
    ) -> LabourCosts:
        """The rates of some cells; where no overtime is given there is none.

        Raises UsageError where a rate is missing or below 0, or the cost of being short falls with the hours: overtime
        costs at least the wage, and being short at least as much as overtime.
        """
        given = (wage, short if overtime is None else overtime, overtime_hours, short)
        rates = [np.broadcast_to(np.asarray(rate, np.float64), (cells,)) for rate in given]
        costs = cls(*rates)
        known = np.all([np.isfinite(rate) & (rate >= 0) for rate in rates], axis=0)
        wrong = np.flatnonzero(~known | (costs.overtime > costs.short))
        if len(wrong):
            first = ", ".join(f"{rate[wrong[0]]:g}" for rate in rates)
            raise UsageError(
                f"The costs of labour of {many(len(wrong), 'cell')} cannot be: the first has wage, overtime, overtime "
                f"hours and short of {first}; cells {first_five(wrong + 1)}. Expected 0 or more, and an hour of being "
                "short that costs at least as much as overtime."
            )
        return costs

    def part(self, cells: slice) -> LabourCosts:
        """The rates of some cells."""
        return LabourCosts(self.wage[cells], self.overtime[cells], self.overtime_hours[cells], self.short[cells])

    def of_short_hours(self, hours: np.ndarray) -> np.ndarray:
        """What `hours` [..., cell] of work without people cost; convex in them."""
        hours = np.maximum(hours, 0)
        beyond = np.maximum(hours - self.overtime_hours, 0)
        return np.asarray(self.overtime * (hours - beyond) + self.short * beyond)


@dataclass(frozen=True)
class Staffing:
    """The people of each cell; [cell] each.

    - `people`: int64, within what is allowed; `unconstrained`: int64, what would cost least without limits.
    - `cost`: the expected cost, wages and short hours; `idle_cost`: the wages of hours without work in it.
    - `short_hours`: the expected hours of work without people; `short_probability`: that there are any.
    - `shadow_price`: what one more person would save, where people are fewer than would cost least; else 0.
    """

    people: np.ndarray
    unconstrained: np.ndarray
    cost: np.ndarray
    idle_cost: np.ndarray
    short_hours: np.ndarray
    short_probability: np.ndarray
    shadow_price: np.ndarray


def staffing(
    hours: np.ndarray,
    costs: LabourCosts,
    interval_hours: float,
    *,
    least: np.ndarray | int = 0,
    most: np.ndarray | float = np.inf,
) -> Staffing:
    """The people that cost least in each cell, for the work `hours` [path, cell] of its sample paths.

    A person does `interval_hours` of work in a cell. `least` and `most` [cell] are the people that have to be there and
    that there are. Where `least` is more than `most`, `most` holds.

    Work of 1, 2 or 6 hours, a wage of 10 and 30 for an hour short: the third person would cost 10 and save 30 x 1/3.

    >>> plan = staffing(np.array([[1.0], [2.0], [6.0]]), LabourCosts.of(1, wage=10, short=30), 1.0)
    >>> plan.people.tolist(), plan.cost.round(2).tolist(), plan.short_hours.round(2).tolist()
    ([2], [60.0], [1.33])
    """
    hours = np.asarray(hours, np.float64)
    n_cells = hours.shape[1]
    block = max(1, _MOST_AT_A_TIME // max(len(hours), 1))
    low = np.minimum(np.broadcast_to(np.asarray(least, np.float64), (n_cells,)), np.broadcast_to(most, (n_cells,)))
    high = np.maximum(np.broadcast_to(np.asarray(most, np.float64), (n_cells,)), low)
    parts = []
    for start in range(0, n_cells, block):
        cells = slice(start, start + block)
        parts.append(_staffing(hours[:, cells], costs.part(cells), interval_hours, low[cells], high[cells]))
    columns = zip(*([getattr(part, name) for name in Staffing.__annotations__] for part in parts), strict=True)
    return Staffing(*(np.concatenate(column) for column in columns)) if parts else Staffing(*[np.zeros(0)] * 7)


def _staffing(
    hours: np.ndarray, costs: LabourCosts, interval_hours: float, low: np.ndarray, high: np.ndarray
) -> Staffing:
    """The same for a block of cells; `low` and `high` are the limits [cell]."""
    best = _cheapest(hours, costs, interval_hours)
    people = np.clip(best, low, np.maximum(high, low)).astype(np.int64)
    short = np.maximum(hours - people * interval_hours, 0)
    wages = costs.wage * people * interval_hours
    idle = np.maximum(people * interval_hours - hours, 0).mean(axis=0) * costs.wage
    saved = -_marginal(hours, costs, interval_hours, people)
    return Staffing(
        people=people,
        unconstrained=best,
        cost=wages + costs.of_short_hours(short).mean(axis=0),
        idle_cost=idle,
        short_hours=short.mean(axis=0),
        short_probability=(short > 1e-9).mean(axis=0),
        shadow_price=np.where(people < best, np.maximum(saved, 0), 0.0),
    )


def _cheapest(hours: np.ndarray, costs: LabourCosts, interval_hours: float) -> np.ndarray:
    """The fewest people of least expected cost: int64 [cell], by bisection, as the cost is convex."""
    low = np.zeros(hours.shape[1], np.int64)
    high = np.ceil(hours.max(axis=0, initial=0) / interval_hours).astype(np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        enough = _marginal(hours, costs, interval_hours, middle) >= -1e-12
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    return low


def _marginal(hours: np.ndarray, costs: LabourCosts, interval_hours: float, people: np.ndarray) -> np.ndarray:
    """By how much the expected cost rises with one more person than `people` [cell]."""
    now = costs.of_short_hours(hours - people * interval_hours).mean(axis=0)
    then = costs.of_short_hours(hours - (people + 1) * interval_hours).mean(axis=0)
    return np.asarray(costs.wage * interval_hours + then - now)


def short_cost_curve(hours: np.ndarray, costs: LabourCosts, interval_hours: float, most: int) -> np.ndarray:
    """The expected cost of being short with 0, 1, ... `most` people: float64 [cell, people], convex and falling.

    It has no wages, which shifts count for themselves.
    """
    curve = [costs.of_short_hours(hours - people * interval_hours).mean(axis=0) for people in range(most + 1)]
    return np.stack(curve, axis=1)
