"""Boosters at the cutoff that they serve: the features of all series and steps are kept, and only those made anew that
look at what was altered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import cast

import numpy as np

from foresell.core.hierarchy import Level
from foresell.core.panel import Known, Panel
from foresell.core.scenario import altered
from foresell.features.question import Block, Question
from foresell.features.running_sums import Past
from foresell.features.scenarios import Altered, Beside, Standing
from foresell.features.training_rows import BLOCK
from foresell.models.closed_days import closed_days, without_history
from foresell.models.contract import Contributions
from foresell.models.global_models.fitted import FittedPooled, Shown
from foresell.models.scenario_model import Asides

ROWS = 65_536  # of features at a time

SAME = ("units", "calendar", "nothing")
"""What features read that say the same of all series without a history."""


class StandingPooled:
    """See `models.scenario_model.Standing`. `values` float32 [series, step, feature], None where there is no `room`
    for it: the features of a series are then made when it is asked about."""

    def __init__(self, fitted: FittedPooled, panel: Panel, room: int):
        recipe = fitted.recipe
        self.fitted = fitted
        self.panel = panel
        self.shown = Shown(recipe, panel, Standing(panel, recipe.horizon, recipe.codes))
        self.moved = {place: each for place, each in enumerate(self.shown.features.values()) if each.ahead}
        self.reads = frozenset(feature.reads for feature in self.moved.values())
        shape = (panel.n_series, recipe.horizon, len(recipe.features))
        self.values = np.empty(shape, np.float32) if 4 * int(np.prod(shape)) <= room else None
        self.mean = fitted.forecast_from(self.shown, self._keep).mean
        self._closed = closed_days(panel, recipe.horizon)
        self._new = without_history(panel)
        self._pasts: dict[Level, Past] = {}
        self._prepare()

    def given(self, asked: Asides) -> np.ndarray:
        if not self.reads & asked.ahead.keys():
            return self.mean[asked.rows]
        block = Altered(self._context, asked.members, asked.ahead, together=asked.together)
        found = np.empty(len(asked.series), np.float32)
        for start in range(0, len(found), ROWS):
            some = slice(start, start + ROWS)
            found[some] = self._given(block, asked, some)
        found[self._is_closed(asked)] = 0
        return found

    def beside(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        shown = Shown(self.fitted.recipe, panel, Beside(self._context, panel, self._pasts), self.shown.features)
        each = np.arange(panel.n_series)
        question = self._question(shown.context.block(slice(None)), each, step)
        values = self._nobody[step]
        for column, feature in enumerate(shown.features.values()):
            if feature.reads not in SAME:
                values[:, column] = feature.of(question)
        mean = self.fitted.means(shown, values, each, step + 1).astype(np.float32)
        mean[closed_days(panel, self.fitted.horizon)[each, step]] = 0
        return mean

    def explain(self, series: Sequence[int]) -> Contributions:
        members = np.asarray(series, np.int64)
        return self.fitted.reasons(self.shown, members, self._blocks(members), self._closed[members])

    def memory(self) -> int:
        return self.mean.nbytes + (0 if self.values is None else self.values.nbytes)

    @property
    def _context(self) -> Standing:
        return cast(Standing, self.shown.context)

    def _prepare(self) -> None:
        """Makes what the first questions would have to wait for."""
        if self.panel.n_series:
            first = np.zeros(1, np.int64)
            ahead = {name: np.zeros((1, self.fitted.horizon), np.float32) for name in self.reads}
            self.given(Asides(first, ahead, first, first))
            self.beside(self._no_series, first)

    def _keep(self, place: slice, values: np.ndarray) -> None:
        if self.values is not None:
            self.values[place] = values.reshape(-1, *self.values.shape[1:])

    def _blocks(self, members: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The features of all steps of some series, block by block."""
        if self.values is None:
            yield from self.shown.blocks(members)
            return
        for start in range(0, len(members), BLOCK):
            values = self.values[members[start : start + BLOCK]]
            yield slice(start, start + len(values)), values.reshape(-1, values.shape[2])

    def _given(self, block: Altered, asked: Asides, some: slice) -> np.ndarray:
        """The means of some of the rows as if nothing were closed."""
        place, step = asked.series[some], asked.step[some]
        series = asked.members[place]
        values = self._features(series, step)
        question = self._question(block, place, step)
        for column, feature in self.moved.items():
            if feature.reads in asked.ahead:
                values[:, column] = feature.of(question)
        return self.fitted.means(self.shown, values, series, step + 1)

    def _question(self, block: Block, series: np.ndarray, step: np.ndarray) -> Question:
        """The question for pairs of series and step (from 0) at the panel's cutoff."""
        return Question(block, np.array([self.panel.n_days - 1]), np.zeros(len(series), np.int64), series, step + 1)

    @cached_property
    def _no_series(self) -> Panel:
        """A panel of one series of which nothing at all is known."""
        units = np.full((1, self.panel.n_days), np.nan, np.float32)
        nothing = np.full((1, self.panel.n_days + self.fitted.horizon), np.nan, np.float32)
        known = {name: Known.of_each(nothing) for name in self.panel.known}
        return replace(self.panel, series=self.panel.series.clear(1), units=units, known=known)

    @cached_property
    def _nobody(self) -> np.ndarray:
        """The features of that series: float32 [step, feature]."""
        context = Beside(self._context, self._no_series, self._pasts)
        shown = Shown(self.fitted.recipe, self._no_series, context, self.shown.features)
        return next(shown.blocks(np.zeros(1, np.int64)))[1]

    def _features(self, series: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The features of rows as they stand, to be written to: float32 [row, feature]."""
        if self.values is not None:
            return self.values[series, step]
        members, rows = np.unique(series, return_inverse=True)
        found = np.empty((len(series), len(self.shown.features)), np.float32)
        for place, values in self.shown.blocks(members):
            here = np.flatnonzero((rows >= place.start) & (rows < place.stop))
            found[here] = values.reshape(-1, self.fitted.horizon, found.shape[1])[rows[here] - place.start, step[here]]
        return found

    def _is_closed(self, asked: Asides) -> np.ndarray:
        """Whether each row asks for a closed day; a price may say when a series without a history begins: [row]."""
        closed = self._closed[asked.rows]
        new = np.flatnonzero(self._new[asked.members])
        if "price" in asked.ahead and len(new):
            begun = closed_days(
                altered(self.panel, asked.members[new], {"price": asked.ahead["price"][new]}), self.fitted.horizon
            )
            place = np.full(len(asked.members), -1)
            place[new] = np.arange(len(new))
            rows = np.flatnonzero(place[asked.series] >= 0)
            closed[rows] = begun[place[asked.series[rows]], asked.step[rows]]
        return closed
