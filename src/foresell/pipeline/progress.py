"""The progress of a step while it runs, and its outcome."""

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
    """The progress of a step: `done` of `total` parts, and what it is `doing` now.

    `left` is the number of seconds left, where the step can estimate it better than from `done` and `total`, as its
    parts differ in length. NaN means that it is not known yet.
    """

    step: str
    done: float
    total: float
    doing: str
    left: float | None = None


Watch = Callable[[Progress], None]


class Pace:
    """The remaining time of a backtest, estimated from the time that each model took in the window before.

    >>> ticks = iter([0.0, 1.0, 11.0, 12.0])
    >>> pace = Pace(["naive", "gbm"], windows=3, clock=lambda: next(ticks))
    >>> [pace.left(done) for done in range(4)]
    [nan, nan, 22.0, 21.0]
    """

    def __init__(self, models: Iterable[str], windows: int, clock: Callable[[], float] = time.monotonic):
        self.models = list(models)
        self.windows = windows
        self.clock = clock
        self.seconds: dict[int, float] = {}
        self.last = 0.0

    def left(self, done: float) -> float:
        """The seconds left after `done` fits, counted window by window; a fraction is the part of the running fit."""
        now, finished = self.clock(), int(done)
        within_fit = done > finished
        if not within_fit:
            if finished:
                self.seconds[(finished - 1) % len(self.models)] = now - self.last
            self.last = now
        rest = range(finished, self.windows * len(self.models))
        left = sum(self.seconds.get(fit % len(self.models), math.nan) for fit in rest)
        return max(left - (now - self.last), 0.0) if within_fit else left


def unwatched(progress: Progress) -> None:
    """Shows no progress."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a step: the folder of its results, whether it was done now or was up to date, the seconds it took,
    and its summary (also in ``summary.json`` of the folder)."""

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
