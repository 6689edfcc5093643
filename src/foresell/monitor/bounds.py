"""Bounds that allow for noise: how far a figure may lie from what is usual without anything having changed.

The errors of a week are alike, over series and over days, so a figure of ten thousand series and seven days has
nothing like seventy thousand errors behind it. What counts is by how much such figures differ from week to week of the
backtest. So the backtest's days are taken together in blocks (weeks; `block_of`), and each figure of each block is one
observation:

| figure | of a block | by how much it may lie off is measured as |
|---|---|---|
| bias | log of units sold over units forecast; of a group or segment: less that of the total | a share |
| error | log of WAPE | a share |
| skill | log of the error over that of seasonal naive | a share |
| coverage | share of actuals in the range | points |

Logarithms make errors of either side alike and percentages comparable. `m` blocks of one window are made with one
model at one moment; `rho` is how alike they are (the intraclass correlation, one-way analysis of variance: Searle,
Casella and McCulloch, "Variance Components", 1992, section 3.6), so that n blocks tell as much as n / (1 + (m - 1)
rho) independent ones (Kish's design effect). A new figure of k blocks of one window is then predicted with the
variance

    v ((1 + (k - 1) rho) / k + (1 + (m - 1) rho) / n)

and Student's t with n / (1 + (m - 1) rho) - 1 degrees of freedom: few windows make wide bounds. Where a level has many
groups, their variances lend each other degrees of freedom (`moderated`): Smyth, "Linear models and empirical Bayes
methods for assessing differential expression", Statistical Applications in Genetics and Molecular Biology 3, 2004,
section 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency

BIAS, ERROR, SKILL, COVERAGE = "bias", "error", "skill", "coverage"

_LIKE = (0.5, 3.0)  # what rho is taken to be before anything is seen, and how many windows that is worth
_MOST_LENT = 30.0  # degrees of freedom that others lend at most: groups share their windows

FEWEST = 5
"""Nodes; fewer do not lend each other degrees of freedom."""


def block_of(frequency: Frequency, horizon: int) -> int:
    """How many periods make a block: a week of days, four weeks, one month; a horizon that is shorter than that."""
    return min({Frequency.DAY: 7, Frequency.WEEK: 4, Frequency.MONTH: 1}[frequency], horizon)


@dataclass(frozen=True)
class Usual:
    """What is usual of one figure: its `mean` over the blocks, the variance of one block, `like` (rho), how many
    independent blocks it is `worth`, the degrees of freedom of its variance, and the usual `size` of a block."""

    mean: float
    variance: float
    like: float
    worth: float
    freedom: float
    size: float = 1.0

    def spread(self, n_blocks: float) -> float:
        """The standard error of predicting a figure of `n_blocks` blocks of one window (a fraction of one is one).

        >>> round(Usual(0.0, 0.04, like=0.5, worth=4.0, freedom=3.0).spread(2), 6)  # sqrt(0.04 * (1.5 / 2 + 1 / 4))
        0.2
        """
        blocks = max(n_blocks, 1.0)
        return float(np.sqrt(self.variance * ((1 + (blocks - 1) * self.like) / blocks + 1 / self.worth)))

    def at(self, size: float) -> Usual:
        """The same for blocks of another size: smaller ones vary more, as sums of fewer units do; larger ones, to be
        safe, no less.

        >>> Usual(0.0, 0.04, 0.5, 4.0, 3.0, size=100.0).at(50.0).variance
        0.08
        """
        return replace(self, variance=self.variance * max(1.0, self.size / max(size, 1e-9)))

    def longer(self, times: float) -> Usual:
        """The same if there had been so many times as many windows that vary as much.

        >>> Usual(0.0, 0.04, 0.5, worth=4.0, freedom=3.0).longer(2).freedom
        7.0
        """
        return replace(self, worth=self.worth * times, freedom=self.worth * times - 1)

    def moved(self, mean: float | None) -> Usual:
        """The same round another mean, where one is given."""
        return self if mean is None else replace(self, mean=mean)

    def score(self, value: float, n_blocks: float) -> float:
        """By how many standard errors `value` lies off; its distribution is Student's t with `freedom`."""
        spread = self.spread(n_blocks)
        return (value - self.mean) / spread if spread > 0 else 0.0


def usual(
    values: pl.DataFrame, windows: float, floor: np.ndarray | None = None, lend: bool = False
) -> list[Usual | None]:
    """What is usual of one figure of several nodes of a kind.

    `values` has one row for each node, ``cutoff`` and ``block``: ``node`` (numbered from 0), ``value`` and ``size``, by
    which blocks of a node count: segments of new products are now small, now large. `windows` is how many windows
    those of the backtest are worth; overlapping ones are worth fewer. `floor` [node] is a variance that no block can
    have less of. With `lend` the nodes lend each other degrees of freedom. None for a node of which there are too few
    blocks.
    """
    if values.is_empty():
        return []
    n_nodes = int(values["node"].max()) + 1  # type: ignore[operator, arg-type]
    like, seen = _likeness(values, windows), _seen(values, n_nodes)
    per_window = seen["effective"] / np.maximum(seen["cutoffs"], 1)
    worth = np.minimum(seen["cutoffs"], windows) * per_window / (1 + np.maximum(per_window - 1, 0) * like)
    enough = worth > 1
    freedom = np.where(enough, worth - 1, 0)
    lost = np.where(enough, 1 - 1 / np.where(enough, worth, 2), 1)  # of the squares, to the mean
    variance = np.where(enough, seen["squares"] / np.maximum(seen["n"], 1) / lost, np.nan)
    if floor is not None:
        variance = np.maximum(variance, floor)
    if lend:
        variance, freedom = moderated(variance, freedom)
    columns = (seen["mean"], variance, worth, freedom, seen["size"])
    return [
        Usual(mean, squared, like, of, free, size) if of > 1 else None
        for mean, squared, of, free, size in zip(*(each.tolist() for each in columns), strict=True)
    ]


def _seen(values: pl.DataFrame, n_nodes: int) -> dict[str, np.ndarray]:
    """Of each node [node]: ``n`` blocks and how many of equal size they are worth (``effective``, by Kish), of how many
    ``cutoffs``; the mean by size, the sum of squares round it by relative size, and the mean ``size``."""
    size, value = pl.col("size"), pl.col("value")
    mean = (size * value).sum() / size.sum()
    found = values.group_by("node").agg(
        n=pl.len(),
        effective=size.sum() ** 2 / (size**2).sum(),
        cutoffs=pl.col("cutoff").n_unique(),
        mean=mean,
        squares=(size / size.mean() * (value - mean) ** 2).sum(),
        size=size.mean(),
    )
    place = found["node"].to_numpy()
    arrays = {}
    for name in found.columns[1:]:
        arrays[name] = np.zeros(n_nodes)
        arrays[name][place] = found[name].to_numpy()
    return arrays


def _squares() -> pl.Expr:
    return ((pl.col("value") - pl.col("value").mean()) ** 2).sum()


def _likeness(values: pl.DataFrame, windows: float) -> float:
    """Rho: how alike the blocks of a window are, pooled over the nodes and drawn towards a half where windows are few.

    Between and within mean squares of each node are taken by its variance, so that no node drowns the others.
    """
    by_window = values.group_by("node", "cutoff").agg(m=pl.len(), mean=pl.col("value").mean(), inner=_squares())
    by_node = by_window.group_by("node").agg(
        w=pl.len(),
        m=pl.col("m").mean(),
        between=(pl.col("m") * (pl.col("mean") - pl.col("mean").mean()) ** 2).sum(),
        within=pl.col("inner").sum(),
    )
    usable = by_node.filter((pl.col("w") > 1) & (pl.col("m") > 1) & (pl.col("between") + pl.col("within") > 0))
    prior, weight = _LIKE
    if usable.is_empty():
        return prior
    w, m, between, within = (usable[name].to_numpy() for name in ("w", "m", "between", "within"))
    total = between + within
    above, below = np.mean(between / total / (w - 1)), np.mean(within / total / (w * (m - 1)))
    found = float(np.clip((above - below) / (above + (m.mean() - 1) * below), 0, 1))
    return (windows * found + weight * prior) / (windows + weight)


def moderated(variance: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances [node] drawn towards their common size, and the degrees of freedom that they then have.

    Smyth (2004), section 6.2: log variances scatter by chance as trigamma(freedom / 2); what they scatter more says
    how unlike the nodes are, and so how many degrees of freedom d0 the common variance s0 is worth; not more than all
    others have. Fewer than `FEWEST` nodes are left as they are, as so few do not show how unlike they are.

    >>> variance, freedom = moderated(np.array([1.0, 1.1, 0.9, 1.0, 1.0]), np.full(5, 3.0))
    >>> float(freedom[0]), bool(np.ptp(variance) < 0.05)  # all alike: 4 x 3 are lent
    (15.0, True)
    """
    from scipy.special import digamma, polygamma

    good = (freedom > 0) & (variance > 0) & np.isfinite(variance)
    if good.sum() < FEWEST:
        return variance, freedom
    half = freedom[good] / 2
    logs = np.log(variance[good]) - digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - np.mean(polygamma(1, half)))
    most = min(float(freedom[good].mean()) * (good.sum() - 1), _MOST_LENT)
    lent = min(2 * _trigamma_inverse(excess), most) if excess > 0 else most
    common = float(np.exp(np.mean(logs) + digamma(lent / 2) - np.log(lent / 2)))
    drawn = np.where(good, (lent * common + freedom * variance) / (lent + freedom), variance)
    return drawn, np.where(good, freedom + lent, freedom)


def _trigamma_inverse(value: float) -> float:
    """The x whose trigamma is `value`; Newton's method of Smyth (2004), appendix."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        at = float(polygamma(1, x))
        step = at * (1 - at / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


def chance(score: float, freedom: float, sides: int) -> float:
    """How likely a score so far off (above, where `sides` is 1) is by chance, by Student's t.

    >>> round(chance(2.0, 10.0, sides=2), 4)
    0.0734
    """
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(score)) if sides == 2 else stdtr(freedom, -score))


def limit(probability: float, freedom: float, sides: int) -> float:
    """The score that is exceeded with `probability` by chance.

    >>> round(limit(0.05, 10.0, sides=2), 3)
    2.228
    """
    from scipy.special import stdtrit

    return float(-stdtrit(freedom, probability / sides))


def holm(chances: Sequence[float], rate: float) -> list[float]:
    """For each of several checks the chance that it must be below, so that all together raise a false alarm with
    `rate` at most: the smallest of n is held against rate / n, the next against rate / (n - 1), and so on up to the
    first that holds. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm([0.001, 0.5, 0.02], 0.03)
    [0.01, 0.015, 0.015]
    """
    order = np.argsort(chances, kind="stable")
    n, found = len(chances), np.empty(len(chances))
    holds = True
    level = rate / max(n, 1)
    for rank, place in enumerate(order):
        if holds:
            level = rate / (n - rank)
            holds = chances[place] < level
        found[place] = level
    return [float(each) for each in found]
