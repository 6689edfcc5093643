import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UnreadableFile
from foresell.models import load, make
from foresell.models.closed_days import closed_days
from foresell.models.global_models.fitted import ALL, USUAL, FittedGlobalModel, Recipe
from foresell.models.global_models.training_data import Loss

HORIZON = 14
SMALL = {"every": 7, "trees": 15, "share": 0.5, "min_rows": 20, "leaves": 16}
LEARNERS = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed"))
    for name, library in (("lightgbm", "lightgbm"), ("xgboost", "xgboost"), ("random_forest", "lightgbm"))
]


class Says:
    """A booster of which is known what it says: the same of every row."""

    def __init__(self, score):
        self.said = score

    def score(self, values):
        return np.full(len(values), self.said)

    def contributions(self, values):
        return np.column_stack([np.zeros((len(values), values.shape[1])), self.score(values)])


def test_each_row_is_asked_of_the_booster_of_its_group_and_step(make_shop):
    panel, _ = make_shop(n_series=6, n_days=120)
    features = ("smoothed_28", "mean_91")
    recipe = Recipe(5, features, (), {}, Loss("poisson"), ("kind",), (("a",), ("b",)), (), ((1, 2), (3, 5)))
    factor = {(0, 0): 2.0, (0, 1): 3.0, (1, 0): 5.0, (1, 1): 7.0}
    fitted = FittedGlobalModel("test", recipe, {key: Says(np.log(by)) for key, by in factor.items()})
    why = fitted.explain(panel)
    expected = np.tile(np.array([[2, 2, 3, 3, 3], [5, 5, 7, 7, 7]]), (3, 1))
    np.testing.assert_allclose(fitted.forecast(panel).mean / why.base, expected, rtol=1e-5)
    # All of it is usual, and it is what the mean is more than the level.
    np.testing.assert_allclose(why.units[-1] / why.base, expected - 1, rtol=1e-5)
    assert why.features == (*features, USUAL)


def test_who_speaks_for_a_group():
    recipe = Recipe(5, (), (), {}, Loss("poisson"), ("kind",), (("a",), ("b",)), (), ((1, 5),))
    assert recipe.groups_for(("b",)) == [1]
    assert recipe.groups_for(("c",)) == [0, 1]
    assert replace(recipe, groups=(("a",), ALL)).groups_for(("c",)) == [1]


@pytest.mark.parametrize("name", LEARNERS)
def test_an_explanation_names_what_made_the_difference(make_shop, name):
    panel, _ = make_shop(n_days=500)
    fitted = make(name, **SMALL | {"trees": 40, "feature_fraction": 0.8}).fit(panel, HORIZON)
    why = fitted.explain(panel, range(10))
    units = dict(zip(why.features, why.units, strict=True))
    promoted = panel.known["promotion"].values[:10, panel.n_days :] > 0
    gain = units["promotion"] / why.base
    assert gain[promoted].mean() > 0.3
    assert gain[~promoted].mean() < 0
    for part, mean in ((panel, fitted.forecast(panel).mean[:10]), (panel.part(slice(3, 4)), None)):
        mean = fitted.forecast(part).mean if mean is None else mean
        why = fitted.explain(part, range(len(mean)))
        np.testing.assert_allclose(why.mean, mean, rtol=1e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_groups_and_blocks_come_back_from_a_folder(make_shop, tmp_path, name):
    panel, _ = make_shop(n_days=400)
    kinds = pl.Series("kind", ["rare", *panel.series["kind"][1:]])
    odd = pl.lit(1.5).alias('size [cm], "wide"')  # as a user may call a column
    panel = replace(panel, series=panel.series.with_columns(kinds, odd))
    fitted = make(name, **SMALL | {"min_rows": 50}, by=("kind",), blocks=2).fit(panel, HORIZON)
    fitted.save(tmp_path)
    assert len(list(tmp_path.glob("booster_*"))) == 6
    back = load(tmp_path)
    assert back.recipe == fitted.recipe
    assert back.findings == fitted.findings
    assert len(back.findings) == 1
    np.testing.assert_array_equal(back.forecast(panel).mean, fitted.forecast(panel).mean)
    np.testing.assert_allclose(back.explain(panel, [0]).mean, fitted.forecast(panel).mean[[0]], rtol=1e-4)
    assert back.drivers().equals(fitted.drivers())


@pytest.mark.parametrize("name", LEARNERS)
def test_damaged_and_foreign_files_are_refused(make_shop, tmp_path, name):
    panel, _ = make_shop(n_days=200)
    fitted = make(name, **SMALL | {"trees": 3}).fit(panel, HORIZON)
    for number, spoil in enumerate((_cut_the_booster, _cut_the_recipe, _swap_the_features, _lose_the_booster)):
        folder = tmp_path / str(number)
        fitted.save(folder)
        spoil(folder)
        with pytest.raises(UnreadableFile, match="foresell train"):
            type(make(name)).load(folder)


def _booster(folder):
    (path,) = folder.glob("booster_*")
    return path


def _cut_the_booster(folder):
    _booster(folder).write_bytes(_booster(folder).read_bytes()[:200])


def _cut_the_recipe(folder):
    path = folder / "model.json"
    path.write_text(path.read_text()[:50])


def _swap_the_features(folder):
    recipe = json.loads((folder / "model.json").read_text())
    recipe["features"] = recipe["features"][::-1]
    (folder / "model.json").write_text(json.dumps(recipe))


def _lose_the_booster(folder):
    _booster(folder).unlink()


def test_closed_days_have_nothing_to_explain_in_whatever_order(make_panel):
    panel = make_panel()
    fitted = make("lightgbm", **SMALL).fit(panel, HORIZON)
    why = fitted.explain(panel, [4, 1])
    shut = closed_days(panel, HORIZON)[[4, 1]]
    assert shut[1].any()
    assert (why.base[shut] == 0).all()
    assert (why.units[:, shut] == 0).all()
    np.testing.assert_allclose(why.mean, fitted.forecast(panel).mean[[4, 1]], rtol=1e-4)
