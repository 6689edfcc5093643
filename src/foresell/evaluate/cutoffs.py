"""The cutoffs of a backtest's windows, by a rolling origin."""

from __future__ import annotations

from foresell.core.errors import UsageError
from foresell.core.panel import Panel
from foresell.core.words import many


def cutoffs(panel: Panel, horizon: int, windows: int, every: int | None = None) -> list[int]:
    """The last known day of each window, as indices of days in rising order; the last window ends with the history.

    Windows lie `every` periods apart (the horizon where not given), and each has at least `horizon` periods before
    its cutoff to learn from. Hyndman and Athanasopoulos, FPP3, section 5.10.

    Raises UsageError where the history is too short for that.
    """
    every = horizon if every is None else every
    for name, value in (("horizon", horizon), ("backtest.windows", windows), ("backtest.every", every)):
        if value < 1:
            raise UsageError(f"'{name}' is {value}; expected at least 1.")
    last = panel.n_days - 1 - horizon
    days = [last - every * window for window in range(windows)][::-1]
    if days[0] + 1 < horizon:
        noun = panel.frequency.noun
        fitting = max(0, (last + 1 - horizon) // every + 1)
        advice = (
            f"Ask for {fitting} 'windows', or for a shorter 'horizon'."
            if fitting
            else "Ask for a shorter 'horizon', or bring a longer history."
        )
        raise UsageError(
            f"The history has {many(panel.n_days, noun)}, too few to backtest {many(windows, 'window')} of "
            f"{many(horizon, noun)}, {every} apart: that takes {2 * horizon + every * (windows - 1)}. {advice}"
        )
    return days
