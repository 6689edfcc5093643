"""How sales moved when a price, a promotion or another covariate changed in the past, and what that says of a change.

A change is the border of two spells in which the covariate is constant. Its response is the log of the mean sales after
it over those before, within `SPAN` periods on each side, less the same of all other sales, which takes out season and
weekdays. The responses are regressed on the sizes of the changes, through the origin. What is left beyond the noise of
counts is how differently changes of one size turned out. Prices were not set as an experiment: this proves no cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.core.frequency import Frequency
from foresell.core.panel import Panel

FEWEST = 6
"""Fewer changes than this do not tell how differently they turn out."""

BEYOND = 1.5
"""A change so many times as large as any in the past lies outside of what the past shows."""

SHARE = 0.8
"""The share of similar changes that the range should contain."""

SPAN = {
    Frequency.HOUR: 336,
    Frequency.DAY: 28,
    Frequency.WEEK: 8,
    Frequency.MONTH: 3,
    Frequency.QUARTER: 3,
    Frequency.YEAR: 3,
}
"""How many periods before and after a change are looked at."""

_LEAST_PERIODS = 3  # known periods on either side of a change
_LEAST_SIZE = 0.005  # of the log of a price: smaller ones are rounding
_MOST_SERIES = 500  # those that sell most are looked at


@dataclass(frozen=True, eq=False)
class PastChanges:
    """Changes of one covariate: their `size` (log ratio of prices, difference of others), the `response` of sales as a
    log, and the variance of its `noise` of counts; float64 [change] each."""

    covariate: str
    size: np.ndarray
    response: np.ndarray
    noise: np.ndarray

    def __len__(self) -> int:
        return len(self.size)

    def tells_of(self, size: float) -> bool:
        """Whether there are enough changes, and as large ones, to say how far the effect of a change may be off."""
        return len(self) >= FEWEST and abs(size) <= BEYOND * float(np.abs(self.size).max())

    def variance(self, size: float, concentration: float = 1.0) -> float:
        """The variance of the log effect of one more change of this size, as the past has it.

        Where several series change together, what differs from change to change evens out between them:
        `concentration` is the sum of the squares of their shares in the sales, 1 for one series and 1 / n for n equal
        ones. The error of the mean response does not even out.

        >>> alike = PastChanges("price", np.full(8, -0.2), np.full(8, 0.3), np.full(8, 0.01))
        >>> round(alike.variance(-0.2), 9)  # they all turned out alike, within the noise
        0.0
        """
        squares = float(np.sum(self.size**2))
        slope = float(np.sum(self.size * self.response)) / squares
        left = self.response - slope * self.size
        between = max(float(np.sum(left**2 - self.noise)) / (len(self) - 1), 0.0)
        of_slope = float(np.sum(self.size**2 * left**2)) / squares**2
        return between * concentration + size**2 * of_slope


def size_of(panel: Panel, changed: Panel, covariate: str, rows: np.ndarray, days: slice) -> float:
    """The mean size of a change of what is known ahead, of the series `rows` on `days`."""
    before, after = (_scale(of.known[covariate].on(days)[rows], covariate) for of in (panel, changed))
    size = after - before
    return float(np.nanmean(size)) if np.isfinite(size).any() else 0.0


def past_changes(panel: Panel, covariate: str, rows: np.ndarray) -> PastChanges:
    """The changes of a covariate in the history of the series `rows`, at most of those that sell most."""
    units = np.asarray(panel.units, np.float64)
    total = np.nansum(units, axis=0)
    chosen = rows[np.argsort(-np.nansum(units[rows], axis=1), kind="stable")[:_MOST_SERIES]]
    values = _scale(panel.known[covariate].on(slice(0, panel.n_days))[chosen], covariate)
    span = SPAN[panel.frequency]
    least = _LEAST_SIZE if covariate == "price" else 1e-9
    found = [
        change
        for row, value in zip(chosen.tolist(), values, strict=True)
        for change in _changes_of(units[row], total, value, span, least)
    ]
    size, response, noise = np.array(found, np.float64).reshape(-1, 3).T
    return PastChanges(covariate, size, response, noise)


def _scale(values: np.ndarray, covariate: str) -> np.ndarray:
    """The logs of prices, which are positive; other covariates as they are. NaN stays NaN."""
    if covariate != "price":
        return values.astype(np.float64)
    positive = np.where(values > 0, values, np.nan).astype(np.float64)
    logs: np.ndarray = np.log(positive)
    return logs


def _changes_of(
    units: np.ndarray, total: np.ndarray, value: np.ndarray, span: int, least: float
) -> Iterator[tuple[float, float, float]]:
    """Size, response and noise of each change of one series; units, total and value are [day]."""
    known = np.flatnonzero(np.isfinite(value) & ~np.isnan(units))
    if not len(known):
        return
    borders = np.flatnonzero(np.abs(np.diff(value[known])) > least) + 1
    ends = np.concatenate([[0], borders, [len(known)]])
    for at in range(1, len(ends) - 1):
        before = known[max(ends[at - 1], ends[at] - span) : ends[at]]
        after = known[ends[at] : min(ends[at + 1], ends[at] + span)]
        sold, sold_after = units[before].sum(), units[after].sum()
        if min(len(before), len(after)) < _LEAST_PERIODS or sold + sold_after <= 0:
            continue
        rest, rest_after = ((total - np.nan_to_num(units))[days].mean() for days in (before, after))
        common = np.log(rest_after / rest) if min(rest, rest_after) > 0 else 0.0
        ratio = np.log((sold_after + 0.5) / len(after)) - np.log((sold + 0.5) / len(before))
        noise = 1 / (sold + 0.5) + 1 / (sold_after + 0.5)
        yield float(value[after[0]] - value[before[-1]]), float(ratio - common), float(noise)
