"""A manufacturer's order book in files: lumpy lines, lots, a few large customers; made customer by customer.

On each of its order days customer c takes product p with the chance `occurrence`, and then::

    lots ~ 1 + negative binomial, with the mean    mean_lots = 1 + max(size_c * popularity_p * scale_{c,p}
             * year_{family,t} * exp(trend_p * years_t) * buying_t - 1, 0.05)
    quantity = lots * lot size
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.synth.files import Progress, SampleFiles
from foresell.synth.market import yearly_factor
from foresell.synth.random_streams import Stream, stream
from foresell.synth.trade import (
    BUY_AHEAD,
    BUY_AHEAD_DAYS,
    BUY_LESS,
    BUY_LESS_DAYS,
    FAMILIES,
    Book,
    Customer,
    Products,
    buying_factor,
    customer_of,
    price_frame,
    product_frame,
    products_of,
    years_since,
)
from foresell.synth.writer import Format, TableWriter, check_format, write_table

END = date(2025, 12, 31)
TYPICAL_LOTS = 9.0  # of the first customer and a product of usual popularity
CANCELLED = 0.025
LINES_PER_CHUNK = 500_000


@dataclass(frozen=True)
class Ordering:
    """All that one customer orders. `row` is a product it may order, `order` one of its order days."""

    customer: Customer
    product: np.ndarray  # int64 [row]
    occurrence: np.ndarray  # float64 [row]
    typical_lots: np.ndarray  # float64 [row]
    alive: np.ndarray  # bool [row, order], whether the product is on the list
    mean_lots: np.ndarray  # float64 [row, order], of a line if there is one
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
    - ``truth/series.parquet`` (one row for each customer and product), ``truth/demand.parquet`` (the same by month:
      expected and ordered quantity, lines), ``truth/parameters.json``.

    A seed gives the same tables whatever `chunk_rows`, which bounds how many lines are in memory beside those of one
    customer. `progress` is told the share of the customers done. Raises UsageError for what cannot be made.
    """
    book = Book(customers, products, days, end, seed)
    table_format, folder = check_format(format), Path(folder)
    all_products = products_of(book)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                TableWriter(folder, name, table_format)
                if name == "orders"
                else TableWriter(folder / "truth", name, "parquet")
            )
            for name in ("orders", "series", "demand")
        }
        series = 0
        for chunk in _chunks(book, all_products, chunk_rows, progress):
            series += chunk["orders"].select("customer", "product").n_unique()  # a customer is never cut in two
            for name, frame in chunk.items():
                writers[name].write(frame)
        paths = {name: writer.close() for name, writer in writers.items()}
    tables = {
        "customers": write_table(customer_frame(book), folder, "customers", table_format),
        "products": write_table(product_frame(all_products), folder, "products", table_format),
        "price_list": write_table(price_frame(book, all_products), folder, "price_list", table_format),
    }
    truth = {name: paths[name] for name in ("series", "demand")}
    truth["parameters"] = _write_parameters(folder / "truth", book)
    settings = manufacturer_settings(folder, paths["orders"], tables)
    return SampleFiles(folder, paths["orders"], tables, truth, writers["orders"].rows, series, settings)


def _chunks(book: Book, products: Products, rows: int, progress: Progress | None) -> Iterator[dict[str, pl.DataFrame]]:
    """The tables by name, a chunk of customers at a time with at least `rows` order lines (but for the last)."""
    held: list[dict[str, pl.DataFrame]] = []
    for number in range(book.customers):
        held.append(customer_tables(book, products, customer_of(book, number)))
        if progress is not None:
            progress((number + 1) / book.customers, "Making the order book")
        if sum(tables["orders"].height for tables in held) >= rows or number == book.customers - 1:
            yield {name: pl.concat([tables[name] for tables in held]) for name in held[0]}
            held = []


def customer_tables(book: Book, products: Products, customer: Customer) -> dict[str, pl.DataFrame]:
    """Orders and truth of one customer."""
    ordering = ordering_of(book, products, customer)
    return {
        "orders": _order_lines(book, products, ordering),
        "series": _series_truth(book, products, ordering),
        "demand": _demand_truth(book, products, ordering),
    }


def _range(book: Book, customer: Customer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The products a customer may order, the chance of each on an order day, and its liking for it: [row]."""
    chance = stream(book.seed, Stream.RELATION, customer.number, 0).random((book.products, 2))
    liking = np.exp(0.5 * stream(book.seed, Stream.RELATION, customer.number, 1).standard_normal(book.products))
    product = np.flatnonzero(chance[:, 0] < customer.breadth)
    return product, 0.08 + 0.67 * chance[product, 1], liking[product]


def _alive(products: Products, product: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Whether each product [row] is on the list on each order day: bool [row, order]."""
    return (orders >= products.begin[product, None]) & (orders < products.end[product, None])


def ordering_of(book: Book, products: Products, customer: Customer) -> Ordering:
    """What the customer orders. Its streams run through the products, so further products change nothing."""
    product, occurrence, liking = _range(book, customer)
    dates = book.first + customer.orders
    season = np.array([yearly_factor(kind.harmonics, dates) for kind in FAMILIES]) * buying_factor(dates)
    typical = TYPICAL_LOTS * customer.size * products.popularity[product] * liking
    trend = np.exp(products.trend[product, None] * years_since(customer.orders))
    more = np.maximum(typical[:, None] * season[products.family[product]] * trend - 1, 0.05)

    rng = stream(book.seed, Stream.RELATION, customer.number, 2)
    chance = rng.random((*more.shape, 2))  # [row, order, use]
    alive = _alive(products, product, customer.orders)
    taken = alive & (chance[:, :, 0] < occurrence[:, None])
    shape = products.dispersion[product, None]
    # One line after the other, so that a product's lines do not depend on the products that come after it.
    rate = stream(book.seed, Stream.RELATION, customer.number, 3).standard_gamma(shape, more.shape) / shape * more
    lots = 1 + stream(book.seed, Stream.RELATION, customer.number, 4).poisson(rate)
    cancelled = taken & (chance[:, :, 1] < CANCELLED)
    return Ordering(customer, product, occurrence, typical, alive, 1 + more, np.where(taken, lots, 0), cancelled)


def _order_lines(book: Book, products: Products, ordering: Ordering) -> pl.DataFrame:
    customer = ordering.customer
    order, row = np.nonzero(ordering.lots.T)
    product = ordering.product[row]
    lead = customer.lead_days + stream(book.seed, Stream.CUSTOMER, customer.number, 2).integers(
        -3, 8, len(customer.orders)
    )
    ordered = book.first + customer.orders[order]
    year = ordered.astype("datetime64[Y]").astype(np.int64) + 1970 - book.first_year
    ids = pl.Series([f"{customer.name}-{number + 1:05d}" for number in range(len(customer.orders))], dtype=pl.String)
    return pl.DataFrame(
        {
            "order_id": ids[order],
            "line": np.arange(len(order)) - np.searchsorted(order, order) + 1,
            "order_date": ordered,
            "requested_date": ordered + lead[order],
            "customer": _repeated(customer.name, len(order)),
            "product": pl.Series(products.names)[product],
            "quantity": ordering.lots[row, order] * products.lot[product],
            "unit_price": (products.price[product, year] * (1 - customer.discount)).round(2),
            "cancelled": ordering.cancelled[row, order].astype(np.int8),
        }
    )


def _repeated(name: str, count: int) -> pl.Series:
    return pl.Series([name], dtype=pl.String).new_from_index(0, count)


def _series_truth(book: Book, products: Products, ordering: Ordering) -> pl.DataFrame:
    """One row for each product that the customer may order."""
    product = ordering.product
    return pl.DataFrame(
        {
            "customer": _repeated(ordering.customer.name, len(product)),
            "product": pl.Series(products.names)[product],
            "family": pl.Series([FAMILIES[kind].name for kind in products.family[product]], dtype=pl.String),
            "order_interval_days": np.full(len(product), ordering.customer.interval),
            "occurrence": ordering.occurrence,
            "typical_lots": ordering.typical_lots,
            "lot_size": products.lot[product],
            "trend_per_year": products.trend[product],
            "dispersion": products.dispersion[product],
            "first_date": book.first + products.begin[product],
            "last_date": book.first + products.end[product] - 1,
        }
    )


def _demand_truth(book: Book, products: Products, ordering: Ordering) -> pl.DataFrame:
    """One row for each product and month with an order day; what was cancelled counts as ordered."""
    month = (book.first + ordering.customer.orders).astype("datetime64[M]")
    months, starts = np.unique(month, return_index=True)
    lot = products.lot[ordering.product, None]

    def monthly(values: np.ndarray) -> np.ndarray:  # [row, order] -> [row, month]
        return np.add.reduceat(values, starts, axis=1) if len(starts) else values

    row, column = np.nonzero(monthly(ordering.alive.astype(np.int64)))
    expected = monthly(ordering.alive * ordering.occurrence[:, None] * ordering.mean_lots) * lot
    return pl.DataFrame(
        {
            "customer": _repeated(ordering.customer.name, len(row)),
            "product": pl.Series(products.names)[ordering.product[row]],
            "month": months[column].astype("datetime64[D]"),
            "expected": expected[row, column],
            "ordered": (monthly(ordering.lots) * lot)[row, column],
            "lines": monthly((ordering.lots > 0).astype(np.int64))[row, column],
        }
    )


def customer_frame(book: Book) -> pl.DataFrame:
    """The customers as master data."""
    everyone = [customer_of(book, number) for number in range(book.customers)]
    return pl.DataFrame(
        {
            "customer": [customer.name for customer in everyone],
            "channel": [customer.channel for customer in everyone],
            "country": [customer.country for customer in everyone],
            "discount": [customer.discount for customer in everyone],
            "lead_days": [customer.lead_days for customer in everyone],
        }
    )


def _write_parameters(folder: Path, book: Book) -> Path:
    year = np.datetime64("2023-01-01") + np.arange(365)
    truth = {
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
    path = folder / "parameters.json"
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def manufacturer_settings(folder: Path, orders: Path, tables: dict[str, Path]) -> dict[str, object]:
    """Settings, as plain data, that read the order book by month."""
    where = {name: str(path.relative_to(folder)) for name, path in tables.items()}
    return {
        "data": {
            "sales": str(orders.relative_to(folder)),
            "layout": "transactions",
            "keys": ["customer", "product"],
            "date": "order_date",
            "quantity": "quantity",
            "items": {"path": where["products"], "keys": ["product"]},
            "stores": {"path": where["customers"], "keys": ["customer"], "columns": ["channel", "country"]},
            "prices": {"path": where["price_list"], "keys": ["product"], "price": "price", "date": "month"},
            "frequency": "M",
        },
        "horizon": 6,
        "levels": [["channel"], ["customer"], ["family"], ["product"]],
    }


def expected_lines(book: Book, products: Products, customer: Customer) -> float:
    """How many lines a customer is expected to order."""
    product, occurrence, _ = _range(book, customer)
    return float((_alive(products, product, customer.orders).sum(axis=1) * occurrence).sum())


def manufacturer_size(rows: int, *, days: int = 4 * 365, seed: int = 1) -> tuple[int, int]:
    """Customers and products of an order book that is expected to have at least `rows` lines, and just so.

    >>> manufacturer_size(100_000)
    (63, 141)
    """
    n_products = int(np.clip(round((rows / 5) ** 0.5), 5, 3000))
    book = Book(1, n_products, days, END, seed)
    products = products_of(book)
    lines, customers = 0.0, 0
    while lines < rows:
        lines += expected_lines(book, products, customer_of(book, customers))
        customers += 1
    return customers, n_products
