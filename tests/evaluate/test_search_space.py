"""The search space: where the settings stand in it, and the models that it makes."""

from __future__ import annotations

import pytest

from foresell.core.errors import UsageError
from foresell.evaluate.search_space import BOOSTED, DROP, FOREST, NOTHING, Space, options_of
from foresell.features.question import Feature
from foresell.models import make


def feature(name: str, group: str) -> Feature:
    return Feature(name, group, "", "calendar", 0, lambda question: question.step)


FEATURES = {name: feature(name, group) for name, group in [("step", "question"), ("a", "lag"), ("b", "price")]}


def test_the_start_is_the_model_of_the_settings():
    space = Space.of(make("lightgbm", power=1.1), FEATURES)
    assert space.start == {
        "trees": 120, "learning_rate": 0.1, "leaves": 64, "min_rows": 100, "feature_fraction": 0.5,
        "row_fraction": 1.0, "l2": 0.1, "loss": "tweedie", "power": 1.1, "drop": NOTHING,
    }  # fmt: skip
    # 0 has no logarithm: a tenth of a row's pull is the nearest to none; all else is as it was.
    assert space.changed(space.start) == {"l2": 0.1}


def test_what_lies_outside_begins_at_the_border():
    start = Space.of(make("xgboost", power=1.1, trees=1000, leaves=2, feature_fraction=0.33), FEATURES).start
    assert (start["trees"], start["leaves"], start["feature_fraction"]) == (400, 15, 0.35)


def test_only_a_group_of_features_that_is_there_can_be_left_out():
    space = Space.of(make("lightgbm", power=1.1), FEATURES)
    assert space.options[-1].choices == (NOTHING, "lag", "price")  # no model can do without the question itself
    assert space.make({DROP: "price"}).drop == ("price",)
    assert space.make({DROP: NOTHING}).drop == ()


def test_what_the_settings_leave_out_stays_out_but_for_the_group_that_is_searched():
    space = Space.of(make("lightgbm", power=1.1, drop=("a", "lag")), FEATURES)
    assert space.start[DROP] == "lag"
    assert space.make({DROP: "price"}).drop == ("a", "price")
    by_name = Space.of(make("lightgbm", power=1.1, drop=("a",)), FEATURES)
    assert by_name.start[DROP] == NOTHING
    assert by_name.make({DROP: "price"}).drop == ("a", "price")
    twice = Space.of(make("lightgbm", power=1.1, drop=("lag", "price")), FEATURES)
    assert twice.options[-1].choices == (NOTHING, "price")  # lag is out in any case


def test_an_option_without_meaning_is_left_as_it_was():
    space = Space.of(make("lightgbm", power=1.1, loss="poisson"), FEATURES)
    assert "power" not in space.start
    assert space.make({"loss": "squared", DROP: NOTHING}).power == 1.1


def test_what_stays_the_same_does_not_depend_on_where_the_search_began():
    before = Space.of(make("lightgbm", power=1.1, seed=3, drop=("a",)), FEATURES)
    after = Space.of(before.make({"trees": 77, "l2": 4.0, "loss": "squared", DROP: "lag"}), FEATURES)
    assert before.fixed == after.fixed
    assert before.options == after.options
    assert Space.of(make("lightgbm", power=1.1, seed=4), FEATURES).fixed != before.fixed


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "random_forest"])
def test_the_corners_of_the_space_are_models(name):
    pytest.importorskip("xgboost")
    space = Space.of(make(name), FEATURES)
    for side in ("low", "high"):
        values = {option.name: option.shown(getattr(option, side)) for option in space.options if not option.choices}
        model = space.make(values)
        assert model.trees == values["trees"]


def test_forests_and_boosted_trees_have_their_own_options():
    assert options_of(make("random_forest")) is FOREST
    assert options_of(make("lightgbm", power=1.1)) is BOOSTED
    with pytest.raises(UsageError, match="SeasonalNaive has no options to search"):
        options_of(make("seasonal_naive"))
