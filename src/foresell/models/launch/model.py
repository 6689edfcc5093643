"""The launch model: forecasts for new products from their attributes and from earlier launches.

A forecast is a product of factors: the level that the attributes of a series suggest (`attribute_levels`), the ratio of
its own sales to that level, the share of the level at its age (`launch_curve`), and the factor of the day
(`day_profile`). The ratio is a gamma-Poisson posterior mean: 1 for a series without sales, and close to its own sales
over the expected ones once there are enough of them. So an old series is forecast at its recent level with its weekly
profile, and a new one gets there day by day: Fader and Hardie, "Forecasting repeat sales at CDNOW", 2001, use the same
model for single customers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.engine.local import LOCAL
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress
from foresell.models.launch.attribute_levels import (
    AttributeLevels,
    RecentSales,
    grouping_levels,
    learn_attribute_levels,
)
from foresell.models.launch.day_profile import (
    WINDOW,
    DayProfile,
    group_labels,
    learn_day_profile,
    season_name,
    season_positions,
)
from foresell.models.launch.launch_curve import (
    LAUNCHES_PER_GROUP,
    LaunchCurve,
    first_days,
    is_launch,
    learn_launch_curve,
)
from foresell.models.option_checks import check_whole

BLOCK = 1024  # series that are forecast at a time

HALF_LIFE = {
    Frequency.HOUR: 672,
    Frequency.DAY: 28,
    Frequency.WEEK: 8,
    Frequency.MONTH: 4,
    Frequency.QUARTER: 2,
    Frequency.YEAR: 1,
}
"""The number of periods after which a day counts half for the recent level."""


@dataclass(frozen=True)
class Launch:
    """The launch model.

    `levels` are combinations of columns whose groups have a factor of their own, beside the single columns of text.
    A day counts half for a series' recent level after `half_life` periods: 28 days, 8 weeks, 4 months, 2
    quarters or 1 year where not given.
    """

    levels: tuple[Level, ...] = ()
    half_life: int | None = None
    name: str = "launch"

    def __post_init__(self) -> None:
        check_whole(self.name, "half_life", self.half_life)

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because learning takes little time."""

    def fit(self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None) -> FittedLaunch:
        """Learns the day profile, the launch curve and the levels from `panel`, which ends at the cutoff."""
        notify = progress or (lambda done, total: None)
        groups = grouping_levels(panel.series, tuple(level for level in self.levels if set(level) != set(panel.keys)))
        begin = first_days(panel, horizon)
        profile = learn_day_profile(panel, _finest(panel.series, groups))
        notify(1, 3)
        new = is_launch(panel, begin) & (begin < panel.n_days)
        curve = learn_launch_curve(panel, profile, begin, _finest(panel.series.filter(pl.Series(new)), groups))
        notify(2, 3)
        half_life = self.half_life or HALF_LIFE[panel.frequency]
        unknown = AttributeLevels(0.0, {}, (), {}, 1.0)
        fitted = FittedLaunch(horizon, half_life, profile, curve, unknown)
        levels = learn_attribute_levels(panel, fitted.state(panel).recent, groups, profile.daily)
        notify(3, 3)
        return replace(fitted, levels=levels)

    @staticmethod
    def load(folder: Path) -> FittedLaunch:
        """The model that was saved in `folder`. Raises UnreadableFile where it is not whole."""
        path = folder / "model.json"
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return FittedLaunch(
                plain["horizon"],
                plain["half_life"],
                DayProfile.from_dict(plain["rhythm"]),
                LaunchCurve.from_dict(plain["takeoff"]),
                AttributeLevels.from_dict(plain["levels"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{path} does not hold a launch model. Train it again.") from error


@dataclass(frozen=True)
class SeriesState:
    """The state of the series of a panel at its cutoff.

    In `recent` units and days are weighted by the half-life, and the classes of age are ``from the start``,
    ``settled`` and ``new``. `begin` [series] is the first day of each series, `season` [series, position] its season.
    """

    recent: RecentSales
    begin: np.ndarray
    season: np.ndarray


@dataclass(frozen=True)
class FittedLaunch:
    """The fitted launch model. A series' own sales are read from the panel that is forecast."""

    horizon: int
    half_life: int
    day_profile: DayProfile
    launch_curve: LaunchCurve
    levels: AttributeLevels
    name: str = "launch"
    findings: tuple[Finding, ...] = field(default=())

    def reads(self, panel: Panel) -> frozenset[str]:
        """The promotion, and the price in relation to the usual price of similar goods."""
        return frozenset({"price", "promotion"} & set(panel.known))

    def statistics(self, block: Panel) -> Statistics:
        """The number of series only, because no forecast depends on other series."""
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        mean = np.concatenate(list(LOCAL.map(self._mean, panel.blocks(BLOCK))))
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The contribution of each factor: what it adds to the product of the factors before it. The base is an average
        series.

        ``own_sales`` is the ratio of the series' sales to the level by its attributes, ``age`` the launch curve.
        """
        part = panel if series is None else panel.part(np.array(series, np.int64))
        factors = self._factors(part)
        shape = (part.n_series, self.horizon)
        products = np.cumprod([np.broadcast_to(factor, shape) for factor in factors.values()], axis=0)
        return Contributions(tuple(factors)[1:], products[0], np.diff(products, axis=0))

    def drivers(self) -> pl.DataFrame:
        """The share of each factor in the sum of the variances of the factors' logarithms."""
        spread = {" x ".join(level): _spread(factors.values()) for level, factors in self.levels.factors.items()}
        spread["own_sales"] = 1 / self.levels.shape
        spread[season_name(len(self.day_profile.season))] = _spread(self.day_profile.season)
        spread["age"] = _spread(self.launch_curve.curve)
        spread["promotion"] = float(np.log(max(self.day_profile.promotion, 1e-9)) ** 2) / 4
        total = sum(spread.values())
        frame = pl.DataFrame(
            {"feature": list(spread), "share": [variance / total if total else 0.0 for variance in spread.values()]},
            schema={"feature": pl.String, "share": pl.Float64},
        )
        return frame.filter(pl.col("share") > 0).sort("share", "feature", descending=[True, False])

    def save(self, folder: Path) -> None:
        """Writes the model as one JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {"kind": self.name, "horizon": self.horizon, "half_life": self.half_life}
        parts = {
            "rhythm": self.day_profile.to_dict(),
            "takeoff": self.launch_curve.to_dict(),
            "levels": self.levels.to_dict(),
        }
        (folder / "model.json").write_text(json.dumps(plain | parts, ensure_ascii=False), encoding="utf-8")

    def state(self, panel: Panel) -> SeriesState:
        """The state of the series of `panel` at its cutoff."""
        begin = first_days(panel, self.horizon)
        days = np.arange(max(panel.n_days - WINDOW[panel.frequency], 0), panel.n_days)
        season = self.day_profile.season_of_series(panel)
        usual = self.day_profile.days(panel, days, season) * self._age(panel, begin, days)
        units = panel.units[:, days[0] :]
        known = ~np.isnan(units)
        # The weight halves from the last known day backwards, so that a series out of stock keeps its level.
        last = np.where(known.any(axis=1), known.shape[1] - 1 - known[:, ::-1].argmax(axis=1), 0)
        weight = known * 0.5 ** ((last[:, None] - np.arange(len(days))) / self.half_life)
        new = is_launch(panel, begin)
        young = new & (panel.n_days - begin < self.launch_curve.settled)
        return SeriesState(
            recent=RecentSales(
                sold=np.sum(weight * np.nan_to_num(units), axis=1),
                exposure=np.sum(weight * usual, axis=1),
                price=_price(panel, self.horizon),
                age=np.where(young, "new", np.where(new, "settled", "from the start")),
            ),
            begin=begin,
            season=season,
        )

    def _mean(self, block: Panel) -> np.ndarray:
        """The mean of the series of a block: float32 [series, step]."""
        mean = np.ones((block.n_series, self.horizon))
        for factor in self._factors(block).values():
            mean = mean * factor
        return mean.astype(np.float32)

    def _factors(self, panel: Panel) -> Mapping[str, np.ndarray]:
        """The factors of the mean by name, in order, each float64 [series, 1 or step].

        The first factor is in units: the sales of an average series, 0 where the series is closed.
        """
        state = self.state(panel)
        days = panel.n_days + np.arange(self.horizon)
        groups = self.levels.of_groups(panel, state.recent)
        expected = self.levels.base * np.prod([np.ones(panel.n_series), *groups.values()], axis=0)
        own = self.levels.posterior(expected, state.recent, self.day_profile.daily)
        positions = season_positions(panel, days)
        return {
            "base": self.levels.base * ~closed_days(panel, self.horizon),
            **{name: factor[:, None] for name, factor in groups.items()},
            "own_sales": own[:, None],
            "age": self._age(panel, state.begin, days),
            season_name(state.season.shape[1]): state.season[:, positions],
            "promotion": self.day_profile.days(panel, days, np.ones_like(state.season)),
        }

    def _age(self, panel: Panel, begin: np.ndarray, days: np.ndarray) -> np.ndarray:
        """The share of its level that each series sells at its age on `days`: float64 [series, days]."""
        age = np.where(is_launch(panel, begin)[:, None], days - begin[:, None], self.launch_curve.settled)
        return self.launch_curve.at(panel, age)


def _finest(series: pl.DataFrame, levels: list[Level]) -> Level:
    """The finest of `levels` whose groups have enough of `series` on average; the total where there is none."""
    for level in reversed(levels):
        if LAUNCHES_PER_GROUP * len(set(group_labels(series, level))) <= series.height:
            return level
    return ()


def _price(panel: Panel, horizon: int) -> np.ndarray:
    """The median of the known prices from four weeks before the cutoff to the end of the horizon: [series]."""
    if "price" not in panel.known:
        return np.full(panel.n_series, np.nan)
    known = panel.known["price"]
    values = known.values[:, max(panel.n_days - 28, 0) : panel.n_days + horizon]
    known_rows = ~np.isnan(values).all(axis=1)
    median = np.full(len(values), np.nan)
    median[known_rows] = np.nanmedian(values[known_rows], axis=1)
    return median[known.rows]


def _spread(values: Iterable[float]) -> float:
    """The variance of the logarithms of factors."""
    logs = np.log(np.maximum(np.array(list(values)), 1e-9))
    return float(logs.var()) if len(logs) else 0.0
