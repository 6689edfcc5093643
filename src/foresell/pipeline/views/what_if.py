"""What the forecast of a group would be at another price or promotion, and a plan at another lead time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.words import many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.explanation import what_if_of
from foresell.pipeline.plans.issued_plan import issued_plan
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.pipeline.views.explanation import kept_champion
from foresell.pipeline.views.finished_project import FinishedProject
from foresell.pipeline.views.series_groups import finished, group_of, read_where


class WhatIfQuery(msgspec.Struct, frozen=True):
    """The group, the days from `first` to `last` (all where not given), and the `changes` of what is known ahead, such
    as ``price=-10%25&promotion=on``, written as in an address. Without any the view says what can be changed."""

    where: str = ""
    changes: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class ShownWhatIf:
    """The forecast as it is and as it would be.

    - `covariates`: what can be changed. `begins` and `ends`: the days that can be asked for.
    - `before` and `after`: units over the whole horizon, and `low` to `high` the range of `after` as far as the effect
      of the change goes; NaN where the past does not tell. `days`: ``date``, ``before``, ``after``.
    """

    name: str
    series: int
    covariates: list[str]
    begins: date
    ends: date
    before: float
    after: float
    low: float
    high: float
    sentences: list[str]
    days: pl.DataFrame


class PlanWhatIfQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The kind of plan, and settings of it: ``lead_days``, ``service`` as a share, ``budget`` in money."""

    kind: str = "orders"
    lead_days: float | None = None
    service: float | None = None
    budget: float | None = None


@dataclass(frozen=True)
class PlanWhatIf:
    """A plan as it was made and as it would be; `totals` has ``figure``, ``before`` and ``after``.

    `lines` are those that change most: the keys, ``before``, ``after`` and ``change`` of the quantity.
    """

    kind: str
    sentences: list[str]
    totals: pl.DataFrame
    lines: pl.DataFrame


MOST_LINES = 200
_FIGURES = {"figure": pl.String, "before": pl.Float64, "after": pl.Float64}


def what_if(project: ForecastProject, query: WhatIfQuery) -> ShownWhatIf:
    """The forecast with changes. Raises UsageError for what cannot be changed and for days that are not ahead."""
    results = finished(project)
    group, panel = group_of(results, query.where), results.panel
    changes = read_where(query.changes)
    ahead = panel.ahead(results.settings.horizon).astype("datetime64[D]").astype(object)
    nan, days = float("nan"), pl.DataFrame(schema={"date": pl.Date, "before": pl.Float64, "after": pl.Float64})
    before, after, low, high, sentences = nan, nan, nan, nan, ["Nothing is changed yet."]
    if not panel.known:
        sentences = [
            "The data have no prices, promotions or other things that are known ahead, so nothing can be changed."
        ]
    if changes:
        answer = what_if_of(results, kept_champion(project), group.where, changes, query.first, query.last)
        before, after, sentences = float(answer.before.sum()), float(answer.after.sum()), answer.sentences()
        low, high = (nan if end is None else float(end) for end in (answer.low, answer.high))
        days = pl.DataFrame({"date": answer.dates, "before": answer.before, "after": answer.after})
    return ShownWhatIf(
        group.name, len(group.rows), list(panel.known), ahead[0], ahead[-1], before, after, low, high, sentences, days
    )


def plan_what_if(project: ForecastProject, query: PlanWhatIfQuery) -> PlanWhatIf:
    """The plan with other settings beside the newest that was made; empty without any.

    Raises UsageError where none was made, for settings that may not be asked for, and as `plans.make_plan`.
    """
    results = finished(project)
    changes: dict[str, Any] = {
        name: getattr(query, name) for name in ("lead_days", "service", "budget") if getattr(query, name) is not None
    }
    if not changes:
        lines = pl.DataFrame(schema={"before": pl.Float64, "after": pl.Float64, "change": pl.Float64})
        words = ["Nothing is changed yet; give another lead time, service level or budget."]
        return PlanWhatIf(query.kind, words, pl.DataFrame(schema=_FIGURES), lines)
    issued = issued_plan(results, query.kind, OverrideLog(results.base, results.root))
    if issued is None:
        raise UsageError(f"There is no plan of {query.kind} to compare with. Make it with: foresell plan {query.kind}")
    plan = FinishedProject(results.base).what_if(query.kind, changes)
    totals = _totals(issued.lines, plan.lines)
    keys = [name for name in plan.keys if name in issued.lines.columns]
    both = issued.lines.select(*keys, before="quantity").join(
        plan.lines.select(*keys, after="quantity"), on=keys, how="full", coalesce=True, nulls_equal=True
    )
    lines = both.with_columns(change=pl.col("after").fill_null(0) - pl.col("before").fill_null(0))
    changed = lines.filter(pl.col("change") != 0).sort(pl.col("change").abs(), descending=True)
    words = [f"{many(changed.height, 'line')} of {many(lines.height, 'line')} would change.", *plan.headline]
    return PlanWhatIf(query.kind, words, totals, changed.head(MOST_LINES))


def _totals(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    figures = {"quantity": "Quantity", "cost": "Cost", "money": "Money at risk"}
    rows = [
        (label, float(before[name].fill_null(0).sum()), float(after[name].fill_null(0).sum()))
        for name, label in figures.items()
    ]
    return pl.DataFrame(rows, _FIGURES, orient="row")
