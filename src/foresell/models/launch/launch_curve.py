"""The launch curve: the sales after a launch as a share of the settled level, learnt from earlier launches.

A recent launch has no settled level yet, and without the recent launches the curve would be out of date. So the levels
of the launches and the curve are estimated together, as actuaries do for claims that are not complete: units = level of
the launch x curve at its age, by Poisson quasi-likelihood (the chain ladder: Renshaw and Verrall,
"A stochastic model underlying the chain-ladder technique", 1998). The season and the trend are
taken out first, by the sales of the series that had existed from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between_variance, negative_binomial_shape, posterior_ratio
from foresell.models.launch.day_profile import DayProfile, group_labels, promotion_days, season_positions

STEPS = {
    Frequency.HOUR: 26,
    Frequency.DAY: 26,
    Frequency.WEEK: 26,
    Frequency.MONTH: 6,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 2,
}
"""The number of steps after which a launch counts as settled."""

FIRST_PERIODS = {
    Frequency.HOUR: 672,
    Frequency.DAY: 28,
    Frequency.WEEK: 4,
    Frequency.MONTH: 2,
    Frequency.QUARTER: 1,
    Frequency.YEAR: 1,
}
"""A series whose first known day is within so many first periods may have begun earlier, so it is not a launch."""

SETTLED_STEPS = 6  # the last steps, whose mean is the settled level
LAUNCHES_PER_GROUP = 20  # launches that the groups of a level need on average to have curves of their own
FEWEST_LAUNCHES = 5  # launches that a curve needs
BLOCK = 2048


@dataclass(frozen=True)
class LaunchCurve:
    """The `curve` [step] of all launches, 1 for the settled level, and the `curves` of groups of `level`, relative to
    it.

    `step` is the number of periods of a step, `launches` the number of launches that the curve was learnt from.
    """

    step: int
    curve: tuple[float, ...]
    level: Level
    curves: Mapping[str, tuple[float, ...]]
    launches: int

    def to_dict(self) -> dict[str, Any]:
        """The curve as plain data for JSON; ``LaunchCurve.from_dict`` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> LaunchCurve:
        """The curve that ``to_dict`` made plain data of."""
        curves = {name: tuple(curve) for name, curve in plain["curves"].items()}
        return LaunchCurve(
            **{**plain, "curve": tuple(plain["curve"]), "level": tuple(plain["level"]), "curves": curves}
        )

    @property
    def settled(self) -> int:
        """The age in periods at which a series reaches its settled level."""
        return self.step * len(self.curve)

    def at(self, panel: Panel, age: np.ndarray) -> np.ndarray:
        """The share of its level that each series sells at each `age` [series, day]; ages below 0 count as 0."""
        flat = (1.0,) * len(self.curve)
        own = np.array([self.curves.get(name, flat) for name in group_labels(panel.series, self.level)])
        curve = own.reshape(panel.n_series, -1) * self.curve  # [series, step]
        # Between the middles of two steps the curve is a straight line; it ends at the settled level.
        curve = np.concatenate([curve, np.ones((panel.n_series, 1))], axis=1)
        position = np.clip(age / self.step - 0.5 * (self.step - 1) / self.step, 0, len(self.curve))
        below = np.minimum(position.astype(np.int64), len(self.curve) - 1)
        left = np.take_along_axis(curve, below, axis=1)
        return left + (position - below) * (np.take_along_axis(curve, below + 1, axis=1) - left)


def first_days(panel: Panel, horizon: int) -> np.ndarray:
    """The first day of each series, int64 [series], which may be after the cutoff.

    It is the first known day. For a series without a known day it is the first day with a price, which may be known
    ahead. For a series without a price it is the day after the cutoff.
    """
    begin = np.full(panel.n_series, panel.n_days)
    unknown = np.zeros(panel.n_series, bool)
    for start in range(0, panel.n_series, BLOCK):
        rows = slice(start, start + BLOCK)
        known = ~np.isnan(panel.units[rows])
        unknown[rows] = ~known.any(axis=1)
        begin[rows] = np.where(unknown[rows], panel.n_days, known.argmax(axis=1) if panel.n_days else 0)
    if "price" in panel.known and unknown.any():
        new = np.flatnonzero(unknown)
        priced = ~np.isnan(panel.known["price"].part(new).on(slice(0, panel.n_days + horizon)))
        # A series with an old price and no known day since has not been on sale, so it begins now.
        begin[new] = np.where(priced.any(axis=1), np.maximum(priced.argmax(axis=1), panel.n_days), panel.n_days)
    return begin


def is_launch(panel: Panel, begin: np.ndarray) -> np.ndarray:
    """Whether each series begins within the history or later, rather than before it: bool [series]."""
    return begin >= min(FIRST_PERIODS[panel.frequency], panel.n_days)


def learn_launch_curve(panel: Panel, profile: DayProfile, begin: np.ndarray, level: Level) -> LaunchCurve:
    """The curve of the launches in `panel`, with curves for the groups of `level`; `begin` are the first days [series].

    The curve is 1 at every step where there are fewer than five launches.
    """
    # A step of the curve is a week of age, or a period where that is longer.
    step, steps = panel.frequency.week, STEPS[panel.frequency]
    rows = np.flatnonzero(is_launch(panel, begin) & (begin < panel.n_days))
    flat = LaunchCurve(step, (1.0,) * steps, level, {}, len(rows))
    if len(rows) < FEWEST_LAUNCHES:
        return flat
    sold, expected = _triangle(panel, profile, begin, rows, (step, steps), market_index(panel, begin, level), level)
    usable = (expected > 0).sum(axis=1) >= 2  # launches with at least two steps of sales
    sold, expected, rows = sold[usable], expected[usable], rows[usable]
    if len(rows) < FEWEST_LAUNCHES:
        return flat
    curve, levels = chain_ladder(sold, expected)
    curve = _settled(curve, expected)
    usual = levels[:, None] * expected * curve
    noise = 1 + usual / negative_binomial_shape(
        sold[expected > 0], usual[expected > 0]
    )  # the variance of launches over their mean
    names, groups = np.unique(np.array(group_labels(panel.series[rows], level), dtype=object), return_inverse=True)
    totals = [np.zeros((len(names), steps)) for _ in range(2)]
    for total, values in zip(totals, (sold / noise, usual / noise), strict=True):
        np.add.at(total, groups, values)
    own = posterior_ratio(totals[0], totals[1], between_variance(totals[0].ravel(), totals[1].ravel()))
    own /= own[:, -SETTLED_STEPS:].mean(axis=1, keepdims=True)
    curves = dict(zip(names.tolist(), map(tuple, own.tolist()), strict=True))
    return LaunchCurve(step, tuple(curve.tolist()), level, curves, len(rows))


def chain_ladder(sold: np.ndarray, expected: np.ndarray, rounds: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """The curve [step] and the levels [launch] in sold = expected x level x curve, by quasi-likelihood.

    `sold` and `expected` are [launch, step], both 0 at steps that a launch has not reached. The curve is determined up
    to a factor.

    >>> curve, level = chain_ladder(np.array([[2.0, 4, 8], [3, 6, 0]]), np.array([[1.0, 1, 1], [1, 1, 0]]))
    >>> (curve / curve[2]).round(3).tolist(), (level * curve[2]).round(3).tolist()
    ([0.25, 0.5, 1.0], [8.0, 12.0])
    """
    curve = np.ones(expected.shape[1])
    for _ in range(rounds):
        usual = expected @ curve
        level = np.where(usual > 0, sold.sum(axis=1) / np.where(usual > 0, usual, 1), 0)
        # Large launches vary as much, in proportion, as small ones: variance = mean + mean**2, so weight 1 / (1 +
        # mean).
        cells = np.maximum((expected > 0).sum(axis=1), 1)
        weight = 1 / (1 + level * usual / cells)
        below = (weight * level) @ expected
        curve = np.where(below > 0, weight @ sold / np.where(below > 0, below, 1), np.nan)
        curve = _filled(curve)
        curve /= curve.mean() if curve.mean() > 0 else 1
    return curve, level


def _filled(curve: np.ndarray) -> np.ndarray:
    """The curve with the last known value in place of unknown steps."""
    known = np.flatnonzero(~np.isnan(curve))
    if not len(known):
        return np.ones(len(curve))
    last = known[np.clip(np.searchsorted(known, np.arange(len(curve)), side="right") - 1, 0, None)]
    return curve[last]


def _settled(curve: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The curve smoothed over neighbouring steps, weighted by their launches, with mean 1 in its last steps."""
    weight = np.sqrt((expected > 0).sum(axis=0)) + 1e-9
    padded = np.pad(weight, 1), np.pad(weight * curve, 1)
    weight, curve = (0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:] for values in padded)
    curve = curve / weight
    settled = curve[-SETTLED_STEPS:].mean()
    return curve / settled if settled > 0 else np.ones(len(curve))


def market_index(panel: Panel, begin: np.ndarray, level: Level) -> dict[str, np.ndarray]:
    """The mean units of a series around each day, by group of `level`: float64 [day].

    Only series that had existed from the start count. The mean is that of the four weeks around the day. The key ``""``
    has the mean of all groups, for groups without such series.
    """
    old = np.flatnonzero(begin < FIRST_PERIODS[panel.frequency])
    names, groups = np.unique(np.array(group_labels(panel.series[old], level), dtype=object), return_inverse=True)
    units, known = np.zeros((len(names), panel.n_days)), np.zeros((len(names), panel.n_days))
    for start in range(0, len(old), BLOCK):
        rows = slice(start, start + BLOCK)
        values = panel.units[old[rows]]
        np.add.at(units, groups[rows], np.nan_to_num(values))
        np.add.at(known, groups[rows], ~np.isnan(values))
    width = panel.frequency.week * 4
    by_group = {name: _smooth(units[row], known[row], width) for row, name in enumerate(names)}
    return {**by_group, "": _smooth(units.sum(axis=0), known.sum(axis=0), width)}


def _smooth(units: np.ndarray, known: np.ndarray, width: int) -> np.ndarray:
    """The mean of `units` over the `known` series in `width` days around each day, 1 where nothing was sold or
    known."""
    kernel = np.ones(width + 1 - width % 2)
    half = len(kernel) // 2
    above, below = (np.convolve(np.pad(values, half), kernel, "valid") for values in (units, known))
    mean = np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
    return np.where(mean > 0, mean, 1.0)


def _triangle(
    panel: Panel,
    profile: DayProfile,
    begin: np.ndarray,
    rows: np.ndarray,
    grid: tuple[int, int],
    index: Mapping[str, np.ndarray],
    level: Level,
) -> tuple[np.ndarray, np.ndarray]:
    """The units of each launch of `rows` in each step of its age, and those of a level of 1: [launch, step]."""
    step, steps = grid
    sold, expected = np.zeros((2, len(rows), steps))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        day = begin[part, None] + np.arange(step * steps)
        inside = day < panel.n_days
        day = np.minimum(day, panel.n_days - 1)
        units = np.take_along_axis(panel.units[part], day, axis=1)
        known = inside & ~np.isnan(units)
        block = panel.part(part)
        usual = _of_day(block, profile, day) * _of_market(block, index, level, day)
        shape = (len(part), steps, step)
        sold[start : start + BLOCK] = np.where(known, units, 0).reshape(shape).sum(axis=2)
        expected[start : start + BLOCK] = np.where(known, usual, 0).reshape(shape).sum(axis=2)
    return sold, expected


def _of_day(panel: Panel, profile: DayProfile, day: np.ndarray) -> np.ndarray:
    """The factor of the day profile on each `day` [series, age]: float64 of its shape."""
    days = np.arange(panel.n_days)
    season = profile.season_of_groups(panel)[np.arange(panel.n_series)[:, None], season_positions(panel, days)[day]]
    on = np.take_along_axis(promotion_days(panel, days), day, axis=1)
    return season * np.where(on, profile.uplift(panel), 1.0)


def _of_market(panel: Panel, index: Mapping[str, np.ndarray], level: Level, day: np.ndarray) -> np.ndarray:
    """The market index on each `day` [series, age], relative to its mean over the history: float64 of its shape."""
    curves = np.stack([index.get(name, index[""]) for name in group_labels(panel.series, level)])
    curves = curves / curves.mean(axis=1, keepdims=True)
    return np.take_along_axis(curves, day, axis=1)
