from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.report import Report, charts
from foresell.report.axes import Scale, date_ticks, tick_labels, ticks


def test_a_scale_turns_upside_down() -> None:
    down = Scale(0, 200, 220, 20)
    assert [down(0), down(50), down(200)] == [220, 170, 20]
    assert Scale(5, 5, 0, 100)(5) == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 3.2, [0, 1, 2, 3, 4]),
        (0, 6519, [0, 2000, 4000, 6000, 8000]),
        (-3, 12, [-5, 0, 5, 10, 15]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, math.nan, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_ticks_by_hand(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9))
def test_ticks_hold_what_is_drawn_and_are_even(low: float, width: float) -> None:
    marks = ticks(low, low + width)
    slack = 1e-6 * max(abs(low), width, 1)
    assert marks[0] <= low + slack
    assert marks[-1] >= low + width - slack
    assert 2 <= len(marks) <= 12
    gaps = np.diff(marks)
    assert np.allclose(gaps, gaps[0], rtol=1e-3)
    assert len(set(tick_labels(marks))) == len(marks) or width < 1e-5 * abs(low)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2024-02-27", "2024-03-02", ["27 Feb", "28 Feb", "29 Feb", "1 Mar", "2 Mar"]),
        ("2024-01-03", "2024-02-05", ["8 Jan", "15 Jan", "22 Jan", "29 Jan", "5 Feb"]),
        ("2023-11-15", "2024-03-15", ["Dec 2023", "Jan 2024", "Feb", "Mar"]),
        ("2023-01-01", "2024-12-31", ["Jan 2023", "Jul", "Jan 2024", "Jul"]),
        ("2011-01-29", "2016-05-22", ["2012", "2013", "2014", "2015", "2016"]),
        ("2024-01-01", "2024-01-01", ["1 Jan"]),
    ],
)
def test_dates_are_ticked_where_weeks_months_and_years_begin(first: str, last: str, expected: list[str]) -> None:
    assert [label for _, label in date_ticks(np.datetime64(first), np.datetime64(last))] == expected


@given(st.integers(-20_000, 40_000), st.integers(0, 40_000))
def test_date_ticks_are_few_and_inside(start: int, length: int) -> None:
    first = np.datetime64(start, "D")
    ticked = date_ticks(first, first + length)
    assert len(ticked) <= 7
    assert all(first <= when <= first + length for when, _ in ticked)
    assert ticked or length > 6


def test_the_timeline_draws_each_number_where_it_belongs(report: Report) -> None:
    total = report.examples[0]
    drawn = str(charts.timeline(total))
    # 35 days of history and 7 ahead between x = 56 and 628; y from 0 at 228 to 80 (the highest tick) at 34.
    days = len(total.dates) + 7
    step = (628 - 56) / (days - 1)
    height = (228 - 34) / 80
    forecast = re.search(r'd="([^"]*)" class="forecast"', drawn)
    assert forecast is not None
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", forecast.group(1))
    assert len(points) == 7
    assert points[-1] == ("628", f"{228 - 36 * height:.1f}".removesuffix(".0"))
    assert float(points[0][0]) == pytest.approx(628 - 6 * step, abs=0.06)
    assert drawn.count('class="band ') == 2
    assert drawn.count('class="hit"') == days
    assert "Tue 16 Jan 2024\nsold: 36\nforecast in the test: 42" in drawn
    assert "Wed 17 Jan 2024\nforecast: 36\n90% range: 0 to 72\n50% range: 18 to 54" in drawn


def test_days_not_known_are_a_gap_in_the_line() -> None:
    nan = math.nan
    assert charts.path([0, 1, 2, 3], [nan, 1, nan, nan]) == "M1 1h0"
    assert charts.path([0, 1, 2, 3], [1, 2, nan, 3]) == "M0 1L1 2M3 3h0"
    assert charts.path([0, 1], [nan, nan]) == ""


def test_bars_and_sparks_keep_their_proportions() -> None:
    assert 'width="25"' in charts.bar(1, 4)
    assert 'd="M50 0v12"' in charts.bar(1, 4, reference=2)
    assert "path" not in charts.bar(1, 4, reference=math.nan)
    assert 'width="0.5"' in charts.bar(0, 0)
    heights = re.findall(r'height="([\d.]+)"', charts.spark([1.0, 2.0, math.nan, 4.0]))
    assert heights == ["5", "10", "20"]


def test_names_are_escaped_wherever_they_stand() -> None:
    name = "<i>\"&'"
    drawn = str(charts.lines({name: ([1, 2], [3, 4])}, name, name, name))
    assert "<i>" not in drawn
    assert drawn.count("&lt;i&gt;&#34;&amp;&#39;") == 4
