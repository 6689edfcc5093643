from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known, Panel

AHEAD = 14


@pytest.fixture(scope="session")
def make_shop():
    """Makes panels of series whose means are known: see `_shop`."""
    return _shop


def _shop(n_series=40, n_days=800, seed=0):
    """Series whose sales differ a hundredfold, with a week and promotions that double them; and their means for the
    14 days after the history."""
    random = np.random.default_rng(seed)
    level = np.exp(random.uniform(0, 5, n_series))[:, None]
    day = np.arange(n_days + AHEAD)
    promoted = (random.random((n_series, n_days + AHEAD)) < 0.15).astype(np.float32)
    mean = level * (1 + 0.5 * (day % 7 == 3)) * (1 + promoted)
    units = random.poisson(mean[:, :n_days]).astype(np.float32)
    series = pl.DataFrame({"item": [f"i{n:02d}" for n in range(n_series)], "kind": ["a", "b"] * (n_series // 2)})
    dates = np.datetime64("2020-01-06") + day
    return Panel(series, ("item",), dates, units, {"promotion": Known.of_each(promoted)}), mean[:, n_days:]
