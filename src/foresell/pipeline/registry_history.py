"""What the registry knows, as tables that a dashboard can read without MLflow.

``results/history/runs.parquet``, one row for each run that was recorded, by when it was made:

| column | is |
|---|---|
| run | its id in MLflow |
| kind | backtest, training or tuning |
| made | when it began, UTC |
| title | such as ``training to 2024-03-01`` |
| model | the fingerprint of what was done from what; of a training it names the model |
| data, data_first, data_last | the fingerprint of the data, their first and last day |
| foresell, code | foresell's version, and the fingerprint of its code |
| commit, changed | the git commit of the project, and whether something was changed since; null without git |

``versions.parquet``, one row for each registered model, by when it was registered:

| column | is |
|---|---|
| version | its number |
| made, trained | when it was registered and when its training was done, UTC |
| run, model | its training among the runs |
| data, data_first, data_last | as above |
| models | the models that have a weight in it |
| wrmsse | of the backtest that it was trained with |

``promotions.parquet``, one row for each decision about a champion, by when it was made:

| column | is |
|---|---|
| run | its id in MLflow |
| when | when it was decided, UTC |
| verdict | promoted, forced, refused or rolled back |
| version, before | what was decided on, and the champion before; null where there was none |
| champion | the champion after it |
| reason | why it was decided so |
| asked | what the version was trained for |

A row stays when MLflow has forgotten it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from foresell.core.errors import StoreError, UsageError
from foresell.pipeline.project import Project
from foresell.pipeline.tracked_runs import BACKTEST, TRAINING, TUNING
from foresell.registry.tracking import FINGERPRINT, Recorded
from foresell.registry.versions import REFUSED, Change, Registry, Version
from foresell.serving.source import registry_of
from foresell.store.history import HISTORY, History

MOMENT = pl.Datetime("us", "UTC")
_DATA = {"data": pl.String, "data_first": pl.Date, "data_last": pl.Date}

SCHEMAS: dict[str, dict[str, Any]] = {
    "runs": {
        **{"run": pl.String, "kind": pl.String, "made": MOMENT, "title": pl.String, "model": pl.String},
        **_DATA,
        **{"foresell": pl.String, "code": pl.String, "commit": pl.String, "changed": pl.Boolean},
    },
    "versions": {
        **{"version": pl.String, "made": MOMENT, "trained": MOMENT, "run": pl.String, "model": pl.String},
        **_DATA,
        **{"models": pl.String, "wrmsse": pl.Float64},
    },
    "promotions": {
        **{"run": pl.String, "when": MOMENT, "verdict": pl.String, "version": pl.String, "before": pl.String},
        **{"champion": pl.String, "reason": pl.String, "asked": pl.List(pl.String)},
    },
}
"""The columns of each table."""

KEYS = {"runs": ("made", "run"), "versions": ("made", "version"), "promotions": ("when", "run")}
"""What names a row, and what the rows are sorted by."""


@dataclass(frozen=True)
class Chronicle:
    """The tables as they stand, and in `why` what kept them from being brought up to date; None where nothing did."""

    runs: pl.DataFrame
    versions: pl.DataFrame
    promotions: pl.DataFrame
    why: str | None = None


def write_history(project: Project) -> Chronicle:
    """Writes what the registry knows to ``results/history/``; without MLflow, what was written before stays.

    Doing it twice is as good as once. Raises StoreError where the tables cannot be written.
    """
    history = History(project.results.root / HISTORY)
    found, why = _asked(project)
    for name, rows in found.items():
        if not rows.is_empty():
            history.put(name, rows, KEYS[name])
    tables = {name: history.table(name) for name in SCHEMAS}
    return Chronicle(**{name: _empty(name) if each is None else each for name, each in tables.items()}, why=why)


def _asked(project: Project) -> tuple[dict[str, pl.DataFrame], str | None]:
    """The tables as the registry has them now; or none, and why."""
    if not project.settings.tracking.enabled:
        return {}, "Nothing is recorded: 'tracking' is switched off in the settings."
    try:
        registry = registry_of(project.folder, project.settings)
        database = registry.tracking.where.database
        if database is not None and not database.exists():  # and asking would make one
            return {}, "Nothing is recorded yet. Record what is done with: foresell run"
        return _read(registry), None
    except (StoreError, UsageError) as error:
        return {}, str(error)


def _read(registry: Registry) -> dict[str, pl.DataFrame]:
    runs = [_run(kind, each) for kind in (BACKTEST, TRAINING, TUNING) for each in registry.tracking.runs(kind)]
    return {
        "runs": _table("runs", runs),
        "versions": _table("versions", map(_version, registry.versions())),
        "promotions": _table("promotions", map(_promotion, registry.history())),
    }


def _run(kind: str, run: Recorded) -> dict[str, Any]:
    tags = run.tags
    changed = tags.get("foresell.git_changed")
    return {
        "run": run.id,
        "kind": kind,
        "made": run.made,
        "title": tags.get("mlflow.runName"),
        "model": tags.get(FINGERPRINT),
        **_of_data(tags),
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
        "trained": _moment(tags.get("foresell.trained")),
        "run": version.run,
        "model": tags.get(FINGERPRINT),
        **_of_data(tags),
        "models": tags.get("foresell.models"),
        "wrmsse": float(tags["foresell.wrmsse"]) if "foresell.wrmsse" in tags else None,
    }


def _promotion(change: Change) -> dict[str, Any]:
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


def _of_data(tags: Mapping[str, str]) -> dict[str, Any]:
    days = {name: tags.get(f"foresell.{name}") for name in ("data_first", "data_last")}
    return {
        "data": tags.get("foresell.data"),
        **{name: date.fromisoformat(day) if day else None for name, day in days.items()},
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _table(name: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS[name], orient="row").sort(KEYS[name])


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMAS[name])
