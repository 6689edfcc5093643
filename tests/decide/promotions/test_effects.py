"""Planted uplifts, pull-forward and relations between items are found, and none where none were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.decide.promotions.campaigns import Campaigns, campaigns_of
from foresell.decide.promotions.effects import effects_of
from foresell.decide.promotions.expected_uplift import expected_uplift
from foresell.decide.promotions.neighbours import neighbours_of
from foresell.decide.response.baseline import Baseline
from foresell.synth.campaigns import campaign_truth
from foresell.synth.demand import Block
from foresell.synth.item_roles import relations_of
from foresell.synth.tables import series_names
from tests.decide.response.sample_history import history_of, plain_history, sample_block


def planted(block: Block, campaigns: Campaigns) -> np.ndarray:
    """The true uplift of each campaign over the stores that have it: float64 [campaign]."""
    keys = series_names(block).with_columns(series=pl.int_range(pl.len()))
    truth = campaign_truth(block, keys)
    first = (truth["first_date"].to_numpy() - block.plan.dates[0]).astype(int)
    of_run = dict(zip(zip(campaigns.series, campaigns.run_first, strict=True), campaigns.campaign, strict=True))
    number = np.array([of_run[run] for run in zip(truth["series"], first, strict=True)])
    gained, baseline = (np.bincount(number, truth[name], len(campaigns)) for name in ("gained", "baseline"))
    return gained / baseline


@pytest.fixture(scope="module")
def roles() -> Block:
    return sample_block(1, stores=4, items=60, days=1095, item_roles=True)


def test_the_intervals_of_uplifts_cover_the_truth():
    covered = []
    for seed in (1, 2):
        block = sample_block(seed)
        history = history_of(block)
        campaigns = campaigns_of(history)
        uplift = effects_of(Baseline.of(history), campaigns).uplift
        truth = planted(block, campaigns)
        measured = ~np.isnan(uplift.baseline)
        assert measured.mean() > 0.9
        covered.append(((uplift.low <= truth) & (truth <= uplift.high))[measured])
        ratio = (1 + uplift.change) / (1 + truth)
        assert np.median(ratio[measured]) == pytest.approx(1, abs=0.05)
    assert np.concatenate(covered).mean() >= 0.85


def test_items_that_do_not_answer_are_told_from_those_that_do(roles: Block):
    history = history_of(roles)
    effects = effects_of(Baseline.of(history), campaigns_of(history))
    unmoved = roles.items.uplift == 0
    false = effects.responds[unmoved].sum()
    assert false <= max(0.2 * effects.responds.sum(), 1)
    assert effects.responds[~unmoved].mean() > 0.8
    assert (effects.item_uplift.high[unmoved] < 0.5).mean() > 0.6


def test_pulled_forward_demand_is_missed_afterwards(roles: Block):
    history = history_of(roles)
    change, low, high = effects_of(Baseline.of(history), campaigns_of(history)).all_after
    assert low <= change <= high < 0


def test_relations_between_items_are_found(roles: Block):
    history = history_of(roles)
    neighbours = neighbours_of(Baseline.of(history), campaigns_of(history))
    relations = relations_of(roles.plan, roles.items.numbers)
    planted_pairs = dict(zip(zip(relations.other, relations.item, strict=True), relations.effect, strict=True))
    seen = list(zip(neighbours.item[neighbours.seen], neighbours.other[neighbours.seen], strict=True))
    assert len(seen) >= len(planted_pairs) / 3
    assert np.mean([pair not in planted_pairs for pair in seen]) <= 0.2
    change = dict(zip(zip(neighbours.item, neighbours.other, strict=True), neighbours.effect.change, strict=True))
    assert all(np.sign(change[pair]) == np.sign(planted_pairs[pair]) for pair in seen if pair in planted_pairs)


def test_without_relations_none_is_seen():
    history = plain_history(np.random.default_rng(4), uplift=0.8)
    neighbours = neighbours_of(Baseline.of(history), campaigns_of(history))
    assert len(neighbours.item)
    assert not neighbours.seen.any()
    assert np.isnan(neighbours.rest.change).all()  # with one group there is nothing to compare it with


def test_hardly_any_item_responds_where_none_does():
    share = []
    for seed in range(4):
        history = plain_history(np.random.default_rng(seed))
        share.append(effects_of(Baseline.of(history), campaigns_of(history)).responds.mean())
    assert np.mean(share) <= 0.1


def test_without_a_promotion_there_is_no_campaign():
    history = plain_history(np.random.default_rng(1))
    history = replace(history, promotion=np.zeros_like(history.promotion))
    campaigns = campaigns_of(history)
    effects = effects_of(Baseline.of(history), campaigns)
    assert len(campaigns) == 0
    assert not effects.responds.any()
    assert len(neighbours_of(Baseline.of(history), campaigns).item) == 0


def test_runs_of_stores_are_one_campaign_also_where_one_opened_in_between():
    history = plain_history(np.random.default_rng(1), n_items=3, days=60)
    promotion = np.zeros((3, 60), bool)
    promotion[0, 10:17] = promotion[1, 10:17] = True
    promotion[2, 13:17] = True
    promotion[1, 40:45] = True
    history = replace(history, promotion=promotion, item=np.zeros(3, np.int64), group=np.zeros(1, np.int64))
    campaigns = campaigns_of(history)
    assert list(zip(campaigns.first, campaigns.stop, strict=True)) == [(10, 17), (40, 45)]
    assert campaigns.campaign.tolist() == [0, 0, 1, 0]


def test_the_answer_to_the_cut_and_of_the_item_are_told_apart():
    rng = np.random.default_rng(3)
    item = np.repeat(np.arange(30), 12)
    cut = rng.choice([0.0, 0.1, 0.2, 0.3], len(item))
    own = 0.3 + 0.2 * rng.standard_normal(30)
    error = np.full(len(item), 0.15)
    log = own[item] - 1.8 * np.log1p(-cut) + error * rng.standard_normal(len(item))
    expected = expected_uplift(np.exp(log), error, cut, item, np.zeros(31, np.int64))
    assert expected.cut == pytest.approx(1.8, abs=0.2)
    assert np.corrcoef(expected.display[:30], own)[0, 1] > 0.9
    assert expected.display[30] == pytest.approx(0.3, abs=0.1)  # an item without campaigns has the mean
    assert expected.ratio(np.array([0]), np.array([0.2])) > expected.ratio(np.array([0]), np.array([0.0]))
