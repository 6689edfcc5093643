"""The forecasts in use by day and week, against loops; and the band of a week."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from foresell.monitor.accuracy import ALL, DAILY, LEVEL
from foresell.monitor.bounds import BIAS, ERROR, UsualFigure, limit
from foresell.monitor.weekly import OUTSIDE, by_week, in_use

FIRST = date(2025, 9, 1)
DATES = [FIRST + timedelta(days=day) for day in range(30)]


def forecast(model: str, cutoff: int, days: int, units: float = 10.0, guess: float = 12.0, of: str = "total"):
    """The day sums of a forecast made at the end of day `cutoff`."""
    rows = [
        {
            "version": model, "model": model, "cutoff": DATES[cutoff], "date": DATES[cutoff + step], "step": step,
            "part": LEVEL, "of": of, "name": ALL, "units": units, "forecast": guess, "error": abs(guess - units),
            "naive": 4.0, "points": 1.0, "inside": 1.0, "ranged": 1.0,
        }
        for step in range(1, days + 1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={"version": pl.String, "model": pl.String, **DAILY})


DAILY_SUMS = pl.concat(
    [forecast("a", 1, 14), forecast("a", 1, 14, of="item"), forecast("b", 8, 14, guess=5.0), forecast("c", 15, 14)]
)


def test_each_day_goes_by_the_newest_forecast_made_before_it():
    found = in_use(DAILY_SUMS)
    expected = {}
    for row in DAILY_SUMS.filter(pl.col("of") == "total").iter_rows(named=True):
        before = expected.get(row["date"])
        if before is None or row["cutoff"] > before["cutoff"]:
            expected[row["date"]] = row
    assert found["date"].to_list() == sorted(expected)
    assert found["model"].to_list() == [expected[day]["model"] for day in sorted(expected)]


def test_a_day_that_is_not_known_goes_by_none():
    unknown = DAILY_SUMS.with_columns(points=pl.when(pl.col("date") == DATES[20]).then(0.0).otherwise(pl.col("points")))
    assert DATES[20] not in in_use(unknown)["date"].to_list()


def test_the_figures_of_each_week_beside_what_is_usual():
    usual = {
        (BIAS, LEVEL, "total", ALL): UsualFigure(0.0, 0.01, 0.5, 8.0, 7.0),
        (ERROR, LEVEL, "total", ALL): UsualFigure(math.log(0.2), 0.04, 0.5, 8.0, 7.0),
    }
    found = by_week(DAILY_SUMS, DATES, 7, ("total", "item"), usual)
    total = found.filter(pl.col("of") == "total")
    # Weeks end on day 29, 22, 15 and 8: those from 23 and 16 by c, from 9 by b (made on 8), from 2 by a.
    assert total["model"].to_list() == ["a", "b", "c", "c"]
    assert total["first"].to_list() == [DATES[2], DATES[9], DATES[16], DATES[23]]
    assert total["bias"].to_list() == pytest.approx([0.2, -0.5, 0.2, 0.2])
    assert total["wape"].to_list() == pytest.approx([0.2, 0.5, 0.2, 0.2])
    reach = limit(OUTSIDE, 7.0, 2) * math.sqrt(0.01 * (1 + 1 / 8))
    assert total["bias_low"][0] == pytest.approx(math.exp(-reach) - 1)
    assert total["bias_high"][0] == pytest.approx(math.exp(reach) - 1)
    assert total["bias_usual"][0] == pytest.approx(0)
    # 50 % too little lies far below exp(-0.25) - 1; WAPE of 50 % within 20 % times exp(0.50), or not.
    assert total["bias_outside"].to_list() == [False, True, False, False]
    high = 0.2 * math.exp(limit(OUTSIDE, 7.0, 2) * math.sqrt(0.04 * (1 + 1 / 8)))
    assert total["wape_high"][0] == pytest.approx(high)
    assert total["wape_outside"].to_list() == [each > high for each in (0.2, 0.5, 0.2, 0.2)]
    item = found.filter(pl.col("of") == "item")
    assert item["model"].to_list() == ["a"]
    assert item["wape_usual"].to_list() == [None]
    assert item["wape_outside"].to_list() == [None]


def test_without_a_whole_week_there_are_no_rows_but_the_columns():
    none = by_week(DAILY_SUMS, DATES[:5], 7, ("total",), {})
    some = by_week(DAILY_SUMS, DATES, 7, ("total",), {})
    assert none.is_empty()
    assert none.schema == some.schema


def test_of_two_models_at_one_cutoff_the_one_that_forecast_last_counts():
    """The table is sorted by the name of the model, which says nothing."""
    day = datetime(2025, 9, 2, tzinfo=UTC)
    by_a, by_b = forecast("a", 1, 14), forecast("b", 1, 14, guess=5.0)
    both = pl.concat([by_a.with_columns(made=day + timedelta(hours=2)), by_b.with_columns(made=day)])
    assert in_use(both)["model"].unique().to_list() == ["a"]
    weeks = by_week(both, DATES[:16], 7, ("total",), {})
    assert weeks.select("model", "forecast", "days").rows() == [("a", 84.0, 7), ("a", 84.0, 7)]
    older = pl.concat([by_a.with_columns(made=None), by_b.with_columns(made=day)], how="vertical_relaxed")
    assert in_use(older)["model"].unique().to_list() == ["b"]
    unsaid = in_use(both.drop("made"))  # as an older foresell kept them
    assert unsaid["date"].to_list() == DATES[2:16]
