"""The task of a step: its inputs, and functions that write its results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foresell.core.finding import Finding, worst_first
from foresell.pipeline.choice import Choice
from foresell.pipeline.results import Results


class Tell(Protocol):
    """Receives the progress of a step; see `progress.Progress`."""

    def __call__(self, done: float, total: float, doing: str, left: float | None = None) -> None: ...


@dataclass(frozen=True, eq=False)
class Task(Results):
    """The inputs of a step: the results so far, the function `tell` that receives its progress, and who forecasts.

    `choice` is None for a step that does not depend on who forecasts.
    """

    tell: Tell
    choice: Choice | None = None

    @property
    def forecaster_choice(self) -> Choice:
        """The model that forecasts. Raises ValueError in a step that does not declare that it depends on that."""
        if self.choice is None:
            raise ValueError("A step that depends on who forecasts declares so in the graph: asks_forecaster=True.")
        return self.choice


def write_json(path: Path, content: object) -> None:
    """Writes plain data as indented JSON; values of other types are written as text."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def write_findings(folder: Path, findings: Iterable[Finding]) -> None:
    """Writes ``findings.json``, the most severe finding first."""
    write_json(folder / "findings.json", [finding.to_dict() for finding in worst_first(findings)])
