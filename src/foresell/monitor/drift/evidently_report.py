"""Evidently's report on drift: the distance of each column, as a page and as data.

Evidently is imported when it is first used. It is given the distance and the threshold of each column, because by
default it chooses both by the number of rows. Nothing is sent over the network.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl

from foresell.core.extras import importing
from foresell.monitor.drift.samples import DriftColumn

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

NUMBERS, MIXES = "wasserstein", "jensenshannon"
"""The names of the distances in Evidently; see `distances`."""


def evidently_report(
    reference: pl.DataFrame, current: pl.DataFrame, limits: Mapping[DriftColumn, float], share: float
) -> Snapshot:
    """Evidently's report on the columns of `limits`, which has the distance from which each has drifted.

    `share` is the share of drifted columns from which the whole counts as drifted. Raises NotInstalled where Evidently
    is not installed.
    """
    # Reports send nothing. This keeps the rest of the package from counting its use.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with importing("evidently"):
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset
    definition = DataDefinition(
        numerical_columns=[column.name for column in limits if not column.categorical],
        categorical_columns=[column.name for column in limits if column.categorical],
    )
    names = [column.name for column in limits]
    preset = DataDriftPreset(
        columns=names,
        drift_share=share,
        num_method=NUMBERS,
        cat_method=MIXES,
        per_column_threshold={column.name: limit for column, limit in limits.items()},
    )
    sides = [Dataset.from_pandas(_frame(side, names), data_definition=definition) for side in (current, reference)]
    # Evidently also computes correlations, and warns where a column does not vary. That does not matter here.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Report([preset], include_tests=True).run(*sides)


def distances_of(snapshot: Snapshot) -> dict[str, float]:
    """The distance of each column, as Evidently computed it."""
    metrics = plain(snapshot)["metrics"]
    return {metric["config"]["column"]: float(metric["value"]) for metric in metrics if "column" in metric["config"]}


def plain(snapshot: Snapshot) -> dict[str, Any]:
    """The report as plain data: ``metrics`` and ``tests``."""
    return msgspec.json.decode(snapshot.json())


def write_page(snapshot: Snapshot, path: Path) -> None:
    """Writes the report as one self-contained HTML page."""
    snapshot.save_html(str(path))


def _frame(frame: pl.DataFrame, names: list[str]) -> Any:
    """A pandas table; `DataFrame.to_pandas` would need pyarrow."""
    import pandas as pd

    columns = {}
    for name in names:
        column = frame[name]
        columns[name] = column.to_numpy() if column.dtype.is_numeric() else column.to_list()
    return pd.DataFrame(columns)
