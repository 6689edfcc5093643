"""The state of each step, and how the steps depend on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from foresell.core.words import listed, many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.graph import STEPS
from foresell.pipeline.project import LEFT_OUT, NOT_DONE, OUT_OF_DATE, UP_TO_DATE, Project

_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("step", "state"), pl.String),
    "finished": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    **dict.fromkeys(("does", "needs", "verb"), pl.String),
}


class StepsQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class StepsView:
    """The states: `steps` has a row for each in the order of a run, with the steps that it `needs`, with commas.

    `sentence` says what a run would do.
    """

    sentence: str
    steps: pl.DataFrame


def steps(project: ForecastProject, query: StepsQuery) -> StepsView:
    """The state of each step as it is now, by the settings, the files and the code."""
    states = Project(project.folder).status()
    rows = [
        (state.step, state.state, state.finished, state.seconds, step.description, ", ".join(step.needs), step.verb)
        for state in states
        for step in (STEPS[state.step],)
    ]
    return StepsView(
        sentence=_sentence({state.step: state.state for state in states}),
        steps=pl.DataFrame(rows, schema=_SCHEMA, orient="row"),
    )


def _sentence(states: dict[str, str]) -> str:
    todo = [step for step, state in states.items() if state in (OUT_OF_DATE, NOT_DONE)]
    if not todo:
        return "All steps are up to date; a run would do nothing."
    if not any(state in (UP_TO_DATE, OUT_OF_DATE, LEFT_OUT) for state in states.values()):
        return "Nothing is done yet. A run does all steps."
    return f"A run would do {many(len(todo), 'step')}: {listed(todo)}."
