"""Training rows of one block: the same question asked at many past cutoffs, some of them drawn by the series' key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.hierarchy import Level
from foresell.core.keyed_random import key_hashes, random_bits, share_of
from foresell.core.panel import Panel
from foresell.features.catalogue import all_features, matrix
from foresell.features.question import Context, Question


@dataclass(frozen=True)
class Grid:
    """Which questions to learn from: cutoffs every `every` days over the last `days` days, and at each of them a random
    `share` of all pairs of series and step."""

    days: int = 1456
    every: int = 7
    share: float = 0.06
    seed: int = 1

    def cutoffs(self, last: int, first: int | None = None) -> np.ndarray:
        """Past cutoffs for a window whose cutoff is `last`, oldest first: int64 [cutoff].

        With `first`, also those for a window with that earlier cutoff.
        """
        oldest = max((last if first is None else first) - self.days, 0)
        return np.arange(last - self.every, oldest - 1, -self.every, dtype=np.int64)[::-1]


@dataclass(frozen=True)
class RowRequest:
    """Which rows are drawn of every block, at `cutoffs` int64 [cutoff], and which features they get, in order.

    `levels` are those whose trends and prices are features. It is plain data: it is handed to wherever a block is.
    """

    context: Context
    grid: Grid
    cutoffs: np.ndarray
    features: tuple[str, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class BlockRows:
    """The rows drawn of one block: those of `members`, the keys and attributes of its series, with their `hashes`.

    `series` int32 [row] are places in `members`; `cutoff` and `day`, int16 [row], are days of the history; `units`
    float32 [row] is the answer and `values` float32 [row, feature] are the features.
    """

    members: pl.DataFrame
    hashes: np.ndarray
    series: np.ndarray
    cutoff: np.ndarray
    day: np.ndarray
    units: np.ndarray
    values: np.ndarray


def draw_rows(request: RowRequest, block: Panel) -> BlockRows:
    """The rows of `block` that are drawn by `request`, with their features."""
    hashes = key_hashes(block.series, block.keys)
    place, series, step = draw(block.units, hashes, request.cutoffs, request.context.horizon, request.grid)
    question = Question(request.context.block(block), request.cutoffs, place, series, step)
    features = all_features(block, request.levels)
    return BlockRows(
        block.series,
        hashes,
        series,
        question.cutoff.astype(np.int16),
        question.day.astype(np.int16),
        block.units[series, question.day],
        matrix(question, {name: features[name] for name in request.features}),
    )


def draw(
    units: np.ndarray, hashes: np.ndarray, cutoffs: np.ndarray, horizon: int, grid: Grid
) -> tuple[np.ndarray, ...]:
    """A random share of the questions with a known answer: place of the cutoff, series and step, int32 [row] each.

    `units` is float32 [series, day], and `hashes` uint64 [series] are those of the keys. Whether a question is drawn
    depends on the seed, the key, the cutoff and the step only: not on other series and their order, later cutoffs or
    the length of the history.
    """
    n_days = units.shape[1]
    steps = np.arange(1, horizon + 1)
    drawn = []
    for place, cutoff in enumerate(cutoffs):
        inside = steps[: max(n_days - 1 - cutoff, 0)]
        picked = share_of(random_bits(grid.seed, hashes[:, None], cutoff, inside), grid.share)
        picked &= ~np.isnan(units[:, cutoff + 1 : cutoff + 1 + horizon])
        series, step = np.nonzero(picked)
        drawn.append(np.stack([np.full(len(series), place), series, step + 1]))
    columns = np.concatenate(drawn, axis=1) if drawn else np.empty((3, 0))
    return tuple(columns.astype(np.int32))
