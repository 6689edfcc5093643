"""Shelves that run empty: a rise is found, what comes and goes is not."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.monitor.checks.stock_outs import FEWEST_BLOCKS, LEAST_RISE, DayCounts, finding, rises


def weeks(random, share, now, groups=1, days=700.0, count=40):
    """Blocks of a Poisson number of days out of stock, the newest with the share `now`."""
    out = random.poisson(share * days, (groups, count)).astype(np.float64)
    out[:, -1] = random.poisson(now * days, groups)
    return DayCounts([f"g{number}" for number in range(groups)], out, np.full((groups, count), days))


def test_the_bound_is_that_of_a_root_that_is_normal():
    """By hand: nine weeks of 4, 9, 16 of 100 days in turn are roots of 0.2, 0.3, 0.4; their standard deviation is
    0.0866, above the 0.05 of a Poisson count; t of 8 at 0.975 is 2.306."""
    out = np.array([[4.0, 9, 16] * 3 + [30]])
    (found,) = rises({"total": DayCounts(["all"], out, np.full((1, 10), 100.0))}, 0.025)
    assert found.most == pytest.approx((0.3 + 2.306 * 0.0866025 * np.sqrt(1 + 1 / 9)) ** 2, rel=1e-3)
    assert (found.now, found.before) == (0.3, pytest.approx(87 / 900))
    less = out.copy()
    less[0, -1] = 25  # below the bound of 0.259
    assert not rises({"total": DayCounts(["all"], less, np.full((1, 10), 100.0))}, 0.025)


def test_no_more_than_the_rate_are_false_alarms():
    random = np.random.default_rng(3)
    looks = [
        rises({"total": weeks(random, 0.03, 0.03), "store": weeks(random, 0.03, 0.03, 5)}, 0.05) for _ in range(400)
    ]
    assert sum(bool(found) for found in looks) <= 0.05 * 400 + 3 * np.sqrt(0.05 * 0.95 * 400)


def test_a_wave_is_found_in_the_groups_that_it_hits():
    random = np.random.default_rng(4)
    levels = {"total": weeks(random, 0.02, 0.09), "category": weeks(random, 0.02, 0.02, 4)}
    levels["category"].out[2, -1] = 200
    found = {(each.level, each.name) for each in rises(levels, 0.0005)}
    assert found == {("total", "g0"), ("category", "g2")}


def test_too_short_a_past_nothing_on_sale_and_a_rise_of_nothing_are_no_findings():
    random = np.random.default_rng(5)
    assert not rises(
        {"total": weeks(random, 0.02, 0.9, count=FEWEST_BLOCKS)}, 0.01
    )  # one block fewer before the newest
    gone = weeks(random, 0.02, 0.9)
    gone.on_sale[:, -1] = 0
    assert not rises({"total": gone}, 0.01)
    steady = DayCounts(["all"], np.full((1, 40), 0.0), np.full((1, 40), 1e6))
    steady.out[0, -1] = 1e6 * LEAST_RISE / 2
    assert not rises({"total": steady}, 0.01)
    assert not rises({}, 0.01)


def test_the_worst_is_told_first_and_the_others_are_examples():
    assert finding([], "now") is None
    random = np.random.default_rng(6)
    levels = {"total": weeks(random, 0.02, 0.10), "store": weeks(random, 0.02, 0.30, 2)}
    told = finding(rises(levels, 0.01), "in the 7 days to 2025-08-10")
    assert (told.code, told.where, told.count) == ("stock-outs-rose", "shelves", 3)
    assert "of the days of store g" in told.message
    assert len(told.examples) == 2
    assert told.examples[-1].startswith("total g0: ")
