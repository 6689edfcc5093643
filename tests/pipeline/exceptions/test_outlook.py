"""The next days beside the last ones, those of last year and the forecast before, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy
from foresell.pipeline.exceptions.outlook import outlook
from foresell.store.panels import days_of, load_panel, save_panel


def test_the_next_week_beside_the_last_and_the_year(make_results) -> None:
    ahead = outlook(make_results((12.0, 40, 20, 30)))
    assert ahead is not None
    assert ahead.title == "the next 7 days"
    assert ahead.ahead.sums().tolist() == [84, 280, 140, 210]
    assert ahead.before is not None
    assert ahead.last_year is not None
    assert ahead.before.sums().tolist() == [70, 280, 140, 210]
    # 364 days before 4 February 2025, so that weekdays agree.
    assert ahead.last_year.dates[0] == np.datetime64("2024-02-06")
    assert ahead.earlier is None


def test_groups_add_up_what_is_known(make_results, panel) -> None:
    units = np.array(panel.units)
    units[0, -7:], units[1, -3:] = np.nan, np.nan
    changed = replace(panel, units=units)
    ahead = outlook(make_results(panel=changed))
    assert ahead is not None
    assert ahead.before is not None
    groups = Hierarchy.of(("store", "item"), (("store",),)).groups(panel.series, ("store",))
    assert ahead.before.sums(groups).tolist() == [4 * 40, 350]
    # What is forecast of the same days, whose sales are known.
    assert ahead.ahead.sums(groups, beside=ahead.before).tolist() == [4 * 40, 350]
    # A price by what is forecast: store b sells 20 at 2 and 30 at 5.
    assert ahead.money(groups).tolist() == pytest.approx([2.0, (20 * 2 + 30 * 5) / 50])


def test_the_forecast_before_is_compared_on_the_days_of_both(make_results) -> None:
    ahead = outlook(make_results((12.0, 40, 20, 30), earlier=(10.0, 40, 20, 30)))
    assert ahead is not None
    assert ahead.earlier is not None
    assert ahead.revised is not None
    assert len(ahead.earlier.dates) == 7  # of its 14 days, 7 have sales by now
    assert (ahead.revised.sums()[0], ahead.earlier.sums()[0]) == (84, 70)


def test_a_forecast_whose_days_have_passed_has_no_outlook(make_results, panel) -> None:
    longer = replace(panel, units=np.concatenate([panel.units, panel.units[:, :14]], axis=1))
    assert outlook(make_results(panel=longer)) is None


def test_a_short_history_has_no_last_year(make_results, panel) -> None:
    ahead = outlook(make_results(panel=replace(panel, units=panel.units[:, 200:], dates=panel.dates[200:], known={})))
    assert ahead is not None
    assert ahead.last_year is None
    assert np.isnan(ahead.price).all()


def test_days_of_a_cube_on_disk(make_panel, tmp_path) -> None:
    panel = make_panel(60, frequency=Frequency.DAY)
    save_panel(panel, tmp_path)
    np.testing.assert_array_equal(days_of(load_panel(tmp_path).units, slice(10, 17)), panel.units[:, 10:17])
