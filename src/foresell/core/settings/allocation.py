"""The section ``allocation``: distribution centres, and what they have."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import DecimalMark, Share, Strict, about


class AllocationTables(Strict, frozen=True):
    """Tables of centres. Stock, open orders and terms of the stores are those of the section ``orders``."""

    centres: Annotated[
        str | None,
        about(
            "which centre supplies which series: columns of the series such as store, and centre; not needed where "
            "the series have an attribute centre",
            "centres.csv",
        ),
    ] = None
    centre_stock: Annotated[
        str | None,
        about("what centres can give: centre, columns of the series such as item, and on_hand", "centre_stock.csv"),
    ] = None
    capacity: Annotated[
        str | None, about("what a centre can handle in a period: centre, and units", "centre_capacity.csv")
    ] = None
    decimal: DecimalMark = None
    fairness: Annotated[
        Share,
        about("the share of scarce goods that is cut alike for all stores; the rest goes where it gains most", 0.5),
    ] = 0.0
