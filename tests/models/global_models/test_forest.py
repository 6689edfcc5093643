"""What is the random forest's own, beside what `tests/contracts` and `tests/models/pooled` ask."""

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.models.global_models.forest import RandomForest

HORIZON = 14


def test_it_finds_the_week_and_the_promotion_at_every_size(make_shop):
    panel, truth = make_shop(n_days=400)
    mean = RandomForest(trees=20, share=0.4, feature_fraction=0.8).fit(panel, HORIZON).forecast(panel).mean
    assert np.abs(mean / truth - 1).mean() < 0.12
    assert abs(mean.sum() / truth.sum() - 1) < 0.03


def test_the_score_is_the_mean_of_the_trees(make_shop):
    panel, _ = make_shop(n_days=300)
    few, many = (RandomForest(trees=trees, share=0.2).fit(panel, HORIZON) for trees in (1, 10))
    values = np.random.default_rng(0).random((50, len(few.recipe.features))).astype(np.float32)
    booster = many.boosters[0, 0]
    trees = [
        booster.booster.predict(values, raw_score=True, start_iteration=tree, num_iteration=1) for tree in range(10)
    ]
    np.testing.assert_allclose(booster.score(values), np.mean(trees, axis=0))
    np.testing.assert_allclose(booster.contributions(values).sum(axis=1), booster.score(values), atol=1e-9)
    np.testing.assert_allclose(few.boosters[0, 0].score(values), trees[0])


def test_a_leaf_is_the_units_of_its_rows_over_their_level(make_shop):
    # One feature with two values, and no more than two leaves: a leaf is a ratio of sums.
    panel, _ = make_shop(n_days=300)
    model = RandomForest(trees=60, leaves=2, share=1.0, use=("promotion",), feature_fraction=1.0, row_fraction=0.99)
    why = model.fit(panel, HORIZON).explain(panel)
    promoted = panel.known["promotion"].values[:, panel.n_days :] > 0
    ratio = why.mean / why.base
    assert ratio[promoted].mean() / ratio[~promoted].mean() == pytest.approx(2, rel=0.1)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="'loss' of the model 'random_forest' is 'poisson'; expected squared"):
        RandomForest(loss="poisson")
    with pytest.raises(UsageError, match=r"'row_fraction' .* is 1; expected less than 1"):
        RandomForest(row_fraction=1)
