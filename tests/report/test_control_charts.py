"""Control charts: each point where it belongs, what lies outside in another shape, bands that stay in the picture."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from foresell.core.frequency import Frequency
from foresell.report import control_charts
from foresell.report.monitor_contents import ControlSeries, DailySales, Mark, MeasuredFigure

WEEKS = np.datetime64("2025-10-05") + 7 * np.arange(4)
NAN = np.nan


def course(values: list[float], low: list[float], high: list[float], outside: list[bool]) -> ControlSeries:
    usual = np.array([0.1] * len(values))
    return ControlSeries(
        WEEKS[: len(values)], np.array(values), usual, np.array(low), np.array(high), np.array(outside)
    )


def heights(drawn: str) -> list[float]:
    """The y of the ends of the band."""
    (shape,) = re.findall(r'd="([^"]*)" class="band', drawn)
    return sorted({float(y) for _, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", shape)})


def test_a_week_outside_is_a_diamond_and_the_others_are_rings() -> None:
    one = course([0.1, 0.2, 0.5, 0.1], [0.0] * 4, [0.4] * 4, [False, False, True, False])
    drawn = str(control_charts.weekly(one, "%", "Error"))
    assert drawn.count("<circle") == 3
    assert drawn.count('class="diamond"') == 1
    assert "week to 19 Oct 2025: 0.5\nusual: 0 to 0.4\noutside" in drawn
    # From 0 at y = 228 to 50 % (the highest tick) at 34: 194 of height.
    centres = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert centres == pytest.approx([228 - 194 * share for share in (0.2, 0.4, 0.2)], abs=0.06)
    assert heights(drawn) == pytest.approx([228 - 194 * 0.8, 228], abs=0.06)


def test_a_block_that_is_no_week_is_not_called_one() -> None:
    one = course([0.1, 0.2], [0.0] * 2, [0.4] * 2, [False] * 2)
    drawn = str(control_charts.weekly(one, "%", "Error", block="month"))
    assert "month to 5 Oct 2025" in drawn
    assert "week" not in re.sub(r'class="[^"]*"', "", drawn)


def test_a_band_that_dwarfs_the_figure_is_cut_off_and_a_limit_is_not() -> None:
    one = course([0.1, 0.2, 0.1, 0.1], [0.0] * 4, [50.0] * 4, [False] * 4)
    assert "2,000" not in str(control_charts.weekly(one, "%", "Error"))
    assert ">5,000<" in str(control_charts.weekly(one, "%", "Error", whole=True))
    both = course([-0.1, 0.1, 0.0, 0.1], [-0.9] * 4, [np.inf] * 4, [False] * 4)
    low, high = heights(str(control_charts.weekly(both, "%", "Bias")))[::-1]
    assert 34 <= high < low <= 228


def test_weeks_without_a_band_have_none() -> None:
    one = course([0.1, NAN, 0.2, 0.1], [0.0, 0.0, NAN, 0.0], [0.4, 0.4, NAN, 0.4], [False] * 4)
    drawn = str(control_charts.weekly(one, "%", "Error"))
    assert drawn.count('class="band band-1"') == 2
    assert drawn.count("<circle") == 3
    assert "nan" not in drawn
    unknown = course([0.1] * 4, [NAN] * 4, [NAN] * 4, [False] * 4)
    assert "band" not in str(control_charts.weekly(replace(unknown, usual=np.full(4, NAN)), "%", "Error"))


def test_one_week_and_no_sales_can_be_drawn() -> None:
    alone = course([0.1], [0.0], [0.2], [False])
    assert 'class="band band-1"' in str(control_charts.weekly(alone, "%", "Error"))
    none = course([NAN] * 2, [0.0] * 2, [0.2] * 2, [False] * 2)
    assert "<circle" not in str(control_charts.weekly(none, "%", "Error"))


def test_days_are_drawn_with_gaps_and_marks() -> None:
    dates = np.datetime64("2025-10-06") + np.arange(5)
    days = DailySales(dates, np.array([1, 2, NAN, 4, 5.0]), np.array([2, 2, 2, 2, 2.0]))
    marks = (Mark(date(2025, 10, 8), "version <2>"), Mark(date(2026, 1, 1), "too late"))
    drawn = str(control_charts.daily(days, marks, Frequency.DAY))
    assert drawn.count('class="hit"') == 5
    assert "Tue 7 Oct 2025\nsold: 2\nforecast: 2" in drawn
    assert "Wed 8 Oct 2025\nsold: –" in drawn
    (line,) = re.findall(r'd="([^"]*)" class="history"', drawn)
    assert line.count("M") == 2
    assert "version &lt;2&gt;" in drawn
    assert drawn.count('class="cutoff"') == 1
    assert "too late" not in drawn


def test_marks_that_stand_close_are_named_once() -> None:
    dates = np.datetime64("2025-10-06") + np.arange(100)
    days = DailySales(dates, np.ones(100), np.ones(100))
    marks = tuple(Mark(date(2025, 11, day), f"version {day}") for day in (3, 4, 20))
    drawn = str(control_charts.daily(days, marks, Frequency.DAY))
    assert drawn.count('class="cutoff"') == 3
    assert re.findall(r">version (\d+)</text>", drawn) == ["3", "20"]


def test_gauges_place_what_they_show() -> None:
    one = MeasuredFigure(0.25, 0.5, 0.0, 0.75, judged=True)
    drawn = str(control_charts.gauge(one, 0.0, 1.0))  # from x = 8 to 124
    assert 'cx="37"' in drawn
    assert 'd="M66 2v14"' in drawn
    assert 'x="8" y="4" width="87"' in drawn
    assert "diamond" in str(control_charts.gauge(replace(one, outside=True), 0.0, 1.0))
    assert "rect" not in str(control_charts.gauge(MeasuredFigure(0.25), 0.0, 1.0))
    assert str(control_charts.gauge(MeasuredFigure(None), 0.0, 1.0)) == ""
    beyond = str(control_charts.gauge(MeasuredFigure(9.0, 0.5, None, 0.75, judged=True), 0.0, 1.0))
    assert 'cx="124"' in beyond


def test_gauges_of_a_table_share_ends() -> None:
    some = [MeasuredFigure(0.1, 0.2, 0.15, 0.3, judged=True), MeasuredFigure(-0.2, 0.0, -0.25, 0.1, judged=True)]
    assert control_charts.reach(some) == (-0.25, 0.3)
    assert control_charts.reach([]) == (0.0, 1.0)


def test_a_gauge_draws_no_bounds_that_exclude_nothing() -> None:
    blind = MeasuredFigure(0.1, 0.0, -0.9, 9.0, judged=True, blind=True)
    assert "allowed" not in control_charts.gauge(blind, -1, 1)
    assert "allowed" in control_charts.gauge(replace(blind, blind=False), -1, 1)
    assert control_charts.reach([blind]) == (0.0, 0.1)
    assert "diamond" in control_charts.gauge(replace(blind, explained_by=("store S1",)), -1, 1)
