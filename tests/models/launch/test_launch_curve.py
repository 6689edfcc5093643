from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.models.launch.day_profile import learn_day_profile
from foresell.models.launch.launch_curve import LaunchCurve, chain_ladder, first_days, is_launch, learn_launch_curve

NAN = np.nan


def panel_of(units, price=None, ahead=28, kinds=None):
    units = np.array(units, np.float32)
    series = pl.DataFrame({"item": [f"i{k:03}" for k in range(len(units))], "kind": kinds or ["k"] * len(units)})
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1] + ahead, Frequency.DAY)
    known = {} if price is None else {"price": Known.of_each(np.array(price, np.float32))}
    return Panel(series, ("item",), dates, units, known)


def test_when_a_series_begins():
    units = [[1, 1, 1, 1], [NAN, NAN, 0, 1], [NAN] * 4, [NAN] * 4, [NAN] * 4, [NAN] * 4]
    price = [[1] * 6, [1] * 6, [NAN] * 5 + [1], [NAN] * 6, [1] * 6, [NAN] * 4 + [1] * 2]
    # Known from the first day; from the third on; priced from the second day ahead; never priced; priced long since
    # but never known; priced from the first day ahead on.
    assert first_days(panel_of(units, price, 2), 2).tolist() == [0, 2, 5, 4, 4, 4]
    assert first_days(panel_of(units), 2).tolist() == [0, 2, 4, 4, 4, 4]


def test_what_was_there_within_four_weeks_may_have_begun_before():
    panel = panel_of(np.ones((1, 100)))
    assert is_launch(panel, np.array([0, 27, 28, 100, 120])).tolist() == [False, False, True, True, True]


def test_the_chain_ladder_finds_what_it_was_made_of():
    random = np.random.default_rng(3)
    curve, level = random.uniform(0.3, 1.2, 8), random.uniform(1, 50, 12)
    expected = random.uniform(0.5, 2, (12, 8)) * (np.arange(8) < random.integers(2, 9, 12)[:, None])
    expected[0] = 1  # one launch at least has come all the way
    estimated, levels = chain_ladder(level[:, None] * curve * expected, expected)
    np.testing.assert_allclose(estimated / estimated[0], curve / curve[0], rtol=1e-4)
    np.testing.assert_allclose(levels * estimated[0], level * curve[0], rtol=1e-4)


def test_large_launches_do_not_drown_the_others():
    # Nine launches that double, and one a thousand times as large that does not.
    sold = np.array([[10.0, 20]] * 9 + [[20000, 20000]])
    curve, _ = chain_ladder(sold, np.ones((10, 2)))
    assert curve[1] / curve[0] > 1.7


def test_steps_that_nobody_reached_are_as_the_last_one():
    curve, level = chain_ladder(np.array([[1.0, 2, 0], [2, 4, 0]]), np.array([[1.0, 1, 0], [1, 1, 0]]))
    assert curve[2] == curve[1]
    np.testing.assert_allclose(level * curve[1], [2, 4])


def ramp(age, settled=182):
    return np.minimum(0.4 + 0.6 * age / settled, 1.0)


def rising(n_old=30, n_new=40, n_days=600, season=None, kinds=None):
    """Series from the start, and launches that rise in a straight line to their level in 26 weeks."""
    random = np.random.default_rng(5)
    begin = np.concatenate([np.zeros(n_old, int), random.integers(40, 400, n_new)])
    level = random.uniform(200, 900, n_old + n_new)
    age = np.arange(n_days) - begin[:, None]
    share = np.where(begin[:, None] == 0, 1.0, ramp(age))
    units = level[:, None] * share * (1 if season is None else season)
    return panel_of(np.where(age >= 0, units, NAN), kinds=kinds), begin


def test_a_straight_rise_is_learnt():
    panel, _ = rising()
    takeoff = learn_launch_curve(panel, learn_day_profile(panel, ()), first_days(panel, 28), ())
    assert takeoff.launches == 40
    middles = 7 * np.arange(26) + 3
    truth = ramp(middles) / ramp(middles)[-6:].mean()
    np.testing.assert_allclose(takeoff.curve[1:], truth[1:], rtol=0.02)  # the first step is smoothed with the second
    assert takeoff.curve[0] == pytest.approx(truth[0], rel=0.04)


def test_a_season_of_all_series_is_not_taken_for_a_rise():
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(600) / 365)
    panel, _ = rising(season=season)
    takeoff = learn_launch_curve(panel, learn_day_profile(panel, ()), first_days(panel, 28), ())
    middles = 7 * np.arange(26) + 3
    np.testing.assert_allclose(takeoff.curve, ramp(middles) / ramp(middles)[-6:].mean(), rtol=0.05)


def test_groups_have_curves_of_their_own_where_they_show_them():
    panel, begin = rising(n_new=60, kinds=[f"k{k % 2}" for k in range(90)])
    units = panel.units.copy()
    flat = (np.arange(90) % 2 == 1) & (begin > 0)
    units[flat] = np.where(np.isnan(units[flat]), NAN, 500.0)
    takeoff = learn_launch_curve(
        panel_of(units, kinds=panel.series["kind"].to_list()),
        learn_day_profile(panel, ()),
        first_days(panel, 28),
        ("kind",),
    )
    curves = {name: np.array(takeoff.curve) * takeoff.curves[name] for name in ("k0", "k1")}
    np.testing.assert_allclose(curves["k1"], 1, rtol=0.1)
    assert curves["k0"][0] == pytest.approx(ramp(3) / ramp(7 * np.arange(20, 26) + 3).mean(), rel=0.15)


def test_few_launches_make_no_curve():
    panel, _ = rising(n_new=4)
    takeoff = learn_launch_curve(panel, learn_day_profile(panel, ()), first_days(panel, 28), ())
    assert set(takeoff.curve) == {1.0}
    assert takeoff.launches == 4


def test_between_the_middles_of_steps_the_curve_is_a_line():
    takeoff = LaunchCurve(7, (0.5, 0.9), (), {}, 9)
    panel = panel_of(np.ones((2, 30)))
    ages = np.array([[-5, 0, 3, 6.5, 10], [13.5, 17, 18, 100, 1000]])
    np.testing.assert_allclose(takeoff.at(panel, ages), [[0.5, 0.5, 0.5, 0.7, 0.9], [0.95, 1, 1, 1, 1]])
    assert takeoff.settled == 14
    monthly = LaunchCurve(1, (0.2, 0.6), (), {}, 9)
    np.testing.assert_allclose(monthly.at(panel_of(np.ones((1, 30))), np.array([[0, 1, 2, 3]])), [[0.2, 0.6, 1, 1]])


def test_it_comes_back_from_json():
    panel, _ = rising()
    takeoff = learn_launch_curve(panel, learn_day_profile(panel, ()), first_days(panel, 28), ("kind",))
    assert LaunchCurve.from_dict(json.loads(json.dumps(takeoff.to_dict()))) == takeoff
