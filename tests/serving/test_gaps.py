"""A service of data with gaps: closed days, a series that never sold, prices and promotions not known far ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import Reconciliation, all_levels
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known
from foresell.core.scenario import scenario
from foresell.core.settings import Data, Serving, Settings
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import fit
from foresell.ensemble.combination import Combination
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.models import make
from foresell.serving.bundle import FORMAT, Manifest
from foresell.serving.service import MOST_EXPLAINED, Service

HORIZON = 9
LEVELS = (("shop",), ("category",))


@pytest.fixture(scope="module", params=[Frequency.DAY, Frequency.WEEK])
def panel(make_panel, request):
    """Of the days asked for, the prices of the last four are not known, nor the promotions of the last three."""
    made = make_panel(150, frequency=request.param)
    values = {name: known.values.copy() for name, known in made.known.items()}
    values["price"][:, made.n_days + 5 :] = np.nan
    values["promotion"][:, made.n_days + 6 :] = np.nan
    values["price"][7] = np.nan
    return replace(made, known={name: Known.of_each(each) for name, each in values.items()})


@pytest.fixture(scope="module")
def service(panel):
    return serve(panel)


def serve(panel):
    """A small champion of the panel, in service."""
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    models = {"lightgbm": make("lightgbm", trees=10, share=0.9, min_rows=5), "launch": make("launch")}
    champion = fit(
        panel, HORIZON, models, None, Combination(Blend.mean(list(models)), Reconciliation({"bottom_up": 1}))
    )
    plain = {"moving_average": make("moving_average")}
    kept = backtest(panel, plain, HORIZON, cutoffs(panel, HORIZON, 3), hierarchy).forecasts
    manifest = Manifest(
        format=FORMAT, name="gaps", cutoff=panel.cutoff, trained=datetime.now(UTC), horizon=HORIZON, keys=panel.keys,
        levels=LEVELS, data="", foresell="", files={},
    )  # fmt: skip
    settings = Settings(
        data=Data(sales="", keys=panel.keys), horizon=HORIZON, levels=LEVELS, serving=Serving(range=0.8)
    )
    return Service(manifest, "1", settings, panel, champion, Ranges.learn(kept, panel, hierarchy))


@pytest.fixture(scope="module")
def rows(panel):
    """All series and days."""
    series, step = np.divmod(np.arange(panel.n_series * HORIZON), HORIZON)
    return panel.series.select(panel.keys)[series].with_columns(pl.Series("date", panel.ahead(HORIZON)[step]))


def test_all_of_it_is_answered_as_by_a_batch(service, panel, rows):
    answer = service.predict(rows)
    hierarchy = service.levels.hierarchy
    levels = all_levels(service.champion.champion.forecast(panel), panel.series, hierarchy)
    made = service.levels.ranges.apply(levels, panel, hierarchy, (0.1, 0.9))[panel.keys]
    np.testing.assert_array_equal(answer["units"], made.mean.reshape(-1))
    np.testing.assert_array_equal(answer["units_low"], made.quantiles[0].reshape(-1))
    np.testing.assert_array_equal(answer["units_high"], made.quantiles[1].reshape(-1))
    assert answer["basis"].to_list() == ["series"] * 7 * HORIZON + ["new"] * HORIZON
    for level in hierarchy.levels:
        found = service.forecast({}, level, None, (0.1, 0.9), {})
        ranged = service.levels.ranges.apply(levels, panel, hierarchy, (0.1, 0.9))[level]
        np.testing.assert_array_equal(found["mean"], ranged.mean.reshape(-1))
        np.testing.assert_array_equal(found["q900"], ranged.quantiles[1].reshape(-1))


def test_a_price_that_is_not_known_ahead_is_the_last_one_for_the_revenue(service, panel, rows):
    answer = service.predict(rows)
    last = panel.known["price"].on(panel.n_days + 4)
    far = answer.filter(rows["date"] == panel.ahead(HORIZON)[7].astype(object))
    np.testing.assert_allclose(far["revenue"][:7], far["units"][:7] * last[:7], rtol=1e-6)
    noun = panel.frequency.noun
    said = [f"price: {last[0]:.6g} for the revenue, the last known", f"promotion: not known for that {noun}"]
    assert far["assumed"][0].to_list() == said
    assert far["assumed"][7].to_list()[0] == "price: not known"
    assert far["revenue"][7] is None
    near = answer.filter(rows["date"] == panel.ahead(HORIZON)[0].astype(object))
    assert near["assumed"][:7].list.len().to_list() == [0] * 7


def test_a_price_may_be_given_where_none_is_known(service, panel, rows):
    """Also to a series that never sold, which begins with it."""
    for series in (0, 7):
        one = rows[[series * HORIZON + 7]]
        answer = service.predict(one.with_columns(price=pl.lit(2.5)))
        day = panel.ahead(HORIZON)[7].astype(object)
        other = scenario(panel, {"price": 2.5}, np.array([series]), day, day)
        expected = service.champion.champion.forecast(other).mean[series, 7]
        assert answer["units"][0] == pytest.approx(expected, rel=1e-5)
        assert answer["revenue"][0] == pytest.approx(2.5 * answer["units"][0])
        assert answer["units_high"][0] > 0


def test_any_day_of_a_week_asks_for_the_week(service, panel, rows):
    later = rows.with_columns(pl.col("date") + pl.duration(days=3))
    if panel.frequency == Frequency.WEEK:
        assert service.predict(later).equals(service.predict(rows))
    else:
        assert service.predict(later)["error"].is_not_null().sum() == 3 * panel.n_series
    after = (panel.ahead(HORIZON + 1)[-1]).astype(object) + timedelta(1)
    error = service.predict(rows.head(1).with_columns(date=pl.lit(after)))["error"][0]
    assert f"{after} cannot be asked, only the {panel.frequency.noun}s from" in error


def test_many_series_are_not_explained_at_once(service, panel, monkeypatch):
    assert service.explain({}).count == panel.n_series < MOST_EXPLAINED
    monkeypatch.setattr("foresell.serving.service.MOST_EXPLAINED", 7)
    with pytest.raises(Exception, match="That is 8 series; at most 7 are explained at once"):
        service.explain({})


def test_without_prices_in_the_data_a_given_one_makes_the_revenue(make_panel):
    panel = replace(make_panel(150), known={})
    bare = serve(panel)
    one = panel.series.select(panel.keys).head(1).with_columns(date=pl.lit(panel.ahead(1)[0].astype(object)))
    plain, told = bare.predict(one), bare.predict(one.with_columns(price=pl.lit(2.0), promotion=pl.lit("on")))
    assert plain.select("revenue", "revenue_low", "revenue_high").row(0) == (None, None, None)
    assert told["units"].equals(plain["units"])
    assert told["revenue"][0] == 2 * plain["units"][0]
    said = ["price: for the revenue only, the data have none", "promotion: not used, the data have none"]
    assert told["assumed"].to_list() == [said]
    new = bare.predict(one.with_columns(shop=pl.lit("west"), price=pl.lit(2.0)))
    assert new["revenue"][0] == 2 * new["units"][0] > 0
    assert said[0] in new["assumed"][0]
