"""The orders of all series within what their vendors ask and the budget allows, with what each limit changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foresell.decide.stock.gain_curves import GainCurves
from foresell.decide.vendors.break_reach import within_reach
from foresell.decide.vendors.joint_orders import JointOrders, joint_orders
from foresell.decide.vendors.terms import Measure, VendorTerms
from foresell.decide.vendors.vendor_order import VendorLines, VendorOrder, total, vendor_limits

LIMITS = ("vendor_minimum", "truck", "price_break", "budget")
"""What may change an order; the columns of a plan that say by how much."""

_LIMIT_OF = {"minimum": "vendor_minimum", "truck fill": "truck", "truck": "truck", "price break": "price_break"}


@dataclass(frozen=True)
class VendorSummary:
    """One vendor in the plan.

    - `wanted`: the money of what its series want by themselves. `paid`: the money of the order; 0 where there is none.
    - `price_factor`: what is paid, as a share of the list prices. `trucks`: how many come.
    - `limit`: which limit decides, one of `LIMITS` or "". `measure`: in what that limit is given.
    - `binds`: whether it does bind an order; `is_full`: whether it is the room of the trucks that binds.
    - `shadow_price`: what one unit of it less would save or more would gain, in money; NaN where nothing is ordered.
    - `truck_price`: what one more truck would gain; NaN where their number does not limit the order.
    """

    name: str
    wanted: float
    paid: float
    price_factor: float
    trucks: int
    limit: str
    measure: Measure
    binds: bool
    is_full: bool
    shadow_price: float
    truck_price: float


@dataclass(frozen=True)
class LimitedOrders:
    """The orders and why they are not what the series want.

    - `units`: float64 [series], NaN where the series has no order because its data are at fault.
    - `changes`: by limit, by how many units it changed the order: float64 [series] each. They add up to the difference
      to what the policy wants.
    - `limit`: which limits bind, [series] of texts; `shadow_price`: of the first of them, float64 [series], NaN where
      none binds.
    - `vendors`: of all vendors, those that ask for nothing without numbers. `joint`: the orders by vendor, the price of
      money and the gap.
    """

    units: np.ndarray
    changes: dict[str, np.ndarray]
    limit: np.ndarray
    shadow_price: np.ndarray
    vendors: tuple[VendorSummary, ...]
    joint: JointOrders


def limited_orders(
    curves: GainCurves,
    loads: Mapping[Measure, np.ndarray],
    vendors: Sequence[VendorTerms] = (),
    vendor_of: np.ndarray | None = None,
    budget: float | None = None,
) -> LimitedOrders:
    """The orders of the largest expected gain.

    `loads` are those of one unit of each series by measure, float64 [series]; "money" is what a unit costs. `vendor_of`
    has the number of each series' vendor, int [series], -1 where there is none. The `budget` is in money.
    """
    groups = [VendorTerms(), *vendors]
    of_series = np.zeros(curves.n_series, np.int64) if vendor_of is None else vendor_of + 1
    asks = np.array([not terms.free for terms in groups])
    of_series = np.where(asks[of_series], of_series, 0)  # those that ask for nothing are one group
    group_of_piece = of_series[curves.series]
    order = np.argsort(group_of_piece, kind="stable")
    pieces = np.split(order, np.searchsorted(group_of_piece[order], np.arange(1, len(groups))))
    lines = [within_reach(_lines(terms, curves.part(rows), loads)) for terms, rows in zip(groups, pieces, strict=True)]
    by_vendors = joint_orders(lines)
    joint = by_vendors if budget is None or by_vendors.paid <= budget else joint_orders(lines, budget)

    wanted = np.where(np.isin(np.arange(curves.n_series), curves.series), curves.wanted, 0.0)
    free_units, units = (_units(curves, pieces, each) for each in (by_vendors, joint))
    limit_of = [_limit(terms, by_vendors, number) for number, terms in enumerate(groups)]
    changes = {
        name: np.where(np.array([limit == name for limit in limit_of])[of_series], free_units - wanted, 0.0)
        for name in LIMITS[:-1]
    }
    changes["budget"] = units - free_units
    summaries = [_summary(lines[number], joint, number, limit_of[number]) for number in range(1, len(groups))]
    limit, shadow_price = _binding(limit_of, by_vendors, joint, of_series, wanted, free_units)
    return LimitedOrders(units, changes, limit, shadow_price, tuple(summaries), joint)


def _lines(terms: VendorTerms, part: GainCurves, loads: Mapping[Measure, np.ndarray]) -> VendorLines:
    measures = (terms.main_measure(), terms.minimum_measure, terms.break_measure)
    pack = part.pack[part.series]
    money, *others = (loads[name][part.series] * pack for name in ("money", *measures))
    return VendorLines(terms, part.series, part.packs, part.gain, part.whole, money, *others)


def _units(curves: GainCurves, pieces: Sequence[np.ndarray], joint: JointOrders) -> np.ndarray:
    bought = np.zeros(len(curves.series), np.int64)
    for rows, order in zip(pieces, joint.orders, strict=True):
        bought[rows] = order.bought
    return curves.units(bought)


def _limit(terms: VendorTerms, joint: JointOrders, number: int) -> str:
    """The limit of a vendor that decides, or would where nothing is ordered."""
    if joint.limits[number].binds:
        return _LIMIT_OF[joint.limits[number].binds]
    if terms.truck is not None:
        return "truck"
    return "vendor_minimum" if terms.minimum > 0 else ("price_break" if terms.breaks else "")


def _summary(lines: VendorLines, joint: JointOrders, number: int, limit: str) -> VendorSummary:
    terms, order = lines.terms, joint.orders[number]
    measure = {"truck": terms.truck_measure, "price_break": terms.break_measure}.get(limit, terms.minimum_measure)
    is_wanted = lines.gain > 0
    list_money = total(order.bought, lines.money)
    binds = joint.limits[number].binds if order.level is not None else ""
    return VendorSummary(
        terms.name,
        total(lines.packs[is_wanted], lines.money[is_wanted]),
        order.paid,
        order.paid / list_money if list_money else 1.0,
        order.trucks,
        limit,
        measure,
        bool(binds),
        binds == "truck",
        np.nan if order.level is None else joint.limits[number].shadow_price,
        _truck_price(lines, order, joint.price),
    )


def _truck_price(lines: VendorLines, order: VendorOrder, price: float) -> float:
    """What one truck more than the most that can come would gain, at a price of money."""
    most = lines.terms.most_trucks
    if most is None or order.trucks < most:
        return np.nan
    more = replace(lines, terms=replace(lines.terms, most_trucks=most + 1))
    return vendor_limits(more, price).value - vendor_limits(lines, price).value


def _binding(
    limit_of: Sequence[str],
    by_vendors: JointOrders,
    joint: JointOrders,
    of_series: np.ndarray,
    wanted: np.ndarray,
    free_units: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What binds the order of each series, and its shadow price."""
    closed = np.array([order.level is None for order in by_vendors.orders])
    binds = np.array([bool(limits.binds) for limits in by_vendors.limits]) | closed
    binds[0] = False
    prices = np.array([limits.shadow_price for limits in by_vendors.limits])
    prices = np.where(closed | ~binds, np.nan, prices)
    concerned = (wanted > 0) | (free_units > 0)
    of_vendor = binds[of_series] & concerned
    of_budget = (joint.price > 0) & concerned
    names = np.array(limit_of, dtype=object)[of_series]
    limit = np.where(of_vendor, names, "")
    limit = np.where(of_budget, np.where(of_vendor, names + ", budget", "budget"), limit)
    return limit, np.where(of_vendor, prices[of_series], np.where(of_budget, joint.price, np.nan))
