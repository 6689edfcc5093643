"""What a promotion does to the other items of its group: halo, where they sell more, and cannibalisation, where less.

Other items are compared with their own baseline in the periods of the campaigns, where they have no promotion
themselves and none has ended shortly before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.promotions.campaigns import Campaigns
from foresell.decide.promotions.effects import FALSE_DISCOVERIES, Effect, discoveries
from foresell.decide.response.baseline import Baseline, running_sums
from foresell.decide.response.errors_of_sums import ErrorScale

FEWEST_CAMPAIGNS = 3
"""A pair of items is looked at where the other one was without a promotion in so many campaigns."""


@dataclass(frozen=True)
class Neighbours:
    """Pairs of an item on promotion and another one of its group, with the effect on the other one over all campaigns.

    `item`, `other`, `campaigns`: int64 [pair]. `effect`: [pair]. `p`: two-sided, and `seen`, whether it counts with few
    false discoveries: [pair]. `rest` is the effect on all other items of the group together, [item].
    """

    item: np.ndarray
    other: np.ndarray
    campaigns: np.ndarray
    effect: Effect
    p: np.ndarray
    seen: np.ndarray
    rest: Effect


def neighbours_of(baseline: Baseline, campaigns: Campaigns, coverage: float = 0.9) -> Neighbours:
    """The effects of `campaigns` on the other items of each group."""
    history = baseline.history
    items = np.arange(history.n_items)
    whole = _Wholes.of(baseline, baseline.movement(items), baseline.units, baseline.scale)
    scale = whole.placebo_scale(history.cycle)
    columns: list[tuple[np.ndarray, ...]] = []
    for item in np.unique(campaigns.item):
        others = np.flatnonzero((history.group == history.group[item]) & (items != item))
        of_item = campaigns.item == item
        units, expected, usable = whole.sums(others, campaigns.first[of_item], campaigns.stop[of_item])
        variance = np.where(usable, scale.deviation(expected, others[:, None]), 0) ** 2
        count = usable.sum(axis=1)
        enough = count >= FEWEST_CAMPAIGNS
        sums = [np.where(usable, values, 0).sum(axis=1)[enough] for values in (units, expected)]
        columns.append(
            (np.full(enough.sum(), item), others[enough], count[enough], *sums, variance.sum(axis=1)[enough])
        )
    empty = [np.zeros(0, np.int64)] * 3 + [np.zeros(0)] * 3
    item, other, count, units, expected, variance = (
        np.concatenate(parts) for parts in zip(*(columns or [tuple(empty)]), strict=True)
    )
    effect = _effect(units, expected, variance, scale, coverage)
    p = _two_sided(effect)
    seen = discoveries(p, FALSE_DISCOVERIES)
    return Neighbours(item, other, count, effect, p, seen, _rest(baseline, campaigns, coverage))


@dataclass(frozen=True)
class _Wholes:
    """Sums of rows in clean periods: running `units`, `expected` and clean periods, float64 [row, period + 1]."""

    units: np.ndarray
    expected: np.ndarray
    clean: np.ndarray
    reach: int

    @classmethod
    def of(cls, baseline: Baseline, movement: np.ndarray, units: np.ndarray, scale: np.ndarray) -> _Wholes:
        """Of rows that move as `movement` [row, period]; `scale` is their level in clean periods."""
        return cls(running_sums(units), running_sums(scale * movement), running_sums(scale > 0), baseline.history.reach)

    def sums(self, rows: np.ndarray, first: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units and baseline of `rows` [row] in windows [window], and whether both are known: [row, window] each."""
        last = self.units.shape[1] - 1
        begin, end = np.clip(first - self.reach, 0, last), np.clip(stop + self.reach, 0, last)

        def between(array: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
            return np.asarray(array[np.ix_(rows, stop)] - array[np.ix_(rows, first)])

        inside = [between(array, first, stop) for array in (self.units, self.expected, self.clean)]
        around = [
            between(array, begin, end) - part
            for array, part in zip((self.units, self.expected), inside[:2], strict=True)
        ]
        usable = (inside[2] > 0) & (around[1] > self.reach / 4 * inside[1] / np.maximum(inside[2], 1))
        level = np.divide(around[0], around[1], out=np.zeros_like(around[0]), where=usable)
        expected = level * inside[1]
        return inside[0], expected, usable & (expected > 0)

    def placebo_scale(self, length: int) -> ErrorScale:
        """The noise of windows of `length` periods over the whole history."""
        rows = np.arange(len(self.units))
        first = np.arange(0, self.units.shape[1] - length, length)
        units, expected, usable = self.sums(rows, first, first + length)
        row = np.broadcast_to(rows[:, None], usable.shape)
        return ErrorScale.learn(units[usable], expected[usable], row[usable], len(rows))


def _rest(baseline: Baseline, campaigns: Campaigns, coverage: float) -> Effect:
    """The effect on all other items of a group together, against the items of all other groups: [item]."""
    history = baseline.history
    items = np.arange(history.n_items)
    movement = baseline.movement(items, without_group=True)
    expected = baseline.scale * movement
    one = history.n_groups < 2
    sums = np.full((3, history.n_items), np.nan)
    groups = []
    for group in range(history.n_groups):
        members = history.group == group
        groups.append([a[members].sum(axis=0) for a in (baseline.units, expected)])
    totals = _Wholes(
        running_sums(np.array([part[0] for part in groups])),
        running_sums(np.array([part[1] for part in groups])),
        running_sums(np.array([part[1] > 0 for part in groups])),
        history.reach,
    )
    scale = totals.placebo_scale(history.cycle)
    for item in [] if one else np.unique(campaigns.item):
        group, of_item = history.group[item], campaigns.item == item
        units, level, usable = totals.sums(np.array([group]), campaigns.first[of_item], campaigns.stop[of_item])
        variance = scale.deviation(level, np.array([[group]])) ** 2
        sums[:, item] = [np.where(usable, values, 0).sum() for values in (units, level, variance)]
    none = ~(sums[1] > 0)
    units, level, variance = (np.where(none, np.nan, values) for values in sums)
    return _effect(units, level, variance, scale, coverage)


def _effect(
    units: np.ndarray, expected: np.ndarray, variance: np.ndarray, scale: ErrorScale, coverage: float
) -> Effect:
    """An effect with a symmetric interval, because these sums are large."""
    deviation = np.sqrt(variance)
    width = max(scale.quantile((1 + coverage) / 2), -scale.quantile((1 - coverage) / 2)) * deviation / expected
    change = units / expected - 1
    return Effect(units, expected, change - width, change + width, deviation)


def _two_sided(effect: Effect) -> np.ndarray:
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(effect.gained / effect.deviation)))
