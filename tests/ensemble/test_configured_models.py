from __future__ import annotations

import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.settings import Features
from foresell.core.settings import Model as Wanted
from foresell.ensemble.configured_models import (
    features_in_use,
    make_models,
    models_of_sums,
    weights_of_sums,
)
from foresell.features.catalogue import catalogue
from foresell.models import make_of_sums

LEVELS = (("shop",),)


def test_what_the_settings_say_goes_to_the_models_that_can_take_it():
    wanted = [Wanted(name="seasonal_naive"), Wanted(name="lightgbm", options={"seed": 9})]
    models = make_models(wanted, Features(use=("lag_1",), drop=("lag_2",)), LEVELS, seed=5)
    assert list(models) == ["seasonal_naive", "lightgbm"]
    model = models["lightgbm"]
    assert (model.use, model.drop, model.levels, model.seed) == (("lag_1",), ("lag_2",), LEVELS, 9)


def test_checkpoints_go_to_the_models_that_leave_some(tmp_path):
    wanted = [Wanted(name="seasonal_naive"), Wanted(name="lstm")]
    assert make_models(wanted, Features(), LEVELS, 5, tmp_path)["lstm"].checkpoints == tmp_path
    assert make_models(wanted, Features(), LEVELS, 5)["lstm"].checkpoints is None


def test_a_model_that_comes_twice_gets_a_number():
    wanted = [Wanted(name="moving_average", options={"window": window}) for window in (7, 28, 91)]
    models = make_models(wanted, Features(), (), 1)
    assert {name: model.window for name, model in models.items()} == {
        "moving_average": 7,
        "moving_average_2": 28,
        "moving_average_3": 91,
    }


def test_an_unknown_model_or_option_is_refused():
    with pytest.raises(UsageError, match=r"no model 'lightbgm'.*Did you mean 'lightgbm'"):
        make_models([Wanted(name="lightbgm")], Features(), (), 1)
    with pytest.raises(UsageError, match="'moving_average' cannot be made with the options windows"):
        make_models([Wanted(name="moving_average", options={"windows": 7})], Features(), (), 1)


def test_features_are_in_use_when_a_model_uses_them(make_panel):
    there = catalogue(make_panel(60), LEVELS)
    assert features_in_use([Wanted(name="seasonal_naive")], Features(), there) == {}
    own = Wanted(name="lightgbm", options={"use": ["lag_2"]})
    used = features_in_use([Wanted(name="lightgbm"), own], Features(use=("lag_1",)), there)
    assert list(used) == ["lag_1", "lag_2"]
    with pytest.raises(UsageError, match="lag_one"):
        features_in_use([Wanted(name="lightgbm")], Features(use=("lag_one",)), there)


def test_a_regressor_of_scikit_learn_goes_by_its_class():
    pytest.importorskip("skops")
    names = ("Ridge", "Lasso", "sklearn.linear_model.Ridge")
    wanted = [Wanted(name="sklearn", options={"regressor": name}) for name in names]
    models = make_models(wanted, Features(drop=("price",)), (("store",),), 5)
    assert list(models) == ["Ridge", "Lasso", "Ridge_2"]
    assert all((model.drop, model.levels, model.seed) == (("price",), (("store",),), 5) for model in models.values())


def test_the_process_of_sums_has_its_share_and_boosters_the_rest():
    process, booster = (make_of_sums(name, Frequency.DAY) for name in ("gaussian_process", "lightgbm"))
    by_name = {"gaussian_process": process, "lightgbm": booster, "lightgbm_2": booster}
    assert weights_of_sums(by_name) == pytest.approx({"gaussian_process": 0.6, "lightgbm": 0.2, "lightgbm_2": 0.2})
    assert weights_of_sums({"gaussian_process": by_name["gaussian_process"]}) == {"gaussian_process": 0.6}


def test_sums_of_hours_have_boosters_alone():
    assert "gaussian_process" in [model.name for model in models_of_sums("fast", Frequency.WEEK)]
    assert {model.name for model in models_of_sums("fast", Frequency.HOUR)} == {"lightgbm"}
