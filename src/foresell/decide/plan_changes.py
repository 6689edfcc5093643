"""A plan beside the one before: what has changed, and issued quantities that stay because a change is worth too little.

In material requirements planning the days in which quantities stay are the frozen zone before the planning time fence:
Hopp and Spearman, "Factory Physics", 3rd edition, section 3.1.5 (nervousness).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from foresell.decide.plan import Plan, with_reason

FROZEN = "frozen"
"""The column with what an issued quantity adds because it stays, in plans whose settings know a frozen zone."""


def with_change(plan: Plan, before: pl.DataFrame | None) -> Plan:
    """The plan with its column ``change``: its quantities less those of the lines of the plan `before`.

    Lines meet by keys and day, or by keys alone where the two plans have no day in common, such as orders of today and
    those of yesterday. The change is null where the other plan has no such line, or more than one.
    """
    if before is None:
        return plan
    same_days = plan.lines["date"].is_in(before["date"].implode()).any()
    quantity = _beside(plan, before, [*plan.keys, "date"] if same_days else [*plan.keys])
    return plan.with_lines(plan.lines.with_columns(change=pl.col("quantity") - quantity))


def with_issued(plan: Plan, issued: pl.DataFrame | None, frozen_before: date, least_gain: float) -> Plan:
    """The plan in which issued quantities stay, in the frozen zone and where a change gains less than `least_gain`.

    `issued` has lines of earlier plans, with their overrides, which are taken off: they are applied to every plan anew.
    Lines of days before `frozen_before` are in the frozen zone. The column `FROZEN` has what that changes, and
    ``binds`` and the reason name it.
    """
    new = plan.lines["quantity"].fill_null(np.nan).to_numpy()
    if issued is None:
        return plan.with_lines(plan.lines.with_columns(pl.lit(None, pl.Float64).alias(FROZEN)))
    own = issued.with_columns(quantity=pl.col("quantity") - pl.col("override").fill_null(0))
    old = _beside(plan, own, [*plan.keys, "date"]).fill_null(np.nan).to_numpy()
    differs = ~np.isnan(old) & ~np.isnan(new) & (np.abs(old - new) > 1e-9)
    frozen = differs & (plan.lines["date"].cast(pl.Date) < frozen_before).fill_null(False).to_numpy()
    small = np.zeros(len(new), bool)
    if least_gain > 0 and (differs & ~frozen).any():
        kept = plan.with_quantities(np.where(differs & ~frozen, old, new))
        gain = (plan.lines["money"] - kept.lines["money"]).fill_null(np.inf).to_numpy()
        small = differs & ~frozen & (gain < least_gain)
    stays = frozen | small
    held = plan.with_quantities(np.where(stays, old, new))
    amount = pl.Series(FROZEN, np.where(stays, old - new, np.nan)).fill_nan(None)
    cause = pl.Series(np.where(frozen, "frozen", np.where(small, "least gain", "")))
    binds = pl.when(pl.lit(pl.Series(stays))).then(pl.lit(cause)).otherwise(pl.col("binds"))
    return held.with_lines(
        held.lines.with_columns(amount, binds=binds, reason=with_reason(pl.col("reason"), "issued", pl.lit(amount)))
    )


def _beside(plan: Plan, other: pl.DataFrame, by: list[str]) -> pl.Series:
    """The quantities of the lines of `other` beside those of the plan; null where there is none, or several."""
    if not set(by) <= set(other.columns):
        return pl.Series("before", [None] * plan.lines.height, pl.Float64)
    texts = [pl.col(name).cast(pl.String) for name in by]
    rows = other.select(*texts, before="quantity").unique(by, keep="none")
    return plan.lines.select(texts).join(rows, on=by, how="left", maintain_order="left", nulls_equal=True)["before"]
