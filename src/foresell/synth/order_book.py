"""The customers and products of a manufacturer's order book, each with the truth that drives its orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.frequency import weekday
from foresell.synth.market import DAYS_IN_YEAR, Harmonics
from foresell.synth.random_streams import Stream, stream, traits

SHORTEST_BOOK = 180
CHANNELS = ("retail chain", "wholesaler", "online", "export")
COUNTRIES = ("DE", "FR", "NL", "PL", "SE")
NEW_CUSTOMER_CYCLE, NEW_CUSTOMERS, LOST_CUSTOMERS = 9, (4,), (7,)
NEW_PRODUCT_CYCLE, NEW_PRODUCTS, OLD_PRODUCTS = 11, (3, 8), (5,)
CONCENTRATION = 0.9  # customer k is (k + 1) ** -0.9 times as large as the first
# A price list is announced in autumn and holds from 1 January: customers buy ahead of it, and less after it.
PRICE_RISE_MEAN, PRICE_RISE_SPREAD = 0.03, 0.012
BUY_AHEAD_DAYS, BUY_AHEAD = 28, 1.35
BUY_LESS_DAYS, BUY_LESS = 42, 0.78


@dataclass(frozen=True)
class Family:
    """A family of products; `lots` are the possible units in a lot. For harmonics and trend see `market.Category`."""

    name: str
    products: tuple[str, ...]
    lots: tuple[int, ...]
    price: float
    harmonics: Harmonics
    trend: float


FAMILIES: tuple[Family, ...] = (
    Family("paint", ("wall paint", "wood varnish", "primer"), (6, 12), 14.0, ((0.45, 140.0), (0.10, 120.0)), 0.02),
    Family("tools", ("hammer", "screwdriver", "saw", "pliers"), (12, 24), 9.0, ((0.15, 330.0), (0.08, 100.0)), 0.0),
    Family("lighting", ("lamp", "bulb", "torch"), (10, 20, 40), 6.5, ((0.40, 335.0), (0.05, 330.0)), 0.05),
    Family("fixings", ("screws", "anchors", "nails", "hooks"), (24, 48, 96), 2.8, ((0.12, 160.0), (0.03, 90.0)), 0.01),
    Family("garden", ("spade", "rake", "sprinkler"), (4, 8), 17.0, ((0.80, 110.0), (0.20, 105.0)), -0.02),
)


@dataclass(frozen=True)
class OrderBook:
    """How large an order book is, and over which days. Raises UsageError where a number is too small."""

    customers: int
    products: int
    days: int
    end: date
    seed: int = 1
    first: np.datetime64 = field(init=False)

    def __post_init__(self) -> None:
        if self.customers < 1 or self.products < 1 or self.days < SHORTEST_BOOK or self.seed < 0:
            raise UsageError(
                f"A sample order book needs a customer, a product, {SHORTEST_BOOK} days and a seed of at least 0; "
                f"asked for were {self.customers} customers, {self.products} products, {self.days} days and the "
                f"seed {self.seed}."
            )
        object.__setattr__(self, "first", np.datetime64(self.end - timedelta(days=self.days - 1)))

    @property
    def first_year(self) -> int:
        """The year of the first day."""
        return (self.end - timedelta(days=self.days - 1)).year


def _active_days(
    book: OrderBook, numbers: np.ndarray, cycle: int, new: tuple[int, ...], old: tuple[int, ...], u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First active day, and first day after the last, of customers or products: two int64 arrays, days of the book."""
    role = numbers % cycle
    begin = np.where(np.isin(role, new), book.days * (0.25 + 0.5 * u), 0).astype(np.int64)
    end = np.where(np.isin(role, old), book.days * (0.4 + 0.4 * u), book.days).astype(np.int64)
    return begin, end


@dataclass(frozen=True)
class Products:
    """All products; every array is [product], `price` is [product, year] from the book's first year on."""

    family: np.ndarray
    lot: np.ndarray
    popularity: np.ndarray
    trend: np.ndarray
    dispersion: np.ndarray
    price: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    @property
    def names(self) -> list[str]:
        """The products' keys, such as ``paint-0001``."""
        return [f"{FAMILIES[kind].name}-{number + 1:04d}" for number, kind in enumerate(self.family)]


def make_products(book: OrderBook) -> Products:
    """All products; a product does not depend on how many there are."""
    numbers = np.arange(book.products)
    uniform, normal = traits(book.seed, Stream.PRODUCT, numbers, 6)
    family = numbers % len(FAMILIES)
    n_years = book.end.year - book.first_year + 2
    shocks = np.array([stream(book.seed, Stream.PRODUCT, number, 1).standard_normal(n_years) for number in numbers])
    rises = PRICE_RISE_MEAN + PRICE_RISE_SPREAD * shocks
    rises[:, 0] = 0.0
    listed = np.array([kind.price for kind in FAMILIES])[family] * np.exp(0.4 * normal[:, 0])
    lots = [FAMILIES[kind].lots for kind in family]
    begin, end = _active_days(book, numbers, NEW_PRODUCT_CYCLE, NEW_PRODUCTS, OLD_PRODUCTS, uniform[:, 0])
    return Products(
        family=family,
        lot=np.array([sizes[int(chance * len(sizes))] for sizes, chance in zip(lots, uniform[:, 1], strict=True)]),
        popularity=np.exp(0.7 * normal[:, 1]),
        trend=np.array([kind.trend for kind in FAMILIES])[family] + 0.04 * normal[:, 2],
        dispersion=1.0 + 3 * uniform[:, 2],
        price=(listed[:, None] * np.exp(np.cumsum(rises, axis=1))).round(2),
        begin=begin,
        end=end,
    )


@dataclass(frozen=True)
class Customer:
    """One customer, with the days of the book on which it orders.

    `interval` is the number of days between two orders, and `order_days` is int64 [order].
    `size` is relative to the first customer, and `breadth` the share of the products that it may order.
    """

    number: int
    size: float
    interval: int
    lead_days: int
    breadth: float
    discount: float
    channel: str
    country: str
    order_days: np.ndarray

    @property
    def name(self) -> str:
        return f"K{self.number + 1:04d}"


def make_customer(book: OrderBook, number: int) -> Customer:
    """A customer, which does not depend on how many there are. Large ones order every week, small ones every four."""
    uniform, normal = traits(book.seed, Stream.CUSTOMER, [number], 6)
    u, z = uniform[0], normal[0]
    size = float((number + 1) ** -CONCENTRATION * np.exp(0.2 * z[0]))
    interval = 7 if size > 0.25 else 14 if size > 0.06 else 28
    begin, end = _active_days(book, np.array([number]), NEW_CUSTOMER_CYCLE, NEW_CUSTOMERS, LOST_CUSTOMERS, u[:1])
    rng = stream(book.seed, Stream.CUSTOMER, number, 1)
    days = np.arange(begin[0] + int(u[1] * interval), end[0], interval)
    days = days + rng.integers(0, 3, len(days))
    dates = book.first + days
    days = days - np.maximum(weekday(dates) - 4, 0)  # an order of a weekend is placed on the Friday before
    days = np.unique(days[(days >= begin[0]) & (days < end[0])])
    return Customer(
        number=number,
        size=size,
        interval=interval,
        lead_days=7 + int(u[2] * 28),
        breadth=float(np.clip(0.25 + 0.5 * size + 0.2 * u[3], 0.1, 0.95)),
        discount=round(0.05 + 0.2 * min(size, 1.0) + 0.05 * float(u[4]), 3),
        channel=CHANNELS[number % len(CHANNELS)],
        country=COUNTRIES[int(u[5] * len(COUNTRIES))],
        order_days=days,
    )


def buying_factor(dates: np.ndarray) -> np.ndarray:
    """The factor on orders before and after the new price list of 1 January: float64 [date]."""
    year = dates.astype("datetime64[Y]")
    since = (dates - year.astype("datetime64[D]")).astype(np.int64)
    until = ((year + 1).astype("datetime64[D]") - dates).astype(np.int64)
    return np.where(until <= BUY_AHEAD_DAYS, BUY_AHEAD, np.where(since < BUY_LESS_DAYS, BUY_LESS, 1.0))


def product_frame(products: Products) -> pl.DataFrame:
    """The products as master data."""
    kinds = [FAMILIES[kind] for kind in products.family]
    turn = np.arange(len(kinds)) // len(FAMILIES)
    return pl.DataFrame(
        {
            "product": products.names,
            "name": [f"{kind.products[k % len(kind.products)]} {k + 1}" for kind, k in zip(kinds, turn, strict=True)],
            "family": [kind.name for kind in kinds],
            "lot_size": products.lot,
        }
    )


def price_frame(book: OrderBook, products: Products) -> pl.DataFrame:
    """The price of every product and month on the price list, up to the end of the next year, which is known."""
    n_years = products.price.shape[1]
    end_of_list = np.datetime64(f"{book.first_year + n_years}-01", "M")
    months = np.arange(book.first.astype("datetime64[M]"), end_of_list)
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970 - book.first_year
    first = (book.first + products.begin).astype("datetime64[M]")
    last = (book.first + products.end - 1).astype("datetime64[M]")
    last[products.end == book.days] = end_of_list
    product, month = np.nonzero((months >= first[:, None]) & (months <= last[:, None]))
    return pl.DataFrame(
        {
            "product": pl.Series(products.names)[product],
            "month": months[month].astype("datetime64[D]"),
            "price": products.price[product, year[month]],
        }
    )


def years_since(days: np.ndarray) -> np.ndarray:
    """Years since the book's first day."""
    return days / DAYS_IN_YEAR
