"""Training rows: questions at many past cutoffs, gathered from blocks once and shared by all windows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import RLock

import numpy as np
import polars as pl

from foresell.core.hierarchy import Level
from foresell.core.keyed_random import random_bits, share_of
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.engine.local import LOCAL
from foresell.engine.protocol import Engine
from foresell.features.question import Block, Context, Feature, Question, group_levels_of
from foresell.features.row_draw import BlockRows, Grid, RowRequest, draw_rows

BLOCK = 1024  # series at a time: their running sums then fit in a few hundred megabytes
CHUNK = 65_536  # about how many rows are in a chunk
SAMPLE = 100_000  # about how many rows are in the sample that a model may look at before it sees all rows
SAMPLE_STREAM = 1 << 33  # a first counter that no cutoff is, for a draw other than of rows


@dataclass(frozen=True)
class WindowRows:
    """The rows that one window may learn from: their `units` [row], and functions that make their features.

    `chunks` reads the features chunk by chunk, float32 [row, feature], `lengths` rows each; `sample` those of some
    rows, enough to see how the features are distributed.
    """

    units: np.ndarray
    lengths: tuple[int, ...]
    chunks: Callable[[], Iterator[np.ndarray]]
    sample: Callable[[], np.ndarray]


class TrainingRows:
    """The training rows of the series of all `blocks`, for windows that end at `windows` (indices of cutoffs, the last
    day if none).

    They are drawn, and their features made, when they are first asked for: block by block on `engine`. Features are
    kept in a temporary folder. A window sees only rows whose day lies at or before its cutoff. Several windows share
    their rows exactly when they lie multiples of `grid.every` days apart.

    The rows stand in the order of the hash of their series' key, then of cutoff and day. So they are the same, and what
    is learnt from them is the same to the bit, however the series were cut into blocks.
    """

    def __init__(
        self,
        blocks: Sequence[Panel],
        horizon: int,
        features: Mapping[str, Feature],
        levels: tuple[Level, ...],
        grid: Grid,
        windows: Sequence[int] = (),
        *,
        engine: Engine = LOCAL,
    ):
        self.blocks = blocks
        self.calendar = blocks[0].part(slice(0, 0))
        self.horizon = horizon
        self.features = dict(features)
        self.grid = grid
        self.engine = engine
        self.statistics = merged_statistics(blocks, features, levels, engine)
        last = self.calendar.n_days - 1
        context = Context(self.calendar, horizon, self.statistics)
        self.request = RowRequest(
            context, grid, grid.cutoffs(last, min(windows, default=last)), tuple(features), tuple(levels)
        )
        self._lock = RLock()

    @property
    def codes(self) -> Mapping[str, tuple[str, ...]]:
        """The values of each category, whose places are their numbers in the features."""
        return self.request.context.codes

    @property
    def series(self) -> pl.DataFrame:
        """All series, in the order of the hashes of their keys."""
        return self._gathered.series

    @property
    def _gathered(self) -> _Gathered:
        with self._lock:
            return self._rows

    @cached_property
    def _rows(self) -> _Gathered:
        request = self.request
        drawn = len(request.cutoffs) * self.horizon * self.grid.share * self.statistics.n_series
        rows = self.engine.map(partial(draw_rows, request), self.blocks)
        return _Gathered(rows, n_chunks=int(drawn) // CHUNK + 1, n_features=len(self.features))

    def until(
        self,
        cutoff: int,
        names: Sequence[str] | None = None,
        *,
        series: np.ndarray | None = None,
        steps: tuple[int, int] | None = None,
    ) -> WindowRows:
        """The rows whose answers are known at `cutoff`, with cutoffs in the `grid.days` before it.

        `names` are the features wanted, in order; all where not given. `series` (bool [series], as in `self.series`)
        and `steps` (the first and the last) leave out the rows of other series and steps.
        """
        chunks = self._gathered.chunks
        chosen = [(chunk, np.flatnonzero(self._mask(chunk, cutoff, series, steps))) for chunk in chunks]
        chosen = [(chunk, rows) for chunk, rows in chosen if len(rows)]
        columns, n_rows = self._columns(names), sum(len(rows) for _, rows in chosen)

        def sample() -> np.ndarray:
            share = SAMPLE / max(n_rows, 1)
            thinned = ((chunk, rows[self._thinned(chunk, share)[rows]]) for chunk, rows in chosen)
            return np.concatenate([chunk.values(rows)[:, columns] for chunk, rows in thinned])

        return WindowRows(
            units=np.concatenate([np.empty(0, np.float32), *(chunk.units[rows] for chunk, rows in chosen)]),
            lengths=tuple(len(rows) for _, rows in chosen),
            chunks=lambda: (chunk.values(rows)[:, columns] for chunk, rows in chosen),
            sample=sample,
        )

    def _mask(self, chunk: _Chunk, cutoff: int, series: np.ndarray | None, steps: tuple[int, int] | None) -> np.ndarray:
        mask = (chunk.day <= cutoff) & (chunk.cutoff >= cutoff - self.grid.days)
        if series is not None:
            mask &= series[chunk.series]
        if steps is not None:
            step = chunk.day - chunk.cutoff
            mask &= (step >= steps[0]) & (step <= steps[1])
        return mask

    def _thinned(self, chunk: _Chunk, share: float) -> np.ndarray:
        """A random `share` of the rows of a chunk: bool [row]."""
        hashes = self._gathered.hashes[chunk.series]
        return share_of(random_bits(self.grid.seed, hashes, SAMPLE_STREAM, chunk.cutoff, chunk.day), share)

    def _columns(self, names: Sequence[str] | None) -> slice | list[int]:
        """Where the features wanted stand: a slice, which copies nothing, where they are all there is."""
        if names is None or tuple(names) == tuple(self.features):
            return slice(None)
        places = {name: place for place, name in enumerate(self.features)}
        return [places[name] for name in names]


@dataclass(frozen=True)
class _Chunk:
    """Rows of some series, columns as in `BlockRows`; `order` says where the features of each stand in the file."""

    path: Path
    n_features: int
    series: np.ndarray
    cutoff: np.ndarray
    day: np.ndarray
    units: np.ndarray
    order: np.ndarray

    def values(self, rows: np.ndarray) -> np.ndarray:
        """The features of some of the rows: float32 [row, feature]."""
        file = np.memmap(self.path, np.float32, "r").reshape(-1, self.n_features)
        return np.asarray(file[self.order[rows]])


class _Gathered:
    """The rows of all blocks in chunks, each of which has the series whose hashes lie in a part of all numbers.

    `series` and `hashes` are those of all series, in the order of the hashes.
    """

    def __init__(self, blocks: Iterable[BlockRows], n_chunks: int, n_features: int):
        self._folder = tempfile.TemporaryDirectory(prefix="foresell-")
        paths = [Path(self._folder.name) / f"{number}.float32" for number in range(n_chunks)]
        members: list[tuple[pl.DataFrame, np.ndarray]] = []
        parts: list[list[tuple[np.ndarray, ...]]] = [[] for _ in paths]
        for rows in blocks:
            members.append((rows.members, rows.hashes))
            hashes = rows.hashes[rows.series]
            chunk = ((hashes >> np.uint64(32)) * np.uint64(n_chunks)) >> np.uint64(32)
            for number in np.unique(chunk).tolist():
                some = np.flatnonzero(chunk == number)
                with paths[number].open("ab") as file:
                    rows.values[some].tofile(file)
                parts[number].append((hashes[some], rows.cutoff[some], rows.day[some], rows.units[some]))
        order = np.argsort(unsorted := np.concatenate([hashes for _, hashes in members]), kind="stable")
        self.hashes = unsorted[order]
        self.series = pl.concat([series for series, _ in members])[order]
        self.chunks = [
            self._chunk(path, n_features, *map(np.concatenate, zip(*part, strict=True)))
            for path, part in zip(paths, parts, strict=True)
            if part
        ]

    def _chunk(
        self, path: Path, n_features: int, hashes: np.ndarray, cutoff: np.ndarray, day: np.ndarray, units: np.ndarray
    ) -> _Chunk:
        order = np.lexsort((day, cutoff, hashes))
        series = np.searchsorted(self.hashes, hashes[order]).astype(np.int32)
        return _Chunk(path, n_features, series, cutoff[order], day[order], units[order], order)


def merged_statistics(
    blocks: Sequence[Panel], features: Mapping[str, Feature], levels: Collection[Level] = (), engine: Engine = LOCAL
) -> Statistics:
    """What of the series of all `blocks` goes into these features; the groups of `levels` are counted too."""
    units, prices = group_levels_of(features)
    work = partial(Statistics.of, levels=tuple(levels), units_of=units, prices_of=prices)
    return engine.merge(work, blocks, Statistics.merge)


def all_questions(block: Block, cutoff: int, horizon: int) -> Question:
    """The questions about all series and steps of a block at one cutoff; rows reshape to [series, step]."""
    n_series = block.panel.n_series
    series = np.repeat(np.arange(n_series, dtype=np.int32), horizon)
    step = np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_series)
    return Question(block, np.array([cutoff]), np.zeros(len(series), np.int32), series, step)
