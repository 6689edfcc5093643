"""Costs and terms of supply, by any columns of the series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.core.words import many, many_do
from foresell.data.column_conversion import ColumnKind
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.supply.column_roles import PER_CENT
from foresell.data.supply.distinct_rows import IMPOSSIBLE, merged, require_distinct
from foresell.data.supply.matching import SupplyRows, SupplyTable
from foresell.data.supply.table_form import TableForm

TERMS = (
    "price",
    "unit_cost",
    "holding_share_year",
    "lost_margin",
    "lead_days",
    "review_days",
    "pack",
    "minimum",
    "unit_weight",
    "unit_volume",
    "waste_cost",
    "order_cost",
    "shelf_days",
)
"""The columns of numbers that a table of terms may have beside those that name series."""

VENDOR = "vendor"
"""The column of text that a table of terms may have, where the vendor is no attribute of the series."""


def read_terms(
    path: str, base: Path, data: Data, panel: Panel, form: TableForm | None = None, known: tuple[str, ...] = TERMS
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The terms by name, float64 [series], NaN where the table does not say; `known` are those that it may have.

    With `TERMS` it may have ``vendor`` too, object [series] of str or None.

    The columns that the series have too say which series a row is about, such as ``vendor`` or ``store`` and ``item``.
    A table without such columns has one row, for all series. Where `form` names columns, no others are read. Raises
    UnreadableFile, FindingsStop where a column is missing, and SettingsError for a column that is neither, and where
    the holding shares are no shares, or two rows are about all series.

    A number that is given and cannot be meant, because it cannot be read or rows contradict each other, is below 0,
    as all are of series that a row may be about whose keys cannot be read.
    """
    table = SupplyTable.at(path, base, data, "terms", form or TableForm())
    keys, columns = _keys_and_terms(table, panel, (*known, VENDOR) if known == TERMS else known)
    values = [name for name in columns if name in known]
    texts = [VENDOR] if VENDOR in columns and VENDOR not in keys else []
    kinds = {**dict.fromkeys(keys, ColumnKind.KEY), **dict.fromkeys(values, ColumnKind.NUMBER)}
    kinds |= dict.fromkeys(texts, ColumnKind.TEXT)
    rows = table.rows(columns, kinds, panel.dates[panel.n_days - 1])
    frame, of_shares = _as_shares(table, rows, columns)
    rows = replace(rows, frame=frame)
    labels, of_series = labels_of(rows.frame, keys), labels_of(panel.series, keys)
    if not keys:
        require_distinct(rows.where, labels)
    numbers = {name: rows.numbers(name) for name in values}
    words_of = {name: rows.frame[name].cast(pl.String).to_list() for name in texts}
    labels, numbers, words_of, contradictions = merged(rows.where, labels, numbers, words_of)
    row = numbers_among(labels, of_series)  # -1 takes the last row, which `matched` leaves out again
    matched = row >= 0
    findings = [*rows.findings, *of_shares, *contradictions]
    others = labels.join(of_series, on=labels.columns, how="anti", maintain_order="left")
    if keys and others.height:
        message = f"{many_do(others.height, 'row', 'be')} about series that are not forecast"
        findings.append(finding("supply-unmatched", rows.where, others.height, message, key_texts(others)))
    if not matched.all():
        effect = "and may be meant by one that cannot be read" if rows.lost else "what they lack is assumed"
        message = f"{int((~matched).sum()):,} series have no row; {effect}"
        findings.append(finding("terms-incomplete", rows.where, int((~matched).sum()), message))
    otherwise = IMPOSSIBLE if rows.lost else np.nan
    if not rows.frame.height:
        return {name: np.full(panel.n_series, otherwise) for name in values}, findings
    terms: dict[str, np.ndarray] = {name: np.where(matched, column[row], otherwise) for name, column in numbers.items()}
    for name in texts:
        words = np.array([*words_of[name], None], dtype=object)
        terms[name] = words[np.where(matched, row, -1)]
    return terms, findings


def _keys_and_terms(table: SupplyTable, panel: Panel, known: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """The keys of a table of terms, and its columns by what foresell calls them."""
    said = table.form.columns
    missing = [column for column in said.values() if column not in table.names]
    if missing:
        raise SettingsError(
            f"{table.where} has no column {first_five(missing)}, which orders.columns.terms names; it has "
            f"{', '.join(table.names)}. Correct the settings."
        )
    of_series = panel.series.columns
    columns = table.columns(
        [name for name in of_series if name in said or not said],
        [name for name in known if name not in of_series and (name in said or not said)],
    )
    keys = [name for name in columns if name in of_series]
    terms = [name for name in columns if name not in keys]
    others = [name for name in table.names if name not in columns.values()] if not said else []
    unknown = [name for name in said if name not in (*known, *of_series)] or others
    if unknown or not terms:
        raise SettingsError(
            (
                f"{table.where} has {first_five(unknown)}, which is no term"
                if unknown
                else f"{table.where} has no column of terms"
            )
            + f" of supply, nor a column of the series. The terms are {', '.join(known)}; the series have "
            f"{', '.join(of_series)}. Rename the columns or take them out, or name those to read, as "
            "orders: {columns: {terms: {lead_days: 'Lead time'}}}."
        )
    return keys, columns


MOST_HELD = 2.0
"""A larger share that it costs to hold a unit for a year is no share; 25 is meant as per cent."""


def _as_shares(table: SupplyTable, rows: SupplyRows, columns: Mapping[str, str]) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows with a holding share that is a share, also where the name of the column says that it is per cent.

    A large one is taken where it is written as per cent, else it is below 0. Raises SettingsError where all are large.
    """
    name = "holding_share_year"
    if name not in rows.frame.columns:
        return rows.frame, []
    if PER_CENT.search(columns[name]):
        return rows.frame.with_columns(pl.col(name).cast(pl.Float64) / 100), []
    large = rows.frame[name].filter(rows.frame[name] > MOST_HELD)
    if not len(large):
        return rows.frame, []
    plain = (rows.frame[name] > MOST_HELD) & ~table.texts(columns[name]).str.contains("%").fill_null(False)
    if 0 < plain.sum() < rows.frame[name].count():
        message = f"{many(int(plain.sum()), 'holding share')} such as {large[0]:g} in '{columns[name]}'"
        found = finding("holding-share-large", rows.where, int(plain.sum()), message)
        return rows.frame.with_columns(pl.when(plain).then(IMPOSSIBLE).otherwise(name).alias(name)), [found]
    if plain.any():
        raise SettingsError(
            f"{rows.where} has {many(len(large), 'holding share')} such as {large[0]:g} in '{columns[name]}', which "
            f"would be {large[0] * 100:,.0f} % of the unit cost a year. Write {large[0] / 100:g}, or {large[0]:g} %."
        )
    return rows.frame, []
