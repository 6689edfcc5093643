"""Day sums and figures of matured accuracy, by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.monitor.accuracy import ALL, GROUP, LEVEL, SEGMENT, MaturedLevel, added_up, day_sums, figures

CUTOFF = date(2024, 3, 1)
DATES = np.array(["2024-03-02", "2024-03-03"], "datetime64[D]")
NAN = np.nan


@pytest.fixture
def daily() -> pl.DataFrame:
    """Three series in two shops on two days; the last series is not known on the second day."""
    actual = np.array([[10.0, 0], [4, 6], [2, NAN]])
    forecast = np.array([[8.0, 1], [5, 6], [2, 0]])
    naive = np.array([[10.0, 3], [0, 6], [1, 0]])
    inside = np.array([[1.0, 0.5], [1, 1], [0, NAN]])
    shops = np.array([[14.0, 6], [2, NAN]])
    levels = [
        MaturedLevel("shop", shops, np.array([[13.0, 7], [2, 0]]), np.array([[10.0, 9], [1, 0]])),
        MaturedLevel("shop x item", actual, forecast, naive, inside),
    ]
    segments = pl.DataFrame({"volume": ["high", "low", "low"]})
    return day_sums(CUTOFF, DATES, 3, levels, {"shop": ["north", "south"]}, segments)


def of(table: pl.DataFrame, part: str, name: str = ALL, level: str = "shop x item") -> dict[str, object]:
    rows = table.filter((pl.col("part") == part) & (pl.col("of") == level) & (pl.col("name") == name))
    assert rows.height == 1
    return rows.row(0, named=True)


def test_sums_of_the_single_series_are_those_of_known_days(daily):
    row = of(added_up(daily, ["part", "of", "name"]), LEVEL)
    assert row["units"] == 10 + 0 + 4 + 6 + 2
    assert row["forecast"] == 8 + 1 + 5 + 6 + 2
    assert row["error"] == 2 + 1 + 1 + 0 + 0
    assert row["naive"] == 0 + 3 + 4 + 0 + 1
    assert (row["points"], row["ranged"], row["inside"]) == (5, 5, 3.5)
    assert (row["first"], row["last"], row["days"]) == (date(2024, 3, 2), date(2024, 3, 3), 2)


def test_figures_are_ratios_of_sums(daily):
    row = of(figures(daily), LEVEL)
    assert row["wape"] == pytest.approx(4 / 22)
    assert row["bias"] == pytest.approx(22 / 22 - 1)
    assert row["coverage"] == pytest.approx(3.5 / 5)
    assert row["wape_naive"] == pytest.approx(8 / 22)
    assert row["value_added"] == pytest.approx(1 - 4 / 8)


def test_groups_and_segments_have_their_own_rows(daily):
    found = figures(daily)
    assert of(found, GROUP, "north", "shop")["bias"] == pytest.approx(20 / 20 - 1)
    assert of(found, GROUP, "south", "shop")["days"] == 1  # of its second day nothing is known
    assert of(found, LEVEL, level="shop")["wape"] == pytest.approx((1 + 1 + 0) / 22)
    low = of(found, SEGMENT, "low", "volume")
    assert (low["units"], low["error"]) == (12, 1)
    assert of(found, LEVEL, level="shop")["coverage"] is None  # no ranges were given


def test_steps_and_dates_go_together(daily):
    rows = daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "shop x item"))
    assert rows.select("date", "step", "units").rows() == [(date(2024, 3, 2), 3, 16.0), (date(2024, 3, 3), 4, 6.0)]
    by_step = figures(daily.filter(pl.col("part") == LEVEL), ["of", "step"])
    assert by_step.filter((pl.col("of") == "shop x item") & (pl.col("step") == 4))["wape"][0] == pytest.approx(1 / 6)


def test_what_lies_on_days_that_are_not_known_changes_nothing():
    actual = np.array([[3.0, NAN]])
    sums = [
        MaturedLevel(
            "total", actual, np.array([[2.0, other]]), np.array([[1.0, other]]), np.array([[1.0, other]])
        ).sums()
        for other in (0.0, 99.0)
    ]
    for name in sums[0]:
        assert sums[0][name].tolist() == sums[1][name].tolist()


def test_nothing_known_makes_no_figures():
    nothing = np.full((2, 1), NAN)
    daily = day_sums(CUTOFF, DATES[:1], 1, [MaturedLevel("total", nothing, nothing, nothing)], {}, pl.DataFrame())
    assert figures(daily).is_empty()
