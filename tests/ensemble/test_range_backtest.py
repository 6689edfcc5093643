"""How often ranges held, over several windows."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.ensemble.range_backtest import coverage_by_segment


def window(coverage: float, width: float, relative_width: float, points: int) -> dict[str, object]:
    named = {"level": "store", "by": "age", "segment": "new", "nominal": 0.9}
    return {**named, "points": points, "coverage": coverage, "width": width, "relative_width": relative_width}


def test_windows_count_by_their_points():
    row = coverage_by_segment(pl.DataFrame([window(0.8, 2.0, 0.5, 10), window(1.0, 4.0, 2.0, 30)])).row(0, named=True)
    assert row["coverage"] == pytest.approx(0.95)
    assert row["width"] == pytest.approx(3.5)
    assert row["relative_width"] == pytest.approx((20 + 120) / (40 + 60))  # 4 and 2 were forecast a point


def test_a_window_whose_ranges_had_no_width_does_not_spoil_the_others():
    row = coverage_by_segment(pl.DataFrame([window(1.0, 0.0, 0.0, 5), window(1.0, 4.0, 2.0, 5)])).row(0, named=True)
    assert row["relative_width"] == pytest.approx(2.0)


@pytest.mark.parametrize("relative_width", [0.0, None])
def test_where_no_range_had_a_width_there_is_no_relative_width(relative_width):
    none = window(1.0, 0.0, 0.0, 5) | {"relative_width": relative_width}
    assert (
        coverage_by_segment(pl.DataFrame([none], schema_overrides={"relative_width": pl.Float64}))[
            "relative_width"
        ].item()
        is None
    )
