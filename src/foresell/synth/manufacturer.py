"""Writes the files of a manufacturer's order book: lumpy orders in lots, and a few large customers.

It is made customer by customer. On each of its order days customer c orders product p with the probability
`occurrence`, and then::

    lots ~ 1 + negative binomial, with the mean    mean_lots = 1 + max(size_c * popularity_p * scale_{c,p}
             * year_{family,t} * exp(trend_p * years_t) * buying_t - 1, 0.05)
    quantity = lots * lot size
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from foresell.synth.files import Progress, SampleFiles
from foresell.synth.makers import make_makers
from foresell.synth.market import yearly_factor
from foresell.synth.order_book import (
    BUY_AHEAD,
    BUY_AHEAD_DAYS,
    BUY_LESS,
    BUY_LESS_DAYS,
    FAMILIES,
    Customer,
    OrderBook,
    Products,
    buying_factor,
    make_customer,
    make_products,
    price_frame,
    product_frame,
    years_since,
)
from foresell.synth.random_streams import Stream, stream
from foresell.synth.writer import Format, check_format, open_writers, write_parameters, write_table

END = date(2025, 12, 31)
TYPICAL_LOTS = 9.0  # of the first customer and a product of usual popularity
CANCELLED = 0.025
LINES_PER_CHUNK = 500_000
SUPPLY = "supply"  # the folder of the tables of those who make the products


@dataclass(frozen=True)
class CustomerOrders:
    """All orders of one customer. The axis `row` is of the products it may order, `order` of its order days."""

    customer: Customer
    product: np.ndarray  # int64 [row]
    occurrence: np.ndarray  # float64 [row]
    typical_lots: np.ndarray  # float64 [row]
    listed: np.ndarray  # bool [row, order], whether the product is on the price list
    mean_lots: np.ndarray  # float64 [row, order], the mean if there is a line
    lots: np.ndarray  # int64 [row, order], 0 where there is no line
    cancelled: np.ndarray  # bool [row, order]


def make_manufacturer(
    folder: Path | str,
    *,
    customers: int = 20,
    products: int = 80,
    days: int = 4 * 365,
    end: date = END,
    seed: int = 1,
    format: Format = "csv",
    progress: Progress | None = None,
    chunk_rows: int = LINES_PER_CHUNK,
) -> SampleFiles:
    """Writes an order book of `days` up to `end` into `folder`, with its truth.

    - ``orders``: order_id, line, order_date, requested_date, customer, product, quantity, unit_price, cancelled;
      sorted by customer, date and product.
    - ``customers``, ``products``, ``price_list`` (by month, up to the end of the coming year).
    - ``supply/``: ``capabilities``, ``capacities``, ``parts`` and ``deliveries`` of those who make the products, see
      `makers`; for `foresell plan capacity`.
    - ``truth/manufacturers.parquet``, ``truth/series.parquet`` (one row for each customer and product),
      ``truth/demand.parquet`` (the same by month: expected and ordered quantity, lines), ``truth/parameters.json``.

    The same seed gives the same tables for every `chunk_rows`, the number of order lines (and those of one more
    customer) in memory at once. `progress` is called with the share of the customers done. Raises UsageError for sizes
    and formats that are not possible.
    """
    book = OrderBook(customers, products, days, end, seed)
    table_format, folder = check_format(format), Path(folder)
    all_products = make_products(book)
    with open_writers(folder, ("orders",), ("series", "demand"), table_format) as writers:
        n_series, yearly_units = 0, np.zeros(products)
        for chunk in _chunks(book, all_products, chunk_rows, progress):
            n_series += chunk["orders"].select("customer", "product").n_unique()  # chunks hold whole customers
            yearly_units += _last_year(chunk["orders"], all_products, book)
            for name, frame in chunk.items():
                writers[name].write(frame)
        paths = {name: writer.close() for name, writer in writers.items()}
    tables = {
        "customers": write_table(customer_frame(book), folder, "customers", table_format),
        "products": write_table(product_frame(all_products), folder, "products", table_format),
        "price_list": write_table(price_frame(book, all_products), folder, "price_list", table_format),
    }
    makers = make_makers(book, all_products, yearly_units)
    for name, frame in makers.tables.items():
        tables[name] = write_table(frame, folder / SUPPLY, name, table_format)
    truth = {name: paths[name] for name in ("series", "demand")}
    truth["manufacturers"] = write_table(makers.truth, folder / "truth", "manufacturers", "parquet")
    truth["parameters"] = write_parameters(folder, order_book_truth(book))
    settings = manufacturer_settings(folder, paths["orders"], tables)
    return SampleFiles(folder, paths["orders"], tables, truth, writers["orders"].rows, n_series, settings)


def _last_year(orders: pl.DataFrame, products: Products, book: OrderBook) -> np.ndarray:
    """The units of each product that were ordered in the last year of the book: float64 [product]."""
    recent = orders.filter(pl.col("order_date") > book.end - timedelta(days=365), pl.col("cancelled") == 0)
    sums = recent.group_by("product").agg(pl.col("quantity").sum())
    return (
        pl.DataFrame({"product": products.names})
        .join(sums, on="product", how="left", maintain_order="left")["quantity"]
        .fill_null(0)
        .to_numpy()
        .astype(np.float64)
    )


def _chunks(
    book: OrderBook, products: Products, rows: int, progress: Progress | None
) -> Iterator[dict[str, pl.DataFrame]]:
    """The tables by name, in chunks of whole customers; each chunk but the last has at least `rows` order lines."""
    chunk: list[dict[str, pl.DataFrame]] = []
    for number in range(book.customers):
        chunk.append(customer_tables(book, products, make_customer(book, number)))
        if progress is not None:
            progress((number + 1) / book.customers, "Making the order book")
        if sum(tables["orders"].height for tables in chunk) >= rows or number == book.customers - 1:
            yield {name: pl.concat([tables[name] for tables in chunk]) for name in chunk[0]}
            chunk = []


def customer_tables(book: OrderBook, products: Products, customer: Customer) -> dict[str, pl.DataFrame]:
    """Orders and truth of one customer."""
    orders = customer_orders(book, products, customer)
    return {
        "orders": _order_lines(book, products, orders),
        "series": _series_truth(book, products, orders),
        "demand": _demand_truth(book, products, orders),
    }


def _orderable(book: OrderBook, customer: Customer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The products that a customer may order, the probability of each on an order day, and its preference: [row]."""
    chance = stream(book.seed, Stream.RELATION, customer.number, 0).random((book.products, 2))
    preference = np.exp(0.5 * stream(book.seed, Stream.RELATION, customer.number, 1).standard_normal(book.products))
    product = np.flatnonzero(chance[:, 0] < customer.breadth)
    return product, 0.08 + 0.67 * chance[product, 1], preference[product]


def _is_listed(products: Products, product: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Whether each product [row] is on the price list on each order day: bool [row, order]."""
    return (orders >= products.begin[product, None]) & (orders < products.end[product, None])


def customer_orders(book: OrderBook, products: Products, customer: Customer) -> CustomerOrders:
    """The orders of one customer. Random numbers are drawn in the order of the products, so more change nothing."""
    product, occurrence, preference = _orderable(book, customer)
    dates = book.first + customer.order_days
    season = np.array([yearly_factor(kind.harmonics, dates) for kind in FAMILIES]) * buying_factor(dates)
    typical = TYPICAL_LOTS * customer.size * products.popularity[product] * preference
    trend = np.exp(products.trend[product, None] * years_since(customer.order_days))
    more = np.maximum(typical[:, None] * season[products.family[product]] * trend - 1, 0.05)

    rng = stream(book.seed, Stream.RELATION, customer.number, 2)
    chance = rng.random((*more.shape, 2))  # [row, order, use]
    listed = _is_listed(products, product, customer.order_days)
    taken = listed & (chance[:, :, 0] < occurrence[:, None])
    shape = products.dispersion[product, None]
    # The generator draws row by row, so that the lines of a product do not depend on the products after it.
    rate = stream(book.seed, Stream.RELATION, customer.number, 3).standard_gamma(shape, more.shape) / shape * more
    lots = 1 + stream(book.seed, Stream.RELATION, customer.number, 4).poisson(rate)
    cancelled = taken & (chance[:, :, 1] < CANCELLED)
    return CustomerOrders(customer, product, occurrence, typical, listed, 1 + more, np.where(taken, lots, 0), cancelled)


def _order_lines(book: OrderBook, products: Products, orders: CustomerOrders) -> pl.DataFrame:
    customer = orders.customer
    order, row = np.nonzero(orders.lots.T)
    product = orders.product[row]
    lead = customer.lead_days + stream(book.seed, Stream.CUSTOMER, customer.number, 2).integers(
        -3, 8, len(customer.order_days)
    )
    ordered = book.first + customer.order_days[order]
    year = ordered.astype("datetime64[Y]").astype(np.int64) + 1970 - book.first_year
    ids = pl.Series(
        [f"{customer.name}-{number + 1:05d}" for number in range(len(customer.order_days))], dtype=pl.String
    )
    return pl.DataFrame(
        {
            "order_id": ids[order],
            "line": np.arange(len(order)) - np.searchsorted(order, order) + 1,
            "order_date": ordered,
            "requested_date": ordered + lead[order],
            "customer": _repeated(customer.name, len(order)),
            "product": pl.Series(products.names)[product],
            "quantity": orders.lots[row, order] * products.lot[product],
            "unit_price": (products.price[product, year] * (1 - customer.discount)).round(2),
            "cancelled": orders.cancelled[row, order].astype(np.int8),
        }
    )


def _repeated(name: str, count: int) -> pl.Series:
    return pl.Series([name], dtype=pl.String).new_from_index(0, count)


def _series_truth(book: OrderBook, products: Products, orders: CustomerOrders) -> pl.DataFrame:
    """One row for each product that the customer may order."""
    product = orders.product
    return pl.DataFrame(
        {
            "customer": _repeated(orders.customer.name, len(product)),
            "product": pl.Series(products.names)[product],
            "family": pl.Series([FAMILIES[kind].name for kind in products.family[product]], dtype=pl.String),
            "order_interval_days": np.full(len(product), orders.customer.interval),
            "occurrence": orders.occurrence,
            "typical_lots": orders.typical_lots,
            "lot_size": products.lot[product],
            "trend_per_year": products.trend[product],
            "dispersion": products.dispersion[product],
            "first_date": book.first + products.begin[product],
            "last_date": book.first + products.end[product] - 1,
        }
    )


def _demand_truth(book: OrderBook, products: Products, orders: CustomerOrders) -> pl.DataFrame:
    """One row for each product and month with an order day; cancelled lines count as ordered."""
    month = (book.first + orders.customer.order_days).astype("datetime64[M]")
    months, starts = np.unique(month, return_index=True)
    lot = products.lot[orders.product, None]

    def monthly(values: np.ndarray) -> np.ndarray:  # [row, order] -> [row, month]
        return np.add.reduceat(values, starts, axis=1) if len(starts) else values

    row, column = np.nonzero(monthly(orders.listed.astype(np.int64)))
    expected = monthly(orders.listed * orders.occurrence[:, None] * orders.mean_lots) * lot
    return pl.DataFrame(
        {
            "customer": _repeated(orders.customer.name, len(row)),
            "product": pl.Series(products.names)[orders.product[row]],
            "month": months[column].astype("datetime64[D]"),
            "expected": expected[row, column],
            "ordered": (monthly(orders.lots) * lot)[row, column],
            "lines": monthly((orders.lots > 0).astype(np.int64))[row, column],
        }
    )


def customer_frame(book: OrderBook) -> pl.DataFrame:
    """The customers as master data."""
    customers = [make_customer(book, number) for number in range(book.customers)]
    return pl.DataFrame(
        {
            "customer": [customer.name for customer in customers],
            "channel": [customer.channel for customer in customers],
            "country": [customer.country for customer in customers],
            "discount": [customer.discount for customer in customers],
            "lead_days": [customer.lead_days for customer in customers],
        }
    )


def order_book_truth(book: OrderBook) -> dict[str, object]:
    """The truth of the whole order book as plain data, for ``truth/parameters.json``."""
    year = np.datetime64("2023-01-01") + np.arange(365)
    return {
        "plan": {
            "customers": book.customers,
            "products": book.products,
            "days": book.days,
            "end": book.end.isoformat(),
            "seed": book.seed,
        },
        "yearly": {kind.name: yearly_factor(kind.harmonics, year).round(5).tolist() for kind in FAMILIES},
        "trend_per_year": {kind.name: kind.trend for kind in FAMILIES},
        "buy_ahead": {"days": BUY_AHEAD_DAYS, "factor": BUY_AHEAD},
        "buy_less": {"days": BUY_LESS_DAYS, "factor": BUY_LESS},
        "cancelled_share": CANCELLED,
    }


def manufacturer_settings(folder: Path, orders: Path, tables: dict[str, Path]) -> dict[str, object]:
    """The content of a ``foresell.yaml`` that reads the order book by month."""
    paths = {name: str(path.relative_to(folder)) for name, path in tables.items()}
    return {
        "data": {
            "sales": str(orders.relative_to(folder)),
            "layout": "transactions",
            "keys": ["customer", "product"],
            "date": "order_date",
            "quantity": "quantity",
            "items": {"path": paths["products"], "keys": ["product"]},
            "stores": {"path": paths["customers"], "keys": ["customer"], "columns": ["channel", "country"]},
            "prices": {"path": paths["price_list"], "keys": ["product"], "price": "price", "date": "month"},
            "frequency": "M",
        },
        "capacity": {
            "part": "product",
            **{name: paths[name] for name in ("capabilities", "capacities", "parts", "deliveries")},
        },
        "horizon": 6,
        "levels": [["channel"], ["customer"], ["family"], ["product"]],
    }


def expected_lines(book: OrderBook, products: Products, customer: Customer) -> float:
    """How many lines a customer is expected to order."""
    product, occurrence, _ = _orderable(book, customer)
    return float((_is_listed(products, product, customer.order_days).sum(axis=1) * occurrence).sum())


def manufacturer_size(rows: int, *, days: int = 4 * 365, seed: int = 1) -> tuple[int, int]:
    """The numbers of customers and products of an order book with at least `rows` expected lines, and no customer more.

    >>> manufacturer_size(100_000)
    (63, 141)
    """
    n_products = int(np.clip(round((rows / 5) ** 0.5), 5, 3000))
    book = OrderBook(1, n_products, days, END, seed)
    products = make_products(book)
    lines, customers = 0.0, 0
    while lines < rows:
        lines += expected_lines(book, products, make_customer(book, customers))
        customers += 1
    return customers, n_products
