from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.finding import Severity
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.engine.local import ONE_BY_ONE
from foresell.engine.processes import ProcessEngine
from foresell.models import load, make
from foresell.models.naive import SeasonalNaive
from foresell.models.statistical import Ets, Sarima, Sarimax, Theta
from foresell.models.statistical import fitted as fitted_module
from foresell.models.statistical.arima import Form

theirs = pytest.importorskip("statsforecast.models", reason="needs the extra 'statistical'")
pytestmark = pytest.mark.filterwarnings("ignore:possible convergence problem")

HORIZON = 10
NAN = np.nan


def panel_of(units, known=None, frequency=Frequency.DAY, ahead=HORIZON, **columns):
    units = np.array(units, np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1] + ahead, frequency)
    series = pl.DataFrame({"item": [f"item {number}" for number in range(len(units))], **columns})
    return Panel(series, ("item",), dates, units, known or {}, frequency=frequency)


def weekly(n_series, n_days, seed=0):
    """Sales with a weekly season and noise that depends on the day before."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 3, (n_series, n_days))
    for day in range(1, n_days):
        noise[:, day] += 0.6 * noise[:, day - 1]
    season = 10 * np.sin(2 * np.pi * np.arange(n_days) / 7)
    return np.maximum(40 + season + noise, 0).round()


@pytest.mark.parametrize(
    ("model", "same"),
    [
        (Sarima(days=50), lambda: theirs.AutoARIMA(season_length=7, approximation=False)),
        (Sarima(approximation=True), lambda: theirs.AutoARIMA(season_length=7, approximation=True)),
        (
            Sarima(order=(1, 0, 1), seasonal=(0, 1, 1)),
            lambda: theirs.ARIMA((1, 0, 1), 7, (0, 1, 1), include_constant=True),
        ),
        (Ets(), lambda: theirs.AutoETS(season_length=7)),
        (Theta(), lambda: theirs.AutoTheta(season_length=7)),
    ],
)
def test_the_same_as_statsforecast_called_directly(model, same):
    panel = panel_of(weekly(1, 100))
    mean = model.fit(panel, HORIZON).forecast(panel).mean
    for row, units in enumerate(panel.units[:, -(model.days or 100) :]):
        expected = same().forecast(units.astype(np.float64), HORIZON)["mean"]
        np.testing.assert_allclose(mean[row], expected, rtol=1e-6)


def test_regressors_the_same_as_statsforecast_called_directly():
    random = np.random.default_rng(1)
    price = (5 + random.random((1, 90 + HORIZON))).round(2)
    promotion = (random.random((1, 90 + HORIZON)) < 0.2).astype(float)
    units = weekly(1, 90) * (1 + promotion[:, :90]) - 3 * price[:, :90] + 20
    panel = panel_of(units, {"price": Known.of_each(price), "promotion": Known.of_each(promotion)})
    fitted = Sarimax(approximation=True).fit(panel, HORIZON)
    both = np.column_stack([price[0], promotion[0]])
    direct = theirs.AutoARIMA(season_length=7, approximation=True)
    expected = direct.forecast(panel.units[0].astype(float), HORIZON, X=both[:90], X_future=both[90:])["mean"]
    np.testing.assert_allclose(fitted.forecast(panel).mean[0], expected, rtol=1e-5)
    assert set(fitted.drivers()["feature"]) == {"price", "promotion"}


def test_a_later_cutoff_keeps_order_and_coefficients():
    units = weekly(1, 110)
    fitted = Sarima(days=100, approximation=True).fit(panel_of(units[:, :100]), HORIZON)
    later = fitted.forecast(panel_of(units[:, :107])).mean[0]
    direct = theirs.AutoARIMA(season_length=7, approximation=True).fit(units[0, :100])
    np.testing.assert_allclose(later, direct.forward(units[0, 7:107], HORIZON)["mean"], rtol=1e-5)


def test_the_given_order_is_used():
    fitted = Sarima(order=(2, 0, 0), seasonal=(0, 1, 0)).fit(panel_of(weekly(2, 120)), HORIZON)
    assert fitted.fits["__form"].to_list() == ["ARIMA(2,0,0)(0,1,0)[7]"] * 2
    assert str(Form.parse("ARIMA(2,0,0)(0,1,0)[7]")) == "ARIMA(2,0,0)(0,1,0)[7]"


def test_a_promotion_ahead_moves_the_forecast_of_sarimax_only():
    promotion = (np.random.default_rng(2).random((1, 150 + HORIZON)) < 0.3).astype(np.float32)
    units = weekly(1, 150) + 30 * promotion[:, :150]
    with_it, without = promotion.copy(), promotion.copy()
    with_it[:, 150:], without[:, 150:] = 1, 0
    panels = [panel_of(units, {"promotion": Known.of_each(promotion)}) for promotion in (with_it, without)]
    for name, moved in (("sarimax", 30), ("sarima", 0)):
        fitted = make(name, order=(1, 0, 0), seasonal=(1, 0, 0)).fit(panels[0], HORIZON)
        more, less = (fitted.forecast(panel).mean for panel in panels)
        np.testing.assert_allclose(more - less, moved, atol=2)
    why = Sarimax(order=(1, 0, 0)).fit(panels[0], HORIZON).explain(panels[0])
    assert why.features == ("promotion",)
    np.testing.assert_allclose(why.units[0, 0], 30 * (1 - promotion[0, :150].mean()), atol=2)


def test_a_regressor_says_nothing_where_it_does_not_vary_or_follows_from_others():
    price = np.random.default_rng(0).random((1, 120 + HORIZON)) + 1
    same = {"price": price, "twice": 2 * price + 1, "flat": np.ones_like(price)}
    panel = panel_of(weekly(1, 120), {name: Known.of_each(values) for name, values in same.items()})
    fitted = Sarimax(order=(1, 0, 0)).fit(panel, HORIZON)
    assert fitted.fits["__regressors"].to_list() == [["price"]]
    assert fitted.explain(panel).features == ("price", "twice", "flat")


def test_without_its_regressors_a_series_is_learnt_anew():
    price = np.random.default_rng(0).random((1, 120 + HORIZON)) + 1
    panel = panel_of(weekly(1, 120), {"price": Known.of_each(price)})
    fitted = Sarimax(order=(1, 0, 0)).fit(panel, HORIZON)
    bare = replace(panel, known={})
    expected = Sarima(order=(1, 0, 0)).fit(bare, HORIZON).forecast(bare).mean
    np.testing.assert_array_equal(fitted.forecast(bare).mean, expected)


def test_what_cannot_be_fitted_falls_back_and_is_named():
    units = weekly(4, 15)
    units[1, :7] = NAN
    units[2] = 4
    panel = panel_of(units)
    fitted = Sarima(order=(0, 1, 0), seasonal=(0, 2, 0)).fit(panel, HORIZON)
    np.testing.assert_array_equal(fitted.forecast(panel).mean, SeasonalNaive().fit(panel, HORIZON).forecast(panel).mean)
    by_code = {finding.code: finding for finding in fitted.findings}
    assert {code: finding.count for code, finding in by_code.items()} == {
        "too-short": 1,
        "constant": 1,
        "fit-failed": 2,
    }
    assert by_code["too-short"].examples == ("item 1",)
    assert by_code["constant"].examples == ("item 2",)
    assert [example.partition(":")[0] for example in by_code["fit-failed"].examples] == ["item 0", "item 3"]
    assert "Not enough data" in by_code["fit-failed"].examples[0]
    assert by_code["fit-failed"].severity == Severity.WARNING
    assert "2 series of 4 could not be fitted" in str(by_code["fit-failed"])


def test_one_series_that_fails_does_not_change_the_others():
    units = weekly(3, 100)
    units[1, :-8] = NAN
    panel = panel_of(units)
    fitted = Ets().fit(panel, HORIZON)
    mean = fitted.forecast(panel).mean
    alone = panel.part(slice(2, 3))
    np.testing.assert_array_equal(mean[2:], Ets().fit(alone, HORIZON).forecast(alone).mean)
    assert [finding.examples for finding in fitted.findings] == [("item 1",)]


def test_a_series_that_was_too_short_is_learnt_at_a_later_cutoff():
    units = weekly(2, 120)
    units[1, :90] = NAN
    fitted = Theta().fit(panel_of(units[:, :95]), HORIZON)
    assert [finding.code for finding in fitted.findings] == ["too-short"]
    later = panel_of(units)
    np.testing.assert_array_equal(fitted.forecast(later).mean[1], Theta().fit(later, HORIZON).forecast(later).mean[1])


def test_a_series_that_is_no_longer_on_sale_is_not_fitted():
    units = weekly(2, 200)
    units[1, 80:] = NAN
    fitted = Theta().fit(panel_of(units), HORIZON)
    assert fitted.findings == ()
    assert fitted.fits["item"].to_list() == ["item 0"]
    assert (fitted.forecast(panel_of(units)).mean[1] == 0).all()


def test_processes_change_nothing(monkeypatch):
    panel = panel_of(weekly(3, 40))
    model = Sarima(processes=2, approximation=True)
    here = model.fit(panel, HORIZON)
    reports = []
    with monkeypatch.context() as at_once:
        at_once.setattr(fitted_module, "SECONDS_IN_PROCESS", 0)
        there = model.fit(panel, HORIZON, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(1, 3), (2, 3), (3, 3)]
    assert there.fits.equals(here.fits)
    np.testing.assert_array_equal(there.forecast(panel).mean, here.forecast(panel).mean)


def test_a_long_piece_of_work_is_handed_to_processes():
    model = Sarima(approximation=True, processes=3, seconds=7)
    few = int(fitted_module.SECONDS_IN_PROCESS / model.expected_seconds(None))
    assert fitted_module.engine_of(model, [None] * few) == ONE_BY_ONE
    assert fitted_module.engine_of(model, [None] * (few + 1)) == ProcessEngine(3, 7)


def test_a_series_that_takes_too_long_falls_back(monkeypatch):
    monkeypatch.setattr(fitted_module, "SECONDS_IN_PROCESS", 0)
    panel = panel_of(weekly(2, 200))
    fitted = Sarima(processes=1, seconds=0.001).fit(panel, HORIZON)
    assert [(finding.code, finding.count) for finding in fitted.findings] == [("fit-too-slow", 2)]
    assert fitted.findings[0].examples[0] == "item 0: took more than 0.001 seconds"
    np.testing.assert_array_equal(fitted.forecast(panel).mean, SeasonalNaive().fit(panel, HORIZON).forecast(panel).mean)


def test_a_level_is_shared_out_and_adds_up():
    units = weekly(5, 120) * np.array([1, 2, 3, 0, 1])[:, None]
    units[4, :100] = NAN
    panel = panel_of(units, shop=["a", "a", "b", "b", "b"])
    fitted = Ets(level=("shop",)).fit(panel, HORIZON)
    mean = fitted.forecast(panel).mean
    sums = panel.aggregate(("shop",))
    expected = Ets().fit(sums, HORIZON).forecast(sums).mean
    np.testing.assert_allclose(mean[:2].sum(axis=0), expected[0], rtol=1e-5)
    np.testing.assert_allclose(mean[2:].sum(axis=0), expected[1], rtol=1e-5)
    recent = panel.units[:2, -28:].mean(axis=1)
    np.testing.assert_allclose(mean[1] / mean[0], recent[1] / recent[0], rtol=1e-5)
    assert (mean[3] == 0).all()
    total = Ets(level=()).fit(panel, HORIZON).forecast(panel).mean
    everything = panel.aggregate(())
    np.testing.assert_allclose(
        total.sum(axis=0), Ets().fit(everything, HORIZON).forecast(everything).mean[0], rtol=1e-5
    )


def test_a_part_of_a_group_is_not_taken_for_the_group():
    panel = panel_of(weekly(3, 120) * np.array([1, 5, 9])[:, None], shop=["a"] * 3)
    fitted = Sarima(level=("shop",), order=(1, 0, 0)).fit(panel, HORIZON)
    some = panel.part(slice(0, 1))
    assert fitted.forecast(some).mean.mean() == pytest.approx(panel.units[0].mean(), rel=0.1)


def test_weeks_have_a_year():
    weeks = np.arange(208 + HORIZON)
    wave = 100 + 50 * np.sin(2 * np.pi * weeks / 52)
    noise = np.random.default_rng(0).normal(0, 2, 208)
    panel = panel_of([wave[:208] + noise], frequency=Frequency.WEEK)
    for model in (Sarima(), Ets(), Theta()):
        fitted = model.fit(panel, HORIZON)
        assert "[52]" not in fitted.fits["__form"][0]
        np.testing.assert_allclose(fitted.forecast(panel).mean[0], wave[208:], atol=10)


def test_it_comes_back_with_what_it_learnt_and_found(tmp_path):
    units = weekly(3, 90)
    units[2, :-5] = NAN
    price = np.random.default_rng(0).random((3, 90 + HORIZON)) + 1
    panel = panel_of(units, {"price": Known.of_each(price)})
    fitted = Sarimax(order=[1, 0, 0], fourier=1, level=["item"]).fit(panel, HORIZON)
    fitted.save(tmp_path)
    back = load(tmp_path)
    assert back.model == fitted.model
    assert back.findings == fitted.findings != ()
    assert back.fits.equals(fitted.fits)
    assert back.drivers().equals(fitted.drivers())
    np.testing.assert_array_equal(back.forecast(panel).mean, fitted.forecast(panel).mean)


def test_without_statsforecast_one_clear_sentence(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "statsforecast"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    with pytest.raises(UsageError, match=r"package 'statsforecast' is not installed.* Install the extra 'statistical'"):
        Ets().fit(panel_of(weekly(1, 60)), HORIZON)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ets", {"days": 0}, "'days' of the model 'ets' is 0"),
        ("theta", {"season": 2.5}, "'season' of the model 'theta' is 2.5"),
        ("sarima", {"order": [1, 0]}, "'order' of the model 'sarima' is .1, 0.; expected three whole numbers"),
        ("sarima", {"order": [1, 0, -1]}, "expected three whole numbers"),
        ("sarima", {"seasonal": [0, 1, 1]}, "'seasonal' without 'order'"),
        ("sarimax", {"fourier": -1}, "'fourier' of the model 'sarimax' is -1"),
        ("sarima", {"seconds": 0}, "'seconds' of the model 'sarima' is 0"),
    ],
)
def test_options_that_make_no_sense(name, options, message):
    with pytest.raises(UsageError, match=message):
        make(name, **options)
