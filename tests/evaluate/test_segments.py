from __future__ import annotations

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.evaluate.segments import age, mean_units, segments, steadiness, thirds


def test_the_four_classes_at_their_limits():
    # 100 known days, of which 76 sold: ADI = 1.316 is often; 75 sold: ADI = 1.333 is seldom.
    often, seldom = np.zeros(100), np.zeros(100)
    often[:76], seldom[:75] = 5, 5
    # One and nine units by turns: mean 5, variance 16, CV2 = 0.64; two and eight: 9 / 25 = 0.36.
    varying, steady = np.tile([1.0, 9.0], 50), np.tile([2.0, 8.0], 50)
    lumpy = np.where(np.arange(100) % 4 < 2, varying, 0)
    units = np.stack([often, seldom, varying, steady, lumpy, np.zeros(100), np.full(100, np.nan)])
    expected = ["smooth", "intermittent", "erratic", "smooth", "lumpy", "no sales", "no sales"]
    assert steadiness(units).tolist() == expected


def test_unknown_days_are_no_interval_between_sales():
    assert steadiness(np.array([[3, np.nan, np.nan, 3, np.nan, 3]])).tolist() == ["smooth"]
    assert steadiness(np.array([[3, 0.0, 0.0, 3, 0.0, 3]])).tolist() == ["intermittent"]


def test_volume_makes_thirds():
    units = np.arange(9.0)[::-1][:, None] * np.ones((9, 4))
    assert thirds(mean_units(units)).tolist() == ["high"] * 3 + ["middle"] * 3 + ["low"] * 3
    assert thirds(mean_units(np.zeros((0, 3)))).tolist() == []


def test_segments_look_at_the_last_year_only(make_panel):
    panel = make_panel(450)
    panel.units[0, :80] = 1000  # long ago: all but the last 364 days
    panel.units[3, :80] = 1000
    table = segments(panel, ("category",))
    assert table.columns == ["steadiness", "volume", "age", "category"]
    assert table["volume"][3] == "low"
    assert table["category"].to_list() == panel.series["category"].to_list()
    assert table["steadiness"][7] == "no sales"
    assert table["age"].to_list() == ["old"] * 7 + ["new"]  # the third began 225 days ago
    with pytest.raises(UsageError, match="names colour"):
        segments(panel, ("colour",))


def test_age_counts_known_days_wherever_they_lie():
    known = [0, 28, 29, 182, 183]
    units = np.full((5, 400), np.nan)
    for row, days in enumerate(known):
        units[row, 10 : 10 + days] = 0  # on sale and nothing sold is known; long gone is not new again
    assert age(units, Frequency.DAY).tolist() == ["new", "new", "young", "young", "old"]
    assert age(units[:, :40], Frequency.WEEK).tolist() == ["new", "old", "old", "old", "old"]
    assert age(np.zeros((2, 3)), Frequency.MONTH).tolist() == ["young", "young"]
    assert age(np.zeros((2, 2)), Frequency.MONTH).tolist() == ["new", "new"]
