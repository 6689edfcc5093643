"""Ticks of axes of hours."""

from __future__ import annotations

import numpy as np

from foresell.core.frequency import Frequency, period_range
from foresell.report.axes import date_ticks
from foresell.report.canvas import days_of


def labels(first: str, last: str) -> list[str]:
    return [label for _, label in date_ticks(np.datetime64(first, "us"), np.datetime64(last, "us"))]


def test_hours_are_labelled_by_hour_by_day_or_by_month():
    assert labels("2024-05-01T05", "2024-05-02T04") == ["06:00", "12:00", "18:00", "2 May"]
    assert labels("2024-05-01T05", "2024-05-04T04") == ["2 May", "3 May", "4 May"]
    assert labels("2024-05-01T05", "2024-09-04T04") == ["Jun 2024", "Jul", "Aug", "Sep"]


def test_hours_lie_between_days():
    assert days_of(period_range(np.datetime64("1970-01-02T15"), 4, Frequency.HOUR))[::3] == [1.625, 1.75]
