from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.frequencies import FREQUENCIES
from hypothesis import given
from hypothesis import strategies as st

from foresell import models
from foresell.core.frequency import Frequency
from foresell.features.catalogue import catalogue
from foresell.models.contract import Contributions
from foresell.serving.reasons import REASONS, by_reason, explain, importance, named, reasons_of, rounded


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=12), st.integers(0, 2))
def test_rounded_parts_add_up_and_none_moves_by_a_whole_place(parts, digits) -> None:
    near = rounded(parts, digits)
    place = 10.0**-digits
    assert sum(near) == pytest.approx(sum(parts), abs=0.5 * place + 1e-6)
    assert round(sum(near) / place) == pytest.approx(sum(near) / place, abs=1e-6)
    assert all(abs(one - other) < place + 1e-6 for one, other in zip(near, parts, strict=True))


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_every_feature_of_the_catalogue_has_a_reason(make_panel, frequency) -> None:
    panel = replace(make_panel(150, frequency=frequency), country="US")
    features = catalogue(panel, (("shop",), ("shop", "category")))
    found = reasons_of(features, frequency)
    assert set(features) == set(found)
    assert set(found.values()) <= set(REASONS)
    assert "other" not in found.values()
    dated = {Frequency.DAY: "weekday", Frequency.HOUR: "hour"}.get(frequency, "season")
    one = "same_day_1"
    assert found[one] == dated
    assert found["price"] == found["price_to_shop"] == "price"
    assert found["promotion_uplift"] == "promotion"
    assert found["shop"] == found["item"] == "kind"
    assert (
        found["growth_of_shop"] == found["trend_7_28_of_total" if dated == "weekday" else "growth_of_total"] == "around"
    )
    assert found["year_week_of_total"] == "season"
    assert found["days_to_holiday"] == "holiday"
    assert found["step"] == "trend"


def test_weekday_profiles_and_lags_of_a_year_go_by_what_they_tell(make_panel) -> None:
    found = reasons_of(catalogue(make_panel(), (("shop",),)), Frequency.DAY)
    assert {name: found[name] for name in ("weekday_of_shop", "lag_364", "target_lag_364", "lag_7", "last_year_7")} == {
        "weekday_of_shop": "weekday",
        "lag_364": "season",
        "target_lag_364": "season",
        "lag_7": "recent",
        "last_year_7": "season",
    }


@given(st.integers(0, 1000))
def test_reasons_add_up_to_the_mean(seed) -> None:
    random = np.random.default_rng(seed)
    names = ("lag_1", "price", "unheard of", "promotion", "weekday")
    made = Contributions(names, random.gamma(2, 5, (3, 4)), random.normal(0, 2, (5, 3, 4)))
    found = by_reason(made, {"lag_1": "recent", "price": "price", "promotion": "promotion", "weekday": "weekday"})
    assert list(found) == ["level", "recent", "weekday", "price", "promotion", "other"]
    np.testing.assert_allclose(sum(found.values()), made.mean)
    np.testing.assert_allclose(found["other"], made.units[2])
    np.testing.assert_allclose(found["level"], made.base)


@pytest.mark.parametrize(
    ("name", "options"), [("lightgbm", {"trees": 5, "share": 0.3}), ("launch", {}), ("moving_average", {})]
)
def test_what_models_add_of_their_own_has_a_reason_too(make_panel, name, options) -> None:
    panel = make_panel(200)
    fitted = (
        models.make(name, levels=(("shop", "category"),), **options) if name != "moving_average" else models.make(name)
    )
    made = fitted.fit(panel, 7).explain(panel, [0, 3])
    found = by_reason(made, reasons_of(catalogue(panel, (("shop", "category"),)), Frequency.DAY))
    assert "other" not in found
    np.testing.assert_allclose(sum(found.values()), made.mean, rtol=1e-4, atol=1e-4)


@pytest.fixture
def promoted(make_panel):
    """The small panel; ahead, the first item of the north is promoted on the second and third day, at 0.80 for 1.00."""
    panel = make_panel(150, gaps=False)
    panel.known["promotion"].values[0, 150:] = 0
    panel.known["promotion"].values[0, 151:153] = 1
    panel.known["price"].values[0, :150] = 1
    panel.known["price"].values[0, 150:] = 0.8
    panel.units[0, -28:-7] = 8
    panel.units[0, -7:] = 16
    return panel


def test_an_explanation_worked_by_hand(promoted) -> None:
    """Two days: base 10 each; a promotion of 0.4 and 12, a price that takes 0.55 a day."""
    base = np.full((1, 3), 10.0)
    units = np.array([[[0.4, 12, 3]], [[-0.55, -0.55, 9]], [[0, 0, 5]]])
    made = Contributions(("promotion", "price", "weekday"), base, units)
    reasons = {"promotion": "promotion", "price": "price", "weekday": "weekday"}
    found = explain(made, reasons, promoted, np.array([0]), slice(0, 2), "item 0 · north", ((), ("shop",)))
    assert found.units == pytest.approx(31.3)
    assert (found.shown, found.digits) == (31.3, 1)
    # What does nothing on these days is left out: the weekday.
    assert [(each.code, each.shown) for each in found.reasons] == [
        ("level", 20.0),
        ("price", -1.1),
        ("promotion", 12.4),
    ]
    assert found.sentences() == [
        "recent sales (10 a day as the model weighs the past; 10 a day in the last 28 days): 20.0 units",
        "price 0.80, 20 % below that of the last 28 days: −1.1 units",
        "promotion on 1 of 2 days: +12.4 units",
    ]
    assert found.days.to_dicts()[1] == {
        "date": promoted.ahead(2)[1].astype(object), "forecast": pytest.approx(21.45), "level": 10.0,
        "price": pytest.approx(-0.55), "promotion": 12.0,
    }  # fmt: skip
    assert found.to_dict()["days"][0]["date"] == str(promoted.ahead(1)[0])


def test_facts_tell_trend_weekday_events_and_kind(promoted) -> None:
    first = promoted.ahead(1)[0].astype(object)
    panel = replace(promoted, events=pl.DataFrame({"date": [first], "event": ["Fair"]}))
    names = ("trend", "weekday", "holiday", "kind", "around")
    made = Contributions(("a", "b", "c", "d", "mean_28_of_shop"), np.ones((1, 1)), np.full((5, 1, 1), 1.0))
    reasons = dict(zip(made.features, names, strict=True))
    one = explain(made, reasons, panel, np.array([0]), slice(0, 1), "x", ((), ("shop",)))
    assert [str(each) for each in one.reasons[1:]] == [
        "its own trend (the last 7 days 60 % above the last 28)",
        "the groups it belongs to (how its shop went lately)",
        f"day of the week ({first:%A})",
        "holidays and events (Fair)",
        "what kind of item it is (item item 0, shop north, category food)",
    ]


def test_many_series_are_told_together(promoted) -> None:
    made = Contributions(("promotion",), np.full((8, 3), 100.0), np.ones((1, 8, 3)))
    promoted.known["promotion"].values[1:, 150:] = 0
    found = explain(made, {"promotion": "promotion"}, promoted, np.arange(8), slice(0, 3), "All sales")
    assert (found.count, found.shown, found.digits) == (8, 2424, 0)
    assert found.sentences()[1] == "promotion of 1 of 8 series: +24 units"


def test_what_series_are_called(make_panel) -> None:
    panel = make_panel(30)
    assert named(panel, {"item": "item 0", "shop": "north"}, np.array([0])) == "item 0 · north"
    assert named(panel, {"shop": "north"}, np.arange(4)) == "shop north"
    assert named(panel, {}, np.arange(8)) == "All sales"


def test_importance_by_reason_sums_to_one() -> None:
    drivers = pl.DataFrame({"feature": ["lag_1", "mean_7", "price", "mystery"], "share": [0.3, 0.2, 0.4, 0.1]})
    found = importance(drivers, {"lag_1": "recent", "mean_7": "recent", "price": "price"})
    assert found.rows() == [
        ("recent", "the pattern of recent sales", pytest.approx(0.5)),
        ("price", "price", 0.4),
        ("other", "other inputs", 0.1),
    ]
    assert importance(drivers.clear(), {}).is_empty()
