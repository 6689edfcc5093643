"""Every feature there is for a panel, by name: the one place where they are brought together and chosen from."""

from __future__ import annotations

import difflib

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.features.ahead import covariate_feature, price_features, promotion_features
from foresell.features.calendar import MEANINGS, calendar_columns
from foresell.features.groups import group_features
from foresell.features.history import history_features
from foresell.features.question import Feature, Question, category_codes


def catalogue(panel: Panel, levels: tuple[Level, ...] = ()) -> dict[str, Feature]:
    """All features that the panel's data allow, by name. `levels` are the groups whose trends are features too."""
    frequency = panel.frequency
    groups = tuple(dict.fromkeys(((), *(tuple(level) for level in levels if set(level) != set(panel.keys)))))
    features = [
        Feature("step", "question", "how many days after the cutoff the day lies", "calendar", 0, lambda q: q.step),
        *_calendar_features(panel),
        *history_features(frequency.season, frequency.year),
        *group_features(groups, frequency.year),
    ]
    if "price" in panel.known:
        features += price_features(groups)
    if "promotion" in panel.known:
        features += promotion_features()
    features += [covariate_feature(name) for name in panel.known if name not in ("price", "promotion")]
    features += [_attribute(name) for name in panel.series.columns]
    return {feature.name: feature for feature in features}


# What backtests on windows before those reported showed to pay; benchmarks/LOG.md has the figures.
DEFAULT: tuple[str, ...] = (
    "step",
    *("weekday", "week_of_month", "day_of_month", "month", "event", "days_to_event", "days_since_event"),
    *("holiday", "days_to_holiday", "days_since_holiday"),
    *("lag_1", "lag_2", "lag_7"),
    *("mean_7", "mean_14", "mean_28", "mean_56", "mean_91", "mean_182", "mean_365"),
    *("std_28", "std_91", "zeros_28", "zeros_91", "smoothed_7", "smoothed_28", "days_since_sale", "age"),
    *("same_day_1", "same_day_2", "same_day_4", "same_day_8", "same_day_26", "last_year_7", "last_year_29", "growth_28"),
    *("price", "price_to_mean_28", "price_to_mean_91", "price_to_mean_365", "price_change_7", "price_change_28"),
    *("promotion", "promotion_before", "promotion_after", "promotion_share_28", "promotion_uplift"),
)


def choose(features: dict[str, Feature], use: tuple[str, ...], drop: tuple[str, ...] = ()) -> dict[str, Feature]:
    """The features that `use` names, less those of `drop`; both name features, groups, ``default`` or ``all``.

    Raises UsageError for a name that is neither, with the nearest one that is.
    """
    dropped = {name for word in drop for name in _named(features, word)}
    return {name: features[name] for word in use for name in _named(features, word) if name not in dropped}


def _named(features: dict[str, Feature], word: str) -> list[str]:
    if word == "all":
        return list(features)
    if word == "default":
        return [name for name, feature in features.items() if name in DEFAULT or feature.group in ("attribute", "covariate")]
    members = [name for name, feature in features.items() if word in (name, feature.group)]
    if not members:
        known = [*features, *{feature.group for feature in features.values()}, "default", "all"]
        near = difflib.get_close_matches(word, known, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"There is no feature or group of features '{word}' for these data.{hint}")
    return members


def table(features: dict[str, Feature]) -> pl.DataFrame:
    """The catalogue as a table: name, group, meaning, what it reads, the earliest day it can see."""
    rows = [(f.name, f.group, f.meaning, f.reads, f.earliest) for f in features.values()]
    return pl.DataFrame(rows, schema=["name", "group", "meaning", "reads", "earliest"], orient="row")


def matrix(question: Question, features: dict[str, Feature]) -> np.ndarray:
    """The features of every row: float32 [row, feature]."""
    values = np.empty((len(question), len(features)), np.float32)
    for place, feature in enumerate(features.values()):
        values[:, place] = feature.of(question)
    return values


def _calendar_features(panel: Panel) -> list[Feature]:
    """One feature for each calendar column that this panel's frequency, country and events give."""
    codes = category_codes(panel)
    present = calendar_columns(panel.dates[:1], panel.frequency, panel.country, panel.events, codes)

    def feature(name: str) -> Feature:
        group = "event" if "event" in name else "holiday" if "holiday" in name else "calendar"
        return Feature(
            name, group, MEANINGS[name], "calendar", 0, lambda q: q.block.context.calendar[name][q.day]
        )

    return [feature(name) for name in present]


def _attribute(name: str) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.block.attribute(name)[q.series]

    return Feature(name, "attribute", f"the series' {name}", "attributes", 0, of)
