"""The day profile: the factors by which a day differs from the level of its series, for weekday (or month) and
promotion.

Both are learnt for all series together and for groups of series, and the weekday also for single series. A factor that
rests on few sales is drawn towards the more general one (`models.launch.credibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency, hour_of_week, weekday
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.launch.credibility import between_variance, negative_binomial_shape, posterior_ratio

WINDOW = {
    Frequency.HOUR: 4368,
    Frequency.DAY: 182,
    Frequency.WEEK: 156,
    Frequency.MONTH: 36,
    Frequency.QUARTER: 20,
    Frequency.YEAR: 10,
}
"""The number of last periods that the profile is learnt from. Of weeks and months, whole years are used."""

SEASON_LENGTH = {
    Frequency.HOUR: 168,
    Frequency.DAY: 7,
    Frequency.WEEK: 13,
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 1,
}
"""The number of positions of a season: 168 hours of a week, seven weekdays, thirteen parts of a year of four weeks
each, twelve months, four quarters, or one year."""

WHOLE = {
    Frequency.HOUR: 672,
    Frequency.DAY: 28,
    Frequency.WEEK: 104,
    Frequency.MONTH: 24,
    Frequency.QUARTER: 8,
    Frequency.YEAR: 2,
}
"""The fewest periods from which a season is learnt."""

ROUNDS = 20
"""The most rounds in which season, uplift and levels are estimated in turn."""


@dataclass(frozen=True)
class DayProfile:
    """The factors of season and promotion.

    - `level`: the columns whose groups have factors of their own, by `group_labels`.
    - `season` [position] and `promotion`: the factors of all series. A season has the mean 1.
    - `seasons` and `promotions`: the factors of each group, relative to those of all series.
    - `own`: the variance of the seasons of single series around the season of their group.
    - `daily`: the shape of the distribution of one day's sales, whose variance is mean + mean**2 / daily.
    - `flat`: whether the history was too short for a season.
    """

    level: Level
    season: tuple[float, ...]
    seasons: Mapping[str, tuple[float, ...]]
    promotion: float
    promotions: Mapping[str, float]
    own: float
    daily: float
    flat: bool

    def to_dict(self) -> dict[str, Any]:
        """The profile as plain data for JSON; ``DayProfile.from_dict`` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> DayProfile:
        """The profile that ``to_dict`` made plain data of."""
        return DayProfile(
            **{
                **plain,
                "level": tuple(plain["level"]),
                "season": tuple(plain["season"]),
                "seasons": {name: tuple(season) for name, season in plain["seasons"].items()},
            }
        )

    def season_of_series(self, panel: Panel) -> np.ndarray:
        """The season of each series, learnt from its own sales too: float64 [series, position], 1 for an average
        day."""
        season = self.season_of_groups(panel)
        if self.flat:
            return season
        window = ProfileWindow.of(panel)
        mean = window.level(season)[:, None]
        sold, expected = window.by_position(mean * self._promotion_factor(panel, window.days))
        noise = 1 + mean / self.daily
        return season * posterior_ratio(sold / noise, expected * season / noise, self.own)

    def days(self, panel: Panel, days: np.ndarray, season: np.ndarray | None = None) -> np.ndarray:
        """The factor of each of `days` (indices, also of days ahead) for each series: float64 [series, days]."""
        season = self.season_of_series(panel) if season is None else season
        return season[:, season_positions(panel, days)] * self._promotion_factor(panel, days)

    def season_of_groups(self, panel: Panel) -> np.ndarray:
        """The season of each series' group: float64 [series, position]."""
        flat = (1.0,) * len(self.season)
        names = group_labels(panel.series, self.level)
        return np.array([self.seasons.get(name, flat) for name in names]).reshape(panel.n_series, -1) * self.season

    def uplift(self, panel: Panel) -> np.ndarray:
        """The factor of a promotion for each series: float64 [series, 1]."""
        names = group_labels(panel.series, self.level)
        return self.promotion * np.array([self.promotions.get(name, 1.0) for name in names]).reshape(-1, 1)

    def _promotion_factor(self, panel: Panel, days: np.ndarray) -> np.ndarray:
        """The factor of promotions on each day: float64 [series, days], 1 where there is none."""
        return np.where(promotion_days(panel, days), self.uplift(panel), 1.0)


@dataclass(frozen=True)
class ProfileWindow:
    """The last days of a panel, from which its profile is learnt.

    `units` (0 where not known), `known` and `promoted` are [series, day]. `days` [day] are indices of the panel's days
    and `position` [day] their positions in the season, of which there are `n_positions`.
    """

    units: np.ndarray
    known: np.ndarray
    days: np.ndarray
    promoted: np.ndarray
    position: np.ndarray
    n_positions: int

    @classmethod
    def of(cls, panel: Panel) -> ProfileWindow:
        """The last days of `panel` that a profile is learnt from."""
        length = min(panel.n_days, WINDOW[panel.frequency])
        if panel.frequency not in (Frequency.DAY, Frequency.HOUR):
            length = length // panel.frequency.year * panel.frequency.year or length
        days = np.arange(panel.n_days - length, panel.n_days)
        units = panel.units[:, days[0] :] if len(days) else panel.units
        known = ~np.isnan(units)
        return cls(
            np.nan_to_num(units),
            known,
            days,
            promotion_days(panel, days),
            season_positions(panel, days),
            season_length(panel.frequency),
        )

    def level(self, season: np.ndarray) -> np.ndarray:
        """Units of an average day without a promotion: float64 [series]. `season` is [position] or [series, position].

        All days count for a series that has a promotion on every known day.
        """
        regular = self.known & ~self.promoted
        regular = np.where(regular.any(axis=1, keepdims=True), regular, self.known)
        expected = np.where(regular, season[..., self.position], 0).sum(axis=1)
        return _ratio(np.where(regular, self.units, 0).sum(axis=1, dtype=np.float64), expected, default=0.0)

    def by_position(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The units sold and the units `expected` [series, day] on known days: two float64 arrays [series,
        position]."""
        of_day = (np.arange(self.n_positions) == self.position[:, None]).astype(np.float64)  # [day, position]
        return self.units @ of_day, np.where(self.known, expected, 0) @ of_day


def learn_day_profile(panel: Panel, level: Level) -> DayProfile:
    """The profile of a panel's last days, with factors for the groups of `level`."""
    window = ProfileWindow.of(panel)
    groups = _groups(panel, level)
    flat = panel.n_days < WHOLE[panel.frequency]
    season, uplift, mean = _of_all(window, flat)
    expected_days = _without_season(window, mean, uplift)
    expected_units = (expected_days * season[window.position])[window.known]
    daily = negative_binomial_shape(window.units[window.known].astype(np.float64), expected_units)
    sold, expected = window.by_position(expected_days)
    noise = 1 + mean[:, None] / daily  # the variance of a day's sales over their mean
    seasons = _by_group(sold / noise, expected * season / noise, groups, len(groups.names))
    of_series = expected * season * seasons[groups.rows]
    own = between_variance((sold / noise).ravel(), (of_series / noise).ravel()) if not flat else 0.0
    promotions_sold = _promotion_sales(window, mean, season) / noise * [1.0, uplift]
    promotions = _by_group(promotions_sold[:, :1], promotions_sold[:, 1:], groups, len(groups.names))[:, 0]
    return DayProfile(
        level=level,
        season=tuple(season.tolist()),
        seasons={} if flat else dict(zip(groups.names, map(tuple, seasons.tolist()), strict=True)),
        promotion=uplift,
        promotions=dict(zip(groups.names, promotions.tolist(), strict=True)),
        own=own,
        daily=daily,
        flat=flat,
    )


def _of_all(window: ProfileWindow, flat: bool) -> tuple[np.ndarray, float, np.ndarray]:
    """The season [position] and the uplift of all series, and the level of each [series].

    They are estimated in turn until the uplift no longer changes.
    """
    season, uplift = np.ones(window.n_positions), 1.0
    mean = window.level(season)
    for _ in range(ROUNDS):
        if not flat:
            season = _ratio(*(v.sum(axis=0) for v in window.by_position(_without_season(window, mean, uplift))))
            season /= season.mean()
            mean = window.level(season)
        sold, expected = _promotion_sales(window, mean, season).sum(axis=0)
        before, uplift = uplift, float(sold / expected) if expected > 0 else 1.0
        if abs(uplift - before) < 1e-3:
            break
    return season, uplift, mean


@dataclass(frozen=True)
class _Groups:
    names: list[str]
    rows: np.ndarray  # [series]


def _groups(panel: Panel, level: Level) -> _Groups:
    names, rows = np.unique(np.array(group_labels(panel.series, level), dtype=object), return_inverse=True)
    return _Groups(names.tolist(), rows)


def _by_group(sold: np.ndarray, expected: np.ndarray, groups: _Groups, count: int) -> np.ndarray:
    """The credibility ratio of each group [group, position], from the sums of its series [series, position]."""
    totals = [np.zeros((count, sold.shape[1])) for _ in range(2)]
    for total, values in zip(totals, (sold, expected), strict=True):
        np.add.at(total, groups.rows, values)
    return posterior_ratio(totals[0], totals[1], between_variance(totals[0].ravel(), totals[1].ravel()))


def _without_season(window: ProfileWindow, mean: np.ndarray, uplift: float) -> np.ndarray:
    """The expected units of each day without the factor of its season: float64 [series, day]."""
    return mean[:, None] * np.where(window.promoted, uplift, 1.0)


def _promotion_sales(window: ProfileWindow, mean: np.ndarray, season: np.ndarray) -> np.ndarray:
    """The units sold on days with a promotion, and the units expected without one: float64 [series, 2]."""
    promoted = window.known & window.promoted
    expected = mean[:, None] * season[window.position]
    sums = [np.where(promoted, values, 0).sum(axis=1, dtype=np.float64) for values in (window.units, expected)]
    return np.stack(sums, axis=1)


def _ratio(above: np.ndarray, below: np.ndarray, default: float = 1.0) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), default)


def season_length(frequency: Frequency) -> int:
    """The number of positions of a season: those of `SEASON_LENGTH`, or the periods in a year of a table."""
    tabled = frequency.table and frequency != Frequency.WEEK
    return frequency.season if tabled else SEASON_LENGTH[frequency]


def season_positions(panel: Panel, days: np.ndarray) -> np.ndarray:
    """The position in the season of each of `days`, int64: the hour of the week or the weekday from Monday, four weeks
    of the year, the month, the quarter, or 0 for years; of a table the place in the year."""
    dates = panel.ahead(max(int(days.max(initial=0)) + 1 - panel.n_days, 0))
    dates = np.concatenate([panel.dates[: panel.n_days], dates])[days]
    if panel.frequency == Frequency.HOUR:
        return hour_of_week(dates)
    if panel.frequency == Frequency.DAY:
        return weekday(dates)
    if panel.frequency.table and panel.frequency != Frequency.WEEK:
        return panel.frequency.table.place(dates) - 1
    if panel.frequency.months:
        return dates.astype("datetime64[M]").astype(np.int64) % 12 // panel.frequency.months
    day_of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return np.minimum(day_of_year // 28, 12)


def season_name(n_positions: int) -> str:
    """What a season of so many positions is called in reasons."""
    return {7: "weekday", 168: "hour"}.get(n_positions, "season")


def promotion_days(panel: Panel, days: np.ndarray) -> np.ndarray:
    """Whether each series has a promotion on each of `days`: bool [series, days]; False where that is not known."""
    if "promotion" not in panel.known:
        return np.zeros((panel.n_series, len(days)), bool)
    known = panel.known["promotion"]
    last = known.values.shape[1] - 1
    values = known.on(np.minimum(days, last)) > 0
    return values & (days <= last)


def group_labels(series: pl.DataFrame, level: Level) -> list[str]:
    """The name of the group of `level` that each series belongs to. A column that `series` lacks counts as empty.

    >>> group_labels(pl.DataFrame({"store": ["a", None], "item": [1, 2]}), ("store", "item"))
    ['a x 1', ' x 2']
    """
    if not level:
        return ["total"] * series.height
    columns = [pl.col(name) if name in series.columns else pl.lit(None).alias(name) for name in level]
    texts = [column.cast(pl.String).fill_null("") for column in columns]
    return series.select(pl.concat_str(texts, separator=" x ").alias("label"))["label"].to_list()
