"""What the flow tells those who run it: how far it is, and what came of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a step is: `done` of `total` parts, and what is being done now."""

    step: str
    done: float
    total: float
    doing: str


Watch = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Outcome:
    """What came of a step: where its results lie, whether it was done now or was up to date already, how long it
    took, and its summary as plain data (also in ``summary.json`` of the folder)."""

    step: str
    folder: Path
    done: bool
    seconds: float
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data, for JSON."""
        return {
            "step": self.step,
            "state": "done" if self.done else "up to date",
            "seconds": self.seconds,
            "folder": str(self.folder),
            **self.summary,
        }
