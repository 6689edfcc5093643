"""Past campaigns in full: effects, expected uplift of the next ones, and money."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.promotions.campaigns import Campaigns, campaigns_of
from foresell.decide.promotions.effects import CampaignEffects, effects_of
from foresell.decide.promotions.expected_uplift import ExpectedUplift, expected_uplift
from foresell.decide.promotions.neighbours import Neighbours, neighbours_of
from foresell.decide.promotions.returns import Money, Returns, Sums, returns_of
from foresell.decide.response.baseline import Baseline
from foresell.decide.response.partial_pooling import partially_pooled


@dataclass(frozen=True)
class Evaluation:
    """What past campaigns did and earned.

    - `cut`: the share taken off the price, float64 [campaign], NaN where no price is known.
    - `after`: what is sold in the days after a campaign of an item, relative to its baseline, float64 [item], pooled
      within groups; 0 where nothing is known.
    - `returns`: None without prices.
    """

    campaigns: Campaigns
    effects: CampaignEffects
    neighbours: Neighbours
    expected: ExpectedUplift
    cut: np.ndarray
    after: np.ndarray
    returns: Returns | None


def evaluate(
    baseline: Baseline, unit_cost: np.ndarray, price: np.ndarray, campaign_cost: float, coverage: float
) -> Evaluation:
    """Evaluates the campaigns of the baseline's history; `unit_cost` and usual `price` of the items, float64 [item]."""
    history = baseline.history
    campaigns = campaigns_of(history)
    effects = effects_of(baseline, campaigns, coverage)
    neighbours = neighbours_of(baseline, campaigns, coverage)
    change = baseline.sums(campaigns.windows(), len(campaigns)).price_change
    cut = np.where(np.isfinite(change), np.maximum(1 - np.exp(change), 0.0), np.nan)
    uplift = effects.uplift
    with np.errstate(divide="ignore", invalid="ignore"):
        error = uplift.deviation / uplift.baseline
    expected = expected_uplift(1 + uplift.change, error, cut, campaigns.item, history.group)
    after = effects.item_after
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = partially_pooled(after.change, after.deviation / after.baseline, history.group)
    returns = None
    if history.price is not None:
        item = campaigns.item
        others = margin_of_others(neighbours, price - unit_cost, campaigns)
        usual = price[item]
        money = Money(
            usual * (1 - np.nan_to_num(cut)),
            usual,
            unit_cost[item],
            np.full(len(item), campaign_cost),
            np.zeros(len(item)),
        )
        during, behind = (Sums(of.units, of.baseline, of.deviation) for of in (uplift, effects.after))
        returns = returns_of(during, behind, money, others, coverage)
    return Evaluation(campaigns, effects, neighbours, expected, cut, np.nan_to_num(pooled.mean), returns)


def margin_of_others(neighbours: Neighbours, margin: np.ndarray, campaigns: Campaigns) -> np.ndarray:
    """The margin that each campaign brought or took with other items, for the pairs that are seen: [campaign]."""
    seen = neighbours.seen
    gained = neighbours.effect.gained[seen] / np.maximum(neighbours.campaigns[seen], 1)
    worth = np.nan_to_num(margin[neighbours.other[seen]]) * gained
    by_item = np.bincount(neighbours.item[seen], worth, len(margin))
    return np.asarray(by_item[campaigns.item])
