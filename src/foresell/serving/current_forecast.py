"""The champion at the cutoff that it serves: the forecast of all series, kept, and its answers to scenarios.

What the upper levels add to a series' forecast is kept as a ratio: a series whose price alone changes is blended
anew and moved by the same ratio, the totals being held as they were forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from foresell.core.panel import Panel
from foresell.ensemble.champion import Champion
from foresell.evaluate.segments import segments
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, ScenarioModel, ScenarioRows
from foresell.models.scenario_model import scenario_model

Ask = Callable[[ScenarioModel], np.ndarray]


class ChampionScenarioModel:
    """The champion's forecast at the panel's cutoff: `mean` float32 [series, step], the same as
    `Champion.forecast(panel).mean`; and the covariates whose values ahead it `reads`.

    It may be asked from several threads. `room` is how many bytes of features it may keep. `learnt_from` says that the
    champion learnt from this very panel.
    """

    def __init__(self, champion: Champion, panel: Panel, room: int, *, learnt_from: bool = False):
        self.champion = champion
        self.panel = panel
        self.models: dict[str, ScenarioModel] = {}
        for name, model in champion.models.items():
            self.models[name] = scenario_model(model, panel, room - self.memory(), learnt_from=learnt_from)
        blend, kinds = champion.combination.blend, segments(panel)
        self.weights = blend.of_series(kinds)  # [series, model]
        self._blended = blend.apply({name: model.mean for name, model in self.models.items()}, kinds)
        self.mean = champion.reconcile(panel, self._blended)
        self.closed = closed_days(panel, champion.horizon)
        self.reads = frozenset().union(*(model.reads for model in self.models.values()))

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means with other values ahead, in line with the totals as they were: float32 [row].

        What no model looks at leaves the mean as it is, to the bit.
        """
        series, step = scenario.rows
        blended = self._blend(lambda model: model.answer_scenario(scenario), self.weights[series])
        before, mean = self._blended[series, step], self.mean[series, step]
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = blended * np.where(before > 0, mean / before, np.float32(1))
        return np.where(blended == before, mean, moved).astype(np.float32)

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history that `panel` holds, each at one `step` [series], from 0: [series].

        As `Champion.forecast` has them for a panel to which each alone was added; totals say nothing about it.
        """
        weights = self.champion.combination.blend.of_series(segments(panel))
        return self._blend(lambda model: model.new_series(panel, step), weights)

    def explain(self, rows: np.ndarray) -> Contributions:
        """What makes the means of the series `rows`; see `Champion.explain`."""
        parts = {name: model.explain(rows.tolist()) for name, model in self.models.items()}
        mean = None if self.champion.totals is None else self.mean[rows]
        return self.champion.combine_contributions(parts, self.weights[rows], mean)

    def memory(self) -> int:
        """Bytes that are kept beside the panel and the models."""
        return sum(model.memory() for model in self.models.values())

    def _blend(self, ask: Ask, weights: np.ndarray) -> np.ndarray:
        """What the models say, weighed by `weights` [..., model], as `Blend.apply` does it."""
        total: np.ndarray | None = None
        for place, model in enumerate(self.models.values()):
            part = weights[..., place].astype(np.float32) * ask(model)
            total = part if total is None else total + part
        assert total is not None
        return total


def ahead_of(panel: Panel, horizon: int) -> Mapping[str, np.ndarray]:
    """What is known ahead: by covariate float32 [series, step], NaN where it is not known."""
    found = {}
    for name, known in panel.known.items():
        values = np.full((panel.n_series, horizon), np.nan, np.float32)
        there = known.on(slice(panel.n_days, panel.n_days + horizon))
        values[:, : there.shape[1]] = there
        found[name] = values
    return found


def last_known(panel: Panel, ahead: np.ndarray) -> np.ndarray:
    """The prices `ahead` [series, step], each that is not known taken from the last day before that has one."""
    filled = ahead.copy()
    rows = np.flatnonzero(np.isnan(ahead).any(axis=1))
    for start in range(0, len(rows), 1024):
        some = rows[start : start + 1024]
        past = panel.known["price"].part(some).on(slice(0, panel.n_days))  # [series, day]
        values = np.concatenate([past, ahead[some]], axis=1)
        place = np.where(np.isnan(values), -1, np.arange(values.shape[1]))
        last = np.maximum.accumulate(place, axis=1)[:, past.shape[1] :]
        found = np.take_along_axis(values, np.maximum(last, 0), axis=1)
        filled[some] = np.where(last >= 0, found, np.float32(np.nan))
    return filled


def as_written(values: np.ndarray) -> np.ndarray:
    """Numbers kept as float32 as they were before: to seven digits, which is what that type holds.

    >>> as_written(np.array([1.79, 12345.67, 0.0, np.nan], np.float32)).tolist()
    [1.79, 12345.67, 0.0, nan]
    """
    exact = values.astype(np.float64)
    size = np.floor(np.log10(np.where(exact > 0, exact, 1.0)))
    power = 10.0 ** (6 - size)
    return np.round(exact * power) / power
