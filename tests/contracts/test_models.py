"""What every model of the registry promises (`foresell.models.contract`); a new model is held to it by being listed."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest
from fixtures.frequencies import FREQUENCIES

from foresell.core.finding import Finding
from foresell.core.panel import Known
from foresell.core.scenario import panel_of_rows, scenario
from foresell.core.statistics import Statistics
from foresell.engine.local import LocalEngine
from foresell.models import MODELS, load, make, options
from foresell.models.closed_days import closed_days
from foresell.models.contract import ScenarioRows
from foresell.models.scenario_model import scenario_model

HORIZON = 9

OPTIONS: dict[str, dict[str, object]] = {
    "lightgbm": {"trees": 20, "share": 0.5},
    "xgboost": {"trees": 20, "share": 0.5, "min_rows": 20},
    "random_forest": {"trees": 20, "share": 0.5, "leaves": 32},
    "sklearn": {"regressor": "Ridge", "share": 0.5},
    "sarima": {"days": 60, "order": [1, 0, 1]},
    "sarimax": {"days": 60, "order": [1, 0, 0]},
    "ets": {"days": 60},
    "theta": {"days": 60},
    "lstm": {"units": 8, "past": 14, "epochs": 2, "max_windows": 400, "batch": 64, "days": 60},
}
"""Options that keep a model small enough for the panels here."""

LIBRARIES = {
    "xgboost": "xgboost",
    "sklearn": "skops",
    "lstm": "torch",
    **dict.fromkeys(("sarima", "sarimax", "ets", "theta"), "statsforecast"),
}
"""What a model needs that does not come with every installation."""

ONE_BY_ONE = (
    "seasonal_naive",
    "moving_average",
    *("sarima", "sarimax", "ets", "theta"),
    *("croston", "sba", "tsb", "adida"),
)
"""Models that look at each series by itself."""


def there(name):
    needed = (MODELS[name].partition(":")[0], LIBRARIES.get(name, "foresell"))
    return all(find_spec(each) is not None for each in needed)


@pytest.fixture(params=MODELS)
def name(request):
    if not there(request.param):
        pytest.skip(f"the model {request.param} needs what is not installed here")
    return request.param


@pytest.fixture
def model(name):
    return make(name, **OPTIONS.get(name, {}))


@pytest.fixture(scope="module")
def fitted_models():
    """Models that are fitted to the usual panel, by name; each is fitted once for all promises that only ask it."""
    return {}


@pytest.fixture
def fitted(name, model, make_panel, fitted_models):
    if name not in fitted_models:
        fitted_models[name] = model.fit(make_panel(), HORIZON)
    return fitted_models[name]


def check(forecast, panel):
    assert forecast.mean.shape == (panel.n_series, HORIZON)
    assert forecast.mean.dtype == np.float32
    assert not np.isnan(forecast.mean).any()
    assert (forecast.mean >= 0).all()
    assert forecast.cutoff == panel.cutoff
    assert forecast.keys == panel.keys
    assert forecast.series.select(panel.keys).equals(panel.series.select(panel.keys))
    assert (forecast.dates == panel.ahead(HORIZON)).all()


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_a_mean_for_every_series_and_step(model, make_panel, frequency):
    panel = make_panel(150, frequency=frequency)
    forecast = model.fit(panel, HORIZON).forecast(panel)
    check(forecast, panel)
    assert forecast.mean[0].min() > 0
    assert (forecast.mean[:3].mean(axis=1) > 0).all()


def test_named_as_in_the_registry_and_knows_its_horizon(name, model, fitted):
    assert model.name == fitted.name == name
    assert fitted.horizon == HORIZON


def test_the_same_question_has_the_same_answer(model, make_panel):
    first, second = (model.fit(make_panel(), HORIZON).forecast(make_panel()).mean for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_nothing_after_the_cutoff_is_looked_at(model, make_panel):
    """The anti-leak property: scrambling the units after a cutoff changes no forecast made there."""
    panel, scrambled = make_panel(200), make_panel(200)
    scrambled.units[:, 150:] = np.random.default_rng(1).permutation(scrambled.units[:, 150:].ravel()).reshape(8, 50)
    first, second = (model.fit(each.until(149), HORIZON).forecast(each.until(149)).mean for each in (panel, scrambled))
    np.testing.assert_array_equal(first, second)


def test_what_windows_share_changes_no_forecast(model, make_panel):
    panel = make_panel(200)
    prepared = model.prepare(panel.until(184), HORIZON, [170, 177, 184])
    for cutoff in (170, 177, 184):
        past = panel.until(cutoff)
        alone, shared = (model.fit(past, HORIZON, each).forecast(past).mean for each in (None, prepared))
        np.testing.assert_array_equal(alone, shared)


def test_fitting_and_forecasting_leave_the_panel_as_it_was(model, make_panel):
    panel, before = make_panel(), make_panel()
    model.fit(panel, HORIZON).forecast(panel)
    np.testing.assert_array_equal(panel.units, before.units)
    for covariate in panel.known:
        np.testing.assert_array_equal(panel.known[covariate].values, before.known[covariate].values)


def test_it_can_be_asked_at_a_later_cutoff(model, make_panel):
    panel = make_panel(160)
    fitted = model.fit(panel.until(149), HORIZON)
    later = fitted.forecast(panel)
    check(later, panel)
    assert not np.array_equal(later.mean, fitted.forecast(panel.until(149)).mean)


def test_it_can_be_asked_about_one_series_and_about_strangers(fitted, make_panel):
    panel, other = make_panel(), make_panel(seed=5)
    for number in range(panel.n_series):
        check(fitted.forecast(panel.part(slice(number, number + 1))), panel.part(slice(number, number + 1)))
    strangers = replace(other, series=other.series.with_columns(item=other.series["item"] + " (new)"))
    forecast = fitted.forecast(strangers)
    check(forecast, strangers)
    assert (forecast.mean[:2].mean(axis=1) > 0).all()


def test_a_series_alone_is_forecast_as_among_others(name, model, make_panel):
    if name not in ONE_BY_ONE:
        pytest.skip("it learns from all series together")
    panel = make_panel()
    whole = model.fit(panel, HORIZON).forecast(panel).mean
    for number in range(panel.n_series):
        alone = panel.part(slice(number, number + 1))
        np.testing.assert_array_equal(model.fit(alone, HORIZON).forecast(alone).mean[0], whole[number])


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_block_is_forecast_as_among_all(name, make_panel, size):
    """In blocks of any size and of series in any order, with the merged statistics of all of them."""
    panel = make_panel(200)
    levels = {"levels": [["shop"], ["category"], ["item"]]} if "levels" in options(name) and name != "launch" else {}
    fitted = make(name, **OPTIONS.get(name, {}), **levels).fit(panel, HORIZON)
    whole, order = fitted.forecast(panel).mean, np.random.default_rng(size).permutation(panel.n_series)
    parts = [order[start : start + size] for start in range(0, panel.n_series, size)]
    blocks = [panel.part(rows) for rows in parts]
    statistics = LocalEngine(2).merge(fitted.statistics, blocks, Statistics.merge)
    for rows, block in zip(parts, blocks, strict=True):
        np.testing.assert_allclose(fitted.forecast(block, statistics).mean, whole[rows], rtol=1e-5, atol=1e-6)


def test_a_series_without_history(fitted, make_panel):
    panel = make_panel()
    assert np.isnan(panel.units[7]).all()
    check(fitted.forecast(panel.part(slice(7, 8))), panel.part(slice(7, 8)))


def test_closed_days_stay_closed(fitted, make_panel):
    panel = make_panel()
    mean = fitted.forecast(panel).mean
    sunday = panel.ahead(HORIZON).astype(np.int64) % 7 == np.datetime64("2022-01-09").astype(np.int64) % 7
    assert (mean[1, sunday] == 0).all()
    assert (mean[1, ~sunday] > 0).all()
    assert (mean[0, sunday] > 0).all()


def test_it_comes_back_from_a_folder(fitted, make_panel, tmp_path):
    panel = make_panel()
    fitted.save(tmp_path / "deep" / "model")
    back = load(tmp_path / "deep" / "model")
    assert (back.name, back.horizon) == (fitted.name, fitted.horizon)
    np.testing.assert_array_equal(back.forecast(panel).mean, fitted.forecast(panel).mean)
    assert back.drivers().equals(fitted.drivers())


def test_an_explanation_adds_up(fitted, make_panel):
    panel = make_panel()
    for asked in (panel, panel.part(slice(2, 3))):
        mean, why = fitted.forecast(asked).mean, fitted.explain(asked)
        assert why.units.shape == (len(why.features), *mean.shape)
        assert len(set(why.features)) == len(why.features)
        assert (why.base >= 0).all()
        np.testing.assert_allclose(why.base + why.units.sum(axis=0), mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(why.mean, why.base + why.units.sum(axis=0))


def test_some_series_are_explained_as_among_all(fitted, make_panel):
    panel = make_panel()
    whole, some = fitted.explain(panel), fitted.explain(panel, [5, 0])
    assert some.features == whole.features
    np.testing.assert_allclose(some.base, whole.base[[5, 0]], rtol=1e-6)
    np.testing.assert_allclose(some.units, whole.units[:, [5, 0]], rtol=1e-6)


def test_closed_days_have_nothing_to_explain(fitted, make_panel):
    panel = make_panel()
    shut, why = closed_days(panel, HORIZON), fitted.explain(panel)
    assert shut.any()
    assert (why.base[shut] == 0).all()
    assert (why.units[:, shut] == 0).all()


def other_ahead(panel, covariate):
    """The panel with other values of a covariate on all days ahead."""
    known = panel.known[covariate]
    values = known.values.copy()
    values[:, panel.n_days :] = 1 - values[:, panel.n_days :] if covariate == "promotion" else 3.3
    return replace(panel, known={**panel.known, covariate: replace(known, values=values)})


def test_only_what_it_reads_moves_a_series_with_a_history(fitted, make_panel):
    panel = make_panel()
    assert fitted.reads(panel) <= {"price", "promotion"}
    before = fitted.forecast(panel).mean[:7]  # the last one has none
    for covariate in panel.known:
        moved = not np.array_equal(fitted.forecast(other_ahead(panel, covariate)).mean[:7], before)
        assert moved <= (covariate in fitted.reads(panel))


@pytest.mark.parametrize("room", [0, 1 << 30])
def test_a_scenario_is_answered_as_by_a_forecast_of_the_changed_panel(fitted, make_panel, room):
    panel = make_panel()
    scenarios = scenario_model(fitted, panel, room)
    np.testing.assert_array_equal(scenarios.mean, fitted.forecast(panel).mean)
    members, step = np.array([3, 0, 3, 7, 1]), np.array([1, 8, 4, 2, 0])
    each = np.arange(len(members))
    ahead = {name: np.full((len(members), HORIZON), np.nan, np.float32) for name in panel.known}
    ahead["price"][each, step] = [0.5, np.nan, 2, 3, 4]
    ahead["promotion"][each, step] = [1, 1, np.nan, 1, np.nan]
    anew = fitted.forecast(panel_of_rows(panel, members, ahead)).mean[each, step]
    if scenarios.reads:  # what reads nothing ahead needs not look at when a series without a history begins
        changes = [{name: float(ahead[name][row, step[row]]) for name in ahead} for row in each]
        for row in each:
            told = {name: value for name, value in changes[row].items() if not np.isnan(value)}
            when = panel.ahead(HORIZON)[step[row]].astype(object)
            whole = scenario(panel, told, members[row : row + 1], when, when)
            anew[row] = fitted.forecast(whole).mean[members[row], step[row]]
    np.testing.assert_allclose(scenarios.answer_scenario(ScenarioRows(members, ahead, each, step)), anew, rtol=2e-6)
    assert scenarios.memory() >= scenarios.mean.nbytes
    np.testing.assert_allclose(scenarios.explain([5, 0]).mean, fitted.explain(panel, [5, 0]).mean, rtol=1e-6)


def test_new_series_are_answered_as_if_the_panel_had_them(fitted, make_panel):
    panel = make_panel()
    values = {name: known.on(slice(None))[:2].copy() for name, known in panel.known.items()}
    values["price"][0] = np.nan
    values["price"][0, panel.n_days + 2 :] = 7
    names = panel.series.head(2).with_columns(item=pl.lit("new"), category=pl.Series(["toys", "garden"]))
    units = np.full((2, panel.n_days), np.nan, np.float32)
    new = replace(panel, series=names, units=units, known={name: Known.of_each(each) for name, each in values.items()})
    step = np.array([5, 0])
    found = scenario_model(fitted, panel, 1 << 30).new_series(new, step)
    for row in range(2):
        one = new.part(slice(row, row + 1))
        known = {
            name: Known.of_each(np.concatenate([each.on(slice(None)), one.known[name].on(slice(None))]))
            for name, each in panel.known.items()
        }
        series = pl.concat([panel.series, one.series])
        whole = replace(panel, series=series, units=np.concatenate([panel.units, one.units]), known=known)
        np.testing.assert_allclose(found[row], fitted.forecast(whole).mean[-1, step[row]], rtol=2e-6)


def test_what_went_wrong_is_told_in_findings(fitted):
    findings = fitted.findings
    assert isinstance(findings, tuple)
    assert all(isinstance(finding, Finding) for finding in findings)


def test_progress_rises_and_does_not_change_the_model(model, make_panel):
    panel, told = make_panel(), []
    fitted = model.fit(panel, HORIZON, progress=lambda done, total: told.append((done, total)))
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert all(0 <= done <= total for done, total in told)
    assert len({total for _, total in told}) <= 1
    np.testing.assert_array_equal(fitted.forecast(panel).mean, model.fit(panel, HORIZON).forecast(panel).mean)


def test_drivers_share_what_there_is(fitted):
    drivers = fitted.drivers()
    assert drivers.columns == ["feature", "share"]
    assert drivers.is_empty() or drivers["share"].sum() == pytest.approx(1)
    assert drivers["feature"].is_unique().all()
