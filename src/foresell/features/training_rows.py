"""Training rows: questions at many past cutoffs, drawn once and shared by all windows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from foresell.core.keyed_random import key_hashes, random_bits, share_of
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.engine.local import LOCAL
from foresell.engine.protocol import Engine
from foresell.features.catalogue import matrix
from foresell.features.question import Block, Context, Feature, Question, statistics_for

BLOCK = 1024  # series at a time: their running sums then fit in a few hundred megabytes
SAMPLE = 1500  # about the number of series in the sample from which a model learns how features are distributed
THINNED = 100_000  # about the number of rows of that sample where only some series or steps are used
SAMPLE_STREAM, THINNED_STREAM = 1 << 32, 1 << 33  # no cutoff is as large, so these draws differ from that of rows
SUMMED = 8192  # series at a time whose sums by group are made


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
class Part:
    """The rows drawn for some of the series, without their features."""

    series: slice | np.ndarray
    question: Callable[[Block], Question]
    member: np.ndarray  # int32 [row]: the number of the series in the panel
    cutoff: np.ndarray  # int16 [row]
    day: np.ndarray  # int16 [row]
    units: np.ndarray  # float32 [row]


@dataclass(frozen=True)
class WindowRows:
    """The rows that one window may learn from: their `units` [row], and functions that make their features.

    `chunks` makes the features chunk by chunk, float32 [row, feature], with `lengths` rows each. `sample` makes those
    of some rows, enough to learn how the features are distributed.
    """

    units: np.ndarray
    lengths: tuple[int, ...]
    chunks: Callable[[], Iterator[np.ndarray]]
    sample: Callable[[], np.ndarray]


class TrainingRows:
    """The training rows of a panel for windows with the cutoffs `windows` (numbers of days; by default the last day).

    With `keep`, features are kept in a temporary folder after their first use; otherwise they are made each time. A
    window uses only rows whose target day is not after its cutoff. Windows share their rows if their cutoffs lie
    multiples of `grid.every` days apart.
    """

    def __init__(
        self,
        panel: Panel,
        horizon: int,
        features: dict[str, Feature],
        grid: Grid,
        windows: Sequence[int] = (),
        *,
        keep: bool = False,
        engine: Engine = LOCAL,
    ):
        self.panel = panel
        self.horizon = horizon
        self.features = features
        self.grid = grid
        self.engine = engine
        self.context = Context(panel, horizon, merged_statistics(panel, features, engine))
        last = panel.n_days - 1
        self.cutoffs = grid.cutoffs(last, min(windows, default=last))
        self._folder = tempfile.TemporaryDirectory(prefix="foresell-") if keep else None
        self._hashes = key_hashes(panel.series, panel.keys)
        sampled = share_of(random_bits(grid.seed, self._hashes, SAMPLE_STREAM), SAMPLE / max(panel.n_series, 1))
        self._sample = self._draw(np.flatnonzero(sampled))
        starts = range(0, panel.n_series, BLOCK)
        self._parts = [self._draw(slice(start, min(start + BLOCK, panel.n_series))) for start in starts]

    def until(
        self,
        cutoff: int,
        names: Sequence[str] | None = None,
        *,
        series: np.ndarray | None = None,
        steps: tuple[int, int] | None = None,
    ) -> WindowRows:
        """The rows whose answers are known at `cutoff`, with cutoffs in the `grid.days` before it.

        `names` are the features in order, by default all. `series` (bool [series]) and `steps` (the first and the last)
        leave out the rows of other series and steps.
        """
        chosen = {}
        for number, part in enumerate(self._parts):
            mask = self._mask(part, cutoff, series, steps)
            if mask.any():
                chosen[number] = mask
        numbers, columns = list(chosen), self._columns(names)
        units = [self._parts[number].units[mask] for number, mask in chosen.items()]

        def chunk(place: int) -> np.ndarray:
            number = numbers[place]
            return self._values(number + 1, self._parts[number])[chosen[number]][:, columns]

        def chunks() -> Iterator[np.ndarray]:
            return self.engine.map(chunk, range(len(numbers)))

        def sample() -> np.ndarray:
            if series is None and steps is None:
                return self._values(0, self._sample)[self._mask(self._sample, cutoff)][:, columns]
            share = THINNED / max(sum(map(len, units)), 1)
            thinned = [self._thinned(self._parts[number], share)[mask] for number, mask in chosen.items()]
            return np.concatenate([values[rows] for values, rows in zip(chunks(), thinned, strict=True)])

        return WindowRows(
            units=np.concatenate(units) if units else np.empty(0, np.float32),
            lengths=tuple(map(len, units)),
            chunks=chunks,
            sample=sample,
        )

    def _mask(
        self, part: Part, cutoff: int, series: np.ndarray | None = None, steps: tuple[int, int] | None = None
    ) -> np.ndarray:
        mask = (part.day <= cutoff) & (part.cutoff >= cutoff - self.grid.days)
        if series is not None:
            mask &= series[part.member]
        if steps is not None:
            step = part.day - part.cutoff
            mask &= (step >= steps[0]) & (step <= steps[1])
        return mask

    def _thinned(self, part: Part, share: float) -> np.ndarray:
        """A random `share` of the rows of a part: bool [row]."""
        hashes = self._hashes[part.member]
        return share_of(random_bits(self.grid.seed, hashes, THINNED_STREAM, part.cutoff, part.day), share)

    def _columns(self, names: Sequence[str] | None) -> slice | list[int]:
        """The places of the features; a slice, which copies nothing, for all of them."""
        places = {name: place for place, name in enumerate(self.features)}
        if names is None or tuple(names) == tuple(places):
            return slice(None)
        return [places[name] for name in names]

    def _draw(self, series: slice | np.ndarray) -> Part:
        units, members = self.panel.units[series], np.arange(self.panel.n_series)[series]
        place, rows, step = draw(units, self._hashes[series], self.cutoffs, self.horizon, self.grid)
        cutoff = self.cutoffs[place]
        return Part(
            series,
            lambda block: Question(block, self.cutoffs, place, rows, step),
            members[rows].astype(np.int32),
            cutoff.astype(np.int16),
            (cutoff + step).astype(np.int16),
            units[rows, cutoff + step],
        )

    def _values(self, number: int, part: Part) -> np.ndarray:
        """The features of a part, float32 [row, feature]; kept in a file if there is a folder for it."""
        path = Path(self._folder.name) / f"{number}.npy" if self._folder else None
        if path and path.exists():
            return np.load(path, mmap_mode="r")
        values = matrix(part.question(self.context.block(self.panel.part(part.series))), self.features)
        if path:
            unfinished = path.with_suffix(".partial.npy")
            np.save(unfinished, values)
            unfinished.rename(path)
        return values


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


def merged_statistics(panel: Panel, features: Mapping[str, Feature], engine: Engine = LOCAL) -> Statistics:
    """The statistics of all series of `panel` that these features need, merged from those of its blocks."""
    blocks = panel.blocks(SUMMED) if panel.n_series else [panel]
    return engine.merge(partial(statistics_for, features=features), blocks, Statistics.merge)


def all_questions(block: Block, cutoff: int, horizon: int) -> Question:
    """The questions about all series and steps of a block at one cutoff; rows reshape to [series, step]."""
    n_series = block.panel.n_series
    series = np.repeat(np.arange(n_series, dtype=np.int32), horizon)
    step = np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_series)
    return Question(block, np.array([cutoff]), np.zeros(len(series), np.int32), series, step)
