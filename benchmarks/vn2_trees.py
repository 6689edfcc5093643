"""One LightGBM for the mean of the next three weeks, from levels of each series and trends of its groups.

Weeks that are not known count nowhere: neither in a level, nor as a week without a sale, nor in what is learnt. A row
is a series at a past cutoff. Its recent level is the offset of a Poisson loss, so that the trees learn how many times
its level a series will sell; the features are logarithms of other levels over it.
"""

from __future__ import annotations

import lightgbm
import numpy as np
import polars as pl

AHEAD = 3
"""The weeks that are forecast by one number."""

FIRST_CUTOFF = 30  # weeks before the first row, so that levels and trends have a history

TREES = 70
PARAMETERS = {
    "objective": "poisson",
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 150,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.4,
    "bagging_freq": 1,
    "lambda_l2": 20,
    "max_bin": 63,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""Small trees of few rows and features each, because the forecast is averaged with that of larger ones."""

RATES = (0.03, 0.07, 0.15, 0.3)
SPANS = ((0, 1), (1, 2), (0, 4), (4, 8), (0, 13), (13, 26), (26, 52), (48, 56))  # weeks back: from, to
TRENDS = (((0, 4), (4, 30)), ((0, 13), (13, 52)), ((49, 52), (52, 60)))  # the level of a span over that of another
GROUPS = ("Product", "ProductGroup", "Department", "Store")
CATEGORIES = ("Department", "DepartmentGroup", "StoreFormat", "ProductGroup")
LONGEST = 60  # weeks that a count reaches at most


def forecast(plain: np.ndarray, series: pl.DataFrame) -> np.ndarray:
    """The mean units a week of the next three weeks: float64 [series].

    `plain` is float64 [series, week], sales without feasts, NaN where not known; `series` has the attributes.
    """
    features, level = _features(plain, series)
    n_weeks = plain.shape[1]
    cutoffs = np.arange(FIRST_CUTOFF, n_weeks - AHEAD + 1)
    total, known = (_sums(values, cutoffs) for values in (np.nan_to_num(plain), ~np.isnan(plain)))
    rows = (known > 0) & (level[:, cutoffs] > 0)
    learnt = lightgbm.Dataset(
        features[:, cutoffs][rows],
        (total / np.maximum(known, 1))[rows],
        weight=known[rows] / AHEAD,
        init_score=np.log(level[:, cutoffs][rows]),
        categorical_feature=list(range(len(CATEGORIES) - 1)),
        params=PARAMETERS,
    )
    booster = lightgbm.train(PARAMETERS, learnt, TREES)
    return level[:, n_weeks] * np.exp(np.asarray(booster.predict(features[:, n_weeks], raw_score=True)))


def _sums(values: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
    """The sum of the weeks after each cutoff: float64 [series, cutoff]."""
    sums = np.pad(np.cumsum(values, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    return sums[:, cutoffs + AHEAD] - sums[:, cutoffs]


def _features(plain: np.ndarray, series: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The features, float64 [series, cutoff, feature], and the level, 0 where nothing is known: [series, cutoff].

    A cutoff is the number of weeks before it: what stands there is known then.
    """
    n_series, n_weeks = plain.shape
    known = ~np.isnan(plain)
    seen = np.pad(np.cumsum(known, axis=1), ((0, 0), (1, 0)))
    smoothed = {rate: _smoothed(plain, rate) for rate in RATES}
    level = np.where(seen > 0, np.maximum((smoothed[0.07] + smoothed[0.15]) / 2, 0.02), 0)
    log_level = np.log(level + 0.05)
    squares = _smoothed(plain**2, 0.07)
    columns = [np.repeat(series[name].rank("dense").to_numpy()[:, None], n_weeks + 1, axis=1) for name in CATEGORIES]
    columns += [np.log(values + 0.05) - log_level for values in smoothed.values()]
    columns += [log_level, np.minimum(seen, LONGEST), np.log((squares + 0.05) / (level**2 + 0.05))]
    columns += [_smoothed(np.where(known, plain > 0, np.nan), 0.1), _since_sale(plain)]
    columns.append(_span(np.where(known, 0.0, 1.0), (0, 8))[0])
    for span in SPANS:
        mean, weeks = _span(plain, span)
        columns.append(np.where(weeks > 0, np.log(mean + 0.05) - log_level, np.nan))
    groups = [series[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in GROUPS]
    for trend in TRENDS:
        columns += _trends(plain, trend, [*groups, np.zeros(n_series, np.int64)])
    return np.stack(columns, axis=-1), level


def _smoothed(values: np.ndarray, rate: float) -> np.ndarray:
    """The mean of the known weeks before each cutoff, whose weights fall by `rate` from one to the next."""
    total, weight = np.zeros((2, len(values)))
    means = np.zeros((len(values), values.shape[1] + 1))
    for week, today in enumerate(values.T, start=1):
        known = ~np.isnan(today)
        total = np.where(known, (1 - rate) * total + np.nan_to_num(today), total)
        weight = np.where(known, (1 - rate) * weight + 1, weight)
        means[:, week] = total / np.maximum(weight, 1e-9)
    return means


def _span(values: np.ndarray, span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the number of the known weeks in a span before each cutoff."""
    known = ~np.isnan(values)
    cutoffs = np.arange(values.shape[1] + 1)
    first, after = (np.maximum(cutoffs - back, 0) for back in reversed(span))
    sums, counts = (np.pad(np.cumsum(units, axis=1), ((0, 0), (1, 0))) for units in (np.where(known, values, 0), known))
    total, count = sums[:, after] - sums[:, first], counts[:, after] - counts[:, first]
    return total / np.maximum(count, 1), count


def _since_sale(plain: np.ndarray) -> np.ndarray:
    """The weeks since the last sale at each cutoff."""
    since = np.zeros((len(plain), plain.shape[1] + 1))
    for week, today in enumerate(plain.T, start=1):
        since[:, week] = np.where(today > 0, 0, since[:, week - 1] + 1)
    return np.minimum(since, LONGEST)


def _trends(
    plain: np.ndarray, trend: tuple[tuple[int, int], tuple[int, int]], groups: list[np.ndarray]
) -> list[np.ndarray]:
    """For each grouping, the logarithm of a group's level in one span over that in the other."""
    (recent, weeks), (before, weeks_before) = (_span(plain, span) for span in trend)
    both = (weeks > 0) & (weeks_before > 3)
    columns = []
    for group in groups:
        add = np.zeros((int(group.max()) + 1, len(group)))
        add[group, np.arange(len(group))] = 1
        ratio = (add @ np.where(both, recent, 0) + 1) / (add @ np.where(both, before, 0) + 1)
        columns.append(np.log(ratio)[group])
    return columns
