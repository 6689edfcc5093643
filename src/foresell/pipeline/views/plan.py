"""The newest plan of a kind, line by line, with what people decided about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.finding import worst_first
from foresell.decide.plan import parts_of
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans import KINDS, Kind
from foresell.pipeline.plans.approval_log import OPEN, STATES, ApprovalLog, with_decisions
from foresell.pipeline.plans.issue import FOLDER
from foresell.pipeline.plans.issued_plan import IssuedLines, issued_plan
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.store.tables import read_table

MOST_LINES = 1000
"""So many lines of a plan are shown at once."""

MOST_VALUES = 1000
"""A column with more values than these is searched, and not chosen from."""


class PlanQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of which plan.

    - `kind` is one of `pipeline.plans.KINDS`.
    - `search`: words, all of which stand in the keys or texts of a line, whatever their case.
    - `where`: a value of a column, such as ``store=S1``, or a JSON object of several.
    - `state` is one of `approval_log.STATES`; empty for all.
    - `show`: ``to do`` for lines with something to do or decided, ``all`` for the others too.
    - `most`: how many lines at most; 0 for all.
    """

    kind: str = "orders"
    search: str = ""
    where: str = ""
    state: str = ""
    show: Literal["to do", "all"] = "to do"
    most: int = MOST_LINES


@dataclass(frozen=True)
class ShownPlan:
    """The newest plan of a kind; a plan that is not made has no lines, and `missing` says how to make it.

    - `headline` and `findings`: what it says, in sentences, the most severe finding first.
    - `amended`: so many lines have other overrides than when the plan was made; their quantities have those of now.
    - `has_quantities`: whether any is known. `has_hours`: whether the lines are of hours.
    - `lines`: those that were asked for, the most money at risk first: the keys, ``state``, ``action``, ``quantity``,
      ``unit``, ``money``, ``cost``, ``reason``, ``binds``, ``override``, ``change``, ``vendor`` where it is known, and
      who decided when about which quantity. Without any quantity, as where no stock is known, they have ``target``.
    - `matching`, `matching_money`, `matching_cost`: how many lines were asked for, and their sums.
    - `states`: how many lines of the plan are in each state. `choices`: the values of columns to choose from.
    - `curve`: what the rule of orders would have cost in the past by ``fractile``, and its ``fill_rate``.
    - `version` changes whenever a quantity may have changed. `n_decisions` counts those about this kind.
    """

    kind: str
    about: str
    made: datetime | None
    day: date | None
    headline: tuple[str, ...]
    findings: tuple[str, ...]
    missing: str
    amended: int
    has_quantities: bool
    has_hours: bool
    keys: tuple[str, ...]
    states: dict[str, int]
    matching: int
    matching_money: float | None
    matching_cost: float | None
    lines: pl.DataFrame
    choices: dict[str, tuple[str, ...]]
    curve: pl.DataFrame
    version: str
    n_decisions: int


def shown_plan(project: ForecastProject, query: PlanQuery) -> ShownPlan:
    """The plan of a kind. Raises UsageError for a kind, state or column that does not exist."""
    kind = checked_kind(query.kind)
    log = OverrideLog(project.folder, project.results.root)
    issued = issued_plan(project.results, query.kind, log)
    if issued is None:
        return _not_made(query.kind, kind.about, _how_to_make(project, query.kind))
    decisions = ApprovalLog(project.folder).decisions(query.kind)
    every = with_decisions(issued.lines, decisions)
    keys = tuple(every.columns[: every.columns.index("date")])
    lines = matching_lines(every, query)
    has_quantities = every["quantity"].count() > 0
    shown = lines.select(_columns(every, keys, issued, has_quantities))
    days = every["date"].cast(pl.Date).drop_nulls()
    return ShownPlan(
        kind=query.kind,
        about=kind.about,
        made=issued.made,
        day=days.min() if len(days) else None,  # type: ignore[arg-type]
        headline=issued.words.headline,
        findings=tuple(f"{finding.count:,} times {finding}" for finding in worst_first(issued.words.findings)),
        missing="" if has_quantities else _targets_only(query.kind),
        amended=int(issued.amended.sum()),
        has_quantities=has_quantities,
        has_hours=isinstance(every.schema["date"], pl.Datetime),
        keys=keys,
        states=_states(every),
        matching=lines.height,
        matching_money=_sum(lines["money"]),
        matching_cost=_sum(lines["cost"]),
        lines=shown.head(query.most) if query.most else shown,
        choices=_choices(every, keys),
        curve=_table(project, f"{query.kind}_curve"),
        version=f"{issued.made.isoformat()} {' '.join(override.id for override in log.overrides())}",
        n_decisions=len(decisions),
    )


def checked_kind(name: str) -> Kind:
    """The kind of plan of a name. Raises UsageError where there is none."""
    if name not in KINDS:
        raise UsageError(f"There is no plan '{name}'; the plans are {', '.join(KINDS)}.")
    return KINDS[name]


def matching_lines(lines: pl.DataFrame, query: PlanQuery) -> pl.DataFrame:
    """The lines that a query asks for. Raises UsageError for a state or column that does not exist."""
    if query.state and query.state not in STATES:
        raise UsageError(f"There is no state '{query.state}'; the states are {', '.join(STATES)}.")
    if query.state:
        lines = lines.filter(pl.col("state") == query.state)
    if query.show == "to do" and lines["quantity"].count():
        lines = lines.filter((pl.col("quantity") != 0) | (pl.col("state") != OPEN) | (pl.col("override") != 0))
    for name, value in _where(query.where).items():
        if name not in lines.columns:
            raise UsageError(f"The plan has no column '{name}'; it has {first_five(lines.columns)}.")
        lines = lines.filter(pl.col(name).cast(pl.String) == value)
    words = query.search.lower().split()
    if words:
        texts = [
            name for name in lines.columns if lines.schema[name] == pl.String and name not in ("reason", "comment")
        ]
        keys = [pl.col(name).cast(pl.String) for name in lines.columns[: lines.columns.index("date")]]
        text = pl.concat_str([*keys, *(pl.col(name) for name in texts)], separator=" ", ignore_nulls=True)
        text = text.str.to_lowercase()
        lines = lines.filter(pl.all_horizontal(text.str.contains(word, literal=True) for word in words))
    return lines


def _where(text: str) -> dict[str, str]:
    """The values by column of ``column=value``, or of a JSON object."""
    if not text.strip():
        return {}
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError as error:
            raise UsageError(f"'{text}' is no object of columns and values: {error}.") from error
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"'{text}' names no column; expected such as store=S1.")
    return {name.strip(): value.strip()}


def _columns(lines: pl.DataFrame, keys: tuple[str, ...], issued: IssuedLines, has_quantities: bool) -> list[str]:
    """The columns that are shown, those of the kind where no quantity is known."""
    wanted = ["state", "action", "quantity", "unit", "money", "cost", "reason", "binds", "override", "change", "vendor"]
    if not has_quantities:
        wanted = ["target", *issued.words.shown, "reason", "assumed"]
    wanted += ["decided_by", "decided_at", "decided_quantity", "comment"] if has_quantities else []
    several_days = lines["date"].n_unique() > 1
    names = [*keys, "date", *wanted] if several_days or has_quantities else [*keys, *wanted]
    return [name for name in dict.fromkeys(names) if name in lines.columns]


def _states(lines: pl.DataFrame) -> dict[str, int]:
    """How many lines with something to do, or decided, are in each state."""
    concerned = lines.filter((pl.col("quantity").fill_null(0) != 0) | (pl.col("state") != OPEN))
    counts = dict(concerned["state"].value_counts().iter_rows())
    return {state: counts.get(state, 0) for state in STATES}


def _choices(lines: pl.DataFrame, keys: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    names = [*keys, *(name for name in ("vendor", "centre") if name in lines.columns), "action", "binds"]
    choices = {}
    for name in dict.fromkeys(names):
        values = lines[name].cast(pl.String).drop_nulls().unique().sort()
        values = values.filter(values != "")
        if 1 < len(values) <= MOST_VALUES or (len(values) == 1 and name == "binds"):
            choices[name] = tuple(values)
    return choices


def _sum(values: pl.Series) -> float | None:
    return float(values.sum()) if values.count() else None


def _table(project: ForecastProject, name: str) -> pl.DataFrame:
    path = project.results.root / FOLDER / f"{name}.parquet"
    return read_table(path) if path.exists() else pl.DataFrame()


def _targets_only(kind: str) -> str:
    if kind != "orders":
        return "No line of this plan could be decided; the findings say why."
    return (
        "There are targets only, and nothing to approve, because the stock on hand is not known. Name a table of the "
        "keys and on_hand as 'orders.stock' in foresell.yaml, and make the plan again."
    )


def _how_to_make(project: ForecastProject, name: str) -> str:
    missing = KINDS[name].missing(project.settings)
    command = f"foresell plan {name} {project.folder.resolve().name}"
    if missing:
        return (
            f"This plan needs the settings {', and '.join(missing)}, which foresell.yaml does not have. Set them, then "
            f"make it with: {command}"
        )
    return f"This plan is not made yet. Make it with: {command}"


def _not_made(kind: str, about: str, missing: str) -> ShownPlan:
    return ShownPlan(
        kind=kind, about=about, made=None, day=None, headline=(), findings=(), missing=missing, amended=0,
        has_quantities=False, has_hours=False, keys=(), states={}, matching=0, matching_money=None, matching_cost=None,
        lines=pl.DataFrame(), choices={}, curve=pl.DataFrame(), version="", n_decisions=0,
    )  # fmt: skip


def parts_table(reason: str, quantity: float | None) -> pl.DataFrame:
    """The parts of a reason, ``part`` and ``amount``, whose sum is the quantity; empty of a reason that is no sum.

    What rounding in the reason leaves is in a part of its own.
    """
    parts = parts_of(reason)
    if quantity is None or not parts:
        return pl.DataFrame(schema={"part": pl.String, "amount": pl.Float64})
    rest = quantity - sum(amount for _, amount in parts)
    if abs(rest) > 0.05 * len(parts) + 0.5:  # it is a sum of something else
        return pl.DataFrame(schema={"part": pl.String, "amount": pl.Float64})
    rows = [*parts, *([("rounding of these numbers", round(rest, 3))] if abs(rest) > 0.005 else [])]
    return pl.DataFrame(rows, {"part": pl.String, "amount": pl.Float64}, orient="row")


def where_text(values: dict[str, str]) -> str:
    """The text of `PlanQuery.where` for values by column.

    >>> where_text({"store": "S1"}), where_text({})
    ('{"store": "S1"}', '')
    """
    return json.dumps(values, ensure_ascii=False) if values else ""
