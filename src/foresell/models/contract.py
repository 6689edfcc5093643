"""The contract of all models. One suite of tests, `tests/contracts/test_models.py`, checks that they keep it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics

Progress = Callable[[int, int], None]
"""Called now and then with the number of finished pieces of work, such as trees or series, and the number of all."""


@dataclass(frozen=True)
class Contributions:
    """The reasons of a forecast: a base, and the units that each feature adds to it or takes from it.

    `base` float [series, step] is the forecast without the effect of any feature. `units` float [feature, series, step]
    has one layer for each of `features`. ``base + units.sum(axis=0)`` is the mean forecast.
    """

    features: tuple[str, ...]
    base: np.ndarray
    units: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The sum of the base and the contributions: [series, step]."""
        return self.base + self.units.sum(axis=0)


class Fitted(Protocol):
    """A fitted model. It can forecast at the cutoff of its fit and at every later one."""

    @property
    def name(self) -> str: ...

    @property
    def horizon(self) -> int:
        """The number of days (periods) that the model forecasts."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The series that could not be fitted, such as those that a simpler model forecasts; usually empty."""
        ...

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates of `panel` whose values ahead can change the forecast of a series with a history."""
        ...

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series of `panel` and each of the `horizon` days after the panel's cutoff.

        The mean is never negative and never NaN. It depends only on the history up to the cutoff and on what is known
        ahead. The panel may have other series than the model was fitted on, one or many.
        """
        ...

    def drivers(self) -> pl.DataFrame:
        """The importance of the features: columns ``feature`` and ``share``, whose sum is 1. Empty without features."""
        ...

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The contributions to the forecast for each series and step of `panel`; their sum is `forecast(panel).mean`.

        `series` are the rows of the panel to explain, in any order; all where not given. The result is as many times
        larger than a forecast as there are features, so explain a few series at a time. The other series of the panel
        still count where a forecast depends on them.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the model into `folder` in portable formats, which `foresell.models.load` reads."""
        ...


class FittedModel(Fitted, Protocol):
    """A fitted model of the registry, which can forecast a block of series by itself."""

    def statistics(self, block: Panel) -> Statistics:
        """The statistics of the series of `block` that forecasts of other series depend on.

        A model that forecasts each series by itself needs their number only. The statistics of all blocks merge into
        those with which any block can be forecast.
        """
        ...

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        """The forecast as in `Fitted.forecast`, where `panel` may be a block of the series.

        `statistics` are then those of all series. Without them, `panel` has all series.
        """
        ...


class Model(Protocol):
    """A model before its fit: a name and options, without state."""

    name: str

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> Any:
        """The data that the windows at `cutoffs` (indices of days) can share, such as the features of training rows.

        `panel` ends at the last cutoff. A model that shares nothing returns None.
        """
        ...

    def fit(self, panel: Panel, horizon: int, prepared: Any = None, progress: Progress | None = None) -> FittedModel:
        """Learns from `panel`, which ends at the cutoff, to forecast `horizon` days.

        `prepared` is the result of `prepare` for several windows, this one among them. It saves time and does not
        change the result; nothing in it from after the cutoff is used. The number of finished pieces that `progress`
        is called with never falls.
        """
        ...


class FittedModelOfSums(Protocol):
    """A fitted model of a panel of sums; every `Fitted` is one."""

    def forecast(self, panel: Panel) -> Forecast:
        """The mean of each sum and step, never negative and never NaN; see `Fitted.forecast`."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the model in portable formats, which `foresell.models.load` reads."""
        ...


class ModelOfSums(Protocol):
    """A model of a panel of sums before its fit; every `Model` is one, and explains the methods."""

    name: str

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> Any: ...

    def fit(
        self, panel: Panel, horizon: int, prepared: Any = None, progress: Progress | None = None
    ) -> FittedModelOfSums: ...


class Sharing(Model, Protocol):
    """A model that can share its prepared data with models that differ from it only in how they learn."""

    @property
    def rows(self) -> Hashable:
        """The description of the prepared data. Models for which it is equal can share them."""
        ...

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int], others: Sequence[Any] = ()) -> Any:
        """The data as in `Model.prepare`, with those that `others`, models of equal `rows`, need too."""
        ...


@dataclass(frozen=True)
class ScenarioRows:
    """Forecasts to make under scenarios: series of a panel with other values of covariates on days ahead.

    `members` int [series] are rows of the panel, which may occur several times. `ahead` has the other values by
    covariate, float32 [series, step]; NaN keeps the known value. Row r is for `series[r]`, a position in `members`,
    and `step[r]`, from 0. With `together` all series change at once; otherwise each changes as if it alone did.
    """

    members: np.ndarray
    ahead: Mapping[str, np.ndarray]
    series: np.ndarray
    step: np.ndarray
    together: bool = False

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the panel and the steps that are forecast: an index into [series, step]."""
        return self.members[self.series], self.step


class ScenarioModel(Protocol):
    """The forecasts of a model at one cutoff of a panel, under scenarios too. Several threads may use it."""

    mean: np.ndarray
    """The forecast of every series: float32 [series, step]."""

    reads: frozenset[str]
    """The covariates whose values ahead can change it."""

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means with other values ahead: float32 [row]."""
        ...

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history that the panel does not have, each as if it alone were added to it.

        `panel` has these series, with the days and the columns of the model's panel. Each is forecast for one `step`
        [series], from 0. The result is float32 [series].
        """
        ...

    def explain(self, series: Sequence[int]) -> Contributions:
        """The contributions to the means of some of the series."""
        ...

    def memory(self) -> int:
        """The number of bytes in memory beside the panel and the model."""
        ...
