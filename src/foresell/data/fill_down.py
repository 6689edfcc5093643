"""Values that stand for all rows below them until the next one, as in merged cells and outlines."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


class FillDown:
    """Fills blanks of `columns` with the value above, through all parts of one file, which are given in their order.

    A new value in one of the columns begins a new block, in which those after it are blank until they have a value.
    """

    def __init__(self, columns: Sequence[str]):
        self.columns = tuple(columns)
        self._above: pl.DataFrame | None = None  # the last row of the part before

    def filled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The part with filled columns; texts without the blanks around them.

        >>> part = pl.DataFrame({"store": ["S1", "", "", "S2", "S3"], "item": ["A", "", "B", "A", " "]})
        >>> FillDown(["store", "item"]).filled(part)["store"].to_list()
        ['S1', 'S1', 'S1', 'S2', 'S3']
        >>> FillDown(["store", "item"]).filled(part)["item"].to_list()
        ['A', 'A', 'B', 'A', None]
        """
        if not self.columns or not frame.height:
            return frame
        rows = frame.select(_without_blanks(frame[name]) for name in self.columns)
        rows = rows if self._above is None else pl.concat([self._above, rows], how="vertical_relaxed")
        rows = rows.with_row_index("__place")
        begun = pl.lit(None, pl.UInt32)  # the place of the last value in a column before
        columns = []
        for name in self.columns:
            own = pl.when(pl.col(name).is_not_null()).then(pl.col("__place")).forward_fill()
            columns.append(
                pl.when(begun.is_null() | (own >= begun)).then(pl.col(name).gather(own)).otherwise(None).alias(name)
            )
            begun = pl.max_horizontal(begun, own)
        filled = rows.select(columns)
        added = filled.height - frame.height
        self._above = filled.tail(1)
        return frame.with_columns(filled.slice(added).get_columns())


def _without_blanks(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String:
        return values
    stripped = values.str.strip_chars()
    return stripped.set((stripped == "").fill_null(False), None)
