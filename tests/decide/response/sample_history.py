"""Histories of the sample retailer and of plain random sales, with their truth."""

from __future__ import annotations

from datetime import date

import numpy as np

from foresell.decide.response.sales_history import SalesHistory
from foresell.synth.assortment import RetailerPlan, make_stores
from foresell.synth.demand import Block, blocks


def sample_block(seed: int, stores: int = 3, items: int = 48, days: int = 900, item_roles: bool = False) -> Block:
    """A sample retailer in one block."""
    plan = RetailerPlan(stores, items, days, date(2025, 12, 28), seed, item_roles=item_roles)
    return next(blocks(plan, make_stores(plan), 10**9))


def history_of(block: Block) -> SalesHistory:
    """What its user sees; the group of an item is its category."""
    days = block.plan.days
    known = block.on_sale[:, :days]
    units = np.where(known & ~block.stocked_out, block.units, np.nan)
    price = np.where(known, block.cents[:, :days] / 100, np.nan)
    return SalesHistory(units, block.promotion[:, :days] & known, price, block.item, block.items.category)


def plain_history(
    rng: np.random.Generator,
    *,
    n_items: int = 12,
    days: int = 700,
    mean: float = 12.0,
    uplift: float = 0.0,
    elasticity: float = 0.0,
    cut: float = 0.2,
) -> SalesHistory:
    """Poisson sales of one store; each item has a campaign of a week in ten, and every second one cuts the price."""
    day = np.arange(days)
    start = 7 * rng.integers(0, 10, n_items)[:, None]
    campaign = (day - start) // 70
    promotion = ((day - start) % 70 < 7) & (day >= start)
    price = np.where(promotion & (campaign % 2 == 1), 10 * (1 - cut), 10.0)
    weekday = np.array([0.8, 0.8, 0.9, 1.0, 1.1, 1.3, 1.1])[day % 7]
    expected = mean * weekday * np.where(promotion, 1 + uplift, 1) * (price / 10) ** -elasticity
    units = rng.poisson(expected).astype(float)
    items = np.arange(n_items)
    return SalesHistory(units, promotion, price, items, np.zeros(n_items, np.int64), after=0)
