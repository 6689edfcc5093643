"""Roles of the items of a sample retailer whose plan asks for them: some do not answer to price and promotion, and some
sell less or more while another one is promoted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.synth.assortment import Items, RetailerPlan, make_items
from foresell.synth.market import CATEGORIES
from foresell.synth.prices import make_prices
from foresell.synth.random_streams import Stream, traits

# The turn of an item is how many items of its category come before it. Turns repeat in a cycle of roles.
TURNS, SUBSTITUTE, COMPLEMENT, UNMOVED = 5, 1, 3, 4
EFFECT = (0.15, 0.35)  # by so much the demand for an item changes while the one before it in its category is promoted


def with_roles(plan: RetailerPlan, items: Items) -> Items:
    """The items, of which some do not answer to price and promotion where the plan has roles of items."""
    if not plan.item_roles:
        return items
    unmoved = _turn(items.numbers) % TURNS == UNMOVED
    elasticity, uplift, dip = (np.where(unmoved, 0.0, of) for of in (items.elasticity, items.uplift, items.dip))
    return replace(items, elasticity=elasticity, uplift=uplift, dip=dip)


@dataclass(frozen=True)
class Relations:
    """How items depend on the promotions of others: int64 and float64 [relation].

    While `other` is promoted, the demand for `item` is multiplied by 1 + `effect`.
    """

    item: np.ndarray
    other: np.ndarray
    effect: np.ndarray


def relations_of(plan: RetailerPlan, numbers: np.ndarray) -> Relations:
    """The relations of the items `numbers`, which are those with the role; the other one is that before it in its
    category, so that an item does not change when the retailer grows."""
    role = _turn(numbers) % TURNS
    chosen = numbers[plan.item_roles & np.isin(role, (SUBSTITUTE, COMPLEMENT))]
    uniform, _ = traits(plan.seed, Stream.CAMPAIGN, chosen, 1)
    size = EFFECT[0] + (EFFECT[1] - EFFECT[0]) * uniform[:, 0]
    effect = np.where(_turn(chosen) % TURNS == SUBSTITUTE, -size, size)
    return Relations(chosen, chosen - len(CATEGORIES), effect)


def cross_factors(plan: RetailerPlan, items: Items) -> np.ndarray | float:
    """What the promotions of other items do to the demand: float64 [item, day + ahead], 1 where there are no roles."""
    relations = relations_of(plan, items.numbers)
    if not len(relations.item):
        return 1.0
    first, stop = int(relations.other.min()), int(relations.other.max()) + 1
    others = make_items(plan, first, stop)
    promotion = make_prices(plan, others).promotion
    day = np.arange(len(plan.dates))
    listed = (day >= others.begin[:, None]) & (day < others.end[:, None])
    factors = np.ones((len(items), len(plan.dates)))
    active = (promotion & listed)[relations.other - first]
    factors[relations.item - items.first] = np.where(active, 1 + relations.effect[:, None], 1.0)
    return factors


def relations_truth(plan: RetailerPlan, items: Items) -> pl.DataFrame:
    """One row for each relation: item, promoted, effect."""
    relations = relations_of(plan, items.numbers)
    return pl.DataFrame(
        {
            "item": _names(relations.item),
            "promoted": _names(relations.other),
            "effect": relations.effect,
        },
        schema={"item": pl.String, "promoted": pl.String, "effect": pl.Float64},
    )


def _turn(numbers: np.ndarray) -> np.ndarray:
    return numbers // len(CATEGORIES)


def _names(numbers: np.ndarray) -> list[str]:
    return [f"{CATEGORIES[n % len(CATEGORIES)].name}-{n + 1:05d}" for n in numbers]
