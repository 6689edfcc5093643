"""Allocations against a search over all of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.decide.allocation.shares import Allocation, allocation
from foresell.decide.stock import LostSalesPaths
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.gain_curves import GainCurves, gain_curves


def curves_of(seed: int, n_stores: int, n_items: int, packs: tuple[int, ...]) -> tuple[GainCurves, np.ndarray]:
    """Made-up curves of `n_stores` x `n_items` series, and the source of each, its item."""
    rng = np.random.default_rng(seed)
    n = n_stores * n_items
    pack = rng.choice(packs, n).astype(float)
    count = rng.integers(0, 3, (n, 2))
    gain = np.sort(rng.gamma(2, 2, (n, 2)), axis=1)[:, ::-1] * pack[:, None]
    series = np.repeat(np.arange(n), 2)
    there = count.ravel() > 0
    whole = np.zeros((n, 2), bool)
    whole[::5, 0] = count[::5, 0] > 0
    wanted = count.sum(axis=1) * pack
    curves = GainCurves(series[there], count.ravel()[there], gain.ravel()[there], whole.ravel()[there], pack, wanted)
    return curves, np.tile(np.arange(n_items), n_stores)


def best_gain(curves: GainCurves, source_of: np.ndarray, stock: np.ndarray) -> float:
    """The largest gain over all allocations, source by source."""
    total = 0.0
    for source, units in enumerate(stock):
        rows = np.flatnonzero(source_of[curves.series] == source)
        best = 0.0
        for bought in product(*(range(count + 1) for count in curves.packs[rows])):
            given_units = curves.pack[curves.series[rows]] @ np.array(bought) if len(rows) else 0.0
            if given_units <= units and _in_order(curves, rows, bought):
                best = max(best, float(curves.gain[rows] @ np.array(bought)))
        total += best
    return total


def _in_order(curves: GainCurves, rows: np.ndarray, bought: tuple[int, ...]) -> bool:
    for place, row in enumerate(rows):
        if curves.whole[row]:
            if bought[place] not in (0, curves.packs[row]):
                return False
            later = [n for n, other in enumerate(rows) if other > row and curves.series[other] == curves.series[row]]
            if bought[place] == 0 and any(bought[n] for n in later):
                return False
    return True


@pytest.mark.parametrize("packs", [(1,), (4,), (1, 3, 4)])
@pytest.mark.parametrize("seed", range(8))
def test_the_allocation_gains_the_most_that_any_can(seed: int, packs: tuple[int, ...]) -> None:
    curves, source_of = curves_of(seed, 4, 2, packs)
    stock = np.random.default_rng(seed).integers(0, 14, 2).astype(float)
    shares = allocation(curves, source_of, stock)
    best = best_gain(curves, source_of, stock)
    assert shares.gain == pytest.approx(best, rel=1.1e-3)
    assert shares.bound >= best - 1e-6
    assert shares.gap <= 1e-3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 60))
def test_no_centre_gives_more_than_it_has_and_no_store_gets_more_than_it_wants(
    seed: int, fairness: float, units: int
) -> None:
    curves, source_of = curves_of(seed, 6, 3, (1, 2, 6))
    stock = np.array([units, units / 2, 0.0])
    shares = allocation(curves, source_of, stock, fairness=fairness)
    given_units = np.bincount(source_of, shares.units, minlength=3)
    assert (given_units <= stock + 1e-9).all()
    np.testing.assert_allclose(given_units + shares.left, stock)
    assert (shares.units <= curves.wanted + 1e-9).all()
    np.testing.assert_allclose(shares.units / curves.pack, np.rint(shares.units / curves.pack))
    enough = given_units >= np.bincount(source_of, curves.wanted, minlength=3) - 1e-9
    assert (shares.shadow_price[enough] == 0).all()


def shop(stock_share: float, seed: int = 0, **terms: object) -> tuple[GainCurves, Allocation, np.ndarray]:
    """Twenty stores with one item, of which the centre has a share of what they want."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(2, 5, 20)
    paths = rng.poisson(level[None, :, None], (200, 20, 4)).astype(np.float32)
    costs = CostRates.of(20, holding=0.02, lost_margin=1.0)
    case = Situation.of(paths, rng.poisson(level).astype(float), costs, lead_periods=1, **terms)  # type: ignore[arg-type]
    wanted = LostSalesPaths().orders(case).order
    curves = gain_curves(case, wanted, np.zeros(20, bool))
    stock = np.array([np.floor(stock_share * wanted.sum())])
    return curves, allocation(curves, np.zeros(20, int), stock), wanted


def test_where_there_is_enough_all_stores_get_what_they_want() -> None:
    _, shares, wanted = shop(1.5)
    np.testing.assert_array_equal(shares.units, wanted)
    assert shares.shadow_price[0] == 0


def test_the_shadow_price_is_what_one_more_unit_gains() -> None:
    curves, shares, wanted = shop(0.6)
    stock = shares.units.sum() + shares.left[0]
    more = allocation(curves, np.zeros(20, int), np.array([stock + 1]))
    assert shares.shadow_price[0] == pytest.approx(more.gain - shares.gain, rel=0.02)
    assert shares.shadow_price[0] > 0
    assert (shares.units <= wanted).all()


def test_fairness_cuts_all_stores_alike() -> None:
    curves, by_gain, wanted = shop(0.5, pack=2)
    stock = np.array([by_gain.units.sum() + by_gain.left[0]])
    alike = allocation(curves, np.zeros(20, int), stock, fairness=1.0)
    share = stock[0] / wanted.sum()
    asked = wanted > 0
    assert (alike.units[asked] >= np.floor(share * wanted[asked] / 2) * 2).all()
    assert alike.gain <= by_gain.gain
    assert np.ptp(alike.units[asked] / wanted[asked]) < np.ptp(by_gain.units[asked] / wanted[asked])


def test_series_without_a_centre_get_nothing() -> None:
    curves, source_of = curves_of(1, 4, 2, (1,))
    source_of = source_of.copy()
    source_of[3] = -1
    shares = allocation(curves, source_of, np.array([5.0, 5.0]))
    assert np.flatnonzero(np.isnan(shares.units)).tolist() == [3]
