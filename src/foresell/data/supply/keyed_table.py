"""Tables beside the sales whose rows are about keys or attributes of the series, or about things of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five, suggestion
from foresell.core.finding import Finding
from foresell.core.settings import Data
from foresell.core.words import many, many_do
from foresell.data.column_conversion import ColumnKind
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.finding_codes import finding
from foresell.data.supply.distinct_rows import require_distinct
from foresell.data.supply.matching import UNREAD, SupplyTable
from foresell.data.supply.table_form import DOUBTS, TableForm


@dataclass(frozen=True)
class Columns:
    """The columns that a table may have beside those of the series; those of `required` it must have.

    A `whole` table means nothing without one of its rows, so that none may be left out.
    """

    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    not_negative: tuple[str, ...] = ()
    whole: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.texts, *self.dates, *self.numbers)


@dataclass(frozen=True)
class KeyedTable:
    """The rows of a table: `frame` has the `keys`, which the series have too, and the columns that the file has.

    `doubts` are findings of what was read, and may mean something else, and of rows that are left out.
    """

    where: str
    keys: tuple[str, ...]
    frame: pl.DataFrame
    doubts: tuple[Finding, ...] = ()

    def numbers(self, name: str, default: float = float("nan")) -> np.ndarray:
        """A column of numbers, float64 [row]; where the table does not say, the default."""
        if name not in self.frame.columns:
            return np.full(self.frame.height, default)
        return self.frame[name].cast(pl.Float64).fill_null(default).fill_nan(default).to_numpy()

    def texts(self, name: str, default: str = "") -> list[str]:
        """A column of texts."""
        if name not in self.frame.columns:
            return [default] * self.frame.height
        return self.frame[name].cast(pl.String).str.strip_chars().fill_null(default).to_list()

    def rows_of(self, things: pl.DataFrame) -> np.ndarray:
        """For each of `things`, which have the keys, the row that is about it, -1 where there is none: int64.

        The rows must differ in their keys; `only` chooses among them.
        """
        return numbers_among(labels_of(self.frame, self.keys), labels_of(things, self.keys))

    def only(self, rows: np.ndarray) -> KeyedTable:
        """Some of the rows: bool or int [row]."""
        return replace(self, frame=self.frame.filter(rows) if rows.dtype == bool else self.frame[rows])

    def unmatched(self, things: pl.DataFrame) -> list[Finding]:
        """A finding of the rows that are about none of `things`."""
        if not self.keys:
            return []
        others = labels_of(self.frame, self.keys).join(labels_of(things, self.keys), on=list(self.keys), how="anti")
        if not others.height:
            return []
        message = f"{many_do(others.height, 'row', 'be')} about series that are not forecast"
        return [finding("supply-unmatched", self.where, others.height, message, key_texts(others))]

    def require_distinct(self, *more: str) -> None:
        """Raises SettingsError where two rows have the same keys and the same values of the columns `more`."""
        names = [*self.keys, *(name for name in more if name in self.frame.columns)]
        require_distinct(self.where, labels_of(self.frame, names))


def read_keyed(
    path: str, base: Path, data: Data, series: Sequence[str], columns: Columns, form: TableForm | None = None
) -> KeyedTable:
    """The table at `path`; columns that are named like those of `series` are its keys. `form` says how it is written.

    Rows with cells that cannot be read, or with numbers below 0 that may not be, are left out with a finding. Raises
    UnreadableFile; SettingsError for a column that is neither, one that is missing, and where no row is left or the
    table is `whole`; UsageError where there is no such file.
    """
    source = SupplyTable.at(path, base, data, "table", form or TableForm())
    names = source.names
    # A column of the table, such as `task`, means that of the table, also where the series have one of that name.
    keys = tuple(name for name in names if name in series and name not in columns.names)
    for name in names:
        if name not in (*keys, *columns.names):
            raise SettingsError(
                f"{path} has the column {name}, which is none of {', '.join(columns.names)}, nor one of the series, "
                "which "
                f"have {', '.join(series)}.{suggestion(name, [*columns.names, *series])} Rename it, or take it out."
            )
    missing = [name for name in columns.required if name not in names]
    if missing:
        raise SettingsError(f"{path} has no column {', '.join(missing)}; it has {', '.join(names) or 'none'}. Add it.")
    kinds = dict.fromkeys(columns.texts, ColumnKind.TEXT) | dict.fromkeys(columns.dates, ColumnKind.DATE)
    kinds |= dict.fromkeys(columns.numbers, ColumnKind.NUMBER)
    kinds |= dict.fromkeys(keys, ColumnKind.KEY)
    rows = source.rows({}, {name: kinds[name] for name in names}, np.datetime64("NaT"))
    unread = [each for each in rows.findings if each.code not in DOUBTS]
    readable = rows.frame[UNREAD].is_null()
    if unread and (columns.whole or rows.lost or not readable.any()):
        raise SettingsError(
            f"Some cells cannot be read, and something else would take their place: {unread[0]} Correct them."
        )
    findings = list(rows.findings)
    if unread:
        findings.append(_left_out(source.where, rows.frame.height + rows.undated.height - int(readable.sum())))
    table = KeyedTable(source.where, keys, rows.frame.filter(readable).select(names), tuple(findings))
    if not table.frame.height:
        raise SettingsError(f"{path} has no rows. Give it some, or leave it out.")
    for name in columns.not_negative:
        wrong = np.flatnonzero(table.numbers(name, 0.0) < 0)
        if len(wrong) and len(wrong) < table.frame.height and not columns.whole:
            table = replace(table.only(~(table.numbers(name, 0.0) < 0)), doubts=(*table.doubts, _left_out(
                table.where, len(wrong), f" for a {name} below 0")))  # fmt: skip
        elif len(wrong):
            raise SettingsError(
                f"{table.where} has {many(len(wrong), 'value')} of {name} below 0, in rows {first_five(wrong + 1)}; "
                "expected 0 or more. Correct them."
            )
    return table


def _left_out(where: str, count: int, why: str = "") -> Finding:
    """A finding of rows that are left out."""
    return finding("supply-row-invalid", where, count, f"{many_do(count, 'row', 'be')} left out{why}")
