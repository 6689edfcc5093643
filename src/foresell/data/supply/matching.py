"""Rows of a table of supply, and the series that each of them is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.core.words import many, many_do
from foresell.data.column_conversion import ROW, ColumnKind, Dialect, InputColumn
from foresell.data.cube.cells import as_text, key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.files.input_files import InputFile, find_files
from foresell.data.finding_codes import finding
from foresell.data.quarantine import side_table_findings
from foresell.data.sales_rows import with_same_types
from foresell.data.supply.table_form import (
    DOUBTS,
    TableForm,
    columns_of,
    doubtful_dates,
    encoded,
    plausible_share,
    with_decimal,
)
from foresell.data.typed_tables import header_of, read_parts


@dataclass(frozen=True)
class SupplyRows:
    """The rows of a table: `frame` with the columns asked for, and what is wrong with the table."""

    where: str
    frame: pl.DataFrame
    findings: list[Finding]

    def require_read(self, fault: str, advice: str) -> None:
        """Raises SettingsError where something could not be read: the `fault`, what it was, and the `advice`."""
        unread = [each for each in self.findings if each.code not in DOUBTS]
        if unread:
            raise SettingsError(f"{fault}: {unread[0]} {advice}")


@dataclass(frozen=True)
class SupplyTable:
    """A table of supply that was found: its files, how they are written, and its columns by what foresell calls them.

    `name` is what the settings call the table, such as ``stock``.
    """

    name: str
    where: str
    files: list[InputFile]
    dialect: Dialect
    names: list[str]
    form: TableForm

    @classmethod
    def at(cls, path: str, base: Path, data: Data, name: str, form: TableForm) -> SupplyTable:
        """The table at `path`. Raises UnreadableFile."""
        files = find_files(path, base)
        dialect = encoded(files, data)
        where = files[0].name if len(files) == 1 else path
        return cls(name, where, files, dialect, header_of(files[0], dialect), form)

    def columns(self, keys: Sequence[str], roles: Sequence[str]) -> dict[str, str]:
        """Its columns by what foresell calls them. Raises SettingsError, see `table_form.columns_of`."""
        return columns_of(self.names, keys, roles, self.form, self.where, self.name)

    def rows(self, columns: Mapping[str, str], kinds: Mapping[str, ColumnKind], cutoff: np.datetime64) -> SupplyRows:
        """All rows, with the columns of `kinds` under what foresell calls them.

        `cutoff` is the last day of the sales, after which the dates lie. Raises UnreadableFile, and FindingsStop where
        a column is missing.
        """
        wanted = [InputColumn(columns.get(name, name), kind) for name, kind in kinds.items()]
        numbers = [column.name for column in wanted if column.kind == ColumnKind.NUMBER and column.name in self.names]
        dialect, findings = with_decimal(self.files, numbers, self.dialect, self.form, self.where)
        dialect = replace(dialect, date_format=self.form.date_format)
        frame, of_rows, used = self._read(wanted, dialect)
        dates = next((column.name for column in wanted if column.kind == ColumnKind.DATE), None)
        if dates and used.alternative_date_format and not self.form.date_format:
            other = self._read(wanted, replace(dialect, date_format=used.alternative_date_format))
            shares = [plausible_share(each[dates], cutoff) for each in (frame, other[0])]
            if shares[1] == 1 and shares[0] < 1:
                frame, of_rows, _ = other
            elif not (shares[0] == 1 and shares[1] < 1):
                findings.append(
                    doubtful_dates(used.date_format, used.alternative_date_format, self.where, frame.height)
                )
        return SupplyRows(self.where, as_text(frame.rename({columns.get(n, n): n for n in kinds})), of_rows + findings)

    def texts(self, column: str) -> pl.Series:
        """The values of a column as they are written."""
        return self._read([InputColumn(column, ColumnKind.TEXT)], self.dialect)[0][column].cast(pl.String)

    def _read(self, columns: list[InputColumn], dialect: Dialect) -> tuple[pl.DataFrame, list[Finding], Dialect]:
        """All rows with `columns`, the findings of bad rows, and the dialect with the date format that was used."""
        frames, findings, used = [], list[Finding](), dialect
        for file in self.files:
            for part in read_parts(file, columns, dialect):
                frames.append(part.frame)
                findings += side_table_findings(part.bad, file.name)
                used = part.dialect
        empty = pl.DataFrame(schema={column.name: pl.String for column in columns} | {ROW: pl.UInt32})
        return (pl.concat(with_same_types(frames)) if frames else empty), findings, used


def read_rows(
    path: str,
    base: Path,
    data: Data,
    panel: Panel,
    others: dict[str, ColumnKind],
    name: str,
    form: TableForm,
) -> SupplyRows:
    """The rows of the table at `path` with the keys of the panel and `others`. Raises as `SupplyTable`."""
    table = SupplyTable.at(path, base, data, name, form)
    kinds = {**dict.fromkeys(panel.keys, ColumnKind.KEY), **others}
    return table.rows(table.columns(panel.keys, list(others)), kinds, panel.dates[panel.n_days - 1])


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
