"""Terms of vendors from columns of numbers, and what is wrong with them, so that nothing is ordered in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foresell.core.finding import Finding
from foresell.decide.codes import finding
from foresell.decide.vendors.terms import Measure, PriceBreak, VendorTerms

TRUCK_FILL = 0.9
"""How full the last truck has to be at least where that is not given, and trucks cost nothing."""

_TRUCKS: dict[Measure, str] = {"units": "truck_units", "weight": "truck_weight", "volume": "truck_volume"}


@dataclass(frozen=True)
class GivenBreak:
    """A row of a table of price breaks for the vendor with the number `vendor`; NaN where a cell is empty."""

    vendor: int
    from_money: float
    from_units: float
    discount: float
    kind: str | None


@dataclass(frozen=True)
class GivenTerms:
    """The terms of all vendors, None for those whose terms are at fault; what was assumed; the findings."""

    terms: tuple[VendorTerms | None, ...]
    assumed_fill: np.ndarray
    findings: tuple[Finding, ...]


def vendor_terms(
    names: Sequence[str], columns: Mapping[str, np.ndarray], breaks: Sequence[GivenBreak] = ()
) -> GivenTerms:
    """The terms of vendors from the columns ``minimum_money``, ``truck_units`` and so on, float64 [vendor], NaN where
    nothing is given.

    >>> columns = {"minimum_money": np.array([500.0, -1.0])}
    >>> given = vendor_terms(["A", "B"], columns)
    >>> given.terms[0].minimum, given.terms[1], given.findings[0].code
    (500.0, None, 'vendor-invalid')
    """
    terms: list[VendorTerms | None] = []
    faults: list[str] = []
    assumed = np.zeros(len(names), bool)
    for number, name in enumerate(names):
        row = {column: float(values[number]) for column, values in columns.items() if not np.isnan(values[number])}
        of_vendor = [each for each in breaks if each.vendor == number]
        fault = _fault_of(row) or _fault_of_breaks(of_vendor)
        if fault:
            faults.append(f"{name}: {fault}")
            terms.append(None)
            continue
        terms.append(_terms(name, row, of_vendor))
        assumed[number] = any(column in row for column in _TRUCKS.values()) and not row.keys() & {
            "truck_fill",
            "truck_cost",
        }
    if not faults:
        return GivenTerms(tuple(terms), assumed, ())
    found = finding("vendor-invalid", "vendors", len(faults), "Terms that cannot be", faults)
    return GivenTerms(tuple(terms), assumed, (found,))


def _terms(name: str, row: Mapping[str, float], breaks: Sequence[GivenBreak]) -> VendorTerms:
    trucks = [(measure, row[column]) for measure, column in _TRUCKS.items() if column in row]
    truck_measure: Measure = trucks[0][0] if trucks else "units"
    in_units = bool(breaks) and not np.isnan(breaks[0].from_units)
    steps = [PriceBreak(each.from_units if in_units else each.from_money, each.discount) for each in breaks]
    cost = row.get("truck_cost", 0.0)
    return VendorTerms(
        name,
        minimum=row.get("minimum_units", row.get("minimum_money", 0.0)),
        minimum_measure="units" if "minimum_units" in row else "money",
        truck=trucks[0][1] if trucks else None,
        truck_measure=truck_measure,
        truck_cost=cost,
        truck_fill=row.get("truck_fill", 0.0 if cost > 0 else TRUCK_FILL),
        most_trucks=int(row["most_trucks"]) if "most_trucks" in row else None,
        breaks=tuple(sorted(steps, key=lambda each: each.threshold)),
        break_measure="units" if in_units else "money",
        incremental=bool(breaks) and breaks[0].kind == "incremental",
    )


def _fault_of(row: Mapping[str, float]) -> str | None:
    """What is wrong with a row of the table of vendors."""
    trucks = [column for column in _TRUCKS.values() if column in row]
    endless = [column for column, value in row.items() if not np.isfinite(value) or value < 0]
    if endless:
        return f"{endless[0]} is {row[endless[0]]:g}"
    if {"minimum_money", "minimum_units"} <= row.keys():
        return "a minimum in money and one in units"
    if len(trucks) > 1:
        return f"trucks by {' and by '.join(trucks)}"
    if not trucks and row.keys() & {"truck_cost", "truck_fill", "most_trucks"}:
        return "terms of trucks, and not what a truck holds"
    if trucks and row[trucks[0]] == 0:
        return f"{trucks[0]} is 0"
    if row.get("truck_fill", 0.0) > 1:
        return f"truck_fill is {row['truck_fill']:g}, more than a full truck"
    if row.get("most_trucks", 0.0) % 1:
        return f"most_trucks is {row['most_trucks']:g}"
    return None


def _fault_of_breaks(breaks: Sequence[GivenBreak]) -> str | None:
    """What is wrong with the price breaks of one vendor."""
    if not breaks:
        return None
    in_money = [not np.isnan(each.from_money) for each in breaks]
    in_units = [not np.isnan(each.from_units) for each in breaks]
    if not ((all(in_money) and not any(in_units)) or (all(in_units) and not any(in_money))):
        return "price breaks need either from_money or from_units in all rows"
    kinds = {each.kind or "all_units" for each in breaks}
    if not kinds <= {"all_units", "incremental"} or len(kinds) > 1:
        return f"the kind of its price breaks is {', '.join(sorted(kinds))}, not all_units or incremental"
    if "incremental" in kinds and in_units[0]:
        return "incremental price breaks are in money only"
    steps = sorted((each.from_units if in_units[0] else each.from_money, each.discount) for each in breaks)
    wrong = [step for step in steps if not (np.isfinite(step[0]) and step[0] > 0 and 0 < step[1] < 1)]
    if wrong:
        return f"a discount of {wrong[0][1]:g} from {wrong[0][0]:g} on; a discount is a share such as 0.05"
    for before, after in pairwise(steps):
        if before[0] == after[0] or before[1] >= after[1]:
            return f"the discount does not rise from {before[0]:g} to {after[0]:g}"
    return None
