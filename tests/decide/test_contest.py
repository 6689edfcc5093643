"""The contest on demand whose best policy is known."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.contest import contest, with_fractiles
from foresell.decide.replay import Window, replay
from foresell.decide.stock import LostSalesPaths, NormalSafetyStock
from foresell.decide.stock.contract import CostRates, Situation

FRACTILES = (0.3, 0.5, 0.7, 0.9)


def windows(n, scale=1.0, seed=1, n_series=60):
    """Lumpy demand with a lead time of 2, whose paths are `scale` times too large."""
    rng = np.random.default_rng(seed)
    start = Situation.of(
        np.zeros((1, n_series, 3)),
        np.full(n_series, 2.0),
        CostRates.of(n_series, holding=0.2, lost_margin=1.0),
        lead_periods=2,
    )

    def lumpy(shape):
        return rng.negative_binomial(0.3, 0.3 / (0.3 + 2.0), shape)

    made = []
    for number in range(n):
        sample = np.round(scale * lumpy((150, n_series, 3))).astype(np.float32)
        made.append(Window(f"{number}", start, lumpy((n_series, 8)).astype(float), lambda _, s=sample: s, range(8)))
    return made


def test_the_best_of_the_earlier_windows_wins_where_the_later_ones_agree():
    every = windows(8)
    families = {"paths": with_fractiles(LostSalesPaths(), FRACTILES), "normal": with_fractiles(NormalSafetyStock(), ())}
    result = contest(families, every[:4], every[4:])
    assert isinstance(result.winner, LostSalesPaths)
    assert "won" in result.sentence()
    best = result.standings[0]
    costs = [sum(replay(policy, each).cost().sum() for each in every[:4]) for policy in families["paths"]]
    assert best.policy == families["paths"][int(np.argmin(costs))]
    assert best.calibration_cost == pytest.approx(min(costs))
    judged = [sum(replay(p, each).cost().sum() for each in every[4:]) for p in (NormalSafetyStock(), best.policy)]
    assert best.saving == pytest.approx(judged[0] - judged[1])
    assert 0 < best.standard_error < best.saving


def test_a_fractile_mends_paths_that_are_too_wide():
    every = windows(6, scale=2.0)
    result = contest({"paths": with_fractiles(LostSalesPaths(), FRACTILES)}, every[:3], every[3:])
    assert result.standings[0].policy.probability in (0.5, 0.7)


def test_the_fallback_stays_where_the_later_windows_disagree():
    """Paths of nothing order nothing, which is best only in the earlier windows, where nothing is asked for."""
    earlier, later = windows(3), windows(4, seed=2)
    quiet = [Window(each.label, each.start, np.zeros_like(each.demand), each.paths, each.decisions) for each in earlier]
    families, usual = {"paths": with_fractiles(LostSalesPaths(), (0.01,))}, LostSalesPaths(0.9)
    result = contest(families, quiet, later, fallback=usual)
    assert result.winner == usual
    assert "stays" in result.sentence()
    assert result.standings[0].policy == LostSalesPaths(0.01)
    assert result.standings[0].saving < 0
    assert result.to_frame()["winner"].to_list() == [False]


def test_the_fallback_that_is_best_stays_without_a_comparison():
    every = windows(4)
    result = contest({"normal": [NormalSafetyStock()]}, every[:2], every[2:])
    assert result.winner == NormalSafetyStock()
    assert (
        result.sentence() == "normal safety stock, critical fractile stays: nothing cost less in the earlier windows."
    )


def test_a_contest_needs_windows():
    with pytest.raises(ValueError, match="at least one earlier and one later"):
        contest({"paths": [LostSalesPaths()]}, [], windows(1))


def test_a_least_fill_rate_comes_before_cost():
    every, usual = windows(6), LostSalesPaths()
    families = {"paths": with_fractiles(usual, FRACTILES), "normal": with_fractiles(NormalSafetyStock(), ())}
    assert contest(families, every[:3], every[3:], fallback=usual).winner == usual
    result = contest(families, every[:3], every[3:], least_fill=0.6, fallback=usual)
    assert result.winner == result.standings[0].policy == LostSalesPaths(0.9)
    assert result.standings[0].saving < 0  # the fallback is cheaper, but misses the fill rate
    ledgers = [replay(result.winner, each) for each in every[:3]]
    assert sum(each.sold.sum() for each in ledgers) >= 0.6 * sum(each.demand.sum() for each in every[:3])
    assert "0.6 being asked for" in result.sentence()


def test_where_no_policy_reaches_the_fill_rate_the_nearest_is_taken_or_the_fallback_that_does():
    every = windows(4)
    poor = {"paths": [LostSalesPaths(0.3), LostSalesPaths(0.5)]}
    assert contest(poor, every[:2], every[2:], least_fill=0.999, fallback=LostSalesPaths(0.3)).winner.probability == 0.5
    usual = NormalSafetyStock(0.999999)
    assert contest(poor, every[:2], every[2:], least_fill=0.9, fallback=usual).winner is usual
