"""How errors depend on each other is learnt from a backtest alone, and gives sums over days an honest range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.dependent_sales import HIERARCHY, HORIZON, dependent_sales

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.kernels import DECAY, SEASON, Kernel, kernels, matrices
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.paths.sums import quantiles_of_sums
from foresell.adjust.ranges import Ranges
from foresell.core.errors import UnreadableFile
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy

LEVELS = HIERARCHY.levels


def learn(panel, forecasts, hierarchy=HIERARCHY):
    ranges = Ranges.learn(forecasts, panel, hierarchy)
    return ranges, Dependence.learn(forecasts, panel, hierarchy, ranges)


def coverage(panel, forecasts, learnt_from: int, independent: bool = False) -> dict[tuple, float]:
    """How often sums over 7, 14 and 28 days lay in their range of 80 %, by level and days, in the windows after those
    from which the ranges are learnt."""
    cutoffs = forecasts["cutoff"].unique().sort()
    ranges, dependence = learn(panel, forecasts.filter(pl.col("cutoff") < cutoffs[learnt_from]))
    if independent:
        noise = pl.col("size").is_not_null() & (pl.col("kind") == "noise")
        shares = pl.when(pl.col("kind") == "group").then("variance").otherwise(noise.cast(pl.Float64))
        dependence = Dependence(dependence.table.with_columns(variance=shares))
    held: dict[tuple, list] = {}
    groups = HIERARCHY.all_groups(panel.series)
    for cutoff in cutoffs[learnt_from:]:
        past, now = panel.until(cutoff), forecasts.filter(pl.col("cutoff") == cutoff)
        mean, actual = (now[column].to_numpy().reshape(-1, HORIZON) for column in ("mean", "actual"))
        forecast = Forecast(panel.series, panel.keys, past.cutoff, past.ahead(HORIZON), mean)
        paths = SamplePaths.of(forecast, past, HIERARCHY, ranges, dependence)
        spans = [slice(start, start + days) for days in (7, 14, 28) for start in range(0, HORIZON, days)]
        for level, sums in zip(groups, paths.sums(groups, spans, 100), strict=True):
            low, high = quantiles_of_sums(sums, (0.1, 0.9), whole=True)  # [group, span]
            truth = np.stack([level.sum(actual[:, span]).sum(axis=1) for span in spans], axis=1)
            inside = np.clip(high - truth + 0.5, 0, 1) - np.clip(low - truth + 0.5, 0, 1)
            for number, span in enumerate(spans):
                held.setdefault((level.level, span.stop - span.start), []).append(inside[:, number].mean())
    return {key: float(np.mean(values)) for key, values in held.items()}


def test_sums_have_their_nominal_coverage_where_independence_fails():
    """Items are many, so that their coverage is nearly exact; a few windows of ten groups leave some chance."""
    panel, forecasts = dependent_sales(windows=16)
    learnt, naive = coverage(panel, forecasts, 8), coverage(panel, forecasts, 8, independent=True)
    for days in (7, 14, 28):
        assert learnt[("item",), days] == pytest.approx(0.8, abs=0.03)
        assert learnt[("group",), days] == pytest.approx(0.8, abs=0.1)
    assert naive[("item",), 28] < 0.65
    assert naive[("group",), 28] < 0.5


def test_what_is_sold_after_the_last_window_changes_nothing():
    panel, forecasts = dependent_sales(windows=4)
    until = forecasts["cutoff"].unique().sort()[-1]
    earlier = forecasts.filter(pl.col("cutoff") < until)
    scrambled = panel.units.copy()
    scrambled[:, panel.day_of(until) + 1 :] = np.random.default_rng(1).permutation(scrambled[:, -HORIZON:])
    first, second = (learn(of, earlier)[1] for of in (panel, replace(panel, units=scrambled)))
    assert first.table.equals(second.table)


def test_shared_and_own_levels_are_found():
    """Sales with a shared part have factors of total and group, and those without have hardly any."""
    found = {}
    for shared in (0.0, 0.08):
        panel, forecasts = dependent_sales(windows=10, shared=shared)
        _, dependence = learn(panel, forecasts)
        levels = HIERARCHY.all_groups(panel.series)[:-1]
        relative = [np.mean(dependence.deviations(of) ** 2) * dependence.of_level(of.level).sum() for of in levels]
        found[shared] = sum(relative)
    assert found[0.08] == pytest.approx(2 * 0.08**2, rel=0.6)
    assert found[0.0] < 0.25 * found[0.08]


def test_two_windows_and_no_levels_are_enough():
    panel, forecasts = dependent_sales(n_series=4, windows=1)
    hierarchy = Hierarchy.of(("item",))
    _, dependence = learn(panel, forecasts, hierarchy)
    shares = dependence.of_sizes(np.array([-2.0, 0, 3]))
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (shares >= 0).all()


def test_it_is_kept_as_a_file(tmp_path):
    panel, forecasts = dependent_sales(n_series=20, windows=3)
    _, dependence = learn(panel, forecasts)
    dependence.save(tmp_path / "dependence.parquet")
    assert Dependence.load(tmp_path / "dependence.parquet").table.equals(dependence.table)
    dependence.table.drop("heavy").write_parquet(tmp_path / "other.parquet")
    with pytest.raises(UnreadableFile, match="made by another version, without heavy"):
        Dependence.load(tmp_path / "other.parquet")
    with pytest.raises(UnreadableFile, match=r"none\.parquet"):
        Dependence.load(tmp_path / "none.parquet")


@pytest.mark.parametrize("frequency", Frequency)
@pytest.mark.parametrize("horizon", [1, 2, 8, 28, 48])
def test_kernels_are_correlations(frequency, horizon):
    of = kernels(horizon, frequency)
    for matrix in matrices(of, horizon):
        assert np.diag(matrix) == pytest.approx(1)
        assert np.linalg.eigvalsh(matrix).min() > -1e-9


@pytest.mark.parametrize("horizon", range(1, 31))
def test_no_kernel_stands_twice(horizon):
    of = kernels(horizon, Frequency.MONTH)
    assert len(set(of)) == len(of)


def test_a_season_adds_up_to_nothing():
    week = Kernel(SEASON, 7.0).of(np.arange(7))
    assert week.sum() == pytest.approx(0, abs=1e-9)
    assert week[0] == 1
    assert Kernel(DECAY, 7.0).of(np.array([7.0]))[0] == pytest.approx(np.exp(-1))
