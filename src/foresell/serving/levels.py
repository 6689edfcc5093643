"""The served forecast at any level: sums of the single series and their ranges, computed on first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np

from foresell.adjust.ranges import LevelRanges, Ranges
from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast, check_probabilities
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.core.scenario import changed_ahead, series_where
from foresell.core.words import many
from foresell.models.contract import ScenarioRows
from foresell.serving.current_forecast import ChampionScenarioModel


class Levels:
    """The forecasts of all levels of `hierarchy`, and their what-ifs."""

    def __init__(self, champion: ChampionScenarioModel, panel: Panel, hierarchy: Hierarchy, ranges: Ranges):
        self.champion = champion
        self.panel = panel
        self.hierarchy = hierarchy
        self.ranges = ranges
        self._groups: dict[Level, Groups] = {}
        self._ranges_of_levels: dict[Level, LevelRanges] = {}
        self._lock = Lock()

    def ranges_of(self, level: Level) -> LevelRanges:
        """The ranges of a level at the cutoff."""
        with self._lock:
            if level not in self._ranges_of_levels:
                closed = self.champion.closed
                self._ranges_of_levels[level] = self.ranges.of_level(level, self.panel, self.hierarchy, closed)
            return self._ranges_of_levels[level]

    def groups(self, level: Level) -> Groups:
        """The groups of a level. Raises UsageError for a level that the forecasts do not have."""
        if level not in self.hierarchy.levels:
            levels = first_five(level_name(known) for known in self.hierarchy.levels)
            raise UsageError(f"There is no level '{level_name(level)}' in these forecasts; they have {levels}.")
        with self._lock:
            if level not in self._groups:
                self._groups[level] = self.hierarchy.groups(self.panel.series, level)
            return self._groups[level]

    def forecast(
        self,
        where: Mapping[str, object],
        level: Level | None,
        horizon: int | None,
        probabilities: Sequence[float],
        changes: Mapping[str, str | float],
    ) -> Forecasts:
        """The forecast of the groups of `level` of the series chosen by `where`; see `Service.forecast`."""
        steps = self._steps(horizon)
        if probabilities:
            check_probabilities(probabilities)
        level = self.hierarchy.bottom if level is None else tuple(level)
        groups, rows = self.groups(level), series_where(self.panel.series, where)
        chosen = np.unique(groups.rows[rows])
        members = np.flatnonzero(np.isin(groups.rows, chosen))  # whole groups are forecast
        part = Groups(level, groups.frame[chosen], np.searchsorted(chosen, groups.rows[members]).astype(np.int32))
        mean = self.champion.mean[members]
        mean = mean[:, :steps] if level == self.hierarchy.bottom else part.sum(mean).astype(np.float32)[:, :steps]
        if changes:
            total = mean.astype(np.float64)
            np.add.at(total, np.searchsorted(chosen, groups.rows[rows]), self._difference(rows, changes, steps))
            mean = np.maximum(total, 0).astype(np.float32)
        dates = self.panel.ahead(steps)
        forecast = Forecast(part.frame, level or ("total",), self.panel.cutoff, dates, mean)
        if probabilities:
            group, step = np.divmod(np.arange(mean.size), steps)
            quantiles = self.ranges_of(level).quantiles(mean.reshape(-1), chosen[group], step, probabilities)
            forecast = forecast.with_quantiles(tuple(probabilities), quantiles.reshape(-1, *mean.shape))
        return Forecasts({level: forecast})

    def _difference(self, rows: np.ndarray, changes: Mapping[str, str | float], steps: int) -> np.ndarray:
        """The difference that `changes` make to series `rows` on the first days ahead: float64 [series, step]."""
        ahead = changed_ahead(self.panel, changes, rows, steps)
        place, step = np.divmod(np.arange(len(rows) * steps), steps)
        after = self.champion.answer_scenario(ScenarioRows(rows, ahead, place, step, together=True)).reshape(-1, steps)
        return after.astype(np.float64) - self.champion.mean[rows, :steps]

    def _steps(self, horizon: int | None) -> int:
        longest = self.champion.champion.horizon
        if horizon is None:
            return longest
        if not 1 <= horizon <= longest:
            noun = self.panel.frequency.noun
            raise UsageError(f"The horizon is {many(horizon, noun)}; expected 1 to {longest}, the model's own horizon.")
        return horizon
