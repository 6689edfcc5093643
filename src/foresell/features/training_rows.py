"""Training rows: the same question asked at many past cutoffs, drawn once and shared by all windows."""

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
SAMPLE = 1500  # about how many series are in the sample that a model may look at before it sees all rows
THINNED = 100_000  # about how many rows are in the sample of some of the rows
SAMPLE_STREAM, THINNED_STREAM = 1 << 32, 1 << 33  # first counters that no cutoff is, for draws other than of rows
SUMMED = 8192  # series at a time of which sums by group are made


@dataclass(frozen=True)
class Grid:
    """Which questions to learn from: a cutoff every `every` days back from the last one over `days` days; at each,
    a random `share` of all pairs of series and step."""

    days: int = 1456
    every: int = 7
    share: float = 0.06
    seed: int = 1

    def cutoffs(self, last: int, first: int | None = None) -> np.ndarray:
        """Past cutoffs for a window whose cutoff is `last`, oldest first: int64 [cutoff].

        With `first`, also those that a window with that earlier cutoff asks for.
        """
        oldest = max((last if first is None else first) - self.days, 0)
        return np.arange(last - self.every, oldest - 1, -self.every, dtype=np.int64)[::-1]


@dataclass(frozen=True)
class Part:
    """The rows drawn for some of the series, without their features."""

    series: slice | np.ndarray
    question: Callable[[Block], Question]
    member: np.ndarray  # int32 [row]: which series of the panel
    cutoff: np.ndarray  # int16 [row]
    day: np.ndarray  # int16 [row]
    units: np.ndarray  # float32 [row]


@dataclass(frozen=True)
class WindowRows:
    """The rows that one window may learn from: `units` [row], and their features when asked for.

    `chunks` makes the features chunk by chunk, float32 [row, feature], `lengths` rows each; `sample` those of some
    rows, enough to see how the features are distributed.
    """

    units: np.ndarray
    lengths: tuple[int, ...]
    chunks: Callable[[], Iterator[np.ndarray]]
    sample: Callable[[], np.ndarray]


class TrainingRows:
    """The training rows of a panel for windows that end at `windows` (indices of cutoffs, the panel's last if none).

    With `keep`, features are made at the first use and kept in a temporary folder for the windows to come, else they
    are made each time. A window sees only rows whose day lies at or before its cutoff. Several windows share their
    rows exactly when they lie multiples of `grid.every` days apart.
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
        """The rows that may be known at `cutoff`, whose own cutoffs reach back over the grid's days.

        `names` are the features wanted, in order; all where not given. `series` (bool [series]) and `steps` (the first
        and the last) leave out the rows of other series and steps.
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
        """Where the features wanted stand: a slice, which copies nothing, where they are all there is."""
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
        """The features of a part, float32 [row, feature]; kept in a file when there is a folder for it."""
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
    """A random share of the questions whose answer is known: which cutoff, series and step, int32 [row] each.

    `units` is float32 [series, day], `hashes` uint64 [series] those of the series' keys. Whether a question is drawn
    depends on the seed, the key, the cutoff and the step: neither on the other series and their order, nor on later
    cutoffs, nor on how long the history is.
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
    """What of all series of `panel` goes into these features, made of its blocks."""
    blocks = panel.blocks(SUMMED) if panel.n_series else [panel]
    return engine.merge(partial(statistics_for, features=features), blocks, Statistics.merge)


def everything(block: Block, cutoff: int, horizon: int) -> Question:
    """All series and steps of a block at one cutoff, series by series: rows reshape to [series, step]."""
    n_series = block.panel.n_series
    series = np.repeat(np.arange(n_series, dtype=np.int32), horizon)
    step = np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_series)
    return Question(block, np.array([cutoff]), np.zeros(len(series), np.int32), series, step)
