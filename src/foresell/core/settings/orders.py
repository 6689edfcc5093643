"""The section ``orders``: what orders are decided from, beside the forecast."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import (
    DateFormat,
    DecimalMark,
    NotNegative,
    NotNegativeNumber,
    Probability,
    Strict,
    about,
)


class OrderTables(Strict, frozen=True):
    """Tables of stock, open orders, costs and terms of supply, and the policy."""

    stock: Annotated[
        str | None,
        about("the stock on hand: the keys, and on_hand; without it there are targets, and no orders", "stock.csv"),
    ] = None
    open_orders: Annotated[
        str | None, about("what is on order: the keys, due (a date) and units", "open_orders.csv")
    ] = None
    receipts: Annotated[
        str | None,
        about(
            "past receipts, from which lead times are learnt: ordered and received (dates), and vendor or columns of "
            "the series",
            "receipts.csv",
        ),
    ] = None
    lots: Annotated[
        str | None,
        about("the stock that perishes by lot: the keys, expires (the last day of sale) and units", "lots.csv"),
    ] = None
    terms: Annotated[
        str | None,
        about(
            "costs and terms of supply by keys or attributes: any of price, unit_cost, holding_share_year, "
            "lost_margin, lead_days, review_days, pack, minimum, waste_cost, order_cost, shelf_days, unit_weight, "
            "unit_volume; and vendor",
            "terms.csv",
        ),
    ] = None
    vendors: Annotated[
        str | None,
        about(
            "what vendors ask of an order as a whole: vendor, and any of minimum_money, minimum_units, truck_units, "
            "truck_weight, truck_volume, truck_cost, truck_fill, most_trucks",
            "vendors.csv",
        ),
    ] = None
    price_breaks: Annotated[
        str | None,
        about(
            "the discounts of vendors: vendor, from_money or from_units, discount (a share), and kind, all_units or "
            "incremental",
            "price_breaks.csv",
        ),
    ] = None
    budget: Annotated[float | None, about("the most that all orders of a plan may cost, in money", 10_000.0)] = None
    policy: Annotated[
        str | None,
        about(
            "normal, own_history, fractile, lost_sales, projected_stock, fixed_cost or perishable; where not given, "
            "the one that was best on the past",
            "lost_sales",
        ),
    ] = None
    service: Annotated[
        Probability | None,
        about(
            "the probability that no sale is lost until the next order arrives; where not given, what costs least", 0.98
        ),
    ] = None
    least_fill: Annotated[
        Probability | None,
        about(
            "the policy is the cheapest of those that met this share of the demand on the past; where not given, the "
            "cheapest of all",
            0.9,
        ),
    ] = None
    lead_days: Annotated[
        NotNegativeNumber | None, about("the lead time of all series, in place of that in the table of terms", 10)
    ] = None
    frozen_days: Annotated[
        NotNegative,
        about("quantities that were issued stay for the days of the plan's date and after it, so many in all", 1),
    ] = 0
    least_gain: Annotated[
        NotNegativeNumber,
        about("a quantity that was issued for the same day changes only where that gains so much money", 5.0),
    ] = 0.0
    columns: Annotated[
        dict[str, dict[str, str]],
        about(
            "by table, what its columns are called there, where their names do not say it; of terms then no others are "
            "read",
            {"stock": {"on_hand": "Bestand"}, "open_orders": {"due": "Termin", "units": "Menge"}},
        ),
    ] = {}
    decimal: DecimalMark = None
    date_format: DateFormat = None
