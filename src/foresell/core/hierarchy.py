"""Levels of a hierarchy as sets of key or attribute columns; the total is the empty set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.arguments import column_names
from foresell.core.errors import UsageError, first_five, suggestion

Level = tuple[str, ...]


def level_name(level: Level) -> str:
    """The level in words.

    >>> level_name(()), level_name(("store", "item"))
    ('total', 'store x item')
    """
    return " x ".join(level) if level else "total"


def check_columns(series: pl.DataFrame, level: Level) -> None:
    """Raises UsageError where the level names a column that the table of `series` does not have."""
    missing = [column for column in column_names(level, "level") if column not in series.columns]
    if missing:
        raise UsageError(
            f"The level '{level_name(level)}' needs the column {first_five(missing)}, which the series do not "
            f"have. They have {', '.join(series.columns)}.{suggestion(missing[0], series.columns)} Correct 'levels'."
        )


@dataclass(frozen=True)
class Groups:
    """The series of one level: `frame` has one row for each, `rows` [bottom series] says which one a series joins."""

    level: Level
    frame: pl.DataFrame
    rows: np.ndarray  # int32 [bottom series]

    def __len__(self) -> int:
        return self.frame.height

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Adds up `values` [bottom series, ...] to float64 [group, ...]; a NaN makes its group NaN."""
        order = np.argsort(self.rows, kind="stable")
        starts = np.searchsorted(self.rows[order], np.arange(len(self)))
        return np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)


@dataclass(frozen=True)
class Hierarchy:
    """Levels from the top down; the total is always the first and the single series always the last.

    `levels` are tuples of columns of the panel's series table. A level need not nest in the one above it:
    state and category may both stand under the total, as in M5.
    """

    levels: tuple[Level, ...]

    @classmethod
    def of(cls, keys: Level, levels: tuple[Level, ...] = ()) -> Hierarchy:
        """The total, then `levels` as given, then the single series."""
        between = tuple(tuple(level) for level in levels)
        middle = tuple(dict.fromkeys(level for level in between if level and set(level) != set(keys)))
        return cls(((), *middle, tuple(keys)))

    @property
    def bottom(self) -> Level:
        """The level of the single series."""
        return self.levels[-1]

    def groups(self, series: pl.DataFrame, level: Level) -> Groups:
        """The groups of `level` among `series`, in order of first appearance.

        Raises UsageError where the level names a column that `series` does not have.
        """
        check_columns(series, level)
        if not level:
            return Groups((), pl.DataFrame({"total": ["total"]}), np.zeros(series.height, np.int32))
        if level == self.bottom:
            return Groups(level, series.select(level), np.arange(series.height, dtype=np.int32))
        frame = series.select(level).unique(maintain_order=True)
        numbered = frame.with_row_index("__group")
        rows = series.select(level).join(numbered, on=list(level), how="left", maintain_order="left", nulls_equal=True)
        return Groups(level, frame, rows["__group"].to_numpy().astype(np.int32))

    def all_groups(self, series: pl.DataFrame) -> list[Groups]:
        """The groups of every level, from the top down."""
        return [self.groups(series, level) for level in self.levels]
