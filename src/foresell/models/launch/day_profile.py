"""What makes one day of a series unlike another, its level aside: the weekday (or month) and the promotion.

Both are learnt for all series together, then for groups, the weekday also for the series itself; each is believed as
far as what it rests on allows (`models.launch.credibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between, shape_of, shrunk

WINDOW = {Frequency.DAY: 182, Frequency.WEEK: 156, Frequency.MONTH: 36}
"""Over how many last periods the rhythm is learnt; for weeks and months over as many whole years as there are."""

PLACES = {Frequency.DAY: 7, Frequency.WEEK: 13, Frequency.MONTH: 12}
"""Into how many places a season falls: weekdays, quarters of a quarter (four weeks), months."""

WHOLE = {Frequency.DAY: 28, Frequency.WEEK: 104, Frequency.MONTH: 24}
"""How many periods it takes to learn a season from."""


ROUNDS = 20


@dataclass(frozen=True)
class Rhythm:
    """What `learn` found; `level` are the columns whose groups have a rhythm of their own, by `labels_of`.

    `season` [place] and `promotion` are of all series; `seasons` and `promotions` of a group, relative to those.
    `own` is how much the seasons of single series vary round their group's; `daily` how single days scatter (variance
    of a day = mean + mean**2 / daily). With `flat` the history was too short for a season.
    """

    level: Level
    season: tuple[float, ...]
    seasons: Mapping[str, tuple[float, ...]]
    promotion: float
    promotions: Mapping[str, float]
    own: float
    daily: float
    flat: bool

    def plain(self) -> dict[str, Any]:
        """As plain data for JSON; ``Rhythm.of_plain`` reads it back."""
        return asdict(self)

    @staticmethod
    def of_plain(plain: Mapping[str, Any]) -> Rhythm:
        return Rhythm(
            **{
                **plain,
                "level": tuple(plain["level"]),
                "season": tuple(plain["season"]),
                "seasons": {name: tuple(each) for name, each in plain["seasons"].items()},
            }
        )

    def seasonal(self, panel: Panel) -> np.ndarray:
        """The season of each series with its own evidence: float64 [series, place], 1 being an average day."""
        season = self.of_groups(panel)
        if self.flat:
            return season
        window = Window.of(panel)
        mean = window.level(season)[:, None]
        sold, expected = window.by_place(mean * self._promoted(panel, window.days))
        noise = 1 + mean / self.daily
        return season * shrunk(sold / noise, expected * season / noise, self.own)

    def days(self, panel: Panel, days: np.ndarray, season: np.ndarray | None = None) -> np.ndarray:
        """How each series' sales on `days` (indices, may lie ahead) compare with its level: float64 [series, days]."""
        season = self.seasonal(panel) if season is None else season
        return season[:, places(panel, days)] * self._promoted(panel, days)

    def of_groups(self, panel: Panel) -> np.ndarray:
        """The season of each series' group: float64 [series, place]."""
        flat = (1.0,) * len(self.season)
        names = labels_of(panel.series, self.level)
        return np.array([self.seasons.get(name, flat) for name in names]).reshape(panel.n_series, -1) * self.season

    def uplift(self, panel: Panel) -> np.ndarray:
        """How many times its level each series sells on a promoted day: float64 [series, 1]."""
        names = labels_of(panel.series, self.level)
        return self.promotion * np.array([self.promotions.get(name, 1.0) for name in names]).reshape(-1, 1)

    def _promoted(self, panel: Panel, days: np.ndarray) -> np.ndarray:
        """What promotions make of each series' days: float64 [series, days], 1 where there is none."""
        return np.where(promoted(panel, days), self.uplift(panel), 1.0)


@dataclass(frozen=True)
class Window:
    """The last days of a panel, from which its rhythm is learnt: `units` (0 where not known) and `known`
    [series, day], `days` [day], `promoted` [series, day], `place` [day]."""

    units: np.ndarray
    known: np.ndarray
    days: np.ndarray
    promoted: np.ndarray
    place: np.ndarray
    places: int

    @classmethod
    def of(cls, panel: Panel) -> Window:
        length = min(panel.n_days, WINDOW[panel.frequency])
        if panel.frequency != Frequency.DAY:
            length = length // panel.frequency.year * panel.frequency.year or length
        days = np.arange(panel.n_days - length, panel.n_days)
        units = panel.units[:, days[0] :] if len(days) else panel.units
        known = ~np.isnan(units)
        return cls(
            np.nan_to_num(units), known, days, promoted(panel, days), places(panel, days), PLACES[panel.frequency]
        )

    def level(self, season: np.ndarray) -> np.ndarray:
        """Units of an average day without a promotion (of any day where all have one), given the `season` [place] or
        [series, place]: float64 [series]."""
        plain = self.known & ~self.promoted
        plain = np.where(plain.any(axis=1, keepdims=True), plain, self.known)
        usual = np.where(plain, season[..., self.place], 0).sum(axis=1)
        return _ratio(np.where(plain, self.units, 0).sum(axis=1, dtype=np.float64), usual, otherwise=0.0)

    def by_place(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What was sold and what was `expected` [series, day] on known days: two float64 arrays [series, place]."""
        at = (np.arange(self.places) == self.place[:, None]).astype(np.float64)  # [day, place]
        return self.units @ at, np.where(self.known, expected, 0) @ at


def learn(panel: Panel, level: Level) -> Rhythm:
    """The rhythm of a panel's last days, with groups of `level` that have their own as far as they show it."""
    window = Window.of(panel)
    groups = _groups(panel, level)
    flat = panel.n_days < WHOLE[panel.frequency]
    season, uplift, mean = _of_all(window, flat)
    given = _given(window, mean, uplift)
    daily = shape_of(window.units[window.known].astype(np.float64), (given * season[window.place])[window.known])
    sold, expected = window.by_place(given)
    noise = 1 + mean[:, None] / daily  # the variance of a day's sales over their mean
    seasons = _by_group(sold / noise, expected * season / noise, groups, len(groups.names))
    of_series = expected * season * seasons[groups.rows]
    own = between((sold / noise).ravel(), (of_series / noise).ravel()) if not flat else 0.0
    lifts = _uplift(window, mean, season) / noise * [1.0, uplift]
    promotions = _by_group(lifts[:, :1], lifts[:, 1:], groups, len(groups.names))[:, 0]
    return Rhythm(
        level=level,
        season=tuple(season.tolist()),
        seasons={} if flat else dict(zip(groups.names, map(tuple, seasons.tolist()), strict=True)),
        promotion=uplift,
        promotions=dict(zip(groups.names, promotions.tolist(), strict=True)),
        own=own,
        daily=daily,
        flat=flat,
    )


def _of_all(window: Window, flat: bool) -> tuple[np.ndarray, float, np.ndarray]:
    """The season [place] and the uplift of all series, and the level of each [series]: found in turn, each given the
    others, until the uplift stays what it is."""
    season, uplift = np.ones(window.places), 1.0
    mean = window.level(season)
    for _ in range(ROUNDS):
        if not flat:
            season = _ratio(*(each.sum(axis=0) for each in window.by_place(_given(window, mean, uplift))))
            season /= season.mean()
            mean = window.level(season)
        promoted, plain = _uplift(window, mean, season).sum(axis=0)
        before, uplift = uplift, float(promoted / plain) if plain > 0 else 1.0
        if abs(uplift - before) < 1e-3:
            break
    return season, uplift, mean


@dataclass(frozen=True)
class _Groups:
    names: list[str]
    rows: np.ndarray  # [series]


def _groups(panel: Panel, level: Level) -> _Groups:
    names, rows = np.unique(np.array(labels_of(panel.series, level), dtype=object), return_inverse=True)
    return _Groups(names.tolist(), rows)


def _by_group(sold: np.ndarray, expected: np.ndarray, groups: _Groups, count: int) -> np.ndarray:
    """The shrunk ratios of each group, [group, place], from those of its series [series, place]."""
    totals = [np.zeros((count, sold.shape[1])) for _ in range(2)]
    for total, values in zip(totals, (sold, expected), strict=True):
        np.add.at(total, groups.rows, values)
    return shrunk(totals[0], totals[1], between(totals[0].ravel(), totals[1].ravel()))


def _given(window: Window, mean: np.ndarray, uplift: float) -> np.ndarray:
    return mean[:, None] * np.where(window.promoted, uplift, 1.0)


def _uplift(window: Window, mean: np.ndarray, season: np.ndarray) -> np.ndarray:
    """What was sold on promoted days and what would have been without: float64 [series, 2]."""
    there = window.known & window.promoted
    usual = mean[:, None] * season[window.place]
    return np.stack([np.where(there, each, 0).sum(axis=1, dtype=np.float64) for each in (window.units, usual)], axis=1)


def _ratio(above: np.ndarray, below: np.ndarray, otherwise: float = 1.0) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), otherwise)


def places(panel: Panel, days: np.ndarray) -> np.ndarray:
    """The place in the season of each of `days`, int64: weekday from Monday, four weeks of the year, or month."""
    dates = panel.ahead(max(int(days.max(initial=0)) + 1 - panel.n_days, 0))
    dates = np.concatenate([panel.dates[: panel.n_days], dates])[days]
    if panel.frequency == Frequency.DAY:
        return (dates.astype(np.int64) + 3) % 7
    if panel.frequency == Frequency.MONTH:
        return dates.astype("datetime64[M]").astype(np.int64) % 12
    day_of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return np.minimum(day_of_year // 28, 12)


def promoted(panel: Panel, days: np.ndarray) -> np.ndarray:
    """Whether each series is on promotion on each of `days`: bool [series, days]; not where that is not known."""
    if "promotion" not in panel.known:
        return np.zeros((panel.n_series, len(days)), bool)
    known = panel.known["promotion"]
    last = known.values.shape[1] - 1
    values = known.on(np.minimum(days, last)) > 0
    return values & (days <= last)


def labels_of(series: pl.DataFrame, level: Level) -> list[str]:
    """The names of the groups of `level` that the series lie in, the same wherever they are asked for.

    >>> labels_of(pl.DataFrame({"store": ["a", None], "item": [1, 2]}), ("store", "item"))
    ['a x 1', ' x 2']
    """
    if not level:
        return ["total"] * series.height
    there = [pl.col(name) if name in series.columns else pl.lit(None).alias(name) for name in level]
    texts = [column.cast(pl.String).fill_null("") for column in there]
    return series.select(pl.concat_str(texts, separator=" x ").alias("label"))["label"].to_list()
