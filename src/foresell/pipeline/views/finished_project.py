"""A project whose forecasts are read as they are, for those that answer questions and must not train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError
from foresell.decide.plan import Plan
from foresell.pipeline.choice import Choice
from foresell.pipeline.plans import KINDS, make_plan
from foresell.pipeline.progress import Watch, unwatched
from foresell.pipeline.project import Project
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary


class FinishedProject:
    """The project in a folder, whose steps are not done again where they are out of date. Plans of it keep
    draws and replays for the next ones (`Project.plan`); nothing else is written."""

    def __init__(self, folder: str | Path):
        self.project = Project(folder)
        self.folder, self.settings = self.project.folder, self.project.settings
        self.watch: Watch = unwatched

    @property
    def results(self) -> Results:
        """The results of the steps as they are now."""
        return self.project.results

    def run(self, *wanted: str) -> Any:
        """Does nothing. Raises UsageError where there is no forecast."""
        self.results.summary(ForecastSummary)

    def choice(self) -> Choice:
        """The model that forecasts."""
        return self.project.choice()

    def what_if(self, kind: str, changes: dict[str, Any]) -> Plan:
        """The plan of a kind with other settings, of those that `plans.Kind.what_if` allows.

        Raises UsageError for others, and as `plans.make_plan`.
        """
        allowed = KINDS[kind].what_if if kind in KINDS else ()
        refused = [name for name in changes if name not in allowed]
        if refused and kind in KINDS:
            raise UsageError(
                f"A question may not change {', '.join(refused)}; it may change {', '.join(allowed) or 'nothing'}."
            )
        return make_plan(self, kind, **changes)
