"""Costs and terms of supply, by any columns of the series."""

from __future__ import annotations

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
from foresell.data.files.input_files import find_files
from foresell.data.finding_codes import finding
from foresell.data.supply.matching import SupplyRows, read_rows, supply_dialect
from foresell.data.typed_tables import header_of

TERMS = (
    "price",
    "unit_cost",
    "holding_share_year",
    "lost_margin",
    "lead_days",
    "review_days",
    "pack",
    "minimum",
)
"""The columns that a table of terms may have beside those that name series."""


def read_terms(path: str, base: Path, data: Data, panel: Panel) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The terms by name, float64 [series], NaN where the table does not say.

    The columns that the series have too say which series a row is about, such as ``vendor`` or ``store`` and ``item``.
    A table without such columns has one row, for all series. Raises UnreadableFile, FindingsStop where a column is
    missing, and SettingsError for a column that is neither and for rows that contradict each other.
    """
    names = header_of(find_files(path, base)[0], supply_dialect(data))
    keys = [name for name in names if name in panel.series.columns]
    unknown = [name for name in names if name not in (*keys, *TERMS)]
    values = [name for name in names if name in TERMS]
    if unknown or not values:
        raise SettingsError(
            (f"{path} has {first_five(unknown)}, which is no term" if unknown else f"{path} has no column of terms")
            + f" of supply, nor a column of the series. The terms are {', '.join(TERMS)}; the series have "
            f"{', '.join(panel.series.columns)}. Rename the columns, or take them out."
        )
    rows = read_rows(path, base, data, keys, dict.fromkeys(values, ColumnKind.NUMBER))
    if rows.findings:
        raise SettingsError(
            f"Some cells of the terms cannot be read, and defaults would take their place: {rows.findings[0]} Correct "
            "these cells, or leave them blank."
        )
    labels, of_series = labels_of(rows.frame, keys), labels_of(panel.series, keys)
    _require_distinct(rows, labels)
    row = numbers_among(labels, of_series)  # -1 takes the last row, which `matched` leaves out again
    matched = row >= 0
    findings: list[Finding] = []
    others = labels.join(of_series, on=labels.columns, how="anti", maintain_order="left")
    if keys and others.height:
        message = f"{many_do(others.height, 'row', 'be')} about series that are not forecast"
        findings.append(finding("supply-unmatched", rows.where, others.height, message, key_texts(others)))
    if not matched.all():
        message = f"{int((~matched).sum()):,} series have no row; what they lack is assumed"
        findings.append(finding("terms-incomplete", rows.where, int((~matched).sum()), message))
    columns = {name: rows.frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in values}
    if not rows.frame.height:
        return {name: np.full(panel.n_series, np.nan) for name in values}, findings
    return {name: np.where(matched, column[row], np.nan) for name, column in columns.items()}, findings


def _require_distinct(rows: SupplyRows, labels: pl.DataFrame) -> None:
    """Raises SettingsError where two rows are about the same series."""
    twice = labels.filter(labels.is_duplicated()).unique(maintain_order=True)
    if twice.height:
        examples = first_five(" ".join(row) or "all series" for row in twice.iter_rows())
        raise SettingsError(
            f"{rows.where} has several rows for {examples}. Keep one row for each "
            f"{' x '.join(labels.columns) if labels.columns != ['all'] else 'table'}."
        )
