"""When a series counts as ended."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.core.settings import parse_settings
from foresell.data.ended_series import ended_after, lasting_silence


def sold_on(periods: int, *days: int) -> list[float]:
    """Units of one series: one on each of the days, else none."""
    return [float(day in days) for day in range(periods)]


def history(resumed: int, lasting: int, periods: int = 400) -> np.ndarray:
    """Series that all fall silent on day 50; `resumed` sell again after 20 days, `lasting` never do."""
    again = [sold_on(periods, 10, 49, 70, *range(80, periods, 5)) for _ in range(resumed)]
    return np.array(again + [sold_on(periods, 10, 49) for _ in range(lasting)], np.float32)


def test_the_shortest_silence_that_hardly_a_series_ends():
    # The silences of 20 days were all ended by a sale; of those of 38 days, between the first two sales, too.
    assert lasting_silence(history(30, 30), 10) == 40
    assert lasting_silence(history(0, 30), 50) == 50


def test_none_where_silences_are_usually_ended_or_too_few_were_seen():
    assert lasting_silence(history(30, 0), 10) is None
    assert lasting_silence(history(0, 10), 50) is None
    assert lasting_silence(np.zeros((30, 100), np.float32), 10) is None
    assert lasting_silence(np.zeros((0, 100), np.float32), 10) is None


def test_a_silence_that_has_only_begun_says_nothing():
    begun = np.array([sold_on(100, 10, 79) for _ in range(50)], np.float32)
    assert lasting_silence(begun[:, :95], 10) is None


@pytest.mark.parametrize(("chosen", "expected"), [("never", None), (30, 30), ("auto", 91)])
def test_what_the_settings_say_goes_first(chosen, expected):
    tree = {"sales": "sales.csv", "ended_after": chosen}
    settings = parse_settings({"data": tree, "horizon": 10, "backtest": {"windows": 2}})
    assert ended_after(history(0, 30), settings) == expected


def test_nothing_after_the_first_cutoff_is_looked_at():
    settings = parse_settings({"data": {"sales": "sales.csv"}, "horizon": 100, "backtest": {"windows": 2}})
    units = history(0, 30, periods=500)
    later = units.copy()
    later[:, 300:] = 1
    assert ended_after(units, settings) == ended_after(later, settings) == 91
