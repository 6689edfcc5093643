"""What was approved of the newest plan, for who sends it on, and everything that was decided before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foresell.decide.plan import COMMON
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.approval_log import APPROVED, ApprovalLog, Decision, with_decisions
from foresell.pipeline.plans.issued_plan import issued_plan
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.pipeline.views.plan import PlanQuery, checked_kind, matching_lines


class ApprovalsQuery(PlanQuery, frozen=True, kw_only=True):
    """As `PlanQuery`; without a state the approved lines, and ``any`` for lines of all states."""

    state: str = APPROVED
    most: int = 0


@dataclass(frozen=True)
class Approvals:
    """The lines of the newest plan of a kind in a state, and the decisions about plans of the kind.

    - `lines`: the keys, the columns of every plan and those of the kind, then ``state``, ``decided_by``,
      ``decided_at`` (UTC), ``decided_quantity`` and ``comment``.
    - `decisions`: one row each, the newest first: ``made``, ``verdict``, ``lines``, ``quantity`` (their sum as it was
      seen), ``who``, ``comment``, ``day`` of the plan, ``id``.
    """

    kind: str
    made: datetime | None
    lines: pl.DataFrame
    decisions: pl.DataFrame


def approvals(project: ForecastProject, query: ApprovalsQuery) -> Approvals:
    """The approvals of a kind; of one that is not made there are no lines. Raises as `plan.shown_plan`."""
    checked_kind(query.kind)
    decisions = ApprovalLog(project.folder).decisions(query.kind)
    issued = issued_plan(project.results, query.kind, OverrideLog(project.folder, project.results.root))
    if issued is None:
        return Approvals(query.kind, None, pl.DataFrame(), _table(decisions))
    wanted = PlanQuery(
        search=query.search, where=query.where, state="" if query.state == "any" else query.state, show=query.show
    )
    lines = matching_lines(with_decisions(issued.lines, decisions), wanted)
    lines = lines.head(query.most) if query.most else lines
    keys = lines.columns[: lines.columns.index("date")]
    first = [*keys, *COMMON]
    own = [name for name in lines.columns if name not in first and not (name == "units" and "quantity" in first)]
    return Approvals(query.kind, issued.made, lines.select(*first, *own), _table(decisions))


def _table(decisions: list[Decision]) -> pl.DataFrame:
    rows = [
        (
            datetime.fromisoformat(decision.made),
            decision.verdict,
            len(decision.lines),
            sum(quantity for quantity in decision.quantities if quantity is not None),
            decision.who,
            decision.comment,
            decision.day,
            decision.id,
        )
        for decision in reversed(decisions)
    ]
    schema = pl.Schema(
        {
            "made": pl.Datetime("us", "UTC"),
            "verdict": pl.String(),
            "lines": pl.Int64(),
            "quantity": pl.Float64(),
            "who": pl.String(),
            "comment": pl.String(),
            "day": pl.Date(),
            "id": pl.String(),
        }
    )
    return pl.DataFrame(rows, schema, orient="row")
