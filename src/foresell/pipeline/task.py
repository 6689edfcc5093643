"""What a step is given, and what most of them do: read what was left before, write files to a folder, and sum up.

The steps that learn are in `learning`, the forecast in `forecasting`, the report in `reporting`.

Every file that a step leaves is named in `layout.FILES`; what it returns stands in ``summary.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from foresell.core.errors import FindingsStop
from foresell.core.finding import Finding, Severity, worst_first
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.data.checks import unused_covariates
from foresell.data.read import read
from foresell.ensemble.configured_models import features_in_use, wanted_models
from foresell.evaluate.backtest import TABLES, Backtest
from foresell.features.catalogue import catalogue, table
from foresell.features.question import Feature
from foresell.models.lost_demand import lost_by_level, lost_demand
from foresell.pipeline.choice import Choice
from foresell.pipeline.layout import DATABASE
from foresell.store.address import parse_address
from foresell.store.delivery import deliver
from foresell.store.panels import load_panel, save_panel
from foresell.store.step_results import Steps
from foresell.store.tables import is_remote, read_table, write_table


class Tell(Protocol):
    """Takes how far a step is; see `outcome.Progress`."""

    def __call__(self, done: float, total: float, doing: str, left: float | None = None) -> None: ...


@dataclass
class Task:
    """What a step is given: the settings, the folder that paths begin at, the results so far, whom to tell."""

    settings: Settings
    base: Path
    results: Steps
    tell: Tell
    choice: Choice | None = None

    @cached_property
    def panel(self) -> Panel:
        """The panel that `check` left."""
        return load_panel(self.results.folder("check") / "panel")

    @cached_property
    def hierarchy(self) -> Hierarchy:
        return Hierarchy.of(self.panel.keys, self.settings.levels)

    @cached_property
    def features(self) -> dict[str, Feature]:
        """Every feature there is for the panel."""
        return catalogue(self.panel, self.settings.levels)

    @cached_property
    def used(self) -> dict[str, Feature]:
        """The features that the models of the settings use."""
        return features_in_use(wanted_models(self.settings), self.settings.features, self.features)

    def summary(self, step: str) -> dict[str, Any]:
        """The summary that an earlier step left."""
        return read_summary(self.results.folder(step))

    def kept(self, model: str, cutoff: date) -> pl.DataFrame:
        """The forecasts by `model` of one window, as the backtest left them."""
        return read_table(self.results.folder("backtest") / "forecasts" / f"{model}-{cutoff}.parquet")

    def tested(self) -> pl.DataFrame:
        """The forecasts of all windows by the combination of models."""
        folder = self.results.folder("combine") / "forecasts"
        return pl.concat([read_table(file) for file in sorted(folder.glob("*.parquet"))])

    def scores(self, step: str = "combine") -> Backtest:
        """The tables of scores that `step` left: ``backtest`` knows the models, ``combine`` also the ensemble."""
        folder = self.results.folder(step)
        return Backtest(*(read_table(folder / f"{name}.parquet") for name in TABLES))

    def findings(self) -> list[Finding]:
        """What `check` and `features` found, worst first."""
        return worst_first(
            [each for step in ("check", "features") for each in read_findings(self.results.folder(step))]
        )


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary that a step left in its folder; empty where there is none."""
    try:
        return json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def read_findings(folder: Path) -> list[Finding]:
    """The findings that a step left in its folder."""
    found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    return [
        Finding(**{**each, "severity": Severity(each["severity"]), "examples": tuple(each["examples"])})
        for each in found
    ]


def write_json(path: Path, content: object) -> None:
    """Writes plain data, readable; what JSON does not know becomes text."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def write_findings(folder: Path, findings: tuple[Finding, ...], quarantine: pl.DataFrame | None) -> dict[str, Any]:
    """Writes what `check` found; returns how many of each severity, and how many bad rows."""
    write_json(folder / "findings.json", _plain(findings))
    bad = pl.DataFrame(schema=["file", "line", "reason", "text"]) if quarantine is None else quarantine
    bad.write_csv(folder / "quarantine.csv")
    counts = {f"{severity}s": sum(f.severity == severity for f in findings) for severity in ("error", "warning")}
    warnings = [f"{f.code} in {f.where}: {f.message}" for f in worst_first(findings) if f.severity == Severity.WARNING]
    return {
        **counts,
        "remarks": len(findings) - sum(counts.values()),
        "warnings_found": warnings,
        "quarantined": bad.height,
    }


def _plain(findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [finding.to_dict() for finding in worst_first(findings)]


def check(task: Task, folder: Path) -> dict[str, Any]:
    """Reads and validates the data, and lays them out as a panel. Raises FindingsStop, leaving what was found."""
    try:
        loaded = read(task.settings, task.base, lambda share, doing: task.tell(share, 1, doing.lower()))
    except FindingsStop as stop:
        with task.results.run_step("check", "stopped") as stopped:
            found = write_findings(stopped, stop.findings, stop.quarantine)
            write_json(stopped / "summary.json", found)
        if not found["quarantined"]:
            raise
        place = task.results.folder("check") / "quarantine.csv"
        raise FindingsStop(f"{stop} The bad rows are in {place}.", stop.findings, stop.quarantine) from stop
    panel = loaded.panel
    hierarchy = Hierarchy.of(panel.keys, task.settings.levels)
    hierarchy.all_groups(panel.series)  # a level that cannot be is said now
    lost = lost_demand(panel, loaded.stockouts, task.settings.levels)
    write_table(lost, folder / "lost_demand.parquet")
    by_level = lost_by_level(lost, panel, hierarchy)
    by_level.write_csv(folder / "lost_demand.csv")
    return {
        "days_stocked_out": lost.height,
        "units_lost": round(float(lost["lost"].sum()), 1),
        "rows": loaded.rows,
        "series": panel.n_series,
        "periods": panel.n_days,
        "period": panel.frequency.noun,
        "first": panel.dates[0].astype(str),
        "last": panel.cutoff.isoformat(),
        "panel": save_panel(panel, folder / "panel"),
        **write_findings(folder, loaded.findings, loaded.quarantine),
    }


def features(task: Task, folder: Path) -> dict[str, Any]:
    """Writes the catalogue of the features that these data allow, which of them are used, and what none of them reads.

    Prices are always of use: scores are weighed with them.
    """
    read = {"price"} | {name for feature in task.used.values() for name in (feature.reads, feature.name)}
    unused = unused_covariates(task.panel, read)
    write_json(folder / "findings.json", _plain(unused))
    listed = table(task.features).with_columns(used=pl.col("name").is_in(list(task.used)))
    listed.write_csv(folder / "catalogue.csv")
    unread = [name for name in task.panel.known if name not in read]
    return {"features": listed.height, "used": len(task.used), "unread": unread}


def delivery(task: Task, folder: Path) -> dict[str, Any]:
    """Hands the forecasts to the database, in place of those for the same cutoff, and to a further folder."""
    output = task.settings.output
    frame = read_table(task.results.folder("forecast") / "forecasts.parquet")
    url = output.database or DATABASE
    task.tell(0, 2, "to the database")
    # All levels of a cutoff make way together, so that a level that is no longer wanted does not stay behind.
    done = deliver(frame, url, replaced_by=("cutoff",), relative_to=task.base)
    file = parse_address(url, task.base).path
    told: dict[str, Any] = {
        "database": done.where,
        "place": str(file) if file else done.where,
        "table": done.table,
        "rows": done.rows,
        "replaced": done.replaced,
    }
    if output.folder:
        task.tell(1, 2, f"to {output.folder}")
        place = output.folder.rstrip("/") if is_remote(output.folder) else str(task.base / output.folder)
        told["copy"] = f"{place}/forecasts-{frame['cutoff'][0]}.parquet"
        write_table(frame, told["copy"])
    return told
