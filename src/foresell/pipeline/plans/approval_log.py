"""The approvals of a project: an append-only file beside its settings, which no run changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.words import many
from foresell.store import appended_lines

FILE = "approvals.jsonl"
"""The file in the folder of the project. It is what people decided, so it is no result, and outlives results/."""

Verdict = Literal["approve", "reject", "reopen"]

OPEN, APPROVED, REJECTED = "to decide", "approved", "rejected"
CHANGED = {APPROVED: "changed since approved", REJECTED: "changed since rejected"}
STATES = (OPEN, *CHANGED.values(), APPROVED, REJECTED)
"""The states of a line of a plan, those that need a person first."""

_STATE_OF: dict[str, str] = {"approve": APPROVED, "reject": REJECTED, "reopen": OPEN}


class Decision(msgspec.Struct, frozen=True):
    """What a person decided about lines of a plan at the UTC time `made`.

    - `plan` is the kind, and `day` the first day of the plan that was seen.
    - `keys` are the names of the keys with ``date`` and ``action``; `lines` have their values as text, and `quantities`
      the quantity of each line as it was seen, to which the decision belongs.
    - `reopen` takes an earlier decision back.
    """

    id: str
    plan: str
    day: date
    verdict: Verdict
    who: str
    made: str
    comment: str
    keys: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    quantities: tuple[float | None, ...]


@dataclass(frozen=True)
class ApprovalLog:
    """The approvals of the project in `folder`."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def decisions(self, kind: str | None = None) -> list[Decision]:
        """All decisions, or those about plans of a kind, oldest first.

        Raises UnreadableFile for a line that is no decision.
        """
        try:
            every = [msgspec.json.decode(line, type=Decision) for line in appended_lines.read(self.path)]
        except msgspec.ValidationError as error:
            raise UnreadableFile(f"{self.path} has a line that is no approval: {error}. Correct it.") from error
        return [decision for decision in every if kind is None or decision.plan == kind]

    def decide(self, kind: str, lines: pl.DataFrame, verdict: Verdict, who: str, comment: str = "") -> Decision:
        """Writes what `who` decided about `lines`, which are lines of a plan of a kind as the person saw them.

        Raises UsageError without lines, and where lines to approve have no quantity.
        """
        if lines.is_empty():
            raise UsageError("No line is chosen. Choose at least one line of the plan.")
        unknown = lines["quantity"].null_count()
        if verdict == "approve" and unknown:
            raise UsageError(
                f"{many(unknown, 'line')} of those chosen have no quantity that could be approved. Leave them out, or "
                "give them a quantity by an override."
            )
        days = lines["date"].cast(pl.Date).drop_nulls()
        named = _identity(lines, with_action=True)
        decision = Decision(
            id=uuid4().hex[:8],
            plan=kind,
            day=days.min() if len(days) else date.min,  # type: ignore[arg-type]
            verdict=verdict,
            who=who,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            comment=comment,
            keys=tuple(named.columns),
            lines=tuple(named.iter_rows()),
            quantities=tuple(lines["quantity"]),
        )
        appended_lines.append(self.path, [decision])
        return decision

    def take_back(self, id: str, who: str) -> Decision:
        """Opens the lines of a decision again, but for those about which somebody decided since; its line stays.

        Raises UsageError where there is none of that id, and where no line is left.
        """
        every = self.decisions()
        place = next((place for place, decision in enumerate(every) if decision.id == id), None)
        if place is None:
            raise UsageError(f"There is no decision '{id}' to take back.")
        decision = every[place]
        # An override changes the action of a line; it is part of the name only where keys and date name several.
        end = -1 if len({line[:-1] for line in decision.lines}) == len(decision.lines) else None
        since = {line[:end] for later in every[place + 1 :] if later.plan == decision.plan for line in later.lines}
        left = [number for number, line in enumerate(decision.lines) if line[:end] not in since]
        if not left:
            raise UsageError(
                "All of these lines were decided about again since, and that holds. Nothing is taken back."
            )
        made = datetime.now(UTC).isoformat(timespec="seconds")
        reopened = replace(
            decision, id=uuid4().hex[:8], verdict="reopen", who=who, made=made, comment="",
            lines=tuple(decision.lines[number] for number in left),
            quantities=tuple(decision.quantities[number] for number in left),
        )  # fmt: skip
        appended_lines.append(self.path, [reopened])
        return reopened


def with_decisions(lines: pl.DataFrame, decisions: list[Decision]) -> pl.DataFrame:
    """The lines of a plan with the last decision about each.

    Further columns: ``state`` (one of `STATES`), ``decided_by``, ``decided_at`` (UTC), ``comment`` and
    ``decided_quantity``. A line is known by its keys and date, and by its action too where these name several lines.
    Raises UsageError where a key has the name of one of these.
    """
    check_keys(lines, _DECIDED)
    named = _identity(lines, with_action=False)
    if named.is_duplicated().any():
        named = _identity(lines, with_action=True)
    last = _last(decisions, named.columns)
    joined = named.join(last, on=named.columns, how="left", maintain_order="left", nulls_equal=True)
    joined = joined.select(*_DECIDED).with_columns(quantity=lines["quantity"])
    state = pl.col("state").fill_null(OPEN)
    seen, now = pl.col("decided_quantity"), pl.col("quantity")
    is_same = seen.eq_missing(now) | ((seen - now).abs() <= 1e-6 * pl.max_horizontal(seen.abs(), 1.0)).fill_null(False)
    state = pl.when(is_same).then(state).otherwise(state.replace(CHANGED))
    decided = joined.with_columns(state=state).drop("quantity")
    is_open = decided["state"] == OPEN
    decided = decided.with_columns(pl.when(~is_open).then(pl.col(name)).alias(name) for name in _DECIDED[1:])
    return lines.drop(_DECIDED, strict=False).hstack(decided)


_DECIDED = ("state", "decided_by", "decided_at", "comment", "decided_quantity")


def check_keys(lines: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raises UsageError where a key of a plan has the name of one of the `columns` that are set beside it."""
    keys = lines.columns[: lines.columns.index("date")]
    taken = [name for name in keys if name in columns]
    if taken:
        raise UsageError(
            f"The plan has keys called {', '.join(taken)}, and decisions have columns of these names. Rename the keys "
            f"in the data, for example to '{taken[0]}_name', and in data.keys; then: foresell run"
        )


def _last(decisions: list[Decision], names: list[str]) -> pl.DataFrame:
    """The last decision about each line, by the columns `names`."""
    schema = dict.fromkeys((*names, *_DECIDED[:-1]), pl.String) | {"decided_quantity": pl.Float64}
    tables = []
    for decision in decisions:
        if not set(names) <= set(decision.keys):
            continue  # of a plan that had other keys
        lines = pl.DataFrame(decision.lines, schema=dict.fromkeys(decision.keys, pl.String), orient="row")
        texts = (_STATE_OF[decision.verdict], decision.who, decision.made, decision.comment)
        tables.append(
            lines.select(names).with_columns(
                *(pl.lit(text).alias(name) for name, text in zip(_DECIDED, texts, strict=False)),
                pl.Series("decided_quantity", decision.quantities, pl.Float64),
            )
        )
    every = pl.concat(tables) if tables else pl.DataFrame(schema=schema)
    last = every.unique(names, keep="last", maintain_order=True)
    return last.with_columns(pl.col("decided_at").str.to_datetime(time_zone="UTC"))


def _identity(lines: pl.DataFrame, *, with_action: bool) -> pl.DataFrame:
    """What names a line, as text: the keys and the date, and the action where that is wanted."""
    end = lines.columns.index("date") + 1
    names = [*lines.columns[:end], *(["action"] if with_action else [])]
    timed = isinstance(lines.schema["date"], pl.Datetime)
    day = pl.col("date").cast(pl.Datetime("us")) if timed else pl.col("date")
    return lines.with_columns(day).select(pl.col(name).cast(pl.String).fill_null("") for name in names)
