"""The sections ``markdown`` and ``promotions``: what decides about prices and campaigns, beside the forecast."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from foresell.core.settings.base import (
    Columns,
    NotNegative,
    Positive,
    PositiveNumber,
    Probability,
    Share,
    Strict,
    about,
)

Cut = Annotated[float, Meta(gt=0, lt=1)]
Money = Annotated[float, Meta(ge=0)]


class Markdown(Strict, frozen=True):
    """When stock sells too slowly, and which lower prices may be asked for it."""

    stock: Annotated[str | None, about("the stock on hand; where not given, that of 'orders'", "stock.csv")] = None
    terms: Annotated[str | None, about("costs and terms; where not given, those of 'orders'", "terms.csv")] = None
    clearance: Annotated[
        str | None,
        about(
            "by keys or attributes, any of days_left (until the last day on which it is sold) and salvage (what a unit "
            "is worth then)",
            "clearance.csv",
        ),
    ] = None
    item: Annotated[
        Columns | None, about("the keys that name an item; where not given, those of 'data.items'", ["item"])
    ] = None
    group: Annotated[
        str | None,
        about("the column of items that answer to prices alike; where not given, a level of theirs", "category"),
    ] = None
    slow_weeks: Annotated[PositiveNumber, about("stock that lasts longer is slow")] = 12.0
    weeks: Annotated[Positive, about("so long it is sold where days_left is not given")] = 26
    cuts: Annotated[tuple[Cut, ...], about("the shares that may be taken off the price")] = (0.1, 0.2, 0.3, 0.4, 0.5)
    least_gain_share: Annotated[
        Share, about("a lower price must earn so much more than to wait a week, as a share of the worth of the stock")
    ] = 0.0005
    change_cost: Annotated[Money, about("what it costs to put another price on the stock of a series")] = 0.0


class Campaigns(Strict, frozen=True):
    """How campaigns are measured, and what the next ones may cost."""

    terms: Annotated[str | None, about("costs and terms; where not given, those of 'orders'", "terms.csv")] = None
    item: Annotated[
        Columns | None, about("the keys that name an item; where not given, those of 'data.items'", ["item"])
    ] = None
    group: Annotated[
        str | None, about("the column of items that may take from one another; where not given, a level", "category")
    ] = None
    budget: Annotated[Money | None, about("what the next campaigns may cost together, discounts included", 5000.0)] = (
        None
    )
    campaign_cost: Annotated[Money, about("what a campaign costs beside its discount")] = 0.0
    after_days: Annotated[
        NotNegative, about("so many days after a campaign, customers who stocked up may buy less")
    ] = 14
    interval: Annotated[Probability, about("the probability with which intervals hold")] = 0.9
