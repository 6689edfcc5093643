"""What past changes of a price say of another one: by hand, by simulation, and where they say nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known, Panel
from foresell.features.past_changes import FEWEST, past_changes

DAYS, SPELL, AHEAD = 560, 40, 14


def shop(elasticities: np.ndarray, level: float = 40.0, seed: int = 0, spells: int = DAYS // SPELL) -> Panel:
    """Series whose price is now 10, now 8, for `spells` spells; each reduction of a series has an elasticity of its own
    [series, spell]. All sales rise by a half over the time."""
    random = np.random.default_rng(seed)
    n = len(elasticities)
    spell = np.minimum(np.arange(DAYS) // SPELL, spells - 1)
    low = spell % 2 == 1
    price = np.where(low, 8.0, 10.0)
    effect = np.where(low, elasticities[:, spell] * np.log(0.8), 0.0)
    mean = level * np.linspace(1, 1.5, DAYS) * np.exp(effect)
    units = random.poisson(mean).astype(np.float32)
    steady = random.poisson(level * np.linspace(1, 1.5, DAYS), (3 * n, DAYS)).astype(np.float32)
    prices = np.full((4 * n, DAYS + AHEAD), 10.0, np.float32)
    prices[:n, :DAYS] = price
    series = pl.DataFrame({"item": [f"i{number}" for number in range(4 * n)]})
    dates = np.datetime64("2024-01-01") + np.arange(DAYS + AHEAD)
    return Panel(series, ("item",), dates, np.vstack([units, steady]), known={"price": Known.of_each(prices)})


def test_the_size_and_the_response_of_changes_by_hand():
    panel = shop(np.full((1, 20), -2.0), level=4000.0)
    changes = past_changes(panel, "price", np.array([0]))
    assert len(changes) == DAYS // SPELL - 1
    assert np.abs(changes.size) == pytest.approx(np.log(10 / 8))
    # An elasticity of -2 at a fifth less is 56 % more; the growth of all sales is taken out.
    assert changes.response == pytest.approx(-2 * changes.size, abs=0.03)
    assert changes.variance(-0.2) < 0.001


def test_the_range_holds_what_it_promises():
    """Elasticities that differ from change to change: the spread of their effects is found."""
    random = np.random.default_rng(1)
    for seed in range(5):
        panel = shop(random.normal(-2, 0.7, (6, 20)), seed=seed)
        changes = past_changes(panel, "price", np.arange(6))
        true = 0.7 * np.log(1.25)
        assert true * 0.7 < np.sqrt(changes.variance(np.log(0.8))) < true * 1.5
        # In the sum of many series it evens out, except for the error of the mean response.
        assert changes.variance(np.log(0.8), 0.01) < 0.2 * changes.variance(np.log(0.8))


def test_few_or_smaller_changes_do_not_tell():
    few = past_changes(shop(np.full((1, 20), -2.0), spells=3), "price", np.array([0]))
    assert len(few) == 2 < FEWEST
    assert not few.tells_of(-0.2)
    many = past_changes(shop(np.full((1, 20), -2.0)), "price", np.array([0]))
    assert many.tells_of(-0.2)
    assert not many.tells_of(-0.7)
    none = past_changes(shop(np.full((1, 20), -2.0)), "price", np.array([2]))
    assert (len(none), none.tells_of(-0.1)) == (0, False)
