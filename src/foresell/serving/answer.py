"""The answer to rows that were asked: units and revenue with a range, and what was assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.serving.request_rows import Asked

SERIES, NEW = "series", "new"

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **{f"{what}{end}": pl.Float64 for what in ("units", "revenue") for end in ("", "_low", "_high")},
    "basis": pl.String,
    "assumed": pl.List(pl.String),
    "error": pl.String,
}
"""The columns of an answer. Where there is an `error`, all but `assumed` are null."""


@dataclass
class Answer:
    """Numbers being filled in: `units` float32 [mean or end of the range, row], `price` float64 [row], NaN where not
    known, and whether each row is about a `new` series."""

    units: np.ndarray
    price: np.ndarray
    new: np.ndarray

    @classmethod
    def to(cls, count: int) -> Answer:
        """Nothing answered yet."""
        return cls(np.full((3, count), np.nan, np.float32), np.full(count, np.nan), np.zeros(count, bool))

    def frame(self, asked: Asked) -> pl.DataFrame:
        """The answer with the columns of `SCHEMA`, one row for each that was asked."""
        bad = ~asked.answerable()
        units = self.units.astype(np.float64)
        units[:, bad] = np.nan
        values = np.concatenate([units, units * self.price])
        basis = np.where(self.new, NEW, SERIES).astype(object)
        basis[bad] = None
        errors = np.full(len(asked), None, object)
        errors[list(asked.errors)] = list(asked.errors.values())
        frame = pl.DataFrame(
            [
                *(pl.Series(name, row) for name, row in zip(SCHEMA, values, strict=False)),
                pl.Series("basis", basis.tolist(), dtype=pl.String),
                _lists(asked),
                pl.Series("error", errors.tolist(), dtype=pl.String),
            ]
        )
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None)) if np.isnan(values).any() else frame


def _lists(asked: Asked) -> pl.Series:
    """What was assumed, a list for each row; grouped, for making many Python lists into a column is slow."""
    count = len(asked)
    if not asked.assumed:
        return pl.Series("assumed", [[]], dtype=SCHEMA["assumed"]).new_from_index(0, count)
    rows = [row for row, told in asked.assumed.items() for _ in told]
    told = [each for all_of_row in asked.assumed.values() for each in all_of_row]
    frame = pl.DataFrame(
        {"row": np.concatenate([np.arange(count), rows]), "assumed": pl.Series([None] * count + told, dtype=pl.String)}
    )
    return frame.group_by("row", maintain_order=True).agg(pl.col("assumed").drop_nulls())["assumed"]
