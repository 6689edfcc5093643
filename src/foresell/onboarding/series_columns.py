"""A table with a row for each date and a column for each series, as a pivot table is exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from foresell.data.files.repeated_names import is_nameless, require_distinct
from foresell.data.number_formats import decimal_mark
from foresell.data.total_names import names_total_column
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ENOUGH, ColumnProfile, ValueKind, number_texts, profile_columns, share
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import key_score
from foresell.onboarding.table_sample import ROW, TableSample

FEWEST = 3  # with fewer columns of numbers beside the dates, these may be measures of one series
UNITS = "units"  # what the unpivoted column of numbers is called
# A column whose name says one of these describes the day, or is another measure.
NOT_SERIES = (
    "ahead",
    "calendar",
    "open",
    "closed",
    "after",
    "price",
    "promotion",
    "revenue",
    "event",
    "stocked_out",
    "row",
)


@dataclass(frozen=True)
class SeriesColumns:
    """What each column of such a table is: the date, a series, or neither, which is `ignored` for a reason."""

    date: str
    series: tuple[str, ...]
    ignored: dict[str, str]
    key: str

    def unpivoted(self, table: TableSample) -> TableSample:
        """The sample with a row for each series and date; an empty cell has no row."""
        rows = table.frame.unpivot(self.series, index=[self.date], variable_name=self.key, value_name=UNITS)
        known = rows.filter(pl.col(UNITS).cast(pl.String).str.strip_chars() != "").with_row_index(ROW)
        return replace(table, frame=known, can_scan=False)


def series_columns(table: TableSample, overrides: Overrides) -> SeriesColumns | None:
    """The columns of a table that has one for each series; None where the table has another layout.

    Such a table has one column of dates, none of which repeats, and beside it numbers only. Their names say neither
    quantity nor another measure; either all or none of them is called an item or a store. Raises
    UnreadableFile where two of the series have one name.
    """
    said = overrides.layout == "columns"
    decimal = overrides.decimal or decimal_mark(number_texts(table.frame.drop(ROW)))[0]
    columns = profile_columns(table.frame, decimal, overrides.date_format)
    dates = [c for c in columns.values() if c.kind == ValueKind.DATE and overrides.date in (None, c.name)]
    if len(dates) != 1 or dates[0].distinct < ENOUGH * table.frame.height:
        return None
    others = [c for c in columns.values() if c.name != dates[0].name and c.kind != ValueKind.EMPTY]
    ignored = {c.name: "its name says that it describes the day" for c in others if _describes_day(c)}
    ignored |= {c.name: "it has no name" for c in others if is_nameless(c.name)}
    series = [c for c in others if c.name not in ignored]
    if not said and not _may_be_series(series):
        return None
    numbers = [c for c in series if c.numeric]
    ignored |= {c.name: f"it holds {c.kind}, not numbers" for c in series if not c.numeric}
    total = _total(numbers)
    if total:
        ignored[total] = "it is the sum of the other columns"
    names = tuple(c.name for c in numbers if c.name != total)
    require_distinct(names, table.name)
    key = overrides.keys[0] if overrides.keys else _key_name(names)
    return SeriesColumns(dates[0].name, names, ignored, key) if names else None


def _describes_day(column: ColumnProfile) -> bool:
    return max(name_score(column.name, role) for role in NOT_SERIES) >= 3 and not key_score(column.name)


def _may_be_series(columns: Sequence[ColumnProfile]) -> bool:
    """Whether the columns look like one series each, and not like keys and measures of a long table."""
    if len(columns) < FEWEST or not all(c.numeric for c in columns):
        return False
    if any(name_score(c.name, "quantity") >= 2 for c in columns):
        return False
    named = [bool(key_score(c.name)) for c in columns]
    return all(named) or not any(named)


def _total(columns: Sequence[ColumnProfile]) -> str | None:
    """The column that is called a total, or is the sum of all others in nearly every row; None where none is."""
    if len(columns) <= FEWEST:
        return None
    for column in columns:
        others = pl.sum_horizontal(c.values.fill_null(0) for c in columns if c is not column)
        sums = pl.select(others).to_series()
        same = (column.values.fill_null(0) - sums).abs() <= 1e-6 * sums.abs() + 1e-6
        if share(same) >= ENOUGH or (names_total_column(column.name) and share(column.values >= sums) >= ENOUGH):
            return column.name
    return None


def _key_name(names: Sequence[str]) -> str:
    """What the key is called: store where the columns are called so, else item."""
    stores = [name for name in names if name_score(name, "store") > name_score(name, "item")]
    return "store" if len(stores) > len(names) / 2 else "item"


def propose_layout(draft: Draft, columns: SeriesColumns, overrides: Overrides) -> None:
    """Replaces what was concluded of the unpivoted rows by the settings that read the table as it stands."""
    why = f"the dates do not repeat, and beside them stand {len(columns.series):,} columns of numbers, one a series"
    draft.set("data.layout", "columns", BY_HAND if overrides.layout else why)
    draft.set("data.keys", [columns.key], BY_HAND if overrides.keys else "what the names of the columns are")
    if columns.ignored:
        draft.set("data.ignored_columns", list(columns.ignored), "they are no series")
    draft.withdraw("data.quantity")
    for name, reason in columns.ignored.items():
        draft.leave_out(name, reason)
    if not overrides.layout:
        draft.add_doubt(
            f"Each of the columns {', '.join(columns.series[:3])} … was taken for a series. If they are measures of "
            "one series, say --layout long and which is the --quantity.",
            "layout",
            ["columns", "long"],
        )
