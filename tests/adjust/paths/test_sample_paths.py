"""Paths have the distributions of single days, hang together as was learnt, and do not depend on how they are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.dependent_sales import HIERARCHY, HORIZON, dependent_sales

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.kernels import CONSTANT, NOISE
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.forecast import Forecast
from foresell.models.closed_days import closed_days

PANEL, FORECASTS = dependent_sales()


@pytest.fixture(scope="module")
def ranges() -> Ranges:
    return Ranges.learn(FORECASTS, PANEL, HIERARCHY)


@pytest.fixture(scope="module")
def learnt(ranges) -> Dependence:
    return Dependence.learn(FORECASTS, PANEL, HIERARCHY, ranges)


def next_forecast(panel=PANEL) -> Forecast:
    """The forecast after the last day: the constant means."""
    last = FORECASTS.filter(pl.col("cutoff") == pl.col("cutoff").max())
    mean = last["mean"].to_numpy().reshape(-1, HORIZON)[: panel.n_series]
    return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(HORIZON), mean)


def sample(ranges, dependence, panel=PANEL) -> SamplePaths:
    return SamplePaths.of(next_forecast(panel), panel, HIERARCHY, ranges, dependence)


def dependence_of(own: dict[str, float], total: dict[str, float] | None = None, heavy: float = 0.0) -> Dependence:
    """Shares of the kernels in the scores of all series, and the variances of a factor of the total."""
    rows = [("total", None, 0.0, kind, 0.0, value) for kind, value in (total or {CONSTANT: 0.0, NOISE: 0.0}).items()]
    rows += [("group", None, 0.0, kind, 0.0, 0.0) for kind in own]
    rows += [("item", size, heavy, kind, 0.0, share) for size in (-3.0, 5.0) for kind, share in own.items()]
    rows += [("total", None, None, "group", None, 1.0)]
    table = pl.DataFrame(rows, ["level", "size", "heavy", "kind", "length", "variance"], orient="row")
    return Dependence(table.with_columns(group=pl.lit(0, pl.UInt64)))


def test_single_days_have_the_distribution_of_the_ranges(ranges, learnt):
    paths = sample(ranges, learnt).draw(2000)
    closed = closed_days(PANEL, HORIZON)
    of_level = ranges.of_level(("item",), PANEL, HIERARCHY, closed)
    group, step = np.divmod(np.arange(closed.size), HORIZON)
    probabilities = (0.1, 0.5, 0.9)
    quantiles = of_level.quantiles(next_forecast().mean.reshape(-1), group, step, probabilities)
    for probability, quantile in zip(probabilities, quantiles.reshape(3, *closed.shape), strict=True):
        below, at_most = np.mean(paths < quantile, axis=0), np.mean(paths <= quantile, axis=0)
        assert (at_most >= probability - 0.05).all()
        assert (below <= probability + 0.05).all()
        assert np.mean(at_most) >= probability - 0.003  # no drift over all series and days
        assert np.mean(below) <= probability + 0.003


def test_units_are_whole_and_never_negative(ranges, learnt):
    paths = sample(ranges, learnt).draw(20)
    assert paths.dtype == np.float32
    assert paths.shape == (20, PANEL.n_series, HORIZON)
    assert (paths == np.floor(paths)).all()
    assert paths.min() == 0


def test_closed_days_are_0(ranges, learnt):
    units = PANEL.units.copy()
    units[3, np.arange(PANEL.n_days) % 7 == 6] = np.nan  # closed on Sundays
    panel = replace(PANEL, units=units)
    paths = sample(ranges, learnt, panel).draw(20)
    sundays = (panel.ahead(HORIZON).astype(int) + 3) % 7 == 6
    assert closed_days(panel, HORIZON)[3].tolist() == sundays.tolist()
    assert paths[:, 3, sundays].max() == 0
    assert paths[:, 3, ~sundays].max() > 0


def test_blocks_and_other_series_change_nothing(ranges, learnt, monkeypatch):
    whole = sample(ranges, learnt).draw(6)
    some = np.array([77, 3, 50])
    assert np.array_equal(sample(ranges, learnt).draw(6, some), whole[:, some])
    few = PANEL.part(np.arange(40))
    assert np.array_equal(sample(ranges, learnt, few).draw(6), whole[:, :40])
    monkeypatch.setattr("foresell.adjust.paths.sample_paths._BLOCK", 7)
    assert np.array_equal(sample(ranges, learnt).draw(6), whole)


def test_more_paths_leave_the_first_ones_and_another_seed_none(ranges, learnt):
    paths = sample(ranges, learnt)
    assert np.array_equal(paths.draw(12)[:6], paths.draw(6))
    assert not np.array_equal(replace(paths, seed=2).draw(6), paths.draw(6))


def test_independent_days_add_up_to_the_sum_of_variances(ranges):
    paths = sample(ranges, dependence_of({CONSTANT: 0.0, NOISE: 1.0})).draw(2000)
    ratio = paths.sum(axis=2).var(axis=0) / paths.var(axis=0).sum(axis=1)
    assert np.mean(ratio) == pytest.approx(1, abs=0.02)
    totals = paths[:, :, 0].sum(axis=1)
    assert totals.var() / paths[:, :, 0].var(axis=0).sum() == pytest.approx(1, abs=0.1)


def test_days_that_depend_wholly_add_up_to_the_square_of_the_sum_of_deviations(ranges):
    """With one score for all days, the k-th smallest sum is the sum of the k-th smallest days."""
    paths = sample(ranges, dependence_of({CONSTANT: 0.98, NOISE: 0.02})).draw(500)
    one = np.argmax(next_forecast().mean[:, 0])
    deviation = paths[:, one].std(axis=0).sum()
    assert paths[:, one].sum(axis=1).std() == pytest.approx(np.sqrt(0.98) * deviation, rel=0.02)


def test_a_factor_of_the_total_moves_the_sum_of_all_by_its_share(ranges):
    """A factor with c = 0.2 gives the total a standard deviation of 20 % beside that of independent series."""
    large = replace(next_forecast(), mean=np.full((PANEL.n_series, HORIZON), 20, np.float32))
    dependence = dependence_of({CONSTANT: 0.0, NOISE: 1.0}, {CONSTANT: 0.2**2, NOISE: 0.0})
    paths = SamplePaths.of(large, PANEL, HIERARCHY, ranges, dependence).draw(2000)
    totals = paths[:, :, 0].sum(axis=1)
    independent = paths[:, :, 0].var(axis=0).sum() - PANEL.n_series * (0.2 * 20) ** 2
    assert totals.std() == pytest.approx(np.sqrt((0.2 * 20 * PANEL.n_series) ** 2 + independent), rel=0.06)
    month = paths.sum(axis=(1, 2))  # the factor is constant over the days
    assert month.std() / month.mean() == pytest.approx(0.2, rel=0.08)


def test_uneven_errors_leave_single_days_and_give_sums_heavier_tails(ranges):
    even, uneven = (sample(ranges, dependence_of({CONSTANT: 0.2, NOISE: 0.8}, heavy=heavy)) for heavy in (0.0, 1.0))
    large = next_forecast().mean[:, 0] > 20
    first, second = (paths.draw(2000)[:, large] for paths in (even, uneven))
    assert second[:, :, 0].std(axis=0) == pytest.approx(first[:, :, 0].std(axis=0), rel=0.12)
    months = [paths.sum(axis=2) for paths in (first, second)]
    months = [(month - month.mean(axis=0)) / month.std(axis=0) for month in months]
    middle = [np.mean(np.abs(month) < 0.5) for month in months]
    assert middle[1] > middle[0] + 0.1
    assert np.mean(months[1] ** 4) > np.mean(months[0] ** 4) + 1
