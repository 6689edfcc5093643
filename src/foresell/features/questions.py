"""Training rows: the same question asked at many past cutoffs, its features made once and shared by all windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.core.panel import Panel
from foresell.features.catalogue import matrix
from foresell.features.question import Block, Context, Feature, Question

BLOCK = 1024  # series at a time: their running sums then fit in a few hundred megabytes


@dataclass(frozen=True)
class Grid:
    """Which questions to learn from: every `every` days back from the last cutoff over `days` days, a random `share`
    of all pairs of series and step."""

    days: int = 730
    every: int = 7
    share: float = 0.08
    seed: int = 1


def past_cutoffs(panel: Panel, grid: Grid) -> np.ndarray:
    """The cutoffs to ask at, oldest first, int64 [cutoff]: each leaves at least one known day to learn from."""
    last = panel.n_days - 1
    return np.arange(last - grid.every, max(last - grid.days, 0) - 1, -grid.every)[::-1]


def draw(block: Block, cutoffs: np.ndarray, horizon: int, grid: Grid) -> Question:
    """A random share of the questions whose answer is known, for one block.

    Each cutoff draws from a generator of its own, so that what is drawn for it does not depend on later cutoffs.
    """
    n_series, n_days = block.panel.units.shape
    drawn = []
    for place, cutoff in enumerate(cutoffs):
        random = np.random.default_rng((grid.seed, int(cutoff), int(block.members[0])))
        cells = n_series * horizon
        pick = np.flatnonzero(random.random(cells, dtype=np.float32) < grid.share)
        series, step = pick // horizon, pick % horizon + 1
        inside = cutoff + step < n_days
        series, step = series[inside], step[inside]
        answered = ~np.isnan(block.panel.units[series, cutoff + step])
        drawn.append((np.full(answered.sum(), place), series[answered], step[answered]))
    place, series, step = (np.concatenate(column).astype(np.int32) for column in zip(*drawn, strict=True))
    return Question(block, cutoffs, place, series, step)


def answers(question: Question) -> np.ndarray:
    """The units of the days asked for: float32 [row]."""
    return question.block.panel.units[question.series, question.day]


def everything(block: Block, cutoff: int, horizon: int) -> Question:
    """All series and steps of a block at one cutoff, series by series: rows reshape to [series, step]."""
    n_series = block.panel.n_series
    series = np.repeat(np.arange(n_series, dtype=np.int32), horizon)
    step = np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_series)
    return Question(block, np.array([cutoff]), np.zeros(len(series), np.int32), series, step)
