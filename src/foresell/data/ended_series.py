"""After how many periods without a sale a series counts as ended, learnt from the silences in the history."""

from __future__ import annotations

import numpy as np

from foresell.core.frequency import LONG_SILENCE, Frequency
from foresell.core.settings import Settings
from foresell.data.gap_filling import ROWS_AT_ONCE

RESUMED = 0.05  # an end is a silence after which at most this share of series sold again
FEWEST = 20  # silences that have to be seen to the end, so that the share means something
STEPS = 2 ** np.arange(0, 4.01, 0.5)  # silences of these multiples of the shortest are looked at


def ended_after(units: np.ndarray, settings: Settings) -> int | None:
    """The periods without a sale after which a series of `units` [series, period] is forecast as 0; None where never.

    The number that the settings give, else the one that the history shows before the first window of the backtest, so
    that no window is forecast by what came after its cutoff.
    """
    chosen = settings.data.ended_after
    if isinstance(chosen, int):
        return chosen
    if chosen == "never":
        return None
    backtest = settings.backtest
    first_cutoff = units.shape[1] - settings.horizon - (backtest.windows - 1) * (backtest.every or settings.horizon)
    return lasting_silence(units[:, : max(first_cutoff, 0)], LONG_SILENCE[Frequency(settings.data.frequency)])


def lasting_silence(units: np.ndarray, shortest: int) -> int | None:
    """The shortest silence after which hardly a series of `units` [series, period] sold again; None where none is.

    A silence is a run of periods without a sale, known or not, after the first sale of a series. Of those that reached
    n periods, some ended with a sale; others have lasted to the end of the history, and count if that was another n
    periods at least, for a shorter one may yet end. Silences of at least `shortest` periods are looked at.
    """
    ended, lasting = _silences(units)
    for length in np.unique((shortest * STEPS).astype(int)):
        resumed, silent = int((ended >= length).sum()), int((lasting >= 2 * length).sum())
        if silent and resumed + silent >= FEWEST and resumed <= RESUMED * (resumed + silent):
            return int(length)
    return None


def _silences(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lengths of the silences that ended with a sale, and of those that last to the end of the history."""
    ended, lasting = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(units), ROWS_AT_ONCE):
        series, period = np.nonzero(units[start : start + ROWS_AT_ONCE] > 0)
        last = np.append(series[1:] != series[:-1], True) if len(series) else np.zeros(0, bool)
        ended.append((np.diff(period) - 1)[~last[:-1]])
        lasting.append(units.shape[1] - 1 - period[last])
    return np.concatenate(ended), np.concatenate(lasting)
