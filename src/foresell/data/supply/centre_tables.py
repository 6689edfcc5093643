"""Tables of distribution centres: whom they supply, what they have, and what they can handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.core.settings.allocation import AllocationTables
from foresell.core.words import many_do
from foresell.data.column_conversion import ColumnKind
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.supply.distinct_rows import require_distinct
from foresell.data.supply.matching import SupplyTable
from foresell.data.supply.table_form import TableForm

CENTRE = "centre"


@dataclass(frozen=True)
class CentreTables:
    """What the tables say. A source is one item (or whatever the table of stock distinguishes) at one centre.

    - `centres`: their names. `centre_of`: int64 [series], -1 where a series has none.
    - `sources`: what they are called. `source_of`: int64 [series], -1 where the table of stock has no row for it.
    - `stock`: float64 [source], NaN where it cannot be read. `capacity`: float64 [centre], NaN where it is not given.
    """

    centres: tuple[str, ...]
    centre_of: np.ndarray
    sources: tuple[str, ...]
    source_of: np.ndarray
    stock: np.ndarray
    capacity: np.ndarray
    findings: tuple[Finding, ...]


def read_centre_tables(tables: AllocationTables, base: Path, data: Data, panel: Panel) -> CentreTables:
    """Reads the tables of the settings.

    Raises UnreadableFile, FindingsStop where a column is missing, and SettingsError where a table is not given or does
    not fit the series.
    """
    if not tables.centre_stock:
        raise SettingsError(
            "The stock of the centres is not known. Give a table with the columns centre, item (or what series have in "
            "its place) and on_hand, as 'allocation.centre_stock' in the settings."
        )
    form = TableForm(decimal=tables.decimal)
    series = _with_centre(tables.centres, base, data, panel, form)
    stock = _read(tables.centre_stock, base, data, series, "on_hand", form)
    if CENTRE not in stock.keys:
        raise SettingsError(f"{tables.centre_stock} has no column {CENTRE}. It says what each centre has.")
    labels = stock.labels.unique(maintain_order=True)
    row = numbers_among(labels, stock.labels)
    units = np.zeros(labels.height)
    np.add.at(units, row, stock.values)  # a blank is NaN, and makes the sum one
    has_centre = series[CENTRE].is_not_null().to_numpy()
    source_of = np.where(has_centre, numbers_among(labels, labels_of(series, stock.keys)), -1)
    centres = series[CENTRE].drop_nulls().unique(maintain_order=True).to_frame()
    centre_of = np.where(has_centre, numbers_among(labels_of(centres, [CENTRE]), labels_of(series, [CENTRE])), -1)
    findings = list(stock.findings)
    capacity = np.full(centres.height, np.nan)
    if tables.capacity:
        given = _capacity(tables.capacity, base, data, series, form)
        place = numbers_among(labels_of(centres, [CENTRE]), given.labels)
        capacity[place[place >= 0]] = given.values[place >= 0]
        others = given.labels.filter(pl.Series(place < 0))
        if others.height:
            message = f"{many_do(others.height, 'row', 'be')} about centres that supply no series"
            findings.append(finding("supply-unmatched", tables.capacity, others.height, message, key_texts(others)))
    unused = labels.filter(~pl.Series(np.isin(np.arange(labels.height), source_of)))
    if unused.height:
        message = f"{many_do(unused.height, 'row', 'be')} about goods that no series takes from that centre"
        findings.append(finding("supply-unmatched", tables.centre_stock, unused.height, message, key_texts(unused)))
    names = tuple(" ".join(map(str, key)) for key in labels.iter_rows())
    return CentreTables(tuple(map(str, centres[CENTRE])), centre_of, names, source_of, units, capacity, tuple(findings))


@dataclass(frozen=True)
class _Table:
    keys: list[str]
    labels: pl.DataFrame
    values: np.ndarray
    findings: list[Finding]


def _capacity(path: str, base: Path, data: Data, series: pl.DataFrame, form: TableForm) -> _Table:
    """The capacity of each centre. A cell that cannot be read would be taken for no limit, so it is refused."""
    given = _read(path, base, data, series, "units", form)
    if given.keys != [CENTRE]:
        raise SettingsError(f"{path} has the columns {', '.join(given.keys)}; expected {CENTRE}, units.")
    wrong = given.labels.filter(pl.Series(~(given.values >= 0)))
    if wrong.height:
        raise SettingsError(
            f"{path} has no capacity of 0 or more for {first_five(key_texts(wrong))}. Correct the column units, or "
            "take the rows out."
        )
    require_distinct(path, given.labels)
    return given


def _read(path: str, base: Path, data: Data, series: pl.DataFrame, value: str, form: TableForm) -> _Table:
    """The keys of a table, and its column `value` as float64 [row]."""
    table = SupplyTable.at(path, base, data, "allocation", form)
    names = table.names
    keys = [name for name in names if name in series.columns]
    unknown = [name for name in names if name not in (*keys, value)]
    if unknown or not keys:
        raise SettingsError(
            f"{path} has the columns {first_five(names)}; expected {value}, and columns of the series: "
            f"{', '.join(series.columns)}. Rename the others, or take them out."
        )
    kinds = {**dict.fromkeys(keys, ColumnKind.KEY), value: ColumnKind.NUMBER}
    rows = table.rows({}, kinds, np.datetime64("NaT"))
    values = rows.frame[value].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return _Table(keys, labels_of(rows.frame, keys), values, rows.findings)


def _with_centre(path: str | None, base: Path, data: Data, panel: Panel, form: TableForm) -> pl.DataFrame:
    """The series with their centre, null where they have none."""
    series = panel.series
    if path:
        series = series.with_columns(
            pl.Series(CENTRE, _centres(path, base, data, series.drop(CENTRE, strict=False), form))
        )
    if CENTRE not in series.columns:
        raise SettingsError(
            "It is not known which centre supplies which store. Give a table with the columns store (or what series "
            "have in its place) and centre, as 'allocation.centres' in the settings."
        )
    text = pl.col(CENTRE).cast(pl.String).str.strip_chars()
    return series.with_columns(pl.when(text != "").then(text).alias(CENTRE))


def _centres(path: str, base: Path, data: Data, series: pl.DataFrame, form: TableForm) -> Sequence[str | None]:
    """The centre of each series by the table at `path`."""
    table = SupplyTable.at(path, base, data, "allocation", form)
    names = table.names
    keys = [name for name in names if name in series.columns]
    if CENTRE not in names or not keys or len(keys) + 1 < len(names):
        raise SettingsError(
            f"{path} has the columns {first_five(names)}; expected {CENTRE}, and columns of the series such as "
            f"{series.columns[0]}. Rename the others, or take them out."
        )
    kinds = {**dict.fromkeys(keys, ColumnKind.KEY), CENTRE: ColumnKind.TEXT}
    rows = table.rows({}, kinds, np.datetime64("NaT"))
    labels = labels_of(rows.frame, keys)
    twice = labels.filter(labels.is_duplicated()).unique(maintain_order=True)
    if twice.height:
        raise SettingsError(
            f"{path} has several rows for {first_five(' '.join(row) for row in twice.iter_rows())}. Keep one centre "
            "for each."
        )
    row = numbers_among(labels, labels_of(series, keys))
    if (row < 0).all():
        raise SettingsError(
            f"No row of {path} is about a series that is forecast: it has {first_five(key_texts(labels))}. Write the "
            "keys as in the sales."
        )
    words = np.array([*rows.frame[CENTRE].to_list(), None], dtype=object)
    return words[row].tolist()  # -1 is the last, None
