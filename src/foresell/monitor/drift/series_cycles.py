"""Rows of (series, cycle) as tables: which series are drawn, what they are, and which segments they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.hierarchy import Hierarchy, Level
from foresell.core.panel import Panel
from foresell.monitor.drift.deseasoning import BASE, SOLD, Base, Values, Window

SERIES, VOLUME, AGE = "series", "volume", "age"
SEGMENT = "by "
"""What the names of columns begin with that rows are grouped by; these are there for series that are gone, too."""

MOST_VALUES = 50
"""A column of more values than this, or with fewer than ten series for each, names series; it is no mix of kinds."""

FEWEST_SERIES = 30
"""A group must have so many series, on average, to have a season of its own."""

_VOLUMES = np.array(["low", "middle", "high", None], dtype=object)


def season_groups(series: pl.DataFrame, keys: Level, levels: Sequence[Level]) -> np.ndarray:
    """The group of each series whose season it shares, int [series]: of the finest of `levels` with enough series."""
    all_groups = Hierarchy.of(keys, tuple(levels)).all_groups(series)
    able = [groups for groups in all_groups if len(groups) * FEWEST_SERIES <= series.height]
    return max(able or all_groups[:1], key=len).rows


def attributes(series: pl.DataFrame) -> list[str]:
    """The columns whose values are kinds that many series share, or numbers; dates are neither.

    Of columns that divide the series in the same way (a store and its floor space) the first is taken.
    """
    found: list[str] = []
    for name, kind in series.schema.items():
        n_values = series[name].n_unique()
        few = n_values <= MOST_VALUES and 10 * n_values <= series.height
        same = any(n_values == series[each].n_unique() == series.n_unique([name, each]) for each in found)
        if (few or kind.is_float()) and not same and not _dated(series[name]):
            found.append(name)
    return found


def _dated(column: pl.Series) -> bool:
    """Whether a column holds dates, as such or as text."""
    texts = column.cast(pl.String).drop_nulls()
    return len(texts) > 0 and texts.str.contains(r"^\d{4}-\d{2}-\d{2}").all()


def drawn(past: Panel, series: pl.DataFrame, levels: Sequence[Level], count: int, seed: int) -> np.ndarray:
    """Which `count` series are looked at, sorted: evenly from all groups and, within them, from the weak to the strong.

    `series` are those of `past`, and then others. Taken is every so many-th in order of group and level, from a place
    drawn by `seed` on.
    """
    n_series = series.height
    if n_series <= count:
        return np.arange(n_series)
    level = np.full(n_series, -1.0)
    level[: past.n_series] = Base.of(past, past.n_days - 1).level
    order = np.lexsort((level, season_groups(series, past.keys, levels)))
    start = np.random.default_rng([seed, 5]).random()
    return np.sort(order[((np.arange(count) + start) * n_series / count).astype(np.int64)])


@dataclass(frozen=True)
class SampleTables:
    """Makes tables of what was looked at; `series` are those of the `panel`, then those that it does not have."""

    panel: Panel
    series: pl.DataFrame
    levels: Sequence[Level]

    @property
    def segments(self) -> tuple[str, ...]:
        """Volume, and each column that is a level by itself."""
        single = {level[0] for level in self.levels if len(level) == 1}
        return (SEGMENT + VOLUME, *(SEGMENT + name for name in attributes(self.series) if name in single))

    def frame(self, values: Values, window: Window, attributes: bool = True) -> pl.DataFrame:
        """One row for each series and cycle in which it was, or should have been, on sale."""
        base = Base.of(self.panel, window.cutoff)
        known = ~np.isnan(values[SOLD])
        n_series, n_cycles = known.shape
        steady = base.joined(n_series - self.panel.n_series).steady if n_series > self.panel.n_series else base.steady
        keep = (steady[:, None] | known).reshape(-1)
        index = np.repeat(np.arange(n_series), n_cycles)[keep]
        frame = pl.DataFrame({name: each.reshape(-1)[keep] for name, each in values.items()}).fill_nan(None)
        volume = self._volume(base, n_series)
        segments = [pl.Series(SEGMENT + VOLUME, volume)[index]]
        segments += [
            self.series[name.removeprefix(SEGMENT)].cast(pl.String).fill_null("unknown")[index].alias(name)
            for name in self.segments[1:]
        ]
        frame = frame.with_columns(pl.Series(SERIES, index), *segments)
        return frame.with_columns(self._attributes(index, known.reshape(-1)[keep], window)) if attributes else frame

    def _attributes(self, index: np.ndarray, known: np.ndarray, window: Window) -> list[pl.Series]:
        """What the series on sale are: null in the rows of the others."""
        there = pl.Series(known)
        new = np.full(self.series.height, True)
        new[: self.panel.n_series] = _begun(self.panel) > window.cutoff - BASE[self.panel.frequency]
        columns = {name: self.series[name] for name in attributes(self.series)}
        columns = {name: each if each.dtype.is_float() else each.cast(pl.String) for name, each in columns.items()}
        columns[AGE] = pl.Series(np.where(new, "new", "established"))
        frame = pl.DataFrame([each[index].alias(name) for name, each in columns.items()])
        return frame.select(pl.when(there).then(pl.all())).get_columns()

    def _volume(self, base: Base, n_series: int) -> np.ndarray:
        """In which third of the series that were steadily on sale each one's level lies [series]; None for others."""
        place = np.full(n_series, 3)
        steady = np.flatnonzero(base.steady)
        order = steady[np.argsort(base.level[steady], kind="stable")]
        place[order] = 3 * np.arange(len(order)) // max(len(order), 1)
        return _VOLUMES[place]


def _begun(panel: Panel) -> np.ndarray:
    """The first known day of each series; the number of days where there is none."""
    known = ~np.isnan(panel.units)
    return np.where(known.any(axis=1), known.argmax(axis=1), panel.n_days)
