"""Returns and cancellations of transaction lines, subtracted from what was sold."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from foresell.core.finding import Finding
from foresell.core.words import many
from foresell.data.finding_codes import finding

TINY = 1e-9  # units per unit of the day; less is a rounding error of a sum, not a sale


def net_returns(days: pl.DataFrame, keys: Sequence[str], date: str, units: str, *, earlier: bool) -> pl.DataFrame:
    """The daily net `units` without any below zero.

    A day on which more was returned than sold counts as zero. With `earlier`, what it lacks is subtracted from earlier
    days of the same series, the latest first, so that an order which is cancelled later does not stay sold. With r(t)
    the sum of the units from day t to the last day, and m(t) the greatest r of day t and all later days, at least 0,
    the net units of day t are m(t) - m(t + 1).

    `days` has one row for each series and date; a null stays null. Of a series without returns nothing changes.

    >>> days = pl.DataFrame({"item": ["a"] * 4, "day": [1, 2, 3, 4], "units": [5.0, 3.0, -4.0, 2.0]})
    >>> net_returns(days, ["item"], "day", "units", earlier=True)["units"].to_list()
    [4.0, 0.0, 0.0, 2.0]
    """
    if not earlier:
        return days.with_columns(pl.col(units).clip(lower_bound=0))
    with_returns = (pl.col(units).min() < 0).over(keys)
    sold = pl.col(units).fill_null(0.0)
    from_here = sold.cum_sum(reverse=True).over(keys, order_by=date)
    days = days.with_columns(from_here.alias("__from_here"))
    most = pl.col("__from_here").clip(lower_bound=0).cum_max(reverse=True).over(keys, order_by=date)
    days = days.with_columns(most.alias("__most"), (most - pl.col("__from_here")).alias("__lacking"))
    lacking_later = pl.col("__lacking").shift(-1).over(keys, order_by=date).fill_null(0.0)
    net = (sold - lacking_later).clip(lower_bound=0.0)
    net = pl.when(net <= TINY * sold.abs()).then(0.0).otherwise(net)
    net = pl.when(with_returns & pl.col(units).is_not_null()).then(net).otherwise(pl.col(units))
    return days.with_columns(net.alias(units)).drop("__from_here", "__most", "__lacking")


def return_findings(before: pl.DataFrame, after: pl.DataFrame, units: str, where: str) -> list[Finding]:
    """What came of the returns: units taken from earlier sales, and units that no sale of the series stands against.

    `before` and `after` are the days that went into `net_returns` and came out of it.
    """
    returned = before.filter(pl.col(units) < 0)
    if returned.is_empty():
        return []
    lacking = -float(returned[units].sum())
    sold = float(before.filter(pl.col(units) > 0)[units].sum())
    taken = sold - float(after[units].sum())
    days = f"{many(returned.height, 'day')} of a series"
    if taken <= TINY * sold:
        return [
            finding(
                "net-returns", where, returned.height, f"{days}: more was returned than sold, so they count as zero"
            )
        ]
    findings = []
    message = f"{taken:,.6g} units that were returned on {days} are subtracted from earlier sales"
    findings.append(finding("netted-returns", where, returned.height, message))
    if lacking - taken > TINY * lacking:
        message = f"{lacking - taken:,.6g} units were returned without an earlier sale of the series and do not count"
        findings.append(finding("net-returns", where, returned.height, message))
    return findings
