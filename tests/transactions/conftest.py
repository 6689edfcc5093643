"""Single sales of a shop whose truth is known: revenue is price times pieces, pieces depend on the kind of customer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

PIECES = {"private": 1.5, "trade": 6.0}


@pytest.fixture(scope="session")
def make_sales() -> Callable[..., pl.DataFrame]:
    return _sales


def _sales(count: int = 3000, seed: int = 0, days: int = 120) -> pl.DataFrame:
    """Columns ``date``, ``item``, ``customer``, ``price``, ``pieces``, ``revenue``; in order of date."""
    random = np.random.default_rng(seed)
    item = random.integers(0, 8, count)
    customer = random.choice(list(PIECES), count, p=[0.8, 0.2])
    price = np.round((2 + item) * random.choice([1.0, 0.8], count), 2)
    pieces = 1 + random.poisson([PIECES[kind] - 1 for kind in customer])
    day = np.sort(random.integers(0, days, count))
    return pl.DataFrame(
        {
            "date": np.datetime64("2025-01-01") + day,
            "item": [f"item {number}" for number in item],
            "customer": customer.astype(str),
            "price": price,
            "pieces": pieces.astype(float),
            "revenue": price * pieces,
        }
    )
