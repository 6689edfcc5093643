"""What is usual, and how far off a figure may lie: by hand, against other programs, and by simulation."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from foresell.core.frequency import Frequency
from foresell.monitor import bounds
from foresell.monitor.accuracy import ALL, DAILY, GROUP, LEVEL
from foresell.monitor.bounds import BIAS, COVERAGE, ERROR, SKILL, UsualFigure, holm, moderated, usual_figures
from foresell.monitor.checks.catalogue import FIGURES
from foresell.monitor.checks.figure import blocks, with_figures

FIRST = date(2024, 1, 1)


def values(table: np.ndarray) -> pl.DataFrame:
    """Values [node, cutoff, block] as the table that `usual` reads."""
    node, cutoff, block = (each.reshape(-1) for each in np.indices(table.shape))
    dates = [FIRST + timedelta(days=28 * int(each)) for each in cutoff]
    return pl.DataFrame({"node": node, "cutoff": dates, "block": block, "value": table.reshape(-1), "size": 1.0})


def rows(part: str, of: str, name: str, days: list[tuple[int, dict[str, float]]]) -> list[dict[str, object]]:
    zero = dict.fromkeys(("units", "forecast", "error", "naive", "points", "inside", "ranged"), 0.0)
    label = {"cutoff": FIRST, "part": part, "of": of, "name": name}
    return [{**zero, **label, "date": FIRST + timedelta(step), "step": step, **sums} for step, sums in days]


def test_a_block_is_a_week_of_days_or_the_whole_of_a_shorter_horizon():
    assert bounds.block_of(Frequency.DAY, 28) == 7
    assert bounds.block_of(Frequency.DAY, 5) == 5
    assert bounds.block_of(Frequency.WEEK, 8) == 4
    assert bounds.block_of(Frequency.MONTH, 6) == 1


def test_the_figures_of_blocks_by_hand():
    day = {"units": 4.0, "forecast": 5.0, "error": 2.0, "naive": 3.0, "points": 1.0, "inside": 0.5, "ranged": 1.0}
    shop = {**day, "units": 3.0}
    table = rows(LEVEL, "total", ALL, [(1, day), (2, day), (3, day)])
    table += rows(GROUP, "shop", "north", [(1, shop), (2, shop), (3, shop)])
    found = blocks(pl.DataFrame(table, schema=DAILY), 2, FIGURES)
    assert found["block"].to_list() == [0, 0]  # the third day makes no whole block
    total, north = found.rows(named=True)
    assert total[BIAS] == pytest.approx(np.log(8.5 / 10.5))
    assert total[ERROR] == pytest.approx(np.log(4.5 / 8.5))
    assert total[SKILL] == pytest.approx(np.log(4.5 / 6.5))
    assert total[COVERAGE] == pytest.approx(0.5)
    assert north[BIAS] == pytest.approx(np.log(6.5 / 10.5) - np.log(8.5 / 10.5))


@pytest.mark.parametrize("by", [["cutoff"], []])
def test_without_a_total_a_bias_is_as_it_is(by):
    sums = {"units": 9.5, "forecast": 4.5, "error": 5.0, "naive": 8.0, "points": 7.0, "inside": 5.0, "ranged": 7.0}
    group = pl.DataFrame(rows(GROUP, "store", "a", [(1, sums)]))
    assert with_figures(group, by, FIGURES)[BIAS].to_list() == [pytest.approx(np.log(10 / 5))]
    total = pl.DataFrame(rows(LEVEL, "total", ALL, [(1, sums | {"units": 19.5})]))
    both = with_figures(pl.concat([group, total]), by, FIGURES)
    assert both[BIAS].to_list() == pytest.approx([np.log(10 / 5) - np.log(20 / 5), np.log(20 / 5)])


def test_one_block_a_window_gives_the_textbooks_prediction_interval():
    seen = np.array([0.1, 0.3, 0.2, 0.6])
    (found,) = usual_figures(values(seen[None, :, None]), windows=4)
    assert found.mean == pytest.approx(0.3)
    assert found.variance == pytest.approx(np.var(seen, ddof=1))
    assert (found.effective_blocks, found.freedom) == (4, 3)
    assert found.spread(1) == pytest.approx(np.sqrt(np.var(seen, ddof=1) * (1 + 1 / 4)))


def test_blocks_that_are_alike_in_a_window_count_as_one():
    of_window = np.array([0.1, -0.2, 0.3, 0.0, -0.1, 0.2])
    same = np.repeat(of_window[:, None], 4, axis=1)[None]
    (found,) = usual_figures(values(same), windows=6)
    # Rho is drawn towards a half: (6 * 1 + 3 * 0.5) / 9.
    assert found.correlation == pytest.approx(7.5 / 9)
    assert found.effective_blocks == pytest.approx(24 / (1 + 3 * 7.5 / 9))
    random = np.random.default_rng(1).normal(size=(1, 400, 4))
    assert usual_figures(values(random), windows=400)[0].correlation < 0.05


def test_windows_that_overlap_are_worth_fewer():
    random = np.random.default_rng(1).normal(size=(1, 8, 4))
    whole, half = (usual_figures(values(random), windows=windows)[0] for windows in (8, 4))
    assert half.effective_blocks < whole.effective_blocks
    assert half.spread(4) > whole.spread(4)


def test_larger_blocks_count_for_more():
    seen = values(np.array([[[1.0], [4.0]]])).with_columns(size=pl.Series([3.0, 1.0]))
    (found,) = usual_figures(seen, windows=2)
    assert found.mean == pytest.approx(1.75)  # (3 * 1 + 1 * 4) / 4
    assert found.effective_blocks == pytest.approx(1.6)  # 4^2 / (9 + 1)
    squares = 1.5 * 0.75**2 + 0.5 * 2.25**2
    assert found.variance == pytest.approx(squares / 2 / (1 - 1 / 1.6))
    assert found.size == 2
    assert found.for_size(1.0).variance == pytest.approx(2 * found.variance)
    assert found.for_size(9.0).variance == found.variance


def test_one_window_of_one_block_tells_nothing():
    assert usual_figures(values(np.array([[[0.1]]])), windows=1) == [None]


def test_no_block_varies_less_than_the_floor():
    (found,) = usual_figures(values(np.zeros((1, 5, 1))), windows=5, floor=np.array([0.04]))
    assert found.variance == 0.04


def test_variances_lend_each_other_freedom_as_limma_does():
    """Ten variances with 4 degrees of freedom each, drawn from a scaled inverse chi squared with d0 = 8, s0 = 2."""
    random = np.random.default_rng(3)
    true = 2.0 * 8 / random.chisquare(8, 4000)
    seen = true * random.chisquare(4, 4000) / 4
    drawn, freedom = moderated(seen, np.full(4000, 4.0))
    lent = freedom[0] - 4
    assert lent == pytest.approx(8, rel=0.15)
    common = (drawn[0] * (lent + 4) - 4 * seen[0]) / lent
    assert common == pytest.approx(2.0, rel=0.05)
    few, untouched = moderated(np.array([1.0, 9.0]), np.array([3.0, 3.0]))
    assert (few.tolist(), untouched.tolist()) == ([1, 9], [3, 3])


def test_chances_and_limits_are_students():
    assert bounds.chance(2.5, 6.5, sides=2) == pytest.approx(2 * stats.t.sf(2.5, 6.5))
    assert bounds.chance(-1.0, 6.5, sides=1) == pytest.approx(stats.t.cdf(1.0, 6.5))
    assert bounds.limit(0.01, 6.5, sides=2) == pytest.approx(stats.t.isf(0.005, 6.5))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_stepwise_rule_does(chances, rate):
    """Against the rule as it is written: go up the sorted chances until one is not below rate / (n - rank)."""
    rejected = set()
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda each: chances[each])):
        if chances[place] >= rate / (len(chances) - rank):
            break
        rejected.add(place)
    found = holm(chances, rate)
    assert {place for place, level in enumerate(found) if chances[place] < level} == rejected


def test_a_new_window_lies_outside_as_often_as_is_said():
    """Windows of four blocks that are half alike; a fresh one is held against eight others."""
    random = np.random.default_rng(5)
    outside = 0
    for _ in range(1500):
        windows = random.normal(size=(9, 1)) * np.sqrt(0.5) + random.normal(size=(9, 4)) * np.sqrt(0.5)
        (found,) = usual_figures(values(windows[None, :8]), windows=8)
        outside += bounds.chance(found.score(windows[8].mean(), 4), found.freedom, sides=2) < 0.05
    assert 0.03 < outside / 1500 < 0.07


def test_a_moved_mean_leaves_the_spread():
    known = UsualFigure(0.1, 0.04, 0.5, 4.0, 3.0)
    assert known.centred_on(None) is known
    assert known.centred_on(0.3).score(0.3, 1) == 0
    assert known.centred_on(0.3).spread(2) == known.spread(2)
