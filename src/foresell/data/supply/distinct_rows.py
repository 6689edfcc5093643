"""Rows of a table beside the sales that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.words import many_do
from foresell.data.cube.cells import key_texts
from foresell.data.finding_codes import finding

IMPOSSIBLE = -1.0
"""Takes the place of a number that is given and cannot be meant, so that the checks of a plan leave its line out."""


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


def merged(
    where: str, labels: pl.DataFrame, numbers: Mapping[str, np.ndarray], texts: Mapping[str, Sequence[str | None]]
) -> tuple[pl.DataFrame, dict[str, np.ndarray], dict[str, list[str | None]], list[Finding]]:
    """The rows of the table `where` with those about the same as one: their `labels`, `numbers` and `texts`.

    What one row leaves blank is taken from the other. A number on which they differ is `IMPOSSIBLE`, a text names
    all of them, and a finding names the rows.

    >>> labels = pl.DataFrame({"item": ["a", "b", "a"]})
    >>> _, numbers, _, findings = merged("terms.csv", labels, {"pack": np.array([3.0, 5.0, 4.0])}, {})
    >>> numbers["pack"].tolist(), findings[0].examples
    ([-1.0, 5.0], ('a',))
    """
    if not labels.is_duplicated().any():
        return labels, dict(numbers), {name: list(values) for name, values in texts.items()}, []
    table = pl.DataFrame(
        [pl.Series(name, values).fill_nan(None) for name, values in numbers.items()]
        + [pl.Series(name, list(values), dtype=pl.String) for name, values in texts.items()]
    )
    keys = labels.rename({name: f"__{name}" for name in labels.columns})
    groups = keys.hstack(table).group_by(keys.columns, maintain_order=True)
    given = {name: pl.col(name).drop_nulls() for name in table.columns}
    differs = groups.agg(values.n_unique() > 1 for values in given.values())
    values = groups.agg(
        *(pl.when(given[name].n_unique() > 1).then(IMPOSSIBLE).otherwise(given[name].first()).alias(name)
          for name in numbers),
        *(given[name].unique(maintain_order=True).str.join(" or ").replace("", None).alias(name) for name in texts),
    )  # fmt: skip
    wrong = differs.filter(pl.any_horizontal(table.columns))
    findings = []
    if wrong.height:
        message = f"the rows of {many_do(wrong.height, 'key', 'contradict')} each other"
        findings = [
            finding("supply-contradictory", where, wrong.height, message, key_texts(wrong.select(keys.columns)))
        ]
    return (
        values.select(pl.col(f"__{name}").alias(name) for name in labels.columns),
        {name: values[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in numbers},
        {name: values[name].to_list() for name in texts},
        findings,
    )
