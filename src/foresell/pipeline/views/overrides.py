"""The overrides of plans: those that hold, earlier ones, what they make of the plan, and what they added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
import polars as pl

from foresell.core.words import many
from foresell.decide.overrides import REASON_CODES
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.approval_log import check_keys, with_decisions
from foresell.pipeline.plans.issued_plan import issued_plan
from foresell.pipeline.plans.override_log import Listed, OverrideLog
from foresell.pipeline.plans.override_scores import UNSCORED, override_scores
from foresell.pipeline.views.plan import MOST_LINES, PlanQuery, checked_kind, matching_lines


class OverridesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a `kind`, and which of its lines: `search`, `where` and `most` as in `plan.PlanQuery`."""

    kind: str = "orders"
    search: str = ""
    where: str = ""
    most: int = MOST_LINES


@dataclass(frozen=True)
class Overrides:
    """The overrides of a project beside the newest plan of a kind.

    - `holding` and `earlier`: one row for each override, the newest first: ``id``, ``plan``, ``lines`` (in words),
      ``change``, ``replaces``, ``first``, ``until``, ``reason``, ``why``, ``who``, ``made`` (UTC); of earlier ones
      also ``ended``: ``withdrawn``, or ``expired``.
    - `reasons`: the codes of reasons, and what they mean.
    - `grid`: lines of the plan: the keys, ``date``, ``plan`` (the quantity without overrides), ``override`` (what
      people put), ``final`` and ``unit``. `matching`: how many there are. `amended`: how many of them were put after
      the plan was made. `keys`: the names of the keys. `version` changes with the plan.
    """

    kind: str
    day: date | None
    keys: tuple[str, ...]
    holding: pl.DataFrame
    earlier: pl.DataFrame
    reasons: dict[str, str]
    matching: int
    amended: int
    grid: pl.DataFrame
    version: str


def overrides(project: ForecastProject, query: OverridesQuery) -> Overrides:
    """The overrides, also of a project without a plan. Raises UsageError for a kind or column that does not exist."""
    checked_kind(query.kind)
    results = project.results
    log = OverrideLog(project.folder, results.root)
    holding, every = log.holding(), log.listed()
    ids = {listed.override.id for listed in holding}
    earlier = _table(listed for listed in every if listed.override.id not in ids)
    issued = issued_plan(results, query.kind, log)
    grid, keys, matching, amended, day, version = pl.DataFrame(), tuple[str, ...](), 0, 0, None, ""
    if issued is not None:
        lines = issued.lines
        keys = tuple(lines.columns[: lines.columns.index("date")])
        check_keys(lines, ("plan", "final"))
        lines = with_decisions(lines.with_columns(plan=issued.before, final=pl.col("quantity")), [])
        asked = PlanQuery(search=query.search, where=query.where, show="all")
        lines = matching_lines(lines, asked)
        matching, amended = lines.height, int(issued.amended.sum())
        columns = [*keys, "date", "plan", "override", "final", "unit"]
        grid = (lines.head(query.most) if query.most else lines).select(columns)
        days = issued.lines["date"].cast(pl.Date).drop_nulls()
        day = days.min() if len(days) else None
        version = issued.made.isoformat()
    return Overrides(
        kind=query.kind,
        day=day,  # type: ignore[arg-type]
        keys=keys,
        holding=_table(holding).drop("ended"),
        earlier=earlier,
        reasons=dict(REASON_CODES),
        matching=matching,
        amended=amended,
        grid=grid,
        version=version,
    )


_COLUMNS = pl.Schema(
    {
        "id": pl.String(),
        "plan": pl.String(),
        "lines": pl.String(),
        "change": pl.String(),
        "replaces": pl.Float64(),
        "first": pl.Date(),
        "until": pl.Date(),
        "reason": pl.String(),
        "why": pl.String(),
        "who": pl.String(),
        "made": pl.Datetime("us", "UTC"),
        "ended": pl.String(),
    }
)


def _table(listed: Iterable[Listed]) -> pl.DataFrame:
    rows = []
    for override, withdrawn in listed:
        where = ", ".join(f"{name} {value}" for name, value in override.where.items()) or "every line"
        made = datetime.fromisoformat(override.made)
        rows.append(
            (
                override.id, override.plan, where, override.change(), override.replaces, override.first, override.until,
                override.reason, override.why, override.who, made, "withdrawn" if withdrawn else "expired",
            )
        )  # fmt: skip
    return pl.DataFrame(rows[::-1], _COLUMNS, orient="row")


class OverrideScoresQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class ShownOverrideScores:
    """What overrides added, by what was sold since: by reason, by person, and line by line, the largest loss first.

    `waiting` lines have days that have not passed, and of `unknown` ones the sales of some days are not known.
    `unscored` has a sentence for each kind of plan whose overrides cannot be scored.
    """

    waiting: int
    unknown: int
    by_reason: pl.DataFrame
    by_person: pl.DataFrame
    lines: pl.DataFrame
    unscored: tuple[str, ...] = ()


def shown_override_scores(project: ForecastProject, query: OverrideScoresQuery) -> ShownOverrideScores:
    """The scores of the overrides of issued plans. Raises UnreadableFile where the sales are not read yet."""
    results = project.results
    log = OverrideLog(project.folder, results.root)
    if not log.path.exists():
        return ShownOverrideScores(0, 0, pl.DataFrame(), pl.DataFrame(), pl.DataFrame())
    scores = override_scores(results, log)
    unscored = tuple(
        f"{many(count, 'override')} of plans of {kind} cannot be scored, because {UNSCORED[kind]}."
        for kind, count in scores.unscored.items()
    )
    by_reason, by_person, lines = pl.DataFrame(), pl.DataFrame(), scores.lines
    if lines.height:
        by_reason, by_person, lines = scores.by("reason"), scores.by("who"), lines.sort("money")
    return ShownOverrideScores(scores.waiting, scores.unknown, by_reason, by_person, lines, unscored)
