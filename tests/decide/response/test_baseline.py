"""The baseline of windows, against a slow one and on sales that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.response.baseline import Baseline, Windows
from foresell.decide.response.placebos import placebos
from foresell.decide.response.sales_history import SalesHistory
from tests.decide.response.sample_history import history_of, plain_history, sample_block


def window(series: int, first: int, stop: int, until: int) -> Windows:
    values = (0, series, first, stop, first, until)
    return Windows(*(np.array([value]) for value in values))


def test_sales_without_noise_are_their_own_baseline():
    weekday = np.array([1.0, 2, 3, 4, 5, 6, 7])
    units = np.array([[2.0], [5.0], [1.0]]) * np.tile(weekday, 40)
    items = np.arange(3)
    history = SalesHistory(units, np.zeros(units.shape, bool), None, items, np.zeros(3, np.int64))
    sums = Baseline.of(history).sums(window(1, 100, 110, 124), 1)
    assert sums.baseline[0] == pytest.approx(sums.units[0], rel=0.01)
    assert np.isnan(sums.price_change[0])


def test_the_sales_of_the_window_do_not_move_its_baseline():
    history = plain_history(np.random.default_rng(1))
    other = history.units.copy()
    other[3, 200:207] = 1000.0
    sums = [
        Baseline.of(replace(history, units=units)).sums(window(3, 200, 207, 207), 1).baseline[0]
        for units in (history.units, other)
    ]
    assert history.promotion[3, 200:207].any() or sums[0] == pytest.approx(sums[1], rel=0.01)
    promoted = np.flatnonzero(history.promotion[3])[20:27]
    other = history.units.copy()
    other[3, promoted] = 1000.0
    ends = (int(promoted[0]), int(promoted[-1]) + 1)
    first, second = (
        Baseline.of(replace(history, units=units)).sums(window(3, *ends, ends[1]), 1).baseline[0]
        for units in (history.units, other)
    )
    assert first == second  # to the digit, because promoted periods are read by nothing


def test_the_sums_are_those_of_a_slow_loop():
    history = history_of(sample_block(3, stores=2, items=16, days=300))
    baseline = Baseline.of(history)
    quiet = placebos(history, 7, after=14)
    sums = baseline.sums(quiet.windows, len(quiet))
    clean = history.clean(slice(0, history.n_series))
    for number in np.linspace(0, len(quiet) - 1, 15).astype(int):
        units = expected = known = covered = 0.0
        moved = baseline.movement(quiet.item[[number]])[0]
        for row in np.flatnonzero(quiet.windows.number == number):
            series, first = quiet.windows.series[row], quiet.windows.first[row]
            out = range(quiet.windows.left_out_first[row], quiet.windows.left_out_stop[row])
            around = [
                day
                for day in range(max(out[0] - 56, 0), min(out[-1] + 57, history.n_periods))
                if day not in out and clean[series, day]
            ]
            days = [day for day in range(first, first + 7) if not np.isnan(history.units[series, day])]
            known += len(days)
            if len(around) >= 28:
                covered += len(days)
                level = history.units[series, around].sum() / moved[around].sum()
                units, expected = units + history.units[series, days].sum(), expected + level * moved[days].sum()
        assert (sums.units[number], sums.baseline[number]) == pytest.approx((units, expected))
        assert sums.covered[number] == pytest.approx(covered / known if known else 0)


def test_placebos_lie_where_no_series_of_the_item_is_promoted_or_just_was():
    history = history_of(sample_block(2, stores=2, items=16, days=300))
    windows = placebos(history, 7, skipped=7, after=14).windows
    everything = slice(0, history.n_series)
    busy = history.promotion | history.dip(everything)
    assert len(windows)
    for series, first, stop in zip(windows.series, windows.first, windows.stop, strict=True):
        assert not busy[series, first:stop].any()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="one value for each series and period"):
        SalesHistory(np.zeros((2, 5)), np.zeros((2, 4), bool), None, np.arange(2), np.zeros(2, np.int64))
