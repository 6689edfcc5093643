"""Rows of one series and date that stand in several files: overlapping exports, copies, or a file for each store."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import accumulate

import polars as pl

from foresell.core.errors import first_five
from foresell.core.settings.data import ONE_SERIES
from foresell.data.column_conversion import FILE
from foresell.onboarding.series_keys import DAY
from foresell.onboarding.table_sample import ROW, TableSample, TextFormat, sample_table

MOSTLY = 0.5  # files that agree in more of the rows they share are exports of the same sales


@dataclass(frozen=True)
class FileOverlap:
    """What several files of one table share: the names of those files, and how many series and dates they share.

    `agreeing` is the share of these in which the files have the same quantity.
    """

    names: tuple[str, ...] = ()
    shared: int = 0
    part: float = 0.0  # of all series and dates
    agreeing: float = 1.0

    @property
    def of_same_sales(self) -> bool:
        """Whether the files are exports of the same sales, which must not be added up."""
        return self.shared > 0 and self.agreeing > MOSTLY

    def doubt(self, keys: tuple[str, ...], added_up: bool) -> str | None:
        """What is in doubt about the files, for the user."""
        if not self.shared:
            return None
        listed = first_five(f"'{name}'" for name in self.names)
        shared = "dates" if keys == (ONE_SERIES,) else f"pairs of {', '.join(keys)} and date"
        both = f"{listed} have {self.shared:,} {shared} in common"
        if added_up and self.of_same_sales:
            return (
                f"{both}, mostly with the same quantity, and their lines are added up. If the files overlap or one is "
                "a copy, take the overlap out of the folder, or move the copy elsewhere."
            )
        if added_up:
            return (
                f"{both}, mostly with other quantities, and these are added up. If each file stands for a store or an "
                "item that its columns do not name, add a column with the name to each; if they hold other things than "
                "sales (purchases, plans, stock), name the right ones with --data."
            )
        return (
            f"{both}, as where exports overlap or a file was copied. Equal rows count once; those that differ are "
            "unknown, and `foresell check` lists them. Take files that are out of date out of the folder."
        )


def row_ends(table: TableSample) -> list[int]:
    """For each file of the table the number of the row after its last one; of rows that were not sampled, too."""
    return list(accumulate(_height(replace(table, files=(file,))) for file in table.files))


def _height(table: TableSample) -> int:
    if table.can_scan and not table.whole:
        return int(table.scan().select(pl.len()).collect().item())
    text = table.text_format or TextFormat()
    sample = sample_table(list(table.files), separator=text.separator, encoding=text.encoding, decimal=text.decimal)
    return sample.frame.height


def with_file_numbers(frame: pl.DataFrame, ends: list[int]) -> pl.DataFrame:
    """The sampled rows with the number of their file in FILE; unchanged where ROW does not number rows of files."""
    if len(ends) < 2 or ROW not in frame.columns or not frame.height or int(frame[ROW].max()) >= ends[-1]:  # type: ignore[arg-type]
        return frame
    numbers = pl.Series(FILE, ends[:-1]).search_sorted(frame[ROW], side="right")
    return frame.with_columns(numbers.cast(pl.UInt32).alias(FILE))


def overlap(table: TableSample, sample: pl.DataFrame, keys: tuple[str, ...], quantity: pl.Series) -> FileOverlap:
    """What the files share of the rows of `sample`, which have FILE and DAY; `quantity` has one value for each row."""
    if FILE not in sample.columns:
        return FileOverlap()
    by_file = sample.select(*keys, DAY, FILE, quantity.alias("__quantity")).group_by(*keys, DAY, FILE)
    cells = by_file.agg(pl.col("__quantity").sum()).group_by(*keys, DAY)
    counted = cells.agg(pl.col(FILE), pl.col("__quantity").n_unique().alias("kinds"))
    shared = counted.filter(pl.col(FILE).list.len() > 1)
    if not shared.height:
        return FileOverlap()
    numbers = shared[FILE].explode().unique().sort()
    paths = [table.files[number].path for number in numbers]
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    names = tuple(path[len(common) :].lstrip("/") for path in paths)
    agreeing = int((shared["kinds"] == 1).sum()) / shared.height
    return FileOverlap(names, shared.height, shared.height / counted.height, agreeing)
