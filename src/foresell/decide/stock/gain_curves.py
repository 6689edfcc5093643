"""What each further pack of a series is expected to gain: by this, series compete for money, trucks and units.

The cost of an order is what it leaves unmet and what it leaves over on the sample paths of the cover:

    cost(q) = p E[short(q)] + R h E[over(q)] + h / (2 d) max(q - x - R d, 0)^2

with the lost margin p, the holding cost h, the review time R, the mean demand d of a period, and the order x that the
policy wants. The last term is what is bought beyond x: each unit of it takes the place of one of a later order, and is
held until that would have come. The curve is convex, so the gain of a pack falls from pack to pack.

The policy was chosen on the past, so it has the last word on the single series: a pack up to x counts as a gain, if of
next to nothing, and one beyond x as none. Without a joint limit the best order is x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from foresell.decide.stock.contract import Situation
from foresell.decide.stock.projection import projection

_LEVELS = 24
"""The quantities up to what every path needs at which a cost is computed; between them it is a straight line."""

_TAIL = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
"""How far beyond the order of the policy the curve goes, in review times of mean demand."""

LEAST_GAIN = 1e-6
"""What a pack that the policy wants gains at least, in money."""

_LEAST_DEMAND = 1e-4
_BLOCK = 1024  # series at a time, whose paths fit into the processor's cache


@dataclass(frozen=True)
class GainCurves:
    """Curves in pieces of packs that gain the same each.

    - `series`: int64 [piece], rising; the pieces of a series stand in the order in which they are bought.
    - `packs`: int64 [piece], how many packs a piece has. `gain`: float64 [piece], the gain of one of them, in money;
      within a series it never rises.
    - `whole`: bool [piece], whether it is bought as a whole or not at all, as a smallest order is.
    - `pack`, `wanted`: float64 [series], the size of a pack and the order of the policy, both in units.
    """

    series: np.ndarray
    packs: np.ndarray
    gain: np.ndarray
    whole: np.ndarray
    pack: np.ndarray
    wanted: np.ndarray

    @property
    def n_series(self) -> int:
        """The number of series."""
        return len(self.pack)

    def units(self, bought: np.ndarray) -> np.ndarray:
        """The units of each series, float64 [series], where `bought` [piece] packs of each piece are bought."""
        return np.bincount(self.series, bought, minlength=self.n_series) * self.pack

    def total_gain(self, bought: np.ndarray) -> np.ndarray:
        """The gain of each series, float64 [series], where `bought` [piece] packs of each piece are bought."""
        return np.bincount(self.series, bought * self.gain, minlength=self.n_series)

    def wanted_packs(self) -> np.ndarray:
        """The packs of each piece that make the order of the policy: int64 [piece]."""
        before = np.cumsum(self.packs) - self.packs
        first = np.searchsorted(self.series, self.series)
        before -= before[first]
        wanted = np.rint(self.wanted / self.pack).astype(np.int64)[self.series]
        return np.clip(wanted - before, 0, self.packs)

    def part(self, pieces: np.ndarray) -> GainCurves:
        """Some pieces, as rows; the series stay as they are."""
        return GainCurves(
            self.series[pieces], self.packs[pieces], self.gain[pieces], self.whole[pieces], self.pack, self.wanted
        )


def joined_curves(parts: Sequence[GainCurves]) -> GainCurves:
    """The curves of several blocks of series as one."""
    starts = np.cumsum([0, *(part.n_series for part in parts)])
    series = [part.series + start for part, start in zip(parts, starts, strict=False)]
    names = ("packs", "gain", "whole", "pack", "wanted")
    return GainCurves(
        np.concatenate(series), *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
    )


def gain_curves(situation: Situation, wanted: np.ndarray, beyond: np.ndarray) -> GainCurves:
    """The curves of all series.

    `wanted` [series] is the order of the policy in units, NaN where there is none: such a series has no pieces. Where
    `beyond` [series] is true, the curve goes on beyond that order, so that a joint minimum or a truck can be filled up;
    fresh goods, which would be wasted, are not bought for that.

    >>> from foresell.decide.stock.contract import CostRates
    >>> demand = np.array([[[4.0]], [[6.0]]])  # two paths, one series, one step
    >>> case = Situation.of(demand, np.array([0.0]), CostRates.of(1, holding=1, lost_margin=3), pack=2)
    >>> curves = gain_curves(case, np.array([6.0]), np.array([False]))
    >>> curves.packs.tolist(), curves.gain.tolist()  # the last pack is sold on one path of two
    ([1, 1, 1], [6.0, 6.0, 2.0])
    """
    if situation.shelf_periods is not None:
        beyond = beyond & ~(situation.shelf_periods > 0)
    known = ~np.isnan(wanted)
    pack, order = np.where(known, situation.pack, 1.0), np.where(known, wanted, 0.0)
    decided = np.flatnonzero(known)
    nothing = np.zeros(0, np.int64)
    parts = [GainCurves(nothing, nothing, np.zeros(0), np.zeros(0, bool), pack, order)]
    for start in range(0, len(decided), _BLOCK):
        rows = decided[start : start + _BLOCK]
        part = _curves(situation.part(rows), order[rows], beyond[rows])
        parts.append(replace(part, series=rows[part.series], pack=pack, wanted=order))
    series, packs, gain, whole = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("series", "packs", "gain", "whole")
    )
    return GainCurves(series, packs, gain, whole, pack, order)


def _curves(situation: Situation, order: np.ndarray, beyond: np.ndarray) -> GainCurves:
    """`gain_curves` of a block of series that all have an order."""
    pack, fixed = situation.pack, situation.costs.fixed
    least = np.maximum(np.ceil(situation.minimum / pack - 1e-9), 1).astype(np.int64)
    wanted_packs = np.rint(order / pack).astype(np.int64)
    needed = np.ascontiguousarray(projection(situation, lost_sales=True).needed.T)  # [series, path]
    per_period = np.maximum(situation.cover_mean() / np.maximum(situation.cover_periods, 1), _LEAST_DEMAND)
    per_review = per_period * situation.review_periods
    levels = _levels(needed, wanted_packs, pack, per_review, beyond)
    levels = np.where(levels < least[:, None], 0, levels)
    later = situation.costs.holding / (2 * per_period)
    cost = _costs(situation, needed, levels * pack[:, None], (order + per_review, later))
    levels, cost = _with_fixed_cost(levels, cost, fixed, wanted_packs)

    packs = np.diff(levels, axis=1)
    there = packs > 0
    gain = -np.diff(cost, axis=1) / np.maximum(packs, 1)
    # Sums of 32-bit numbers leave a little noise, which must not make a later pack gain more than one before it.
    gain = np.minimum.accumulate(np.where(there, gain, np.inf), axis=1)
    inside = levels[:, 1:] <= wanted_packs[:, None]
    gain = np.where(inside, np.maximum(gain, LEAST_GAIN), np.minimum(gain, 0))
    whole = (levels[:, :-1] == 0) & ((least > 1) | (fixed > 0))[:, None]
    series = np.broadcast_to(np.arange(len(pack))[:, None], packs.shape)
    return GainCurves(series[there], packs[there], gain[there], whole[there], pack, order)


def _levels(
    needed: np.ndarray, wanted: np.ndarray, pack: np.ndarray, per_review: np.ndarray, beyond: np.ndarray
) -> np.ndarray:
    """The numbers of packs at which the cost is computed: int64 [series, level], rising from 0.

    Every number, where there are few; else those at quantiles of what the paths need, `needed` [series, path].
    """
    most = np.maximum(np.ceil(np.maximum(needed.max(axis=1), 0) / pack).astype(np.int64), wanted)
    most = np.where(beyond, most, wanted)
    levels = np.minimum(np.arange(_LEVELS + 1), most[:, None])
    many = np.flatnonzero(most > _LEVELS)
    if len(many):
        ranks = np.linspace(0, needed.shape[1] - 1, _LEVELS).astype(np.int64)
        quantiles = np.sort(needed[many], axis=1)[:, ranks]
        levels[many, 1:] = np.clip(np.floor(quantiles / pack[many, None]), 0, most[many, None])
    review_packs = np.ceil(per_review[:, None] * _TAIL / pack[:, None]).astype(np.int64)
    tail = wanted[:, None] + np.where(beyond[:, None], np.hstack([review_packs, np.array([[1, 2, 4]] * len(pack))]), 0)
    return np.sort(np.column_stack([levels, most, wanted, tail]), axis=1)


def _costs(
    situation: Situation, needed: np.ndarray, quantity: np.ndarray, surplus: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The cost of quantities [series, level], see the module: float64 of the same shape.

    `surplus` has the quantity from which it is held longer, and the factor of its square, [series] each.
    """
    margin, holding = situation.costs.lost_margin, situation.costs.holding * situation.review_periods
    mean = needed.mean(axis=1, dtype=np.float64)
    cost = np.empty(quantity.shape)
    for level in range(quantity.shape[1]):
        new = quantity[:, level] != quantity[:, level - 1] if level else np.ones(len(mean), bool)
        if level:
            cost[:, level] = cost[:, level - 1]
        rows = np.flatnonzero(new)
        q = quantity[rows, level]
        short = needed[rows] - q[:, None].astype(np.float32)
        unmet = np.maximum(short, 0, out=short).mean(axis=1).astype(np.float64)
        over = unmet + q - mean[rows]
        held = surplus[1][rows] * np.maximum(q - surplus[0][rows], 0) ** 2
        cost[rows, level] = margin[rows] * unmet + holding[rows] * over + held
    return cost


def _with_fixed_cost(
    levels: np.ndarray, cost: np.ndarray, fixed: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Levels and their costs with the fixed cost of an order line.

    Below the number of packs whose average gain is the largest, no order is worth its fixed cost at any price of a
    pack, so these levels are left out: set to 0.
    """
    if not (fixed > 0).any():
        return levels, cost
    cost = cost + np.where(levels > 0, fixed[:, None], 0)
    average = (cost[:, :1] - cost) / np.maximum(levels, 1)
    allowed = (levels > 0) & ((levels <= wanted[:, None]) | (wanted[:, None] == 0))
    first = np.where(allowed, average, -np.inf).argmax(axis=1)
    below = (np.arange(levels.shape[1]) < first[:, None]) & (fixed > 0)[:, None]
    return np.where(below, 0, levels), np.where(below, cost[:, :1], cost)
