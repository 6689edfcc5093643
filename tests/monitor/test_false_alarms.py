"""One look spends the rate of false alarms that was set, all of it and no more."""

from __future__ import annotations

import pytest

from foresell.monitor.false_alarms import EMPTY, INPUTS, PARTS, SHARES, SLOW, WHOLE, rate_of


def test_the_shares_add_up_to_one():
    assert set(SHARES) == {WHOLE, PARTS, SLOW, INPUTS, EMPTY}
    assert sum(SHARES.values()) == pytest.approx(1)
    assert sum(rate_of(part, 0.03) for part in SHARES) == pytest.approx(0.03)
    assert all(0 < share < 1 for share in SHARES.values())
