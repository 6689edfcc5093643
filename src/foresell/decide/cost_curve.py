"""What more service costs: cost and fill rate of a policy by its fractile, on windows of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from foresell.decide.replay import BUCKETS, Window, replay
from foresell.decide.stock.contract import Policy


def cost_curve(policy: Policy, fractiles: Sequence[float], windows: Sequence[Window]) -> pl.DataFrame:
    """One row for each of `fractiles`, rising: ``fractile``, the cost by bucket, ``fixed``, ``cost`` and ``fill_rate``.

    `policy` has the field ``probability``, which is set to each fractile.
    """
    rows = []
    for fractile in sorted(fractiles):
        ledgers = [replay(replace(policy, probability=fractile), window) for window in windows]  # type: ignore[type-var]
        row = {kind: sum(float(getattr(each, kind).sum()) for each in ledgers) for kind in (*BUCKETS, "fixed")}
        sold, lost = (sum(float(getattr(each, units).sum()) for each in ledgers) for units in ("sold", "lost_units"))
        fill_rate = sold / (sold + lost) if sold + lost else 1.0
        rows.append({"fractile": fractile, **row, "cost": sum(row.values()), "fill_rate": fill_rate})
    return pl.DataFrame(rows)
