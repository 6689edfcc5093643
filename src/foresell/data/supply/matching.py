"""Rows of a table of supply, and the series that each of them is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.settings import Data
from foresell.core.words import many, many_do
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.cube.cells import as_text, key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.side_tables import read_side_table


@dataclass(frozen=True)
class SupplyRows:
    """The rows of a table: `frame` with the columns asked for, and what is wrong with the table."""

    where: str
    frame: pl.DataFrame
    findings: list[Finding]


def supply_dialect(data: Data) -> Dialect:
    """How tables of supply are written: as the sales, but with dates in a format of their own."""
    return Dialect(data.separator, data.decimal, data.encoding, preferred_date_format=data.date_format)


def read_rows(path: str, base: Path, data: Data, keys: Sequence[str], others: dict[str, ColumnKind]) -> SupplyRows:
    """The rows of the table at `path` with its keys and `others`.

    Raises UnreadableFile, and FindingsStop where a column is missing.
    """
    columns = [InputColumn(name, ColumnKind.KEY) for name in keys]
    columns += [InputColumn(name, kind) for name, kind in others.items()]
    frame, findings, files = read_side_table(path, base, columns, supply_dialect(data))
    where = files[0].name if len(files) == 1 else path
    return SupplyRows(where, as_text(frame), findings)


def row_of_series(rows: SupplyRows, keys: Sequence[str], series: pl.DataFrame) -> tuple[np.ndarray, list[Finding]]:
    """For each row of a table the row of its series in `series`, -1 where there is none: int64; with a finding.

    Raises SettingsError where no row is about any of the series.
    """
    place = numbers_among(labels_of(series, keys), labels_of(rows.frame, keys))
    unmatched = place < 0
    if len(place) and unmatched.all():
        seen, known = (key_texts(table.select(keys)) for table in (rows.frame, series))
        raise SettingsError(
            f"No row of {rows.where} is about a series that is forecast: it has {first_five(seen)}, and the series are "
            f"{first_five(known)}. Write the keys {', '.join(keys)} as in the sales."
        )
    if not unmatched.any():
        return place, []
    others = rows.frame.filter(pl.Series(unmatched)).select(keys).unique(maintain_order=True)
    message = f"{many_do(int(unmatched.sum()), 'row', 'be')} about series that are not forecast"
    return place, [finding("supply-unmatched", rows.where, int(unmatched.sum()), message, key_texts(others))]


def repeated(rows: SupplyRows, place: np.ndarray, what: str) -> list[Finding]:
    """A finding where several rows are about one series."""
    known = place[place >= 0]
    extra = len(known) - len(np.unique(known))
    if not extra:
        return []
    return [finding("supply-repeated", rows.where, extra, f"{many(extra, 'more row')} of a series; {what}")]
