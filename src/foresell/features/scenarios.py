"""Blocks for scenarios: series of a panel with other values ahead, and series that the panel does not have.

Both are asked about at the panel's cutoff. They reuse the group sums and the calendar of the panel, so that a row takes
no longer than its own features.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.features.question import Block, Context, known_on
from foresell.features.running_sums import Past, ratio

BLOCK = 1024  # series whose prices are laid out at a time


class ScenarioContext(Context):
    """The context of a panel for repeated questions at its cutoff; means and sums of prices are kept."""

    def __init__(
        self,
        panel: Panel,
        horizon: int,
        statistics: Statistics,
        codes: Mapping[str, tuple[str, ...]] | None = None,
    ):
        super().__init__(panel, horizon, statistics, codes)
        self.panel = panel
        self._panel_block = self.block(panel)
        self._price_means: dict[int, np.ndarray] = {}
        self._price_sums: dict[Level, tuple[np.ndarray, np.ndarray]] = {}

    def panel_rows(self, level: Level) -> np.ndarray:
        """The group of `level` that each series of the panel belongs to: int32 [series]."""
        return self._panel_block.group_rows(level)

    def price_means(self, days: int) -> np.ndarray:
        """The mean known price of the `days` days up to the cutoff: float32 [series]."""
        with self._lock:
            if days not in self._price_means:
                first = max(self.n_days - days, 0)
                prices = (block.known["price"].on(slice(first, self.n_days)) for block in self.panel.blocks(BLOCK))
                last = np.array(self.n_days - 1 - first)
                self._price_means[days] = np.concatenate([Past(price).mean(last, days) for price in prices])
            return self._price_means[days]

    def price_sums(self, level: Level) -> tuple[np.ndarray, np.ndarray]:
        """The sum and the number of known prices ahead of the level's groups: float64 [group + 1, step].

        The last group is that of series in none, whose sum is 0.
        """
        with self._lock:
            if level not in self._price_sums:
                prices = self.statistics.levels[level].known.get("price")
                assert prices is not None, f"the statistics have no prices of {level}"
                self._price_sums[level] = (self._ahead(prices.total), self._ahead(prices.count))
            return self._price_sums[level]

    def _ahead(self, values: np.ndarray) -> np.ndarray:
        """Of `values` [group, day] those ahead, 0 past their end: float64 [group + 1, step]."""
        ahead = values[:, self.n_days : self.n_days + self.horizon]
        return np.pad(ahead.astype(np.float64), ((0, 1), (0, self.horizon - ahead.shape[1])))


class ScenarioBlock(Block):
    """Series of a panel with other values of covariates on days ahead; a series may occur several times.

    `members` [series] are rows of the panel. `ahead` has the other values by covariate, float32 [series, step], NaN
    where they stay as known. With `together`, all series change at once, and the mean price of a group changes with all
    of its members. Otherwise each is asked about as if only it changed.
    """

    context: ScenarioContext

    def __init__(
        self, context: ScenarioContext, members: np.ndarray, ahead: Mapping[str, np.ndarray], *, together: bool
    ):
        super().__init__(context, context.panel)
        self.members = members
        self.ahead = ahead
        self.together = together

    @cached_property
    def panel(self) -> Panel:  # type: ignore[override]
        """The members without changes; only features that do not look ahead read it."""
        return self.context.panel.part(self.members)

    def group_rows(self, level: Level) -> np.ndarray:
        """The group of `level` that each member belongs to: int32 [series]."""
        if level not in self._rows:
            self._rows[level] = self.context.panel_rows(level)[self.members]
        return self._rows[level]

    def known(self, name: str, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The covariate for pairs of series and day, with the changes: float32 of their shape."""
        values = known_on(self.context.panel.known[name], self.members[series], day)
        if name not in self.ahead:
            return values
        ahead = self.ahead[name]
        step = day - self.context.n_days
        inside = (step >= 0) & (step < ahead.shape[1])
        other = ahead[series, np.clip(step, 0, ahead.shape[1] - 1)]
        return np.where(inside & ~np.isnan(other), other, values)

    def price_mean(self, days: int, cutoff: np.ndarray, series: np.ndarray) -> np.ndarray:
        """The mean known price of the days that end on the panel's cutoff, the only one in use."""
        return self.context.price_means(days)[self.members[series]]

    def group_price(self, level: Level, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The mean price of the groups of the series after the changes: float32 of their shape."""
        step = day - self.context.n_days
        sums, counts = self.context.price_sums(level)
        rows = self.group_rows(level)[series]
        if self.together:
            more, known = self._moved_groups(self.group_rows(level), len(sums))
            return ratio(sums[rows, step] + more[rows, step], counts[rows, step] + known[rows, step])
        before, after = (prices[series, step] for prices in self._prices)
        return _moved_mean(sums[rows, step], counts[rows, step], before, after)

    @cached_property
    def _prices(self) -> tuple[np.ndarray, np.ndarray]:
        """The prices ahead without and with the changes: float64 [series, step] each."""
        series, step = np.indices((len(self.members), self.context.horizon))
        day = self.context.n_days + step
        before = known_on(self.context.panel.known["price"], self.members[series], day)
        return before.astype(np.float64), self.known("price", series, day).astype(np.float64)

    def _moved_groups(self, rows: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
        """The changes of the sums of prices, and of the number of known prices: float64 [group, step] each."""
        before, after = self._prices
        moved = np.zeros((2, n_groups, before.shape[1]))
        np.add.at(moved[0], rows, np.nan_to_num(after) - np.nan_to_num(before))
        np.add.at(moved[1], rows, np.isnan(before).astype(np.float64) - np.isnan(after))
        return moved[0], moved[1]


class NewSeriesBlock(Block):
    """Series without a history, each asked about as if only it were added to a panel.

    `panel` holds them, with the days and columns of the panel of `context`. Each adds its own price to the mean of its
    groups. A group that the panel does not have is unknown.
    """

    context: ScenarioContext

    def group_price(self, level: Level, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The mean price of the groups of the series, its own price included: float32 of their shape."""
        sums, counts = self.context.price_sums(level)
        rows, step = self.group_rows(level)[series], day - self.context.n_days
        own = self.known("price", series, day).astype(np.float64)
        return _moved_mean(sums[rows, step], counts[rows, step], np.full(len(own), np.nan), own)


def _moved_mean(total: np.ndarray, count: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The mean of `count` values with the sum `total` after one of them changes from `before` to `after`.

    NaN in `before` or `after` means that the value is not known.

    >>> _moved_mean(np.array([6.0]), np.array([2.0]), np.array([np.nan]), np.array([3.0])).tolist()
    [3.0]
    """
    total = total + np.nan_to_num(after) - np.nan_to_num(before)
    return ratio(total, count + np.isnan(before) - np.isnan(after))
