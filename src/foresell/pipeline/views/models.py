"""The registered models: the champion, a challenger beside it, how the gate judged it, and every decision."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from foresell.core.errors import ForesellError, StoreError, UsageError
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.registry_history import SCHEMAS
from foresell.pipeline.results import Results
from foresell.registry.champion_changes import ChampionChange, champion_lineage
from foresell.registry.versions import Registry, Version
from foresell.serving.source import registry_of

TIME = pl.Datetime("us", "UTC")
_VERSIONS: dict[str, Any] = {
    "version": pl.String,
    "champion": pl.Boolean,
    "trained": TIME,
    **dict.fromkeys(("sales_to", "models"), pl.String),
    "error": pl.Float64,
    "decision": pl.String,
    "decided": TIME,
}
_DECISIONS: dict[str, Any] = {
    "when": TIME,
    **dict.fromkeys(("decision", "version", "before", "reason", "trained_for"), pl.String),
}
_FIGURES: dict[str, Any] = {
    **dict.fromkeys(("level", "figure"), pl.String),
    **dict.fromkeys(("nominal", "champion", "challenger", "at_least", "at_most"), pl.Float64),
    "verdict": pl.String,
}
MET, NOT_MET, NOT_JUDGED = "met", "not met", "not judged"

OFF = (
    "Nothing is registered, because tracking is switched off. To switch it on, set in foresell.yaml: "
    "tracking: {enabled: true}; then train: foresell train"
)
NONE_YET = "No model is registered yet. Make one with: foresell train"
NO_CHAMPION = "No version is the champion, so the newest training forecasts. Promote one to have a champion."


class ModelsQuery(msgspec.Struct, frozen=True):
    """The `version` whose last verdict is shown; by default the newest that is not the champion."""

    version: str | None = None


@dataclass(frozen=True)
class Models:
    """The registered models.

    - `sentence` says who forecasts, or why nothing is registered; `unreachable` is why the registry could not be asked,
      in which case the rest is as it was when monitoring last wrote it down.
    - `champion` is its version; a rollback makes `previous` champion again. `chosen` is the version that is compared.
    - `versions`: a row for each, the newest first; `error` is the WRMSSE of its backtest.
    - `decisions`: promotions, refusals and rollbacks, the newest first.
    - `figures`: what the gate looked at in the last verdict on the chosen version, with the limits on the challenger.
    - `compared`: what the gate compared it with, in a word of `comparison.Compared`; `reason`: its verdict in words.
    """

    sentence: str
    unreachable: str | None
    champion: str | None
    previous: str | None
    chosen: str | None
    versions: pl.DataFrame
    decisions: pl.DataFrame
    figures: pl.DataFrame
    compared: str | None
    reason: str | None


def models(project: ForecastProject, query: ModelsQuery) -> Models:
    """The models as the registry has them, or as they were last written down where it cannot be reached.

    Raises UsageError for a version that does not exist.
    """
    if not project.settings.tracking.enabled:
        return _nothing(OFF)
    registry = registry_of(project.folder, project.settings)
    database = registry.tracking.where.database
    if database is not None and not database.exists():  # to ask would create it
        return _nothing(NONE_YET)
    try:
        return _from_registry(registry, query.version)
    except StoreError as error:
        return _from_history(project.results, str(error), query.version)


def _from_registry(registry: Registry, wanted: str | None) -> Models:
    versions, history = registry.versions(), registry.history()
    champion = next((version.number for version in versions if version.champion), None)
    chosen = _chosen([version.number for version in versions], champion, wanted)
    judged = [change for change in history if change.version == chosen]
    verdict = _verdict(registry, judged)
    return Models(
        sentence=_sentence(len(versions), champion),
        unreachable=None,
        champion=champion,
        previous=registry.previous_champion(),
        chosen=chosen,
        versions=pl.DataFrame([_version_row(v, history) for v in versions], schema=_VERSIONS, orient="row"),
        decisions=pl.DataFrame([_decision_row(c) for c in reversed(history)], schema=_DECISIONS, orient="row"),
        figures=_figures(verdict),
        compared=verdict.get("compared"),
        reason=judged[-1].reason if judged else None,
    )


def _from_history(results: Results, why: str, wanted: str | None) -> Models:
    """The tables that monitoring wrote, which do not say who is champion but by the decisions."""
    tables = {name: results.history.table(name) for name in ("versions", "promotions")}
    known = {name: pl.DataFrame(schema=SCHEMAS[name]) if table is None else table for name, table in tables.items()}
    promotions = known["promotions"]
    lineage = champion_lineage(
        [ChampionChange(row["run"], row["when"], row["verdict"], row["version"], row["before"], row["reason"])
         for row in promotions.iter_rows(named=True)]
    )  # fmt: skip
    champion = lineage[-1] if lineage else None
    last = promotions.group_by("version", maintain_order=True).last().select(
        "version", pl.col("verdict").alias("decision"), pl.col("when").alias("decided")
    )  # fmt: skip
    versions = known["versions"].join(last, on="version", how="left").reverse().select(
        "version", pl.col("version").is_in([champion] if champion else []).alias("champion"), "trained",
        pl.col("data_last").cast(pl.String).alias("sales_to"), "models", pl.col("wrmsse").alias("error"),
        "decision", "decided",
    )  # fmt: skip
    decisions = promotions.reverse().select(
        "when", pl.col("verdict").alias("decision"), "version", "before", "reason",
        pl.col("asked").cast(pl.List(pl.String)).list.join(", ").alias("trained_for"),
    )  # fmt: skip
    chosen = _chosen(versions["version"].to_list(), champion, wanted)
    of_chosen = promotions.filter(pl.col("version").is_in([chosen] if chosen else []))
    return Models(
        sentence="The registry does not answer; this is what monitoring last wrote down.",
        unreachable=why,
        champion=champion,
        previous=lineage[-2] if len(lineage) > 1 else None,
        chosen=chosen,
        versions=versions.cast(pl.Schema(_VERSIONS)),
        decisions=decisions.cast(pl.Schema(_DECISIONS)),
        figures=pl.DataFrame(schema=_FIGURES),
        compared=None,
        reason=of_chosen["reason"][-1] if of_chosen.height else None,
    )


def _nothing(sentence: str) -> Models:
    return Models(
        sentence=sentence,
        unreachable=None,
        champion=None,
        previous=None,
        chosen=None,
        versions=pl.DataFrame(schema=_VERSIONS),
        decisions=pl.DataFrame(schema=_DECISIONS),
        figures=pl.DataFrame(schema=_FIGURES),
        compared=None,
        reason=None,
    )


def _sentence(count: int, champion: str | None) -> str:
    if not count:
        return NONE_YET
    return NO_CHAMPION if champion is None else f"Version {champion} is the champion: it forecasts."


def _chosen(numbers: list[str], champion: str | None, wanted: str | None) -> str | None:
    if wanted is not None and wanted not in numbers:
        raise UsageError(f"There is no version {wanted}; there are {', '.join(numbers) or 'none'}.")
    others = [number for number in numbers if number != champion]
    return wanted or (others[0] if others else None)


def _version_row(version: Version, history: list[ChampionChange]) -> tuple[object, ...]:
    tags = version.tags
    last = next((change for change in reversed(history) if change.version == version.number), None)
    trained = tags.get("foresell.trained")
    return (
        version.number,
        version.champion,
        datetime.fromisoformat(trained) if trained else version.made,
        tags.get("foresell.data_last"),
        tags.get("foresell.models"),
        float(tags["foresell.wrmsse"]) if "foresell.wrmsse" in tags else None,
        last and last.verdict,
        last and last.when,
    )


def _decision_row(change: ChampionChange) -> tuple[object, ...]:
    return change.when, change.verdict, change.version, change.before, change.reason, ", ".join(change.asked)


def _verdict(registry: Registry, changes: list[ChampionChange]) -> dict[str, Any]:
    """The newest verdict that was kept of these decisions; a rollback has none. Empty where there is none."""
    for change in reversed(changes):
        with tempfile.TemporaryDirectory(prefix="foresell-verdict-") as folder:
            try:
                file = registry.tracking.artifact(change.run, "verdict.json", Path(folder))
                content: dict[str, Any] = json.loads(file.read_bytes())
            except (ForesellError, OSError, ValueError):
                continue
            return content
    return {}


def _figures(kept: dict[str, Any]) -> pl.DataFrame:
    rows = []
    for figure in (kept.get("verdict") or {}).get("figures", []):
        judged = not (figure["ok"] and figure["at_least"] is None and figure["at_most"] is None)
        verdict = NOT_JUDGED if not judged else MET if figure["ok"] else NOT_MET
        rows.append({**{name: figure[name] for name in _FIGURES if name in figure}, "verdict": verdict})
    return pl.DataFrame(rows, schema=_FIGURES)
