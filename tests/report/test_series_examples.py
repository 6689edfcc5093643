from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.report import data_summary, pick
from foresell.report.series_examples import series_examples

Forecasts = dict[tuple[str, ...], Forecast]


def test_what_was_found_is_counted(panel: Panel, hierarchy: Hierarchy) -> None:
    data = data_summary(panel, hierarchy, rows=5)
    # By hand: 10 * 379 + 1 * 379 + 1 * 30 in A, 20 * 380 + 2 * 380 + 2 * 30 in B.
    units = 3790 + 379 + 30 + 7600 + 760 + 60
    assert data.units == units
    assert data.revenue == 2 * units
    assert dict(data.levels) == {"total": 1, "store": 2, "item x store": 6}
    cells = 6 * 380
    known = cells - 2 * 350 - 1
    assert data.shares == {
        "something sold": (known - 1) / cells,
        "on sale, nothing sold": 1 / cells,
        "not yet on sale": 700 / cells,
        "not known (closed or out of stock)": 1 / cells,
    }
    assert data.history_unit == "units a day, by month"
    assert data.dates[0] == np.datetime64("2023-01-01")
    assert data.history[0] == 33.0  # January has 30 days from the 2nd on, each 10 + 1 + 20 + 2
    assert len(data.history) == 12  # January 2024 has 16 days so far and is left out


def test_an_unpriced_panel_has_no_revenue(panel: Panel, hierarchy: Hierarchy) -> None:
    assert data_summary(Panel(panel.series, panel.keys, panel.dates, panel.units), hierarchy).revenue is None


def test_the_total_then_levels_then_series(
    panel: Panel, hierarchy: Hierarchy, forecasts: Forecasts, tested: pl.DataFrame
) -> None:
    told = series_examples(panel, hierarchy, forecasts, tested, count=1)
    assert [(story.reason, story.name) for story in told] == [
        ("total", "All sales"),
        ("level", "B"),
        ("level", "A"),
        ("largest", "hammer · B"),
        ("typical", "nail · A"),
        ("worst", "nail · B"),
    ]
    total, first, hammer = told[0], told[1], told[3]
    assert total.mean.tolist() == [36.0] * 7
    assert total.units[-1] == 36.0
    assert total.tested.tolist() == [42.0] * 7  # one too many for each of six series
    assert total.tested_dates[-1] == panel.dates[panel.n_days - 1]
    assert total.last_year == 7 * 33.0  # a year ago the third item was not yet on sale
    assert total.change == (7 * 36) / (7 * 33) - 1
    assert first.mean.tolist() == [24.0] * 7
    assert [(band.share, band.low[0], band.high[0]) for band in hammer.bands] == [(0.9, 0.0, 40.0), (0.5, 10.0, 30.0)]
    assert hammer.error == pytest.approx(1 / 20)
    assert total.error is None


def test_tested_forecasts_may_come_as_categories_in_any_order(
    panel: Panel, hierarchy: Hierarchy, forecasts: Forecasts, tested: pl.DataFrame
) -> None:
    mixed = tested.sample(fraction=1, shuffle=True, seed=1).with_columns(pl.col("item", "store").cast(pl.Categorical))
    for one, other in zip(
        series_examples(panel, hierarchy, forecasts, tested),
        series_examples(panel, hierarchy, forecasts, mixed),
        strict=True,
    ):
        assert one.name == other.name
        np.testing.assert_array_equal(one.tested, other.tested)


def test_without_a_backtest_or_a_year_there_is_less_to_tell(
    panel: Panel, hierarchy: Hierarchy, forecasts: Forecasts
) -> None:
    short = panel.until(panel.n_days - 1)
    told = series_examples(short, hierarchy, {(): forecasts[()]})
    assert len(told) == 1
    assert len(told[0].tested) == 0
    young = Panel(panel.series, panel.keys, panel.dates[300:], panel.units[:, 300:])
    assert series_examples(young, hierarchy, forecasts)[0].last_year is None
    assert series_examples(young, hierarchy, forecasts)[0].change is None


def test_a_gap_in_last_year_leaves_nothing_to_compare(panel: Panel, hierarchy: Hierarchy, forecasts: Forecasts) -> None:
    units = panel.units.copy()
    units[:, panel.n_days - 364] = np.nan
    gap = Panel(panel.series, panel.keys, panel.dates, units)
    assert series_examples(gap, hierarchy, forecasts)[0].last_year is None


volumes = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1e6) | st.just(np.nan))


@given(volumes, st.integers(1, 5))
def test_no_series_is_picked_twice_and_some_always_is(volume: np.ndarray, each: int) -> None:
    picked = pick(volume, np.nan_to_num(volume)[::-1].copy(), each)
    rows = [row for row, _ in picked]
    assert len(rows) == len(set(rows)) >= 1
    for why in ("largest", "typical", "worst"):
        assert sum(reason == why for _, reason in picked) <= each
    largest = [volume[row] for row, why in picked if why == "largest"]
    if largest:
        assert max(largest) == np.nanmax(volume)
