"""Evidently: the distance of each column, as one page for people and as data for machines.

Evidently is imported when it is first used. It is told which distance to take of each column and where drift begins;
left to itself it would choose by the number of rows. Nothing is sent anywhere.
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
from foresell.monitor.drift.samples import Column

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

NUMBERS, MIXES = "wasserstein", "jensenshannon"
"""The distances, by their names in Evidently; see `distances`."""


def evidently_report(
    reference: pl.DataFrame, current: pl.DataFrame, limits: Mapping[Column, float], share: float
) -> Snapshot:
    """Evidently's report on the columns of `limits`, which says from which distance on each has drifted; `share` is
    that of drifted columns from which on the whole has. Raises NotInstalled where Evidently is not installed."""
    # Reports send nothing; this keeps the rest of the package from counting that it was used.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with importing("evidently"):
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset
    definition = DataDefinition(
        numerical_columns=[each.name for each in limits if not each.categorical],
        categorical_columns=[each.name for each in limits if each.categorical],
    )
    names = [each.name for each in limits]
    preset = DataDriftPreset(
        columns=names,
        drift_share=share,
        num_method=NUMBERS,
        cat_method=MIXES,
        per_column_threshold={each.name: limit for each, limit in limits.items()},
    )
    sides = [Dataset.from_pandas(_frame(side, names), data_definition=definition) for side in (current, reference)]
    # It draws correlations too, of columns that may not vary: nothing that matters here.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Report([preset], include_tests=True).run(*sides)


def distances_of(snapshot: Snapshot) -> dict[str, float]:
    """The distance of each column, as Evidently found it."""
    metrics = plain(snapshot)["metrics"]
    return {each["config"]["column"]: float(each["value"]) for each in metrics if "column" in each["config"]}


def plain(snapshot: Snapshot) -> dict[str, Any]:
    """The report as plain data: ``metrics`` and ``tests``."""
    return msgspec.json.decode(snapshot.json())


def write_page(snapshot: Snapshot, path: Path) -> None:
    """One HTML page that needs nothing else."""
    snapshot.save_html(str(path))


def _frame(frame: pl.DataFrame, names: list[str]) -> Any:
    """A pandas table, made without pyarrow."""
    import pandas as pd

    columns = {}
    for name in names:
        column = frame[name]
        columns[name] = column.to_numpy() if column.dtype.is_numeric() else column.to_list()
    return pd.DataFrame(columns)
