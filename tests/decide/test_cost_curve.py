"""The curve of cost against fill rate, on demand that is known."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.cost_curve import cost_curve
from foresell.decide.replay import Window, replay
from foresell.decide.stock import CalibratedFractile
from foresell.decide.stock.contract import CostRates, Situation


def test_more_service_is_more_stock_and_fewer_lost_sales():
    rng = np.random.default_rng(1)
    paths = rng.poisson(4, (200, 30, 2)).astype(np.float32)
    start = Situation.of(paths, np.full(30, 4.0), CostRates.of(30, holding=0.1, lost_margin=1.0), lead_periods=1)
    window = Window("0", start, rng.poisson(4, (30, 20)).astype(float), lambda decision: paths, range(18))
    curve = cost_curve(CalibratedFractile(), (0.99, 0.3, 0.9), [window])
    assert curve["fractile"].to_list() == [0.3, 0.9, 0.99]
    assert curve["fill_rate"].is_sorted()
    assert curve["holding"].is_sorted()
    assert curve["lost_sales"].is_sorted(descending=True)
    assert curve["cost"].arg_min() == 1  # the critical fractile is 0.91
    ledger = replay(CalibratedFractile(0.9), window)
    assert curve["cost"][1] == pytest.approx(ledger.cost().sum())
    assert curve["fill_rate"][1] == pytest.approx(ledger.fill_rate())
