"""The windows of a network, beside slow loops and worked numbers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel
from foresell.features.running_sums import Past
from foresell.models.neural.layout import Layout
from foresell.models.neural.windows import (
    LITTLE,
    WindowDraw,
    Windows,
    category_numbers,
    centres,
    draw_windows,
    levels,
    scaled,
    windows,
)

LAYOUT = Layout(9, 14, ("price", "promotion"), categories={"shop": ("north",)})


def asked(panel, layout=LAYOUT, series=(0, 4), cutoff=(100, 60)):
    return windows(layout, panel, np.array(series), np.array(cutoff))


def test_a_level_is_the_mean_of_recent_means():
    units = np.full((1, 120), 2.0, np.float32)
    units[0, -28:] = 7
    level = levels(Past(units), Frequency.DAY, np.array([119, 91, -5]), np.array([0, 0, 0]))
    long = (28 * 7 + 63 * 2) / 91
    np.testing.assert_allclose(level, [0.6 * 7 + 0.4 * long + LITTLE, 2 + LITTLE, LITTLE], rtol=1e-6)


def test_the_dispersion_is_that_of_steps_in_the_past():
    units = np.full((2, 60), 10.0, np.float32)
    units[0, 46:] += np.resize([6, -6], 14)  # 13 steps of 12 in the 14 days that are read
    dates = np.arange("2024-01-01", "2024-03-11", dtype="datetime64[D]")
    panel = Panel(pl.DataFrame({"item": ["a", "b"]}), ("item",), dates, units)
    found = asked(panel, Layout(9, 14), series=(0, 1), cutoff=(59, 59))
    np.testing.assert_allclose(found.dispersion, [12**2 / 2 / (10 + LITTLE), 1], rtol=1e-6)


def test_the_past_is_the_units_over_the_level(make_panel):
    panel = make_panel()
    found = asked(panel)
    for row, (series, cutoff) in enumerate([(0, 100), (4, 60)]):
        for place in range(14):
            units = panel.units[series, cutoff - 13 + place]
            expected = 0 if np.isnan(units) else np.log1p(units / found.level[row])
            assert found.past[row, place, 0] == pytest.approx(expected, rel=1e-5)
            assert found.past[row, place, 1] == (not np.isnan(units))


def test_the_answers_are_the_units_after_the_cutoff(make_panel):
    panel = make_panel()
    found = asked(panel, cutoff=(100, 145))
    np.testing.assert_array_equal(found.target[0], panel.units[0, 101:110])
    np.testing.assert_array_equal(found.target[1, :4], panel.units[4, 146:])
    assert np.isnan(found.target[1, 4:]).all()


def test_earlier_seasons_lie_before_the_cutoff():
    units = np.arange(1.0, 801.0, dtype=np.float32)[None]
    dates = np.arange("2020-01-01", "2022-03-20", dtype="datetime64[D]")
    panel = Panel(pl.DataFrame({"item": ["a"]}), ("item",), dates, units)
    found = windows(Layout(9, 14), panel, np.array([0]), np.array([700]))
    level, then = (found.level[0], levels(Past(units), Frequency.DAY, np.array([700 - 364]), np.array([0]))[0])
    same_weekday = found.ahead[0, :, 1]
    np.testing.assert_allclose(np.expm1(same_weekday[[0, 6, 8]]) * level, [695, 701, 696], rtol=1e-4)
    last_year = found.ahead[0, :, 5]
    np.testing.assert_allclose(np.expm1(last_year[[0, 8]]) * then, [338, 346], rtol=1e-4)
    assert (found.ahead[0, :, [2, 4, 6, 8]] == 1).all()


def test_a_price_is_relative_to_that_of_the_past(make_panel):
    panel = make_panel()
    found = asked(panel)
    price = panel.known["price"].on(slice(None))
    usual = price[0, 87:101].mean()
    np.testing.assert_allclose(found.ahead[0, :, -2], np.log(price[0, 101:110] / usual), rtol=1e-4, atol=1e-6)


def test_covariates_are_centred_and_unknown_ones_are_usual(make_panel):
    panel = make_panel()
    promotion = panel.known["promotion"].on(slice(None)).copy()
    promotion[0, 103] = np.nan
    panel = Panel(**{**vars(panel), "known": {**panel.known, "promotion": Known.of_each(promotion)}})
    drawn = asked(panel)
    centre, spread = centres(LAYOUT, drawn)
    known = np.concatenate([promotion[0, 101:110], promotion[4, 61:70]])
    assert centre == (0.0, pytest.approx(np.nanmean(known)))
    assert spread[1] == pytest.approx(np.nanstd(known))
    layout = Layout(**{**vars(LAYOUT), "centre": centre, "spread": spread})
    values = scaled(layout, drawn).ahead[:, :, -1]
    assert values[0, 2] == 0
    np.testing.assert_allclose(values[1], (promotion[4, 61:70] - centre[1]) / spread[1], rtol=1e-5)


def test_a_value_that_training_did_not_have_is_0(make_panel):
    series = make_panel().series
    np.testing.assert_array_equal(category_numbers(LAYOUT, series)[:, 0], [1] * 4 + [0] * 4)
    assert category_numbers(Layout(9, 14), series).shape == (8, 0)
    assert (category_numbers(LAYOUT, series.drop("shop")) == 0).all()


@pytest.mark.parametrize("size", [1, 3])
def test_the_draw_does_not_depend_on_the_cut(make_panel, size):
    panel = make_panel()
    draw = WindowDraw(LAYOUT, tuple(range(40, 130)), 0.3, 7)
    whole = draw_windows(draw, panel).in_order()
    order = np.random.default_rng(size).permutation(panel.n_series)
    parts = [draw_windows(draw, panel.part(order[begin : begin + size])) for begin in range(0, 8, size)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    for each in fields(Windows):
        np.testing.assert_array_equal(getattr(merged.in_order(), each.name), getattr(whole, each.name))
    assert 0.2 * 90 * 6 < len(whole) < 0.4 * 90 * 7


def test_a_window_needs_a_past_and_an_answer(make_panel):
    panel = make_panel()
    drawn = draw_windows(WindowDraw(LAYOUT, (40, 70, 149), 1.0, 7), panel)
    assert (drawn.cutoff < 149).all()
    assert len(drawn) == 6 + 6  # the third series begins after these, and the last has no known day


def test_nothing_after_the_cutoff_is_read(make_panel):
    panel, other = make_panel(), make_panel()
    other.units[:, 101:] = 99
    first, second = (asked(each, series=(0, 4), cutoff=(100, 100)) for each in (panel, other))
    for each in fields(Windows):
        if each.name != "target":
            np.testing.assert_array_equal(getattr(first, each.name), getattr(second, each.name))
