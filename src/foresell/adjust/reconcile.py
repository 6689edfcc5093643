"""Forecasts of all levels that add up."""

from __future__ import annotations

import polars as pl

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy, Level


def all_levels(forecast: Forecast, series: pl.DataFrame, hierarchy: Hierarchy) -> dict[Level, Forecast]:
    """The forecast of every level from the top down, each the sum of its single series (bottom-up, FPP3 section 11.2).

    `forecast` is that of the single series, in the order of `series`, the panel's table with the columns that the
    levels name. Quantiles do not add up and are left out above the single series. Raises UsageError where the two
    differ in number.
    """
    if forecast.series.height != series.height:
        raise UsageError(
            f"The forecast has {forecast.series.height} series and the panel {series.height}; "
            "add up a forecast with the panel that it was made from."
        )
    return {
        level: forecast if level == hierarchy.bottom else forecast.sum(hierarchy.groups(series, level))
        for level in hierarchy.levels
    }
