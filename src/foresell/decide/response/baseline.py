"""What would have been sold in a window without what happened in it: the level around the window, moved by what the
other items of the group did.

For series s of item i in group g, the baseline of a window is::

    level_s * sum of c_{i,t} over the known periods t of the window

where c is how the group moved, learnt from the other items of the group in periods without a promotion, and level_s is
the units of s in clean periods around the window, divided by the sum of c in the same periods. Neither reads the sales
of the item in the window, so the difference is a cross-fitted residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foresell.decide.response.sales_history import BLOCK, SalesHistory

FEWEST_CLEAN = 0.25
"""A level is learnt where at least this share of the periods around the window is clean."""


@dataclass(frozen=True)
class Windows:
    """Windows of some series, each from `first` to `stop` - 1: int64 [window] each.

    `number` says to which sum a window adds. Its level is not learnt from the periods from `left_out_first` to
    `left_out_stop` - 1, which hold the window itself.
    """

    number: np.ndarray
    series: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    left_out_first: np.ndarray
    left_out_stop: np.ndarray

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True)
class WindowSums:
    """Of each sum: the units sold, the baseline, and the share of its known periods that have one: float64 [number].

    - `level_noise`: the sum over its series of baseline**2 / units that the level was learnt from: how much the noise
      of single units in the level adds to that of the sum.
    - `price_change`: the log of the price in the windows over that of the periods that the level was learnt from, NaN
      where no price is known.
    - `promoted`, `clean`: the shares of the baseline in periods with a promotion, and in clean periods.
    """

    units: np.ndarray
    baseline: np.ndarray
    covered: np.ndarray
    level_noise: np.ndarray
    price_change: np.ndarray
    promoted: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True)
class Baseline:
    """How items and groups moved in clean periods, see the top of the file.

    - `weekday`: the profile of each group over the cycle, float64 [group, phase], 1 on average.
    - `units`, `scale`: the sums over an item's clean periods of units, and of their local level, [item, period].
    - `prior`, `prior_all`: expected units of the weekday profile that the movement of a group [group], and that of
      all items, are mixed with; the noisier the sums are for what they show, the more.
    """

    history: SalesHistory
    weekday: np.ndarray
    units: np.ndarray
    scale: np.ndarray
    prior: np.ndarray
    prior_all: float

    @classmethod
    def of(cls, history: SalesHistory) -> Baseline:
        """Learns it from the history."""
        weekday = _weekday_profile(history)
        units, scale = (np.zeros((history.n_items, history.n_periods)) for _ in range(2))
        for rows in history.blocks:
            clean = history.clean(rows)
            sold = np.where(clean, np.nan_to_num(history.units[rows]), 0.0)
            expected = _profile_on(weekday, history)[history.group[history.item[rows]]] * clean
            level = _ratio(_around(sold, history.reach), _around(expected, history.reach))
            np.add.at(units, history.item[rows], sold)
            np.add.at(scale, history.item[rows], level * expected)
        half = _half(history)
        by_half = [_by_group(a, history, half == h) for a in (units, scale) for h in (0, 1)]
        prior = np.array([_prior(*(part[[g]] for part in by_half)) for g in range(history.n_groups)])
        everything = _prior(*(part.sum(axis=0, keepdims=True) for part in by_half))
        return cls(history, weekday, units, scale, prior, everything)

    def movement(self, items: np.ndarray, *, without_group: bool = False) -> np.ndarray:
        """c: how the group of each of `items` moved by what other items did, float64 [item, period].

        With `without_group`, by the items of all other groups.
        """
        history = self.history
        group = history.group[items]
        group_units, group_scale = self._of_groups
        own_units, own_scale = self.units[items], self.scale[items]
        if without_group:
            own_units, own_scale = group_units[group], group_scale[group]
        all_units, all_scale = group_units.sum(axis=0) - own_units, group_scale.sum(axis=0) - own_scale
        common = (all_units + self.prior_all) / (all_scale + self.prior_all)
        moved = common
        if not without_group:
            units, scale = group_units[group] - own_units, group_scale[group] - own_scale
            prior = self.prior[group][:, None]
            moved = (units + prior * common) / (scale + prior)
        return np.maximum(moved * _profile_on(self.weekday, history)[group], 1e-9)

    @cached_property
    def _of_groups(self) -> tuple[np.ndarray, np.ndarray]:
        """`units` and `scale` added up by group: float64 [group, period]."""
        return _by_group(self.units, self.history), _by_group(self.scale, self.history)

    def sums(self, windows: Windows, count: int, *, without_group: bool = False) -> WindowSums:
        """The units and the baseline of `count` sums of windows."""
        totals = np.zeros((9, count))
        order = np.argsort(windows.series, kind="stable")
        series, starts = np.unique(windows.series[order], return_index=True)
        for start in range(0, len(series), BLOCK):
            begin = starts[start]
            end = starts[start + BLOCK] if start + BLOCK < len(series) else len(order)
            chosen = order[begin:end]
            values = self._sums_of_block(series[start : start + BLOCK], windows, chosen, without_group)
            for total, value in zip(totals, values, strict=True):
                np.add.at(total, windows.number[chosen], value)
        units, baseline, with_level, known, level_noise, price, priced, promoted, clean = totals
        price_change = np.where(priced > 0, _ratio(price, priced), np.nan)
        shares = (_ratio(part, baseline) for part in (promoted, clean))
        return WindowSums(units, baseline, _ratio(with_level, known), level_noise, price_change, *shares)

    def _sums_of_block(
        self, rows: np.ndarray, windows: Windows, chosen: np.ndarray, without_group: bool
    ) -> tuple[np.ndarray, ...]:
        """Of each chosen window of the series `rows`, which rise, the addends of `WindowSums`, in the order in which
        `sums` takes them: [window] each."""
        history = self.history
        items, place = np.unique(history.item[rows], return_inverse=True)
        moved = self.movement(items, without_group=without_group)[place]
        known = ~np.isnan(history.units[rows])
        sold = np.nan_to_num(history.units[rows]).astype(np.float64)
        clean = history.clean(rows)
        series = np.searchsorted(rows, windows.series[chosen])
        first, stop = windows.first[chosen], windows.stop[chosen]
        out_first, out_stop = windows.left_out_first[chosen], windows.left_out_stop[chosen]

        def between(running: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
            first, stop = (np.clip(edge, 0, history.n_periods) for edge in (first, stop))
            return np.asarray(running[series, np.maximum(stop, first)] - running[series, first])

        def inside(values: np.ndarray) -> np.ndarray:
            return between(running_sums(values * known), first, stop)

        def around(values: np.ndarray) -> np.ndarray:
            running = running_sums(values * clean)
            wide = between(running, out_first - history.reach, out_stop + history.reach)
            return np.asarray(wide - between(running, out_first, out_stop))

        level_units, level_moved = around(sold), around(moved)
        has_level = (around(np.ones_like(moved)) >= FEWEST_CLEAN * 2 * history.reach) & (level_moved > 0)
        level = np.where(has_level, _ratio(level_units, level_moved), 0.0)
        periods, moved_inside = inside(np.ones_like(moved)), inside(moved)
        expected = level * moved_inside
        price, weight = np.zeros(len(chosen)), np.zeros(len(chosen))
        if history.price is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                log_price = np.log(history.price[rows].astype(np.float64))
            priced = np.isfinite(log_price)
            logs = np.where(priced, log_price, 0) * moved
            weights = [within(moved * priced) for within in (inside, around)]
            means = [_ratio(within(logs), w) for within, w in zip((inside, around), weights, strict=True)]
            weight = expected * ((weights[0] > 0) & (weights[1] > 0))
            price = (means[0] - means[1]) * weight
        return (
            inside(sold) * has_level,
            expected,
            periods * has_level,
            periods,
            _ratio(expected**2, level_units),
            price,
            weight,
            level * inside(moved * history.promotion[rows]),
            level * inside(moved * clean),
        )


def _weekday_profile(history: SalesHistory) -> np.ndarray:
    """Units by phase of the cycle relative to the mean of the series, by group: float64 [group, phase]."""
    sums = np.zeros((2, history.n_groups, history.cycle))
    phase = np.arange(history.n_periods) % history.cycle
    for rows in history.blocks:
        clean = history.clean(rows)
        sold = np.where(clean, np.nan_to_num(history.units[rows]), 0.0)
        mean = _ratio(sold.sum(axis=1), clean.sum(axis=1).astype(np.float64))
        for k in range(history.cycle):
            group = history.group[history.item[rows]]
            np.add.at(sums[0, :, k], group, sold[:, phase == k].sum(axis=1))
            np.add.at(sums[1, :, k], group, mean * clean[:, phase == k].sum(axis=1))
    prior = 1.0
    return np.asarray((sums[0] + prior) / (sums[1] + prior))


def _profile_on(weekday: np.ndarray, history: SalesHistory) -> np.ndarray:
    """The profile of each group on all periods: float64 [group, period]."""
    return weekday[:, np.arange(history.n_periods) % history.cycle]


def _half(history: SalesHistory) -> np.ndarray:
    """Splits the items of each group in two: int64 [item]."""
    half = np.zeros(history.n_items, np.int64)
    for g in range(history.n_groups):
        members = np.flatnonzero(history.group == g)
        half[members] = np.arange(len(members)) % 2
    return half


def _prior(units_0: np.ndarray, units_1: np.ndarray, scale_0: np.ndarray, scale_1: np.ndarray) -> float:
    """How many expected units of the profile the movement of a group is mixed with; each argument is [1, period].

    The movement that two halves of the group share is real; what they do not share is noise, which falls with the
    units. Noise of one expected unit, divided by the variance of the real movement, is the best mixture.
    """
    both = ((scale_0 > 0) & (scale_1 > 0))[0]
    if both.sum() < 10:
        return 1e6
    moves = [(_ratio(u, s) - 1)[0, both] for u, s in ((units_0, scale_0), (units_1, scale_1))]
    shared = float(np.mean(moves[0] * moves[1]))
    noise = float(np.mean([np.mean(s[0, both] * m**2) for s, m in zip((scale_0, scale_1), moves, strict=True)]))
    scale = float(np.mean([scale_0[0, both].mean(), scale_1[0, both].mean()]))
    noise = max(noise - shared * scale, 0.1)
    return noise / max(shared, 1e-6)


def _by_group(sums: np.ndarray, history: SalesHistory, some: np.ndarray | None = None) -> np.ndarray:
    """Adds up [item, period] to [group, period], of `some` items, bool [item], or of all."""
    total = np.zeros((history.n_groups, sums.shape[1]))
    items = np.arange(len(sums)) if some is None else np.flatnonzero(some)
    for start in range(0, len(items), BLOCK):
        rows = items[start : start + BLOCK]
        np.add.at(total, history.group[rows], sums[rows])
    return total


def running_sums(values: np.ndarray) -> np.ndarray:
    """Sums of all periods before each: float64 [series, period + 1]."""
    return np.pad(np.cumsum(values, axis=1, dtype=np.float64), ((0, 0), (1, 0)))


def _around(values: np.ndarray, reach: int) -> np.ndarray:
    """The sum from `reach` periods before each period to as many after it: float64 [series, period]."""
    running, n_periods = running_sums(values), values.shape[1]
    first = np.maximum(np.arange(n_periods) - reach, 0)
    stop = np.minimum(np.arange(n_periods) + reach + 1, n_periods)
    return np.asarray(running[:, stop] - running[:, first])


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Their quotient, 0 where there is nothing below."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
