"""How far the forecasts can be trusted: the scores of the models on the past."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import polars as pl

from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.summaries import CombineSummary


class TrustQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class Trust:
    """The scores of a project's backtest: `leaderboard` has a row for each model, the best first."""

    leaderboard: pl.DataFrame


def trust(project: ForecastProject, query: TrustQuery) -> Trust:
    """The scores of the models and the ensemble. Raises UsageError where they are not combined yet."""
    project.results.summary(CombineSummary)
    return Trust(project.results.scores().leaderboard())
