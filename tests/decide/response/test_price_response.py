"""The price response that was planted is found, and none where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.response import baseline, sales_history
from foresell.decide.response import price_response as of_prices
from foresell.decide.response.baseline import Baseline
from foresell.decide.response.partial_pooling import partially_pooled
from foresell.decide.response.price_response import price_response
from tests.decide.response.sample_history import history_of, plain_history, sample_block


def test_the_elasticity_of_a_cut_is_told_from_the_uplift_of_its_display():
    history = plain_history(np.random.default_rng(1), uplift=0.4, elasticity=2.0, mean=40)
    response = price_response(Baseline.of(history))
    assert response.elasticity.mean() == pytest.approx(2.0, abs=0.15)
    assert ((response.low <= 2) & (response.high >= 2)).mean() >= 0.85
    assert response.seen.all()


def test_the_elasticities_of_the_sample_lie_in_their_intervals():
    block = sample_block(1)
    response = price_response(Baseline.of(history_of(block)))
    truth = block.items.elasticity
    assert ((response.low <= truth) & (truth <= response.high)).mean() >= 0.85
    assert np.sqrt(np.mean((response.elasticity - truth) ** 2)) < np.sqrt(np.nanmean((response.own - truth) ** 2)) / 1.5


def test_without_a_response_hardly_any_is_seen():
    seen = [
        price_response(Baseline.of(plain_history(np.random.default_rng(seed), uplift=0.5, mean=8))).seen.mean()
        for seed in range(4)
    ]
    assert np.mean(seen) <= 0.1


def test_a_price_that_never_changes_shows_nothing():
    history = plain_history(np.random.default_rng(2), cut=0.0, uplift=0.4)
    response = price_response(Baseline.of(history))
    assert np.isnan(response.elasticity).all()
    assert not response.seen.any()
    assert (response.changes == 0).all()


def test_an_item_without_changes_has_the_response_of_its_group():
    history = plain_history(np.random.default_rng(3), elasticity=2.0, mean=40)
    price = history.price.copy()
    price[0] = 10.0
    response = price_response(Baseline.of(replace(history, price=price)))
    assert response.of_group.tolist() == [True] + [False] * 11
    assert response.elasticity[0] == pytest.approx(2.0, abs=0.3)
    assert response.deviation[0] > response.deviation[1:].max()


def test_without_prices_there_is_an_error():
    history = replace(plain_history(np.random.default_rng(1)), price=None)
    with pytest.raises(UsageError, match="no prices"):
        price_response(Baseline.of(history))


def test_small_groups_take_the_mean_of_everything():
    estimate, error = np.array([1.0, 1.1, 0.9, 1.0, 1.05, 3.0]), np.full(6, 0.1)
    pooled = partially_pooled(estimate, error, np.array([0, 0, 0, 0, 0, 1]))
    assert 1.3 < pooled.mean[5] < 3.0
    assert pooled.mean[:5] == pytest.approx(estimate[:5], abs=0.1)


@pytest.mark.parametrize("block", [1, 5])
def test_blocks_of_series_have_the_same_answers(block, monkeypatch):
    """Items with several series each, in another order than that of the items."""
    history = history_of(sample_block(1))
    of = np.random.default_rng(5).permutation(history.n_series)
    price = None if history.price is None else history.price[of]
    history = replace(
        history, units=history.units[of], promotion=history.promotion[of], price=price, item=history.item[of]
    )
    whole = price_response(Baseline.of(history))
    for module in (baseline, of_prices, sales_history):
        monkeypatch.setattr(module, "BLOCK", block)
    cut = price_response(Baseline.of(history))
    np.testing.assert_array_equal(cut.changes, whole.changes)
    np.testing.assert_allclose(cut.elasticity, whole.elasticity, rtol=1e-9)
    np.testing.assert_allclose(cut.deviation, whole.deviation, rtol=1e-9)
