"""Reads the table of single sales, for a regression of one of its numbers on its other columns.

The table may be larger than memory. It is read part by part, and a random sample of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.dates.formats import to_date
from foresell.core.errors import SettingsError, first_five
from foresell.core.settings import Data, Transactions
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.files.input_files import InputFile, find_files
from foresell.data.sales_rows import parse_yes_no
from foresell.data.side_tables import read_periods
from foresell.data.typed_tables import header_of, read_parts
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ColumnProfile, ValueKind, profile_columns
from foresell.onboarding.table_sample import sample_table

MOST_ROWS = 500_000
"""The most sales that are kept; of a larger table a random sample."""

NEARLY_UNIQUE = 0.5
"""A column of names with more distinct ones than this share of the rows identifies sales, and is no input."""

CHANCE = "__chance"


@dataclass(frozen=True)
class SingleSalesTable:
    """Single sales: `frame` has the sale's date (Date), numbers (Float64), names (String) and other dates (Date).

    `frame` has all usable sales, or `MOST_ROWS` of them drawn at random. Of the `rows` that were read, `incomplete`
    ones had no date or no target, and `returned` ones were goods brought back. `left_out` are columns that cannot be
    inputs, with the reason. `daily` has one row for each day with a sale: ``date``, ``total`` of the target over all
    rows of the day (returns included), and the number of ``sales``.
    """

    frame: pl.DataFrame
    rows: int
    incomplete: int
    returned: int
    left_out: dict[str, str]
    daily: pl.DataFrame

    @property
    def usable(self) -> int:
        return self.rows - self.incomplete - self.returned


@dataclass(frozen=True)
class TablePlan:
    """How the table is read: its files, and the kinds of its columns.

    `target` is a column; if the table has none of that name, it is the product of the columns `product`.
    """

    files: list[InputFile]
    dialect: Dialect
    date: str
    target: str
    product: tuple[str, str] | None
    quantity: str | None
    fields: list[InputColumn]
    flags: list[str]
    dates: dict[str, str]  # other dates, and their format in text
    left_out: dict[str, str]


def check_columns(data: Data, transactions: Transactions, base: Path) -> None:
    """Raises SettingsError if the settings name columns that the table lacks, UnreadableFile if there is no table."""
    files = find_files(transactions.path or data.sales, base)
    names = header_of(files[0], _dialect(data, transactions))
    _target(data, transactions, names)
    wanted = [transactions.date or data.date_name, *(transactions.inputs or ()), *transactions.allow]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise SettingsError(
            f"'transactions' names the column {first_five(missing)}, which {files[0].name} does not have; it has "
            f"{', '.join(names)}. Correct 'transactions' in foresell.yaml."
        )
    if transactions.target in (transactions.inputs or ()):
        raise SettingsError(
            f"'{transactions.target}' is both the target and an input of 'transactions'. Take it out of 'inputs'."
        )


def read_single_sales(
    data: Data,
    transactions: Transactions,
    base: Path,
    seed: int,
    most: int = MOST_ROWS,
    progress: Callable[[float], None] = lambda share: None,
) -> SingleSalesTable:
    """The sales that the settings `transactions` name; `progress` is called with the share that has been read.

    Raises SettingsError, UnreadableFile, and FindingsStop for a missing column.
    """
    check_columns(data, transactions, base)
    plan = _plan(data, transactions, base)
    kept: list[pl.DataFrame] = []
    days: list[pl.DataFrame] = []
    rows = incomplete = returned = 0
    for number, file in enumerate(plan.files):
        for place, part in enumerate(read_parts(file, plan.fields, plan.dialect)):
            sales = _typed(part.frame, plan)
            if data.until:
                sales = sales.filter(pl.col(plan.date) <= pl.lit(data.until).str.to_date("%Y-%m-%d"))
            n_read = part.rows - part.frame.height + sales.height  # rows without a date, and rows up to `until`
            sales = sales.filter(pl.col(plan.target).is_not_null())
            rows += n_read
            incomplete += n_read - sales.height
            days.append(_by_day(sales[plan.date], sales[plan.target], np.ones(sales.height)))
            if plan.quantity and plan.quantity != plan.target and plan.quantity in sales.columns:
                bought = sales.filter(pl.col(plan.quantity).fill_null(1) >= 0)
                returned += sales.height - bought.height
                sales = bought
            chance = np.random.default_rng([seed, number, place]).random(sales.height)
            kept.append(sales.with_columns(pl.Series(CHANCE, chance)))
            kept = [_draw(kept, most)] if sum(frame.height for frame in kept) > 2 * most else kept
            progress((number + part.share) / len(plan.files))
    frame = _draw(kept, most).drop(CHANCE)
    daily = pl.concat(days)
    daily = _by_day(daily["date"], daily["total"], daily["sales"].to_numpy())
    return SingleSalesTable(frame, rows, incomplete, returned, plan.left_out, daily)


def _by_day(dates: pl.Series, totals: pl.Series, sales: np.ndarray) -> pl.DataFrame:
    """``date``, ``total`` and ``sales`` of each day, added up in the order of the rows.

    Polars adds in a different order each time, so that the last digit would vary.
    """
    days, place = np.unique(dates.to_numpy().astype("datetime64[D]"), return_inverse=True)
    total = np.bincount(place, totals.to_numpy(), len(days))
    count = np.bincount(place, sales, len(days)).astype(np.int64)
    return pl.DataFrame({"date": days, "total": total, "sales": count})


def _draw(frames: list[pl.DataFrame], most: int) -> pl.DataFrame:
    """The `most` rows with the smallest `CHANCE`, in the order of the table: a random draw."""
    frame = pl.concat(frames)
    if frame.height <= most:
        return frame
    limit = float(np.partition(frame[CHANCE].to_numpy(), most)[most])
    return frame.filter(pl.col(CHANCE) < limit)


def _dialect(data: Data, transactions: Transactions) -> Dialect:
    own = transactions.path is not None and transactions.path != data.sales
    plain = Dialect(data.separator, data.decimal, data.encoding, data.date_format, fill_down=tuple(data.fill_down))
    return replace(plain, date_format=None, preferred_date_format=data.date_format) if own else plain


def _target(data: Data, transactions: Transactions, names: Iterable[str]) -> tuple[str, str] | None:
    """The columns whose product is the target; None if it is a column. Raises SettingsError if it is neither."""
    names = list(names)
    if transactions.target in names:
        return None
    product = (data.quantity, data.price or "")
    if name_score(transactions.target, "revenue") >= 3 and set(product) <= set(names):
        return product
    raise SettingsError(
        f"The target '{transactions.target}' of 'transactions' is no column of the table; it has {', '.join(names)}. "
        "Name one of them, or name 'revenue' and set 'quantity' and 'price' under 'data', whose product it then is."
    )


def _plan(data: Data, transactions: Transactions, base: Path) -> TablePlan:
    files = find_files(transactions.path or data.sales, base)
    dialect = _dialect(data, transactions)
    if data.periods:
        dialect = replace(dialect, period_names=read_periods(data.periods, base, Dialect()).names_to_days())
    date = transactions.date or data.date_name
    sample = sample_table(files, encoding=data.encoding).frame
    columns = profile_columns(sample, data.decimal)
    product = _target(data, transactions, columns)
    wanted = {*(transactions.inputs or ()), *transactions.allow}
    named = {*data.keys, *data.attributes}
    numbers = {transactions.target, *(product or ()), data.quantity, *([data.price] if data.price else [])}
    left_out = {
        name: reason
        for name, column in columns.items()
        if name not in (wanted | named | numbers | {date}) and (reason := _useless(column, sample.height))
    }
    fields = [InputColumn(date, ColumnKind.DATE)]
    flags: list[str] = []
    dates: dict[str, str] = {}
    for name, column in columns.items():
        if name == date or name in left_out:
            continue
        is_number = column.kind == ValueKind.NUMBER and name not in named and not _names_things(column)
        fields.append(InputColumn(name, ColumnKind.NUMBER if is_number or name in numbers else ColumnKind.TEXT))
        if fields[-1].kind == ColumnKind.TEXT and name not in named:
            flags += [name] if column.kind == ValueKind.FLAG else []
            dates |= {name: (column.formats or ("%Y-%m-%d",))[0]} if column.kind == ValueKind.DATE else {}
    return TablePlan(files, dialect, date, transactions.target, product, data.quantity, fields, flags, dates, left_out)


def _useless(column: ColumnProfile, rows: int) -> str:
    """Why a column cannot be an input; "" if it can."""
    if column.kind == ValueKind.EMPTY:
        return "it is empty"
    if column.distinct == 1 and not column.values.null_count():
        return "it is always the same"
    names_rows = column.kind == ValueKind.TEXT or (column.whole and name_score(column.name, "row") >= 3)
    if names_rows and column.distinct > NEARLY_UNIQUE * rows:
        return "it identifies single sales"
    values = column.values
    if column.whole and column.distinct == len(values) == rows and values.is_sorted():
        return "it numbers the sales"
    return "it identifies single orders" if name_score(column.name, "row") == 4 else ""


def _names_things(column: ColumnProfile) -> bool:
    """Whether whole numbers are the names of stores, items, orders or series."""
    return column.whole and any(name_score(column.name, role) >= 3 for role in ("store", "item", "row", "series"))


def _typed(frame: pl.DataFrame, plan: TablePlan) -> pl.DataFrame:
    """The columns of a part with the types of `SingleSalesTable.frame`, and the target if it is a product."""
    columns = []
    for field in plan.fields:
        values = frame[field.name]
        if field.name in plan.flags:
            values = parse_yes_no(values).cast(pl.Float64)
        elif field.name in plan.dates:
            as_text = values.dtype == pl.Categorical
            values = to_date(values.cast(pl.String).str.strip_chars(), plan.dates[field.name]) if as_text else values
            values = values.cast(pl.Date, strict=False)
        elif field.kind == ColumnKind.NUMBER:
            values = values.cast(pl.Float64).round_sig_figs(7)  # numbers were read in single precision
        elif field.kind == ColumnKind.TEXT:
            values = values.cast(pl.String)
        columns.append(values)
    typed = pl.DataFrame(columns)
    if plan.product:
        quantity, price = plan.product
        typed = typed.with_columns((pl.col(quantity) * pl.col(price)).alias(plan.target))
    return typed
