"""Features of what is known ahead of the day asked for: the price, the promotion, and other such covariates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.core.hierarchy import Level, level_name
from foresell.features.history import _safe_ratio
from foresell.features.question import Feature, Question


def price_features(levels: tuple[Level, ...]) -> list[Feature]:
    """Level, momentum and volatility of the price, and the price against the mean of each of `levels`."""

    def feature(name: str, meaning: str, sees: int, of: Callable[[Question, np.ndarray], np.ndarray]) -> Feature:
        def rows(q: Question) -> np.ndarray:
            return of(q, q.block.known("price", q.series, q.day))

        return Feature(name, "price", meaning, "price", sees, rows)

    def to_mean(days: int) -> Feature:
        def of(q: Question, price: np.ndarray) -> np.ndarray:
            return _safe_ratio(price, q.block.price_past.mean(q.cutoff, days, q.series))

        return feature(f"price_to_mean_{days}", f"price over its mean of the {days} days to the cutoff", days - 1, of)

    def change(days: int) -> Feature:
        def of(q: Question, price: np.ndarray) -> np.ndarray:
            return _safe_ratio(price, q.block.price_past.value(q.day - days, q.series))

        return feature(f"price_change_{days}", f"price over the price {days} days before the day", days - 1, of)

    def volatility(days: int) -> Feature:
        def of(q: Question, price: np.ndarray) -> np.ndarray:
            past = q.block.price_past
            return q.each(_safe_ratio(past.moment(q.cutoffs, days, 2), past.mean(q.cutoffs, days)))

        meaning = f"standard deviation of the price over its mean, last {days} days"
        return feature(f"price_volatility_{days}", meaning, days - 1, of)

    def against(level: Level) -> Feature:
        def of(q: Question, price: np.ndarray) -> np.ndarray:
            return _safe_ratio(price, q.block.context.group_price(level)[q.group_rows(level), q.day])

        suffix = "_".join(level) if level else "total"
        meaning = f"price over the mean price of the series' {level_name(level)} on the day"
        return feature(f"price_to_{suffix}", meaning, 0, of)

    def cents(q: Question, price: np.ndarray) -> np.ndarray:
        return np.round((price % 1) * 100)

    return [
        feature("price", "price on the day", 0, lambda q, price: price),
        feature("price_cents", "what stands behind the decimal point of the price", 0, cents),
        *(to_mean(days) for days in (28, 91, 365)),
        *(change(days) for days in (1, 7, 28, 364)),
        *(volatility(days) for days in (91, 365)),
        *(against(level) for level in levels),
    ]


def promotion_features() -> list[Feature]:
    """The promotion on the day, how often there was one, and what it brought."""

    def feature(name: str, meaning: str, sees: int | None, of: Callable[[Question], np.ndarray]) -> Feature:
        return Feature(name, "promotion", meaning, "promotion", sees, of)

    def uplift(q: Question) -> np.ndarray:
        promoted = q.block.promoted_past.mean(q.cutoffs, 365)
        return q.each(_safe_ratio(promoted, q.block.past.mean(q.cutoffs, 365)))

    def share(days: int) -> Callable[[Question], np.ndarray]:
        return lambda q: q.each(q.block.promotion_past.mean(q.cutoffs, days))

    def around(days: int) -> Callable[[Question], np.ndarray]:
        return lambda q: q.block.promotion_past.mean(q.day, days, q.series)

    return [
        feature("promotion", "promotion on the day", 0, lambda q: q.block.known("promotion", q.series, q.day)),
        feature("promotion_before", "promotion the day before", 0, lambda q: q.block.known("promotion", q.series, q.day - 1)),
        feature("promotion_after", "promotion the day after", 0, lambda q: q.block.known("promotion", q.series, q.day + 1)),
        feature("promotion_week", "share of promoted days in the week to the day", 6, around(7)),
        feature("promotion_share_28", "share of promoted days in the last 28 days", 27, share(28)),
        feature("promotion_share_365", "share of promoted days in the last 365 days", 364, share(365)),
        feature("promotion_uplift", "mean units on promoted days over all days, last 365", 364, uplift),
        feature(
            "promotion_mean", "mean units of promoted days, last 365", 364, lambda q: q.each(q.block.promoted_past.mean(q.cutoffs, 365))
        ),
    ]


def covariate_feature(name: str) -> Feature:
    """A known-ahead covariate as it stands on the day."""
    return Feature(name, "covariate", f"{name} on the day", name, 0, lambda q: q.block.known(name, q.series, q.day))
