"""The level of sales by attributes: one factor for each group of similar series.

The expected level of a series is the base times the factors of the groups that it belongs to. A factor is the ratio of
the group's sales to those that the other factors lead to expect. It is drawn towards 1 where the group has few sales:
a multiplicative tariff with credibility (Ohlsson and Johansson, "Non-Life Insurance Pricing with Generalized Linear
Models", 2010, chapter 4). The factors are estimated in turn, coarse groups first, in several
rounds, so that a fine group explains only what the coarse ones do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between_variance, negative_binomial_shape, posterior_ratio
from foresell.models.launch.day_profile import group_labels

ROUNDS = 8
MOST_GROUPS = 0.5  # as a share of the series; with more groups, a column says nothing about other series
PRICE, AGE = ("price_band",), ("age_class",)
BANDS = (0.5, 0.8, 1.25, 2.0)  # limits between bands of the price over the usual price of similar goods


@dataclass(frozen=True)
class RecentSales:
    """The recent sales of series; arrays are [series].

    `sold` are units. `exposure` is the number of days in which they were sold, where a day counts by the factors of its
    season, promotion and age. `price` is the usual price, NaN where not known. `age` is a class, as text.
    """

    sold: np.ndarray
    exposure: np.ndarray
    price: np.ndarray
    age: np.ndarray

    def part(self, series: np.ndarray) -> RecentSales:
        """The recent sales of the rows `series`."""
        return RecentSales(self.sold[series], self.exposure[series], self.price[series], self.age[series])


@dataclass(frozen=True)
class AttributeLevels:
    """The base and the factors of groups, see `learn_attribute_levels`.

    `base` is in units a day. `factors` has the factors of each level by the label of the group. `usual_price` has the
    median price of each group of the level `priced`, for the price bands. The ratio of single series to their expected
    level has a gamma distribution with mean 1 and variance 1 / `shape`.
    """

    base: float
    factors: Mapping[Level, Mapping[str, float]]
    priced: Level
    usual_price: Mapping[str, float]
    shape: float

    def to_dict(self) -> dict[str, Any]:
        """The levels as plain data for JSON; ``AttributeLevels.from_dict`` reads it back."""
        return {**asdict(self), "factors": [[list(level), dict(groups)] for level, groups in self.factors.items()]}

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> AttributeLevels:
        """The levels that ``to_dict`` made plain data of."""
        factors = {tuple(level): groups for level, groups in plain["factors"]}
        return AttributeLevels(**{**plain, "factors": factors, "priced": tuple(plain["priced"])})

    def of_groups(self, panel: Panel, recent: RecentSales) -> dict[str, np.ndarray]:
        """The factor of each level for each series: float64 [series] by the level's name; 1 for an unknown group."""
        names = {
            **{level: group_labels(panel.series, level) for level in self.factors if level not in (PRICE, AGE)},
            PRICE: self.bands(panel, recent.price),
            AGE: recent.age.tolist(),
        }
        return {
            " x ".join(level): np.array([groups.get(name, 1.0) for name in names[level]])
            for level, groups in self.factors.items()
        }

    def bands(self, panel: Panel, price: np.ndarray) -> list[str]:
        """The band of each series' price, by its ratio to the usual price of similar goods."""
        usual = [self.usual_price.get(name, np.nan) for name in group_labels(panel.series, self.priced)]
        return bands(price / np.array(usual))

    def posterior(self, expected: np.ndarray, recent: RecentSales, daily: float) -> np.ndarray:
        """The ratio of each series' sales to those `expected` a day [series], given its `recent` sales: [series].

        The variance of one day's sales is mean + mean**2 / `daily`.
        """
        noise = 1 + expected / daily
        return posterior_ratio(recent.sold / noise, expected * recent.exposure / noise, 1 / self.shape)


def learn_attribute_levels(panel: Panel, recent: RecentSales, levels: list[Level], daily: float) -> AttributeLevels:
    """Factors for the groups of `levels` (coarse first), of price bands and of age classes, from the `recent` sales.

    The variance of one day's sales is mean + mean**2 / `daily`.
    """
    exposed = np.flatnonzero(recent.exposure > 0)
    if not len(exposed) or not recent.sold[exposed].sum():
        return AttributeLevels(0.0, {}, (), {}, 1.0)
    part, recent = panel.part(exposed), recent.part(exposed)
    priced = _priced(levels, panel)
    usual_price = _usual(part.series, priced, recent.price)
    ratio = recent.price / np.array([usual_price.get(name, np.nan) for name in group_labels(part.series, priced)])
    names = {level: group_labels(part.series, level) for level in levels}
    names |= {PRICE: bands(ratio), AGE: recent.age.tolist()}
    coded = {level: np.unique(np.array(labels, dtype=object), return_inverse=True) for level, labels in names.items()}
    base, factors, shape = _fit(recent, {level: rows for level, (_, rows) in coded.items()}, daily)
    by_label = {
        level: dict(zip(values.tolist(), factors[level].tolist(), strict=True)) for level, (values, _) in coded.items()
    }
    return AttributeLevels(base, by_label, priced, usual_price, shape)


def _fit(
    recent: RecentSales, rows: Mapping[Level, np.ndarray], daily: float
) -> tuple[float, dict[Level, np.ndarray], float]:
    """The base, the factors of each level [group] and the shape; `rows` are the groups that the series lie in."""
    sold, exposure = recent.sold, recent.exposure
    factors = {level: np.ones(int(groups.max()) + 1) for level, groups in rows.items()}
    base, shape = float(sold.sum() / exposure.sum()), 1.0
    mean = np.full(len(sold), base)  # units a day
    for _ in range(ROUNDS):
        noise = 1 + mean / daily  # the variance of a day over that of a Poisson distribution
        for level, groups in rows.items():
            mean = mean / factors[level][groups]
            factors[level] = _factors(sold / noise, mean * exposure / noise, groups, len(factors[level]), shape)
            mean = mean * factors[level][groups]
        expected = mean * exposure / noise
        # Series differ by more than a Poisson distribution: variance = expected + expected**2 / shape.
        weight = 1 / (1 + expected / shape)
        change = float((weight * sold / noise).sum() / (weight * expected).sum())
        base, mean = base * change, mean * change
        shape = negative_binomial_shape(sold / noise, expected * change)
    return base, factors, shape


def _factors(sold: np.ndarray, expected: np.ndarray, rows: np.ndarray, count: int, shape: float) -> np.ndarray:
    """The factor of each group [group], from `sold` and what the other factors lead to expect [series]."""
    weight = 1 / (1 + expected / shape)
    above, below = np.bincount(rows, weight * sold, count), np.bincount(rows, weight * expected, count)
    centre = above.sum() / below.sum() if below.sum() > 0 else 0.0
    return posterior_ratio(above / centre, below, between_variance(above, below)) if centre > 0 else np.ones(count)


def grouping_levels(series: pl.DataFrame, levels: tuple[Level, ...] = ()) -> list[Level]:
    """The columns of `series` whose groups are similar series, and `levels`, those with the fewest groups first.

    Left out are columns of numbers, columns in which nearly every series has a value of its own, and columns with the
    same groups as an earlier column.
    """
    text = [(name,) for name, kind in series.schema.items() if not kind.is_numeric() and not kind.is_temporal()]
    wanted = dict.fromkeys([*text, *(tuple(level) for level in levels if level)])
    distinct: dict[bytes, tuple[int, Level]] = {}
    for level in wanted:
        _, rows = np.unique(np.array(group_labels(series, level), dtype=object), return_inverse=True)
        count = int(rows.max(initial=-1)) + 1
        if 2 <= count <= MOST_GROUPS * series.height:
            first = np.unique(rows, return_index=True)[1]
            same = np.argsort(np.argsort(first))[rows].astype(np.int32).tobytes()  # numbered by first appearance
            distinct.setdefault(same, (count, level))
    return [level for _, level in sorted(distinct.values(), key=lambda count_and_level: count_and_level[0])]


def _priced(levels: list[Level], panel: Panel, enough: int = 10) -> Level:
    """The finest of `levels` whose groups are kinds of goods: without a key, with ten series each on average."""
    kinds = [level for level in levels if not set(level) & set(panel.keys)]
    counts = {level: len(set(group_labels(panel.series, level))) for level in kinds}
    return next((level for level in reversed(kinds) if counts[level] * enough <= panel.n_series), ())


def _usual(series: pl.DataFrame, level: Level, price: np.ndarray) -> dict[str, float]:
    """The median price of each group of `level` that has a price."""
    frame = pl.DataFrame({"label": group_labels(series, level), "price": price.astype(np.float64)})
    frame = frame.filter(pl.col("price") > 0).group_by("label").agg(pl.col("price").median())
    return dict(frame.sort("label").iter_rows())


def bands(ratio: np.ndarray) -> list[str]:
    """The band of a price by its `ratio` to the usual one [series]; empty where that is not known.

    >>> bands(np.array([0.4, 1.0, 3.0, np.nan]))
    ['0', '2', '4', '']
    """
    return ["" if np.isnan(value) else str(int(np.searchsorted(BANDS, value, side="right"))) for value in ratio]
