"""What every model promises. One suite of tests, `tests/contracts/test_models.py`, holds all of them to it."""

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
"""Told now and then how many of how many pieces of the work are done: trees, or series."""


@dataclass(frozen=True)
class Contributions:
    """Why a forecast is what it is: the base, and what each feature adds to it or takes from it, in units.

    `base` float [series, step] is what would be forecast if no feature had anything to say; `units` float
    [feature, series, step] has one layer for each of `features`. ``base + units.sum(axis=0)`` is the mean forecast.
    """

    features: tuple[str, ...]
    base: np.ndarray
    units: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """What base and contributions add up to: [series, step]."""
        return self.base + self.units.sum(axis=0)


class Fitted(Protocol):
    """A model that has learnt; it can be asked at any cutoff from the one it was fitted at on."""

    @property
    def name(self) -> str: ...

    @property
    def horizon(self) -> int:
        """How many days (periods) it forecasts."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What went wrong for some of the series when it was fitted, such as those that fell back to a simpler model;
        usually empty."""
        ...

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates of `panel` whose values ahead can move the forecast of a series that has a history."""
        ...

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series of `panel` and each of the `horizon` days after the panel's cutoff.

        Never negative, never NaN, and a function of nothing but what the panel knows at its cutoff and what is
        known ahead. The panel may hold other series than the model was fitted on, one or many.
        """
        ...

    def drivers(self) -> pl.DataFrame:
        """What the model goes by: columns ``feature`` and ``share`` (shares sum to 1); empty when it has none."""
        ...

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """What makes the forecast for each series and step of `panel`; adds up to `forecast(panel).mean`.

        `series` are the rows of the panel to explain, in any order; all where not given. Ask for a few: the result is
        as many times larger than a forecast as there are features. The other series are looked at all the same where
        they matter, so that what adds up is the forecast made among them.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the model into `folder`, in portable formats; `foresell.models.load` reads it back."""
        ...


class FittedModel(Fitted, Protocol):
    """A fitted model of the registry, which can forecast a block of series by itself."""

    def statistics(self, block: Panel) -> Statistics:
        """What of the series of `block` goes into the forecasts of other series.

        A model that looks at each series by itself counts them only. Those of all blocks merge into the statistics with
        which any of them can be forecast.
        """
        ...

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        """As `Fitted.forecast`. Where `panel` is a block of some series, `statistics` are those of all of them, and the
        forecast is that of the block's series among all. Without them, the series of `panel` are all there are."""
        ...


class Model(Protocol):
    """How to learn: a name and options, no state."""

    name: str

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> Any:
        """What the windows at `cutoffs` (indices of days) can share, such as the features of their past questions.

        `panel` ends at the last of them. A model with nothing to share returns None.
        """
        ...

    def fit(self, panel: Panel, horizon: int, prepared: Any = None, progress: Progress | None = None) -> FittedModel:
        """Learns from `panel`, which ends at the cutoff, to forecast `horizon` days.

        `prepared` is what `prepare` gave for several windows, this one among them. It saves time and changes no
        result; whatever lies after the cutoff in it is not looked at.
        `progress` is told now and then how much is done; the first number never falls.
        """
        ...


class Sharing(Model, Protocol):
    """A model that can share what it prepared with others that differ from it only in how they learn."""

    @property
    def rows(self) -> Hashable:
        """What is prepared: models for which this is equal can share it."""
        ...

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int], others: Sequence[Any] = ()) -> Any:
        """As for every model, with all that `others`, models of equal `rows`, need too."""
        ...


@dataclass(frozen=True)
class ScenarioRows:
    """What is asked in scenarios: series of a panel with other values of covariates on days ahead.

    `members` int [series] are rows of the panel, which may come often; `ahead` the other values by covariate, float32
    [series, step], NaN where as known. Row r asks for `series[r]` (a place in `members`) and `step[r]`, from 0. The
    series change all at once where `together`, else each as if it alone did.
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


class ScenarioModel(Protocol):
    """What a model says at one cutoff of a panel. It may be asked from several threads."""

    mean: np.ndarray
    """The forecast of every series: float32 [series, step]."""

    reads: frozenset[str]
    """The covariates whose values ahead move it."""

    def answer_scenario(self, scenario: ScenarioRows) -> np.ndarray:
        """The means with other values ahead: float32 [row]."""
        ...

    def new_series(self, panel: Panel, step: np.ndarray) -> np.ndarray:
        """The means of series without a history that the panel does not have, each as if it alone were added to it.

        `panel` holds them, with the days and the columns of the model's panel; each is asked about one `step` [series],
        from 0. float32 [series].
        """
        ...

    def explain(self, series: Sequence[int]) -> Contributions:
        """What makes the means of some of the series."""
        ...

    def memory(self) -> int:
        """Bytes that are kept beside the panel and the model."""
        ...
