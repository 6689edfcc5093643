"""How sales take off after a launch, as a share of what they settle at: learnt from earlier launches.

A launch that is still young has no settled level to compare with, and leaving it out would leave out the latest. So
level and curve are found together, launch by launch and age by age, as actuaries do for claims that are still coming
in: units = level of the launch x curve of the age, Poisson by quasi-likelihood (the chain ladder: Renshaw and Verrall,
"A stochastic model underlying the chain-ladder technique", 1998). The season and the trend are taken out first, by what
series that had been there from the start sold on the same days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between, shape_of, shrunk
from foresell.models.launch.day_profile import Rhythm, labels_of, places, promoted

STEP = {Frequency.DAY: 7, Frequency.WEEK: 1, Frequency.MONTH: 1}
"""Periods of age in one step of the curve."""

STEPS = {Frequency.DAY: 26, Frequency.WEEK: 26, Frequency.MONTH: 6}
"""Steps after which a launch counts as settled."""

START = {Frequency.DAY: 28, Frequency.WEEK: 4, Frequency.MONTH: 2}
"""A series that is known within the first so many periods may have begun before them; it is no launch."""

SETTLED = 6  # the last steps, whose mean is the level
ENOUGH = 20  # launches that a group should have on average for a curve of its own
FEWEST = 5  # launches without which there is no curve at all
BLOCK = 2048


@dataclass(frozen=True)
class Takeoff:
    """The curve: `curve` [step], 1 being the settled level; `curves` of the groups of `level`, relative to it.

    `step` is the number of periods of a step, `launches` how many the curve was learnt from.
    """

    step: int
    curve: tuple[float, ...]
    level: Level
    curves: Mapping[str, tuple[float, ...]]
    launches: int

    def plain(self) -> dict[str, Any]:
        """As plain data for JSON; ``Takeoff.of_plain`` reads it back."""
        return asdict(self)

    @staticmethod
    def of_plain(plain: Mapping[str, Any]) -> Takeoff:
        curves = {name: tuple(each) for name, each in plain["curves"].items()}
        return Takeoff(**{**plain, "curve": tuple(plain["curve"]), "level": tuple(plain["level"]), "curves": curves})

    @property
    def settled(self) -> int:
        """The age in periods from which on a series is at its level."""
        return self.step * len(self.curve)

    def at(self, panel: Panel, age: np.ndarray) -> np.ndarray:
        """The share of its level that each series sells at each `age` [series, day]; ages below 0 count as 0."""
        flat = (1.0,) * len(self.curve)
        own = np.array([self.curves.get(name, flat) for name in labels_of(panel.series, self.level)])
        curve = own.reshape(panel.n_series, -1) * self.curve  # [series, step]
        # Between the middles of two steps the curve is a straight line; it ends at the settled level.
        curve = np.concatenate([curve, np.ones((panel.n_series, 1))], axis=1)
        place = np.clip(age / self.step - 0.5 * (self.step - 1) / self.step, 0, len(self.curve))
        below = np.minimum(place.astype(np.int64), len(self.curve) - 1)
        left = np.take_along_axis(curve, below, axis=1)
        return left + (place - below) * (np.take_along_axis(curve, below + 1, axis=1) - left)


def begins(panel: Panel, horizon: int) -> np.ndarray:
    """The day on which each series begins, int64 [series]; may lie ahead, or be the first after the cutoff.

    The first known day; for a series without one the first day with a price, which may be known ahead. A series of
    which neither is known is taken to begin on the day after the cutoff.
    """
    begin = np.full(panel.n_series, panel.n_days)
    waiting = np.zeros(panel.n_series, bool)
    for start in range(0, panel.n_series, BLOCK):
        rows = slice(start, start + BLOCK)
        known = ~np.isnan(panel.units[rows])
        waiting[rows] = ~known.any(axis=1)
        begin[rows] = np.where(waiting[rows], panel.n_days, known.argmax(axis=1) if panel.n_days else 0)
    if "price" in panel.known and waiting.any():
        new = np.flatnonzero(waiting)
        priced = ~np.isnan(panel.known["price"].part(new).on(slice(0, panel.n_days + horizon)))
        # A price of long ago without a known day since: on sale only in name, so it begins now.
        begin[new] = np.where(priced.any(axis=1), np.maximum(priced.argmax(axis=1), panel.n_days), panel.n_days)
    return begin


def launched(panel: Panel, begin: np.ndarray) -> np.ndarray:
    """Whether each series was seen to begin, or is still to: bool [series]."""
    return begin >= min(START[panel.frequency], panel.n_days)


def learn(panel: Panel, rhythm: Rhythm, begin: np.ndarray, level: Level) -> Takeoff:
    """The curve of the launches that `panel` shows, with groups of `level` that have their own as far as they show it.

    Flat (nothing but 1) where there are fewer than five launches.
    """
    step, steps = STEP[panel.frequency], STEPS[panel.frequency]
    rows = np.flatnonzero(launched(panel, begin) & (begin < panel.n_days))
    flat = Takeoff(step, (1.0,) * steps, level, {}, len(rows))
    if len(rows) < FEWEST:
        return flat
    sold, expected = _triangle(panel, rhythm, begin, rows, (step, steps), market(panel, begin, level), level)
    there = (expected > 0).sum(axis=1) >= 2
    sold, expected, rows = sold[there], expected[there], rows[there]
    if len(rows) < FEWEST:
        return flat
    curve, levels = chain_ladder(sold, expected)
    curve = _settled(curve, expected)
    usual = levels[:, None] * expected * curve
    noise = 1 + usual / shape_of(sold[expected > 0], usual[expected > 0])  # how launches wander round what is usual
    names, groups = np.unique(np.array(labels_of(panel.series[rows], level), dtype=object), return_inverse=True)
    totals = [np.zeros((len(names), steps)) for _ in range(2)]
    for total, values in zip(totals, (sold / noise, usual / noise), strict=True):
        np.add.at(total, groups, values)
    own = shrunk(totals[0], totals[1], between(totals[0].ravel(), totals[1].ravel()))
    own /= own[:, -SETTLED:].mean(axis=1, keepdims=True)
    curves = dict(zip(names.tolist(), map(tuple, own.tolist()), strict=True))
    return Takeoff(step, tuple(curve.tolist()), level, curves, len(rows))


def chain_ladder(sold: np.ndarray, expected: np.ndarray, rounds: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Curve [step] and levels [launch] with sold ~ expected x level x curve, over the cells that are expected.

    `sold` and `expected` are [launch, step], 0 where a launch has not come that far. The curve is free up to a factor.

    >>> curve, level = chain_ladder(np.array([[2.0, 4, 8], [3, 6, 0]]), np.array([[1.0, 1, 1], [1, 1, 0]]))
    >>> (curve / curve[2]).round(3).tolist(), (level * curve[2]).round(3).tolist()
    ([0.25, 0.5, 1.0], [8.0, 12.0])
    """
    curve = np.ones(expected.shape[1])
    for _ in range(rounds):
        usual = expected @ curve
        level = np.where(usual > 0, sold.sum(axis=1) / np.where(usual > 0, usual, 1), 0)
        # Large launches wander as much, in proportion, as small ones: variance = mean + mean**2, weight 1 / (1 + mean).
        cells = np.maximum((expected > 0).sum(axis=1), 1)
        weight = 1 / (1 + level * usual / cells)
        below = (weight * level) @ expected
        curve = np.where(below > 0, weight @ sold / np.where(below > 0, below, 1), np.nan)
        curve = _filled(curve)
        curve /= curve.mean() if curve.mean() > 0 else 1
    return curve, level


def _filled(curve: np.ndarray) -> np.ndarray:
    """The curve with steps that nothing is known of as the last known one."""
    known = np.flatnonzero(~np.isnan(curve))
    if not len(known):
        return np.ones(len(curve))
    last = known[np.clip(np.searchsorted(known, np.arange(len(curve)), side="right") - 1, 0, None)]
    return curve[last]


def _settled(curve: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The curve smoothed over neighbouring steps, by how much each rests on, and 1 in its last steps on average."""
    weight = np.sqrt((expected > 0).sum(axis=0)) + 1e-9
    padded = np.pad(weight, 1), np.pad(weight * curve, 1)
    weight, curve = (0.25 * each[:-2] + 0.5 * each[1:-1] + 0.25 * each[2:] for each in padded)
    curve = curve / weight
    settled = curve[-SETTLED:].mean()
    return curve / settled if settled > 0 else np.ones(len(curve))


def market(panel: Panel, begin: np.ndarray, level: Level) -> dict[str, np.ndarray]:
    """What the series that were there from the start sold round each day, by group of `level`: float64 [day].

    Units of a series and known day, as a mean over four weeks round the day; the total's for a group without any.
    """
    old = np.flatnonzero(begin < START[panel.frequency])
    names, groups = np.unique(np.array(labels_of(panel.series[old], level), dtype=object), return_inverse=True)
    units, known = np.zeros((len(names), panel.n_days)), np.zeros((len(names), panel.n_days))
    for start in range(0, len(old), BLOCK):
        rows = slice(start, start + BLOCK)
        values = panel.units[old[rows]]
        np.add.at(units, groups[rows], np.nan_to_num(values))
        np.add.at(known, groups[rows], ~np.isnan(values))
    width = STEP[panel.frequency] * 4
    found = {name: _smooth(units[row], known[row], width) for row, name in enumerate(names)}
    return {**found, "": _smooth(units.sum(axis=0), known.sum(axis=0), width)}


def _smooth(units: np.ndarray, known: np.ndarray, width: int) -> np.ndarray:
    """The mean of a known series' units over `width` days round each day, 1 where nothing was sold or known."""
    kernel = np.ones(width + 1 - width % 2)
    half = len(kernel) // 2
    above, below = (np.convolve(np.pad(each, half), kernel, "valid") for each in (units, known))
    mean = np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
    return np.where(mean > 0, mean, 1.0)


def _triangle(
    panel: Panel,
    rhythm: Rhythm,
    begin: np.ndarray,
    rows: np.ndarray,
    grid: tuple[int, int],
    index: Mapping[str, np.ndarray],
    level: Level,
) -> tuple[np.ndarray, np.ndarray]:
    """What each launch of `rows` sold in each step of its age, and what a level of 1 would have: [launch, step]."""
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
        usual = _of_day(block, rhythm, day) * _of_market(block, index, level, day)
        shape = (len(part), steps, step)
        sold[start : start + BLOCK] = np.where(known, units, 0).reshape(shape).sum(axis=2)
        expected[start : start + BLOCK] = np.where(known, usual, 0).reshape(shape).sum(axis=2)
    return sold, expected


def _of_day(panel: Panel, rhythm: Rhythm, day: np.ndarray) -> np.ndarray:
    """What the rhythm makes of `day` [series, age]: float64 of its shape."""
    days = np.arange(panel.n_days)
    season = rhythm.of_groups(panel)[np.arange(panel.n_series)[:, None], places(panel, days)[day]]
    on = np.take_along_axis(promoted(panel, days), day, axis=1)
    return season * np.where(on, rhythm.uplift(panel), 1.0)


def _of_market(panel: Panel, index: Mapping[str, np.ndarray], level: Level, day: np.ndarray) -> np.ndarray:
    """What the market made of `day` [series, age], relative to its mean over the history: float64 of its shape."""
    curves = np.stack([index.get(name, index[""]) for name in labels_of(panel.series, level)])
    curves = curves / curves.mean(axis=1, keepdims=True)
    return np.take_along_axis(curves, day, axis=1)
