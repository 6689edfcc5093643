"""The sample retailer's vendors and the terms on which they supply its items, with the truth about their lead times.

Each department has two vendors. The second of them delivers later than it says, so that a plan that believes the terms
orders too late; ``truth/terms.parquet`` has what it really takes. Of groceries the second delivers by
the truck, of home goods the first has price breaks and the second a joint minimum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.synth.assortment import Items, RetailerPlan, Stores
from foresell.synth.market import CATEGORIES
from foresell.synth.prices import INFLATION
from foresell.synth.random_streams import Stream, stream, traits

DEPARTMENTS = tuple(dict.fromkeys(category.department for category in CATEGORIES))
VENDORS_EACH = 2  # of a department
LEAD_DAYS = {"fresh": (1, 3), "grocery": (3, 7), "home": (7, 14)}
REVIEW_DAYS = {"fresh": (1, 2), "grocery": (3, 7), "home": (7, 7)}  # of the first and of the second vendor
ORDER_COST = {"fresh": (0.2, 0.6), "grocery": (0.4, 1.2), "home": (0.8, 2.0)}
HOLDING_SHARE = {"fresh": 0.35, "grocery": 0.22, "home": 0.25}  # a year; what is cooled costs more to hold
SHELF_DAYS = {"dairy": (10, 24), "bakery": (2, 4), "produce": (4, 8)}
PACKS = np.array([1, 2, 4, 6, 12, 24])
LATE = 0.35  # a vendor that is late takes up to this share longer than it says
TRUCK_SHARE, TRUCK_FILL = 0.4, 0.8  # of what all stores order on a usual day of review; how full the last truck must be
MINIMUM_SHARE = 0.8
BREAKS = ((1.1, 0.02), (1.6, 0.04))  # from so many usual orders on, so large a share is off
MINIMUM_CYCLE, MINIMUM_PACKS = 6, 2  # so many packs are the least order of every sixth item


@dataclass(frozen=True)
class Vendors:
    """All vendors; every array is [vendor].

    `stated_lead_days` is what the terms say, `lead_days` and `lead_sd_days` are the true mean and standard deviation.
    """

    stated_lead_days: np.ndarray
    lead_days: np.ndarray
    lead_sd_days: np.ndarray
    review_days: np.ndarray
    order_cost: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """The vendors' keys, such as ``V01``."""
        return np.array([f"V{number + 1:02d}" for number in range(len(self.lead_days))])


def make_vendors(plan: RetailerPlan) -> Vendors:
    """The vendors of the retailer, which do not depend on its size."""
    numbers = np.arange(len(DEPARTMENTS) * VENDORS_EACH)
    uniform, _ = traits(plan.seed, Stream.VENDOR, numbers, 4)
    department = [DEPARTMENTS[number // VENDORS_EACH] for number in numbers]
    second = numbers % VENDORS_EACH == 1

    def between(bounds: Mapping[str, tuple[float, float]], share: np.ndarray) -> np.ndarray:
        low, high = np.array([bounds[name] for name in department], np.float64).T
        return low + (high - low) * share

    stated = between(LEAD_DAYS, uniform[:, 0]).round()
    true = stated * np.where(second, 1 + LATE * uniform[:, 1], 1.0)
    return Vendors(
        stated.astype(np.int64),
        true,
        true * (0.1 + 0.2 * uniform[:, 2]),
        between(REVIEW_DAYS, second.astype(float)).astype(np.int64),
        between(ORDER_COST, uniform[:, 3]).round(2),
    )


@dataclass(frozen=True)
class ItemTerms:
    """The terms of consecutive items; every array is [item]. `shelf_days` is 0 where an item keeps."""

    vendor: np.ndarray
    unit_cost: np.ndarray
    holding_share_year: np.ndarray
    pack: np.ndarray
    minimum: np.ndarray
    shelf_days: np.ndarray


def item_terms(plan: RetailerPlan, items: Items, vendors: Vendors) -> ItemTerms:
    """The terms of `items`, each from its own stream."""
    uniform, _ = traits(plan.seed, Stream.TERMS, items.numbers, 3)
    kinds = [CATEGORIES[kind] for kind in items.category]
    department = np.array([DEPARTMENTS.index(kind.department) for kind in kinds])
    vendor = department * VENDORS_EACH + items.numbers // len(CATEGORIES) % VENDORS_EACH
    price = items.list_price * np.exp(INFLATION * plan.years[plan.days - 1])
    wanted = items.level * vendors.review_days[vendor] * (0.3 + 0.7 * uniform[:, 1])
    pack = PACKS[np.abs(np.log(PACKS) - np.log(wanted)[:, None]).argmin(axis=1)]
    low, high = np.array([SHELF_DAYS.get(kind.name, (0, 0)) for kind in kinds]).T
    return ItemTerms(
        vendor,
        np.maximum(price * (0.55 + 0.25 * uniform[:, 0]), 0.01).round(2),
        np.array([HOLDING_SHARE[kind.department] for kind in kinds]),
        pack,
        np.where(items.numbers % MINIMUM_CYCLE == 0, MINIMUM_PACKS * pack, 0),
        (low + (high - low) * uniform[:, 2]).round().astype(np.int64),
    )


def terms_frame(items: Items, terms: ItemTerms, vendors: Vendors) -> pl.DataFrame:
    """The terms as a retailer's purchasing would have them: one row for each item."""
    of = terms.vendor
    shelf = pl.Series(terms.shelf_days)
    return pl.DataFrame(
        {
            "item": items.names,
            "vendor": vendors.names[of],
            "unit_cost": terms.unit_cost,
            "holding_share_year": terms.holding_share_year,
            "lead_days": vendors.stated_lead_days[of],
            "review_days": vendors.review_days[of],
            "pack": terms.pack,
            "minimum": terms.minimum,
            "order_cost": vendors.order_cost[of],
            "shelf_days": shelf.set(shelf == 0, None),
        }
    )


def usual_orders(items: Items, terms: ItemTerms, vendors: Vendors, stores: Stores) -> tuple[np.ndarray, np.ndarray]:
    """What all stores together sell of each vendor's items between two reviews: units and their cost, [vendor]."""
    units = items.level * stores.factor.sum() * vendors.review_days[terms.vendor]
    n_vendors = len(vendors.names)
    return (
        np.bincount(terms.vendor, units, n_vendors),
        np.bincount(terms.vendor, units * terms.unit_cost, n_vendors),
    )


def vendor_frame(vendors: Vendors, units: np.ndarray, cost: np.ndarray) -> pl.DataFrame:
    """What vendors ask of an order as a whole, null for no limit: one row for each; see `usual_orders`."""
    number = np.arange(len(vendors.names))
    by_truck = (number == _vendor("grocery", 1)) & (units > 0)
    has_minimum = (number == _vendor("home", 1)) & (cost > 0)
    return pl.DataFrame(
        {
            "vendor": vendors.names,
            "minimum_money": _where(has_minimum, _handy(MINIMUM_SHARE * cost)),
            "truck_units": _where(by_truck, _handy(TRUCK_SHARE * units)),
            "truck_fill": _where(by_truck, np.full(len(number), TRUCK_FILL)),
        }
    )


RECEIPTS = 40  # of each vendor


def receipt_frame(vendors: Vendors, seed: int, end: np.datetime64) -> pl.DataFrame:
    """The last orders of each vendor that have come by `end`, by the true lead times: one row for each."""
    frames = []
    for number, name in enumerate(vendors.names):
        normal = stream(seed, Stream.RECEIPT, number).standard_normal(RECEIPTS)
        lead = np.maximum(np.round(vendors.lead_days[number] + vendors.lead_sd_days[number] * normal), 0).astype(int)
        ordered = end - int(lead.max()) - vendors.review_days[number] * np.arange(RECEIPTS)[::-1]
        frames.append(pl.DataFrame({"vendor": [str(name)] * RECEIPTS, "ordered": ordered, "received": ordered + lead}))
    return pl.concat(frames)


def break_frame(vendors: Vendors, cost: np.ndarray) -> pl.DataFrame:
    """The price breaks: one row for each."""
    vendor = _vendor("home", 0)
    usual = max(float(cost[vendor]), 10.0)
    return pl.DataFrame(
        {
            "vendor": [vendors.names[vendor]] * len(BREAKS),
            "from_money": _handy(usual * np.array([times for times, _ in BREAKS])),
            "discount": [discount for _, discount in BREAKS],
            "kind": ["all_units"] * len(BREAKS),
        }
    )


def _vendor(department: str, place: int) -> int:
    """The number of the first (0) or second (1) vendor of a department."""
    return DEPARTMENTS.index(department) * VENDORS_EACH + place


def _handy(values: np.ndarray) -> np.ndarray:
    """The numbers with two digits, as people write such terms."""
    return np.array([float(f"{value:.1e}") for value in np.maximum(values, 1.0)])


def _where(known: np.ndarray, values: np.ndarray) -> pl.Series:
    """The values where they are known, else null."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def terms_truth(items: Items, terms: ItemTerms, vendors: Vendors) -> pl.DataFrame:
    """One row for each item: the vendor, what an order costs, the shelf life, and the lead time as it really is."""
    of = terms.vendor
    shelf = pl.Series(terms.shelf_days)
    return pl.DataFrame(
        {
            "item": items.names,
            "vendor": vendors.names[of],
            "order_cost": vendors.order_cost[of],
            "shelf_days": shelf.set(shelf == 0, None),
            "stated_lead_days": vendors.stated_lead_days[of],
            "lead_days": vendors.lead_days[of],
            "lead_sd_days": vendors.lead_sd_days[of],
        }
    )
