"""What people did about exceptions: an append-only file beside the settings of a project, which no run changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from foresell.core.errors import UnreadableFile, UsageError
from foresell.store import appended_lines

FILE = "exceptions.jsonl"
"""The file in the folder of the project. It is what people decided, so it is no result, and outlives results/."""

GROWTH = 1.1
"""An acknowledged exception is open again when it has grown beyond this multiple of its size then."""

Action = Literal["acknowledge", "assign", "comment", "reopen"]

OPEN, ACKNOWLEDGED, REOPENED = "open", "acknowledged", "open again"
"""The states of an exception."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person did about the exception `id` at the UTC time `made`.

    `text` is the comment, or why. `assignee` is whom it was given to, empty for nobody. `size` is how large the
    exception was then (its units, or money, or count), and `sentence` what it said.
    """

    id: str
    action: Action
    who: str
    made: str
    text: str = ""
    assignee: str = ""
    size: float | None = None
    sentence: str = ""


@dataclass(frozen=True)
class Handling:
    """Where the work on an exception stands: its state, whom it is given to, and all that was done, oldest first."""

    state: str = OPEN
    assignee: str = ""
    events: tuple[Event, ...] = ()

    @property
    def comments(self) -> tuple[Event, ...]:
        """What was said about it."""
        return tuple(event for event in self.events if event.text)


def handling(events: Iterable[Event], size: float | None) -> Handling:
    """Where the work stands on an exception that is of a `size` now.

    >>> done = Event(id="a", action="acknowledge", who="ann", made="2026-01-01T08:00:00+00:00", size=100.0)
    >>> [handling([done], size).state for size in (90.0, 110.0, 111.0)]
    ['acknowledged', 'acknowledged', 'open again']
    """
    state, assignee, known = OPEN, "", None
    events = tuple(events)
    for event in events:
        if event.action == "acknowledge":
            state, known = ACKNOWLEDGED, event.size
        elif event.action == "reopen":
            state = OPEN
        elif event.action == "assign":
            assignee = event.assignee
    if state == ACKNOWLEDGED and size is not None and known is not None and size > GROWTH * known:
        state = REOPENED
    return Handling(state, assignee, events)


class ExceptionLog:
    """What people did about the exceptions of the project in `folder`."""

    def __init__(self, folder: Path):
        self.path = Path(folder) / FILE

    def events(self) -> dict[str, list[Event]]:
        """All that was ever done, by exception, oldest first. Raises UnreadableFile for a line that is no event."""
        by_id: dict[str, list[Event]] = {}
        try:
            for line in appended_lines.read(self.path):
                event = msgspec.json.decode(line, type=Event)
                by_id.setdefault(event.id, []).append(event)
        except msgspec.ValidationError as error:
            raise UnreadableFile(
                f"{self.path} has a line that tells of no exception: {error}. Correct it, or restore the file."
            ) from error
        return by_id

    def add(
        self,
        id: str,
        action: Action,
        who: str,
        *,
        text: str = "",
        assignee: str = "",
        size: float | None = None,
        sentence: str = "",
    ) -> Event:
        """Writes down what a person did. Raises UsageError for a comment without text."""
        if action == "comment" and not text.strip():
            raise UsageError("The comment is empty. Write what others should know.")
        event = Event(
            id=id,
            action=action,
            who=who,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            text=text.strip(),
            assignee=assignee.strip(),
            size=size,
            sentence=sentence,
        )
        appended_lines.append(self.path, [event])
        return event
