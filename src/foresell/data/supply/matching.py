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
from foresell.data.supply.distinct_rows import IMPOSSIBLE
from foresell.data.supply.table_form import (
    TableForm,
    columns_of,
    doubtful_dates,
    encoded,
    plausible_share,
    with_decimal,
)
from foresell.data.typed_tables import header_of, read_parts

UNREAD = "unread"
"""The column with the name of one in which a number of the row could not be read, null where all were."""


@dataclass(frozen=True)
class SupplyRows:
    """The rows of a table, and what is wrong with it.

    - `frame`: the columns asked for, and `UNREAD`. A number that could not be read is null.
    - `undated`: the keys of rows that are left out of `frame` because their date could not be read.
    - `lost`: findings of rows that are left out because it cannot be told what they are about.
    """

    where: str
    frame: pl.DataFrame
    findings: list[Finding]
    undated: pl.DataFrame
    lost: list[Finding]

    def require_keys(self, fault: str, advice: str) -> None:
        """Raises SettingsError where it cannot be told what a row is about: the `fault`, what it was, the `advice`."""
        if self.lost:
            raise SettingsError(f"{fault}: {self.lost[0]} {advice}")

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers: float64 [row], NaN where it is blank, `IMPOSSIBLE` where it could not be read."""
        values = self.frame[name].cast(pl.Float64)
        unread = (self.frame[UNREAD] == name).fill_null(False)
        return np.where(unread.to_numpy(), IMPOSSIBLE, values.fill_null(float("nan")).to_numpy())


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
        read = self._read(wanted, dialect)
        dates = next((column.name for column in wanted if column.kind == ColumnKind.DATE), None)
        used = read.dialect
        if dates and used.alternative_date_format and not self.form.date_format:
            other = self._read(wanted, replace(dialect, date_format=used.alternative_date_format))
            shares = [plausible_share(each.frame[dates], cutoff) for each in (read, other)]
            if shares[1] == 1 and shares[0] < 1:
                read = other
            elif not (shares[0] == 1 and shares[1] < 1):
                findings.append(
                    doubtful_dates(used.date_format, used.alternative_date_format, self.where, read.frame.height)
                )
        roles = {columns.get(name, name): name for name in kinds}
        frame = as_text(read.frame.rename(roles)).with_columns(pl.col(UNREAD).replace(roles))
        undated = as_text(read.undated.rename(roles, strict=False))
        return SupplyRows(self.where, frame, read.findings + findings, undated, read.lost)

    def texts(self, column: str) -> pl.Series:
        """The values of a column as they are written."""
        return self._read([InputColumn(column, ColumnKind.TEXT)], self.dialect).frame[column].cast(pl.String)

    def _read(self, columns: list[InputColumn], dialect: Dialect) -> _Read:
        """All rows with `columns`."""
        frames, undated, findings, lost, used = [], [], list[Finding](), list[Finding](), dialect
        keys = [column for column in columns if column.kind == ColumnKind.KEY]
        dates = [column.name for column in columns if column.kind == ColumnKind.DATE]
        of_date = (pl.col("reason") == "unparsable-dates") | (
            (pl.col("reason") == "missing-keys") & pl.col("column").is_in(dates)
        )
        for file in self.files:
            for part in read_parts(file, columns, dialect):
                numbers = part.bad.filter(pl.col("reason") == "unparsable-numbers").unique(ROW, keep="first")
                unread = numbers.select(pl.col(ROW), pl.col("column").alias(UNREAD))
                frames.append(part.frame.join(unread, on=ROW, how="left", maintain_order="left"))
                findings += side_table_findings(part.bad, file.name)
                lost += side_table_findings(part.bad.filter(pl.col("reason").is_in(LOST) & ~of_date), file.name)
                if keys and (rows := part.bad.filter(of_date)[ROW]).len():
                    undated += [
                        other.frame.filter(pl.col(ROW).is_in(rows.implode()))
                        for other in read_parts(file, keys, dialect)
                    ]
                used = part.dialect
        empty = pl.DataFrame(schema={column.name: pl.String for column in columns} | {ROW: pl.UInt32})
        frame = (
            pl.concat(with_same_types(frames)) if frames else empty.with_columns(pl.lit(None, pl.String).alias(UNREAD))
        )
        left_out = pl.concat(with_same_types(undated)) if undated else empty.select(column.name for column in keys)
        return _Read(frame, left_out, findings, lost, used)


LOST = ("ragged-rows", "missing-keys")
"""Why it cannot be told what a row is about."""


@dataclass(frozen=True)
class _Read:
    """Rows with their columns as the file calls them, see `SupplyRows`; and the dialect with the date format used."""

    frame: pl.DataFrame
    undated: pl.DataFrame
    findings: list[Finding]
    lost: list[Finding]
    dialect: Dialect


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


def undated_series(rows: SupplyRows, keys: Sequence[str], series: pl.DataFrame) -> np.ndarray:
    """The series of which a row could not be read for its date: int64, each once, as rows of `series`."""
    if not rows.undated.height:
        return np.zeros(0, np.int64)
    place = numbers_among(labels_of(series, keys), labels_of(rows.undated, keys))
    return np.unique(place[place >= 0])


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
