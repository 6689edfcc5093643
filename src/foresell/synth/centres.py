"""The sample retailer's distribution centres, what they have, and how fast people work in its stores.

Goods that stores want are scarce at some centres, so that there is something to share out.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.synth.assortment import REGIONS, Items, Stores
from foresell.synth.random_streams import Stream, traits
from foresell.synth.vendors import DEPARTMENTS, ItemTerms, Vendors

CENTRES = ("DC1", "DC2")
CENTRE_OF_REGION = {"north": 0, "south": 1, "west": 0}
STOCK_REVIEWS = (0.4, 4.0)  # a centre has what its stores sell of an item in so many times between two reviews
CAPACITY_SHARE = 1.5  # of what the stores of a centre sell in a day
UNITS_AN_HOUR = {"fresh": 7, "grocery": 9, "home": 5}  # the stores are small, and people serve customers too
WAGE = 18.0
OPEN_HOURS = dict(zip(range(8, 21), (3, 4, 6, 7, 8, 7, 6, 6, 8, 11, 13, 10, 6), strict=True))
"""The weight of each hour in which stores are open, in what a day sells."""


def centre_of(stores: Stores) -> np.ndarray:
    """The number of each store's centre: int64 [store]."""
    return np.array([CENTRE_OF_REGION[region] for region in REGIONS])[stores.region]


def centre_frame(stores: Stores) -> pl.DataFrame:
    """Which centre supplies which store."""
    return pl.DataFrame({"store": stores.names, "centre": [CENTRES[centre] for centre in centre_of(stores)]})


def centre_stock_frame(items: Items, terms: ItemTerms, vendors: Vendors, stores: Stores, seed: int) -> pl.DataFrame:
    """What each centre that has stores has of each item, in whole packs."""
    sizes = np.bincount(centre_of(stores), stores.factor, len(CENTRES))
    uniform, _ = traits(seed, Stream.CENTRE, items.numbers, len(CENTRES))
    low, high = STOCK_REVIEWS
    wanted = items.level[:, None] * sizes * vendors.review_days[terms.vendor][:, None]  # [item, centre]
    packs = np.floor(wanted * (low + (high - low) * uniform) / terms.pack[:, None])
    frames = [
        pl.DataFrame(
            {"centre": [name] * len(items), "item": items.names, "on_hand": (packs[:, centre] * terms.pack).astype(int)}
        )
        for centre, name in enumerate(CENTRES)
        if sizes[centre] > 0
    ]
    return pl.concat(frames)


def centre_capacity_frame(units_a_day: float, stores: Stores) -> pl.DataFrame:
    """What each centre that has stores can handle in a day; `units_a_day` is what all stores sell."""
    sizes = np.bincount(centre_of(stores), stores.factor, len(CENTRES))
    shares = CAPACITY_SHARE * sizes / sizes.sum()
    rows = [(name, round(float(units_a_day * share))) for name, share in zip(CENTRES, shares, strict=True) if share > 0]
    return pl.DataFrame(rows, schema=["centre", "units"], orient="row")


def driver_frame() -> pl.DataFrame:
    """How many units a person puts on the shelves in an hour, by department."""
    return pl.DataFrame(
        {
            "department": list(DEPARTMENTS),
            "units_an_hour": [UNITS_AN_HOUR[name] for name in DEPARTMENTS],
            "wage": [WAGE] * len(DEPARTMENTS),
        }
    )


def profile_frame() -> pl.DataFrame:
    """How a day spreads over its hours."""
    return pl.DataFrame({"hour": list(OPEN_HOURS), "share": list(OPEN_HOURS.values())})
