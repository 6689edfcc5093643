from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.evaluate.diagnosis import Diagnosis, Errors, diagnose, ratio, stretches

MONDAY = np.datetime64("2024-01-01")


def panel_of(n_series: int, n_days: int, frequency: Frequency = Frequency.DAY) -> Panel:
    from foresell.core.frequency import period_range

    series = pl.DataFrame(
        {"item": [f"i{row}" for row in range(n_series)], "shop": [f"s{row % 2}" for row in range(n_series)]}
    )
    dates = period_range(MONDAY, n_days, frequency)
    return Panel(series, ("item",), dates, np.ones((n_series, n_days), np.float32), frequency=frequency)


def backtested(panel: Panel, cutoffs: list[int], mean: np.ndarray, actual: np.ndarray) -> pl.DataFrame:
    """The table of a backtest: mean and actual [window, series, step]."""
    horizon, frames = mean.shape[2], []
    for window, cutoff in enumerate(cutoffs):
        for step in range(horizon):
            frame = panel.series.select(pl.col("item").cast(pl.Categorical)).with_columns(
                model=pl.lit("gbm"),
                cutoff=pl.lit(panel.dates[cutoff].astype(object)),
                date=pl.lit(panel.dates[cutoff + 1 + step].astype(object)),
                step=pl.lit(step + 1, pl.Int16),
                mean=pl.Series(mean[window, :, step].astype(np.float32)),
                actual=pl.Series(actual[window, :, step]).fill_nan(None),
            )
            frames.append(frame)
    return pl.concat(frames).sample(fraction=1, shuffle=True, seed=1)  # in no order


def part(diagnosis: Diagnosis, by: str, name: str) -> dict:
    return diagnosis.bias.filter(by=by, part=name).row(0, named=True)


def test_a_table_worked_by_hand() -> None:
    """Two series, two windows of two weeks. Series 0 sells 10 a day, forecast 11; series 1 sells 30, forecast 30, but
    33 on Sundays. The total: 40 a day, 41 forecast, 44 on Sundays."""
    panel = panel_of(2, 60)
    hierarchy = Hierarchy.of(panel.keys, (("shop",),))
    actual = np.tile(np.array([[10.0], [30.0]]), (2, 1, 14))
    mean = actual + np.array([[1.0], [0.0]])
    mean[:, 1, [6, 13]] = 33  # the cutoffs are Sundays, so steps 7 and 14 are too
    diagnosis = diagnose(backtested(panel, [13, 27], mean, actual), panel, hierarchy)
    assert part(diagnosis, "all", "all")["bias"] == pytest.approx((28 * 1 + 4 * 3) / (28 * 40))
    assert part(diagnosis, "weekday", "Monday")["bias"] == pytest.approx(1 / 40)
    sunday = part(diagnosis, "weekday", "Sunday")
    assert sunday["bias"] == pytest.approx(4 / 40)
    # A window's own bias is 20 / 560; what is left on Sundays is 4 - 40 * 20 / 560 of 40, the same every week.
    assert sunday["apart"] == pytest.approx(0.1 - 20 / 560)
    assert sunday["standard_error"] == pytest.approx(0, abs=1e-9)
    assert sunday["clear"]
    assert diagnosis.bias.filter(by="step")["part"].to_list() == ["1 to 7", "8 to 14"]
    assert part(diagnosis, "group", "s0")["bias"] == pytest.approx(0.1)
    assert part(diagnosis, "group", "s1")["bias"] == pytest.approx(12 / 840)
    single = diagnosis.levels.row(-1, named=True)
    assert (single["level"], single["groups"], single["windows"]) == ("item", 2, 2)
    assert single["bias"] == pytest.approx((28 + 12) / (28 * 40))
    assert single["near"] == pytest.approx(single["far"])


def test_days_that_are_not_known_are_left_out_on_both_sides() -> None:
    panel = panel_of(2, 60)
    hierarchy = Hierarchy.of(panel.keys)
    actual = np.full((1, 2, 14), 10.0)
    mean = np.full((1, 2, 14), 12.0)
    actual[0, 1, 3:] = np.nan
    mean[0, 1, 3:] = 1000
    diagnosis = diagnose(backtested(panel, [13], mean, actual), panel, hierarchy)
    total = part(diagnosis, "all", "all")
    assert (total["sold"], total["bias"]) == (170, pytest.approx(0.2))
    # One window says nothing of how windows differ.
    assert (total["standard_error"], total["noise"], total["clear"]) == (None, None, False)


def test_the_autocorrelation_is_that_of_a_loop() -> None:
    random = np.random.default_rng(2)
    panel, hierarchy = panel_of(3, 120), Hierarchy.of(("item",))
    actual = random.poisson(20, (2, 3, 28)).astype(float)
    actual[random.random(actual.shape) < 0.1] = np.nan
    mean = random.poisson(20, (2, 3, 28)).astype(float)
    correlation = diagnose(backtested(panel, [30, 58], mean, actual), panel, hierarchy).correlation
    error = mean - actual
    for lag in (1, 7):
        of_windows = []
        for series in range(3):
            centred = [error[window, series] - np.nanmean(error[window, series]) for window in range(2)]
            variance = np.nanmean(np.concatenate(centred) ** 2)
            pairs = [one[at] * one[at + lag] for one in centred for at in range(28 - lag)]
            of_windows.append(np.nanmean(pairs) / variance)
        row = correlation.filter(level="item", lag=lag).row(0, named=True)
        assert row["autocorrelation"] == pytest.approx(np.mean(of_windows))
    # Errors of one window that alternate are as unlike their neighbours as can be.
    swing = 20 + 5 * np.tile([1.0, -1.0], 14)
    alternating = diagnose(
        backtested(panel, [30], np.broadcast_to(swing, (1, 3, 28)), np.full((1, 3, 28), 20.0)), panel, hierarchy
    )
    rows = alternating.correlation.filter(level="total").to_dicts()
    assert [round(row["autocorrelation"], 6) for row in rows[:3]] == [-1, 1, -1]
    assert rows[0]["bound"] == pytest.approx(1.96 / 27**0.5)


def planted(seed: int, sunday: float, windows: int = 4) -> Diagnosis:
    """Errors that last: each window is off by some per cent as a whole, days scatter; Sundays by so much more."""
    random = np.random.default_rng(seed)
    panel, horizon = panel_of(4, 7 * 30), 28
    actual = np.full((windows, 4, horizon), 100.0)
    off = random.normal(0, 0.06, (windows, 1, 1)) + random.normal(0, 0.03, (windows, 1, horizon))
    off = off + sunday * (np.arange(horizon) % 7 == 6)
    cutoffs = [13 + horizon * window for window in range(windows)]
    return diagnose(backtested(panel, cutoffs, actual * (1 + off), actual), panel, Hierarchy.of(panel.keys))


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_weekday_is_found_though_whole_windows_are_off(seed) -> None:
    weekdays = planted(seed, sunday=0.08).bias.filter(by="weekday", clear=True)
    assert "Sunday" in weekdays["part"].to_list()


def test_noise_is_seldom_called_clear() -> None:
    alarms = [planted(seed, sunday=0).bias["clear"].any() for seed in range(40)]
    # Three families (all, weekday, step) at 5 % each; more than 14 of 40 comes by chance once in a thousand times.
    assert sum(alarms) <= 14


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=30)
def test_levels_add_up_and_what_is_left_of_a_window_is_nothing(seed, n_series) -> None:
    random = np.random.default_rng(seed)
    panel = panel_of(n_series, 80)
    actual = random.poisson(5, (2, n_series, 14)).astype(float)
    actual[random.random(actual.shape) < 0.2] = np.nan
    actual[0, 0, 0] = 3  # something is known
    mean = random.gamma(5, 1, (2, n_series, 14))
    errors = Errors.of(backtested(panel, [20, 34], mean, actual), panel)
    for groups in Hierarchy.of(panel.keys, (("shop",),)).all_groups(panel.series):
        level = errors.sum(groups)
        np.testing.assert_allclose(level.error.sum(), errors.error.sum(), atol=1e-6)
        sold = level.actual.sum(axis=2) > 0
        np.testing.assert_allclose(level.without_window_bias().sum(axis=2)[sold], 0, atol=1e-6)


def test_windows_that_overlap_count_as_one_stretch_of_time() -> None:
    panel = panel_of(1, 60)
    flat = np.full((3, 1, 14), 10.0)
    apart = Errors.of(backtested(panel, [6, 20, 34], flat, flat), panel)
    assert apart.periods[:, 0].tolist() == [0, 1, 2]
    over = Errors.of(backtested(panel, [6, 13, 20], flat, flat), panel)
    assert over.periods[0].tolist() == [0] * 14
    assert over.periods[1].tolist() == [0] * 7 + [1] * 7
    assert over.periods[2].tolist() == [1] * 14


@pytest.mark.parametrize(("frequency", "horizon"), [(Frequency.WEEK, 8), (Frequency.MONTH, 6), (Frequency.DAY, 3)])
def test_weeks_months_and_short_horizons(frequency, horizon) -> None:
    panel = panel_of(2, 80, frequency)
    actual = np.full((2, 2, horizon), 10.0)
    diagnosis = diagnose(backtested(panel, [40, 60], actual * 1.1, actual), panel, Hierarchy.of(panel.keys))
    kinds = set(diagnosis.bias["by"])
    assert kinds == ({"all", "weekday"} if frequency == Frequency.DAY else {"all", "month", "step"})
    assert part(diagnosis, "all", "all")["bias"] == pytest.approx(0.1)
    if (
        frequency == Frequency.MONTH
    ):  # steps 41 to 46 and 61 to 66 after January 2024: June to November, February to July
        months = diagnosis.bias.filter(by="month")["part"].to_list()
        assert (months[0], months[-1], len(months)) == ("February", "November", 10)


def test_ratio_of_clusters_is_the_textbook_sum() -> None:
    error, actual, cluster = np.array([1.0, 2, -1, 4]), np.array([10.0, 10, 20, 10]), np.array([5, 5, 9, 9])
    bias, spread, count = ratio(error, actual, cluster)
    residual = [1 - 10 * bias + 2 - 10 * bias, -1 - 20 * bias + 4 - 10 * bias]
    assert bias == pytest.approx(6 / 50)
    assert spread == pytest.approx((2 / 1 * (residual[0] ** 2 + residual[1] ** 2)) ** 0.5 / 50)
    assert count == 2
    assert np.isnan(ratio(np.zeros(2), np.zeros(2), np.arange(2))[0])


@given(st.integers(1, 400), st.sampled_from(list(Frequency)))
def test_stretches_cover_the_horizon_once(horizon, frequency) -> None:
    parts = stretches(horizon, frequency)
    assert [step for first, last in parts for step in range(first, last + 1)] == list(range(1, horizon + 1))


def test_what_cannot_be_diagnosed_is_said() -> None:
    panel = panel_of(2, 60)
    flat = np.full((1, 2, 7), 1.0)
    tested, hierarchy = backtested(panel, [6], flat, flat), Hierarchy.of(panel.keys)
    two = pl.concat([tested, tested.with_columns(model=pl.lit("other"))])
    with pytest.raises(UsageError, match="forecasts are of gbm, other"):
        diagnose(two, panel, hierarchy)
    with pytest.raises(UsageError, match="no forecast of the backtest has a known actual"):
        diagnose(tested.with_columns(actual=pl.lit(None, pl.Float64)), panel, hierarchy)
    with pytest.raises(UsageError, match=r"1 series that the panel does not have: i1\."):
        diagnose(tested, replace(panel.part(slice(0, 1))), hierarchy)
    assert tested["cutoff"][0] == date(2024, 1, 7)
