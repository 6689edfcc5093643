"""The overrides of a project: an append-only file beside its settings, which no run changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import msgspec
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError, first_five
from foresell.decide.overrides import REASON_CODES, How, Override, lines_of
from foresell.pipeline.plans.issue import FOLDER
from foresell.store import appended_lines
from foresell.store.tables import read_table

FILE = "overrides.jsonl"
"""The file in the folder of the project. It is what people decided, so it is no result, and outlives results/."""


class Added(msgspec.Struct, frozen=True, tag="add", tag_field="event"):
    """The line of an override."""

    override: Override


class Withdrawn(msgspec.Struct, frozen=True, tag="withdraw", tag_field="event"):
    """The line of an override that no longer holds."""

    id: str
    who: str
    why: str
    made: str


@dataclass(frozen=True)
class Change:
    """What a person wants of the lines of a plan that have the values `where`, see `decide.overrides.Override`.

    `first` and `until` are by default the day of the plan, so that an override holds for this plan alone.
    """

    where: dict[str, str]
    how: How
    value: float
    reason: str
    why: str
    who: str
    first: date | None = None
    until: date | None = None


class Listed(NamedTuple):
    """An override, and when it was withdrawn, an ISO time; None where it was not."""

    override: Override
    withdrawn: str | None


class OverrideLog:
    """The overrides of the project in `folder`, whose results are in the folder `results`."""

    def __init__(self, folder: Path, results: Path):
        self.path, self.results = Path(folder) / FILE, Path(results)

    def events(self) -> list[Added | Withdrawn]:
        """All that was ever written, oldest first. Raises UnreadableFile for a line that is no event."""
        lines = appended_lines.read(self.path)
        try:
            return [msgspec.json.decode(line, type=Added | Withdrawn) for line in lines]
        except msgspec.ValidationError as error:
            raise UnreadableFile(f"{self.path} has a line that is no override: {error}. Correct it.") from error

    def listed(self) -> list[Listed]:
        """All overrides in the order they were made, also those that have expired or were withdrawn."""
        events = self.events()
        withdrawn = {event.id: event.made for event in events if isinstance(event, Withdrawn)}
        added = (event.override for event in events if isinstance(event, Added))
        return [Listed(override, withdrawn.get(override.id)) for override in added]

    def overrides(self) -> list[Override]:
        """The overrides that were not withdrawn, in the order they were made; also those that have expired."""
        return [listed.override for listed in self.listed() if listed.withdrawn is None]

    def holding(self) -> list[Listed]:
        """The overrides that were not withdrawn, and change the newest plan of their kind or may change later ones."""
        days: dict[str, date | None] = {}
        return [
            listed
            for listed in self.listed()
            if listed.withdrawn is None
            and listed.override.until
            >= (days.setdefault(listed.override.plan, self._day(listed.override.plan)) or date.min)
        ]

    def _day(self, kind: str) -> date | None:
        """The first day of the newest plan of a kind; None where there is no plan."""
        path = self._plan(kind)
        return _first_day(read_table(path, ["date"])) if path.exists() else None

    def _plan(self, kind: str) -> Path:
        return self.results / FOLDER / f"{kind}.parquet"

    def add(self, change: Change, kind: str = "orders") -> Override:
        """Adds an override of the newest plan of a kind, and of later ones until it expires.

        Raises UsageError where there is no such plan, for a reason that does not exist, days that end before they begin
        or before the plan, a quantity below 0, and values that fit no line.
        """
        return self.add_all([change], kind)[0]

    def add_all(self, changes: Sequence[Change], kind: str = "orders") -> list[Override]:
        """Adds several overrides as `add` does, all of them or none."""
        if not self._plan(kind).exists():
            raise UsageError(
                f"There is no plan of {kind} to change. Make it first with: foresell plan {kind} {self.path.parent}"
            )
        lines = read_table(self._plan(kind))
        overrides = [_override(change, kind, lines) for change in changes]
        appended_lines.append(self.path, [Added(override) for override in overrides])
        return overrides

    def withdraw(self, id: str, who: str, why: str) -> Override:
        """Ends an override; its line stays. Raises UsageError where there is none of that id."""
        overrides = {override.id: override for override in self.overrides()}
        if id not in overrides:
            raise UsageError(f"There is no override '{id}' to withdraw; there are {first_five(overrides) or 'none'}.")
        made = datetime.now(UTC).isoformat(timespec="seconds")
        appended_lines.append(self.path, [Withdrawn(id, who, why, made)])
        return overrides[id]


def _override(change: Change, kind: str, lines: pl.DataFrame) -> Override:
    """The override of a plan with these lines. Raises UsageError as `OverrideLog.add`."""
    day = _first_day(lines)
    first, until = change.first or day, change.until or change.first or day
    _check(change, first, until, day)
    where = {name: str(value) for name, value in change.where.items()}
    known = lines.filter(pl.Series(_fitting(where, lines)))["quantity"].drop_nulls()
    return Override(
        id=uuid4().hex[:8],
        plan=kind,
        where=where,
        how=change.how,
        value=change.value,
        first=first,
        until=until,
        reason=change.reason,
        why=change.why,
        who=change.who,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        replaces=float(known.sum()) if len(known) else None,
    )


def _first_day(lines: pl.DataFrame) -> date:
    day = lines["date"].cast(pl.Date).min()
    return day if isinstance(day, date) else date.min


def _check(change: Change, first: date, until: date, day: date) -> None:
    if change.reason not in REASON_CODES:
        raise UsageError(f"There is no reason '{change.reason}'; the reasons are {', '.join(REASON_CODES)}.")
    if until < first:
        raise UsageError(f"The override ends on {until}, before it begins on {first}. Give a later last day.")
    if until < day:
        raise UsageError(f"The override ends on {until}, before the plan of {day}. Give a later last day.")
    if not abs(change.value) < float("inf"):
        raise UsageError(f"The value {change.value} is no quantity. Give a number.")
    if change.how == "replace" and change.value < 0:
        raise UsageError(f"The quantity {change.value:g} is below 0. Give 0 or more.")
    if change.how == "percent" and change.value < -100:
        raise UsageError(f"{change.value:g} per cent take off more than there is. Give −100 or more.")


def _fitting(where: dict[str, str], lines: pl.DataFrame) -> list[bool]:
    """The lines with the values. Raises UsageError for a column that is no key, and where no line fits."""
    keys = lines.columns[: lines.columns.index("date")]
    unknown = [name for name in where if name not in keys]
    if unknown:
        raise UsageError(f"The plan has no key {first_five(unknown)}; its keys are {', '.join(keys)}.")
    fits = lines_of(where, lines)
    if not fits.any():
        for name, value in where.items():
            known = lines[name].cast(pl.String).unique().sort().drop_nulls()
            if value not in known:
                raise UsageError(f"The plan has no {name} '{value}'; it has {first_five(known.to_list())}.")
        raise UsageError("No line of the plan has all of these values. Give those of one of its lines.")
    return list(map(bool, fits))
