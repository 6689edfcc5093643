"""The answer to a request's rows: units and revenue with a range, and what was assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.serving.request_rows import RequestRows

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
    """The numbers of an answer, which are filled in step by step.

    `units` is float32 [mean and ends of the range, row]; `price` is float64 [row], NaN where it is not known; `new`
    is bool [row], whether the row is about a new series.
    """

    units: np.ndarray
    price: np.ndarray
    new: np.ndarray

    @classmethod
    def empty(cls, count: int) -> Answer:
        """An answer to `count` rows without any numbers yet."""
        return cls(np.full((3, count), np.nan, np.float32), np.full(count, np.nan), np.zeros(count, bool))

    def frame(self, asked: RequestRows) -> pl.DataFrame:
        """The answer with the columns of `SCHEMA`, one row for each row of the request."""
        bad = ~asked.answerable()
        units = self.units.astype(np.float64)
        units[:, bad] = np.nan
        values = np.concatenate([units, units * self.price])
        basis = np.where(self.new, NEW, SERIES).astype(object)
        basis[bad] = None
        errors = np.full(len(asked), None, object)
        errors[list(asked.errors)] = list(asked.errors.values())
        return pl.DataFrame(
            [
                *(pl.Series(name, row, nan_to_null=True) for name, row in zip(SCHEMA, values, strict=False)),
                pl.Series("basis", basis.tolist(), dtype=pl.String),
                _lists(asked),
                pl.Series("error", errors.tolist(), dtype=pl.String),
            ]
        )


def _lists(asked: RequestRows) -> pl.Series:
    """The assumptions of each row as a column of lists. Polars groups them, because it is slow to convert many Python
    lists."""
    count = len(asked)
    if not asked.assumed:
        return pl.Series("assumed", [[]], dtype=SCHEMA["assumed"]).new_from_index(0, count)
    rows = [row for row, texts in asked.assumed.items() for _ in texts]
    texts = [text for of_row in asked.assumed.values() for text in of_row]
    frame = pl.DataFrame(
        {"row": np.concatenate([np.arange(count), rows]), "assumed": pl.Series([None] * count + texts, dtype=pl.String)}
    )
    return frame.group_by("row", maintain_order=True).agg(pl.col("assumed").drop_nulls())["assumed"]
