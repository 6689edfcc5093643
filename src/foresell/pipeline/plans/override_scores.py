"""The overrides of issued plans, scored by the sales that have come since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from foresell.core.panel import Panel
from foresell.decide.override_scores import OverriddenOrders, override_gain
from foresell.decide.overrides import Override, lines_of
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.pipeline.results import Results

NEEDED = ("override", "quantity", "on_hand", "on_order", "arrives", "covered_until", "lost_margin", "holding_cost")
"""The columns of a kept plan that scores are computed from."""

SCORED = ("orders", "allocation")
"""The kinds of plans whose quantities were sold or left over; what an allocation gives to one place is scored there."""

UNSCORED: dict[str, str] = {
    "labour": "the sales do not say how many people were there and what work was left",
    "markdown": "what would have been sold at the other price is not known",
    "promotions": "what would have been sold with or without the campaign is not known for a single one",
    "capacity": "the sales do not say what the manufacturers delivered",
    "sharing": "the orders that were placed are scored as orders",
}
"""Why overrides of the other kinds cannot be scored."""


@dataclass(frozen=True)
class OverrideScores:
    """What overrides added.

    - `lines`: one row for each order or allocation that people changed: the keys, ``date``, ``units``, ``override``,
      ``reason`` and ``who`` of the overrides, ``sold``, ``left`` and ``money`` as in
      `decide.override_scores.OverrideGain`, and the kind of ``plan``.
    - `waiting`: orders whose days have not passed. `unknown`: orders with a day whose sales are not known, such as one
      without stock.
    - `unscored`: by kind of plan, how many overrides cannot be scored, for the reason of `UNSCORED`.
    """

    lines: pl.DataFrame
    waiting: int
    unknown: int
    unscored: dict[str, int] = field(default_factory=dict)

    def by(self, column: str) -> pl.DataFrame:
        """The sums by ``reason`` or ``who``, the largest loss first."""
        numbers = (pl.col(name).sum() for name in ("override", "sold", "left", "money"))
        return self.lines.group_by(column).agg(pl.len().alias("orders"), *numbers).sort("money", column)


def override_scores(results: Results, log: OverrideLog) -> OverrideScores:
    """Scores the overrides of all plans in the history whose kind is one of `SCORED`."""
    panel, overrides = results.panel, [listed.override for listed in log.listed()]
    tables, waiting, unknown = [], 0, 0
    for kind, kept in ((of, kept) for of in SCORED for kept in results.history.plans(of)):
        plan = kept.read()
        if "quantity" not in plan.columns and "units" in plan.columns:
            plan = plan.with_columns(quantity="units")  # as plans were kept before they had common columns
        if not set(NEEDED) <= set(plan.columns):
            continue
        changed = plan.filter(pl.col("override").fill_null(0) != 0).drop_nulls(list(NEEDED))
        past = changed.filter(pl.col("covered_until").cast(pl.Date) <= panel.cutoff)
        waiting += changed.height - past.height
        sold = np.array([_sold(panel, row) for row in past.iter_rows(named=True)]).reshape(-1, 2)
        known = ~np.isnan(sold).any(axis=1)
        unknown += int((~known).sum())
        of_kind = [override for override in overrides if override.plan == kind]
        scored = _scored(past.filter(pl.Series(known, dtype=pl.Boolean)), sold[known], of_kind)
        tables.append(scored.with_columns(plan=pl.lit(kind)))
    tables = [table for table in tables if table.height]
    lines = pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()
    unscored = {kind: sum(override.plan == kind for override in overrides) for kind in UNSCORED}
    return OverrideScores(lines, waiting, unknown, {kind: count for kind, count in unscored.items() if count})


def _sold(panel: Panel, line: dict[str, object]) -> tuple[float, float]:
    """The units sold from the decision to the arrival, and to the end of the cover; NaN where a day is not known."""
    keys = [str(value) for value in list(line.values())[: len(panel.keys)]]
    names = panel.series.select(pl.col(key).cast(pl.String) for key in panel.keys)
    here = names.with_row_index("row").filter(
        pl.all_horizontal(pl.col(key) == value for key, value in zip(panel.keys, keys, strict=True))
    )
    if here.height != 1:
        return np.nan, np.nan
    first = panel.day_of(line["date"]) + 1  # type: ignore[arg-type]
    arrival, last = panel.day_of(line["arrives"]), panel.day_of(line["covered_until"])  # type: ignore[arg-type]
    units = panel.units[here["row"][0]]
    if first < 0 or last >= panel.n_days:
        return np.nan, np.nan
    return float(units[first:arrival].sum()), float(units[first : last + 1].sum())


def _scored(lines: pl.DataFrame, sold: np.ndarray, overrides: Sequence[Override]) -> pl.DataFrame:
    column = {name: lines[name].to_numpy().astype(np.float64) for name in NEEDED if lines[name].dtype.is_numeric()}
    position = column["on_hand"] + column["on_order"]
    gain = override_gain(
        OverriddenOrders(
            column["quantity"], column["override"], position, sold[:, 0], sold[:, 1],
            column["lost_margin"], column["holding_cost"],
        )
    )  # fmt: skip
    keys = lines.columns[: lines.columns.index("date")]
    return lines.select(*keys, "date", pl.col("quantity").alias("units"), "override").with_columns(
        pl.Series("reason", _texts(lines, overrides, "reason"), pl.String),
        pl.Series("who", _texts(lines, overrides, "who"), pl.String),
        pl.Series("sold", gain.sold),
        pl.Series("left", gain.left),
        pl.Series("money", gain.money),
    )


def _texts(lines: pl.DataFrame, overrides: Sequence[Override], field: str) -> list[str]:
    """The reasons, or people, of the overrides of each line, joined where they are several."""
    texts: list[list[str]] = [[] for _ in range(lines.height)]
    days = lines["date"].cast(pl.Date)
    for override in overrides:
        fits = lines_of(override.where, lines) & days.is_between(override.first, override.until).to_numpy()
        for row in np.flatnonzero(fits):
            if getattr(override, field) not in texts[row]:
                texts[row].append(getattr(override, field))
    return [", ".join(of_line) or "unknown" for of_line in texts]
