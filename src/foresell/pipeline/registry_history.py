"""The registry as tables that a dashboard can read without MLflow.

``results/history/runs.parquet`` has one row for each recorded run, the oldest first:

| column | meaning |
|---|---|
| run | its id in MLflow |
| kind | backtest, training or tuning |
| made | when it began, UTC |
| title | such as ``training to 2024-03-01`` |
| model | the fingerprint of what the run was made from; that of a training identifies the model |
| data, data_first, data_last | the fingerprint of the data, their first and last day |
| foresell, code | foresell's version, and the fingerprint of its code |
| commit, changed | the git commit of the project, and whether its files differ from it; null without git |

``versions.parquet`` has one row for each registered version, the oldest first:

| column | meaning |
|---|---|
| version | its number |
| made, trained | when it was registered and when it was trained, UTC |
| run, model | its training in ``runs.parquet`` |
| data, data_first, data_last | as above |
| models | the models that have a weight in it |
| wrmsse | of the backtest that it was trained with |

``promotions.parquet`` has one row for each decision about the champion, the oldest first:

| column | meaning |
|---|---|
| run | its id in MLflow |
| when | when it was decided, UTC |
| verdict | promoted, forced, refused or rolled back |
| version, before | the version decided about, and the champion before; null where there was none |
| champion | the champion after it |
| reason | why |
| asked | the reasons for which the version was trained |

A row stays also when its run is deleted from MLflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foresell.core.errors import StoreError, UsageError
from foresell.core.frequency import calendar_day, date_of_text
from foresell.pipeline.project import Project
from foresell.pipeline.tracked_runs import BACKTEST, TRAINING, TUNING
from foresell.registry.champion_changes import REFUSED, ChampionChange
from foresell.registry.tracking import FINGERPRINT, RecordedRun
from foresell.registry.versions import Registry, Version
from foresell.serving.source import registry_of
from foresell.store.history import HISTORY, History

TIME = pl.Datetime("us", "UTC")
_DATA = {"data": pl.String, "data_first": pl.Date, "data_last": pl.Date}

SCHEMAS: dict[str, dict[str, Any]] = {
    "runs": {
        **{"run": pl.String, "kind": pl.String, "made": TIME, "title": pl.String, "model": pl.String},
        **_DATA,
        **{"foresell": pl.String, "code": pl.String, "commit": pl.String, "changed": pl.Boolean},
    },
    "versions": {
        **{"version": pl.String, "made": TIME, "trained": TIME, "run": pl.String, "model": pl.String},
        **_DATA,
        **{"models": pl.String, "wrmsse": pl.Float64},
    },
    "promotions": {
        **{"run": pl.String, "when": TIME, "verdict": pl.String, "version": pl.String, "before": pl.String},
        **{"champion": pl.String, "reason": pl.String, "asked": pl.List(pl.String)},
    },
}
"""The columns of each table."""

KEYS = {"runs": ("made", "run"), "versions": ("made", "version"), "promotions": ("when", "run")}
"""The columns that identify a row and that the rows are sorted by."""


@dataclass(frozen=True)
class RegistryTables:
    """The three tables; `why` is why they could not be updated, None where they were."""

    runs: pl.DataFrame
    versions: pl.DataFrame
    promotions: pl.DataFrame
    why: str | None = None


def write_history(project: Project) -> RegistryTables:
    """Adds the rows of the registry to the tables in ``results/history/``; without MLflow they stay as they are.

    Repeating it changes nothing. Raises StoreError where the tables cannot be written.
    """
    history = History(project.results.root / HISTORY)
    tables, why = _registry_tables(project)
    for name, rows in tables.items():
        if not rows.is_empty():
            history.put(name, rows, KEYS[name])
    stored = {name: history.table(name) for name in SCHEMAS}
    return RegistryTables(**{name: _empty(name) if table is None else table for name, table in stored.items()}, why=why)


def _registry_tables(project: Project) -> tuple[dict[str, pl.DataFrame], str | None]:
    """The tables as the registry has them now; where it cannot be read, no tables and the reason."""
    if not project.settings.tracking.enabled:
        return {}, "Nothing is recorded: 'tracking' is switched off in the settings."
    try:
        registry = registry_of(project.folder, project.settings)
        database = registry.tracking.where.database
        if database is not None and not database.exists():  # reading would create one
            return {}, "Nothing is recorded yet. Record the first run with: foresell run"
        return _read(registry), None
    except (StoreError, UsageError) as error:
        return {}, str(error)


def _read(registry: Registry) -> dict[str, pl.DataFrame]:
    runs = [_run(kind, run) for kind in (BACKTEST, TRAINING, TUNING) for run in registry.tracking.runs(kind)]
    return {
        "runs": _table("runs", runs),
        "versions": _table("versions", map(_version, registry.versions())),
        "promotions": _table("promotions", map(_promotion, registry.history())),
    }


def _run(kind: str, run: RecordedRun) -> dict[str, Any]:
    tags = run.tags
    changed = tags.get("foresell.git_changed")
    return {
        "run": run.id,
        "kind": kind,
        "made": run.made,
        "title": tags.get("mlflow.runName"),
        "model": tags.get(FINGERPRINT),
        **_data_columns(tags),
        "foresell": tags.get("foresell.version"),
        "code": tags.get("foresell.code"),
        "commit": tags.get("mlflow.source.git.commit"),
        "changed": None if changed is None else changed == "true",
    }


def _version(version: Version) -> dict[str, Any]:
    tags = version.tags
    return {
        "version": version.number,
        "made": version.made,
        "trained": _datetime(tags.get("foresell.trained")),
        "run": version.run,
        "model": tags.get(FINGERPRINT),
        **_data_columns(tags),
        "models": tags.get("foresell.models"),
        "wrmsse": float(tags["foresell.wrmsse"]) if "foresell.wrmsse" in tags else None,
    }


def _promotion(change: ChampionChange) -> dict[str, Any]:
    return {
        "run": change.run,
        "when": change.when,
        "verdict": change.verdict,
        "version": change.version,
        "before": change.before,
        "champion": change.before if change.verdict == REFUSED else change.version,
        "reason": change.reason,
        "asked": list(change.asked),
    }


def _data_columns(tags: Mapping[str, str]) -> dict[str, Any]:
    days = {name: tags.get(f"foresell.{name}") for name in ("data_first", "data_last")}
    return {
        "data": tags.get("foresell.data"),
        **{name: calendar_day(date_of_text(day)) if day else None for name, day in days.items()},
    }


def _datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _table(name: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS[name], orient="row").sort(KEYS[name])


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMAS[name])
