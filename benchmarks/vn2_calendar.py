"""How much the days before feasts lift the sales of a week, by product, learnt from the years before.

The peaks of these data are those of the Mexican calendar: children's day and mother's day (10 May), father's day, the
sales weekend of November, Christmas and the three kings. A lag of 52 weeks does not meet them, because fixed dates
move through the week: in 2023 mother's day had three days of its own week before it, in 2024 five.

The sales of a week are level x (1 + sum of share x effect). The share is that of the week's days that lie in a span
before a feast. The effects are estimated by least squares, of all series together first, then of store formats,
departments, products and single series, each drawn towards the one above. The effects of departments and products are
those in stores of one format.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

LEVELS = (
    (),
    ("StoreFormat",),
    ("StoreFormat", "Department"),
    ("StoreFormat", "Product"),
    ("Store", "Product"),
)
PRIOR_UNITS_OF_SPRING = (2.0, 50.0, 150.0, 300.0, 1000.0)
PRIOR_UNITS = (2.0, 20.0, 40.0, 30.0, 10.0)
"""How many units of sales an effect must rest on at each level to count as much as the one above it: those of the spans
before mother's day, and of the others. The products that the peaks of winter lift are the same every year, those of
spring are not."""

SPRING = 3  # the first spans, those before mother's day

PASSED_YEAR = 0.7
"""The weight of a feast falls by this factor with every year that has passed since."""

HALF_WIDTH = 13  # weeks on both sides that the level of a week is the mean of
LEAST = 0.2  # the smallest index


def shares(mondays: tuple[date, ...]) -> np.ndarray:
    """The share of the days of each week that lie in each span: float64 [week, span]."""
    return np.array([[_share(monday, spans) for spans in zip(*_spans_near(monday), strict=True)] for monday in mondays])


def _spans_near(monday: date) -> list[list[tuple[date, date]]]:
    """The spans of the year or the two years that a week has days in."""
    return [_spans(year) for year in sorted({monday.year, (monday + timedelta(6)).year})]


def _spans(year: int) -> list[tuple[date, date]]:
    """First and last day of the spans of a year."""
    mother = date(year, 5, 10)
    june, november = date(year, 6, 1), date(year, 11, 1)
    father = june + timedelta((6 - june.weekday()) % 7 + 14)  # the third Sunday
    sale = november + timedelta((-november.weekday()) % 7 + 7)  # the week before the third Monday, which is a holiday
    new_year = date(year, 1, 1)
    return [
        (mother - timedelta(14), mother - timedelta(8)),
        (mother - timedelta(7), mother - timedelta(2)),
        (mother - timedelta(1), mother),
        (father - timedelta(6), father),
        (date(year, 2, 8), date(year, 2, 14)),
        (sale, sale + timedelta(6)),
        (sale + timedelta(7), sale + timedelta(13)),
        (date(year, 12, 1), date(year, 12, 7)),
        (date(year, 12, 8), date(year, 12, 15)),
        (date(year, 12, 16), date(year, 12, 24)),
        (date(year, 12, 25), date(year, 12, 31)),
        (new_year, date(year, 1, 6)),
    ]


def _share(monday: date, spans: tuple[tuple[date, date], ...]) -> float:
    """The share of a week's days that lie in one of the spans."""
    sunday = monday + timedelta(6)
    return sum(max((min(sunday, last) - max(monday, first)).days + 1, 0) for first, last in spans) / 7


def indices(units: np.ndarray, series: pl.DataFrame, share: np.ndarray) -> np.ndarray:
    """What the feasts multiply the level of each week with: float64 [series, week], also of the weeks ahead.

    `units` are those until today, [series, week], NaN where unknown; `share` is `shares` of these weeks and of those
    ahead.
    """
    n_weeks = units.shape[1]
    known = ~np.isnan(units)
    level = np.where(known, _level(units, share[:n_weeks].sum(axis=1) < 0.01), 0)
    excess = np.where(known, units, 0) - level
    effects = np.zeros((len(units), share.shape[1]))
    weeks = np.flatnonzero(share[:n_weeks].sum(axis=1) > 0)
    at = share[weeks]  # [week, span]
    weight = PASSED_YEAR ** ((n_weeks - 1 - weeks) // 52)
    for columns, of_spring, of_others in zip(LEVELS, PRIOR_UNITS_OF_SPRING, PRIOR_UNITS, strict=True):
        prior = np.where(np.arange(share.shape[1]) < SPRING, of_spring, of_others)
        group = series.select(pl.struct(columns).rank("dense") - 1).to_series().to_numpy() if columns else 0
        group = np.broadcast_to(np.asarray(group, np.int64), len(units))
        n_groups = int(group.max()) + 1
        add = np.zeros((n_groups, len(units)))
        add[group, np.arange(len(units))] = 1
        parent = add @ effects / add.sum(axis=1, keepdims=True)
        of_level, of_excess = (add @ values[:, weeks] * weight for values in (level, excess))  # [group, week]
        # Sales vary as their mean, so that least squares weighted by 1 / level have these normal equations.
        left = np.einsum("gw,wi,wj->gij", of_level, at, at) + np.diag(prior)
        right = of_excess @ at + prior * parent
        effects = np.maximum(np.linalg.solve(left, right[:, :, None])[:, :, 0], LEAST - 1)[group]
    return np.maximum(1 + effects @ share.T, LEAST)


def _level(units: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """The mean of the plain weeks near each week, drawn a little towards that of all plain weeks: [series, week]."""
    counted = ~np.isnan(units) & plain
    sums, counts = (
        np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0))) for values in (np.where(counted, units, 0), counted)
    )
    n_weeks = units.shape[1]
    first = np.maximum(np.arange(n_weeks) - HALF_WIDTH, 0)
    after = np.minimum(np.arange(n_weeks) + HALF_WIDTH + 1, n_weeks)
    overall = sums[:, -1:] / np.maximum(counts[:, -1:], 1)
    return (sums[:, after] - sums[:, first] + 2 * overall) / (counts[:, after] - counts[:, first] + 2)
