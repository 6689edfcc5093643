"""What more service costs: cost and fill rate of a policy by its fractile, on windows of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl

from foresell.decide.replay import LedgerSums, costs_of, fill_rate_of, played
from foresell.decide.stock.contract import Policy

W = TypeVar("W")

CURVE = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""The fractiles of a curve that is shown."""

POINT = 0.01


def cost_curve(
    policy: Policy,
    fractiles: Sequence[float],
    windows: Sequence[W],
    play: Callable[[Sequence[Policy], W], list[LedgerSums]] = played,  # type: ignore[assignment]
) -> pl.DataFrame:
    """One row for each of `fractiles`, rising: ``fractile``, the cost by bucket, ``fixed``, ``cost`` and ``fill_rate``.

    `policy` has the field ``probability``, which is set to each fractile; `play` is that of `contest`.
    """
    rising = sorted(fractiles)
    policies = [replace(policy, probability=fractile) for fractile in rising]  # type: ignore[type-var]
    rows = []
    by_window = [play(policies, window) for window in windows]
    for fractile, ledgers in zip(rising, zip(*by_window, strict=True), strict=True):
        costs = costs_of(ledgers)
        row = {"fractile": fractile, **costs, "cost": sum(costs.values()), "fill_rate": fill_rate_of(ledgers)}
        rows.append(row)
    return pl.DataFrame(rows)


def cost_at(curve: pl.DataFrame, fill_rate: float) -> float | None:
    """What a `fill_rate` costs, on the line between the points of a curve; None where it lies beyond them.

    >>> curve = pl.DataFrame({"fill_rate": [0.9, 0.96, 0.98], "cost": [50.0, 40.0, 60.0]})
    >>> cost_at(curve, 0.97), cost_at(curve, 0.99)
    (50.0, None)
    """
    points = curve.group_by("fill_rate").agg(pl.col("cost").min()).sort("fill_rate")
    rates = points["fill_rate"].to_numpy()
    if not rates[0] - 1e-9 <= fill_rate <= rates[-1] + 1e-9:
        return None
    return float(np.interp(fill_rate, rates, points["cost"].to_numpy()))


def price_of_fill(curve: pl.DataFrame, fill_rate: float) -> str:
    """A sentence: the `fill_rate` that a policy reached in the windows of the curve, and what a point more costs there.

    >>> curve = pl.DataFrame({"fill_rate": [0.9, 0.96, 0.98], "cost": [50.0, 40.0, 60.0]})
    >>> price_of_fill(curve, 0.965)
    'In these windows it reached a fill rate of 96.5%; one point more would have cost 10 more in all.'
    >>> price_of_fill(curve, 0.975)
    'In these windows it reached a fill rate of 97.5%; at 98.0%, the most of any fractile tried, it would have cost 5 more in all.'
    """  # noqa: E501
    highest = float(curve["fill_rate"].max())  # type: ignore[arg-type]
    reached = f"In these windows it reached a fill rate of {fill_rate:.1%}"
    now = cost_at(curve, fill_rate)
    more, at = cost_at(curve, fill_rate + POINT), "one point more"
    if more is None:
        more, at = cost_at(curve, highest), f"at {highest:.1%}, the most of any fractile tried, it"
    if now is None or more is None or highest - fill_rate < POINT / 10:
        return f"{reached}; no fractile that was tried reaches more."
    size = f"{abs(more - now):,.3g}" if abs(more - now) < 100 else f"{abs(more - now):,.0f}"
    return f"{reached}; {at} would have cost {size} {'more' if more >= now else 'less'} in all."
