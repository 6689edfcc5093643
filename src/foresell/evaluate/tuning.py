"""Tuning: how well a model with other options would have forecast windows of the past, and whether that holds.

The windows of tuning end where those of the backtest begin, so the backtest stays an honest judge: nothing that the
search was told lies in it. All trials share the rows, their features and the truth of the windows, made once.
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
from foresell.evaluate.backtest import backtest, windows
from foresell.evaluate.scores import ALL_LEVELS
from foresell.evaluate.search_space import Space, options_of
from foresell.evaluate.tested_window import Evidence
from foresell.evaluate.windows import cutoffs
from foresell.features.training_rows import Questions
from foresell.models.global_models.model import Pooled

ROWS = 400_000  # at most that many are drawn for all trials: enough to tell models apart, few enough to try many
SETTINGS, TUNED = "settings", "tuned"
"""The names under which the two models stand that `confirm` compares."""

Tell = Callable[[float], None]
"""Told how many windows are done, in parts too."""


def tuning_cutoffs(panel: Panel, horizon: int, count: int, every: int | None = None) -> list[int]:
    """The cutoffs of so many windows, the last of which ends on the day of the first cutoff of the backtest.

    The backtest has as many windows, as far apart. Raises UsageError where the history is too short for both.
    """
    tested = cutoffs(panel, horizon, count, every)
    try:
        return cutoffs(panel.until(tested[0]), horizon, count, every)
    except UsageError as error:
        noun, step = panel.frequency.noun, every or horizon
        takes = 2 * horizon + step * (count - 1)
        raise UsageError(
            f"The history has {panel.n_days} {noun}s, too few to tune: the search has {count} windows of its own, "
            f"which take {takes} {noun}s, and before the backtest's windows there are {tested[0] + 1}. "
            "Ask for fewer windows with 'backtest.windows', or bring a longer history."
        ) from error


def sample(panel: Panel, count: int, seed: int) -> Panel:
    """At most `count` series of the panel, drawn at random, in their order."""
    if count >= panel.n_series:
        return panel
    return panel.part(np.sort(np.random.default_rng(seed).permutation(panel.n_series)[:count]))


@dataclass(frozen=True)
class Trials:
    """What all trials share.

    - `space` is around a model that asks for the rows that are `prepared`, a share of those of the settings' model.
    - `panel` is the sample; `cutoffs` are in the order in which a trial sees them, the latest first.
    - `truth` is what happened, one for each cutoff; scores are WRMSSE of all levels of the sample's own hierarchy.
    """

    space: Space
    panel: Panel
    horizon: int
    cutoffs: tuple[int, ...]
    prepared: Questions = field(repr=False)
    truth: tuple[Evidence, ...] = field(repr=False)

    @classmethod
    def of(cls, model: Pooled, panel: Panel, horizon: int, days: Sequence[int], hierarchy: Hierarchy) -> Trials:
        """Trials of `model` with other options in windows at `days`; `panel` has all the series to try them on.

        Raises UsageError for a model without options to search.
        """
        ordered = sorted(days)
        past = panel.until(ordered[-1])
        known = panel.until(ordered[-1] + horizon)  # the truth of the last window, and nothing after it
        fewer = _fewer_rows(model, past, horizon)
        options_of(model)  # says so now where there is nothing to search
        prepared = replace(fewer, drop=()).prepare(past, horizon, ordered)
        space = Space.of(fewer, prepared.features)
        truth = [
            Evidence(window=each, last=known.until(day + horizon).cutoff, means={}, totals={})
            for day, each in zip(ordered, windows(known, horizon, ordered, hierarchy, None, ()), strict=True)
        ]
        return cls(space, panel, horizon, tuple(ordered[::-1]), prepared, tuple(truth[::-1]))

    @property
    def rows(self) -> int:
        """How many rows the latest window learns from."""
        return len(self.prepared.until(self.cutoffs[0]).units)

    def model(self, number: int, values: Mapping[str, Any]) -> Pooled:
        """The model of a trial. The first is that of the settings just as it is, even where the space leaves it out."""
        return self.space.model if number == 0 else self.space.make(values)

    def judge(self, model: Pooled, tell: Tell = lambda done: None) -> Iterator[float]:
        """The WRMSSE of `model` in one window after the other, each fitted when it is asked for."""
        for number, (cutoff, truth) in enumerate(zip(self.cutoffs, self.truth, strict=True)):
            past = self.panel.until(cutoff)
            tell(number)
            fitted = model.fit(past, self.horizon, self.prepared, _part(tell, number))
            yield truth.wrmsse(truth.errors(fitted.forecast(past).mean))


def _part(tell: Tell, number: int) -> Callable[[int, int], None]:
    return lambda done, of: tell(number + 0.95 * done / max(of, 1))


def _fewer_rows(model: Pooled, panel: Panel, horizon: int) -> Pooled:
    """The model with a share of rows such that not many more than ROWS are drawn."""
    grid = model.rows.grid(panel, horizon)
    drawn = panel.n_series * horizon * grid.share * grid.days / grid.every
    return replace(model, share=grid.share * min(1.0, ROWS / max(drawn, 1)))


def confirm(
    panel: Panel,
    before: Pooled,
    after: Pooled,
    horizon: int,
    days: Sequence[int],
    hierarchy: Hierarchy,
    *,
    weights: str | Path | pl.DataFrame | None = None,
    progress: Callable[[float, int, str], None] | None = None,
) -> pl.DataFrame:
    """The WRMSSE of two models in windows that no search has seen: ``cutoff``, ``settings``, ``tuned``.

    Both are fitted anew on all series of `panel`, as the backtest would; see `backtest` for the rest.
    """
    models: dict[str, Any] = {SETTINGS: before, TUNED: after}
    done = backtest(
        panel, models, horizon, days, hierarchy, weights=weights, keep=lambda frame: None, progress=progress
    )
    overall = done.levels.filter(pl.col("level") == ALL_LEVELS)
    return overall.pivot("model", index="cutoff", values="wrmsse").select("cutoff", SETTINGS, TUNED).sort("cutoff")
