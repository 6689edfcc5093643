"""Do shelves run empty more often than they used to? Days out of stock of the newest block beside those before.

Such days are not known to the forecasts, whose errors say nothing of them, and among all that comes and goes in the
share of known days a few hundred of them are lost; a count of their own shows them within a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""Blocks before, with something on sale, that tell what is usual."""

LEAST = 0.01
"""A rise by less than this share of days is no finding, however steady everything was before."""


@dataclass(frozen=True)
class Shelves:
    """The days of the series of some groups by block, the newest last: `out` of stock, and `there`, on sale in all;
    float64 [group, block]. `names` are those of the groups."""

    names: Sequence[str]
    out: np.ndarray
    there: np.ndarray


@dataclass(frozen=True)
class Emptied:
    """A group whose shelves run empty more often: the share of its days `now`, `before`, and the `most` that would have
    been usual."""

    level: str
    name: str
    now: float
    before: float
    most: float


def emptied(levels: Mapping[str, Shelves], rate: float) -> list[Emptied]:
    """The groups of each level of which more is out of stock in the newest block than those before leave open.

    The square root of a count varies by about a half whatever its size (Bartlett, "The square root transformation in
    analysis of variance", 1936), so the root of the share is taken to be normal: the bound is its mean in the blocks
    before, and Student's t times its standard deviation (not below that of a Poisson count) times the root of
    1 + 1 / blocks above it. `rate` is how often any of all groups may be found although nothing has changed; the levels
    share it evenly, and the groups of a level theirs (Bonferroni). Groups with fewer than `FEWEST` blocks before are
    not looked at.

    >>> weeks = Shelves(["all"], np.array([[2.0, 3, 1, 2, 4, 2, 3, 2, 30]]), np.full((1, 9), 200.0))
    >>> [(each.name, each.now, round(each.before, 3)) for each in emptied({"total": weeks}, 0.001)]
    [('all', 0.15, 0.012)]
    """
    from scipy.special import stdtrit

    found = []
    for level, of in levels.items():
        chance = rate / len(levels) / len(of.names)
        for name, out, there in zip(of.names, of.out, of.there, strict=True):
            past = there[:-1] > 0
            blocks = int(past.sum())
            if blocks < FEWEST or there[-1] <= 0:
                continue
            roots, now = np.sqrt(out[:-1][past] / there[:-1][past]), out[-1] / there[-1]
            spread = max(float(np.std(roots, ddof=1)), np.sqrt(0.25 / there[-1]))
            reach = stdtrit(blocks - 1, 1 - chance) * spread * np.sqrt(1 + 1 / blocks)
            before, most = float(out[:-1].sum() / there[:-1].sum()), float((roots.mean() + reach) ** 2)
            if now > most and now - before >= LEAST:
                found.append(Emptied(level, name, float(now), before, most))
    return found
