"""Who gets the units of a centre where the stores want more than it has.

The next pack goes to the store where a unit of it gains most (`decide.stock.gain_curves`), until the stock of the item
is used up. Where all packs are of one size that is the best allocation: Fox, "Discrete optimization via marginal
analysis", Management Science 13, 1966. Where they differ, the linear programme bounds what can be gained, and sources
that stay far below it are solved exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.gain_curves import GainCurves
from foresell.decide.vendors.exact_order import exact_orders
from foresell.decide.vendors.joint_orders import TOLERANCE
from foresell.decide.vendors.terms import VendorTerms
from foresell.decide.vendors.vendor_order import VendorLines

_EXACT_PIECES = 5_000
_SECONDS = 2.0  # for each exact solution


@dataclass(frozen=True)
class Allocation:
    """What each store gets. A source is one item at one centre.

    - `units`: float64 [series], NaN where the series has no source.
    - `shadow_price`: float64 [source], what one more unit of the source would gain, in money; 0 where there is enough.
    - `left`: float64 [source], the units that stay at the centre.
    - `gain`, `bound`: of all units, in money, and what no allocation can exceed.
    """

    units: np.ndarray
    shadow_price: np.ndarray
    left: np.ndarray
    gain: float
    bound: float

    @property
    def gap(self) -> float:
        """How much a better allocation might gain, as a share of the bound."""
        return max(self.bound - self.gain, 0) / self.bound if self.bound > 1e-9 else 0.0


def allocation(
    curves: GainCurves, source_of: np.ndarray, stock: np.ndarray, *, fairness: float = 0.0, tolerance: float = TOLERANCE
) -> Allocation:
    """Shares the `stock` [source] in units among the series; `source_of` [series] is the source of each, -1 for none.

    With `fairness` f, each store first gets the share f of what it would have were all cut alike, in whole packs; the
    rest goes where it gains most. 0 is all for the gain, 1 all alike.

    >>> piece = np.array([0, 1])
    >>> packs, gain = np.array([3, 3]), np.array([2.0, 5.0])
    >>> curves = GainCurves(piece, packs, gain, piece < 0, np.ones(2), np.array([3.0, 3.0]))
    >>> allocation(curves, np.zeros(2, int), np.array([4.0])).units.tolist()
    [1.0, 3.0]
    >>> allocation(curves, np.zeros(2, int), np.array([4.0]), fairness=1.0).units.tolist()
    [2.0, 2.0]
    """
    source_of_piece = source_of[curves.series]
    rows = np.flatnonzero(source_of_piece >= 0)
    part, source = curves.part(rows), source_of_piece[rows]
    share = _Share.of(part, source, stock)
    share.give_alike(fairness, source_of)
    bound = share.give_by_gain()
    share.use_the_rest()
    gain = share.gain()
    bound, gain = _solved_exactly(share, bound, gain, tolerance)
    units = np.where(source_of >= 0, part.units(share.bought), np.nan)
    return Allocation(units, share.shadow_price, share.left, float(gain.sum()), float(bound.sum()))


@dataclass
class _Share:
    """The pieces of series with a source, by source and falling gain of a unit, and what has been given so far.

    `bought` [piece] are packs, `left` [source] units; `fixed` [piece] is what fairness gave.
    """

    part: GainCurves
    source: np.ndarray
    units: np.ndarray
    rank: np.ndarray
    follows: np.ndarray
    left: np.ndarray
    bought: np.ndarray
    fixed: np.ndarray
    shadow_price: np.ndarray

    @classmethod
    def of(cls, part: GainCurves, source: np.ndarray, stock: np.ndarray) -> _Share:
        units = part.pack[part.series]
        rank = np.lexsort((-part.gain / units, source))
        same = np.concatenate([[False], part.series[1:] == part.series[:-1]])[: len(source)]
        follows = np.where(same, np.arange(len(source)) - 1, -1)
        nothing = np.zeros(len(source), np.int64)
        left = np.maximum(stock, 0).astype(np.float64)
        return cls(part, source, units, rank, follows, left, nothing, nothing.copy(), np.zeros(len(stock)))

    def give(self, pieces: np.ndarray, packs: np.ndarray) -> None:
        """Gives `packs` of some pieces."""
        self.bought[pieces] += packs
        np.subtract.at(self.left, self.source[pieces], packs * self.units[pieces])

    def give_alike(self, fairness: float, source_of: np.ndarray) -> None:
        """Gives every series the share `fairness` of its wish, cut as all wishes of its source are."""
        if fairness <= 0:
            return
        wanted = np.where(source_of >= 0, self.part.wanted, 0.0)
        total = np.bincount(np.maximum(source_of, 0), wanted, minlength=len(self.left))
        cut = np.minimum(self.left / np.maximum(total, 1e-12), 1.0)[np.maximum(source_of, 0)]
        packs = np.floor(fairness * cut * wanted / self.part.pack + 1e-9)
        before = np.cumsum(self.part.packs) - self.part.packs
        before -= before[np.searchsorted(self.part.series, self.part.series)]
        count = np.clip(packs[self.part.series] - before, 0, self.part.packs).astype(np.int64)
        partial = self.part.whole & (count < self.part.packs)
        count[np.isin(self.part.series, self.part.series[partial])] = 0
        self.fixed = count
        self.give(np.arange(len(count)), count)

    def give_by_gain(self) -> np.ndarray:
        """Gives packs by falling gain, as far as the stock goes; returns the bound of the gain, [source]."""
        rank, packs = self.rank, self.part.packs - self.bought
        size = (packs * self.units)[rank]
        source = self.source[rank]
        before = np.cumsum(size) - size
        first = np.searchsorted(source, source)
        before = before - before[first] if len(size) else before
        room = self._usable()[source] - before
        fits = size <= room + 1e-9
        count = np.where(fits, packs[rank], np.floor(np.maximum(room, 0) / self.units[rank] + 1e-9)).astype(np.int64)
        count[self.part.whole[rank] & ~fits] = 0
        value = (self.part.gain / self.units)[rank]
        n_sources = len(self.left)
        bound = np.bincount(source, value * np.clip(room, 0, size), minlength=n_sources)
        bound += np.bincount(self.source, self.fixed * self.part.gain, minlength=n_sources)
        critical = np.flatnonzero(~fits)
        sources, places = np.unique(source[critical], return_index=True)
        self.shadow_price[sources] = value[critical[places]]
        # A piece after the critical one has no room, so that count is 0 there, and no series is out of order.
        self.give(rank, count)
        return bound

    def _usable(self) -> np.ndarray:
        """What is left without the broken pack that nobody can take, where all packs are of one size: [source]."""
        smallest, largest = np.full(len(self.left), np.inf), np.zeros(len(self.left))
        np.minimum.at(smallest, self.source, self.units)
        np.maximum.at(largest, self.source, self.units)
        alike = smallest == largest
        pack = np.where(alike, largest, 1.0)
        return np.where(alike, np.floor(self.left / pack + 1e-9) * pack, self.left)

    def use_the_rest(self) -> None:
        """Gives smaller packs where the next one by gain does not fit any more."""
        while True:
            rank = self.rank
            open_pieces = (self.bought < self.part.packs)[rank] & (self.units <= self.left[self.source] + 1e-9)[rank]
            before = self.follows[rank]
            open_pieces &= (before < 0) | (self.bought[before] == self.part.packs[before])
            whole = self.part.whole[rank]
            open_pieces &= ~whole | ((self.units * self.part.packs)[rank] <= self.left[self.source[rank]] + 1e-9)
            candidates = rank[open_pieces]
            if not len(candidates):
                return
            _, places = np.unique(self.source[candidates], return_index=True)
            chosen = candidates[places]
            most = np.floor(self.left[self.source[chosen]] / self.units[chosen] + 1e-9).astype(np.int64)
            self.give(chosen, np.minimum(most, (self.part.packs - self.bought)[chosen]))

    def gain(self) -> np.ndarray:
        """The gain of what has been given: [source]."""
        return np.bincount(self.source, self.bought * self.part.gain, minlength=len(self.left))


def _solved_exactly(
    share: _Share, bound: np.ndarray, gain: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """The bound and the gain [source], after exact solutions of the sources farthest from their bound."""
    for source in np.argsort(gain - bound, kind="stable").tolist():
        if (bound - gain).sum() <= tolerance * bound.sum() or bound[source] - gain[source] <= 0:
            break
        rows = np.flatnonzero(share.source == source)
        if len(rows) > _EXACT_PIECES:
            continue
        part, fixed = share.part, share.fixed[rows]
        units, zero = share.units[rows], np.zeros(len(rows))
        lines = VendorLines(
            VendorTerms(), part.series[rows], part.packs[rows] - fixed, part.gain[rows],
            part.whole[rows] & (fixed == 0), units, units, zero, zero,
        )  # fmt: skip
        room = float(share.left[source] + (share.bought[rows] - fixed) @ units)
        answer = exact_orders([lines], budget=room, relative_gap=tolerance / 10, seconds=_SECONDS)
        given = float(fixed @ part.gain[rows])
        bound[source] = min(bound[source], answer.bound + given)
        if answer.bought is not None and (total := answer.bought[0] @ part.gain[rows] + given) > gain[source]:
            gain[source] = total
            share.give(rows, answer.bought[0] + fixed - share.bought[rows])
    return np.maximum(bound, gain), gain
