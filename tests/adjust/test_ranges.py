"""Ranges have their nominal coverage on windows that were held out, at every level and for few units and many."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.frequencies import FREQUENCIES
from scipy import stats

from foresell.adjust.correction import GRID, Correction
from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import all_levels
from foresell.adjust.spread import BORROWED, PRIOR_COEFFICIENTS, SeriesMoments
from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.models import make

HORIZON = 14
HIERARCHY = Hierarchy.of(("item",), (("group",),))
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


def retailer(draw, n_series=300, n_days=400, seed=0):
    """A panel whose series have means from 0.1 to 100 and units drawn by `draw(random, mean)`."""
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


def lumpy(random, mean):
    """Nothing on six days of ten, and more on the others."""
    return random.poisson(mean / 0.4) * (random.random(mean.shape) < 0.4)


def normal(random, mean):
    return np.maximum(random.normal(mean, 0.2 * mean), 0)


# Of lumpy items, those that sell much on some days have more mass at 0 than their size leads to expect.
TOLERANCES = [(poisson, 0.02), (overdispersed, 0.02), (lumpy, 0.1), (weighed, 0.02), (normal, 0.02)]


@pytest.mark.parametrize(("draw", "of_items"), TOLERANCES)
def test_ranges_have_their_nominal_coverage(draw, of_items):
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
    for level, tolerance in (((), 0.2), (("group",), 0.05), (("item",), of_items)):
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


def test_the_mean_of_the_ranges_is_the_mean_that_was_forecast():
    """The quantiles lie around means that add up, however biased the past forecasts were."""
    panel, mean = retailer(overdispersed, n_days=480)
    wrong = mean * np.where(mean < 5, 1.3, 0.8)
    last = panel.n_days - 1 - HORIZON
    learnt = Ranges.learn(table(panel, [last - n * HORIZON for n in range(1, 8)], wrong), panel, HIERARCHY)
    levels = all_levels(forecast_at(panel, last, wrong), panel.series, HIERARCHY)
    middle = tuple((np.arange(200) + 0.5) / 200)
    for level, forecast in learnt.apply(levels, panel.until(last), HIERARCHY, middle, rounded=False).items():
        of_ranges = forecast.quantiles.mean(axis=0).mean(axis=1)
        some = np.searchsorted(np.quantile(of_ranges, (0.33, 0.67)), of_ranges)
        for third in set(some):
            expected = forecast.mean[some == third].mean()
            assert of_ranges[some == third].mean() == pytest.approx(expected, rel=0.08, abs=0.01), level


def test_unknown_days_are_left_out_on_both_sides():
    panel, mean = retailer(poisson, n_series=50)
    panel.units[::2, -40:] = np.nan  # half of the series are not known, which must not look like selling half
    last = panel.n_days - 1 - HORIZON
    learnt = Ranges.learn(table(panel, [last - HORIZON, last], mean), panel, HIERARCHY)
    assert learnt.table["bias"].to_numpy() == pytest.approx(1, abs=0.05)
    worth = learnt.table.filter(level="item")["worth"][0]
    assert worth == pytest.approx(2 * np.sqrt(25 * HORIZON))


def test_few_windows_widen_the_ranges():
    panel, mean = retailer(poisson, n_series=5)
    last = panel.n_days - 1 - HORIZON
    widths = []
    for windows in (1, 8):
        learnt = Ranges.learn(table(panel, [last - n * HORIZON for n in range(1, windows + 1)], mean), panel, HIERARCHY)
        alike = replace(learnt, table=learnt.table.with_columns(pl.Series("u", [GRID.tolist()] * learnt.table.height)))
        flat = {"coefficients": pl.lit([0.0] * len(PRIOR_COEFFICIENTS)), "factor": pl.lit(2.0)}
        alike = replace(alike, table=alike.table.with_columns(**flat))
        levels = all_levels(forecast_at(panel, last, mean), panel.series, HIERARCHY)
        low, high = alike.apply(levels, panel.until(last), HIERARCHY, (0.025, 0.975), rounded=False)[()].quantiles
        worth = alike.table.filter(level="total")["worth"][0]
        assert worth == pytest.approx(windows * HORIZON**0.5)
        widths.append(float((high - low).mean()) / stats.t.ppf(0.975, worth))
    assert widths[0] == pytest.approx(widths[1], rel=0.03)


def slow_quantile(learnt, level, panel, group, mean, step, holiday, probability):
    """One quantile from the table, with plain Python and scipy's own distributions."""
    rows = learnt.table.filter(level=level_name(level)).to_dicts()
    row = rows[0]
    units = HIERARCHY.groups(panel.series, level).sum(panel.units)[group : group + 1]
    moments = SeriesMoments.of(units, panel.frequency)
    year, recent = (math.log(dispersion[0]) for dispersion in moments.dispersion(row["offset"], row["typical"]))
    values = [math.log(mean + row["offset"]), year, recent, moments.days_without_sale[0], math.log(step), holiday]
    size, year, recent, silent, late, near = (
        min(max(value, least), most) for value, least, most in zip(values, row["least"], row["greatest"], strict=True)
    )
    silence = math.log(1 + silent)
    columns = [1, size, size**2, max(size - 1, 0) ** 2, recent, recent * size, year, late, silence, silence * size]
    columns.append(near)
    ratio = math.exp(sum(b * x for b, x in zip(row["coefficients"], columns, strict=True))) * row["factor"]
    score = stats.norm.ppf(probability)
    scores = [np.interp(score, stats.norm.ppf(GRID), stats.norm.ppf(size_row["u"])) for size_row in rows]
    sizes = [size_row["size"] for size_row in rows]
    most = (max(moments.largest[0], 2 * mean) + 1 - mean) * (1 + BORROWED / moments.pairs[0])
    ratio = max(min(ratio, most), 1 + 1e-9)
    mean *= float(Correction.of(learnt.table.filter(level=level_name(level))).means(np.array(mean), mean * ratio))
    corrected = float(np.interp(math.log(mean), sizes, scores)) * stats.t.ppf(probability, row["worth"]) / score
    r = mean / (ratio - 1)
    return stats.nbinom.ppf(stats.norm.cdf(corrected), r, r / (r + mean))


def test_quantiles_agree_with_plain_loops():
    panel, mean = retailer(overdispersed)
    last = panel.n_days - 1 - HORIZON
    panel = replace(panel, events=feasts(panel, [last + 5, *range(last - 100, last, 20)]))
    learnt = Ranges.learn(table(panel, [last - n * HORIZON for n in range(1, 9)], mean), panel, HIERARCHY)
    assert learnt.table.filter(level="item").height > 1  # so that there is something between two sizes
    levels = all_levels(forecast_at(panel, last, mean), panel.series, HIERARCHY)
    probabilities = (0.01, 0.3, 0.9, 0.99)
    forecasts = learnt.apply(levels, panel.until(last), HIERARCHY, probabilities)
    for level, forecast in forecasts.items():
        for group in range(0, len(forecast.mean), 29):
            for q, probability in enumerate(probabilities):
                for step, holiday in ((5, True), (9, False)):
                    at = float(forecast.mean[group, step - 1])
                    slow = slow_quantile(learnt, level, panel.until(last), group, at, step, holiday, probability)
                    assert slow == pytest.approx(forecast.quantiles[q, group, step - 1], rel=1e-6)


def feasts(panel, days):
    """A named event on each of the days."""
    return pl.DataFrame({"date": panel.dates[days], "event": "Feast"}).with_columns(pl.col("date").cast(pl.Date))


def test_days_beside_a_holiday_have_ranges_of_their_own():
    """Demand is unsteady on every 14th day and the days beside it; as wide a range for all days would fail on both."""
    around = np.arange(480) % 14 // 3 == 2  # days 6, 7 and 8 of every fortnight

    def draw(random, mean):
        r = mean / np.where(around, 8, 1)  # the variance is nine times the mean, or twice
        return random.negative_binomial(r, r / (r + mean))

    panel, mean = retailer(draw, n_days=480)
    last = panel.n_days - 1 - HORIZON
    dated = replace(panel, events=feasts(panel, range(7, 480, 14)))
    frame = table(panel, [last - n * HORIZON for n in range(1, 7)], mean)
    bottom = {("item",): forecast_at(panel, last, mean)}
    truth, near = panel.units[:, last + 1 :], around[last + 1 :]
    off = []
    for history in (panel, dated):
        learnt = Ranges.learn(frame, history, HIERARCHY)
        low, high = learnt.apply(bottom, history.until(last), HIERARCHY, (0.1, 0.9), rounded=False)[("item",)].quantiles
        covered = np.clip(high - truth + 0.5, 0, 1) - np.clip(low - truth + 0.5, 0, 1)
        off.append([covered[:, near].mean() - 0.8, covered[:, ~near].mean() - 0.8])
    assert off[0][0] < -0.1
    assert off[0][1] > 0.03
    assert off[1] == pytest.approx([0, 0], abs=0.05)


def test_units_that_are_not_whole_have_quantiles_between_units():
    """Kilograms: the same draws in other units give the same ranges, and days without a sale keep their mass."""
    panel, mean = retailer(lambda random, mean: weighed(random, mean) * (random.random(mean.shape) < 0.7), n_days=480)
    last = panel.n_days - 1 - HORIZON
    quantiles = []
    for times in (1, 1000):
        scaled = replace(panel, units=panel.units * np.float32(times))
        frame = table(scaled, [last - n * HORIZON for n in range(1, 6)], 0.7 * mean * times)
        learnt = Ranges.learn(frame, scaled, HIERARCHY)
        assert not learnt.whole
        bottom = {("item",): forecast_at(scaled, last, 0.7 * mean * times)}
        forecast = learnt.apply(bottom, scaled.until(last), HIERARCHY, (0.1, 0.25, 0.9))[("item",)]
        quantiles.append(forecast.quantiles / times)
    np.testing.assert_allclose(quantiles[0], quantiles[1], rtol=0.02, atol=0.002)
    assert (quantiles[0][2] != np.round(quantiles[0][2])).mean() > 0.99
    assert np.median(quantiles[0][1] / mean[:, None]) < 0.1  # three days of ten have no sale
    truth = panel.units[:, last + 1 : last + 1 + HORIZON]
    assert np.mean(truth <= quantiles[0][2]) == pytest.approx(0.9, abs=0.02)


def test_closed_days_have_no_range(make_panel):
    panel = make_panel(150, gaps=False)
    panel.units[:, 6::7] = np.nan
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",),))
    mean = np.where(np.isnan(panel.units[:, -28:]), 0, 3).astype(np.float32)
    past = panel.until(121)
    bottom = Forecast(panel.series, panel.keys, past.cutoff, past.ahead(28), mean)
    frame = bottom.to_frame().with_columns(pl.Series("actual", panel.units[:, -28:].reshape(-1)).fill_nan(None))
    learnt = Ranges.learn(frame, panel, hierarchy)
    levels = learnt.apply(all_levels(bottom, panel.series, hierarchy), past, hierarchy, (0.5, 0.99))
    sundays = np.isnan(panel.units[0, -28:])
    for forecast in levels.values():
        assert (forecast.quantiles[:, :, sundays] == 0).all()
        assert (forecast.quantiles[1][:, ~sundays] > 0).any()


def test_sales_after_the_cutoff_change_nothing():
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
    one, other = (ranges.apply(levels, panel.until(last), HIERARCHY, PROBABILITIES) for ranges in (learnt, back))
    for level in one:
        np.testing.assert_array_equal(one[level].quantiles, other[level].quantiles)
    (tmp_path / "broken").write_text("no table")
    for wrong in ("broken", "absent"):
        with pytest.raises(UnreadableFile, match="holds no ranges"):
            Ranges.load(tmp_path / wrong)
    fewer = learnt.table.with_columns(pl.col("coefficients").list.head(10))
    replace(learnt, table=fewer).save(tmp_path / "older.parquet")
    with pytest.raises(UnreadableFile, match="made by another version"):
        Ranges.load(tmp_path / "older.parquet")


def test_wrong_input_is_refused():
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


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_from_a_kept_backtest_to_ranges(make_panel, tmp_path, frequency):
    """With all that a panel may lack: closed days, a launch, a series that was never known; as days, weeks, months."""
    panel = make_panel(150, frequency=frequency)
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",), ("category",)))
    model = make("moving_average")
    kept = backtest(panel, {"moving_average": model}, HORIZON, cutoffs(panel, HORIZON, 4), hierarchy).forecasts
    kept.write_parquet(tmp_path / "forecasts.parquet")
    learnt = Ranges.learn(pl.read_parquet(tmp_path / "forecasts.parquet"), panel, hierarchy)
    levels = all_levels(model.fit(panel, HORIZON).forecast(panel), panel.series, hierarchy)
    forecasts = learnt.apply(levels, panel, hierarchy, PROBABILITIES)
    assert tuple(forecasts) == hierarchy.levels
    for level, forecast in forecasts.items():
        assert np.isfinite(forecast.quantiles).all()
        assert (np.diff(forecast.quantiles, axis=0) >= 0).all()
        assert forecast.quantiles[4].max() > forecast.quantiles[0].max() >= 0, level
        assert forecast.to_frame().columns[-5:] == ["q050", "q250", "q500", "q750", "q950"]
