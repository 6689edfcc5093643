"""Covariates that tell of the sale: those that the files show only on days on which something was sold."""

from __future__ import annotations

import numpy as np

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.core.panel import Known
from foresell.data.codes import finding
from foresell.data.price_table import ROWS_AT_ONCE, hold_on

ENOUGH = 0.5  # told this often on days without a sale, against days with one, a covariate stands for itself
HARDLY = 0.05  # days that have neither a sale nor a value tell little where they are so few


def settle_telltales(
    known: dict[str, Known], untold: dict[str, int], horizon: int, frequency: Frequency
) -> tuple[set[str], list[Finding]]:
    """Makes covariates of `known` that tell of the sale harmless, in place: the price is held back, others go.

    `untold` is how many days `days_untold` found for each covariate of the rows. Where a table keeps only what was
    sold (lines of transactions, a daily table without its zeros, a price that is revenue over units), "the price
    changed today" and "there is a promotion today" mean "something was sold today". A backtest would know that; a
    forecast, which knows nothing of its days, cannot. So of such a covariate

    - the price of a day is the last one seen `horizon` or more days before it. No cutoff from which the day is
      forecast lies earlier, so that all of them know it, in the past as tonight; before that it is not known;
    - nothing else is known ahead. What the `future` file says of it stays unused, too, for a model could learn
      from the past only what a sale goes with, not what it follows from.

    What a calendar, a table of prices, or a `future` file that covers the history as well says of every day is no
    telltale and stays. Returns the names of the telltales, and a finding for each.
    """
    findings = []
    for name, count in untold.items():
        if not count:
            continue
        told = f"it is given with sales, and not on {count:,} series-{frequency.noun}s without one"
        if name == "price":
            hold_back(known[name].values, horizon)
            done = f"the last one seen {horizon} {frequency.noun}s before or earlier is taken"
        else:
            del known[name]
            done = "it is left out"
        findings.append(finding("covariate-of-sales-only", f"covariate {name}", count, f"{told}; {done}"))
    return {name for name, count in untold.items() if count}, findings


def days_untold(values: np.ndarray, units: np.ndarray, begin: np.ndarray, absent: str) -> int:
    """On how many series-days without a sale a covariate is not told, if that gives the sales away; else 0.

    `values` [series, day + ahead] and `units` [series, day] are as in `Cube`; the series are on sale from `begin`
    [series] on. A day without a sale has an explicit zero, or no row where `absent` says that this means zero; days
    on which no series has a row (all are closed) do not count. The covariate gives the sales away where it is told
    less than half as often on such days as on days with a sale, and more than a twentieth of all days are untold.

    >>> price, sales_only = np.array([[2, np.nan, 3]]), np.array([[5, -np.inf, 1], [0, 0, 0]])
    >>> days_untold(np.vstack([price, price]), sales_only, np.array([0, 3]), "zero")
    1
    >>> days_untold(np.array([[2, 2, 3.0]]), np.array([[5, 0, 1]]), np.array([0]), "zero")
    0
    """
    n_days = units.shape[1]
    with_rows = ~np.isneginf(units).all(axis=0)  # [day]
    quiet = quiet_told = sold = sold_told = 0
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = units[start : start + ROWS_AT_ONCE]
        told = ~np.isnan(values[start : start + ROWS_AT_ONCE, :n_days])
        selling = block > 0
        nothing = (block == 0) | np.isneginf(block) if absent == "zero" else block == 0
        nothing &= with_rows & (np.arange(n_days) >= begin[start : start + ROWS_AT_ONCE, None])
        quiet, quiet_told = quiet + int(nothing.sum()), quiet_told + int((nothing & told).sum())
        sold, sold_told = sold + int(selling.sum()), sold_told + int((selling & told).sum())
    untold = quiet - quiet_told
    if untold <= HARDLY * (quiet + sold) or quiet_told * sold >= ENOUGH * sold_told * quiet:
        return 0
    return untold


def hold_back(values: np.ndarray, lag: int) -> None:
    """Each value [series, day] in place by the last one told `lag` or more days before; NaN where there is none.

    >>> price = np.array([[1, np.nan, 3, np.nan, 5]])
    >>> hold_back(price, 2); price
    array([[nan, nan,  1.,  1.,  3.]])
    """
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        block[:, lag:] = block[:, : max(block.shape[1] - lag, 0)].copy()
        block[:, :lag] = np.nan
    hold_on(values)
