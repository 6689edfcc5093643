"""A fitted global model at one cutoff, under scenarios.

The features of all series and steps are kept in memory. A scenario computes only those features anew that read the
changed covariates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from foresell.core.panel import Known, Panel
from foresell.core.scenario import panel_of_rows
from foresell.core.statistics import Statistics
from foresell.features.question import Block, Question
from foresell.features.scenarios import NewSeriesBlock, ScenarioBlock, ScenarioContext
from foresell.features.training_rows import BLOCK, merged_statistics
from foresell.models.closed_days import closed_days, without_history
from foresell.models.contract import Contributions, ScenarioRows
from foresell.models.global_models.fitted import BoosterInput, FittedGlobalModel

ROWS = 65_536  # of features at a time

SAME = ("units", "calendar", "nothing")
"""The sources of features that have one value for all series without a history."""


class GlobalScenarioModel:
    """A `models.contract.ScenarioModel`.

    It may keep `room` bytes of features: `values` float32 [series, step, feature]. Where they need more, `values` is
    None, and the features of a series are computed for each scenario. `statistics` are those of all series of
    `panel`, computed from it where not given.
    """

    def __init__(self, fitted: FittedGlobalModel, panel: Panel, room: int, statistics: Statistics | None = None):
        recipe = fitted.recipe
        self.fitted = fitted
        self.panel = panel
        features = recipe.features_of(panel)
        statistics = statistics or merged_statistics(panel.blocks(BLOCK), features)
        self._context = ScenarioContext(panel, recipe.horizon, statistics, recipe.codes)
        self.shown = BoosterInput(recipe, panel, context=self._context, features=features)
        self.moved = {place: feature for place, feature in enumerate(features.values()) if feature.ahead}
        self.reads = frozenset(feature.reads for feature in self.moved.values())
        shape = (panel.n_series, recipe.horizon, len(recipe.features))
        self.values = np.empty(shape, np.float32) if 4 * int(np.prod(shape)) <= room else None
        self._closed = closed_days(panel, recipe.horizon)
        self.mean = self._forecast()
        self._new = without_history(panel)
        self._prepare()

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means of the rows of a scenario: float32 [row]."""
        if not self.reads & scenario.ahead.keys():
            return self.mean[scenario.rows]
        block = ScenarioBlock(self._context, scenario.members, scenario.ahead, together=scenario.together)
        means = np.empty(len(scenario.series), np.float32)
        for start in range(0, len(means), ROWS):
            some = slice(start, start + ROWS)
            means[some] = self._open_means(block, scenario, some)
        means[self._is_closed(scenario)] = 0
        return means

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history, each at one step from 0: float32 [series]."""
        shown = self._new_input(panel)
        series = np.arange(panel.n_series)
        question = self._question(NewSeriesBlock(self._context, panel), series, step)
        values = self._unknown_series[step]
        for column, feature in enumerate(shown.features.values()):
            if feature.reads not in SAME:
                values[:, column] = feature.of(question)
        mean = self.fitted.means(shown, values, series, step + 1).astype(np.float32)
        mean[closed_days(panel, self.fitted.horizon)[series, step]] = 0
        return mean

    def explain(self, series: Sequence[int]) -> Contributions:
        """The contributions to the means of some of the series."""
        members = np.asarray(series, np.int64)
        return self.fitted.reasons(self.shown, members, self._blocks(members), self._closed[members])

    def memory(self) -> int:
        """The number of bytes in memory beside the panel and the model."""
        return self.mean.nbytes + (0 if self.values is None else self.values.nbytes)

    def _prepare(self) -> None:
        """Answers one scenario, so that the first real one does not wait for what is computed once."""
        if self.panel.n_series:
            first = np.zeros(1, np.int64)
            ahead = {name: np.zeros((1, self.fitted.horizon), np.float32) for name in self.reads}
            self.answer_scenario(ScenarioRows(first, ahead, first, first))
            self.new_series(self._unknown_panel, first)

    def _forecast(self) -> np.ndarray:
        """The forecast of every series: float32 [series, step]. Keeps the features where there is room."""
        mean = np.zeros((self.panel.n_series, self.fitted.horizon), np.float32)
        for place, values in self.shown.blocks(members := np.arange(self.panel.n_series)):
            if self.values is not None:
                self.values[place] = values.reshape(-1, *self.values.shape[1:])
            rows = self.fitted.means(self.shown, values, *self.shown.pairs(members[place]))
            mean[place] = rows.reshape(-1, self.fitted.horizon)
        mean[self._closed] = 0
        return mean

    def _blocks(self, members: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The features of all steps of some series, block by block."""
        if self.values is None:
            yield from self.shown.blocks(members)
            return
        for start in range(0, len(members), BLOCK):
            values = self.values[members[start : start + BLOCK]]
            yield slice(start, start + len(values)), values.reshape(-1, values.shape[2])

    def _open_means(self, block: ScenarioBlock, scenario: ScenarioRows, some: slice) -> np.ndarray:
        """The means of some of the rows without regard to closed days."""
        place, step = scenario.series[some], scenario.step[some]
        series = scenario.members[place]
        values = self._features(series, step)
        question = self._question(block, place, step)
        for column, feature in self.moved.items():
            if feature.reads in scenario.ahead:
                values[:, column] = feature.of(question)
        return self.fitted.means(self.shown, values, series, step + 1)

    def _question(self, block: Block, series: np.ndarray, step: np.ndarray) -> Question:
        """The question for pairs of series and step (from 0) at the panel's cutoff."""
        return Question(block, np.array([self.panel.n_days - 1]), np.zeros(len(series), np.int64), series, step + 1)

    def _new_input(self, panel: Panel) -> BoosterInput:
        """The input of the boosters for series that the panel does not have."""
        return BoosterInput(
            self.fitted.recipe, panel, context=self._context, features=self.shown.features, view=NewSeriesBlock
        )

    @cached_property
    def _unknown_panel(self) -> Panel:
        """A panel of one series without any known value."""
        units = np.full((1, self.panel.n_days), np.nan, np.float32)
        nothing = np.full((1, self.panel.n_days + self.fitted.horizon), np.nan, np.float32)
        known = {name: Known.of_each(nothing) for name in self.panel.known}
        return replace(self.panel, series=self.panel.series.clear(1), units=units, known=known)

    @cached_property
    def _unknown_series(self) -> np.ndarray:
        """The features of that series: float32 [step, feature]."""
        return self._new_input(self._unknown_panel).values(np.zeros(1, np.int64))

    def _features(self, series: np.ndarray, step: np.ndarray) -> np.ndarray:
        """A copy of the features of rows without a scenario: float32 [row, feature]."""
        if self.values is not None:
            return self.values[series, step]
        members, rows = np.unique(series, return_inverse=True)
        features = np.empty((len(series), len(self.shown.features)), np.float32)
        for place, values in self.shown.blocks(members):
            inside = np.flatnonzero((rows >= place.start) & (rows < place.stop))
            cube = values.reshape(-1, self.fitted.horizon, features.shape[1])
            features[inside] = cube[rows[inside] - place.start, step[inside]]
        return features

    def _is_closed(self, scenario: ScenarioRows) -> np.ndarray:
        """Whether each row is for a closed day: [row]. Another price may begin a series without a history earlier."""
        closed = self._closed[scenario.rows]
        new = np.flatnonzero(self._new[scenario.members])
        if "price" in scenario.ahead and len(new):
            priced = panel_of_rows(self.panel, scenario.members[new], {"price": scenario.ahead["price"][new]})
            begun = closed_days(priced, self.fitted.horizon)
            place = np.full(len(scenario.members), -1)
            place[new] = np.arange(len(new))
            rows = np.flatnonzero(place[scenario.series] >= 0)
            closed[rows] = begun[place[scenario.series[rows]], scenario.step[rows]]
        return closed
