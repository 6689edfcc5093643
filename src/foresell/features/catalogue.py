"""The catalogue: all features that a panel can have, by name, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, suggestions
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.features.ahead import covariate_feature, price_features, promotion_features
from foresell.features.calendar import MEANINGS, calendar_columns
from foresell.features.groups import group_features, level_suffix
from foresell.features.history import history_features
from foresell.features.question import Feature, Question, calendar_codes
from foresell.features.spans import spans_of

FIXED = ("attribute", "covariate")  # groups whose columns the user names in the settings; always in the default set
ENOUGH = 20  # with so many series on average, the trend of a group is steadier than those of its series


def catalogue(panel: Panel, levels: tuple[Level, ...] = (), statistics: Statistics | None = None) -> dict[str, Feature]:
    """All features that the panel's data allow, by name, with the default set marked.

    `levels` are those whose trends and prices are features, too. The total is always added, the single series never.
    The default set depends on the number of series; if `panel` is a block, `statistics` has those of all blocks.
    """
    levels = group_levels(panel, levels)
    default = _default_names(panel, steady_level(statistics or Statistics.of(panel, levels), levels))
    return {
        name: replace(feature, default=name in default or feature.group in FIXED)
        for name, feature in all_features(panel, levels).items()
    }


def all_features(panel: Panel, levels: tuple[Level, ...] = ()) -> dict[str, Feature]:
    """All features that the panel's data allow, by name; they do not depend on which series the panel has."""
    spans = spans_of(panel.frequency)
    levels = group_levels(panel, levels)
    features = [
        Feature("step", "question", "how many days after the cutoff the day lies", "calendar", 0, lambda q: q.step),
        *_calendar_features(panel),
        *history_features(spans),
        *group_features(levels, spans),
    ]
    if "price" in panel.known:
        features += price_features(levels, spans)
    if "promotion" in panel.known:
        features += promotion_features(spans)
    features += [covariate_feature(name) for name in panel.known if name not in ("price", "promotion")]
    features += [_attribute(name) for name in panel.series.columns]
    return {feature.name: feature for feature in features}


def group_levels(panel: Panel, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels that make groups of more than one series: the total, then `levels` without the single series."""
    between = (tuple(level) for level in levels if set(level) != set(panel.keys))
    return tuple(dict.fromkeys(((), *between)))


def _default_names(panel: Panel, steady: Level) -> set[str]:
    """The names of the default set: the features that improved backtests before the reported windows (see
    benchmarks/LOG.md)."""
    spans = spans_of(panel.frequency)
    short, middle, long, year = spans.short, spans.middle, spans.long, spans.year
    own = {"step", "age", "days_since_sale", "growth", f"last_year_{2 * (short // 2) + 1}", f"last_year_{middle + 1}"}
    own |= {f"lag_{days}" for days in (1, 2, short)}
    own |= {f"mean_{days}" for days in spans.windows}
    own |= {f"{name}_{days}" for name in ("std", "zeros") for days in (middle, long)}
    own |= {f"smoothed_{days}" for days in (short, middle)}
    own |= {f"same_day_{count}" for count in spans.seasons}
    if panel.frequency == Frequency.HOUR:
        own |= {f"target_lag_{hours}" for hours in (168, 336, 504, 672)}
    dated = {"weekday", "week_of_month", "day_of_month", "month", "week_of_year", "hour", "hour_of_week"}
    dated |= {"period_of_year", "days_in_period"}
    dated |= {f"{which}{kind}" for kind in ("event", "holiday") for which in ("", "days_to_", "days_since_")}
    ahead = {"price", *(f"price_to_mean_{days}" for days in (middle, long, year))}
    ahead |= {f"price_change_{days}" for days in (short, middle)}
    ahead |= {f"promotion{what}" for what in ("", "_before", "_after", "_share_recent", "_mean", "_uplift")}
    trends = {f"trend_{short}_{middle}", f"trend_{middle}_{long}", f"trend_{middle}_{year}", "growth"}
    of_group = trends | {"weekday", "year_week", "year_day"}
    group = {f"{name}_of_{level_suffix(steady)}" for name in of_group}
    return own | dated | ahead | group


def steady_level(statistics: Statistics, levels: tuple[Level, ...]) -> Level:
    """The finest of `levels` whose groups have at least `ENOUGH` series on average, so that their trends are steady."""
    sizes = {level: len(statistics.levels[level]) for level in levels}
    enough = {level: groups for level, groups in sizes.items() if statistics.n_series >= ENOUGH * groups}
    return max(enough, key=lambda level: enough[level], default=())


def choose(features: dict[str, Feature], use: tuple[str, ...], drop: tuple[str, ...] = ()) -> dict[str, Feature]:
    """The features that `use` names, less those of `drop`; both name features, groups, ``default`` or ``all``.

    Raises UsageError for a name that is none of these, with the nearest one that is.
    """
    dropped = {name for word in drop for name in _named(features, word)}
    chosen = {name for word in use for name in _named(features, word)} - dropped
    return {name: feature for name, feature in features.items() if name in chosen}


def _named(features: dict[str, Feature], word: str) -> list[str]:
    if word == "all":
        return list(features)
    if word == "default":
        return [name for name, feature in features.items() if feature.default]
    members = [name for name, feature in features.items() if word in (name, feature.group)]
    if not members:
        known = [*features, *{feature.group for feature in features.values()}, "default", "all"]
        raise UsageError(f"There is no feature or group of features '{word}' for these data.{suggestions(word, known)}")
    return members


def table(features: dict[str, Feature]) -> pl.DataFrame:
    """The catalogue as a table: name, group, meaning, what it reads, and the earliest day it can see."""
    rows = [(f.name, f.group, f.meaning, f.reads, f.earliest) for f in features.values()]
    return pl.DataFrame(rows, schema=["name", "group", "meaning", "reads", "earliest"], orient="row")


def matrix(question: Question, features: Mapping[str, Feature]) -> np.ndarray:
    """The features of every row: float32 [row, feature]."""
    values = np.empty((len(question), len(features)), np.float32)
    for place, feature in enumerate(features.values()):
        values[:, place] = feature.of(question)
    return values


def _calendar_features(panel: Panel) -> list[Feature]:
    """A feature for each calendar column that the panel's frequency, country and events allow."""
    present = calendar_columns(panel.dates[:1], panel.frequency, panel.country, panel.events, calendar_codes(panel))

    def feature(name: str) -> Feature:
        group = "event" if "event" in name else "holiday" if "holiday" in name else "calendar"
        return Feature(name, group, MEANINGS[name], "calendar", 0, lambda q: q.block.context.calendar[name][q.day])

    return [feature(name) for name in present]


def _attribute(name: str) -> Feature:
    def of(q: Question) -> np.ndarray:
        return q.block.attribute(name)[q.series]

    return Feature(name, "attribute", f"the series' {name}", "attributes", 0, of)
