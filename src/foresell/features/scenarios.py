"""Questions beside those of a panel: its series with other prices ahead, and series that it does not have.

Both are asked at the panel's cutoff. All that a panel's own questions have made (sums by group, the calendar) serves
them too, so that one row takes no longer than its own features.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from threading import Lock

import numpy as np
import polars as pl

from foresell.core.hierarchy import Groups, Level
from foresell.core.panel import Panel
from foresell.features.question import Block, Context, known_on
from foresell.features.running_sums import Past

BLOCK = 1024  # series whose prices are laid out at a time


class Standing(Context):
    """The context of a panel that is asked at its cutoff over and over; what that needs of prices is kept."""

    def __init__(self, panel: Panel, horizon: int, codes: Mapping[str, tuple[str, ...]] | None = None):
        super().__init__(panel, horizon, codes)
        self._places: dict[str, dict[str | None, int]] = {}
        self._price_means: dict[int, np.ndarray] = {}
        self._price_sums: dict[Level, tuple[np.ndarray, np.ndarray]] = {}
        self._lock = Lock()

    def places(self, name: str) -> dict[str | None, int]:
        """The number of each value of a category."""
        with self._lock:
            if name not in self._places:
                self._places[name] = {value: place for place, value in enumerate(self.codes[name])}
            return self._places[name]

    def price_means(self, days: int) -> np.ndarray:
        """The mean known price of the `days` days up to the cutoff: float32 [series]."""
        with self._lock:
            if days not in self._price_means:
                last = np.array(self.panel.n_days - 1)
                blocks = (self.block(slice(at, at + BLOCK)) for at in range(0, self.panel.n_series, BLOCK))
                self._price_means[days] = np.concatenate([each.price_past.mean(last, days) for each in blocks])
            return self._price_means[days]

    def price_sums(self, level: Level) -> tuple[np.ndarray, np.ndarray]:
        """The sum and the number of known prices of the level's groups: float64 [group + 1, step].

        The last group is that of series in none, whose sum is 0.
        """
        with self._lock:
            if level not in self._price_sums:
                ahead = self._prices_ahead()
                groups = self.groups(level)
                parts = (np.nan_to_num(ahead.astype(np.float64)), (~np.isnan(ahead)).astype(np.float64))
                sums = [np.zeros((len(groups) + 1, self.horizon)) for _ in parts]
                for total, values in zip(sums, parts, strict=True):
                    total[:-1] = groups.sum(values)
                self._price_sums[level] = (sums[0], sums[1])
            return self._price_sums[level]

    def _prices_ahead(self) -> np.ndarray:
        series, step = np.indices((self.panel.n_series, self.horizon))
        return known_on(self.panel.known["price"], series, self.panel.n_days + step)


class Altered(Block):
    """Series of a standing panel with other values of covariates on days ahead; one series may stand there often.

    `members` [series] are rows of the panel, `ahead` the other values by covariate, float32 [series, step], NaN where
    they are as known. The series are altered all at once where `together`, and then a group's mean price moves with
    all of its own; else each is asked about as if it alone were altered.
    """

    context: Standing

    def __init__(self, context: Standing, members: np.ndarray, ahead: Mapping[str, np.ndarray], *, together: bool):
        super().__init__(context, members)
        self.ahead = ahead
        self.together = together

    def known(self, name: str, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The covariate for pairs of series and day, float32 of their shape, other where it is altered."""
        values = known_on(self.context.panel.known[name], self.members[series], day)
        if name not in self.ahead:
            return values
        ahead = self.ahead[name]
        step = day - self.context.panel.n_days
        there = (step >= 0) & (step < ahead.shape[1])
        other = ahead[series, np.clip(step, 0, ahead.shape[1] - 1)]
        return np.where(there & ~np.isnan(other), other, values)

    def price_mean(self, days: int, cutoff: np.ndarray, series: np.ndarray) -> np.ndarray:
        """The mean known price of the days that end on the panel's cutoff, the only one that is asked."""
        return self.context.price_means(days)[self.members[series]]

    def group_price(self, level: Level, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The mean price of the series' groups on its day, once prices are altered: float32 of their shape."""
        step = day - self.context.panel.n_days
        sums, counts = self.context.price_sums(level)
        rows = self.context.groups(level).rows[self.members]  # [series]
        if self.together:
            more, known = self._moved_groups(rows, len(sums))
            return _mean(sums[rows[series], step] + more[rows[series], step], (counts + known)[rows[series], step])
        before, after = (each[series, step] for each in self._prices)
        return _moved(sums[rows[series], step], counts[rows[series], step], before, after)

    @cached_property
    def _prices(self) -> tuple[np.ndarray, np.ndarray]:
        """The prices ahead before and after they are altered: float64 [series, step]."""
        series, step = np.indices((len(self.members), self.context.horizon))
        day = self.context.panel.n_days + step
        before = known_on(self.context.panel.known["price"], self.members[series], day)
        return before.astype(np.float64), self.known("price", series, day).astype(np.float64)

    def _moved_groups(self, rows: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
        """By how much the sums of prices and the number of known ones move: float64 [group, step] each."""
        before, after = self._prices
        moved = np.zeros((2, n_groups, before.shape[1]))
        np.add.at(moved[0], rows, np.nan_to_num(after) - np.nan_to_num(before))
        np.add.at(moved[1], rows, np.isnan(before).astype(np.float64) - np.isnan(after))
        return moved[0], moved[1]


class Beside(Context):
    """The context of series without a history that are asked about as if they stood in a panel.

    `panel` holds the new series, with the days and columns of the panel of `whole`. Their groups are those of the whole
    panel, whose sums they do not change; a group that it does not have has sold nothing that is known. Each is asked
    about as if it alone were new.
    """

    def __init__(self, whole: Standing, panel: Panel, pasts: dict[Level, Past]):
        super().__init__(panel, whole.horizon, whole.codes)
        self.whole = whole
        self.pasts = pasts  # of the groups and of none, shared by all that are asked

    @cached_property
    def calendar(self) -> dict[str, np.ndarray]:
        """That of the whole panel."""
        return self.whole.calendar

    def groups(self, level: Level) -> Groups:
        """The groups of the whole panel, and which of them each new series joins; one past the last where none."""
        if level not in self._groups:
            of = self.whole.groups(level)
            columns = list(level)
            if not columns:
                rows = np.zeros(self.panel.n_series, np.int32)
            else:
                frame = of.frame.select(columns).with_row_index("__group")
                asked = self.panel.series.select(columns)
                joined = asked.join(frame, on=columns, how="left", maintain_order="left", nulls_equal=True)
                rows = joined["__group"].fill_null(len(of)).to_numpy().astype(np.int32)
            self._groups[level] = Groups(level, of.frame, rows)
        return self._groups[level]

    def group_past(self, level: Level) -> Past:
        """The summed sales of the whole panel's groups; of none, nothing is known."""
        if level not in self.pasts:
            units = self.whole.group_past(level).units.T  # [group, day]
            padded = np.pad(units, ((0, 1), (0, 0)), constant_values=np.nan)
            self.pasts[level] = Past(padded, self.panel.frequency.season)
        return self.pasts[level]

    def block(self, series: slice | np.ndarray) -> Block:
        """The questions' view of some of the new series."""
        return _New(self, series)


class _New(Block):
    """New series, each of which adds its own price to the mean of its groups."""

    context: Beside

    def attribute(self, name: str) -> np.ndarray:
        """A column of the series as numbers, float32 [series], as of the whole panel's."""
        column = self.panel.series[name]
        if name not in self.context.codes:
            return column.cast(pl.Float32).to_numpy()
        places = self.context.whole.places(name)
        return np.array([places.get(text, np.nan) for text in column.cast(pl.String)], np.float32)

    def group_price(self, level: Level, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        sums, counts = self.context.whole.price_sums(level)
        rows, step = self.context.groups(level).rows[self.members[series]], day - self.context.panel.n_days
        own = self.known("price", series, day).astype(np.float64)
        return _moved(sums[rows, step], counts[rows, step], np.full(len(own), np.nan), own)


def _moved(total: np.ndarray, count: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The mean of `count` values of sum `total` once one of them, `before`, is `after`; NaN is one that is not known.

    >>> _moved(np.array([6.0]), np.array([2.0]), np.array([np.nan]), np.array([3.0])).tolist()
    [3.0]
    """
    total = total + np.nan_to_num(after) - np.nan_to_num(before)
    return _mean(total, count + np.isnan(before) - np.isnan(after))


def _mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan).astype(np.float32)
