"""Ranges cover what they promise on a window that was held out, at every level and for few units as for many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconcile import all_levels
from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.evaluate.backtest import backtest
from foresell.evaluate.windows import cutoffs
from foresell.models import make

HORIZON = 14
HIERARCHY = Hierarchy.of(("item",), (("group",),))
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


def retailer(draw, n_series=300, n_days=400, seed=0):
    """A panel whose series have means from 0.1 to 100 and whatever scatter `draw(random, mean)` gives them."""
    random = np.random.default_rng(seed)
    mean = np.exp(random.uniform(np.log(0.1), np.log(100), n_series))
    units = draw(random, np.repeat(mean[:, None], n_days, axis=1)).astype(np.float32)
    series = pl.DataFrame({"item": range(n_series), "group": [f"group {row % 10}" for row in range(n_series)]})
    dates = period_range(np.datetime64("2023-01-02"), n_days, Frequency.DAY)
    return Panel(series, ("item",), dates, units), mean


def forecast_at(panel, cutoff, mean):
    past = panel.until(cutoff)
    steps = np.repeat(mean[:, None], HORIZON, axis=1).astype(np.float32)
    return Forecast(panel.series, panel.keys, past.cutoff, past.ahead(HORIZON), steps)


def table(panel, cutoffs, mean):
    """Backtest forecasts as the backtest keeps them."""
    frames = []
    for cutoff in cutoffs:
        actual = panel.units[:, cutoff + 1 : cutoff + 1 + HORIZON].reshape(-1)
        frame = forecast_at(panel, cutoff, mean).to_frame()
        frames.append(frame.with_columns(pl.Series("actual", actual).fill_nan(None)))
    return pl.concat(frames)


def poisson(random, mean):
    return random.poisson(mean)


def overdispersed(random, mean):
    return random.negative_binomial(1.5, 1.5 / (1.5 + mean))


def weighed(random, mean):
    return mean * random.gamma(4, 1 / 4, mean.shape)


@pytest.mark.parametrize("draw", [poisson, overdispersed, weighed])
def test_ranges_cover_what_they_promise(draw):
    panel, mean = retailer(draw, n_days=480)
    last = panel.n_days - 1 - HORIZON
    windows = [last - window * HORIZON for window in range(10)][::-1]
    learnt = Ranges.learn(table(panel, windows[:5], mean), panel, HIERARCHY)
    shares = {level: [] for level in HIERARCHY.levels}
    for cutoff in windows[5:]:  # held out
        levels = all_levels(forecast_at(panel, cutoff, mean), panel.series, HIERARCHY)
        for level, forecast in learnt.apply(levels, panel.until(cutoff), HIERARCHY, PROBABILITIES).items():
            truth = panel.units[:, cutoff + 1 : cutoff + 1 + HORIZON]
            shares[level].append(below(HIERARCHY.groups(panel.series, level).sum(truth), forecast.quantiles))
    for level, tolerance in (((), 0.15), (("group",), 0.05), (("item",), 0.02)):
        strictly, at_most = np.mean(shares[level], axis=0)
        # Of counts, less may lie strictly below a quantile, and more at or below it.
        assert (strictly <= np.array(PROBABILITIES) + tolerance).all(), level
        assert (at_most >= np.array(PROBABILITIES) - tolerance).all(), level


def below(actual, quantiles):
    """The share of actuals below each quantile, strictly and not [2, q]; and that the quantiles are fit to be ones."""
    assert quantiles.shape == (len(PROBABILITIES), *actual.shape)
    assert quantiles.dtype == np.float32
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=0) >= 0).all()
    return [[np.mean(actual < one) for one in quantiles], [np.mean(actual <= one) for one in quantiles]]


def test_few_units_have_quantiles_of_their_own_kind():
    panel, mean = retailer(poisson)
    last = panel.n_days - 1 - HORIZON
    learnt = Ranges.learn(table(panel, [last - 2 * HORIZON, last - HORIZON], mean), panel, HIERARCHY)
    bottom = {("item",): forecast_at(panel, last, mean)}
    quantiles = learnt.apply(bottom, panel.until(last), HIERARCHY, (0.05, 0.5, 0.95))[("item",)].quantiles
    assert (quantiles == np.round(quantiles)).all()
    few, many = mean < 0.3, mean > 30
    assert quantiles[1, few].max() == 0  # a Poisson median is 0 below log 2
    assert set(np.unique(quantiles[2, few])) <= {0, 1, 2}
    assert quantiles[2, few].mean() > 0.8  # above a mean of 0.0513 the Poisson quantile is 1
    expected = mean[many] + 1.645 * np.sqrt(mean[many])
    assert quantiles[2, many].mean(axis=1) == pytest.approx(expected, rel=0.06)


def test_errors_that_are_always_the_same_move_every_quantile_there():
    # Units go up and down by a quarter round 5, every forecast is 4.5: after an even day, the truth is 4.75 or 5.25.
    units = np.tile([4.75, 5.25], 150)[None].repeat(2, axis=0)
    series = pl.DataFrame({"item": [0, 1], "group": ["a", "b"]})
    panel = Panel(series, ("item",), period_range(np.datetime64("2023-01-02"), 300, Frequency.DAY), units.astype("f4"))
    learnt = Ranges.learn(table(panel, [249, 263], np.array([4.5, 4.5])), panel, HIERARCHY)
    bottom = {("item",): forecast_at(panel, 263, np.array([4.5, 4.5]))}
    quantiles = learnt.apply(bottom, panel.until(263), HIERARCHY, (0.1, 0.9))[("item",)].quantiles
    assert quantiles[0] == pytest.approx(np.full((2, HORIZON), 4.75), abs=0.01)
    assert quantiles[1] == pytest.approx(np.full((2, HORIZON), 5.25), abs=0.01)


def test_unknown_days_are_left_out_on_both_sides():
    panel, mean = retailer(poisson, n_series=50)
    panel.units[::2, -40:] = np.nan  # half of the series are not known, which must not look like selling half
    last = panel.n_days - 1 - HORIZON
    learnt = Ranges.learn(table(panel, [last - HORIZON, last], mean), panel, HIERARCHY)
    total = learnt.table.filter(level="total")
    middle = np.array(total["z"][0])[50]
    assert abs(middle) < 1.5
    assert total["errors"].sum() == 2 * HORIZON


def test_closed_days_have_no_range(make_panel):
    panel = make_panel(150, gaps=False)
    panel.units[:, 6::7] = np.nan
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",),))
    mean = np.where(np.isnan(panel.units[:, -28:]), 0, 3).astype(np.float32)
    past = panel.until(121)
    bottom = Forecast(panel.series, panel.keys, past.cutoff, past.ahead(28), mean)
    frame = bottom.to_frame().with_columns(pl.Series("actual", panel.units[:, -28:].reshape(-1)).fill_nan(None))
    found = Ranges.learn(frame, panel, hierarchy)
    levels = found.apply(all_levels(bottom, panel.series, hierarchy), past, hierarchy, (0.5, 0.99))
    sundays = np.isnan(panel.units[0, -28:])
    for forecast in levels.values():
        assert (forecast.quantiles[:, :, sundays] == 0).all()
        assert (forecast.quantiles[1][:, ~sundays] > 0).any()


def test_what_lies_after_the_cutoff_changes_nothing():
    panel, mean = retailer(poisson, n_series=40)
    last = panel.n_days - 1 - HORIZON
    frame = table(panel, [last - 2 * HORIZON, last - HORIZON], mean)
    learnt = Ranges.learn(frame, panel, HIERARCHY)
    panel.units[:, last + 1 :] = 5
    again = Ranges.learn(frame, panel, HIERARCHY)
    assert learnt.table.equals(again.table)


def test_ranges_come_back_from_a_file(tmp_path):
    panel, mean = retailer(overdispersed, n_series=30)
    last = panel.n_days - 1 - HORIZON
    learnt = Ranges.learn(table(panel, [last - HORIZON], mean), panel, HIERARCHY)
    learnt.save(tmp_path / "deep" / "ranges.parquet")
    back = Ranges.load(tmp_path / "deep" / "ranges.parquet")
    levels = all_levels(forecast_at(panel, last, mean), panel.series, HIERARCHY)
    one, other = (each.apply(levels, panel.until(last), HIERARCHY, PROBABILITIES) for each in (learnt, back))
    for level in one:
        np.testing.assert_array_equal(one[level].quantiles, other[level].quantiles)
    (tmp_path / "broken").write_text("no table")
    for wrong in ("broken", "absent"):
        with pytest.raises(UnreadableFile, match="holds no ranges"):
            Ranges.load(tmp_path / wrong)


def test_what_cannot_be_done_is_said():
    panel, mean = retailer(poisson, n_series=10)
    last = panel.n_days - 1 - HORIZON
    frame = table(panel, [last], mean)
    two = pl.concat([frame.with_columns(model=pl.lit(name)) for name in ("a", "b")])
    with pytest.raises(UsageError, match="one model's errors; the forecasts are of a, b"):
        Ranges.learn(two, panel, HIERARCHY)
    with pytest.raises(UsageError, match="known actual"):
        Ranges.learn(frame.with_columns(actual=pl.lit(None, pl.Float32)), panel, HIERARCHY)
    learnt = Ranges.learn(frame, panel, HIERARCHY)
    bottom = forecast_at(panel, last, mean)
    with pytest.raises(UsageError, match="No errors were learnt for the level 'store', only for total, group, item"):
        learnt.apply({("store",): replace(bottom)}, panel, HIERARCHY, (0.5,))
    for wrong in ((0.9, 0.1), (0.0, 0.5)):
        with pytest.raises(UsageError, match="expected rising numbers between 0 and 1"):
            learnt.apply({("item",): bottom}, panel, HIERARCHY, wrong)


@pytest.mark.parametrize("frequency", Frequency)
def test_from_a_kept_backtest_to_ranges(make_panel, tmp_path, frequency):
    """With all that a panel may lack: closed days, a launch, a series that was never known; as days, weeks, months."""
    panel = make_panel(150, frequency=frequency)
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",), ("category",)))
    model = make("moving_average")
    kept = backtest(panel, {"moving_average": model}, HORIZON, cutoffs(panel, HORIZON, 4), hierarchy).forecasts
    kept.write_parquet(tmp_path / "forecasts.parquet")
    learnt = Ranges.learn(pl.read_parquet(tmp_path / "forecasts.parquet"), panel, hierarchy)
    levels = all_levels(model.fit(panel, HORIZON).forecast(panel), panel.series, hierarchy)
    found = learnt.apply(levels, panel, hierarchy, PROBABILITIES)
    assert tuple(found) == hierarchy.levels
    for level, forecast in found.items():
        assert np.isfinite(forecast.quantiles).all()
        assert (np.diff(forecast.quantiles, axis=0) >= 0).all()
        assert forecast.quantiles[4].max() > forecast.quantiles[0].max() >= 0, level
        assert forecast.to_frame().columns[-5:] == ["q050", "q250", "q500", "q750", "q950"]
