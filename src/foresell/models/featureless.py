"""What the models without features share: their forecasts follow from the past sales of each series alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions


class Featureless:
    """A model whose fit learns nothing, because the forecast is computed from the panel that is forecast."""

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because a fit takes almost no time."""


class FittedFeatureless:
    """A fitted model without features, see `contract.FittedModel`; a class for one model has its own `mean`."""

    horizon: int
    findings: tuple[Finding, ...] = ()

    def mean(self, panel: Panel) -> np.ndarray:
        """The mean of each series and step [series, step]; NaN stands for a series without history."""
        raise NotImplementedError

    def reads(self, panel: Panel) -> frozenset[str]:
        """No covariates."""
        return frozenset()

    def statistics(self, block: Panel) -> Statistics:
        """The number of series only, because no forecast depends on other series."""
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        """The forecast of `mean`, with 0 in place of NaN and of negative values, and on closed days."""
        mean = np.maximum(np.nan_to_num(self.mean(panel)), 0).astype(np.float32)
        mean[closed_days(panel, self.horizon)] = 0
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The whole forecast as the base, because there are no features."""
        mean = self.forecast(panel if series is None else panel.part(np.array(series, np.int64))).mean
        return Contributions((), mean, np.zeros((0, *mean.shape), np.float32))

    def drivers(self) -> pl.DataFrame:
        """No features."""
        return pl.DataFrame(schema={"feature": pl.String, "share": pl.Float64})
