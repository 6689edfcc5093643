"""Why this forecast, and what if: the questions that a planner asks of a project whose model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.scenario import Change, scenario, series_where, steps_between
from foresell.core.words import change, listed, many, number, span
from foresell.features.catalogue import group_levels
from foresell.pipeline.forecaster import Forecaster
from foresell.serving import reasons
from foresell.serving.reasons import Explanation

if TYPE_CHECKING:
    from foresell.pipeline.project import Project


@dataclass(frozen=True)
class WhatIf:
    """The forecast of some series as it is and as it would be; both in units, [step] over the whole horizon.

    - `series`: how they are called; `count`: how many there are; `model`: who forecasts.
    - `changes` in words, which hold from `first` to `last`; `dates` datetime64[D] [step].
    - `others`: by how many units the forecast of all other series moves, over the whole horizon: a model that looks
      at the prices round an item may take from one what it gives to another.
    """

    series: str
    count: int
    model: str
    changes: tuple[Change, ...]
    first: date
    last: date
    dates: np.ndarray
    before: np.ndarray
    after: np.ndarray
    others: float
    frequency: Frequency = Frequency.DAY

    def sentences(self) -> list[str]:
        """What the change would do, and what to know about that."""
        before, after = float(self.before.sum()), float(self.after.sum())
        changed = f"{listed([str(each) for each in self.changes])} on {span(self.first, self.last)}"
        if np.array_equal(self.before, self.after):
            what = listed([each.covariate for each in self.changes])
            return [
                f"With {changed}, the forecast of {self.series} stays as it is, {number(before)} units: {self.model} "
                f"has not learnt that {what} matters to it, or it is so already."
            ]
        ratio = f" ({change(after / before - 1)})" if before > 0 else ""
        told = [
            f"With {changed}, {self.series} is forecast to sell {number(after)} units rather than {number(before)}"
            f"{ratio} over the {many(len(self.dates), self.frequency.noun)} from "
            f"{span(self.dates[0], self.dates[-1])}."
        ]
        if abs(self.others) >= 0.05:
            told.append(f"All other series together: {'+' if self.others > 0 else ''}{number(self.others)} units.")
        told.append(
            "This is what the model learnt from the past, when prices and promotions were set for reasons "
            "of their own; it is no trial."
        )
        return told

    def to_dict(self) -> dict[str, object]:
        """The answer as plain data, for JSON."""
        return {
            "series": self.series,
            "count": self.count,
            "model": self.model,
            "changes": [str(each) for each in self.changes],
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "before": float(self.before.sum()),
            "after": float(self.after.sum()),
            "others": self.others,
            "sentences": self.sentences(),
            "days": [
                {"date": str(when), "before": float(before), "after": float(after)}
                for when, before, after in zip(self.dates, self.before, self.after, strict=True)
            ],
        }


def explain(
    project: Project, chosen: Mapping[str, object], first: date | str | None = None, last: date | str | None = None
) -> Explanation:
    """Why the forecast of the `chosen` series (values by column; all where none is named) is what it is.

    From `first` to `last`, within the horizon; all of it where not given. Asks the model that makes the forecast, and
    does first what is out of date of what that needs. Raises UsageError for series and days that the forecast does not
    have.
    """
    task = project.trained("why")
    panel, fitted = task.panel, Forecaster.of(task, task.forecaster_choice).champion
    rows = series_where(panel.series, chosen)
    steps = steps_between(panel, fitted.horizon, first, last)
    task.tell(0, 1, f"asking {fitted.name}")
    return reasons.explain(
        fitted.explain(panel, rows.tolist()),
        reasons.reasons_of(task.features, panel.frequency),
        panel,
        rows,
        steps,
        reasons.named(panel, chosen, rows),
        group_levels(panel, task.settings.levels),
    )


def what_if(
    project: Project,
    chosen: Mapping[str, object],
    changes: Mapping[str, str | float],
    first: date | str | None = None,
    last: date | str | None = None,
) -> WhatIf:
    """How the forecast of the `chosen` series moves with `changes` of what is known ahead, from `first` to `last`.

    `changes` are by covariate: ``{"price": "-10%", "promotion": "on"}``, see `core.scenario.Change`. The project's
    data and results stay as they are. Asks the model that makes the forecast, and does first what is out
    of date of what it needs. Raises UsageError for series, days and covariates that are not there ahead.
    """
    if not changes:
        raise UsageError("Nothing is changed; give another price or promotion.")
    task = project.trained("why")
    panel, fitted = task.panel, Forecaster.of(task, task.forecaster_choice).champion
    rows = series_where(panel.series, chosen)
    steps = steps_between(panel, fitted.horizon, first, last)
    dates = panel.ahead(fitted.horizon)
    begin, end = dates[[steps.start, steps.stop - 1]].astype(object)
    other = scenario(panel, changes, rows, begin, end)
    task.tell(0, 2, "the forecast as it is")
    before = fitted.forecast(panel).mean.astype(np.float64)
    task.tell(1, 2, "the forecast as it would be")
    after = fitted.forecast(other).mean.astype(np.float64)
    moved = (after - before).sum(axis=1)
    return WhatIf(
        series=reasons.named(panel, chosen, rows),
        count=len(rows),
        model=fitted.name,
        changes=tuple(Change.of(covariate, said) for covariate, said in changes.items()),
        first=begin,
        last=end,
        dates=dates,
        before=before[rows].sum(axis=0),
        after=after[rows].sum(axis=0),
        others=float(np.delete(moved, rows).sum()),
        frequency=panel.frequency,
    )
