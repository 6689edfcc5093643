"""Bounds that allow for noise: how far a figure may lie from its usual value although nothing has changed.

The errors of one week are correlated over series and over days. A figure of ten thousand series and seven days
therefore rests on far fewer than seventy thousand independent errors. The bounds rest on how much a figure differs from
week to week of the backtest instead. The backtest's days are grouped in blocks (weeks; `block_of`), and each figure of
each block is one observation:

| figure | value of a block | a deviation is |
|---|---|---|
| bias | log of units sold over units forecast; for a group or segment, less the same of the total | a share |
| error | log of WAPE | a share |
| skill | log of the error over that of seasonal naive | a share |
| coverage | share of actuals in the range | in points |

Logarithms treat errors of either side alike, and make percentages comparable. The `m` blocks of one window come from
one model at one moment. `rho` is their intraclass correlation (one-way analysis of variance: Searle, Casella and
McCulloch, "Variance Components", 1992, section 3.6). So n blocks carry as much information as
n / (1 + (m - 1) rho) independent ones (Kish's design effect). A new figure of k blocks of one window is then predicted
with the variance

    v ((1 + (k - 1) rho) / k + (1 + (m - 1) rho) / n)

and Student's t with n / (1 + (m - 1) rho) - 1 degrees of freedom. Few windows make wide bounds. The groups of all
levels therefore tell each other how much groups of their size vary (`moderated`): the variance of each is drawn towards
that of groups of its size, and borrows degrees of freedom from them. Smyth, "Linear models and empirical Bayes methods
for assessing differential expression", Statistical Applications in Genetics and Molecular Biology 3, 2004, section 6.2;
with a trend, as in Sartor et al., "Intensity-based hierarchical Bayes method", BMC Bioinformatics 7, 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency

BIAS, ERROR, SKILL, COVERAGE = "bias", "error", "skill", "coverage"

_PRIOR_CORRELATION = (0.5, 3.0)  # the prior value of rho, and how many windows the prior counts as
_MOST_BORROWED = 12.0  # degrees of freedom; few, because groups share their windows
_PRIOR_SCATTER = (0.65, 10.0)  # the prior value of how much log variances differ, and how many nodes it counts as
_LEAST_SPAN = 0.5  # of log sizes: nodes that are more alike do not show how the variance depends on the size

FEWEST_NODES = 3
"""With fewer nodes, none borrows degrees of freedom from the others."""


def block_of(frequency: Frequency, horizon: int) -> int:
    """How many periods make a block: seven days, four weeks or one longer period, but no more than the horizon."""
    size = {
        Frequency.HOUR: 24,
        Frequency.DAY: 7,
        Frequency.WEEK: 4,
        Frequency.MONTH: 1,
        Frequency.QUARTER: 1,
        Frequency.YEAR: 1,
    }
    return min(size[frequency], horizon)


@dataclass(frozen=True)
class UsualFigure:
    """The usual distribution of one figure.

    - `mean` over the blocks, and `variance` of a single block.
    - `correlation` of the blocks of one window (rho).
    - `effective_blocks`: how many independent blocks carry the same information.
    - `freedom`: degrees of freedom of the variance.
    - `size`: the usual size of a block, in units.
    """

    mean: float
    variance: float
    correlation: float
    effective_blocks: float
    freedom: float
    size: float = 1.0

    def spread(self, n_blocks: float) -> float:
        """The standard error of predicting a figure of `n_blocks` blocks of one window; less than 1 counts as 1.

        >>> usual = UsualFigure(0.0, 0.04, correlation=0.5, effective_blocks=4.0, freedom=3.0)
        >>> round(usual.spread(2), 6)  # sqrt(0.04 * (1.5 / 2 + 1 / 4))
        0.2
        """
        blocks = max(n_blocks, 1.0)
        return float(
            np.sqrt(self.variance * ((1 + (blocks - 1) * self.correlation) / blocks + 1 / self.effective_blocks))
        )

    def for_size(self, size: float) -> UsualFigure:
        """The same for blocks of another size. Smaller blocks vary more, as sums of fewer units do; larger ones are
        taken to vary no less, to be safe.

        >>> UsualFigure(0.0, 0.04, 0.5, 4.0, 3.0, size=100.0).for_size(50.0).variance
        0.08
        """
        return replace(self, variance=self.variance * max(1.0, self.size / max(size, 1e-9)))

    def with_windows(self, times: float) -> UsualFigure:
        """The same as if the backtest had had so many `times` as many windows, which vary as much.

        >>> UsualFigure(0.0, 0.04, 0.5, effective_blocks=4.0, freedom=3.0).with_windows(2).freedom
        7.0
        """
        return replace(self, effective_blocks=self.effective_blocks * times, freedom=self.effective_blocks * times - 1)

    def centred_on(self, mean: float | None) -> UsualFigure:
        """The same with another mean, where one is given."""
        return self if mean is None else replace(self, mean=mean)

    def score(self, value: float, n_blocks: float) -> float:
        """The deviation of `value` in standard errors. Its distribution is Student's t with `freedom`."""
        spread = self.spread(n_blocks)
        return (value - self.mean) / spread if spread > 0 else 0.0


def usual_figures(
    values: pl.DataFrame, windows: float, floor: np.ndarray | None = None, borrow: bool = False
) -> list[UsualFigure | None]:
    """The usual distribution of one figure at several nodes of a kind; None for a node with too few blocks.

    `values` has one row for each node, ``cutoff`` and ``block``: ``node`` (numbered from 0), ``value`` and ``size``.
    Blocks of a node are weighted by their size, because segments of new products are now small, now large. `windows`
    is the effective number of the backtest's windows, which is smaller where they overlap. `floor` [node] is the least
    variance of a block. With `borrow` the nodes borrow degrees of freedom from each other.
    """
    if values.is_empty():
        return []
    n_nodes = int(values["node"].max()) + 1  # type: ignore[operator, arg-type]
    correlation, moments = _correlation(values, windows), _moments(values, n_nodes)
    per_window = moments["effective"] / np.maximum(moments["cutoffs"], 1)
    independent = np.minimum(moments["cutoffs"], windows)
    effective_blocks = independent * per_window / (1 + np.maximum(per_window - 1, 0) * correlation)
    enough = effective_blocks > 1
    freedom = np.where(enough, effective_blocks - 1, 0)
    # The squares are taken round the mean of the same blocks, so they are too small by this factor.
    shrinkage = np.where(enough, 1 - 1 / np.where(enough, effective_blocks, 2), 1)
    variance = np.where(enough, moments["squares"] / np.maximum(moments["n"], 1) / shrinkage, np.nan)
    if floor is not None:
        variance = np.maximum(variance, floor)
    if borrow:
        variance, freedom = moderated(variance, freedom, moments["size"])
    columns = (moments["mean"], variance, effective_blocks, freedom, moments["size"])
    return [
        UsualFigure(mean, squared, correlation, effective, degrees, size) if effective > 1 else None
        for mean, squared, effective, degrees, size in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _moments(values: pl.DataFrame, n_nodes: int) -> dict[str, np.ndarray]:
    """Moments of each node's blocks, float64 [node] each.

    ``n`` blocks are worth ``effective`` blocks of equal size (Kish) and come from so many ``cutoffs``. ``mean`` and
    ``squares`` (round the mean) are weighted by size; ``size`` is the mean size.
    """
    size, value = pl.col("size"), pl.col("value")
    mean = (size * value).sum() / size.sum()
    by_node = values.group_by("node").agg(
        n=pl.len(),
        effective=size.sum() ** 2 / (size**2).sum(),
        cutoffs=pl.col("cutoff").n_unique(),
        mean=mean,
        squares=(size / size.mean() * (value - mean) ** 2).sum(),
        size=size.mean(),
    )
    place = by_node["node"].to_numpy()
    moments = {}
    for name in by_node.columns[1:]:
        moments[name] = np.zeros(n_nodes)
        moments[name][place] = by_node[name].to_numpy()
    return moments


def _squares() -> pl.Expr:
    return ((pl.col("value") - pl.col("value").mean()) ** 2).sum()


def _correlation(values: pl.DataFrame, windows: float) -> float:
    """Rho, the intraclass correlation of a window's blocks: pooled over the nodes, and shrunk towards a half where
    there are few windows.

    The mean squares of each node are divided by its variance, so that no node dominates the others.
    """
    by_window = values.group_by("node", "cutoff").agg(m=pl.len(), mean=pl.col("value").mean(), inner=_squares())
    by_node = by_window.group_by("node").agg(
        w=pl.len(),
        m=pl.col("m").mean(),
        between=(pl.col("m") * (pl.col("mean") - pl.col("mean").mean()) ** 2).sum(),
        within=pl.col("inner").sum(),
    )
    usable = by_node.filter((pl.col("w") > 1) & (pl.col("m") > 1) & (pl.col("between") + pl.col("within") > 0))
    prior, weight = _PRIOR_CORRELATION
    if usable.is_empty():
        return prior
    w, m, between, within = (usable[name].to_numpy() for name in ("w", "m", "between", "within"))
    total = between + within
    above, below = np.mean(between / total / (w - 1)), np.mean(within / total / (w * (m - 1)))
    estimate = float(np.clip((above - below) / (above + (m.mean() - 1) * below), 0, 1))
    return (windows * estimate + weight * prior) / (windows + weight)


def moderated(
    variance: np.ndarray, freedom: np.ndarray, size: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Variances [node] drawn towards what is common at their `size` [node], and the degrees of freedom that they then
    have.

    Smyth (2004), section 6.2: by chance alone, log variances scatter as trigamma(freedom / 2). Any further scatter
    shows how much the nodes differ, and so how many degrees of freedom d0 the common variance s0 is worth: no more
    than the other nodes have together. Few nodes hardly show it, so the scatter is drawn towards that of d0 = 4, which
    leaves the rate of false alarms as promised where nodes do differ (`tests/monitor/test_planted_falls.py`). The log
    of s0 is linear in the log of the size, with a slope between -1 (sums of independent series) and 0 (the same error
    in all). Fewer than `FEWEST_NODES` nodes are not changed.

    >>> variance, freedom = moderated(np.array([1.0, 1.1, 0.9, 1.0, 1.0]), np.full(5, 3.0))
    >>> float(freedom[0]), bool(np.ptp(variance) < 0.06)  # the nodes do not differ: each borrows 4 x 3
    (15.0, True)
    """
    from scipy.special import digamma, polygamma

    good = (freedom > 0) & (variance > 0) & np.isfinite(variance)
    n_nodes = int(good.sum())
    if n_nodes < FEWEST_NODES:
        return variance, freedom
    half = freedom[good] / 2
    logs = np.log(variance[good]) - digamma(half) + np.log(half)
    trend = _trend(logs, np.ones(n_nodes) if size is None else size[good])
    by_chance = float(np.mean(polygamma(1, half)))
    prior, weight = _PRIOR_SCATTER
    scatter = float(np.sum((logs - trend) ** 2)) / (n_nodes - 1) - by_chance
    scatter = (n_nodes * scatter + weight * prior) / (n_nodes + weight)
    most = min(float(freedom[good].mean()) * (n_nodes - 1), _MOST_BORROWED)
    borrowed = min(2 * _trigamma_inverse(scatter), most) if scatter > 0 else most
    common = np.full(len(variance), np.nan)
    common[good] = np.exp(trend + digamma(borrowed / 2) - np.log(borrowed / 2))
    shrunk = np.where(good, (borrowed * common + freedom * variance) / (borrowed + freedom), variance)
    return shrunk, np.where(good, freedom + borrowed, freedom)


def _trend(logs: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The common log variance [node] at each node's size: a line in the log of the size."""
    sizes = np.log(np.maximum(size, 1e-9))
    if np.ptp(sizes) < _LEAST_SPAN:
        return np.full(len(logs), logs.mean())
    centred = sizes - sizes.mean()
    slope = float(np.clip((centred @ logs) / (centred @ centred), -1, 0))
    fitted: np.ndarray = logs.mean() + slope * centred
    return fitted


def _trigamma_inverse(value: float) -> float:
    """The x whose trigamma is `value`; Newton's method of Smyth (2004), appendix."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


def chance(score: float, freedom: float, sides: int) -> float:
    """The p-value of a score: how likely one so far from 0 (so large, where `sides` is 1) is by chance (Student's t).

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
    """For each of several p-values, the limit below which it counts, so that a false alarm is raised with `rate` at
    most.

    The smallest of n is compared with rate / n, the next with rate / (n - 1), and so on, up to the first that is not
    below its limit. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm([0.001, 0.5, 0.02], 0.03)
    [0.01, 0.015, 0.015]
    """
    order = np.argsort(chances, kind="stable")
    n, limits = len(chances), np.empty(len(chances))
    rejected = True
    level = rate / max(n, 1)
    for rank, place in enumerate(order):
        if rejected:
            level = rate / (n - rank)
            rejected = chances[place] < level
        limits[place] = level
    return limits.tolist()
