"""Forecasts of a model that was fitted once, at later cutoffs, and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.evaluate.backtest import evaluation_windows
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.models.contract import Fitted


def frozen_forecasts(
    fitted: Fitted,
    panel: Panel,
    cutoffs: Sequence[date],
    hierarchy: Hierarchy,
    weights: str | Path | pl.DataFrame | None = None,
) -> Iterator[tuple[EvaluationWindow, Forecast]]:
    """For each of `cutoffs`, the oldest first, its window and the forecast of `fitted`, which is not fitted again.

    The forecast is made from `panel` up to the cutoff. The caller has to see to it that the model was fitted at an
    earlier cutoff; otherwise it has learnt from what it forecasts. `weights` as for `backtest.backtest`.

    Raises UsageError where there are no cutoffs, or the history ends less than the model's horizon after one of them.
    """
    days = sorted(panel.day_of(cutoff) for cutoff in cutoffs)
    beyond = [day for day in days if not 0 <= day < panel.n_days - fitted.horizon]
    if not days or beyond:
        raise UsageError(
            f"Found {len(days)} cutoffs, of which {len(beyond)} leave no {fitted.horizon} {panel.frequency.noun}s to "
            f"score until {panel.cutoff}: days {first_five(beyond)}. Ask for at least one that does."
        )
    for window in evaluation_windows(panel, fitted.horizon, days, hierarchy, weights, ()):
        yield window, fitted.forecast(panel.until(window.cutoff))


def score_levels(name: str, forecasts: Iterable[tuple[EvaluationWindow, Forecast]]) -> pl.DataFrame:
    """The table ``levels`` of a `backtest.Backtest` for the result of `frozen_forecasts`; the model is called
    `name`."""
    return pl.concat(
        [
            window.score(forecast.mean)["levels"].select(
                pl.lit(name).alias("model"), pl.lit(window.cutoff).alias("cutoff"), pl.all()
            )
            for window, forecast in forecasts
        ]
    )
