"""What is usual, worked by hand; and that season, trend and level are gone from what is compared."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from fixtures.frequencies import FREQUENCIES

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel
from foresell.monitor.drift.deseasoning import (
    BASE,
    DAYS_KNOWN,
    PRICE,
    RAW,
    SOLD,
    UNITS,
    USUAL,
    Base,
    DriftWindow,
    cycle_values,
    deseasoned_window,
    earlier,
    newest,
    season,
)

YEAR = 364


def _panel(units: np.ndarray, price: np.ndarray | None = None, ahead: int = 0) -> Panel:
    n_series, n_days = units.shape
    series = pl.DataFrame({"item": [f"item {each}" for each in range(n_series)]})
    dates = np.datetime64("2022-01-03") + np.arange(n_days + ahead)  # a Monday
    known = {} if price is None else {"price": Known.of_each(price.astype(np.float32))}
    return Panel(series, ("item",), dates, units.astype(np.float32), known)


def test_the_newest_window_is_whole_weeks_after_the_cutoff() -> None:
    assert newest(99, 120, 28, Frequency.DAY) == DriftWindow(99, 106, 120)  # 20 days: two weeks
    assert newest(99, 105, 28, Frequency.DAY) == DriftWindow(76, 77, 105)  # not even one: the last days of all
    assert newest(99, 300, 200, Frequency.DAY) == DriftWindow(99, 209, 300)  # a quarter of a year at most
    assert newest(99, 120, 28, Frequency.WEEK) == DriftWindow(99, 107, 120)
    assert newest(40, 44, 28, Frequency.MONTH) == DriftWindow(40, 41, 44)


@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("after", [0, 3, 10])
def test_earlier_windows_lie_before_the_cutoff_and_do_not_overlap(frequency: Frequency, after: int) -> None:
    cutoff = 3 * frequency.year + 20
    window = newest(cutoff, cutoff + 1 + after, 28, frequency)
    found, years = earlier(window, frequency)
    assert years >= 1 or after + 1 > frequency.year  # the season of so late a window lies after the cutoff
    length = window.stop - window.first
    for each in found:
        assert each.stop - 1 <= window.cutoff
        assert (each.stop - each.first, each.first - each.cutoff) == (length, window.first - window.cutoff)
        assert each.cutoff + 1 >= years * frequency.year + BASE[frequency]
        assert (window.first - each.first) % (7 if frequency == Frequency.DAY else 1) == 0
    assert all(later.first >= before.stop for later, before in pairwise(found))


def test_the_season_is_taken_out_as_far_as_the_history_goes() -> None:
    def years(n_days: int) -> int:
        return earlier(newest(n_days - 29, n_days, 28, Frequency.DAY), Frequency.DAY)[1]

    assert [years(n_days) for n_days in (100, 2 * YEAR, 3 * YEAR, 4 * YEAR)] == [0, 1, 1, 2]
    assert earlier(newest(60, 88, 28, Frequency.DAY), Frequency.DAY) == ([], 0)
    old = DriftWindow(cutoff=600, first=600 + YEAR, stop=600 + YEAR + 28)  # the champion never saw the year before
    assert earlier(old, Frequency.DAY)[1] == 0


def test_what_is_usual_by_hand() -> None:
    units = np.full((2, 70), 2.0)
    units[0, 14:56:2] = 0  # 21 of the 56 days before sell nothing
    units[1, :40] = np.nan  # known on 16 of 56 days: not steady
    price = np.full((2, 70), 4.0)
    price[0, 56:63] = 5
    panel = _panel(units, price)
    base = Base.of(panel, 55)
    assert base.level[0] == pytest.approx(2 * 35 / 56)
    assert base.typical.tolist() == [2, 2]
    assert base.steady.tolist() == [True, False]
    units[0, 60:63] = np.nan
    seen = cycle_values(units[:, 56:], {"price": panel.known["price"].on(slice(56, 70))}, base, 7)
    assert seen[SOLD].tolist() == [[8, 14], [14, 14]]
    assert seen[USUAL][0] == pytest.approx([4 * 1.25, 7 * 1.25])  # four days of the first week are known
    assert np.isnan(seen[USUAL][1]).all()
    assert seen[DAYS_KNOWN][0] == pytest.approx([4 / 7, 1])
    assert seen[PRICE] == pytest.approx(np.log([[5 / 4, 1], [1, 1]]))


def test_days_that_are_no_whole_cycle_are_left_out_unless_there_is_none() -> None:
    base = Base.of(_panel(np.ones((1, 60))), 55)
    assert cycle_values(np.arange(9.0)[None], {}, base, 7)[SOLD].tolist() == [[2 + 3 + 4 + 5 + 6 + 7 + 8]]
    assert cycle_values(np.arange(4.0)[None], {}, base, 7)[SOLD].tolist() == [[6]]


def test_season_growth_and_level_leave_nothing() -> None:
    n_days = 3 * YEAR
    week = np.arange(n_days) // 7
    wave = np.where(week % 52 >= 48, 2.0, 1.0)  # the last four weeks of a year sell twice
    weekday = np.array([1, 1, 1, 1, 2, 3, 0.5])[np.arange(n_days) % 7]
    growth = 1.3 ** (np.arange(n_days) // YEAR)  # the same step in every year, far from the weeks looked at
    panel = _panel(np.array([[10.0], [400.0]]) * wave * weekday * growth)
    christmas = DriftWindow(cutoff=n_days - 29, first=n_days - 28, stop=n_days)
    groups = np.zeros(2, np.int64)
    seen = deseasoned_window(panel, christmas, groups, 0)
    assert (seen[UNITS] > 0.5).all()  # about log 2 where nothing is taken off
    for years in (1, 2):
        assert np.abs(deseasoned_window(panel, christmas, groups, years)[UNITS]).max() < 1e-5


def test_each_group_has_a_season_of_its_own() -> None:
    n_days = 2 * YEAR
    units = np.full((3, n_days), 10.0)
    units[0, -28 - YEAR : -YEAR] = 20  # a year before, the first series sold twice
    units[0, -28:] = 20
    window = DriftWindow(n_days - 29, n_days - 28, n_days)
    found = season(_panel(units), window, np.array([0, 1, 1]), 1)
    assert found[UNITS] == pytest.approx(np.array([[2.0] * 4, [1.0] * 4]))
    assert np.abs(deseasoned_window(_panel(units), window, np.array([0, 1, 1]), 1)[UNITS]).max() < 1e-6
    together = deseasoned_window(_panel(units), window, np.zeros(3, np.int64), 1)[UNITS]
    # 40 of 30 were sold then: the first series lies above it, the others below; damped by one day's sales
    first = np.log((140 + 10) / (70 * 4 / 3 + 10)), np.log((70 + 10) / (70 * 4 / 3 + 10))
    assert together[:, 0] == pytest.approx([first[0], first[1], first[1]], abs=1e-5)


def test_covariates_are_compared_with_the_year_before_and_kept_as_seen() -> None:
    n_days = 2 * YEAR
    price = np.full((2, n_days), 10.0)
    price[:, -28:] = 11
    price[:, -28 - YEAR : -YEAR] = 11  # prices go up at the end of every year
    window = DriftWindow(n_days - 29, n_days - 28, n_days)
    seen = deseasoned_window(_panel(np.ones((2, n_days)), price), window, np.zeros(2, np.int64), 1)
    assert seen[RAW + PRICE] == pytest.approx(np.full((2, 4), np.log(1.1)))
    assert np.abs(seen[PRICE]).max() < 1e-6


def test_too_short_a_history_is_said() -> None:
    with pytest.raises(UsageError, match="Found 30 days of history; at least 56"):
        Base.of(_panel(np.ones((1, 40))), 29)
