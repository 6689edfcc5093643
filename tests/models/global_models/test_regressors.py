"""Regressors by name and as objects: what is taken, what is refused, and what each is asked for."""

import sys

import numpy as np
import pytest

from foresell.core.errors import NotInstalled, UsageError

pytest.importorskip("skops")

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor, RandomForestRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foresell.models.global_models import regressors
from foresell.models.global_models.regressors import label, make_regressor


@pytest.mark.parametrize("name", ["Ridge", "sklearn.linear_model.Ridge"])
def test_a_class_goes_by_its_name_alone_or_with_its_module(name):
    regressor = make_regressor(name, {"alpha": 10}, seed=7)
    assert isinstance(regressor, Ridge)
    assert (regressor.alpha, regressor.random_state, label(name)) == (10, 7, "Ridge")


@pytest.mark.parametrize(
    ("regressor", "parameters", "message"),
    [
        ("Rigde", {}, "has no regressor 'Rigde'.*Did you mean Ridge"),
        ("sklearn.linear_model.Rigde", {}, "has no regressor 'sklearn.linear_model.Rigde'.*Did you mean Ridge"),
        ("sklearn.no_such_module.Ridge", {}, "has no regressor.*Did you mean Ridge"),
        ("RandomForestClassifier", {}, "is not a regressor.*Did you mean RandomForestRegressor"),
        ("os.system", {}, "'os.system' is not one of scikit-learn.*in Python"),
        ("VotingRegressor", {}, r"made of other estimators \(estimators\).*in Python"),
        ("MultiTaskLasso", {}, "learns several targets at once only"),
        ("IsotonicRegression", {}, "learns from a single feature only"),
        ("Ridge", {"aplha": 1}, "Ridge has no parameter aplha. Did you mean alpha.*It has alpha, "),
        (Ridge, {}, r"Ridge is a class; hand an object of it over: Ridge\(\)"),
        (SVC(), {}, "SVC is a classifier; a forecast needs a regressor. Did you mean .*SVR"),
        (KMeans(), {}, "KMeans is a clusterer; a forecast needs a regressor"),
        (StandardScaler(), {}, "StandardScaler is no regressor: it has no predict"),
        (object(), {}, "object is no regressor: it has no fit, predict, get_params, set_params"),
    ],
)
def test_what_is_no_regressor_is_refused(regressor, parameters, message):
    with pytest.raises(UsageError, match=message):
        make_regressor(regressor, parameters, seed=1)


def test_an_object_that_cannot_be_copied_is_refused():
    class Changing(RegressorMixin, BaseEstimator):
        def __init__(self, names=()):
            self.names = list(names)

        def fit(self, values, target):
            return self

        def predict(self, values):
            return np.zeros(len(values))

    with pytest.raises(UsageError, match="Changing cannot be copied"):
        make_regressor(Changing(("a", "b")), {}, seed=1)


def test_an_object_stays_as_it_is_and_random_states_left_open_are_set():
    inner = RandomForestRegressor()
    given = make_pipeline(SimpleImputer(), BaggingRegressor(inner, random_state=5))
    regressor = make_regressor(given, {"baggingregressor__n_estimators": 3}, seed=9)
    assert regressor.steps[-1][1].n_estimators == 3
    assert (regressor.steps[-1][1].random_state, regressor.steps[-1][1].estimator.random_state) == (5, 9)
    assert (given.steps[-1][1].n_estimators, inner.random_state) == (10, None)
    assert label(given) == "BaggingRegressor"


@pytest.mark.parametrize(
    ("regressor", "missing", "scaling", "weight"),
    [
        (Ridge(), False, True, "sample_weight"),
        (KNeighborsRegressor(), False, True, None),
        (HistGradientBoostingRegressor(), True, False, "sample_weight"),
        (BaggingRegressor(Ridge()), False, True, "sample_weight"),
        (BaggingRegressor(KNeighborsRegressor()), False, True, None),
        (VotingRegressor([("ridge", Ridge()), ("neighbours", KNeighborsRegressor())]), False, True, None),
        (TransformedTargetRegressor(Ridge()), False, True, None),
        (make_pipeline(StandardScaler(), Ridge()), False, False, "ridge__sample_weight"),
        (make_pipeline(SimpleImputer(), StandardScaler(), SGDRegressor()), True, False, "sgdregressor__sample_weight"),
        (make_pipeline(StandardScaler(), HistGradientBoostingRegressor()), True, False,
         "histgradientboostingregressor__sample_weight"),
    ],
)  # fmt: skip
def test_a_regressor_says_what_it_takes(regressor, missing, scaling, weight):
    assert regressors.allows_missing(regressor) == missing
    assert regressors.wants_scaling(regressor) == scaling
    assert regressors.weight_parameter(regressor) == weight


def test_a_hint_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(NotInstalled, match="Install the extra 'sklearn'"):
        make_regressor("Ridge", {}, seed=1)
