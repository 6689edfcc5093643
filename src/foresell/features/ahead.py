"""Features of covariates that are known ahead: the price, the promotion and others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.core.hierarchy import Level, level_name
from foresell.features.groups import level_suffix
from foresell.features.question import Feature, Question
from foresell.features.running_sums import ratio
from foresell.features.spans import Spans


def price_features(levels: tuple[Level, ...], spans: Spans) -> list[Feature]:
    """Level, momentum and volatility of the price, and the price against the mean of each of `levels`."""
    return [
        _price("price", "price on the day", 0, lambda q, price: price),
        _price("price_cents", "the price's cents", 0, lambda q, price: np.round((price % 1) * 100)),
        *(_price_to_mean(days) for days in (spans.middle, spans.long, spans.year)),
        *(_price_change(days) for days in dict.fromkeys((1, spans.short, spans.middle, spans.year))),
        *(_price_volatility(days) for days in (spans.long, spans.year)),
        *(_price_against(level) for level in levels),
    ]


def _price(
    name: str,
    meaning: str,
    sees: int,
    of: Callable[[Question, np.ndarray], np.ndarray],
    group_level: Level | None = None,
) -> Feature:
    def rows(q: Question) -> np.ndarray:
        return of(q, q.block.known("price", q.series, q.day))

    return Feature(name, "price", meaning, "price", sees, rows, ahead=True, group_level=group_level)


def _price_to_mean(days: int) -> Feature:
    def of(q: Question, price: np.ndarray) -> np.ndarray:
        return ratio(price, q.block.price_mean(days, q.cutoff, q.series))

    return _price(f"price_to_mean_{days}", f"price over its mean of the {days} days to the cutoff", days - 1, of)


def _price_change(days: int) -> Feature:
    def of(q: Question, price: np.ndarray) -> np.ndarray:
        return ratio(price, q.block.known("price", q.series, q.day - days))

    return _price(f"price_change_{days}", f"price over the price {days} days before the day", days - 1, of)


def _price_volatility(days: int) -> Feature:
    def of(q: Question) -> np.ndarray:
        past = q.block.price_past
        return q.at_cutoff(ratio(past.moment(q.cutoffs, days, 2), past.mean(q.cutoffs, days)))

    meaning = f"standard deviation of the price over its mean, last {days} days"
    return Feature(f"price_volatility_{days}", "price", meaning, "price", days - 1, of)


def _price_against(level: Level) -> Feature:
    def of(q: Question, price: np.ndarray) -> np.ndarray:
        return ratio(price, q.block.group_price(level, q.series, q.day))

    words = f"the series' {level_name(level)}" if level else "all series"
    meaning = f"price over the mean price of {words} on the day"
    return _price(f"price_to_{level_suffix(level)}", meaning, 0, of, level)


def promotion_features(spans: Spans) -> list[Feature]:
    """The promotion on the day and the days around it, the share of promoted days, and the uplift of past ones."""
    month, year = spans.middle, spans.year

    def feature(name: str, meaning: str, sees: int, of: Callable[[Question], np.ndarray]) -> Feature:
        return Feature(name, "promotion", meaning, "promotion", sees, of)

    def on_day(name: str, meaning: str, days: int) -> Feature:
        return Feature(name, "promotion", meaning, "promotion", 0, on(days), ahead=True)

    def on(days: int) -> Callable[[Question], np.ndarray]:
        return lambda q: q.block.known("promotion", q.series, q.day + days)

    def share(days: int) -> Callable[[Question], np.ndarray]:
        return lambda q: q.at_cutoff(q.block.promotion_past.mean(q.cutoffs, days))

    def promoted(q: Question) -> np.ndarray:
        return q.block.promoted_past.mean(q.cutoffs, year)  # [cutoff, series]

    return [
        on_day("promotion", "promotion on the day", 0),
        on_day("promotion_before", "promotion the day before", -1),
        on_day("promotion_after", "promotion the day after", 1),
        feature("promotion_share_recent", f"share of promoted days, last {month}", month - 1, share(month)),
        feature("promotion_share_year", f"share of promoted days, last {year}", year - 1, share(year)),
        feature(
            "promotion_mean", f"mean units of promoted days, last {year}", year - 1, lambda q: q.at_cutoff(promoted(q))
        ),
        feature(
            "promotion_uplift",
            f"mean units of promoted days over that of all days, last {year}",
            year - 1,
            lambda q: q.at_cutoff(ratio(promoted(q), q.block.past.mean(q.cutoffs, year))),
        ),
    ]


def covariate_feature(name: str) -> Feature:
    """The value of a known-ahead covariate on the day."""

    def of(q: Question) -> np.ndarray:
        return q.block.known(name, q.series, q.day)

    return Feature(name, "covariate", f"{name} on the day", name, 0, of, ahead=True)
