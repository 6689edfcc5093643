"""Writes the files of a sample retailer of any size, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.synth.assortment import (
    Items,
    RetailerPlan,
    item_frame,
    make_items,
    make_stores,
    series_spans,
    store_frame,
)
from foresell.synth.campaigns import campaign_truth
from foresell.synth.centres import (
    centre_capacity_frame,
    centre_frame,
    centre_stock_frame,
    driver_frame,
    profile_frame,
)
from foresell.synth.demand import Block, blocks
from foresell.synth.files import Progress, SampleFiles
from foresell.synth.item_roles import relations_truth
from foresell.synth.market import EVENT, event_days, market_truth
from foresell.synth.prices import INFLATION
from foresell.synth.stock import ahead_truth, lots_frame, make_stock, open_orders_frame, stock_frame
from foresell.synth.tables import demand_truth, future_frame, sales_frame, series_names, series_truth
from foresell.synth.transactions import transaction_lines
from foresell.synth.vendors import (
    Vendors,
    break_frame,
    item_terms,
    make_vendors,
    receipt_frame,
    terms_frame,
    terms_truth,
    usual_orders,
    vendor_frame,
)
from foresell.synth.writer import Format, TableWriter, check_format, open_writers, write_parameters, write_table

END = date(2025, 12, 28)
BLOCK_ROWS = 1_000_000
ITEM_CHUNK = 10_000  # items whose master data are in memory at once
SUPPLY = "supply"  # the folder of the tables that orders are decided from
SUPPLY_TABLES = ("stock", "open_orders", "lots")
TRANSACTION_BLOCK_ROWS = 150_000  # fewer, because a series has several receipt lines on a day


def make_retailer(
    folder: Path | str,
    *,
    stores: int = 5,
    items: int = 60,
    days: int = 3 * 365,
    end: date = END,
    seed: int = 1,
    format: Format = "csv",
    transactions: bool = False,
    country: str = "US",
    ahead: int = 56,
    daily_truth: bool = True,
    item_roles: bool = False,
    progress: Progress | None = None,
    block_rows: int | None = None,
) -> SampleFiles:
    """Writes a retailer of `stores` x `items` over the `days` up to `end` into `folder`, with its truth.

    - ``sales``: one row for each series and day on sale (date, store, item, units, price, promotion, stocked_out),
      sorted by item, store and date. With `transactions`, one row for each line of a receipt (line, time, store,
      item, quantity, price, promotion), where returned goods have a negative quantity.
    - ``items``, ``stores``, ``calendar`` (the chain's own events), ``future`` (prices and promotions of `ahead` days,
      in columns named as in the sales).
    - ``supply/``: ``stock``, ``open_orders``, ``lots``, ``terms``, ``vendors``, ``price_breaks`` and ``receipts`` at
      the end of the history, for `foresell plan`; ``centres``, ``centre_stock`` and ``centre_capacity`` for `foresell
      plan allocation`; ``drivers`` and ``profile`` for `foresell plan labour`.
    - ``truth/series.parquet``, ``truth/demand.parquet`` and that of the days ``ahead`` (both left out without
      `daily_truth`), ``truth/terms.parquet`` (vendors, true lead times), ``truth/open_orders.parquet`` (when each
      arrives), ``truth/campaigns.parquet`` (uplift and pull-forward of each series and campaign),
      ``truth/parameters.json``. With `item_roles`, some items do not answer to price and promotion, and some sell less
      or more while another one is promoted; ``truth/relations.parquet`` says which, and by how much.

    The same seed gives the same tables for every `block_rows`, the most cells (series x day) in memory at once. A
    series does not change when stores or items are added. `progress` is called with the share of the series done.
    Raises UsageError for sizes, formats and countries that are not possible.
    """
    plan = RetailerPlan(stores, items, days, end, seed, ahead, country, item_roles)
    table_format, folder = check_format(format), Path(folder)
    size = block_rows or (TRANSACTION_BLOCK_ROWS if transactions else BLOCK_ROWS)
    truth_names = ("series", "open_orders", "campaigns", *(("demand", "ahead") if daily_truth else ()))
    vendors = make_vendors(plan)
    with (
        open_writers(folder, ("sales", "future"), truth_names, table_format) as writers,
        open_writers(folder / SUPPLY, SUPPLY_TABLES, (), table_format) as supply,
    ):
        for block in blocks(plan, make_stores(plan), size):
            for name, frame in _block_tables(block, transactions, daily_truth):
                writers[name].write(frame)
            for name, frame in _supply_tables(block, vendors):
                supply[name].write(frame.drop("arrives", strict=False))
                if name in truth_names:
                    writers[name].write(frame)
            if progress is not None:
                progress((block.first + len(block.item)) / (stores * items), "Making the retailer")
        paths = {name: writer.close() for name, writer in writers.items()}
        supply_paths = {name: writer.close() for name, writer in supply.items()}
    tables = {"future": paths["future"], **_write_master(folder, plan, table_format), **supply_paths}
    of_terms = _write_terms(folder, plan, vendors, table_format)
    truth = {**{name: paths[name] for name in truth_names}, "terms": of_terms.pop("truth")}
    tables |= of_terms
    if item_roles:
        relations = pl.concat(relations_truth(plan, part) for part in _all_items(plan))
        truth["relations"] = write_table(relations, folder / "truth", "relations", "parquet")
    truth["parameters"] = write_parameters(folder, retailer_truth(plan))
    settings = retailer_settings(folder, paths["sales"], tables, plan, transactions)
    return SampleFiles(folder, paths["sales"], tables, truth, writers["sales"].rows, writers["series"].rows, settings)


def _block_tables(block: Block, transactions: bool, daily_truth: bool) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables of a block by name, one at a time."""
    keys = series_names(block)
    returned = None
    if transactions:
        lines, returned = transaction_lines(block, keys)
        yield "sales", lines
    else:
        yield "sales", sales_frame(block, keys)
    future = future_frame(block, keys)
    # The future has the columns of the sales, so that one reader reads both.
    yield "future", future.rename({"date": "time"}).cast({"time": pl.Datetime}) if transactions else future
    yield "series", series_truth(block, keys)
    yield "campaigns", campaign_truth(block, keys)
    if daily_truth:
        yield "demand", demand_truth(block, keys, returned)
        yield "ahead", ahead_truth(block, keys)


def _supply_tables(block: Block, vendors: Vendors) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables of supply of a block by name."""
    keys, end = series_names(block), block.plan.dates[block.plan.days - 1]
    stock = make_stock(block, item_terms(block.plan, block.items, vendors), vendors)
    yield "stock", stock_frame(stock, keys)
    yield "open_orders", open_orders_frame(stock, keys, end)
    yield "lots", lots_frame(stock, keys, end)


def _write_terms(folder: Path, plan: RetailerPlan, vendors: Vendors, table_format: Format) -> dict[str, Path]:
    """Writes the terms of all items, their truth, what vendors ask and what centres have; returns their paths."""
    stores, supply = make_stores(plan), folder / SUPPLY
    units, cost = np.zeros((2, len(vendors.names)))
    with (
        TableWriter(folder / SUPPLY, "terms", table_format) as writer,
        TableWriter(folder / "truth", "terms", "parquet") as truth,
        TableWriter(supply, "centre_stock", table_format) as centre_stock,
    ):
        for items in _all_items(plan):
            terms = item_terms(plan, items, vendors)
            writer.write(terms_frame(items, terms, vendors))
            truth.write(terms_truth(items, terms, vendors))
            centre_stock.write(centre_stock_frame(items, terms, vendors, stores, plan.seed))
            of_chunk = usual_orders(items, terms, vendors, stores)
            units, cost = units + of_chunk[0], cost + of_chunk[1]
        paths = {"terms": writer.close(), "truth": truth.close(), "centre_stock": centre_stock.close()}
    small = {
        "vendors": vendor_frame(vendors, units, cost),
        "price_breaks": break_frame(vendors, cost),
        "receipts": receipt_frame(vendors, plan.seed, plan.dates[plan.days - 1]),
        "centres": centre_frame(stores),
        "centre_capacity": centre_capacity_frame(float((units / vendors.review_days).sum()), stores),
        "drivers": driver_frame(),
        "profile": profile_frame(),
    }
    return paths | {name: write_table(frame, supply, name, table_format) for name, frame in small.items()}


def _all_items(plan: RetailerPlan) -> Iterator[Items]:
    """All items, in chunks."""
    for first in range(0, plan.items, ITEM_CHUNK):
        yield make_items(plan, first, min(first + ITEM_CHUNK, plan.items))


def _write_master(folder: Path, plan: RetailerPlan, table_format: Format) -> dict[str, Path]:
    """Writes items, stores and the calendar; returns their paths by name."""
    with TableWriter(folder, "items", table_format) as writer:
        for items in _all_items(plan):
            writer.write(item_frame(plan, items))
        items_path = writer.close()
    event = pl.Series(np.where(event_days(plan.dates), EVENT, "")).replace("", None)
    return {
        "items": items_path,
        "stores": write_table(store_frame(plan, make_stores(plan)), folder, "stores", table_format),
        "calendar": write_table(pl.DataFrame({"date": plan.dates, "event": event}), folder, "calendar", table_format),
    }


def retailer_truth(plan: RetailerPlan) -> dict[str, object]:
    """The truth of the whole retailer as plain data, for ``truth/parameters.json``."""
    arguments = {**asdict(plan), "end": plan.end.isoformat()}
    arguments.pop("dates")
    if not plan.item_roles:
        arguments.pop("item_roles")
    market = market_truth(plan.seed, plan.country, plan.dates)
    return {"plan": arguments, "inflation_per_year": INFLATION, **market}


def retailer_settings(
    folder: Path, sales: Path, tables: dict[str, Path], plan: RetailerPlan, transactions: bool
) -> dict[str, object]:
    """The content of a ``foresell.yaml`` that reads the sample."""
    paths = {name: str(path.relative_to(folder)) for name, path in {"sales": sales, **tables}.items()}
    columns: dict[str, object] = (
        {"layout": "transactions", "date": "time", "quantity": "quantity"}
        if transactions
        else {"date": "date", "quantity": "units", "stocked_out": "stocked_out", "absent": "unknown"}
    )
    return {
        "data": {
            "sales": paths["sales"],
            "keys": ["store", "item"],
            **columns,
            "price": "price",
            "promotion": "promotion",
            "future": paths["future"],
            "items": {"path": paths["items"], "keys": ["item"]},
            "stores": {"path": paths["stores"], "keys": ["store"]},
            "calendar": {"path": paths["calendar"], "events": ["event"]},
            "country": plan.country,
        },
        "horizon": min(28, plan.ahead),
        "orders": {name: paths[name] for name in (*SUPPLY_TABLES, "receipts", "terms", "vendors", "price_breaks")},
        "allocation": {
            "centres": paths["centres"],
            "centre_stock": paths["centre_stock"],
            "capacity": paths["centre_capacity"],
        },
        "labour": {"drivers": paths["drivers"], "by": ["store"], "profile": paths["profile"]},
        "levels": [["region"], ["store"], ["department"], ["category"], ["store", "department"], ["item"]],
    }


def retailer_rows(plan: RetailerPlan) -> np.ndarray:
    """How many rows of daily sales each item has, over all stores: int64 [item]."""
    begin, end = series_spans(make_items(plan, 0, plan.items), make_stores(plan))
    days = np.minimum(end, plan.days) - np.minimum(begin, plan.days)
    return days.reshape(plan.items, plan.stores).sum(axis=1)


def retailer_size(rows: int, *, days: int = 3 * 365, seed: int = 1, items_per_store: int = 40) -> tuple[int, int]:
    """The numbers of stores and items of a retailer with at least `rows` rows of daily sales, as few items as possible.

    There are about `items_per_store` times as many items as stores, and at most 500 stores.

    >>> retailer_size(1_000_000)
    (5, 240)
    """
    series = max(rows / days, 1.0)
    stores = int(np.clip(round((series / items_per_store) ** 0.5), 1, 500))
    guess = int(series / stores * 1.5) + 25
    while (total := np.cumsum(retailer_rows(RetailerPlan(stores, guess, days, END, seed))))[-1] < rows:
        guess *= 2
    return stores, int(np.searchsorted(total, rows)) + 1
