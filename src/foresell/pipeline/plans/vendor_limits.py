"""What vendors and a budget make of the orders of a project's series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from foresell.core.finding import Finding
from foresell.core.settings import OrderTables
from foresell.core.words import many, number
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.vendor_tables import VendorTables, read_vendor_tables
from foresell.decide.codes import finding
from foresell.decide.order_plan import PlannedOrders, ValuedOrders, valued_orders
from foresell.decide.stock.contract import Situation
from foresell.decide.stock.gain_curves import gain_curves, joined_curves
from foresell.decide.vendors.faults import GivenBreak, vendor_terms
from foresell.decide.vendors.joint_orders import TOLERANCE
from foresell.decide.vendors.limited_orders import LIMITS, LimitedOrders, VendorSummary, limited_orders
from foresell.decide.vendors.terms import Measure, VendorTerms
from foresell.pipeline.plans.supply import Supply
from foresell.pipeline.results import Results

SHOWN_VENDORS = 5
"""So many vendors have a sentence in the headline."""


@dataclass(frozen=True)
class OrderLimits:
    """The vendors' terms and the budget.

    - `vendors`: whose terms are sound. `of_series`: int64 [series], the number of each series' vendor, -1 for none.
    - `forbidden`: bool [series], whose vendor or measures are at fault, so that nothing is ordered.
    - `loads`: those of a unit by measure, float64 [series], 0 where they are not known and not needed.
    - `assumed_fill`: bool [series], whether the fill of trucks was assumed.
    """

    vendors: tuple[VendorTerms, ...]
    of_series: np.ndarray
    forbidden: np.ndarray
    loads: dict[Measure, np.ndarray]
    assumed_fill: np.ndarray
    budget: float | None
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, results: Results, tables: OrderTables, supply: Supply) -> OrderLimits | None:
        """Reads the tables; None where nothing limits orders together.

        Raises SettingsError where a table does not fit the series, UnreadableFile and FindingsStop where it cannot be
        read.
        """
        if not tables.vendors and not tables.price_breaks and tables.budget is None:
            return None
        n_series = results.panel.n_series
        none = np.zeros(n_series, bool)
        costs = supply.terms.costs.unit
        loads: dict[Measure, np.ndarray] = {"money": costs, "units": np.ones(n_series)}
        limits = cls((), np.full(n_series, -1), none, loads, none, tables.budget, _budget_findings(tables.budget))
        if not tables.vendors and not tables.price_breaks:
            return limits
        base, data = Path(results.base), results.settings.data
        forms = {name: TableForm.of(tables, name) for name in ("vendors", "price_breaks")}
        given = read_vendor_tables(tables.vendors, tables.price_breaks, base, data, results.panel, supply.vendor, forms)
        return limits._with_vendors(given, supply)

    def _with_vendors(self, given: VendorTables, supply: Supply) -> OrderLimits:
        breaks = [GivenBreak(*row) for row in given.breaks.iter_rows()]
        terms = vendor_terms(given.names, given.terms, breaks)
        sound = np.array([each is not None for each in terms.terms] + [True])  # the last is for no vendor
        numbers = np.append(np.cumsum(sound[:-1]) - 1, -1)
        numbers[~sound] = -1
        vendors = tuple(each for each in terms.terms if each is not None)
        of_series = numbers[given.of_series]
        findings = [*self.findings, *given.findings, *terms.findings]
        if given.unknown.any():
            findings.append(_of_series("vendor-unknown", given.unknown, supply))
        loads, lacking = dict(self.loads), np.zeros(len(of_series), bool)
        for measure in ("weight", "volume"):
            asked = np.array([each.truck is not None and each.truck_measure == measure for each in vendors] + [False])
            known = supply.unit_loads.get(measure, np.full(len(of_series), np.nan))
            lacking |= asked[of_series] & ~(known > 0)
            loads[measure] = np.where(known > 0, known, 0.0)
        if lacking.any():
            findings.append(_of_series("unit-load-unknown", lacking, supply))
        return replace(
            self,
            vendors=vendors,
            of_series=of_series,
            forbidden=~sound[given.of_series] | given.unknown | lacking,
            loads=loads,
            assumed_fill=np.append(terms.assumed_fill, False)[given.of_series],
            findings=tuple(findings),
        )

    def with_assumptions(self, supply: Supply) -> Supply:
        """The supply, in which the fill of trucks is marked as assumed where it was."""
        assumed = {**supply.terms.assumed, "truck_fill": self.assumed_fill}
        return replace(supply, terms=replace(supply.terms, assumed=assumed))

    @property
    def is_feasible(self) -> bool:
        """Whether the budget is a number of 0 or more, or none is given."""
        return self.budget is None or (np.isfinite(self.budget) and self.budget >= 0)


def _budget_findings(budget: float | None) -> tuple[Finding, ...]:
    if budget is None or (np.isfinite(budget) and budget >= 0):
        return ()
    return (finding("budget-infeasible", "orders", 1, f"The budget is {budget:,.0f}; nothing is ordered"),)


def _of_series(code: str, series: np.ndarray, supply: Supply) -> Finding:
    """A finding about some series."""
    rows = np.flatnonzero(series)
    message = {
        "vendor-unknown": "The table of vendors has no row for the vendor of",
        "unit-load-unknown": "Trucks are measured in weight or volume, and that of a unit is not known, for",
    }[code]
    names = [supply.names[row] for row in rows[:5].tolist()]
    return finding(code, "vendors", len(rows), f"{message} {many(len(rows), 'series', 'series')}", names)


def within_limits(
    orders: PlannedOrders,
    limits: OrderLimits,
    situation: Callable[[np.ndarray], Situation],
    blocks: Sequence[np.ndarray],
) -> tuple[PlannedOrders, LimitedOrders]:
    """The orders as vendors and the budget allow, and what binds.

    `situation` is that of some series, `blocks` all series part by part.
    """
    columns = {name: values.copy() for name, values in orders.columns.items()}
    wanted = np.where(limits.forbidden | (not limits.is_feasible), np.nan, columns["units"])
    asks = np.array([not each.free for each in limits.vendors] + [False])
    beyond = asks[limits.of_series]
    parts = [gain_curves(situation(rows), wanted[rows], beyond[rows]) for rows in blocks]
    limited = limited_orders(
        joined_curves(parts), limits.loads, limits.vendors, limits.of_series,
        limits.budget if limits.is_feasible else None,
    )  # fmt: skip
    undecided = np.isnan(wanted)
    units = np.where(undecided, np.nan, limited.units)
    for name in LIMITS:
        columns[name] = np.where(undecided, np.nan, limited.changes[name])
    changed = np.flatnonzero((units != columns["units"]) & ~undecided)
    columns["units"] = units
    if len(changed):
        valued = ValuedOrders.joined(
            [valued_orders(situation(rows), units[rows]) for rows in np.array_split(changed, len(changed) // 1024 + 1)]
        )
        columns["gain"][changed], columns["lost_units"][changed] = valued.gain, valued.lost_units
    discounts = np.array([each.price_factor for each in limited.vendors] + [1.0])
    columns["value"] = units * limits.loads["money"] * discounts[limits.of_series]
    for name in ("gain", "lost_units"):
        columns[name] = np.where(undecided, np.nan, columns[name])
    findings = (*orders.findings, *limits.findings, *_limit_findings(limited, limits, wanted))
    return PlannedOrders(columns, findings), limited


def _limit_findings(limited: LimitedOrders, limits: OrderLimits, wanted: np.ndarray) -> Iterator[Finding]:
    """Vendors from whom nothing is ordered though units are wanted, and a budget that buys nothing."""
    if limits.budget is not None and limits.is_feasible and np.nansum(wanted) > 0 and not limited.units.any():
        message = f"The budget of {limits.budget:,.2f} buys no pack that vendors allow to be ordered"
        yield finding("budget-infeasible", "orders", 1, message)
        return
    closed = [each for each in limited.vendors if each.paid == 0 and each.wanted > 0]
    if closed:
        names = [f"{each.name} ({each.limit.replace('_', ' ')})" for each in closed]
        message = f"Units for {number(sum(each.wanted for each in closed))} are wanted, and nothing is ordered"
        yield finding("vendor-order-unprofitable", "vendors", len(closed), message, names)


def limit_sentences(limited: LimitedOrders, limits: OrderLimits) -> Iterator[str]:
    """What binds, and what one more unit of it would be worth."""
    joint = limited.joint
    if limits.budget is not None and limits.is_feasible:
        if joint.price > 0:
            yield (
                f"The budget of {number(limits.budget)} binds: {number(joint.paid)} is spent, and one more unit of "
                f"money would gain {joint.price:.2f}."
            )
        else:
            yield f"The budget of {number(limits.budget)} does not bind: {number(joint.paid)} is spent."
    binding = [each for each in limited.vendors if each.binds]
    for each in sorted(binding, key=lambda one: -one.shadow_price)[:SHOWN_VENDORS]:
        yield _sentence(each)
    if joint.gap > TOLERANCE:
        yield f"Orders that gain up to {joint.gap:.1%} more may exist, in whole packs and within all limits."


def _sentence(vendor: VendorSummary) -> str:
    unit = {"money": "unit of money", "units": "unit"}.get(vendor.measure, f"unit of {vendor.measure}")
    price = f"{vendor.shadow_price:.3g}"
    if vendor.truck_price > 0:
        trucks = many(vendor.trucks, "truck")
        return f"All {trucks} of {vendor.name} are full: one more would gain {vendor.truck_price:.3g}."
    if vendor.is_full:
        return f"Trucks from {vendor.name} are full: room for one {unit} more would gain {price}."
    what = {"vendor_minimum": "its minimum", "truck": "fill its trucks", "price_break": "a price break"}[vendor.limit]
    verb = "to" if vendor.limit == "truck" else "to reach"
    return f"The order from {vendor.name} is raised {verb} {what}: one {unit} less of that would save {price}."


def limits_as_data(limited: LimitedOrders) -> dict[str, Any]:
    """What binds as plain data for JSON."""
    prices = ("shadow_price", "truck_price")
    vendors = [{**asdict(each), **{name: _known(getattr(each, name)) for name in prices}} for each in limited.vendors]
    return {"price_of_money": limited.joint.price, "gap": limited.joint.gap, "vendors": vendors}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
