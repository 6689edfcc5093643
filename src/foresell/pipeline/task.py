"""What a step is given to do its work, and how it writes what it leaves."""

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
    """Takes how far a step is; see `progress.Progress`."""

    def __call__(self, done: float, total: float, doing: str, left: float | None = None) -> None: ...


@dataclass(frozen=True, eq=False)
class Task(Results):
    """What a step is given: the results so far, whom to `tell` how far it is, and who forecasts.

    `choice` is None for a step that does not ask who forecasts.
    """

    tell: Tell
    choice: Choice | None = None

    @property
    def forecaster_choice(self) -> Choice:
        """Who forecasts. Raises ValueError in a step that does not declare that it asks."""
        if self.choice is None:
            raise ValueError("A step that asks who forecasts declares so in the graph: asks_forecaster=True.")
        return self.choice


def write_json(path: Path, content: object) -> None:
    """Writes plain data, readable; what JSON does not know becomes text."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def write_findings(folder: Path, findings: Iterable[Finding]) -> None:
    """Writes ``findings.json``, worst first."""
    write_json(folder / "findings.json", [finding.to_dict() for finding in worst_first(findings)])
