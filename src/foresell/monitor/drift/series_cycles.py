"""Tables with one row for each series and cycle: the series that are drawn, their attributes and segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.hierarchy import Hierarchy, Level
from foresell.core.panel import Panel
from foresell.monitor.drift.deseasoning import BASE, SOLD, Base, DriftWindow, Values

SERIES, VOLUME, AGE = "series", "volume", "age"
SEGMENT = "by "
"""The prefix of the columns that rows are grouped by. Series that are no longer sold have values in them, too."""

MOST_VALUES = 50
"""A column with more values than this, or with fewer than ten series for each value, names series and not kinds."""

FEWEST_SERIES = 30
"""The groups of a level have a season of their own where they have at least so many series on average."""

_VOLUMES = np.array(["low", "middle", "high", None], dtype=object)


def season_groups(series: pl.DataFrame, keys: Level, levels: Sequence[Level]) -> np.ndarray:
    """The group whose season each series shares, int [series]: that of the finest of `levels` with enough series."""
    all_groups = Hierarchy.of(keys, tuple(levels)).all_groups(series)
    large_enough = [groups for groups in all_groups if len(groups) * FEWEST_SERIES <= series.height]
    return max(large_enough or all_groups[:1], key=len).rows


def attributes(series: pl.DataFrame) -> list[str]:
    """The columns whose values are kinds that many series share, or numbers. Columns of dates are left out.

    Of several columns that divide the series in the same way (a store and its floor space), only the first is taken.
    """
    names: list[str] = []
    for name, kind in series.schema.items():
        n_values = series[name].n_unique()
        few = n_values <= MOST_VALUES and 10 * n_values <= series.height
        same = any(n_values == series[other].n_unique() == series.n_unique([name, other]) for other in names)
        if (few or kind.is_float()) and not same and not _dated(series[name]):
            names.append(name)
    return names


def _dated(column: pl.Series) -> bool:
    """Whether a column holds dates, as dates or as text."""
    texts = column.cast(pl.String).drop_nulls()
    return len(texts) > 0 and texts.str.contains(r"^\d{4}-\d{2}-\d{2}").all()


def drawn(past: Panel, series: pl.DataFrame, levels: Sequence[Level], count: int, seed: int) -> np.ndarray:
    """A systematic sample of `count` series, sorted int [series]: spread evenly over groups and, within them, levels.

    `series` has the series of `past`, followed by others. In order of group and level, every k-th series is taken; the
    first is drawn with `seed`.
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
    """Makes tables of values. `series` has the series of the `panel`, followed by those that it does not have."""

    panel: Panel
    series: pl.DataFrame
    levels: Sequence[Level]

    @property
    def segments(self) -> tuple[str, ...]:
        """The columns that rows are grouped by: volume, and each attribute that is a level by itself."""
        single = {level[0] for level in self.levels if len(level) == 1}
        return (SEGMENT + VOLUME, *(SEGMENT + name for name in attributes(self.series) if name in single))

    def frame(self, values: Values, window: DriftWindow, attributes: bool = True) -> pl.DataFrame:
        """One row for each series and cycle in which the series was, or should have been, on sale."""
        base = Base.of(self.panel, window.cutoff)
        known = ~np.isnan(values[SOLD])
        n_series, n_cycles = known.shape
        steady = base.with_unknown(n_series - self.panel.n_series).steady
        keep = (steady[:, None] | known).reshape(-1)
        index = np.repeat(np.arange(n_series), n_cycles)[keep]
        frame = pl.DataFrame({name: array.reshape(-1)[keep] for name, array in values.items()}).fill_nan(None)
        volume = self._volume(base, n_series)
        segments = [pl.Series(SEGMENT + VOLUME, volume)[index]]
        segments += [
            self.series[name.removeprefix(SEGMENT)].cast(pl.String).fill_null("unknown")[index].alias(name)
            for name in self.segments[1:]
        ]
        frame = frame.with_columns(pl.Series(SERIES, index), *segments)
        return frame.with_columns(self._attributes(index, known.reshape(-1)[keep], window)) if attributes else frame

    def _attributes(self, index: np.ndarray, known: np.ndarray, window: DriftWindow) -> list[pl.Series]:
        """The attributes of the series on sale; null in the rows of other series."""
        on_sale = pl.Series(known)
        new = np.full(self.series.height, True)
        new[: self.panel.n_series] = _first_known_day(self.panel) > window.cutoff - BASE[self.panel.frequency]
        age = pl.Series(AGE, np.where(new, "new", "established"))
        table = self.series.select(*attributes(self.series), age)
        frame = table.with_columns(pl.exclude(pl.Float32, pl.Float64).cast(pl.String))[index]
        return frame.select(pl.when(on_sale).then(pl.all())).get_columns()

    def _volume(self, base: Base, n_series: int) -> np.ndarray:
        """The third in which the level of each series lies, among the series that were steadily on sale [series]; None
        for the other series."""
        place = np.full(n_series, 3)
        steady = np.flatnonzero(base.steady)
        order = steady[np.argsort(base.level[steady], kind="stable")]
        place[order] = 3 * np.arange(len(order)) // max(len(order), 1)
        return _VOLUMES[place]


def _first_known_day(panel: Panel) -> np.ndarray:
    """The index of the first known day of each series; the number of days where there is none."""
    known = ~np.isnan(panel.units)
    return np.where(known.any(axis=1), known.argmax(axis=1), panel.n_days)
