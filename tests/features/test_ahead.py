"""Prices and promotions, worked by hand."""

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known, Panel
from foresell.features.catalogue import catalogue
from foresell.features.question import Context
from foresell.features.training_rows import all_questions

N_DAYS = 60


@pytest.fixture
def asked():
    """Two series; the first cheaper and on promotion in the last two days of history and the first day asked for."""
    price = np.full((2, N_DAYS + 3), 4.0, np.float32)
    price[0, N_DAYS - 2 :] = 2.99
    promotion = np.zeros((2, N_DAYS + 3), np.float32)
    promotion[0, N_DAYS - 2 : N_DAYS + 1] = 1
    units = np.ones((2, N_DAYS), np.float32)
    units[0, N_DAYS - 2 :] = 5
    series = pl.DataFrame({"item": ["x", "y"], "kind": ["a", "a"]})
    known = {"price": Known.of_each(price), "promotion": Known.of_each(promotion)}
    panel = Panel(series, ("item",), np.datetime64("2024-01-01") + np.arange(N_DAYS + 3), units, known)
    features = catalogue(panel, (("kind",),))
    question = all_questions(Context.of(panel, 3, features).block(panel), N_DAYS - 1, 3)
    return lambda name: features[name].of(question).reshape(2, 3)


def test_prices(asked):
    np.testing.assert_allclose(asked("price"), [[2.99] * 3, [4] * 3])
    np.testing.assert_allclose(asked("price_cents"), [[99] * 3, [0] * 3], atol=1e-3)
    np.testing.assert_allclose(asked("price_to_mean_28")[0], 2.99 / ((26 * 4 + 2 * 2.99) / 28), rtol=1e-5)
    np.testing.assert_allclose(asked("price_change_7")[0], 2.99 / 4, rtol=1e-5)
    np.testing.assert_allclose(asked("price_change_1")[0], 1)
    np.testing.assert_allclose(asked("price_to_kind")[:, 0], [2.99 / 3.495, 4 / 3.495], rtol=1e-5)
    assert (asked("price_volatility_91")[1] == 0).all()


def test_promotions(asked):
    assert asked("promotion")[0].tolist() == [1, 0, 0]
    assert asked("promotion_before")[0].tolist() == [1, 1, 0]
    assert asked("promotion_after")[0].tolist()[:2] == [0, 0]
    assert np.isnan(asked("promotion_after")[0, 2])  # past what is known ahead
    np.testing.assert_allclose(asked("promotion_share_recent")[0], 2 / 28)
    np.testing.assert_allclose(asked("promotion_mean")[0], 5)
    np.testing.assert_allclose(asked("promotion_uplift")[0], 5 / ((58 + 10) / 60), rtol=1e-5)
    assert np.isnan(asked("promotion_mean")[1]).all()  # never promoted
