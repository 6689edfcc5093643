"""What a series may be expected to sell before it has sold anything: by its attributes, one factor for each.

expected level = base x the product of the factors of the groups that the series belongs to. Each factor is the ratio of
what the group's series sold to what the other factors lead to expect, shrunk to 1 as far as it rests on little: a
multiplicative tariff with credibility (Ohlsson and Johansson, "Non-Life Insurance Pricing with Generalized Linear
Models", 2010, chapter 4). The factors are found in turn, coarse groups first, a few times over, so that a fine group
only explains what the coarse ones leave over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between, shape_of, shrunk
from foresell.models.launch.day_profile import labels_of

ROUNDS = 8
SHARED = 0.5  # a column with more values than this share of the series says nothing about another series
PRICE, AGE = ("price_band",), ("age_class",)
BANDS = (0.5, 0.8, 1.25, 2.0)  # price over the usual price of its kind: where one band ends and the next begins


@dataclass(frozen=True)
class Recent:
    """How series did lately; arrays are [series].

    `sold`: units; `exposure`: the days in which they were sold, each as many times an average one as its season,
    promotion and age make it; `price`: the usual one, NaN where not known; `age`: a class, as text.
    """

    sold: np.ndarray
    exposure: np.ndarray
    price: np.ndarray
    age: np.ndarray

    def part(self, series: np.ndarray) -> Recent:
        """The same for some of the series."""
        return Recent(self.sold[series], self.exposure[series], self.price[series], self.age[series])


@dataclass(frozen=True)
class Levels:
    """What `learn` found.

    `base` is in units a day; `factors` of each level by the label of the group; `usual_price` by the label of the
    groups of `priced`, for the price bands. `shape` says how far single series lie from what is expected of them (a
    gamma distribution with mean 1 and variance 1 / shape).
    """

    base: float
    factors: Mapping[Level, Mapping[str, float]]
    priced: Level
    usual_price: Mapping[str, float]
    shape: float

    def plain(self) -> dict[str, Any]:
        """As plain data for JSON; ``Levels.of_plain`` reads it back."""
        return {**asdict(self), "factors": [[list(level), dict(found)] for level, found in self.factors.items()]}

    @staticmethod
    def of_plain(plain: Mapping[str, Any]) -> Levels:
        factors = {tuple(level): found for level, found in plain["factors"]}
        return Levels(**{**plain, "factors": factors, "priced": tuple(plain["priced"])})

    def of_groups(self, panel: Panel, recent: Recent) -> dict[str, np.ndarray]:
        """The factor of each level for each series: its name -> float64 [series]; 1 for a group never seen."""
        names = {
            **{level: labels_of(panel.series, level) for level in self.factors if level not in (PRICE, AGE)},
            PRICE: self.bands(panel, recent.price),
            AGE: recent.age.tolist(),
        }
        return {
            " x ".join(level): np.array([found.get(name, 1.0) for name in names[level]])
            for level, found in self.factors.items()
        }

    def bands(self, panel: Panel, price: np.ndarray) -> list[str]:
        """The band of each series' price, by how it compares with the usual one of its kind."""
        usual = [self.usual_price.get(name, np.nan) for name in labels_of(panel.series, self.priced)]
        return bands(price / np.array(usual))

    def posterior(self, expected: np.ndarray, recent: Recent, daily: float) -> np.ndarray:
        """How many times what is `expected` of it a day [series] each series sells, given how it did lately.

        `daily` says how single days scatter: variance = mean + mean**2 / daily.
        """
        noise = 1 + expected / daily
        return shrunk(recent.sold / noise, expected * recent.exposure / noise, 1 / self.shape)


def learn(panel: Panel, recent: Recent, levels: list[Level], daily: float) -> Levels:
    """Factors for the groups of `levels` (coarse first), price bands and age classes, from what the series sold lately.

    `daily` says how single days scatter: variance = mean + mean**2 / daily.
    """
    told = np.flatnonzero(recent.exposure > 0)
    if not len(told) or not recent.sold[told].sum():
        return Levels(0.0, {}, (), {}, 1.0)
    part, recent = panel.part(told), recent.part(told)
    priced = _priced(levels, panel)
    usual_price = _usual(part.series, priced, recent.price)
    ratio = recent.price / np.array([usual_price.get(name, np.nan) for name in labels_of(part.series, priced)])
    names = {level: labels_of(part.series, level) for level in levels}
    names |= {PRICE: bands(ratio), AGE: recent.age.tolist()}
    coded = {level: np.unique(np.array(each, dtype=object), return_inverse=True) for level, each in names.items()}
    base, factors, shape = _fit(recent, {level: rows for level, (_, rows) in coded.items()}, daily)
    found = {
        level: dict(zip(values.tolist(), factors[level].tolist(), strict=True)) for level, (values, _) in coded.items()
    }
    return Levels(base, found, priced, usual_price, shape)


def _fit(
    recent: Recent, rows: Mapping[Level, np.ndarray], daily: float
) -> tuple[float, dict[Level, np.ndarray], float]:
    """The base, the factors of each level [group] and the shape; `rows` are the groups that the series lie in."""
    sold, exposure = recent.sold, recent.exposure
    factors = {level: np.ones(int(groups.max()) + 1) for level, groups in rows.items()}
    base, shape = float(sold.sum() / exposure.sum()), 1.0
    mean = np.full(len(sold), base)  # units a day
    for _ in range(ROUNDS):
        noise = 1 + mean / daily  # days scatter by so many times more than Poisson
        for level, groups in rows.items():
            mean = mean / factors[level][groups]
            factors[level] = _factors(sold / noise, mean * exposure / noise, groups, len(factors[level]), shape)
            mean = mean * factors[level][groups]
        expected = mean * exposure / noise
        # Series differ by more than chance: variance = expected + expected**2 / shape.
        weight = 1 / (1 + expected / shape)
        change = float((weight * sold / noise).sum() / (weight * expected).sum())
        base, mean = base * change, mean * change
        shape = shape_of(sold / noise, expected * change)
    return base, factors, shape


def _factors(sold: np.ndarray, expected: np.ndarray, rows: np.ndarray, count: int, shape: float) -> np.ndarray:
    """The factor of each group [group] over what the other factors lead to expect of its series [series]."""
    weight = 1 / (1 + expected / shape)
    above, below = np.bincount(rows, weight * sold, count), np.bincount(rows, weight * expected, count)
    centre = above.sum() / below.sum() if below.sum() > 0 else 0.0
    return shrunk(above / centre, below, between(above, below)) if centre > 0 else np.ones(count)


def attribute_levels(series: pl.DataFrame, levels: tuple[Level, ...] = ()) -> list[Level]:
    """The columns of `series` that say which series are alike, and `levels`, coarse first.

    Columns of numbers are left out, those in which nearly every series has a value of its own, and those that divide
    the series as one before them does.
    """
    text = [(name,) for name, kind in series.schema.items() if not kind.is_numeric() and not kind.is_temporal()]
    wanted = dict.fromkeys([*text, *(tuple(level) for level in levels if level)])
    found: dict[bytes, tuple[int, Level]] = {}
    for level in wanted:
        _, rows = np.unique(np.array(labels_of(series, level), dtype=object), return_inverse=True)
        count = int(rows.max(initial=-1)) + 1
        if 2 <= count <= SHARED * series.height:
            first = np.unique(rows, return_index=True)[1]
            same = np.argsort(np.argsort(first))[rows].astype(np.int32).tobytes()  # numbered by first appearance
            found.setdefault(same, (count, level))
    return [level for _, level in sorted(found.values(), key=lambda each: each[0])]


def _priced(levels: list[Level], panel: Panel, enough: int = 10) -> Level:
    """The finest of `levels` whose groups are kinds of goods rather than places: no key, ten series each on average."""
    kinds = [level for level in levels if not set(level) & set(panel.keys)]
    counts = {level: len(set(labels_of(panel.series, level))) for level in kinds}
    return next((level for level in reversed(kinds) if counts[level] * enough <= panel.n_series), ())


def _usual(series: pl.DataFrame, level: Level, price: np.ndarray) -> dict[str, float]:
    """The median price of the groups of `level`, of those that have one."""
    frame = pl.DataFrame({"label": labels_of(series, level), "price": price.astype(np.float64)})
    frame = frame.filter(pl.col("price") > 0).group_by("label").agg(pl.col("price").median())
    return dict(frame.sort("label").iter_rows())


def bands(ratio: np.ndarray) -> list[str]:
    """The band of a price by its `ratio` to the usual one [series]; empty where that is not known.

    >>> bands(np.array([0.4, 1.0, 3.0, np.nan]))
    ['0', '2', '4', '']
    """
    return ["" if np.isnan(each) else str(int(np.searchsorted(BANDS, each, side="right"))) for each in ratio]
