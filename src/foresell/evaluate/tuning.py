"""Tuning: the error of a model with other options in windows of the past, and its confirmation in later windows.

The last window of tuning ends on the first cutoff of the backtest. So the search sees nothing of what the backtest
scores. All trials share the training rows, their features and the actuals of the windows, which are made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.words import many
from foresell.evaluate.backtest import backtest, evaluation_windows
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.evaluate.search_space import Space, options_of
from foresell.evaluate.window_forecasts import WindowForecasts
from foresell.features.training_rows import TrainingRows
from foresell.models.global_models.model import GlobalModel

MOST_ROWS = 400_000  # training rows of all trials: enough to tell models apart, few enough to try many of them
SETTINGS, TUNED = "settings", "tuned"
"""The names of the two models that `confirm` compares."""

WindowProgress = Callable[[float], None]
"""Called with the number of windows that are done, a fraction while one is fitted."""


def tuning_cutoffs(panel: Panel, horizon: int, count: int, every: int | None = None) -> list[int]:
    """The cutoffs of `count` windows, the last of which ends on the day of the first cutoff of the backtest.

    The backtest has `count` windows too, the same distance apart. Raises UsageError where the history is too short for
    both.
    """
    tested = cutoffs(panel, horizon, count, every)
    try:
        return cutoffs(panel.until(tested[0]), horizon, count, every)
    except UsageError as error:
        noun, step = panel.frequency.noun, every or horizon
        takes = 2 * horizon + step * (count - 1)
        raise UsageError(
            f"The history has {many(panel.n_days, noun)}, too few to tune: the search has "
            f"{many(count, 'window')} of its own, which take {many(takes, noun)}, and before the backtest's windows "
            f"there are {tested[0] + 1}. "
            "Ask for fewer windows with 'backtest.windows', or bring a longer history."
        ) from error


def sample_series(panel: Panel, count: int, seed: int) -> Panel:
    """At most `count` series of the panel, drawn at random and kept in their order."""
    if count >= panel.n_series:
        return panel
    return panel.part(np.sort(np.random.default_rng(seed).permutation(panel.n_series)[:count]))


@dataclass(frozen=True)
class TuningWindows:
    """The windows in which all trials are judged, and the data that the trials share.

    - `space`: the search space around the model of the settings, with a share of its training rows.
    - `panel`: the sample of series.
    - `cutoffs`: in the order in which a trial is judged in them, the latest first.
    - `prepared`: the training rows of all windows.
    - `windows`: the actuals after each cutoff. Errors are the WRMSSE of all levels of the sample's own hierarchy.
    """

    space: Space
    panel: Panel
    horizon: int
    cutoffs: tuple[int, ...]
    prepared: TrainingRows = field(repr=False)
    windows: tuple[WindowForecasts, ...] = field(repr=False)

    @classmethod
    def of(
        cls, model: GlobalModel, panel: Panel, horizon: int, days: Sequence[int], hierarchy: Hierarchy
    ) -> TuningWindows:
        """The windows at `days` for trials of `model` with other options; `panel` has the series to try them on.

        Raises UsageError for a model without options to search.
        """
        ordered = sorted(days)
        past = panel.until(ordered[-1])
        known = panel.until(ordered[-1] + horizon)  # the actuals of the last window, and nothing after it
        fewer = _fewer_rows(model.suited_to(panel.frequency), past, horizon)
        options_of(model)  # raises before the rows are made where the model has no options to search
        prepared = replace(fewer, drop=()).prepare(past, horizon, ordered)
        space = Space.of(fewer, prepared.features)
        evaluations = evaluation_windows(known, horizon, ordered, hierarchy, None, ())
        windows = [
            WindowForecasts(evaluation, last_day=known.until(day + horizon).cutoff, means={}, totals={})
            for day, evaluation in zip(ordered, evaluations, strict=True)
        ]
        return cls(space, panel, horizon, tuple(ordered[::-1]), prepared, tuple(windows[::-1]))

    @property
    def rows(self) -> int:
        """The number of rows that the latest window learns from."""
        return len(self.prepared.until(self.cutoffs[0]).units)

    def model(self, number: int, values: Mapping[str, Any]) -> GlobalModel:
        """The model of the trial with this number.

        The first is that of the settings, even where it lies outside the space.
        """
        return self.space.model if number == 0 else self.space.make(values)

    def window_errors(self, model: GlobalModel, progress: WindowProgress = lambda done: None) -> Iterator[float]:
        """The WRMSSE of `model` in one window after the other; each is fitted when its error is read."""
        for number, (cutoff, window) in enumerate(zip(self.cutoffs, self.windows, strict=True)):
            past = self.panel.until(cutoff)
            progress(number)
            fitted = model.fit(past, self.horizon, self.prepared, _fit_progress(progress, number))
            yield window.wrmsse(window.errors(fitted.forecast(past).mean))


def _fit_progress(progress: WindowProgress, number: int) -> Callable[[int, int], None]:
    return lambda done, of: progress(number + 0.95 * done / max(of, 1))


def _fewer_rows(model: GlobalModel, panel: Panel, horizon: int) -> GlobalModel:
    """The model with a share of rows such that not many more than `MOST_ROWS` are drawn."""
    grid = model.rows.grid(panel.frequency, panel.n_series, horizon)
    drawn = panel.n_series * horizon * grid.share * grid.days / grid.every
    return replace(model, share=grid.share * min(1.0, MOST_ROWS / max(drawn, 1)))


def confirm(
    panel: Panel,
    before: GlobalModel,
    after: GlobalModel,
    horizon: int,
    days: Sequence[int],
    hierarchy: Hierarchy,
    *,
    weights: str | Path | pl.DataFrame | None = None,
    progress: Callable[[float, int, str], None] | None = None,
) -> pl.DataFrame:
    """The WRMSSE of two models in windows that the search has not seen: ``cutoff``, ``settings``, ``tuned``.

    `before` is the model of the settings, `after` the tuned one. Both are fitted on all series of `panel`, as in a
    backtest; the other parameters are those of `backtest`.
    """
    models: dict[str, Any] = {SETTINGS: before, TUNED: after}
    tested = backtest(
        panel, models, horizon, days, hierarchy, weights=weights, forecast_sink=lambda frame: None, progress=progress
    )
    overall = tested.levels.filter(pl.col("level") == ALL_LEVELS)
    return overall.pivot("model", index="cutoff", values="wrmsse").select("cutoff", SETTINGS, TUNED).sort("cutoff")
