"""The section ``capacity``: what orders to manufacturers are planned from, beside the forecast."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from foresell.core.settings.base import DateFormat, DecimalMark, PositiveNumber, Strict, about


class CapacityTables(Strict, frozen=True):
    """Tables of manufacturers: who can make what, how much in a period, and how well they delivered."""

    part: Annotated[
        str | None,
        about("the column of the series that says what is made; the last key where not given", "product"),
    ] = None
    capabilities: Annotated[
        str | None,
        about("who can make what: manufacturer, the part, cost, and any of use, minimum_lot", "capabilities.csv"),
    ] = None
    capacities: Annotated[
        str | None,
        about("the capacity of a period: manufacturer, capacity, and date where periods differ", "capacities.csv"),
    ] = None
    parts: Annotated[str | None, about("of parts: the part, and any of penalty, holding, stock", "parts.csv")] = None
    deliveries: Annotated[
        str | None,
        about("past deliveries: manufacturer, due, delivered, quantity, and rejected where known", "deliveries.csv"),
    ] = None
    unmet_penalty: Annotated[
        float,
        Meta(gt=0),
        about("what a unit that is not delivered costs, where parts do not say, in dearest unit costs"),
    ] = 3.0
    search_seconds: Annotated[
        PositiveNumber, about("how long the search for whole lots may take; more of it may bring a cheaper plan")
    ] = 60.0
    decimal: DecimalMark = None
    date_format: DateFormat = None
    sweep: Annotated[bool, about("also say what plans by wrong forecasts would cost")] = False
