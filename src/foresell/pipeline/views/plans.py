"""The kinds of plans: which are made, which can be made, and what the others need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import polars as pl

from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans import KINDS
from foresell.pipeline.plans.issue import FOLDER


class PlansQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class Plans:
    """A row for each kind: ``kind``, ``about``, ``made`` (UTC, null where it is not) and ``needs``.

    ``needs`` are the settings that are not set and without which the plan cannot be made, in words; empty where it can.
    """

    kinds: pl.DataFrame


def plans(project: ForecastProject, query: PlansQuery) -> Plans:
    """The kinds of plans of a project, also of one where nothing is done yet."""
    rows = []
    for name, kind in KINDS.items():
        path = project.results.root / FOLDER / f"{name}.parquet"
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
        rows.append((name, kind.about, made, ", and ".join(kind.missing(project.settings))))
    schema = pl.Schema(
        {"kind": pl.String(), "about": pl.String(), "made": pl.Datetime("us", "UTC"), "needs": pl.String()}
    )
    return Plans(pl.DataFrame(rows, schema, orient="row"))
