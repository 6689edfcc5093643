"""The model: seasons that series share, and the mean of two kinds of exponential smoothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.engine.local import LOCAL
from foresell.models.contract import Progress
from foresell.models.featureless import Featureless, FittedFeatureless
from foresell.models.option_checks import check_whole
from foresell.models.smoothing.exponential import damped_trend, simple_with_drift
from foresell.models.smoothing.season import (
    SharedSeason,
    bucket_positions,
    cycles,
    in_buckets,
    learn_shared_season,
)

BLOCK = 256
"""The number of series that are smoothed at a time."""

DAYS = {
    Frequency.HOUR: 1_344,
    Frequency.DAY: 730,
    Frequency.WEEK: 260,
    Frequency.MONTH: 240,
    Frequency.QUARTER: 80,
    Frequency.YEAR: 50,
}
"""The number of last periods that are used: eight weeks of hours, two years of days, five years of weeks."""


DAY_OF_HOURS = 24
"""The number of next hours whose mean judges the constants of smoothing; of other periods it is the next one alone. An
hour is much like the one before it, which says little about tomorrow."""


@dataclass(frozen=True)
class Smoothing(Featureless):
    """Exponential smoothing of every series, after its season is taken off.

    The forecast is the mean of simple smoothing with drift (the Theta method) and of smoothing with a damped trend; a
    mean of both is hard to beat (Makridakis, Spiliotis and Assimakopoulos, "The M4 competition", 2020, where such a
    mean is the benchmark Comb). `days` is the number of last periods used: 1,344 hours, 730 days, 260 weeks, 240
    months, 80 quarters or 50 years where not given.
    """

    days: int | None = None
    name: str = "smoothing"

    def __post_init__(self) -> None:
        check_whole(self.name, "days", self.days)

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedSmoothing:
        """Learns the seasons that the series of `panel` share."""
        days = self.days or DAYS[panel.frequency]
        seasons: tuple[SharedSeason, ...] = ()
        for cycle in cycles(panel.frequency):
            fitted = FittedSmoothing(horizon, days, seasons)
            blocks = list(LOCAL.map(partial(fitted.in_buckets, periods=cycle.periods), panel.blocks(BLOCK)))
            positions = bucket_positions(cycle.of(_last_dates(panel, days), panel.frequency), cycle.periods)
            seasons += (learn_shared_season(blocks, positions, cycle.positions),)
        return FittedSmoothing(horizon, days, seasons)

    @staticmethod
    def load(folder: Path) -> FittedSmoothing:
        """The model that was saved in `folder`. Raises UnreadableFile where it is damaged."""
        try:
            plain = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            seasons = tuple(SharedSeason(**{**each, "shape": tuple(each["shape"])}) for each in plain["seasons"])
            return FittedSmoothing(plain["horizon"], plain["days"], seasons)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{folder} does not hold a whole saved model: {error}.") from error


@dataclass(frozen=True)
class FittedSmoothing(FittedFeatureless):
    """The shared `seasons`, in the order of the frequency's cycles. Levels and trends follow from the panel asked."""

    horizon: int
    days: int
    seasons: tuple[SharedSeason, ...]
    name: str = "smoothing"

    def mean(self, panel: Panel) -> np.ndarray:
        """The mean of both kinds of smoothing for each series and step [series, step]; 0 without a history."""
        return np.concatenate(list(LOCAL.map(self._of_block, panel.blocks(BLOCK))))

    def _of_block(self, panel: Panel) -> np.ndarray:
        units, ahead = self.adjusted(panel)
        judged = DAY_OF_HOURS if panel.frequency == Frequency.HOUR else 1
        both = (smooth(units, self.horizon, judged) for smooth in (simple_with_drift, damped_trend))
        return sum(both) / 2 * ahead

    def adjusted(self, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
        """The last units of each series without their seasons [series, period], and the seasons ahead [series, step].

        The cycles are those for which there is a season yet.
        """
        units = panel.units[:, max(0, panel.n_days - self.days) : panel.n_days].astype(np.float64)
        future = np.ones((panel.n_series, self.horizon))
        dates, ahead = _last_dates(panel, self.days), panel.ahead(self.horizon)
        for season, cycle in zip(self.seasons, cycles(panel.frequency), strict=False):
            positions = cycle.of(dates, panel.frequency)
            buckets = bucket_positions(positions, cycle.periods)
            factors = season.factors(in_buckets(units, cycle.periods), buckets)
            units = units / factors[:, positions]
            future = future * factors[:, cycle.of(ahead, panel.frequency)]
        return units, future

    def in_buckets(self, panel: Panel, periods: int) -> np.ndarray:
        """The means of each `periods` of the last units without their seasons: [series, bucket]."""
        return in_buckets(self.adjusted(panel)[0], periods)

    def save(self, folder: Path) -> None:
        """Writes the seasons as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        seasons = [asdict(season) for season in self.seasons]
        text = {"kind": self.name, "horizon": self.horizon, "days": self.days, "seasons": seasons}
        (folder / "model.json").write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")


def _last_dates(panel: Panel, days: int) -> np.ndarray:
    """The dates of the last `days` periods of the history."""
    return panel.dates[max(0, panel.n_days - days) : panel.n_days]
