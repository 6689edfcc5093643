"""A model as it stands: what it was taught once, asked at later cutoffs, beside what happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.evaluate.backtest import windows
from foresell.evaluate.scores import Window
from foresell.models.contract import Fitted


def frozen(
    fitted: Fitted,
    panel: Panel,
    cutoffs: Sequence[date],
    hierarchy: Hierarchy,
    weights: str | Path | pl.DataFrame | None = None,
) -> Iterator[tuple[Window, Forecast]]:
    """The truth after each of `cutoffs`, the oldest first, and what a model says of it that is not taught anew.

    It is asked with the panel as it was known then. It should have been fitted at an earlier cutoff, else it knows what
    it is asked; that is for the caller to see to. `weights` as for `backtest.backtest`.

    Raises UsageError where there are no cutoffs, or the history ends before the model's horizon after one of them does.
    """
    days = sorted(panel.day_of(cutoff) for cutoff in cutoffs)
    beyond = [day for day in days if not 0 <= day < panel.n_days - fitted.horizon]
    if not days or beyond:
        raise UsageError(
            f"Found {len(days)} cutoffs, of which {len(beyond)} leave no {fitted.horizon} {panel.frequency.noun}s to "
            f"score until {panel.cutoff}: days {first_five(beyond)}. Ask for at least one that does."
        )
    for window in windows(panel, fitted.horizon, days, hierarchy, weights, ()):
        yield window, fitted.forecast(panel.until(window.cutoff))


def levels_of(name: str, asked: Iterable[tuple[Window, Forecast]]) -> pl.DataFrame:
    """The table ``levels`` of a `backtest.Backtest` of what `frozen` gave, for a model of that name."""
    return pl.concat(
        [
            window.score(forecast.mean)["levels"].select(
                pl.lit(name).alias("model"), pl.lit(window.cutoff).alias("cutoff"), pl.all()
            )
            for window, forecast in asked
        ]
    )
