"""A fitted model at the cutoff that it serves: its forecast, kept, and quick answers to what else is asked of it.

The answers are those of `Fitted.forecast` on a panel that was changed accordingly. A model that can answer without one
has a method `stand(panel, room) -> Standing` (see `models.global_models.scenario_model`); `AsWhole` serves for
all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from foresell.core.panel import Panel
from foresell.core.scenario import altered
from foresell.models.contract import Contributions, Fitted

BLOCK = 256  # changed series of which a panel is made at a time


@dataclass(frozen=True)
class Asides:
    """What is asked beside the forecast: series of the panel with other values of covariates on days ahead.

    `members` int [series] are rows of the panel, which may come often; `ahead` the other values by covariate, float32
    [series, step], NaN where as known. Row r asks for `series[r]` (a place in `members`) and `step[r]`, from 0. The
    series are altered all at once where `together`, else each as if it alone were.
    """

    members: np.ndarray
    ahead: Mapping[str, np.ndarray]
    series: np.ndarray
    step: np.ndarray
    together: bool = False

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the panel and the steps that are asked for: places in [series, step]."""
        return self.members[self.series], self.step


class Standing(Protocol):
    """What a model says at one cutoff. It may be asked from several threads."""

    mean: np.ndarray
    """The forecast of every series: float32 [series, step]."""

    reads: frozenset[str]
    """What of the covariates ahead moves it."""

    def given(self, asked: Asides) -> np.ndarray:
        """The means with what was altered: float32 [row]."""
        ...

    def beside(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history that the panel does not have, each as if it alone were added to it.

        `panel` holds them, with the days and the columns of the one that the model stands on; each is asked for one
        `step` [series], from 0. float32 [series].
        """
        ...

    def explain(self, series: Sequence[int]) -> Contributions:
        """What makes the means of some of the series."""
        ...

    def memory(self) -> int:
        """Bytes that are kept beside the panel and the model."""
        ...


class AsWhole:
    """Any model: what is altered is made a panel of, and that is forecast."""

    def __init__(self, model: Fitted, panel: Panel):
        self.model = model
        self.panel = panel
        self.mean = model.forecast(panel).mean
        self.reads = model.reads(panel)

    def given(self, asked: Asides) -> np.ndarray:
        found = self.mean[asked.rows]
        if not self.reads & asked.ahead.keys():
            return found
        for start in range(0, len(asked.members), BLOCK):
            some = slice(start, start + BLOCK)
            ahead = {name: values[some] for name, values in asked.ahead.items()}
            mean = self.model.forecast(altered(self.panel, asked.members[some], ahead)).mean
            rows = np.flatnonzero((asked.series >= start) & (asked.series < start + BLOCK))
            found[rows] = mean[asked.series[rows] - start, asked.step[rows]]
        return found

    def beside(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        return self.model.forecast(panel).mean[np.arange(panel.n_series), step]

    def explain(self, series: Sequence[int]) -> Contributions:
        return self.model.explain(self.panel, series)

    def memory(self) -> int:
        return self.mean.nbytes


def stand(model: Fitted, panel: Panel, room: int) -> Standing:
    """The model at the cutoff of `panel`; it may keep `room` bytes of what it makes of it."""
    own = getattr(model, "stand", None)
    return AsWhole(model, panel) if own is None else own(panel, room)
