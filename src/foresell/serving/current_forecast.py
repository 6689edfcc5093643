"""The champion at the cutoff that it serves: the stored forecast of all series, and its answers to scenarios.

The effect of reconciliation on a series is kept as a ratio. In a scenario, a series with another price is blended again
and multiplied by the same ratio, so the forecasts of the totals are taken not to change.
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
    `Champion.forecast(panel).mean`. `reads` has the covariates whose values ahead it depends on.

    It is safe to use from several threads. `room` is the number of bytes of features that it may keep. `learnt_from`
    says that the champion was trained on this very panel.
    """

    def __init__(self, champion: Champion, panel: Panel, room: int, *, learnt_from: bool = False):
        self.champion = champion
        self.panel = panel
        self.models: dict[str, ScenarioModel] = {}
        for name, model in champion.models.items():
            self.models[name] = scenario_model(model, panel, room - self.memory(), learnt_from=learnt_from)
        combination, kinds = champion.combination, segments(panel)
        self.weights = combination.weights_of(panel.series, kinds)  # [series, model]
        means = {name: model.mean for name, model in self.models.items()}
        self._blended = combination.apply(means, panel.series, kinds)
        self.mean = champion.reconcile(panel, self._blended)
        self.closed = closed_days(panel, champion.horizon)
        self.reads = frozenset().union(*(model.reads for model in self.models.values()))

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means with other values ahead, for unchanged totals: float32 [row].

        A value that no model reads leaves the mean exactly as it is.
        """
        series, step = scenario.rows
        blended = self._blend(lambda model: model.answer_scenario(scenario), self.weights[series])
        before, mean = self._blended[series, step], self.mean[series, step]
        with np.errstate(invalid="ignore", divide="ignore"):
            reconciled = blended * np.where(before > 0, mean / before, np.float32(1))
        return np.where(blended == before, mean, reconciled).astype(np.float32)

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of the series of `panel`, which have no history, each at one `step` [series], from 0: [series].

        They are those of `Champion.forecast` for a panel to which only this series was added. Totals do not matter.
        """
        weights = self.champion.combination.weights_of(panel.series, segments(panel))
        return self._blend(lambda model: model.new_series(panel, step), weights)

    def explain(self, rows: np.ndarray) -> Contributions:
        """The contributions to the means of the series `rows`; see `Champion.explain`."""
        parts = {name: model.explain(rows.tolist()) for name, model in self.models.items()}
        mean = None if self.champion.totals is None else self.mean[rows]
        return self.champion.combine_contributions(parts, self.weights[rows], mean)

    def memory(self) -> int:
        """The number of bytes in memory, without the panel and the models."""
        return sum(model.memory() for model in self.models.values())

    def _blend(self, ask: Ask, weights: np.ndarray) -> np.ndarray:
        """The models' forecasts, weighted by `weights` [..., model], as in `Blend.apply`."""
        total: np.ndarray | None = None
        for place, model in enumerate(self.models.values()):
            part = weights[..., place].astype(np.float32) * ask(model)
            total = part if total is None else total + part
        assert total is not None
        return total


def ahead_of(panel: Panel, horizon: int) -> Mapping[str, np.ndarray]:
    """The values ahead, by covariate: float32 [series, step], NaN where a value is not known."""
    ahead = {}
    for name, known in panel.known.items():
        values = np.full((panel.n_series, horizon), np.nan, np.float32)
        available = known.on(slice(panel.n_days, panel.n_days + horizon))
        values[:, : available.shape[1]] = available
        ahead[name] = values
    return ahead


def last_known(panel: Panel, ahead: np.ndarray) -> np.ndarray:
    """The prices `ahead` [series, step]; a price that is not known is the last known one before it."""
    filled = ahead.copy()
    rows = np.flatnonzero(np.isnan(ahead).any(axis=1))
    for start in range(0, len(rows), 1024):
        some = rows[start : start + 1024]
        past = panel.known["price"].part(some).on(slice(0, panel.n_days))  # [series, day]
        values = np.concatenate([past, ahead[some]], axis=1)
        place = np.where(np.isnan(values), -1, np.arange(values.shape[1]))
        last = np.maximum.accumulate(place, axis=1)[:, past.shape[1] :]
        prices = np.take_along_axis(values, np.maximum(last, 0), axis=1)
        filled[some] = np.where(last >= 0, prices, np.float32(np.nan))
    return filled


def as_written(values: np.ndarray) -> np.ndarray:
    """Numbers that were stored as float32, rounded to the seven digits that this type holds.

    >>> as_written(np.array([1.79, 12345.67, 0.0, np.nan], np.float32)).tolist()
    [1.79, 12345.67, 0.0, nan]
    """
    exact = values.astype(np.float64)
    size = np.floor(np.log10(np.where(exact > 0, exact, 1.0)))
    power = 10.0 ** (6 - size)
    return np.round(exact * power) / power
