"""The step `delivery`: the forecasts handed to the database, and a copy to a folder."""

from __future__ import annotations

from pathlib import Path

from foresell.pipeline.results import Results
from foresell.pipeline.summaries import DeliverySummary
from foresell.pipeline.task import Task
from foresell.store.address import DEFAULT_DATABASE, parse_address
from foresell.store.delivery import deliver
from foresell.store.tables import is_remote, write_table


def run(task: Task, folder: Path) -> DeliverySummary:
    """Hands the forecasts to the database, in place of those for the same cutoff, and to a further folder."""
    output, frame = task.settings.output, task.forecasts
    url = output.database or DEFAULT_DATABASE
    task.tell(0, 2, "to the database")
    # All levels of a cutoff make way together, so that a level that is no longer wanted does not stay behind.
    delivered = deliver(frame, url, replaced_by=("cutoff",), relative_to=task.base)
    file, copy = parse_address(url, task.base).path, None
    if output.folder:
        task.tell(1, 2, f"to {output.folder}")
        place = output.folder.rstrip("/") if is_remote(output.folder) else str(task.base / output.folder)
        copy = f"{place}/forecasts-{frame['cutoff'][0]}.parquet"
        write_table(frame, copy)
    return DeliverySummary(
        database=delivered.where,
        place=str(file) if file else delivered.where,
        table=delivered.table,
        rows=delivered.rows,
        replaced=delivered.replaced,
        copy=copy,
    )


def lost(results: Results) -> bool:
    """Whether the database is a file that is no longer there."""
    path = parse_address(results.settings.output.database or DEFAULT_DATABASE, results.base).path
    return path is not None and not path.exists()
