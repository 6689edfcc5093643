"""Explanations of a forecast, and what-if forecasts, by the model that forecasts in a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, date_text
from foresell.core.panel import Panel
from foresell.core.scenario import Change, scenario, series_where, steps_between
from foresell.core.words import change, listed, many, number, share, span
from foresell.ensemble.champion import Champion
from foresell.features.catalogue import group_levels
from foresell.features.past_changes import FEWEST, SHARE, PastChanges, past_changes, size_of
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.results import Results
from foresell.pipeline.task import Tell
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
    - `low` and `high`: between them `past_changes.SHARE` of similar changes would put the units of `after`; None where
      the past has too few changes to tell. `evidence`: a sentence about the changes of the past.
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
    low: float | None = None
    high: float | None = None
    evidence: str = ""

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
        sentences += [self.evidence] if self.evidence else []
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
            "low": self.low,
            "high": self.high,
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
    fitted = Forecaster.of(task, task.forecaster_choice).champion
    task.tell(0, 1, f"asking {fitted.name}")
    return explanation_of(task, fitted, chosen, first, last)


def explanation_of(
    results: Results,
    fitted: Champion,
    chosen: Mapping[str, object],
    first: date | str | None = None,
    last: date | str | None = None,
) -> Explanation:
    """The same by the models `fitted`, with results that are read as they are."""
    panel = results.panel
    rows = series_where(panel.series, chosen)
    steps = steps_between(panel, fitted.horizon, first, last)
    return reasons.explain(
        fitted.explain(panel, rows.tolist()),
        reasons.reasons_of(results.features, panel.frequency),
        panel,
        rows,
        steps,
        reasons.named(panel, chosen, rows),
        group_levels(panel, results.settings.levels),
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
    fitted = Forecaster.of(task, task.forecaster_choice).champion
    return what_if_of(task, fitted, chosen, changes, first, last, task.tell)


def what_if_of(
    results: Results,
    fitted: Champion,
    chosen: Mapping[str, object],
    changes: Mapping[str, str | float],
    first: date | str | None = None,
    last: date | str | None = None,
    tell: Tell = lambda done, total, doing, left=None: None,
) -> WhatIf:
    """The same by the models `fitted`, with results that are read as they are."""
    panel = results.panel
    rows = series_where(panel.series, chosen)
    steps = steps_between(panel, fitted.horizon, first, last)
    dates = panel.ahead(fitted.horizon)
    begin, end = dates[[steps.start, steps.stop - 1]].astype(object)
    changed = scenario(panel, changes, rows, begin, end)
    tell(0, 2, "the forecast as it is")
    before = fitted.forecast(panel).mean.astype(np.float64)
    tell(1, 2, "the forecast as it would be")
    after = fitted.forecast(changed).mean.astype(np.float64)
    difference = (after - before).sum(axis=1)
    summed = after[rows].sum(axis=0)
    low, high, evidence = _range(panel, changed, [*changes], rows, after[rows], steps)
    return WhatIf(
        series=reasons.named(panel, chosen, rows),
        count=len(rows),
        model=fitted.name,
        changes=tuple(Change.of(covariate, text) for covariate, text in changes.items()),
        first=begin,
        last=end,
        dates=dates,
        before=before[rows].sum(axis=0),
        after=summed,
        others=float(np.delete(difference, rows).sum()),
        frequency=panel.frequency,
        low=low,
        high=high,
        evidence=evidence,
    )


def _range(
    panel: Panel, changed: Panel, covariates: Sequence[str], rows: np.ndarray, after: np.ndarray, steps: slice
) -> tuple[float | None, float | None, str]:
    """Between which units the sum of `after` [series, step] would lie, as similar changes turned out, and a sentence
    about these; None where the past has too few to tell."""
    days = slice(panel.n_days + steps.start, panel.n_days + steps.stop)
    moved = after[:, steps].sum(axis=1)
    there, rest = float(moved.sum()), float(after.sum() - moved.sum())
    concentration = float(np.sum((moved / there) ** 2)) if there > 0 else 1.0
    variance, counts = 0.0, []
    for covariate in covariates:
        size, whose = size_of(panel, changed, covariate, rows, days), "these series"
        past = past_changes(panel, covariate, rows)
        if not past.tells_of(size) and len(rows) < panel.n_series:
            past, whose = past_changes(panel, covariate, np.arange(panel.n_series)), "all series"
        if not past.tells_of(size):
            return None, None, _too_few(covariate, past)
        variance += past.variance(size, concentration)
        counts.append(f"{many(len(past), 'change')} of {covariate} of {whose}")
    reach = NormalDist().inv_cdf((1 + SHARE) / 2) * variance**0.5
    low, high = (rest + there * np.exp(side * reach) for side in (-1, 1))
    sentence = (
        f"As far as the effect of the change goes, it may be {number(low)} to {number(high)} units: so differently "
        f"did {share(SHARE)} of such changes turn out in the past ({listed(counts)}). Sales vary more than that."
    )
    return low, high, sentence


def _too_few(covariate: str, past: PastChanges) -> str:
    """The sentence where the past does not tell how far the forecast may be off."""
    if len(past) < FEWEST:
        seen = f"only {many(len(past), 'change')}" if len(past) else "no change"
        why = f"the past has {seen} of {covariate}, which is too few to tell"
    else:
        why = f"no change of {covariate} in the past was nearly as large, so that it does not tell"
    return f"There is no range: {why} what such a change does. Take the number as a guess."
