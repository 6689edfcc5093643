"""Explanations of a forecast, and what-if forecasts, by the model that forecasts in a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, date_text
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

    - `series`: the name of the series, or of the group of them; `count`: their number; `model`: the model's name.
    - `changes`: what is changed, from `first` to `last`; `dates`: datetime64[D] [step].
    - `others`: the units by which the forecast of all other series changes, over the whole horizon. A model that reads
      the prices of similar items may move demand from one item to another.
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
        """The effect of the changes in sentences, with what a reader should know about it."""
        before, after = float(self.before.sum()), float(self.after.sum())
        changed = f"{listed([str(item) for item in self.changes])} on {span(self.first, self.last)}"
        if np.array_equal(self.before, self.after):
            covariates = listed([item.covariate for item in self.changes])
            return [
                f"With {changed}, the forecast of {self.series} stays as it is, {number(before)} units: {self.model} "
                f"has not learnt that {covariates} matters to it, or it is so already."
            ]
        ratio = f" ({change(after / before - 1)})" if before > 0 else ""
        sentences = [
            f"With {changed}, {self.series} is forecast to sell {number(after)} units rather than {number(before)}"
            f"{ratio} over the {many(len(self.dates), self.frequency.noun)} from "
            f"{span(self.dates[0], self.dates[-1])}."
        ]
        if abs(self.others) >= 0.05:
            sentences.append(f"All other series together: {'+' if self.others > 0 else ''}{number(self.others)} units.")
        sentences.append(
            "The model learnt this from past sales, whose prices and promotions were not set as an experiment; the "
            "true effect may differ."
        )
        return sentences

    def to_dict(self) -> dict[str, object]:
        """The answer as plain data, for JSON."""
        return {
            "series": self.series,
            "count": self.count,
            "model": self.model,
            "changes": [str(item) for item in self.changes],
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "before": float(self.before.sum()),
            "after": float(self.after.sum()),
            "others": self.others,
            "sentences": self.sentences(),
            "days": [
                {"date": date_text(day), "before": float(before), "after": float(after)}
                for day, before, after in zip(self.dates, self.before, self.after, strict=True)
            ],
        }


def explain(
    project: Project, chosen: Mapping[str, object], first: date | str | None = None, last: date | str | None = None
) -> Explanation:
    """Explains the forecast of the `chosen` series (values by column; all series where none is named).

    The days are those from `first` to `last`, by default the whole horizon. Steps that the forecasting model needs are
    done first where they are out of date. Raises UsageError for series and days that the forecast does not have.
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
    """Forecasts the `chosen` series with `changes` of what is known ahead, from `first` to `last`.

    `changes` are by covariate: ``{"price": "-10%", "promotion": "on"}``, see `core.scenario.Change`. The project's
    data and forecasts stay as they are. Steps that the forecasting model needs are done first where they are out of
    date. Raises UsageError for series, days and covariates that are not known ahead.
    """
    if not changes:
        raise UsageError("There is no change to forecast with; give another price or promotion.")
    task = project.trained("why")
    panel, fitted = task.panel, Forecaster.of(task, task.forecaster_choice).champion
    rows = series_where(panel.series, chosen)
    steps = steps_between(panel, fitted.horizon, first, last)
    dates = panel.ahead(fitted.horizon)
    begin, end = dates[[steps.start, steps.stop - 1]].astype(object)
    changed = scenario(panel, changes, rows, begin, end)
    task.tell(0, 2, "the forecast as it is")
    before = fitted.forecast(panel).mean.astype(np.float64)
    task.tell(1, 2, "the forecast as it would be")
    after = fitted.forecast(changed).mean.astype(np.float64)
    difference = (after - before).sum(axis=1)
    return WhatIf(
        series=reasons.named(panel, chosen, rows),
        count=len(rows),
        model=fitted.name,
        changes=tuple(Change.of(covariate, text) for covariate, text in changes.items()),
        first=begin,
        last=end,
        dates=dates,
        before=before[rows].sum(axis=0),
        after=after[rows].sum(axis=0),
        others=float(np.delete(difference, rows).sum()),
        frequency=panel.frequency,
    )
