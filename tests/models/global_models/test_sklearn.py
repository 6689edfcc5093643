"""Regressors of scikit-learn on question rows, beside what `tests/contracts` asks."""

import re
import sys
import zipfile

import numpy as np
import pytest

from foresell.core.errors import NotInstalled, UnreadableFile, UsageError
from foresell.models import load, make, options

pytest.importorskip("skops")

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foresell.models.global_models import regressors
from foresell.models.global_models.fitted_regressor import shapley_values
from foresell.models.global_models.sklearn import Sklearn

HORIZON = 14


class Predicting(RegressorMixin, BaseEstimator):
    """Says whatever it was made to say."""

    def __init__(self, says="mean"):
        self.says = says

    def fit(self, values, target):
        if self.says == "nothing":
            raise RuntimeError("out of ideas")
        if self.says == "too much":
            raise MemoryError
        self.mean_ = float(np.mean(target))
        return self

    def predict(self, values):
        one = np.full(len(values), self.mean_)
        predictions = {
            "nan": one * np.nan,
            "infinite": one * np.inf,
            "columns": one[:, None],
            "few": one[:-1],
            "text": ["a"],
        }
        return predictions.get(self.says, one)


@pytest.fixture(scope="module")
def shop(make_shop):
    return make_shop(n_days=400)


@pytest.mark.parametrize(
    ("regressor", "parameters", "error"),
    [
        ("HistGradientBoostingRegressor", {"max_iter": 40}, 0.15),
        ("HistGradientBoostingRegressor", {"max_iter": 40, "loss": "poisson"}, 0.15),
        ("RandomForestRegressor", {"n_estimators": 5, "min_samples_leaf": 10, "max_features": 0.3}, 0.15),
        ("Ridge", {}, 0.25),
        ("PoissonRegressor", {"alpha": 1e-3, "tol": 1e-2}, 0.25),
        (make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=40)), {}, 0.15),
    ],
)
def test_it_finds_the_week_and_the_promotion_at_every_size(shop, regressor, parameters, error):
    panel, truth = shop
    model = Sklearn(regressor=regressor, parameters=parameters, share=0.2)
    mean = model.fit(panel, HORIZON).forecast(panel).mean
    assert np.abs(mean / truth - 1).mean() < error
    assert abs(mean.sum() / truth.sum() - 1) < 0.05


def test_weights_and_thinned_rows_say_the_same_on_average(shop):
    class Unweighted(LinearRegression):
        def fit(self, values, target):
            return super().fit(values, target)

    panel, truth = shop
    both = [Sklearn(regressor=kind(), share=0.2).fit(panel, HORIZON).forecast(panel) for kind in
            (LinearRegression, Unweighted)]  # fmt: skip
    assert all(abs(forecast.mean.sum() / truth.sum() - 1) < 0.05 for forecast in both)


def test_what_was_given_has_not_learnt_and_the_fit_can_be_repeated(shop):
    panel, _ = shop
    given = HistGradientBoostingRegressor(max_iter=10, early_stopping=True)
    first, second = (Sklearn(regressor=given, share=0.1).fit(panel, HORIZON).forecast(panel).mean for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = Sklearn(regressor=given, share=0.1, seed=2).fit(panel, HORIZON).forecast(panel).mean
    assert not np.array_equal(first, other)
    assert not hasattr(given, "n_iter_")
    assert given.random_state is None


def test_the_number_of_cores_is_kept_and_changes_nothing(shop):
    panel, _ = shop
    means = []
    for parameters in ({}, {"n_jobs": 1}):
        model = Sklearn(
            regressor="RandomForestRegressor",
            parameters={"n_estimators": 2, "min_samples_leaf": 20, **parameters},
            share=0.1,
        )
        fitted = model.fit(panel, HORIZON)
        assert fitted.boosters[0, 0].regressor.n_jobs == parameters.get("n_jobs")
        means.append(fitted.forecast(panel).mean)
    np.testing.assert_array_equal(*means)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("nan", r"Predicting predicted no finite number for [\d,]+ of [\d,]+ rows"),
        ("infinite", r"Predicting predicted no finite number"),
        ("columns", r"Predicting predicted numbers of the shape \(\d+, 1\) for .* expected one number for each"),
        ("few", r"Predicting predicted numbers of the shape"),
        ("text", "Predicting could not predict"),
        ("nothing", "Predicting could not learn from .* rows: out of ideas"),
        ("too much", "Predicting needs more memory than there is .*'max_rows'"),
    ],
)
def test_a_regressor_that_fails_is_named(shop, says, message):
    with pytest.raises(UsageError, match=message):
        Sklearn(regressor=Predicting(says), share=0.1).fit(shop[0], HORIZON)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"regressor": "Rigde"}, "Did you mean Ridge"),
        ({"regressor": 3}, "The option 'regressor' of the model 'sklearn' is 3; expected the name of a class"),
        ({"parameters": ["alpha"]}, "The option 'parameters' of the model 'sklearn' is .* by name"),
        ({"regressor": "Ridge", "alpha": 1}, "cannot be made with the options regressor, alpha: it has .*parameters"),
        ({"max_rows": 0}, "'max_rows' of the model 'sklearn' is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        make("sklearn", **given)


def test_the_contributions_of_a_linear_score_are_exact():
    random = np.random.default_rng(0)
    weights, values, others = random.normal(size=5), random.normal(size=(7, 5)), random.normal(size=(4, 5))
    parts = shapley_values(lambda rows: rows @ weights + 3, values, others, 4)
    np.testing.assert_allclose(parts[:, :-1], (values - others.mean(axis=0)) * weights)
    np.testing.assert_allclose(parts[:, -1], others.mean(axis=0) @ weights + 3)


def test_an_explanation_names_what_moves_the_forecast(shop):
    panel, _ = shop
    fitted = Sklearn(parameters={"max_iter": 40}, share=0.2).fit(panel, HORIZON)
    assert fitted.drivers()["feature"][:2].to_list() == ["promotion", "weekday_of_total"]
    why = fitted.explain(panel)
    promoted = panel.known["promotion"].values[:, panel.n_days :] > 0
    part = why.units[why.features.index("promotion")] / why.base
    assert part[promoted].mean() > 0.5
    assert part[~promoted].mean() < 0.05


def test_of_many_rows_fewer_orders_are_tried_and_they_add_up(shop, monkeypatch):
    panel, _ = shop
    fitted = Sklearn(regressor="DecisionTreeRegressor", share=0.1).fit(panel, HORIZON)
    monkeypatch.setattr("foresell.models.global_models.fitted_regressor.MANY", 10)
    np.testing.assert_allclose(fitted.explain(panel).mean, fitted.forecast(panel).mean, rtol=1e-4, atol=1e-5)


def check_files(name, panel, folder, rows=None):
    model = Sklearn(regressor=name, parameters=QUICKER.get(name, {}), share=0.05)
    fitted = model.fit(panel, 9, rows)
    fitted.save(folder)
    np.testing.assert_array_equal(load(folder).forecast(panel).mean, fitted.forecast(panel).mean)


@pytest.mark.parametrize("name", ["HistGradientBoostingRegressor", "RandomForestRegressor", "KNeighborsRegressor"])
def test_a_regressor_comes_back_from_a_folder(make_panel, tmp_path, name):
    check_files(name, make_panel(100), tmp_path)


REFUSED = "made of other estimators|learns several targets|from a single feature"
UNFIT = {
    "CCA": "could not learn",
    "PLSCanonical": "could not learn",
    "GammaRegressor": "could not learn",
    "RadiusNeighborsRegressor": "no finite number",
}
"""Regressors that cannot learn sales: days without any, and days that are like no other."""

QUICKER = {"TheilSenRegressor": {"max_subpopulation": 50}}
"""Parameters of a regressor that else takes as long as ten others."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # a regressor's own, of so few rows
def test_every_regressor_of_scikit_learn_learns_and_comes_back_or_says_why_not(make_panel, tmp_path):
    panel, refused = make_panel(100), {}
    rows = Sklearn(share=0.05).prepare(panel, 9, [panel.n_days - 1])
    for name in regressors.all_names():
        try:
            check_files(name, panel, tmp_path / name, rows)
        except UsageError as error:
            refused[name] = str(error)
    unexplained = {name: error for name, error in refused.items() if not re.search(UNFIT.get(name, REFUSED), error)}
    assert not unexplained
    assert len(regressors.all_names()) - len(refused) > 40


def test_what_a_file_may_not_hold_is_neither_written_nor_read(shop, tmp_path, monkeypatch):
    panel, _ = shop
    fitted = Sklearn(regressor=Predicting(), share=0.1).fit(panel, HORIZON)
    with pytest.raises(
        UsageError, match=r"Predicting cannot be stored: it holds 1 types that are not trusted: .*Predic"
    ):
        fitted.save(tmp_path / "foreign")
    Sklearn(regressor=Ridge(), share=0.1).fit(panel, HORIZON).save(tmp_path)
    (file,) = tmp_path.glob("*.skops")
    with zipfile.ZipFile(file) as opened:
        content = {name: opened.read(name) for name in opened.namelist()}
    schema = (
        content["schema.json"]
        .decode()
        .replace('"Ridge"', '"Popen"')
        .replace('"sklearn.linear_model._ridge"', '"subprocess"')
    )
    with zipfile.ZipFile(file, "w") as written:
        for name, data in {**content, "schema.json": schema}.items():
            written.writestr(name, data)
    with pytest.raises(UnreadableFile, match=r"is not read: it holds 1 types .*: subprocess\.Popen"):
        load(tmp_path)


def test_a_damaged_file_is_refused(shop, tmp_path):
    Sklearn(regressor="Ridge", share=0.1).fit(shop[0], HORIZON).save(tmp_path)
    (file,) = tmp_path.glob("*.skops")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UnreadableFile, match="cannot be read"):
        load(tmp_path)


def test_it_is_listed_where_its_library_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    assert {"regressor", "parameters", "by", "max_rows"} <= set(options("sklearn"))
    with pytest.raises(NotInstalled, match="Install the extra 'sklearn'"):
        make("sklearn")
