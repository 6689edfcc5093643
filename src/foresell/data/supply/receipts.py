"""Receipts: when goods were ordered and when they came, by vendor or by columns of the series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.core.words import many
from foresell.data.column_conversion import ColumnKind
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.supply.column_roles import role_columns
from foresell.data.supply.matching import SupplyTable
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.terms_table import VENDOR

ORDERED, RECEIVED = "ordered", "received"


@dataclass(frozen=True)
class Receipts:
    """Receipts by group, a vendor or what the table has in its place.

    - `lead_days`: float64 [receipt], from the order to the receipt. `group`: int64 [receipt]. `n_groups`: their number.
    - `of_series`: int64 [series], the group of each series, -1 where no receipt is about it.
    """

    lead_days: np.ndarray
    group: np.ndarray
    n_groups: int
    of_series: np.ndarray
    findings: tuple[Finding, ...]


def read_receipts(
    path: str, base: Path, data: Data, panel: Panel, vendor: np.ndarray | None, form: TableForm | None = None
) -> Receipts:
    """The receipts of the table at `path`: ``ordered`` and ``received``, and ``vendor`` or columns of the series.

    `vendor` has the name of each series' vendor, [series] of str or None, where the terms have it. Rows about items are
    those of the vendor of the items, where that is known. Raises UnreadableFile, FindingsStop where a column is
    missing, and SettingsError where no receipt is left.
    """
    table = SupplyTable.at(path, base, data, "receipts", form or TableForm())
    series = _with_vendor(panel.series, vendor)
    columns = table.columns([name for name in series.columns if name != VENDOR], [VENDOR, ORDERED, RECEIVED])
    keys = [VENDOR] if VENDOR in columns and VENDOR in series.columns else [
        name for name in columns if name in series.columns and name != VENDOR
    ]  # fmt: skip
    kinds = {**dict.fromkeys(keys, ColumnKind.KEY), ORDERED: ColumnKind.DATE, RECEIVED: ColumnKind.DATE}
    rows = table.rows(columns, kinds, np.datetime64("NaT"))
    both = rows.frame
    findings = [each for each in rows.findings if each.code != "missing-keys"]  # goods that have not come yet
    lead = (both[RECEIVED] - both[ORDERED]).dt.total_days().cast(pl.Float64).to_numpy()
    wrong = lead < 0
    if wrong.any():
        message = f"{many(int(wrong.sum()), 'receipt')} came before the order"
        findings.append(finding("receipts-invalid", table.where, int(wrong.sum()), message))
    both, lead = both.filter(pl.Series(~wrong)), lead[~wrong]
    if not len(lead):
        raise SettingsError(
            f"{table.where} has no receipt with the day of its order and that on which it came. Give both, or take "
            "'orders.receipts' out."
        )
    row_labels, of_labels = labels_of(both, keys), labels_of(series, keys)
    if VENDOR in series.columns and VENDOR not in keys and keys:
        first = numbers_among(of_labels.unique(keep="first", maintain_order=True), row_labels)
        vendors = series[VENDOR].to_list()
        firsts = of_labels.with_row_index("row").unique(of_labels.columns, keep="first", maintain_order=True)["row"]
        names = [vendors[firsts[place]] if place >= 0 else None for place in first.tolist()]
        row_labels = pl.DataFrame({VENDOR: pl.Series(names, dtype=pl.String)})
        of_labels = labels_of(series, [VENDOR])
    known = row_labels.with_columns(pl.Series("lead", lead)).drop_nulls()
    others = row_labels.join(of_labels, on=row_labels.columns, how="anti", maintain_order="left").drop_nulls()
    if others.height:
        message = f"{many(others.height, 'receipt')} are about vendors or goods of no series that is forecast"
        findings.append(finding("supply-unmatched", table.where, others.height, message, key_texts(others.unique())))
    groups = known.drop("lead").unique(maintain_order=True)
    of_series = numbers_among(groups, of_labels)
    lead = known["lead"].to_numpy()
    group = numbers_among(groups, known.drop("lead"))
    return Receipts(lead, group, groups.height, of_series, tuple(findings))


def _with_vendor(series: pl.DataFrame, vendor: np.ndarray | None) -> pl.DataFrame:
    """The series with the column of vendors, where it is known."""
    if attribute := role_columns(series.columns, [VENDOR]).of.get(VENDOR):
        series = series.rename({attribute: VENDOR})
    if vendor is not None:
        series = series.with_columns(pl.Series(VENDOR, vendor.tolist(), dtype=pl.String))
    return series
