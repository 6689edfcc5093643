"""How demand answers to the price, from a user's own past.

In each stretch of one cycle (a week of days), the units of an item are compared with the baseline that clean periods
around it give, and the price with the price of the same periods. So both are residuals that the stretch had no part in
(Robinson 1988; Chernozhukov et al. 2018, section 1). The model of an item is::

    E[units] = baseline * exp(-elasticity * change of log price + display * share of the stretch on promotion)

It is fitted with the variance that clean stretches show, and the elasticities are pooled within the group of the item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError
from foresell.decide.response.baseline import Baseline, Windows
from foresell.decide.response.errors_of_sums import ErrorScale
from foresell.decide.response.partial_pooling import partially_pooled
from foresell.decide.response.sales_history import BLOCK, SalesHistory

CHANGE = 0.02
"""A stretch counts as one at another price where the log of the price differs by so much."""

FEWEST_CHANGES = 4
"""So few stretches at another price say nothing about an item."""

DISPLAY_SPREAD, ELASTICITY_SPREAD = 1.0, 5.0
"""Standard deviations of weak priors round 0, which keep an item apart whose past cannot tell price from promotion."""

CONTRADICTION = 1.0
"""The log of the likelihood ratio of no response against that of the group, from which a group does not count."""

CLUSTER = 4  # stretches whose errors may hang together


@dataclass(frozen=True)
class PriceResponse:
    """The price elasticity of items, float64 [item]: `elasticity` 2 means that 1 % off the price sells 2 % more.

    - `low`, `high`: its interval. `deviation`: the standard deviation.
    - `changes`: stretches at another price, int64 [item].
    - `of_group`: whether the item's own past says nothing, and the elasticity is that of its group: bool [item].
    - `seen`: whether there is a response: the whole interval lies above 0, and the item's own past does not rather
      speak for none.

    NaN where not even the groups show any change of the price.
    """

    elasticity: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    changes: np.ndarray
    of_group: np.ndarray
    own: np.ndarray
    own_error: np.ndarray
    of_others: np.ndarray  # the mean of the group

    @property
    def seen(self) -> np.ndarray:
        """Whether a response to the price can be seen: bool [item]."""
        with np.errstate(invalid="ignore"):
            for_none = ((self.own - self.of_others) ** 2 - self.own**2) / (2 * self.own_error**2)
        return (np.nan_to_num(self.low, nan=-1.0) > 0) & ~(for_none > CONTRADICTION)


def price_response(baseline: Baseline, coverage: float = 0.9) -> PriceResponse:
    """The price response of all items of the baseline's history. Raises UsageError where it has no prices."""
    from scipy.special import ndtri

    history = baseline.history
    if history.price is None:
        raise UsageError("The history has no prices, so no response to them can be seen. Give the price of each sale.")
    stretches = [*_stretches(baseline)]
    scale, changes = _noise(stretches, history.n_items), np.zeros(history.n_items, np.int64)
    own, error = (np.full(history.n_items, np.nan) for _ in range(2))
    for block in stretches:
        changed = block.item[np.abs(block.change) >= CHANGE]
        changes += np.bincount(changed, minlength=history.n_items)
        for i in np.flatnonzero(np.bincount(changed, minlength=history.n_items) >= FEWEST_CHANGES):
            rows = slice(*np.searchsorted(block.item, [i, i + 1]))
            unit, level = scale.item[i] * scale.unit, scale.item[i] * scale.level
            own[i], error[i] = _fit_item(block, rows, unit, level)
    pooled = partially_pooled(own, error, history.group)
    width = float(ndtri((1 + coverage) / 2)) * pooled.deviation
    return PriceResponse(
        pooled.mean,
        pooled.deviation,
        pooled.mean - width,
        pooled.mean + width,
        changes,
        pooled.of_group,
        own,
        error,
        pooled.centre,
    )


@dataclass(frozen=True)
class _Stretches:
    """The stretches of some items that say something about the price, in the order of items and then of time.

    `units`, `baseline`, `noise` (of the level), `change` (of the log price) and `promoted` (a share): float64
    [stretch]; `item` int64 [stretch].
    """

    units: np.ndarray
    baseline: np.ndarray
    noise: np.ndarray
    change: np.ndarray
    promoted: np.ndarray
    item: np.ndarray


def _stretches(baseline: Baseline) -> Iterator[_Stretches]:
    """The stretches of one cycle, one after another, of a block of items at a time.

    They begin on the day of the week on which most prices and promotions change, because a stretch with two prices
    would have the mean of both, to which demand does not answer with its mean.
    """
    history = baseline.history
    start = _change_phase(history)
    count = (history.n_periods - start) // history.cycle
    first = start + history.cycle * np.arange(count)
    by_item = np.argsort(history.item, kind="stable")
    starts = np.searchsorted(history.item[by_item], np.arange(history.n_items + 1))
    least = 0
    while least < history.n_items:
        # Items whose series make a block, and at least one item.
        end = max(int(np.searchsorted(starts, starts[least] + BLOCK, side="right")) - 1, least + 1)
        series = by_item[starts[least] : starts[end]]
        number = ((history.item[series] - least)[:, None] * count + np.arange(count)).reshape(-1)
        begin = np.tile(first, len(series))
        stop = begin + history.cycle
        windows = Windows(number, np.repeat(series, count), begin, stop, begin, stop)
        sums = baseline.sums(windows, (end - least) * count)
        # The days after a promotion, in which customers buy less, say nothing about the price.
        used = (sums.baseline > 0) & (sums.promoted + sums.clean > 0.99) & np.isfinite(sums.price_change)
        promoted = np.where(sums.promoted > 0.01, sums.promoted, 0.0)
        item = np.repeat(np.arange(least, end), count)
        columns = (sums.units, sums.baseline, sums.level_noise, sums.price_change, promoted, item)
        yield _Stretches(*(column[used] for column in columns))
        least = end


def _noise(stretches: Sequence[_Stretches], n_items: int) -> ErrorScale:
    """The noise of stretches at the usual price and without a promotion."""
    quiet = [(np.abs(block.change) < CHANGE) & (block.promoted == 0) for block in stretches]
    units, expected, noise, item = (
        np.concatenate([getattr(block, name)[rows] for block, rows in zip(stretches, quiet, strict=True)])
        for name in ("units", "baseline", "noise", "item")
    )
    return ErrorScale.learn(units, expected, item, n_items, noise)


def _fit_item(block: _Stretches, rows: slice, unit: float, level: float) -> tuple[float, float]:
    """The elasticity of an item by its own stretches, with its standard error."""
    design = np.column_stack([-block.change[rows], block.promoted[rows]])
    relative = block.noise[rows] / block.baseline[rows] ** 2
    return _fit(block.units[rows], block.baseline[rows], design, unit, level + unit * relative)


def _change_phase(history: SalesHistory) -> int:
    """The phase of the cycle in which most prices and promotions change."""
    changes = np.zeros(history.n_periods)
    for rows in history.blocks:
        changes[1:] += (history.promotion[rows][:, 1:] != history.promotion[rows][:, :-1]).sum(axis=0)
        if history.price is not None:
            price = history.price[rows]
            known = ~np.isnan(price[:, 1:]) & ~np.isnan(price[:, :-1])
            changes[1:] += ((price[:, 1:] != price[:, :-1]) & known).sum(axis=0)
    phase = np.bincount(np.arange(history.n_periods) % history.cycle, changes, history.cycle)
    return int(phase.argmax())


def _fit(
    units: np.ndarray, baseline: np.ndarray, design: np.ndarray, unit: float, level: np.ndarray
) -> tuple[float, float]:
    """The first coefficient of units ~ baseline * exp(design @ coefficients) by quasi-likelihood, with its standard
    error; `design` is [stretch, 2], and the variance of units with the mean m is unit * m + level * m**2."""
    prior = np.array([ELASTICITY_SPREAD, DISPLAY_SPREAD]) ** -2.0
    coefficients = np.zeros(2)
    for _ in range(50):
        mean = baseline * np.exp(np.clip(design @ coefficients, -5, 5))
        weight = mean / (unit + level * mean)  # mean**2 / variance
        score = design.T @ (weight * (units - mean) / mean) - prior * coefficients
        curvature = (design * weight[:, None]).T @ design + np.diag(prior)
        step = np.linalg.solve(curvature, score)
        coefficients = coefficients + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    residual = weight * (units - mean) / mean
    part = np.add.reduceat(design * residual[:, None], np.arange(0, len(units), CLUSTER), axis=0)
    inverse = np.linalg.inv(curvature)
    robust = inverse @ (part.T @ part) @ inverse
    variance = max(inverse[0, 0], robust[0, 0])
    return float(coefficients[0]), float(np.sqrt(variance))
