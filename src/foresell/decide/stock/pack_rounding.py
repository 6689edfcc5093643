"""From a quantity to whole packs and a minimum, by what the last pack is expected to gain.

With a fractile f, a unit that is sold is worth f and one that is left over costs 1 - f. Their ratio is that of the
critical fractile, so that packs of one unit give the fractile itself. The expected cost of a quantity q is
then the pinball loss of q, which is convex: the best multiple of a pack is one of the two next to the best quantity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.decide.stock.contract import Orders, Situation

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""The expected cost of quantities: (rows int [n], quantity [n]) -> float64 [n]. It is convex in the quantity."""


def rounded_orders(
    situation: Situation, unrounded: np.ndarray, target: np.ndarray, loss: Loss, lost: np.ndarray | float = 0.0
) -> Orders:
    """The orders in whole packs, with `unrounded` (0 or more) and `target` beside them.

    Of the two multiples of the pack next to the unrounded quantity, the cheaper one is ordered. An order below the
    minimum is raised to it where that is cheaper than no order. `lost` [series] is the mean demand that is lost before
    the arrival.
    """
    pack = situation.pack
    least = np.maximum(np.ceil(situation.minimum / pack - 1e-9), 1) * pack
    below = np.floor(unrounded / pack + 1e-9) * pack
    below = np.where(below < least - 1e-9, 0.0, below)
    above = np.maximum(below + pack, least)
    order = below.copy()
    asked = np.flatnonzero(unrounded - below > 1e-6)
    if len(asked):
        pays = loss(asked, below[asked]) - loss(asked, above[asked]) > 1e-9
        order[asked] = np.where(pays, above[asked], below[asked])
    return Orders(order, unrounded, target, situation.cover_mean() - lost)


def pinball_of(needed: np.ndarray, probability: np.ndarray) -> Loss:
    """The pinball loss against what each path needs, `needed` [path, series], at the fractiles [series]."""

    def loss(rows: np.ndarray, quantity: np.ndarray) -> np.ndarray:
        return pinball(needed[:, rows], quantity, probability[rows])

    return loss


def pinball(needed: np.ndarray, quantity: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The mean pinball loss of `quantity` [series] against what each path needs, [path, series].

    >>> pinball(np.array([[2.0], [6.0]]), np.array([4.0]), np.array([0.75])).tolist()  # (2 * .25 + 2 * .75) / 2
    [1.0]
    """
    short = needed - quantity.astype(np.float32)
    over = np.maximum(-short, 0).mean(axis=0, dtype=np.float64)
    under = np.maximum(short, 0).mean(axis=0, dtype=np.float64)
    return probability * under + (1 - probability) * over
