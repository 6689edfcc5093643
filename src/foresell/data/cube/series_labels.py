"""Keys and attributes as text, by which the rows of another table find their series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def labels_of(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The keys as text, so that those of two tables compare; one column of one value without keys."""
    if not keys:
        return pl.select(pl.repeat("", frame.height, dtype=pl.String).alias("all"))
    return frame.select(_as_label(frame[name]) for name in keys)


def _as_label(values: pl.Series) -> pl.Series:
    """Keys as text without blanks around them; whole numbers without decimal places, where all are whole.

    >>> _as_label(pl.Series(["1.0", " 2.0"])).to_list(), _as_label(pl.Series(["01", "2.0"])).to_list()
    (['1', '2'], ['01', '2.0'])
    """
    texts = values.cast(pl.String).str.strip_chars()
    return texts.str.replace(r"\.0+$", "") if texts.drop_nulls().str.contains(r"^-?\d+\.0+$").all() else texts


def numbers_among(groups: pl.DataFrame, labels: pl.DataFrame) -> np.ndarray:
    """The row of each of `labels` in `groups`, -1 where there is none: int64."""
    numbered = groups.with_row_index("__group")
    joined = labels.join(numbered, on=groups.columns, how="left", maintain_order="left", nulls_equal=True)
    return joined["__group"].cast(pl.Int64).fill_null(-1).to_numpy()
