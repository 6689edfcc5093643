"""What a project tells those who run it: how far it is, and what came of each step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foresell.pipeline.summaries import Summary


@dataclass(frozen=True)
class Progress:
    """How far a step is: `done` of `total` parts, and what is being done now.

    `left` is how many seconds are left, where the step knows better than that the rest goes on as it did: its parts
    may be nothing alike. NaN says that nobody can know yet.
    """

    step: str
    done: float
    total: float
    doing: str
    left: float | None = None


Watch = Callable[[Progress], None]


class Pace:
    """How long the rest of a backtest takes, learnt from how long each model took before.

    >>> ticks = iter([0.0, 1.0, 11.0, 12.0])
    >>> pace = Pace(["naive", "gbm"], windows=3, clock=lambda: next(ticks))
    >>> [pace.left(done) for done in range(4)]
    [nan, nan, 22.0, 21.0]
    """

    def __init__(self, models: Iterable[str], windows: int, clock: Callable[[], float] = time.monotonic):
        self.models = list(models)
        self.windows = windows
        self.clock = clock
        self.took: dict[int, float] = {}
        self.last = 0.0

    def left(self, done: float) -> float:
        """Seconds that are left when `done` fits are, window by window; a fraction is that of the fit under way."""
        now, whole = self.clock(), int(done)
        begun = done > whole
        if not begun:
            if whole:
                self.took[(whole - 1) % len(self.models)] = now - self.last
            self.last = now
        rest = range(whole, self.windows * len(self.models))
        left = sum(self.took.get(place % len(self.models), math.nan) for place in rest)
        return max(left - (now - self.last), 0.0) if begun else left


def unwatched(progress: Progress) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Outcome:
    """What came of a step: where its results lie, whether it was done now or was up to date already, how long it
    took, and its summary (also in ``summary.json`` of the folder)."""

    step: str
    folder: Path
    done: bool
    seconds: float
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data, for JSON."""
        return {
            "step": self.step,
            "state": "done" if self.done else "up to date",
            "seconds": self.seconds,
            "folder": str(self.folder),
            **self.summary.to_dict(),
        }
