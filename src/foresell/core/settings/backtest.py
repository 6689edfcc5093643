"""The section ``backtest``: on which windows of the past the models are scored, and how."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Columns, Positive, Strict, about


class Backtest(Strict, frozen=True):
    """Rolling-origin windows: `windows` cutoffs, `every` periods apart (the horizon where not given)."""

    windows: Annotated[Positive, about("how many cutoffs, counted back from the last sale")] = 3
    every: Annotated[Positive | None, about("periods between two cutoffs; the horizon where not given", 28)] = None
    weights: Annotated[
        str | None,
        about("a file of official WRMSSE weights and scales: level, key, weight, scale", "weights.parquet"),
    ] = None
    segments: Annotated[
        Columns, about("columns of the series to score by, besides how much and how steadily they sell", ["category"])
    ] = ()
