"""List prices, price changes and promotions of items, all known ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.synth.assortment import Items, RetailerPlan
from foresell.synth.random_streams import Stream, stream

WEEK = 7
PROMOTION_RATE = 0.09  # chance that a promotion of an item begins in a week
REST_WEEKS = 3  # weeks without a promotion before the next one
DEPTHS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.33)  # share taken off the price; 0 is a display without a discount
CHANGE_RATE = 1.4 / 52  # chance that the list price changes in a week
CHANGE_MEAN, CHANGE_SPREAD = 0.02, 0.025  # of the log of the price
INFLATION = 0.028  # yearly; a price that rises at this rate loses no sales
DIP_DAYS = 14  # so many days after a promotion its dip is over


@dataclass(frozen=True)
class Prices:
    """The prices of consecutive items, before the price level of the region; arrays are [item, day + ahead].

    `wander` [item, week] is the part of the log of demand that nothing explains. `ends` has the last days of the
    promotions of each item.
    """

    price: np.ndarray
    regular: np.ndarray  # the price without promotions
    promotion: np.ndarray
    after: np.ndarray  # days since the last promotion ended, DIP_DAYS where long ago
    wander: np.ndarray
    ends: list[np.ndarray]


def _wander(shocks: np.ndarray, memory: float = 0.9, spread: float = 0.1) -> np.ndarray:
    """A stationary first-order autoregression of the log of demand: [item, week] of standard normal shocks."""
    out = np.empty_like(shocks)
    out[:, 0] = spread * shocks[:, 0]
    for week in range(1, shocks.shape[1]):
        out[:, week] = memory * out[:, week - 1] + spread * np.sqrt(1 - memory**2) * shocks[:, week]
    return out


def _promotion_weeks(chance: np.ndarray) -> np.ndarray:
    """Whether a promotion begins in a week: bool [item, week]; never two within REST_WEEKS."""
    wanted = chance < PROMOTION_RATE
    begins = wanted.copy()
    for rest in range(1, REST_WEEKS + 1):
        begins[:, rest:] &= ~wanted[:, :-rest]
    return begins


def make_prices(plan: RetailerPlan, items: Items) -> Prices:
    """The prices and promotions of `items`, each from its own stream."""
    n_days = len(plan.dates)
    n_weeks = n_days // WEEK + 1
    generators = [stream(plan.seed, Stream.ITEM, number, 1) for number in items.numbers]
    chance = np.array([rng.random((4, n_weeks)) for rng in generators])  # [item, use, week]
    shocks = np.array([rng.standard_normal((2, n_weeks)) for rng in generators])
    week = np.arange(n_days) // WEEK

    begins = _promotion_weeks(chance[:, 0])
    depth = np.array(DEPTHS)[(chance[:, 1] * len(DEPTHS)).astype(np.int64)]
    second = np.zeros_like(begins)
    second[:, 1:] = (begins & (chance[:, 2] < 0.3))[:, :-1]
    depth[:, 1:] = np.where(second[:, 1:], depth[:, :-1], depth[:, 1:])
    promotion = (begins | second)[:, week]

    change = np.where(chance[:, 3] < CHANGE_RATE, CHANGE_MEAN + CHANGE_SPREAD * shocks[:, 0], 0.0)
    listed = items.list_price[:, None] * np.exp(np.cumsum(change, axis=1))
    regular = listed[:, week].astype(np.float32)
    price = (listed[:, week] * np.where(promotion, 1 - depth[:, week], 1.0)).astype(np.float32)

    day = np.arange(n_days)
    last = np.maximum.accumulate(np.where(promotion, day, -DIP_DAYS), axis=1)
    ended = promotion & ~np.pad(promotion[:, 1:], ((0, 0), (0, 1)), constant_values=True)
    return Prices(
        price=price,
        regular=regular,
        promotion=promotion,
        after=np.minimum(day - last, DIP_DAYS),
        wander=_wander(shocks[:, 1]),
        ends=[np.flatnonzero(row) for row in ended],
    )


def shelf_price(price: np.ndarray) -> np.ndarray:
    """Prices in whole cents, rounded so that they end in nine: int32.

    >>> shelf_price(np.array([2.44, 2.46, 0.01], np.float32)).tolist()
    [239, 249, 9]
    """
    return np.maximum(np.rint(price * 10).astype(np.int32) * 10 - 1, 9)


def dip_factor(items: Items, prices: Prices) -> np.ndarray:
    """The factor after a promotion: float64 [item, day + ahead], 1 - dip * exp(-(days after - 1) / 4)."""
    fade = np.exp(-(np.arange(DIP_DAYS + 1) - 1) / 4)
    fade[0] = fade[DIP_DAYS] = 0.0
    return 1 - items.dip[:, None] * fade[prices.after]
