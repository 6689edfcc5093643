"""Tables of what vendors ask of an order as a whole, and of their price breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.core.words import many_do
from foresell.data.column_conversion import ColumnKind
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.supply.column_roles import PER_CENT, role_columns
from foresell.data.supply.distinct_rows import merged
from foresell.data.supply.matching import SupplyTable
from foresell.data.supply.table_form import TableForm

VENDOR = "vendor"
"""The column that names the vendor, in all tables."""

VENDOR_TERMS = (
    "minimum_money",
    "minimum_units",
    "truck_units",
    "truck_weight",
    "truck_volume",
    "truck_cost",
    "truck_fill",
    "most_trucks",
)
"""The columns that a table of vendors may have beside those that name the vendor."""

BREAK_TERMS = ("from_money", "from_units", "discount")
"""The columns of numbers in a table of price breaks."""

BREAK_KIND = "kind"
"""The column that says whether a discount is on all of an order or on what lies beyond the break."""


@dataclass(frozen=True)
class VendorTables:
    """What the tables say.

    - `names`: of the vendors, each with the store or the like that its terms are for.
    - `terms`: by column of `VENDOR_TERMS`, float64 [vendor], NaN where a table does not say.
    - `breaks`: one row for each price break: ``row`` (the number of the vendor), the columns of `BREAK_TERMS`, NaN
      where empty, and ``kind`` as text.
    - `of_series`: int64 [series], the number of each series' vendor, -1 where no table has it.
    - `unknown`: bool [series], whether the series names a vendor which the table of vendors does not have.
    """

    names: tuple[str, ...]
    terms: dict[str, np.ndarray]
    breaks: pl.DataFrame
    of_series: np.ndarray
    unknown: np.ndarray
    findings: tuple[Finding, ...]


def read_vendor_tables(
    vendors: str | None,
    price_breaks: str | None,
    base: Path,
    data: Data,
    panel: Panel,
    vendor: np.ndarray | None,
    forms: Mapping[str, TableForm] | None = None,
) -> VendorTables:
    """Reads the tables of vendors and of price breaks, of which one may be None.

    `vendor` has the name of each series' vendor, [series] of str or None, from the terms; where it is None the series'
    own attribute is taken, whose name says that it is the vendor. `forms` says what is known of the tables ``vendors``
    and ``price_breaks``. Both have the column ``vendor``, and may have further columns of the series, such as
    ``store``, where terms hold for each store by itself. Raises
    UnreadableFile, FindingsStop where a column is missing, and SettingsError where the series have no vendor, for a
    column that is not known and for cells that cannot be read.
    """
    series = _with_vendor(panel.series, vendor, vendors or price_breaks or "")
    tables: list[_Table] = []
    kinds = {"vendors": (vendors, VENDOR_TERMS, ()), "price_breaks": (price_breaks, BREAK_TERMS, (BREAK_KIND,))}
    for name, (path, numbers, texts) in kinds.items():
        if path:
            source = SupplyTable.at(path, base, data, name, (forms or {}).get(name, TableForm()))
            tables.append(_read(source, path, series, numbers, texts))
    keys = tables[0].keys
    if any(table.keys != keys for table in tables):
        raise SettingsError(
            f"{vendors} has the columns {', '.join(keys)}, and {price_breaks} has {', '.join(tables[-1].keys)}. Give "
            "both tables the same columns of keys."
        )
    labels = pl.concat([table.labels for table in tables]).unique(maintain_order=True)
    of_series = numbers_among(labels, labels_of(series, keys))
    of_series = np.where(series[VENDOR].is_null().to_numpy(), -1, of_series)
    terms = {name: np.full(labels.height, np.nan) for name in VENDOR_TERMS}
    breaks = pl.DataFrame(schema={"row": pl.Int64, **dict.fromkeys(BREAK_TERMS, pl.Float64), BREAK_KIND: pl.String})
    unknown = np.zeros(panel.n_series, bool)
    for table, path in zip(tables, [each for each in (vendors, price_breaks) if each], strict=True):
        row = numbers_among(labels, table.labels)
        if path == vendors:
            columns = {name: table.frame[name].to_numpy() for name in table.numbers}
            of_vendors, columns, _, contradictions = merged(path, table.labels, columns, {})
            table.findings.extend(contradictions)
            for name, values in columns.items():
                terms[name][numbers_among(labels, of_vendors)] = values
            known = numbers_among(of_vendors, labels_of(series, keys)) >= 0
            unknown = ~known & series[VENDOR].is_not_null().to_numpy()
        else:
            breaks = _breaks(table, row)
    names = tuple(" ".join(row) for row in labels.iter_rows())
    findings = [each for table in tables for each in table.findings]
    for table in tables:
        findings += _without_series(table, labels_of(series, keys))
    return VendorTables(names, terms, breaks, of_series, unknown, tuple(findings))


def _without_series(table: _Table, of_series: pl.DataFrame) -> list[Finding]:
    """A finding of the rows whose vendor no series has, so that their terms change nothing."""
    others = table.labels.join(of_series, on=table.labels.columns, how="anti", maintain_order="left")
    if not others.height:
        return []
    names = key_texts(others.unique(maintain_order=True))
    message = f"{many_do(others.height, 'row', 'be')} about vendors of no series that is forecast, and change nothing"
    return [finding("supply-unmatched", table.where, others.height, message, names)]


@dataclass(frozen=True)
class _Table:
    where: str
    keys: list[str]
    labels: pl.DataFrame
    frame: pl.DataFrame
    numbers: list[str]
    findings: list[Finding]


def _with_vendor(series: pl.DataFrame, vendor: np.ndarray | None, path: str) -> pl.DataFrame:
    """The series with the column of vendors, empty names as null."""
    if attribute := role_columns(series.columns, [VENDOR]).of.get(VENDOR):
        series = series.rename({attribute: VENDOR})
    if vendor is not None:
        series = series.with_columns(pl.Series(VENDOR, vendor.tolist(), dtype=pl.String))
    if VENDOR not in series.columns:
        raise SettingsError(
            f"{path} is about vendors, and the series have none. Give the table of terms a column {VENDOR}, or the "
            "table of items."
        )
    text = pl.col(VENDOR).cast(pl.String).str.strip_chars()
    return series.with_columns(pl.when(text != "").then(text).alias(VENDOR))


def _read(table: SupplyTable, path: str, series: pl.DataFrame, numbers: Sequence[str], texts: Sequence[str]) -> _Table:
    """The rows of the table at `path`."""
    roles = (VENDOR, *numbers, *texts)
    # A column of the table, such as `kind`, means that of the table, also where the series have one of that name.
    columns = table.columns([name for name in series.columns if name not in roles], roles)
    keys = sorted((name for name in columns if name not in (*numbers, *texts)), key=lambda name: (name != VENDOR, name))
    unknown = [name for name in table.names if name not in columns.values() and not table.form.columns]
    values = [name for name in columns if name in numbers]
    if unknown or not values or VENDOR not in columns:
        fault = f"has {first_five(unknown)}, which is no term of vendors" if unknown else "has no column of terms"
        fault = fault if VENDOR in columns else f"has no column {VENDOR}"
        raise SettingsError(
            f"{path} {fault}. Expected {VENDOR}, any of {', '.join((*numbers, *texts))}, and beside them columns of "
            f"the series such as {series.columns[0]}. Rename the columns, take them out, or name those to read, as "
            f"orders: {{columns: {{{table.name}: {{{VENDOR}: 'Vendor name'}}}}}}."
        )
    kinds = {**dict.fromkeys(keys, ColumnKind.KEY), **dict.fromkeys(values, ColumnKind.NUMBER)}
    kinds |= {name: ColumnKind.TEXT for name in texts if name in columns}
    rows = table.rows(columns, kinds, np.datetime64("NaT"))
    rows.require_keys(
        f"The vendor of some rows of {rows.where} cannot be read, and these would be taken for no limit",
        "Correct these rows, or take them out.",
    )
    per_cent = [name for name in ("discount", "truck_fill") if PER_CENT.search(columns.get(name, ""))]
    frame = rows.frame.with_columns(pl.Series(name, rows.numbers(name)) for name in values)
    frame = frame.with_columns(pl.col(per_cent) / 100)
    return _Table(rows.where, keys, labels_of(frame, keys), frame, values, rows.findings)


def _breaks(table: _Table, row: np.ndarray) -> pl.DataFrame:
    """The price breaks by vendor, see `VendorTables`."""
    frame = table.frame
    missing = [name for name in BREAK_TERMS if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in missing)
    if BREAK_KIND not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias(BREAK_KIND))
    return frame.select(
        pl.Series("row", row, pl.Int64),
        *(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in BREAK_TERMS),
        BREAK_KIND,
    )
