"""The step `features`: the catalogue of the features that the data allow."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from foresell.data.panel_checks import unused_covariate_findings
from foresell.features.catalogue import table
from foresell.pipeline.summaries import FeaturesSummary
from foresell.pipeline.task import Task, write_findings


def run(task: Task, folder: Path) -> FeaturesSummary:
    """Writes the catalogue of the features that these data allow, which of them are used, and what none of them reads.

    Prices are always of use: scores are weighed with them.
    """
    read = {"price"} | {name for feature in task.used.values() for name in (feature.reads, feature.name)}
    write_findings(folder, unused_covariate_findings(task.panel, read))
    rows = table(task.features).with_columns(used=pl.col("name").is_in(list(task.used)))
    rows.write_csv(folder / "catalogue.csv")
    unread = [name for name in task.panel.known if name not in read]
    return FeaturesSummary(features=rows.height, used=len(task.used), unread=unread)
