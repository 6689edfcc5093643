"""The step `check`: the data read and validated, and laid out as a panel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import FindingsStop
from foresell.core.finding import Finding, Severity, worst_first
from foresell.core.forecasts import check_names
from foresell.core.frequency import date_text
from foresell.core.hierarchy import Hierarchy
from foresell.core.settings import Settings
from foresell.core.spreadsheets import escape_formulas
from foresell.data.sales_reader import read_sales
from foresell.models.lost_demand import lost_by_level, lost_demand
from foresell.pipeline.summaries import CheckSummary
from foresell.pipeline.task import Task, write_findings, write_json
from foresell.store.panels import save_panel
from foresell.store.tables import write_table


def run(task: Task, folder: Path) -> CheckSummary:
    """Reads and validates the data, and lays them out as a panel. Raises FindingsStop, leaving what was found."""
    check_names((*task.settings.data.keys, *(name for level in task.settings.levels for name in level)))
    try:
        loaded = read_sales(task.settings, task.base, lambda share, doing: task.tell(share, 1, doing.lower()))
    except FindingsStop as stop:
        with task.steps.run_step("check", "stopped", code="") as stopped:
            counts = _write(stopped, stop.findings, stop.quarantine, task.settings)
            write_json(stopped / "summary.json", counts)
        if not counts["quarantined"]:
            raise
        place = task.folder("check") / "quarantine.csv"
        raise FindingsStop(f"{stop} The bad rows are in {place}.", stop.findings, stop.quarantine) from stop
    panel = loaded.panel
    hierarchy = Hierarchy.of(panel.keys, task.settings.levels)
    hierarchy.all_groups(panel.series)  # an impossible level raises here, before anything is learnt
    lost = lost_demand(panel, loaded.stockouts, task.settings.levels)
    write_table(lost, folder / "lost_demand.parquet")
    _for_people(lost_by_level(lost, panel, hierarchy), task.settings).write_csv(folder / "lost_demand.csv")
    return CheckSummary(
        days_stocked_out=lost.height,
        units_lost=round(float(lost["lost"].sum()), 1),
        rows=loaded.rows,
        series=panel.n_series,
        periods=panel.n_days,
        period=panel.frequency.noun,
        first=date_text(panel.dates[0]),
        last=panel.cutoff.isoformat(),
        panel=save_panel(panel, folder / "panel"),
        **_write(folder, loaded.findings, loaded.quarantine, task.settings),
    )


def _for_people(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The table as it is written for people, who may open it in a spreadsheet."""
    return escape_formulas(table) if settings.output.escape_formulas else table


def _write(
    folder: Path, findings: Sequence[Finding], quarantine: pl.DataFrame | None, settings: Settings
) -> dict[str, Any]:
    """Writes the findings and the bad rows; returns the fields of the summary that count them."""
    write_findings(folder, findings)
    bad = pl.DataFrame(schema=["file", "line", "reason", "text"]) if quarantine is None else quarantine
    _for_people(bad, settings).write_csv(folder / "quarantine.csv")
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in Severity}
    warnings = [finding for finding in worst_first(findings) if finding.severity == Severity.WARNING]
    return {
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "remarks": counts[Severity.INFO],
        "warnings_found": [f"{finding.code} in {finding.where}: {finding.message}" for finding in warnings],
        "quarantined": bad.height,
    }
