"""The sample retailer's items and stores, each with the truth that drives its demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.synth.market import CATEGORIES, DAYS_IN_YEAR, public_holidays
from foresell.synth.random_streams import Stream, traits

BRANDS = ("Alba", "Corvo", "Dolina", "Fenn", "Marel", "Ostra", "Tamsin")
REGIONS = ("north", "south", "west")
REGION_PRICE = (1.0, 1.04, 0.97)  # the same item costs more in the south
STORE_KINDS = ("neighbourhood", "supermarket", "hypermarket")

# The number of an item or store, modulo a cycle, decides its role, so that every larger sample has some of each.
# The cycles have no common divisor with the number of categories, so each category has items of all roles.
ROLE_CYCLE, LAUNCHED, NEW, DISCONTINUED = 25, (3, 11, 19), (8, 21), (6, 16)
INTERMITTENT_CYCLE, INTERMITTENT = 7, (2, 5)
STORE_CYCLE, LATE_STORES = 5, (3,)
NEW_DAYS = (10, 56)  # a new item has been on sale for so many days
SHORTEST_HISTORY = 90


@dataclass(frozen=True)
class RetailerPlan:
    """How large a sample retailer is, and over which days.

    The history has `days` days and ends on `end`. Prices and promotions are known for `ahead` days after it. With
    `item_roles`, some items do not answer to promotions, and some to those of another item, see `synth.item_roles`.
    Raises UsageError where a number is too small or the country is not known.
    """

    stores: int
    items: int
    days: int
    end: date
    seed: int = 1
    ahead: int = 56
    country: str = "US"
    item_roles: bool = False
    dates: np.ndarray = field(init=False, repr=False, compare=False)  # datetime64[D] [day + ahead]

    def __post_init__(self) -> None:
        if self.stores < 1 or self.items < 1 or self.days < SHORTEST_HISTORY or self.ahead < 1 or self.seed < 0:
            raise UsageError(
                f"A sample retailer needs a store, an item, {SHORTEST_HISTORY} days of history, one day ahead and a "
                f"seed of at least 0; asked for were {self.stores} stores, {self.items} items, {self.days} days, "
                f"{self.ahead} ahead and the seed {self.seed}."
            )
        first = self.end - timedelta(days=self.days - 1)
        public_holidays(self.country, first, self.end)  # raises before anything is written
        object.__setattr__(self, "dates", np.datetime64(first) + np.arange(self.days + self.ahead))

    @property
    def years(self) -> np.ndarray:
        """Years since the first day: float64 [day + ahead]."""
        return np.arange(len(self.dates)) / DAYS_IN_YEAR


@dataclass(frozen=True)
class Items:
    """Consecutive items, from the number `first` on; every array is [item].

    An item is on sale from the day `begin` to the day before `end`; an `end` behind the history means that it is still
    on sale. `occurrence` is the share of days on which anyone asks for the item; it is 1 unless demand is intermittent.
    With the mean m, the `dispersion` r and the occurrence p, the variance of a day is m + m**2 * ((1 + 1 / r) / p - 1).
    """

    first: int
    category: np.ndarray
    level: np.ndarray
    trend: np.ndarray
    elasticity: np.ndarray
    uplift: np.ndarray
    dip: np.ndarray
    dispersion: np.ndarray
    occurrence: np.ndarray
    list_price: np.ndarray
    launch_speed: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    brand: np.ndarray

    def __len__(self) -> int:
        return len(self.category)

    @property
    def numbers(self) -> np.ndarray:
        return np.arange(self.first, self.first + len(self))

    @property
    def names(self) -> list[str]:
        """The items' keys, such as ``dairy-00001``."""
        return [
            f"{CATEGORIES[kind].name}-{number + 1:05d}"
            for kind, number in zip(self.category, self.numbers, strict=True)
        ]

    @property
    def intermittent(self) -> np.ndarray:
        return self.occurrence < 1


def item_spans(plan: RetailerPlan, numbers: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First day on sale and first day off sale of each item; `chance` [item] places them in the range of its role."""
    role = numbers % ROLE_CYCLE
    never = plan.days + plan.ahead
    begin = np.zeros(len(numbers), np.int64)
    launched, new, gone = (np.isin(role, kind) for kind in (LAUNCHED, NEW, DISCONTINUED))
    begin[launched] = (plan.days * (0.2 + 0.55 * chance[launched])).astype(np.int64)
    begin[new] = plan.days - (NEW_DAYS[0] + (NEW_DAYS[1] - NEW_DAYS[0]) * chance[new]).astype(np.int64)
    end = np.full(len(numbers), never, np.int64)
    end[gone] = (plan.days * (0.4 + 0.5 * chance[gone])).astype(np.int64)
    return begin, end


def make_items(plan: RetailerPlan, first: int, stop: int) -> Items:
    """The items with the numbers `first` to `stop` - 1; an item does not depend on these bounds."""
    numbers = np.arange(first, stop)
    uniform, normal = traits(plan.seed, Stream.ITEM, numbers, 8)
    category = numbers % len(CATEGORIES)
    intermittent = np.isin(numbers % INTERMITTENT_CYCLE, INTERMITTENT)
    begin, end = item_spans(plan, numbers, uniform[:, 0])

    def typical(name: str) -> np.ndarray:
        return np.array([getattr(kind, name) for kind in CATEGORIES])[category]

    return Items(
        first=first,
        category=category,
        level=np.where(intermittent, 0.06 * 8 ** uniform[:, 1], typical("level") * np.exp(0.8 * normal[:, 0])),
        trend=typical("trend") + 0.05 * normal[:, 1],
        elasticity=typical("elasticity") * np.exp(0.15 * normal[:, 2]),
        uplift=typical("uplift") * np.exp(0.25 * normal[:, 3]),
        dip=np.minimum(typical("dip") * (0.5 + uniform[:, 2]), 0.6),
        dispersion=np.where(intermittent, 0.8 + 1.2 * uniform[:, 3], 7 * np.exp(0.4 * normal[:, 4])),
        occurrence=np.where(intermittent, 0.15 + 0.4 * uniform[:, 4], 1.0),
        list_price=typical("price") * np.exp(0.4 * normal[:, 5]),
        launch_speed=12 + 40 * uniform[:, 5],
        begin=begin,
        end=end,
        brand=(uniform[:, 6] * len(BRANDS)).astype(np.int64),
    )


def item_frame(plan: RetailerPlan, items: Items) -> pl.DataFrame:
    """The items as a retailer's master data would have them."""
    kinds = [CATEGORIES[kind] for kind in items.category]
    turn = items.numbers // len(CATEGORIES)
    names = [
        f"{BRANDS[brand]} {kind.products[k % len(kind.products)]} {kind.sizes[k // 2 % len(kind.sizes)]}"
        for kind, k, brand in zip(kinds, turn, items.brand, strict=True)
    ]
    launched = [plan.dates[day].item() if day else None for day in items.begin]
    return pl.DataFrame(
        {
            "item": items.names,
            "name": names,
            "category": [kind.name for kind in kinds],
            "department": [kind.department for kind in kinds],
            "brand": [BRANDS[brand] for brand in items.brand],
            "launch_date": pl.Series(launched, dtype=pl.Date),
        }
    )


@dataclass(frozen=True)
class Stores:
    """All stores; every array is [store]. `begin` is the first day open, `factor` the size relative to the usual."""

    factor: np.ndarray
    region: np.ndarray
    begin: np.ndarray

    def __len__(self) -> int:
        return len(self.factor)

    @property
    def names(self) -> list[str]:
        """The stores' keys, such as ``S001``."""
        return [f"S{number + 1:03d}" for number in range(len(self))]

    @property
    def price_factor(self) -> np.ndarray:
        return np.array(REGION_PRICE)[self.region]


def make_stores(plan: RetailerPlan) -> Stores:
    """All stores; a store does not depend on how many there are."""
    numbers = np.arange(plan.stores)
    uniform, normal = traits(plan.seed, Stream.STORE, numbers, 4)
    late = np.isin(numbers % STORE_CYCLE, LATE_STORES)
    opened = (plan.days * (0.3 + 0.3 * uniform[:, 0])).astype(np.int64)
    return Stores(
        factor=np.exp(0.4 * normal[:, 0]),
        region=numbers % len(REGIONS),
        begin=np.where(late, opened, 0),
    )


def store_frame(plan: RetailerPlan, stores: Stores) -> pl.DataFrame:
    """The stores as a retailer's master data would have them."""
    kinds = np.digitize(stores.factor, (0.75, 1.35))
    opened = [plan.dates[day].item() if day else None for day in stores.begin]
    return pl.DataFrame(
        {
            "store": stores.names,
            "region": [REGIONS[region] for region in stores.region],
            "kind": [STORE_KINDS[kind] for kind in kinds],
            "area_m2": (stores.factor * 1200).round(-1).astype(np.int64),
            "opened": pl.Series(opened, dtype=pl.Date),
        }
    )


def series_spans(items: Items, stores: Stores) -> tuple[np.ndarray, np.ndarray]:
    """First day on sale and first day off sale of every series, item by item: int64 [item x store]."""
    begin = np.maximum(items.begin[:, None], stores.begin).reshape(-1)
    return begin, np.maximum(np.repeat(items.end, len(stores)), begin)
