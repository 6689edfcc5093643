"""Rows of a table beside the sales that contradict each other."""

from __future__ import annotations

import polars as pl

from foresell.core.errors import SettingsError, first_five


def require_distinct(where: str, labels: pl.DataFrame) -> None:
    """Raises SettingsError where two rows of the table `where` are about the same, by their `labels`.

    `labels` are those of `data.cube.series_labels.labels_of`.

    >>> require_distinct("terms.csv", pl.DataFrame({"item": ["a", "b", "a"]}))
    Traceback (most recent call last):
    foresell.core.errors.SettingsError: terms.csv has several rows for a. Keep one row for each item.
    """
    twice = labels.filter(labels.is_duplicated()).unique(maintain_order=True)
    if twice.height:
        examples = first_five(" ".join(map(str, row)) or "all series" for row in twice.iter_rows())
        each = " x ".join(labels.columns) if labels.columns != ["all"] else "table"
        raise SettingsError(f"{where} has several rows for {examples}. Keep one row for each {each}.")
