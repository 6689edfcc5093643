"""How far beyond its need an order goes for a discount.

A pack that is bought beyond the need takes the place of one of a later order. Where that order has the discount too,
buying it early saves nothing and is only held longer. So an order is raised to reach a price break that pays, and not
beyond it: in the long run each order then is of the size of the break, as in the textbooks' lot sizes with quantity
discounts (Snyder and Shen, "Fundamentals of Supply Chain Theory", section 3.4).

An incremental discount leaves what lies below its breaks at a higher price, which costs each order as much as a fixed
cost would. So larger and rarer orders save some of it at any size, not at the breaks alone, and the size is taken at
which the money saved less that of holding is the largest share of the order (ibid., incremental discounts).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from foresell.decide.vendors.vendor_order import VendorLines, total


def within_reach(lines: VendorLines) -> VendorLines:
    """The lines of a vendor, whose pieces have no packs beyond those that an order needs, whatever its discount.

    Kept are the packs that the series want, and of the others those that the break that pays best, the minimum or the
    last truck may need; of incremental discounts those of the size that pays best.

    >>> from foresell.decide.vendors.terms import PriceBreak, VendorTerms
    >>> one = np.ones(2)
    >>> packs, gain = np.array([8, 50]), np.array([2.0, -0.01])
    >>> terms = VendorTerms(breaks=(PriceBreak(5, 0.1), PriceBreak(20, 0.2)))
    >>> lines = VendorLines(terms, np.array([0, 0]), packs, gain, one == 0, one, one, one, one)
    >>> within_reach(lines).packs.tolist()  # 8 and 12 reach the break at 20, which saves 4 of 20 and costs 0.12
    [8, 12]
    """
    terms = lines.terms
    if not terms.breaks:
        return lines
    best = _cut(lines, 0.0)
    if not _wanted(lines).any():
        return best
    needed = total(_packs_for(lines, lines.minimum_load, terms.minimum), lines.break_load)
    saved = _saved_share(best, needed)
    sizes = _sizes(lines) if terms.incremental else np.array([each.threshold for each in terms.breaks])
    for size in sizes[sizes > needed * (1 + 1e-9)].tolist():
        raised = _cut(lines, size)
        if _saved_share(raised, size) > saved + 1e-12:
            best, saved = raised, _saved_share(raised, size)
    return best


def _sizes(lines: VendorLines) -> np.ndarray:
    """The sizes at which an incremental discount may save the largest share: where a piece ends, and at the breaks.

    Between two of them the share saved only rises or only falls, because what is saved and the cost of holding are both
    linear in the money there.
    """
    pieces = list(_by_gain(lines, lines.break_load))
    ends = total(_wanted(lines), lines.break_load) + np.cumsum((lines.packs * lines.break_load)[pieces])
    return np.unique([*ends.tolist(), *(each.threshold for each in lines.terms.breaks)])


def _saved_share(lines: VendorLines, size: float) -> float:
    """What an order of `size` in the measure of the breaks saves by its discount, less what the packs beyond the need
    cost, as a share of its money.

    Orders of different sizes come differently often, so that their shares compare, and not what one order saves.
    """
    money = max(total(lines.packs, lines.money), 1e-12)
    reached = [
        level.discount + level.constant / money for level in lines.price_levels if level.threshold <= size * (1 + 1e-9)
    ]
    return max(reached) + total(lines.packs, np.minimum(lines.gain, 0)) / money


def _wanted(lines: VendorLines) -> np.ndarray:
    """The packs of each piece that the series want by themselves: int64 [piece]."""
    return np.where(lines.gain > 0, lines.packs, 0)


def _cut(lines: VendorLines, threshold: float) -> VendorLines:
    """The lines with so many packs beyond the need as an order of `threshold` in the measure of the breaks may need."""
    packs = _wanted(lines)
    for load, least in ((lines.break_load, threshold), (lines.minimum_load, lines.terms.minimum)):
        packs = np.maximum(packs, _packs_for(lines, load, least))
    if lines.terms.truck is not None:
        trucks = np.ceil(total(packs, lines.load) / lines.terms.truck - 1e-9)
        packs = np.maximum(packs, _packs_for(lines, lines.load, float(trucks) * lines.terms.truck))
    return replace(lines, packs=packs, whole=lines.whole & (packs > 0))


def _packs_for(lines: VendorLines, load: np.ndarray, least: float) -> np.ndarray:
    """The packs that the series want, and those of the next ones, by what they gain for their load, that reach `least`:
    int64 [piece]."""
    packs = _wanted(lines)
    lacking = least - total(packs, load)
    for piece in _by_gain(lines, load):
        if lacking <= 1e-9 * max(least, 1.0):
            break
        of_pack = max(float(load[piece]), 1e-12)
        count = int(min(np.ceil(lacking / of_pack - 1e-9), lines.packs[piece]))
        packs[piece] = lines.packs[piece] if lines.whole[piece] else count
        lacking -= float(packs[piece]) * of_pack
    return packs


def _by_gain(lines: VendorLines, load: np.ndarray) -> Iterator[int]:
    """The pieces beyond the need, those first that cost least for their load; the pieces of a series stay in order."""
    beyond = np.flatnonzero(lines.gain <= 0)
    rank = np.argsort(-lines.gain[beyond] / np.maximum(load[beyond], 1e-12), kind="stable")
    return iter(beyond[rank].tolist())
