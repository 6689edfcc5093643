"""The exceptions of a project, ranked, with what people did about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.words import listed, many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.exceptions.planning_exception import DATA, KINDS, PlanningException
from foresell.pipeline.exceptions.search import find_exceptions
from foresell.pipeline.monitoring.exception_log import ACKNOWLEDGED, Event, ExceptionLog, Handling, handling

UNITS, MONEY = "units", "money"
Rank = Literal["units", "money"]
State = Literal["open", "acknowledged", "all"]


class ExceptionsQuery(msgspec.Struct, frozen=True):
    """What may be asked.

    - `rank`: by units or by money; by default by money where any is known.
    - `state`: ``open`` (also those open again), ``acknowledged``, or ``all``. `assignee`: whom it is given to.
    - `level`, `kind`: of the exceptions. `search`: a part of the sentence.
    - `limits`: by which share a forecast of a level must differ to be an exception, by level, also as the text
      ``store=0.2, item=0.5``. `least_units`, `least_money`: smaller ones are left out; those without are not.
    - `most`: how many are listed, 0 for all.
    """

    rank: Rank | None = None
    state: State = "open"
    assignee: str = ""
    level: str = ""
    kind: str = ""
    search: str = ""
    limits: dict[str, float] | str = ""
    least_units: float = 0.0
    least_money: float | None = None
    most: int = 500


@dataclass(frozen=True)
class Exceptions:
    """The exceptions that were asked for.

    - `headline`: how many there are, and of which kinds. `missing`: what could not be looked for, and what makes it.
    - `table`: a row for each, the largest first: id, kind, level, group, sentence, units, money, state, assignee,
      comments, and whether it is grave. `ranked_by`: units or money. `more`: how many are not listed.
    - `history`: what people did about those listed, oldest first: id, made, who, action, text, assignee.
    - `counts`: how many there are in each state. `levels`, `kinds`, `assignees`: what can be asked for.
    - `limits`: the share of each level that is in force.
    - `places`: by id, the values of the columns of the group; empty for what is no group of series.
    - `sizes`: by id, what growth is measured by.
    """

    headline: str
    missing: list[str]
    table: pl.DataFrame
    ranked_by: str
    more: int
    history: pl.DataFrame
    counts: dict[str, int]
    levels: list[str]
    kinds: dict[str, str]
    assignees: list[str]
    limits: dict[str, float]
    places: dict[str, dict[str, str]]
    sizes: dict[str, float | None]


def exceptions(project: ForecastProject, query: ExceptionsQuery) -> Exceptions:
    """The exceptions of the newest results. Raises UsageError for limits that are none, or of no level."""
    search = find_exceptions(project.results, limits_of(query.limits), query.least_money)
    log = ExceptionLog(project.folder).events()
    handled = {one.id: handling(log.get(one.id, ()), one.size) for one in search.exceptions}
    levels = dict.fromkeys(one.level for one in search.exceptions)
    every = Exceptions(
        headline="",
        missing=list(search.missing),
        table=_table(search.exceptions, handled),
        ranked_by=UNITS,
        more=0,
        history=_history([event for one in search.exceptions for event in log.get(one.id, ())]),
        counts=dict(Counter(one.state for one in handled.values())),
        levels=[*(level for level in levels if level != DATA), *(level for level in levels if level == DATA)],
        kinds={kind: title for kind, title in KINDS.items() if any(one.kind == kind for one in search.exceptions)},
        assignees=sorted({one.assignee for one in handled.values() if one.assignee}),
        limits=dict(search.limits),
        places={one.id: dict(one.where) for one in search.exceptions},
        sizes={one.id: one.size for one in search.exceptions},
    )
    return narrowed(every, query)


def narrowed(shown: Exceptions, query: ExceptionsQuery) -> Exceptions:
    """Those of the exceptions that were asked for, ranked as asked. The limits are not looked at again."""
    done = pl.col("state") == ACKNOWLEDGED
    asked = shown.table.filter(
        True if query.state == "all" else done if query.state == "acknowledged" else ~done,
        (pl.col("assignee") == query.assignee) | (query.assignee == ""),
        (pl.col("level") == query.level) | (query.level == ""),
        (pl.col("kind") == query.kind) | (query.kind == ""),
        pl.col("sentence").str.to_lowercase().str.contains(query.search.lower(), literal=True),
        pl.col(UNITS).is_null() | (pl.col(UNITS) >= query.least_units),
        pl.col(MONEY).is_null() | (pl.col(MONEY) >= (query.least_money or 0.0)),
    )
    ranked_by = query.rank or (MONEY if asked[MONEY].count() else UNITS)
    # What stops the work stands first; what has no money, or no units, stands last.
    order = [(pl.col("level") == DATA) & pl.col("grave"), pl.col(ranked_by), pl.col(UNITS)]
    ranked = asked.sort(order, descending=True, nulls_last=True, maintain_order=True)
    listed_ones = ranked.head(query.most) if query.most else ranked
    ids = set(listed_ones["id"])
    return replace(
        shown,
        headline=_headline(ranked, query.state),
        table=listed_ones,
        ranked_by=ranked_by,
        more=ranked.height - listed_ones.height,
        history=shown.history.filter(pl.col("id").is_in(listed_ones["id"].implode())),
        places={id: place for id, place in shown.places.items() if id in ids},
        sizes={id: size for id, size in shown.sizes.items() if id in ids},
    )


def limits_of(given: Mapping[str, float] | str) -> dict[str, float]:
    """The limits, from a table or from text.

    >>> limits_of("store=0.2, store x item=0.5")
    {'store': 0.2, 'store x item': 0.5}
    """
    limits: dict[str, float] = {}
    parts = given.split(",") if isinstance(given, str) else [f"{level}={share}" for level, share in given.items()]
    for part in filter(str.strip, parts):
        level, _, text = part.rpartition("=")
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not level.strip() or not 0 <= share < float("inf"):
            raise UsageError(f"'{part.strip()}' is no limit. Give shares by level, such as: store=0.2, item=0.5")
        limits[level.strip()] = share
    return limits


def _headline(asked: pl.DataFrame, state: str) -> str:
    word = {"open": "open ", "acknowledged": "acknowledged "}.get(state, "")
    kinds = Counter(asked["kind"])
    parts = [f"{KINDS[kind][0].lower()}{KINDS[kind][1:]} ({kinds[kind]})" for kind in KINDS if kinds[kind]]
    count = many(asked.height, f"{word}exception")
    return f"{count[0].upper()}{count[1:]}{f': {listed(parts)}' if parts else ''}."


def _table(shown: Sequence[PlanningException], handled: Mapping[str, Handling]) -> pl.DataFrame:
    schema = {
        **dict.fromkeys(("id", "kind", "level", "group", "sentence"), pl.String),
        **dict.fromkeys((UNITS, MONEY), pl.Float64),
        **dict.fromkeys(("state", "assignee"), pl.String),
        "comments": pl.Int64,
        "grave": pl.Boolean,
    }
    rows = [
        (
            *(one.id, one.kind, one.level, one.group, one.sentence, one.units, one.money),
            *(handled[one.id].state, handled[one.id].assignee, len(handled[one.id].comments), one.grave),
        )
        for one in shown
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _history(events: Iterable[Event]) -> pl.DataFrame:
    rows = [(one.id, datetime.fromisoformat(one.made), one.who, one.action, one.text, one.assignee) for one in events]
    text = dict.fromkeys(("who", "action", "text", "assignee"), pl.String)
    return pl.DataFrame(rows, schema={"id": pl.String, "made": pl.Datetime("us", "UTC"), **text}, orient="row")
