"""A fitted model at one cutoff: its forecast, which is kept in memory, and forecasts under scenarios.

The results are those of `Fitted.forecast` on a changed panel. Global models compute them from features that they keep
in memory (`models.global_models.scenario_model`), and all other models forecast again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foresell.core.panel import Panel
from foresell.core.scenario import panel_of_rows
from foresell.models.contract import Contributions, Fitted, ScenarioModel, ScenarioRows
from foresell.models.global_models.fitted import FittedGlobalModel
from foresell.models.global_models.scenario_model import GlobalScenarioModel

BLOCK = 256  # changed series of which a panel is made at a time


class ReforecastModel:
    """Any model as a `ScenarioModel`, which forecasts a panel of the changed series."""

    def __init__(self, model: Fitted, panel: Panel):
        self.model = model
        self.panel = panel
        self.mean = model.forecast(panel).mean
        self.reads = model.reads(panel)

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means of the rows of a scenario: float32 [row]."""
        means = self.mean[scenario.rows]
        if not self.reads & scenario.ahead.keys():
            return means
        for start in range(0, len(scenario.members), BLOCK):
            some = slice(start, start + BLOCK)
            ahead = {name: values[some] for name, values in scenario.ahead.items()}
            mean = self.model.forecast(panel_of_rows(self.panel, scenario.members[some], ahead)).mean
            rows = np.flatnonzero((scenario.series >= start) & (scenario.series < start + BLOCK))
            means[rows] = mean[scenario.series[rows] - start, scenario.step[rows]]
        return means

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history, each at one step from 0: float32 [series]."""
        return self.model.forecast(panel).mean[np.arange(panel.n_series), step]

    def explain(self, series: Sequence[int]) -> Contributions:
        """The contributions to the means of some of the series."""
        return self.model.explain(self.panel, series)

    def memory(self) -> int:
        """The number of bytes in memory beside the panel and the model."""
        return self.mean.nbytes


def scenario_model(model: Fitted, panel: Panel, room: int, *, learnt_from: bool = False) -> ScenarioModel:
    """The model at the cutoff of `panel`; it may keep `room` bytes of features in memory.

    Where the model has `learnt_from` this panel, the statistics that were saved with it are used.
    """
    if isinstance(model, FittedGlobalModel):
        kept = model.learnt_statistics if learnt_from else None
        return GlobalScenarioModel(model, panel, room, kept if kept and kept.covers(panel) else None)
    return ReforecastModel(model, panel)
