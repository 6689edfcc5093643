"""A sample retailer in files, as large as asked for, made and written block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.synth.assortment import Plan, item_frame, items_of, spans, store_frame, stores_of
from foresell.synth.demand import Block, blocks
from foresell.synth.files import Progress, SampleFiles
from foresell.synth.market import EVENT, event_days, market_truth
from foresell.synth.prices import INFLATION
from foresell.synth.tables import demand_truth, future_frame, sales_frame, series_names, series_truth
from foresell.synth.transactions import transaction_lines
from foresell.synth.writer import Format, TableWriter, check_format, write_table

END = date(2025, 12, 28)
BLOCK_ROWS = 1_000_000
TRANSACTION_BLOCK_ROWS = 150_000  # a cell becomes several lines, so fewer cells fill a block
TRUTH = ("series", "demand")


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
    progress: Progress | None = None,
    block_rows: int | None = None,
) -> SampleFiles:
    """Writes a retailer of `stores` x `items` over the `days` up to `end` into `folder`, with its truth.

    - ``sales``: one row for each series and day on sale (date, store, item, units, price, promotion, stocked_out),
      sorted by item, store and date; with `transactions` instead one row per line of a receipt (line, time, store,
      item, quantity, price, promotion), where returned goods have a negative quantity.
    - ``items``, ``stores``, ``calendar`` (the chain's own events), ``future`` (price and promotion of `ahead` days,
      in columns named as in the sales).
    - ``truth/series.parquet``, ``truth/demand.parquet`` (left out without `daily_truth`), ``truth/parameters.json``.

    A seed gives the same tables whatever `block_rows`, which bounds how many cells are in memory at once. A series
    stays what it is when stores or items are added. `progress` is told the share of the series done.
    Raises UsageError for sizes, formats and countries that cannot be had.
    """
    plan = Plan(stores, items, days, end, seed, ahead, country)
    table_format, folder = check_format(format), Path(folder)
    size = block_rows or (TRANSACTION_BLOCK_ROWS if transactions else BLOCK_ROWS)
    names = ("sales", "future", "series", "demand") if daily_truth else ("sales", "future", "series")
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                TableWriter(folder / "truth", name, "parquet")
                if name in TRUTH
                else TableWriter(folder, name, table_format)
            )
            for name in names
        }
        for block in blocks(plan, stores_of(plan), size):
            for name, frame in _block_tables(block, transactions, names):
                writers[name].write(frame)
            if progress is not None:
                progress((block.first + len(block.item)) / (stores * items), "Making the retailer")
        paths = {name: writer.close() for name, writer in writers.items()}
    tables = {"future": paths["future"], **_write_master(folder, plan, table_format)}
    truth = {name: paths[name] for name in names if name in TRUTH}
    truth["parameters"] = _write_parameters(folder / "truth", plan)
    settings = retailer_settings(folder, paths["sales"], tables, plan, transactions)
    return SampleFiles(folder, paths["sales"], tables, truth, writers["sales"].rows, writers["series"].rows, settings)


def _block_tables(block: Block, transactions: bool, names: tuple[str, ...]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables of a block by name, one at a time."""
    keys = series_names(block)
    returned = None
    if transactions:
        lines, returned = transaction_lines(block, keys)
        yield "sales", lines
    else:
        yield "sales", sales_frame(block, keys)
    future = future_frame(block, keys)
    # The future has the columns of the sales, so that one reader takes both.
    yield "future", future.rename({"date": "time"}).cast({"time": pl.Datetime}) if transactions else future
    yield "series", series_truth(block, keys)
    if "demand" in names:
        yield "demand", demand_truth(block, keys, returned)


def _write_master(folder: Path, plan: Plan, table_format: Format) -> dict[str, Path]:
    """Writes items, stores and the calendar; returns where they lie."""
    with TableWriter(folder, "items", table_format) as writer:
        for first in range(0, plan.items, 10_000):
            writer.write(item_frame(plan, items_of(plan, first, min(first + 10_000, plan.items))))
        items_path = writer.close()
    event = pl.Series(np.where(event_days(plan.dates), EVENT, "")).replace("", None)
    return {
        "items": items_path,
        "stores": write_table(store_frame(plan, stores_of(plan)), folder, "stores", table_format),
        "calendar": write_table(pl.DataFrame({"date": plan.dates, "event": event}), folder, "calendar", table_format),
    }


def _write_parameters(folder: Path, plan: Plan) -> Path:
    asked = {**asdict(plan), "end": plan.end.isoformat()}
    asked.pop("dates")
    truth = {
        "plan": asked,
        "inflation_per_year": INFLATION,
        **market_truth(plan.seed, plan.country, plan.dates),
    }
    path = folder / "parameters.json"
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def retailer_settings(
    folder: Path, sales: Path, tables: dict[str, Path], plan: Plan, transactions: bool
) -> dict[str, object]:
    """Settings, as plain data, that read the sample."""
    where = {name: str(path.relative_to(folder)) for name, path in {"sales": sales, **tables}.items()}
    columns: dict[str, object] = (
        {"layout": "transactions", "date": "time", "quantity": "quantity"}
        if transactions
        else {"date": "date", "quantity": "units", "stocked_out": "stocked_out", "absent": "unknown"}
    )
    return {
        "data": {
            "sales": where["sales"],
            "keys": ["store", "item"],
            **columns,
            "price": "price",
            "promotion": "promotion",
            "future": where["future"],
            "items": {"path": where["items"], "keys": ["item"]},
            "stores": {"path": where["stores"], "keys": ["store"]},
            "calendar": {"path": where["calendar"], "events": ["event"]},
            "country": plan.country,
        },
        "horizon": min(28, plan.ahead),
        "levels": [["region"], ["store"], ["department"], ["category"], ["store", "department"], ["item"]],
    }


def retailer_rows(plan: Plan) -> np.ndarray:
    """How many rows of daily sales each item has, over all stores: int64 [item]."""
    begin, end = spans(items_of(plan, 0, plan.items), stores_of(plan))
    days = np.minimum(end, plan.days) - np.minimum(begin, plan.days)
    return days.reshape(plan.items, plan.stores).sum(axis=1)


def retailer_size(rows: int, *, days: int = 3 * 365, seed: int = 1, items_per_store: int = 40) -> tuple[int, int]:
    """Stores and items of a retailer with at least `rows` rows of daily sales, and not one item more than needed.

    The number of items is about `items_per_store` times the number of stores (there are at most 500 of those).

    >>> retailer_size(1_000_000)
    (5, 240)
    """
    series = max(rows / days, 1.0)
    stores = int(np.clip(round((series / items_per_store) ** 0.5), 1, 500))
    guess = int(series / stores * 1.5) + 25
    while (total := np.cumsum(retailer_rows(Plan(stores, guess, days, END, seed))))[-1] < rows:
        guess *= 2
    return stores, int(np.searchsorted(total, rows)) + 1
