"""Revealing covariates: the files have them only for days with a sale, so that their presence reveals the sale."""

from __future__ import annotations

import numpy as np

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.core.panel import Known
from foresell.data.finding_codes import finding
from foresell.data.gap_filling import ROWS_AT_ONCE, carry_forward

# A covariate that is known at least half as often on days without a sale as on days with one is independent of sales.
INDEPENDENT_SHARE = 0.5
NEGLIGIBLE_SHARE = 0.05  # so few days with neither a sale nor a value reveal little


def neutralise_revealing_covariates(
    known: dict[str, Known], revealing_gaps: dict[str, int], horizon: int, frequency: Frequency
) -> tuple[set[str], list[Finding]]:
    """Makes the revealing covariates of `known` harmless, in place: the price is lagged, all others are removed.

    `revealing_gaps` has the result of `count_revealing_gaps` for each covariate of the sales table. Where that table
    has only days with sales (lines of transactions, a daily table without its zeros, a price that is revenue over
    units), "the price changed today" and "there is a promotion today" mean "something was sold today". A backtest
    would know that; a forecast, which knows nothing of its days, cannot. Therefore

    - the price of a day becomes the last one seen `horizon` or more days before it. Every cutoff from which the day is
      forecast knows that price. The first `horizon` days have no price;
    - any other revealing covariate is removed. The `future` file's values for it stay unused, too, because a model
      could learn from the past only that the covariate accompanies a sale, not that it causes one.

    A covariate that a calendar, a price table or a `future` file gives for every day of the history is not revealing
    and stays. Returns the names of the revealing covariates, and a finding for each.
    """
    findings = []
    for name, count in revealing_gaps.items():
        if not count:
            continue
        reason = f"it is known with sales, and not on {count:,} series-{frequency.noun}s without one"
        if name == "price":
            lag_values(known[name].values, horizon)
            remedy = f"the last one seen {horizon} or more {frequency.noun}s before is taken"
        else:
            del known[name]
            remedy = "it is left out"
        findings.append(finding("covariate-of-sales-only", f"covariate {name}", count, f"{reason}; {remedy}"))
    return {name for name, count in revealing_gaps.items() if count}, findings


def count_revealing_gaps(values: np.ndarray, units: np.ndarray, begin: np.ndarray, absent: str) -> int:
    """The number of series-days with neither a sale nor a value of the covariate, if these reveal the sales; else 0.

    `values` [series, day + ahead] and `units` [series, day] are as in `Cube`; the series are on sale from `begin`
    [series] on. A day without a sale has an explicit zero, or no row where `absent` says that this means zero. Days on
    which no series has a row do not count, because all stores are closed. The covariate reveals the sales where it is
    known less than half as often on days without a sale as on days with one, and is missing on more than a twentieth
    of all days.

    >>> price, sales_only = np.array([[2, np.nan, 3]]), np.array([[5, -np.inf, 1], [0, 0, 0]])
    >>> count_revealing_gaps(np.vstack([price, price]), sales_only, np.array([0, 3]), "zero")
    1
    >>> count_revealing_gaps(np.array([[2, 2, 3.0]]), np.array([[5, 0, 1]]), np.array([0]), "zero")
    0
    """
    n_days = units.shape[1]
    with_rows = ~np.isneginf(units).all(axis=0)  # [day]
    unsold = unsold_known = sold = sold_known = 0
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = units[start : start + ROWS_AT_ONCE]
        known = ~np.isnan(values[start : start + ROWS_AT_ONCE, :n_days])
        selling = block > 0
        without_sale = (block == 0) | np.isneginf(block) if absent == "zero" else block == 0
        without_sale &= with_rows & (np.arange(n_days) >= begin[start : start + ROWS_AT_ONCE, None])
        unsold, unsold_known = unsold + int(without_sale.sum()), unsold_known + int((without_sale & known).sum())
        sold, sold_known = sold + int(selling.sum()), sold_known + int((selling & known).sum())
    gaps = unsold - unsold_known
    if gaps <= NEGLIGIBLE_SHARE * (unsold + sold) or unsold_known * sold >= INDEPENDENT_SHARE * sold_known * unsold:
        return 0
    return gaps


def lag_values(values: np.ndarray, lag: int) -> None:
    """Replaces each of `values` [series, day] in place by the last one known `lag` or more days before, NaN if none is.

    >>> price = np.array([[1, np.nan, 3, np.nan, 5]])
    >>> lag_values(price, 2); price
    array([[nan, nan,  1.,  1.,  3.]])
    """
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        block[:, lag:] = block[:, : max(block.shape[1] - lag, 0)].copy()
        block[:, :lag] = np.nan
    carry_forward(values)
